import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { words } from '../../web/checkout/words.ts'
import { inBrowser, inContext } from '../support/browser.ts'
import { stopOwnPostgres } from '../support/postgres.ts'
import { type Body, call } from '../support/server.ts'
import { openShop, type Shop } from '../support/shop.ts'
import { until } from '../support/wait.ts'

after(stopOwnPostgres)

const paid = (channel: string) => ({ channel, status: 'success', amount_minor: 450_000 })

describe('tampering with a checkout', inBrowser, () => {
  let shop: Shop
  before(async () => {
    shop = await openShop()
  })
  after(() => shop.close())

  const pathOf = (request: Body) => new URL(request.checkout_url).pathname
  const post = (path: string, verb: string, body?: unknown) =>
    call(shop.server.url, 'POST', `${path}/${verb}`, body ?? {})
  const relaysOf = async (request: Body) => {
    const { timeline_records } = await shop.retrieve(request.ref)
    return timeline_records.filter((one: Body) => / relayed payment to /.test(one.summary)).length
  }
  const choose = async (page: Page, slug: string) => {
    await page.locator(`.way[value=${slug}]`).click()
    await page.waitForURL(new RegExp(`/sandbox/${slug}/`))
  }
  const pressPay = (page: Page) => page.getByRole('button', { name: /^Pay [A-Z]{3} / }).click()

  test('amount, currency, reference and status in what the browser sends change nothing', async () => {
    await inContext(shop.browser, {}, async (page, context) => {
      const request = await shop.initialize()
      const forged = { amount: '1', amount_minor: 100, currency: 'KES', status: 'successful', reference: 'mine' }
      await context.route('**/relay', (route) =>
        route.continue({ postData: JSON.stringify({ ...route.request().postDataJSON(), ...forged }) }),
      )
      await page.goto(request.checkout_url)
      await choose(page, 'paystack')
      await page.getByRole('heading', { name: 'NGN 4,500.00' }).waitFor()
      await pressPay(page)
      await page.waitForURL(`${request.checkout_url}/success`)
      const stored = await shop.retrieve(request.ref)
      assert.deepEqual([stored.status, stored.amount, stored.currency], ['successful', '4500', 'NGN'])
      assert.deepEqual(await shop.charges(request.ref), [paid('paystack')])
    })
  })

  test('a channel that is unknown, or does not take the currency: words on the page, nothing opened, still payable', async () => {
    await inContext(shop.browser, {}, async (page) => {
      const request = await shop.initialize({ currency: 'GHS', amount: 4500 })
      for (const slug of ['acme', 'stripe-live', '../paystack']) {
        await page.goto(request.checkout_url)
        await page.evaluate(`document.querySelector('.way').value = ${JSON.stringify(slug)}`)
        await page.locator('.way').first().click()
        await page.getByRole('alert').getByText('cannot take this payment right now').waitFor()
      }
      assert.deepEqual([(await shop.retrieve(request.ref)).status, await relaysOf(request)], ['new', 0])
      await page.reload()
      await page.locator('.way').first().click()
      await page.waitForURL(/\/sandbox\//)
    })
  })

  test('a token opens its own request only: another one’s reference beside it is not looked at', async () => {
    const [own, other] = [await shop.initialize(), await shop.initialize()]
    const beside = { payment_channel: 'stripe', payment_request_ref: other.ref, token: other.checkout_url }
    assert.equal((await post(pathOf(own), 'relay', beside)).status, 201)
    assert.equal((await post(pathOf(own), 'cancel', { payment_request_ref: other.ref })).status, 201)
    assert.equal((await shop.retrieve(own.ref)).status, 'cancelled')
    assert.deepEqual([(await shop.retrieve(other.ref)).status, await relaysOf(other)], ['new', 0])
  })

  test('404 an altered token at every address of it, as a page and as JSON, and nothing has happened', async () => {
    const [own, other] = [await shop.initialize(), await shop.initialize()]
    const [token, second] = [own, other].map((one) => pathOf(one).slice('/checkout/'.length)) as [string, string]
    const flipped = (at: number) => token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1)
    // The id of one with the seal of another, at every cut; a sign changed, more, fewer, none.
    const spliced = [8, 16, 21, 22, 24, 32].map((at) => token.slice(0, at) + second.slice(at))
    const altered = [0, 5, 20, 22, 30, 41].map(flipped)
    const wrong = [...spliced, ...altered, `${token}A`, token.slice(1), token.slice(0, -1), own.ref, own.uuid]
    for (const one of wrong) {
      const path = `/checkout/${encodeURIComponent(one)}`
      for (const verb of ['', '/state', '/events', '/success', '/returned']) {
        assert.equal((await call(shop.server.url, 'GET', path + verb)).status, 404, `GET ${path}${verb}`)
      }
      for (const [verb, body] of Object.entries({ relay: { payment_channel: 'paystack' }, cancel: {}, check: {} })) {
        assert.equal((await post(path, verb, body)).status, 404, `POST ${path}/${verb}`)
      }
    }
    await inContext(shop.browser, {}, async (page) => {
      assert.equal((await page.goto(`${shop.server.url}/checkout/${flipped(30)}`))?.status(), 404)
      await page.getByRole('heading', { name: words.en.unknownTitle }).waitFor()
    })
    for (const one of [own, other]) {
      assert.deepEqual([(await shop.retrieve(one.ref)).status, await relaysOf(one)], ['new', 0])
    }
  })

  test('expired: the page says so, offers no way to pay, and a request past it is refused', async () => {
    const request = await shop.initialize()
    const past = new Date(Date.now() - 1000)
    await inContext(shop.browser, {}, async (page) => {
      await page.goto(request.checkout_url)
      await page.locator('.way').first().waitFor()
      await shop.server.ctx.db
        .updateTable('payment_requests')
        .set({ expires_at: past, expiry_check_at: past })
        .where('ref', '=', request.ref)
        .execute()
      const late = await post(pathOf(request), 'relay', { payment_channel: 'paystack' })
      assert.ok(late.status >= 400 && late.status < 500, late.text)
      await page.getByRole('heading', { name: words.en.linkExpiredTitle }).waitFor({ timeout: 20_000 })
      assert.equal(await page.locator('.way').first().isVisible(), false)
      await page.reload()
      await page.getByRole('heading', { name: words.en.linkExpiredTitle }).waitFor()
    })
    assert.deepEqual([(await shop.retrieve(request.ref)).status, await relaysOf(request)], ['expired', 0])
  })

  test('a double click opens one attempt, and a double click at the provider pays once', async () => {
    await inContext(shop.browser, {}, async (page) => {
      const request = await shop.initialize()
      await page.goto(request.checkout_url)
      // The second click may break off the way that the first one began: the address counts, however it came there.
      await page.locator('.way[value=paystack]').dblclick({ noWaitAfter: true })
      await until('the provider’s page', () => page.url().includes('/sandbox/paystack/'))
      assert.equal(await relaysOf(request), 1)
      await page.getByRole('button', { name: /^Pay [A-Z]{3} / }).dblclick({ noWaitAfter: true })
      // Where the second click came after the payment, the provider says that it is done, and leads on.
      const onwards = page.getByRole('link', { name: 'Back to the merchant' })
      await until('the receipt', async () => {
        if (page.url() === `${request.checkout_url}/success`) return true
        await onwards.click({ timeout: 500 })
        return false
      })
      assert.deepEqual(await shop.charges(request.ref), [paid('paystack')])
    })
  })

  test('two tabs, two channels: the page that was left is closed, one is paid, both tabs say so', async () => {
    await inContext(shop.browser, {}, async (first, context) => {
      const request = await shop.initialize()
      const [second, waiting] = [await context.newPage(), await context.newPage()]
      for (const page of [first, second, waiting]) await page.goto(request.checkout_url)
      await choose(first, 'flutterwave')
      await choose(second, 'stripe')
      await pressPay(first)
      await first.getByText('This payment link is currently inactive.').waitFor()
      await pressPay(second)
      await second.waitForURL(`${request.checkout_url}/success`)
      await waiting.waitForURL(`${request.checkout_url}/success`)
      await first.goto(request.checkout_url)
      await first.waitForURL(`${request.checkout_url}/success`)
      assert.equal((await shop.retrieve(request.ref)).status, 'successful')
      assert.deepEqual(await shop.charges(request.ref), [paid('stripe')])
    })
  })

  test('two tabs at a channel that cannot close a page: both paid, one counts, the other is given back', async () => {
    await inContext(shop.browser, {}, async (first, context) => {
      const request = await shop.initialize()
      const second = await context.newPage()
      for (const page of [first, second]) await page.goto(request.checkout_url)
      await choose(first, 'paystack')
      await choose(second, 'stripe')
      await pressPay(second)
      await second.waitForURL(`${request.checkout_url}/success`)
      await pressPay(first)
      await first.waitForURL(`${request.checkout_url}/success`)
      const given = await until('the refund', async () => {
        const refunds = await shop.refunds(request.ref)
        return refunds.some(({ status }) => status === 'success') && refunds
      })
      assert.deepEqual(given, [paid('paystack')])
      assert.deepEqual(await shop.charges(request.ref), [paid('stripe'), paid('paystack')])
      const stored = await shop.retrieve(request.ref)
      assert.deepEqual([stored.status, stored.last_transaction.payment_channel_slug], ['successful', 'stripe'])
    })
  })

  test('back after paying: every page on the way says that it is paid, and none takes money again', async () => {
    await inContext(shop.browser, {}, async (page) => {
      const request = await shop.initialize()
      await page.goto(`${shop.merchant}/thanks`)
      await page.goto(request.checkout_url)
      await choose(page, 'paystack')
      const provider = page.url()
      await pressPay(page)
      await page.waitForURL(`${request.checkout_url}/success`)
      // Back, as often as it takes to leave: a page of ours leads forward to the receipt, the provider's is done.
      for (let step = 0; step < 4 && page.url() !== `${shop.merchant}/thanks`; step += 1) {
        await page.goBack()
        if (page.url() === provider) await page.getByText('This payment is done.').waitFor()
        else if (page.url().startsWith(request.checkout_url)) {
          await page.getByRole('heading', { name: words.en.paidTitle }).waitFor()
          assert.equal(await page.locator('.way').first().isVisible(), false)
        }
      }
      const again = await post(pathOf(request), 'relay', { payment_channel: 'stripe' })
      assert.ok(again.status >= 400 && again.status < 500, again.text)
      assert.deepEqual([await relaysOf(request), await shop.charges(request.ref)], [1, [paid('paystack')]])
    })
  })
})

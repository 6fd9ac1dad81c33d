import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Frame, Page } from 'playwright-core'
import { languages } from '../../web/checkout/language.ts'
import { words } from '../../web/checkout/words.ts'
import {
  expectAccessible,
  expectFits,
  inBrowser,
  inContext,
  laptop,
  phone,
  recordComplaints,
  recordRequests,
  schemes,
  tabTo,
} from '../support/browser.ts'
import { stopOwnPostgres } from '../support/postgres.ts'
import { type Body, call, payAtSandbox } from '../support/server.ts'
import { openShop, type Shop } from '../support/shop.ts'
import { until } from '../support/wait.ts'

after(stopOwnPostgres)

/** design.md: everything that the page loads, compressed. */
const bytesMax = 30 * 1024

describe('the checkout page', inBrowser, () => {
  let shop: Shop
  before(async () => {
    shop = await openShop()
  })
  after(() => shop.close())

  const relay = async (request: Body, channel = 'paystack') => {
    const path = `${new URL(request.checkout_url).pathname}/relay`
    const answer = await call(shop.server.url, 'POST', path, { payment_channel: channel })
    assert.equal(answer.status, 201, answer.text)
    return (await shop.retrieve(request.ref)).last_transaction.ref as string
  }
  const pay = async (request: Body, outcome: 'success' | 'failed' = 'success') => {
    await payAtSandbox(shop.server.url, await relay(request), outcome)
    await shop.business.api('PATCH', `/v1/payment-requests/${request.ref}/verify`)
  }
  const reaches = (request: Body, status: string) =>
    until(status, async () => (await shop.retrieve(request.ref)).status === status)

  /** Every state of the page, and the words by which it is known. */
  const states: Record<string, { reach: (request: Body) => Promise<unknown>; shows: string }> = {
    new: { reach: async () => {}, shows: words.en.choose },
    pending: { reach: (request) => relay(request), shows: words.en.waitingTitle },
    declined: { reach: (request) => pay(request, 'failed'), shows: words.en.notPaidTitle },
    unanswered: {
      reach: async (request) => {
        const ref = await relay(request)
        const next = new Date(Date.now() + 3_600_000)
        const { db } = shop.server.ctx
        await db.updateTable('transactions').set({ status: 'unknown', check_at: next }).where('ref', '=', ref).execute()
      },
      shows: 'Please do not pay again.',
    },
    cancelled: {
      reach: (request) => shop.business.api('PATCH', `/v1/payment-requests/${request.ref}/cancel`),
      shows: words.en.cancelledTitle,
    },
    expired: {
      reach: async (request) => {
        const past = new Date(Date.now() - 1000)
        const { db } = shop.server.ctx
        await db
          .updateTable('payment_requests')
          .set({ expires_at: past, expiry_check_at: past })
          .where('ref', '=', request.ref)
          .execute()
        await reaches(request, 'expired')
      },
      shows: words.en.linkExpiredTitle,
    },
  }

  const checkBothSizes = async (page: Page, target: Page | Frame, what: string) => {
    for (const viewport of [phone, laptop]) {
      await page.setViewportSize(viewport)
      await expectFits(page, `${what} ${viewport.width}`)
      await expectAccessible(target, `${what} ${viewport.width}`)
    }
  }

  test('all that it loads is one compressed document of ours, below 30 KB in every language', async () => {
    for (const locale of languages) {
      await inContext(shop.browser, { locale }, async (page, context) => {
        const complaints = recordComplaints(context)
        const recorded = recordRequests(context)
        const { checkout_url } = await shop.initialize()
        await page.goto(checkout_url)
        await until('the stream', () => recorded.loaded().some(({ url }) => url.endsWith('/events')))
        const bytes = await recorded.bytes()
        assert.ok(bytes > 2000 && bytes < bytesMax, `${locale}: ${bytes} bytes`)
        assert.deepEqual(
          recorded.loaded().map(({ url, kind }) => [kind, new URL(url).pathname.replace(/\/checkout\/[\w-]+/, '')]),
          [
            ['document', ''],
            ['eventsource', '/events'],
          ],
        )
        assert.match(String(recorded.loaded()[0]?.encoding), /^(br|gzip)$/)
        assert.deepEqual(recorded.hosts(), [new URL(shop.server.url).host])
        assert.deepEqual(complaints, [])
      })
    }
  })

  for (const [state, { reach, shows }] of Object.entries(states)) {
    test(`${state}: accessible and fits, light and dark, 360 and 1280 px`, async () => {
      const request = await shop.initialize()
      await reach(request)
      for (const colorScheme of schemes) {
        await inContext(shop.browser, { colorScheme }, async (page) => {
          await page.goto(request.checkout_url)
          await page.getByText(shows).waitFor()
          await checkBothSizes(page, page, `${state} ${colorScheme}`)
        })
      }
    })
  }

  test('paid in a frame, the receipt, the link to share, an unknown link: accessible and fit', async () => {
    const [paid, open] = [await shop.initialize(), await shop.initialize()]
    await pay(paid)
    for (const colorScheme of schemes) {
      await inContext(shop.browser, { colorScheme }, async (page) => {
        await page.goto(`${shop.merchant}/thanks`)
        await page.setContent(
          `<title>Shop</title><iframe src="${paid.checkout_url}" width="340" height="700"></iframe>`,
        )
        const frame = await until('the frame', () => page.frames().find((one) => one.url() === paid.checkout_url))
        await frame.getByText(words.en.paidTitle).waitFor()
        await expectAccessible(frame, `paid ${colorScheme}`)
        await page.goto(`${paid.checkout_url}/success`)
        await page.getByText(words.en.paidOn).waitFor()
        await checkBothSizes(page, page, `receipt ${colorScheme}`)
        await page.goto(`${shop.server.url}/pay/${open.ref}`)
        await page.getByRole('img', { name: words.en.qrCode }).waitFor()
        await checkBothSizes(page, page, `share ${colorScheme}`)
        assert.equal((await page.goto(`${shop.server.url}/checkout/${'x'.repeat(43)}`))?.status(), 404)
        await page.getByRole('heading', { name: words.en.unknownTitle }).waitFor()
        await checkBothSizes(page, page, `unknown ${colorScheme}`)
      })
    }
  })

  test('by keyboard alone: from choosing a channel to the receipt', async () => {
    await inContext(shop.browser, {}, async (page, context) => {
      const complaints = recordComplaints(context)
      const request = await shop.initialize()
      await page.goto(request.checkout_url)
      await tabTo(page, page.getByRole('button', { name: 'Cancel payment' }))
      await page.keyboard.press('Enter')
      // Asked back: the focus is on the answer that changes nothing.
      assert.equal(await page.locator(':focus').textContent(), words.en.cancelNo)
      await page.keyboard.press('Enter')
      await page.reload()
      await tabTo(page, page.getByRole('button', { name: /^Flutterwave/ }))
      await page.keyboard.press('Enter')
      await page.waitForURL(/\/sandbox\//)
      await tabTo(page, page.getByRole('button', { name: /^Pay [A-Z]{3} / }))
      await page.keyboard.press('Enter')
      await page.waitForURL(`${request.checkout_url}/success`)
      await page.getByRole('heading', { name: words.en.paidTitle }).waitFor()
      await tabTo(page, page.getByRole('button', { name: words.en.print }))
      assert.equal((await shop.retrieve(request.ref)).status, 'successful')
      assert.deepEqual(await shop.charges(request.ref), [
        { channel: 'flutterwave', status: 'success', amount_minor: 450_000 },
      ])
      assert.deepEqual(complaints, [])
    })
  })

  test('each of seven languages by Accept-Language, whole, and at 360 px; another one gets English', async () => {
    assert.equal(languages.length, 7)
    const paid = await shop.initialize()
    await pay(paid)
    for (const locale of languages) {
      await inContext(shop.browser, { locale: `${locale}-XX`, viewport: phone }, async (page) => {
        const request = await shop.initialize({ description: '' })
        await page.goto(request.checkout_url)
        assert.equal(await page.locator('html').getAttribute('lang'), locale)
        await page.getByRole('heading', { name: words[locale].choose }).waitFor()
        await page.getByRole('button', { name: words[locale].cancel }).waitFor()
        await expectFits(page, locale)
        const text = String(await page.locator('body').innerText())
        if (locale !== 'en') {
          for (const english of [words.en.choose, words.en.providerPage, words.en.cancel, words.en.testModeMore]) {
            assert.ok(!text.includes(english), `${locale}: ${english}`)
          }
        }
        await page.goto(`${paid.checkout_url}/success`)
        await page.getByRole('heading', { name: words[locale].paidTitle }).waitFor()
        await expectFits(page, `${locale} receipt`)
      })
    }
    const { checkout_url } = await shop.initialize()
    for (const [asked, given] of [
      ['is', 'en'],
      ['is, sw;q=0.3, fr;q=0.2', 'sw'],
      ['*', 'en'],
      ['', 'en'],
    ]) {
      const answer = await call(shop.server.url, 'GET', new URL(checkout_url).pathname, undefined, {
        'accept-language': String(asked),
      })
      assert.equal(answer.headers.get('content-language'), given, asked)
    }
  })

  test('without a script: choose, pay, and come back to a page that says so', async () => {
    await inContext(shop.browser, { javaScriptEnabled: false }, async (page) => {
      const request = await shop.initialize()
      await page.goto(request.checkout_url)
      await page.getByRole('button', { name: /^Stripe/ }).click()
      await page.waitForURL(/\/sandbox\//)
      await page.getByRole('button', { name: /^Pay [A-Z]{3} / }).click()
      await page.getByText(words.en.paidTitle).waitFor()
      await page.getByRole('link', { name: words.en.goOn }).click()
      await page.getByText(words.en.paidOn).waitFor()
      assert.equal((await shop.retrieve(request.ref)).status, 'successful')
    })
  })

  test('where the stream is cut off the page asks by itself, and still learns of the outcome', async () => {
    await inContext(shop.browser, {}, async (page, context) => {
      await context.route('**/events', (route) => route.abort())
      const request = await shop.initialize()
      await page.goto(request.checkout_url)
      await page.getByText(words.en.choose).waitFor()
      await pay(request)
      await page.waitForURL(`${request.checkout_url}/success`, { timeout: 20_000 })
    })
  })

  test('who wants no motion gets none', async () => {
    await inContext(shop.browser, { reducedMotion: 'reduce' }, async (page) => {
      const request = await shop.initialize()
      await relay(request)
      await page.goto(request.checkout_url)
      await page.getByText(words.en.waitingTitle).waitFor()
      const moving = `document.getAnimations().filter((one) => one.playState === 'running' &&
        one.effect.getComputedTiming().endTime > 100).length`
      assert.equal(await page.evaluate(moving), 0)
    })
  })

  test('the link to share: its page leads to the checkout, and the button copies the address', async () => {
    await inContext(shop.browser, { permissions: ['clipboard-read', 'clipboard-write'] }, async (page, context) => {
      const complaints = recordComplaints(context)
      const request = await shop.initialize()
      await page.goto(`${shop.server.url}/pay/${request.ref}`)
      await page.getByRole('button', { name: words.en.copy }).click()
      await page.getByText(words.en.copied).waitFor()
      assert.equal(await page.evaluate('navigator.clipboard.readText()'), `${shop.server.url}/pay/${request.ref}`)
      await page.getByRole('link', { name: words.en.payNow }).click()
      await page.waitForURL(request.checkout_url)
      assert.deepEqual(complaints, [])
    })
  })
})

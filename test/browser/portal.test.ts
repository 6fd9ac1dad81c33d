import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import {
  expectAccessible,
  expectFits,
  inBrowser,
  inContext,
  laptop,
  openBrowser,
  phone,
  recordRequests,
  schemes,
  tabTo,
} from '../support/browser.ts'
import { portalOf } from '../support/portal.ts'
import { stopOwnPostgres } from '../support/postgres.ts'
import { saveCard } from '../support/saved.ts'
import { startTestServer, type TestBusiness, type TestServer, threeChannels } from '../support/server.ts'
import { advance, createPlan, subscribe, subscriptionOf } from '../support/subscriptions.ts'
import { until } from '../support/wait.ts'

/** Everything that a page of the portal loads: itself. */
const bytesMax = 30_000

describe('the portal in a browser', inBrowser, () => {
  let browser: Browser
  let server: TestServer
  let business: TestBusiness
  before(async () => {
    server = await startTestServer({ backend: 'postgres' })
    business = await threeChannels(server, 'Sade Kitchen')
    browser = await openBrowser()
  })
  after(async () => {
    await browser?.close()
    await server?.close()
    await stopOwnPostgres()
  })

  /** A subscriber with a second card, and the address of their page. */
  async function subscriber(options: Parameters<typeof subscribe>[3] = {}) {
    const plan = await createPlan(business)
    const one = await subscribe(server, business, plan, options)
    const { body } = await business.api('GET', `/v1/customers/${one.customer}`)
    const second = await saveCard(server, business, 'stripe', undefined, body.data.email)
    const url = server.url + (await portalOf(business, one.customer, { return_url: `${server.url}/sandbox/readme` }))
    const uuid: string = one.subscription.uuid
    const now = () => subscriptionOf(business, uuid)
    return { ...one, plan, second: second.method, url, uuid, now, email: body.data.email as string }
  }

  for (const scheme of schemes) {
    test(`every page is accessible and fits, ${scheme}`, async () => {
      const one = await subscriber({ card: 'declines', isTrial: true })
      await advance(business, { to: one.subscription.trial_ends_at })
      const active = await subscriber()
      const fresh = { email: `none-${scheme}@example.com`, name: 'Nobody Yet' }
      const nobody = await business.api('POST', '/v1/customers', fresh)
      const empty = server.url + (await portalOf(business, nobody.body.data.uuid))
      const addresses = {
        'what is due': one.url,
        active: active.url,
        empty,
        cancel: `${active.url}/subscriptions/${active.uuid}/cancel`,
        'change card': `${active.url}/subscriptions/${active.uuid}/card`,
        'remove card': `${active.url}/cards/${active.method}/remove`,
        missing: `${active.url}/cards/${one.method}/remove`,
        unknown: `${server.url}/portal/nothing`,
      }
      for (const viewport of [phone, laptop]) {
        await inContext(browser, { viewport, colorScheme: scheme }, async (page, context) => {
          const loaded = recordRequests(context)
          const refused: string[] = []
          page.on('console', (message) => {
            if (/Content Security Policy/.test(message.text())) refused.push(message.text())
          })
          for (const [name, address] of Object.entries(addresses)) {
            await page.goto(address)
            await expectAccessible(page, `${name}, ${viewport.width} px, ${scheme}`)
            await expectFits(page, `${name}, ${viewport.width} px`)
          }
          assert.deepEqual(loaded.hosts(), [new URL(server.url).host])
          assert.deepEqual([...new Set(loaded.loaded().map(({ kind }) => kind))], ['document'], 'it loads nothing else')
          assert.ok((await loaded.bytes()) / loaded.loaded().length < bytesMax)
          assert.deepEqual(refused, [], 'what the policy refused')
        })
      }
    })
  }

  /** A press of Enter on what has the focus, until the page that it leads to is there. */
  const enter = (page: Page) => Promise.all([page.waitForEvent('load'), page.keyboard.press('Enter')])

  for (const javaScriptEnabled of [true, false]) {
    const how = javaScriptEnabled ? '' : ', without JavaScript'
    test(`by keyboard alone a subscription is cancelled, and kept after all${how}`, async () => {
      const { url, plan, now } = await subscriber()
      await inContext(browser, { javaScriptEnabled }, async (page) => {
        await page.goto(url)
        await tabTo(page, page.getByRole('link', { name: `Cancel subscription: ${plan.name}` }))
        await enter(page)
        await page.getByRole('heading', { name: `Cancel ${plan.name}?`, level: 1 }).waitFor()
        assert.equal((await now()).cancels_at, null, 'asking cancels nothing')
        await tabTo(page, page.getByRole('button', { name: 'Yes, cancel it' }))
        await enter(page)
        await page.getByRole('status').getByText(`${plan.name} is cancelled.`).waitFor()
        assert.notEqual((await now()).cancels_at, null)
        // Reloading repeats no form.
        await page.reload()
        await tabTo(page, page.getByRole('button', { name: `Keep subscription: ${plan.name}` }))
        await enter(page)
        await page.getByRole('status').getByText(`${plan.name} goes on.`).waitFor()
        assert.equal((await now()).cancels_at, null)
      })
    })

    test(`by keyboard alone the card is changed${how}`, async () => {
      const { url, plan, now, second } = await subscriber()
      await inContext(browser, { javaScriptEnabled }, async (page) => {
        await page.goto(url)
        await tabTo(page, page.getByRole('link', { name: `Change card: ${plan.name}` }))
        await enter(page)
        const radio = page.getByRole('radio', { name: /Visa ending in 4081/ })
        await tabTo(page, radio)
        assert.equal(await radio.isChecked(), true)
        await page.keyboard.press('ArrowUp')
        assert.equal(await page.getByRole('radio', { name: /Visa ending in 4242/ }).isChecked(), true)
        await tabTo(page, page.getByRole('button', { name: 'Use this card' }))
        await enter(page)
        await page.getByRole('status').getByText(`${plan.name} is now paid with Visa ending in 4242.`).waitFor()
        assert.equal((await now()).payment_method.uuid, second)
      })
    })
  }

  test('a double click on a button does its work once, and the way back leads to where one came from', async () => {
    const { url, plan, now } = await subscriber()
    await inContext(browser, {}, async (page) => {
      await page.goto(url)
      await page.getByRole('link', { name: `Cancel subscription: ${plan.name}` }).click()
      await page.getByRole('button', { name: 'Yes, cancel it' }).dblclick()
      await page.getByRole('status').getByText(`${plan.name} is cancelled.`).waitFor()
      assert.equal((await now()).status, 'active')
      await page.goBack()
      await page.getByRole('link', { name: 'Back to Sade Kitchen' }).click()
      assert.equal(page.url(), `${server.url}/sandbox/readme`)
    })
  })

  test('what is due is paid from the portal, on the checkout, and the subscription goes on', async () => {
    const { url, uuid, plan, subscription } = await subscriber({ card: 'declines', isTrial: true })
    await advance(business, { to: subscription.trial_ends_at })
    await inContext(browser, {}, async (page) => {
      await page.goto(url)
      await page.getByText('Payment due').waitFor()
      await page.getByRole('link', { name: `Pay now: ${plan.name}` }).click()
      await page.getByRole('link', { name: 'Pay now' }).click()
      await page.getByRole('button', { name: 'Stripe' }).click()
      await page.getByRole('button', { name: /^Pay/ }).click()
      // The provider's page leads on by itself, and would interrupt another way of ours.
      await page.waitForURL(/\/success$/)
      await until('the payment', async () => (await subscriptionOf(business, uuid)).status === 'active')
      await page.goto(url)
      assert.equal(await page.getByText('Payment due').count(), 0)
    })
  })

  test('a card is added through the checkout, and the customer is back where they began', async () => {
    const { url, uuid, plan } = await subscriber()
    await inContext(browser, {}, async (page) => {
      await page.goto(`${url}/subscriptions/${uuid}/card`)
      await page.getByRole('button', { name: 'Add a card' }).click()
      await page.getByRole('button', { name: 'Flutterwave' }).click()
      await page.getByRole('button', { name: /^Pay/ }).click()
      await page.waitForURL((at) => at.pathname.endsWith(`/subscriptions/${uuid}/card`))
      await page.getByRole('heading', { name: `Which card pays for ${plan.name}?` }).waitFor()
      assert.equal(await page.getByRole('radio').count(), 3)
    })
  })
})

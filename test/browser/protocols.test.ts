import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { expectAccessible, expectFits, inBrowser, inContext, schemes } from '../support/browser.ts'
import { stopOwnPostgres } from '../support/postgres.ts'
import { type Body, call } from '../support/server.ts'
import { openShop, type Shop } from '../support/shop.ts'
import { until } from '../support/wait.ts'

after(stopOwnPostgres)

/** A page that frames the checkout and writes down every message as it came. */
const listener = (url: string) => `<title>Shop</title>
<script>var messages = []; addEventListener('message', ({ data, origin }) => messages.push({ data, origin }))</script>
<iframe src="${url}" width="400" height="700"></iframe>`

const pathsOf = (page: Page) => {
  const seen: string[] = []
  page.on('framenavigated', (frame) => seen.push(frame.url()))
  return seen
}

describe('the protocols that the published SDKs expect', inBrowser, () => {
  let shop: Shop
  before(async () => {
    shop = await openShop()
  })
  after(() => shop.close())

  const statusOf = async (request: Body) => (await shop.retrieve(request.ref)).status
  const pressPay = async (page: Page) => {
    await page.waitForURL(/\/sandbox\//)
    await page.getByRole('button', { name: /^Pay [A-Z]{3} / }).click()
  }

  describe('React Native: a web view that watches its address', () => {
    /** As that SDK does: the page on top, the bridge in its window, `?publickey=…` behind the action. */
    const inWebView = (body: object, work: (page: Page, request: Body, seen: string[]) => Promise<void>) =>
      inContext(shop.browser, {}, async (page) => {
        await page.addInitScript('window.ReactNativeWebView = { postMessage() {} }')
        const seen = pathsOf(page)
        const request = await shop.initialize(body)
        await page.goto(`${request.checkout_url}?publickey=${shop.business.keys.test.public_key}`)
        await work(page, request, seen)
      })

    test('the address holds /success once it is paid, and never before', async () => {
      const addresses = { success_redirect_url: `${shop.merchant}/thanks`, failure_redirect_url: `${shop.merchant}/no` }
      await inWebView(addresses, async (page, request, seen) => {
        await page.getByRole('button', { name: /^Flutterwave/ }).click()
        await page.getByText('Cards that are declined').click()
        await page.getByRole('radio', { name: /^Insufficient Funds/ }).check()
        await pressPay(page)
        await page.getByRole('alert').waitFor()
        await page.getByRole('button', { name: 'Cancel' }).click()
        await page.getByText('Flutterwave declined this payment.').waitFor()
        assert.deepEqual(
          seen.filter((url) => url.includes('/success')),
          [],
        )
        await page.getByRole('button', { name: /^Paystack/ }).click()
        await pressPay(page)
        await page.waitForURL(/\/success/)
        assert.equal(await statusOf(request), 'successful')
        assert.equal(page.url(), `${request.checkout_url}/success`)
      })
    })

    test('/success of a request that is not paid leads back to the checkout', async () => {
      await inWebView({}, async (page, request) => {
        await page.goto(`${request.checkout_url}/success`)
        assert.equal(page.url(), request.checkout_url)
      })
    })

    test('closed: the address ends with #close, nothing else is gone to, the request stays payable', async () => {
      await inWebView({ failure_redirect_url: `${shop.merchant}/no` }, async (page, request) => {
        await page.getByRole('button', { name: 'Close' }).click()
        await page.waitForURL(/#close$/)
        assert.equal(new URL(page.url()).pathname, new URL(request.checkout_url).pathname)
        assert.equal(await statusOf(request), 'new')
      })
    })

    test('cancelled: #close as well, and the request is cancelled', async () => {
      await inWebView({}, async (page, request) => {
        await page.getByRole('button', { name: 'Cancel payment' }).click()
        await page.getByRole('button', { name: 'Yes, cancel' }).click()
        await page.waitForURL(/#close$/)
        assert.equal(await statusOf(request), 'cancelled')
      })
    })
  })

  describe('subscribing: a link that the SDK appends its own to', () => {
    const planLink = async () => {
      const plan = { name: `Choir ${randomUUID()}`, interval: 'monthly', amount: 2500, currency: 'NGN' }
      const made = await shop.business.api('POST', '/v1/subscription-plans', plan)
      assert.equal(made.status, 201, made.text)
      const email = `${randomUUID()}@example.com`
      const who = { email, first_name: 'Ada', last_name: 'Obi' }
      const customer = await shop.business.api('POST', '/v1/customers', who)
      const body = { customer_uuid: customer.body.data.uuid, subscription_plan_uuid: made.body.data.uuid }
      const authentication = `Bearer ${shop.business.keys.test.public_key}`
      const path = '/v1/sdk/generate-subscription-url'
      const answer = await call(shop.server.url, 'POST', path, body, { authentication })
      assert.equal(answer.status, 201, answer.text)
      return { link: answer.body.data.link as string, plan, email }
    }

    test('paid through it: on to the success address, and the request is the plan’s and the customer’s', async () => {
      const { link, plan, email } = await planLink()
      assert.ok(link.includes('?'), link)
      const appended = `&public_key=${shop.business.keys.test.public_key}&success_redirect_url=${shop.merchant}/thanks`
      for (const colorScheme of schemes) {
        await inContext(shop.browser, { colorScheme }, async (page) => {
          await page.goto(link + appended)
          await page.getByText(plan.name).first().waitFor()
          await expectFits(page, `subscribe ${colorScheme}`)
          await expectAccessible(page, `subscribe ${colorScheme}`)
        })
      }
      await inContext(shop.browser, {}, async (page) => {
        await page.goto(link + appended)
        await page.getByRole('button', { name: 'Subscribe' }).click()
        await page.waitForURL(/\/checkout\//)
        await page
          .getByRole('button', { name: /^Stripe|^Paystack/ })
          .first()
          .click()
        await pressPay(page)
        await page.waitForURL((url) => url.origin === shop.merchant && url.pathname === '/thanks')
        const ref = String(new URL(page.url()).searchParams.get('payment_request_ref'))
        const stored = await shop.retrieve(ref)
        assert.deepEqual([stored.status, stored.amount, stored.customer.email], ['successful', '2500', email])
      })
    })
  })

  describe('a parent window: JSON texts, each once, in order', () => {
    const inFrame = (
      work: (page: Page, request: Body, messages: () => Promise<Body[]>) => Promise<void>,
      block = false,
    ) =>
      inContext(shop.browser, {}, async (page) => {
        if (block) await page.addInitScript('window.open = () => null')
        const request = await shop.initialize()
        await page.goto(`${shop.merchant}/thanks`)
        await page.setContent(listener(request.checkout_url))
        const messages = async () => {
          const all = (await page.evaluate('messages')) as { data: string; origin: string }[]
          return all.map(({ data, origin }) => {
            assert.equal(origin, new URL(shop.server.url).origin)
            assert.equal(typeof data, 'string')
            return JSON.parse(data)
          })
        }
        await work(page, request, messages)
      })
    const several = (messages: () => Promise<Body[]>, count: number) =>
      until(`${count} messages`, async () => {
        const all = await messages()
        return all.length >= count && all
      })

    test('paid: paymentSuccessful with the verified request, then closeIframe; no more after a while', async () => {
      await inFrame(async (page, request, messages) => {
        const popup = page.waitForEvent('popup')
        await page
          .frameLocator('iframe')
          .getByRole('button', { name: /^Stripe/ })
          .click()
        const provider = await popup
        await pressPay(provider)
        const [first, second] = await several(messages, 2)
        assert.deepEqual(Object.keys(first), ['eventType', 'paymentRequest'])
        assert.deepEqual(second, { eventType: 'closeIframe', intent: 'close' })
        assert.equal(first.eventType, 'paymentSuccessful')
        const stored = await shop.retrieve(request.ref)
        assert.deepEqual([first.paymentRequest.uuid, first.paymentRequest.status], [stored.uuid, 'successful'])
        assert.ok(!JSON.stringify(first).includes('/v1/system/hooks/'), 'hooks are nobody’s business there')
        await until('the window to close', () => provider.isClosed())
        assert.equal((await messages()).length, 2)
      })
    })

    test('closed and cancelled differ in the intent', async () => {
      await inFrame(async (page, request, messages) => {
        const frame = page.frameLocator('iframe')
        await frame.getByRole('button', { name: 'Close' }).click()
        assert.deepEqual(await several(messages, 1), [{ eventType: 'closeIframe', intent: 'close' }])
        assert.equal(await statusOf(request), 'new')
        await frame.getByRole('button', { name: 'Cancel payment' }).click()
        await frame.getByRole('button', { name: 'Yes, cancel' }).click()
        const [, last] = await several(messages, 2)
        assert.deepEqual(last, { eventType: 'closeIframe', intent: 'cancel' })
        assert.equal(await statusOf(request), 'cancelled')
      })
    })

    test('no window may open: showLoader, then redirect to the provider’s page', async () => {
      await inFrame(async (page, request, messages) => {
        await page
          .frameLocator('iframe')
          .getByRole('button', { name: /^Paystack/ })
          .click()
        const [first, second] = await several(messages, 2)
        assert.deepEqual(first, { eventType: 'showLoader' })
        const { checkout_url } = (await shop.retrieve(request.ref)).last_transaction
        assert.deepEqual(Object.keys(second), ['eventType', 'url'])
        assert.match(second.url, /\/sandbox\/paystack\/checkout\//)
        if (checkout_url) assert.equal(second.url, checkout_url)
      }, true)
    })
  })

  describe('nobody around the page', () => {
    test('paid: on to the success address with both references; a declined attempt goes nowhere', async () => {
      await inContext(shop.browser, {}, async (page) => {
        const addresses = { success_redirect_url: `${shop.merchant}/thanks?cart=9`, reference: 'alone-1' }
        const request = await shop.initialize(addresses)
        await page.goto(request.checkout_url)
        await page.getByRole('button', { name: /^Paystack/ }).click()
        await page.getByRole('button', { name: 'Decline' }).click()
        await page.getByRole('alert').waitFor()
        await pressPay(page)
        await page.waitForURL((url) => url.origin === shop.merchant)
        const given = new URL(page.url()).searchParams
        assert.deepEqual(
          ['cart', 'payment_request_ref', 'reference'].map((name) => given.get(name)),
          ['9', request.ref, 'alone-1'],
        )
        assert.equal(await statusOf(request), 'successful')
      })
    })

    test('cancelled: on to the failure address; without one the page says that it may be closed', async () => {
      await inContext(shop.browser, {}, async (page) => {
        for (const failure_redirect_url of [`${shop.merchant}/no`, undefined]) {
          const request = await shop.initialize({ failure_redirect_url })
          await page.goto(request.checkout_url)
          await page.getByRole('button', { name: 'Cancel payment' }).click()
          await page.getByRole('button', { name: 'Yes, cancel' }).click()
          if (failure_redirect_url) await page.waitForURL((url) => url.pathname === '/no')
          else await page.getByText('You may close this page.').waitFor()
          assert.equal(await statusOf(request), 'cancelled')
        }
      })
    })
  })
})

import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { inBrowser, inContext, laptop } from '../support/browser.ts'
import { stopOwnPostgres } from '../support/postgres.ts'
import type { Body } from '../support/server.ts'
import { callsOf, openShop, type SdkOptions, type Shop } from '../support/shop.ts'
import { until } from '../support/wait.ts'

after(stopOwnPostgres)

const frameOf = (page: Page) => page.frameLocator('#asyncpay-checkout-sdk-wrapper iframe')

describe('the published SDK, unmodified, in a browser', inBrowser, () => {
  let shop: Shop
  before(async () => {
    shop = await openShop({ onPort80: true })
  })
  after(() => shop.close())

  const called = (page: Page, name: string) =>
    until(`the SDK to call ${name}`, async () => (await callsOf(page)).find((one) => one.name === name))
  const names = async (page: Page) => (await callsOf(page)).map(({ name }) => name)
  const retrieve = (reference: string) => shop.retrieve(reference)
  const choose = async (page: Page, slug: string) => {
    const popup = page.waitForEvent('popup')
    await frameOf(page).locator(`.way[value=${slug}]`).click()
    const provider = await popup
    await provider.getByText('TEST MODE').waitFor()
    return provider
  }
  const isGone = (page: Page) => page.locator('#asyncpay-checkout-sdk-wrapper').waitFor({ state: 'detached' })

  test('success: onSuccess gets the payment request that the database holds, then onClose', async () => {
    await inContext(shop.browser, { viewport: laptop }, async (page) => {
      await shop.openSdk(page, { reference: 'sdk-success', description: 'Two bolts of cloth' })
      const provider = await choose(page, 'paystack')
      await provider.getByRole('button', { name: /^Pay [A-Z]{3} / }).click()
      const { given } = await called(page, 'success')
      await called(page, 'close')
      await isGone(page)
      assert.deepEqual(await names(page), ['success', 'close'])
      const stored = await retrieve('sdk-success')
      assert.equal(stored.status, 'successful')
      assert.deepEqual(
        [given.uuid, given.ref, given.status, given.amount],
        [stored.uuid, stored.ref, 'successful', '4500'],
      )
      assert.deepEqual(await shop.charges(stored.ref), [
        { channel: 'paystack', status: 'success', amount_minor: 450_000 },
      ])
      await until('the provider’s window to close', () => provider.isClosed())
    })
  })

  test('success with successURL: the browser goes there, and no callback is needed', async () => {
    await inContext(shop.browser, {}, async (page) => {
      await shop.openSdk(page, { reference: 'sdk-url', successURL: `${shop.merchant}/thanks` })
      const provider = await choose(page, 'stripe')
      await provider.getByRole('button', { name: /^Pay [A-Z]{3} / }).click()
      await page.waitForURL(`${shop.merchant}/thanks`)
      assert.equal((await retrieve('sdk-url')).status, 'successful')
    })
  })

  test('cancel: asked back first, then onCancel and onClose, and the request is cancelled', async () => {
    await inContext(shop.browser, {}, async (page) => {
      await shop.openSdk(page, { reference: 'sdk-cancel' })
      const frame = frameOf(page)
      await frame.getByRole('button', { name: 'Cancel payment' }).click()
      await frame.getByRole('button', { name: 'No, go back' }).click()
      await frame.getByRole('button', { name: 'Cancel payment' }).click()
      assert.equal((await retrieve('sdk-cancel')).status, 'new')
      await frame.getByRole('button', { name: 'Yes, cancel' }).click()
      await called(page, 'close')
      await isGone(page)
      assert.deepEqual(await names(page), ['cancel', 'close'])
      const stored = await retrieve('sdk-cancel')
      assert.equal(stored.status, 'cancelled')
      assert.deepEqual(await shop.charges(stored.ref), [])
    })
  })

  test('close: onClose alone, the request stays payable, and the SDK can be started again', async () => {
    await inContext(shop.browser, {}, async (page) => {
      await shop.openSdk(page, { reference: 'sdk-close' })
      await frameOf(page).getByRole('button', { name: 'Close' }).click()
      await called(page, 'close')
      await isGone(page)
      assert.deepEqual(await names(page), ['close'])
      assert.equal((await retrieve('sdk-close')).status, 'new')
      await shop.openSdk(page, { reference: 'sdk-close-again' })
      await frameOf(page).locator('.way').first().waitFor()
    })
  })

  test('named channel: should_redirect takes the whole page to the provider, and paying leads to successURL', async () => {
    await inContext(shop.browser, {}, async (page) => {
      const options = { reference: 'sdk-named', paymentChannel: 'flutterwave', successURL: `${shop.merchant}/thanks` }
      await shop.openSdk(page, options)
      await page.getByText('Flutterwave', { exact: true }).waitFor()
      await page.getByRole('button', { name: /^Pay [A-Z]{3} / }).click()
      await page.waitForURL((url) => url.pathname === '/thanks' && url.origin === shop.merchant)
      const stored = await retrieve('sdk-named')
      assert.equal(stored.status, 'successful')
      assert.equal(new URL(page.url()).searchParams.get('payment_request_ref'), stored.ref)
      assert.deepEqual(await shop.charges(stored.ref), [paid('flutterwave')])
    })
  })

  test('declined, then paid at another channel: the reason is shown, the first window goes, one charge counts', async () => {
    await inContext(shop.browser, {}, async (page) => {
      await shop.openSdk(page, { reference: 'sdk-declined' })
      const first = await choose(page, 'flutterwave')
      await first.getByText('Cards that are declined').click()
      await first.getByRole('radio', { name: /^Insufficient Funds/ }).check()
      await first.getByRole('button', { name: /^Pay [A-Z]{3} / }).click()
      await first.getByRole('alert').waitFor()
      const frame = frameOf(page)
      await frame.getByText('Insufficient Funds').waitFor()
      await frame.getByText('Flutterwave declined this payment.').waitFor()
      const second = await choose(page, 'stripe')
      await until('the first window to close', () => first.isClosed())
      await second.getByRole('button', { name: /^Pay [A-Z]{3} / }).click()
      await called(page, 'success')
      const stored = await retrieve('sdk-declined')
      assert.deepEqual([stored.status, stored.last_transaction.payment_channel_slug], ['successful', 'stripe'])
      const charges = await shop.charges(stored.ref)
      assert.deepEqual(charges, [{ ...paid('flutterwave'), status: 'failed' }, paid('stripe')])
    })
  })

  test('reloaded in the middle: the frame finds its payment again and is told of the outcome', async () => {
    await inContext(shop.browser, {}, async (page) => {
      await shop.openSdk(page, { reference: 'sdk-reload' })
      const provider = await choose(page, 'paystack')
      const child = page.frames().find((one) => one.url().includes('/checkout/'))
      await child?.goto(child.url())
      await frameOf(page).getByText('Your payment with Paystack is not finished yet.').waitFor()
      await provider.getByRole('button', { name: /^Pay [A-Z]{3} / }).click()
      await called(page, 'success')
      const stored = await retrieve('sdk-reload')
      assert.equal(stored.status, 'successful')
      assert.deepEqual(await shop.charges(stored.ref), [paid('paystack')])
    })
  })

  test('the window closed by mistake: the same page opens again, and no second attempt is made', async () => {
    await inContext(shop.browser, {}, async (page) => {
      await shop.openSdk(page, { reference: 'sdk-reopen' })
      const provider = await choose(page, 'paystack')
      const address = provider.url()
      await provider.close()
      const popup = page.waitForEvent('popup')
      await frameOf(page).getByRole('link', { name: 'Go on with Paystack' }).click()
      const again = await popup
      await again.getByText('TEST MODE').waitFor()
      assert.equal(again.url(), address)
      await again.getByRole('button', { name: /^Pay [A-Z]{3} / }).click()
      await called(page, 'success')
      const stored = await retrieve('sdk-reopen')
      const relays = stored.timeline_records.filter((one: Body) => /relayed/.test(one.summary))
      assert.deepEqual([stored.status, relays.length], ['successful', 1])
    })
  })

  test('no window may open: the SDK takes the whole page to the provider, and paying leads to successURL', async () => {
    await inContext(shop.browser, {}, async (page) => {
      // What a blocker does.
      await page.addInitScript('window.open = () => null')
      await shop.openSdk(page, { reference: 'sdk-blocked', successURL: `${shop.merchant}/thanks` })
      await frameOf(page).locator('.way[value=paystack]').click()
      await page.getByText('TEST MODE').waitFor()
      await page.getByRole('button', { name: /^Pay [A-Z]{3} / }).click()
      await page.waitForURL((url) => url.pathname === '/thanks' && url.origin === shop.merchant)
      assert.equal((await retrieve('sdk-blocked')).status, 'successful')
    })
  })

  test('refusals reach the merchant with number and words: a wrong key, an amount that is none, a used reference', async () => {
    await inContext(shop.browser, {}, async (page) => {
      const refused = async (options: SdkOptions) => {
        await shop.openSdk(page, options)
        return String((await called(page, 'error')).given)
      }
      assert.match(await refused({ publicKey: `async_pkt_${'0'.repeat(60)}` }), /^Error-Code: 004 - ./)
      assert.match(await refused({ amount: -5 }), /^Error-Code: 005 - ./)
      assert.match(await refused({ amount: 'much' as never }), /^Error-Code: 005 - ./)
      assert.match(await refused({ reference: 'sdk-success' }), /^Error-Code: 010 - ./)
    })
  })
})

const paid = (channel: string) => ({ channel, status: 'success', amount_minor: 450_000 })

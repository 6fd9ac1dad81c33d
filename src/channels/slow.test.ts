import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import { startSandbox } from '../../sandbox/server.ts'
import type { Channel, ChannelTransport, PaymentLookup } from './channel.ts'
import { findChannel } from './index.ts'

/** Money that takes its time, other sums than asked and further payments, at every channel: real adapter, real sandbox. */

interface Place {
  readonly slug: string
  readonly fields: Record<string, string>
  /** Ways to pay whose money takes its time, in the provider's words, and ours for it. */
  readonly slow: Readonly<Record<string, string>>
}

const places: readonly Place[] = [
  {
    slug: 'paystack',
    fields: { secret_key: 'sk_test_slow0123456789' },
    slow: {
      ...{ bank_transfer: 'Bank Transfer', ussd: 'USSD', mobile_money: 'Mobile Money', bank: 'Bank', eft: 'EFT' },
      ...{ qr: 'QR', direct_debit: 'Direct Debit' },
    },
  },
  {
    slug: 'flutterwave',
    fields: { secret_key: 'FLWSECK_TEST-slow0123456789-X', secret_hash: 'hash' },
    slow: {
      ...{ bank_transfer: 'Bank Transfer', banktransfer: 'Bank Transfer', ussd: 'USSD', account: 'Bank Account' },
      ...{ mpesa: 'M-Pesa', mobilemoneygh: 'Mobile Money', mobilemoneyfranco: 'Mobile Money', nqr: 'QR' },
    },
  },
  {
    slug: 'stripe',
    fields: { secret_key: 'sk_test_slow0123456789', webhook_secret: 'whsec_slow0123' },
    slow: {
      ...{ us_bank_account: 'US Bank Account', sepa_debit: 'SEPA Debit', bacs_debit: 'Bacs Debit' },
      ...{ acss_debit: 'Acss Debit', boleto: 'Boleto', konbini: 'Konbini' },
    },
  },
]

let running: Awaited<ReturnType<typeof startSandbox>>
before(async () => {
  running = await startSandbox({ port: 0 })
})
after(() => running.close())

async function control<Body>(method: string, path: string, body?: object): Promise<{ status: number; body: Body }> {
  const json = body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
  const response = await fetch(`${running.url}/control${path}`, { method, ...json })
  return { status: response.status, body: (await response.json().catch(() => null)) as Body }
}

let count = 0

for (const place of places) {
  describe(`slow money at ${place.slug}`, () => {
    const channel: Channel = findChannel(place.slug)
    const credentials = channel.parseCredentials(place.fields)
    let transport: ChannelTransport
    before(() => {
      const send: typeof fetch = (input, init) => {
        const headers = new Headers(init?.headers)
        headers.set('connection', 'close')
        return fetch(input, { ...init, headers })
      }
      transport = { baseUrl: `${running.url}/${place.slug}`, fetch: send }
    })
    beforeEach(() => control('DELETE', ''))

    async function open(): Promise<PaymentLookup> {
      count += 1
      const reference = `AsT-78a1b2c3d${String(count).padStart(4, '0')}`
      const payer = { email: 'ada@example.com', firstName: null, lastName: null, fullName: null, phone: null }
      const opened = await channel.openCheckout(
        {
          ...{ reference, amountMinor: 50_00n, currency: 'USD', description: 'Order 7', payer, saveMethod: false },
          ...{ returnUrl: 'https://shop.example/return', cancelUrl: 'https://shop.example/cancel' },
          expiresAt: new Date(Date.now() + 60 * 60_000),
        },
        credentials,
        transport,
      )
      return { reference, channelReference: opened.channelReference }
    }
    const pay = async ({ reference }: PaymentLookup, more: object) => {
      const { status, body } = await control('POST', '/pay', { channel: place.slug, reference, ...more })
      assert.equal(status, 200, JSON.stringify(body))
    }
    const ask = (lookup: PaymentLookup) => channel.fetchPayment(lookup, credentials, transport)
    const received = async (lookup: PaymentLookup) => {
      const { amountMinor, payerFeeMinor = null } = await ask(lookup)
      return amountMinor === null ? null : amountMinor - (payerFeeMinor ?? 0n)
    }

    for (const [method, words] of Object.entries(place.slow)) {
      it(`${method} is processing until it lands or comes back`, async () => {
        for (const [outcome, status] of [
          ['success', 'successful'],
          ['failed', 'failed'],
        ]) {
          const lookup = await open()
          await pay(lookup, { outcome: 'processing', method })
          const waiting = await ask(lookup)
          assert.deepEqual([waiting.status, waiting.paymentMethod, waiting.paidAt], ['processing', words, null])
          assert.deepEqual([waiting.reference, waiting.amountMinor], [lookup.reference, 50_00n])
          await pay(lookup, { outcome })
          assert.equal((await ask(lookup)).status, status)
        }
      })
    }

    it('a page that is merely open, and a card that was refused, are no money on its way', async () => {
      const lookup = await open()
      assert.equal((await ask(lookup)).status, 'pending')
      await pay(lookup, { outcome: 'failed' })
      assert.equal((await ask(lookup)).status, 'failed')
    })

    it('what came for the price is told, more and less than asked', async () => {
      for (const amount of [80_00, 49_00]) {
        const lookup = await open()
        const method = place.slug === 'stripe' ? 'customer_balance' : 'bank_transfer'
        await pay(lookup, { outcome: 'success', method, amount_minor: amount })
        assert.equal((await ask(lookup)).status, 'successful')
        assert.equal(await received(lookup), BigInt(amount))
      }
    })

    it('a fee on top is the payer’s and no more money', { skip: place.slug === 'stripe' && 'has none' }, async () => {
      const lookup = await open()
      await pay(lookup, { outcome: 'success', fee_minor: 75 })
      const { amountMinor, payerFeeMinor } = await ask(lookup)
      assert.deepEqual([amountMinor, payerFeeMinor], [50_75n, 75n])
      assert.equal(await received(lookup), 50_00n)
    })

    it('an id that a webhook named, of another payment, adds nothing', async () => {
      const [own, other] = [await open(), await open()]
      await pay(own, { outcome: 'success' })
      await pay(other, { outcome: 'success' })
      const { channelTransactionId } = await ask(other)
      assert.ok(channelTransactionId)
      const answer = await ask({ ...own, channelTransactionId })
      assert.deepEqual([answer.status, answer.reference, answer.further], ['successful', own.reference, undefined])
      const waiting = await open()
      assert.equal((await ask({ ...waiting, channelTransactionId })).status, 'pending')
    })
  })
}

describe('a second payment on one Flutterwave link', () => {
  const channel = findChannel('flutterwave')
  const [flutterwave] = places.filter(({ slug }) => slug === 'flutterwave')
  const credentials = channel.parseCredentials(flutterwave!.fields)

  it('is further money, whichever is shown and whoever asks, and which is first never changes', async () => {
    const transport = { baseUrl: `${running.url}/flutterwave`, fetch }
    const reference = 'AsT-78a1b2c3dtwice'
    const payer = { email: 'ada@example.com', firstName: null, lastName: null, fullName: null, phone: null }
    await channel.openCheckout(
      {
        ...{ reference, amountMinor: 50_00n, currency: 'USD', description: 'Order 7', payer, saveMethod: true },
        ...{ returnUrl: 'https://shop.example/return', cancelUrl: 'https://shop.example/cancel' },
        expiresAt: new Date(Date.now() + 60 * 60_000),
      },
      credentials,
      transport,
    )
    const lookup = { reference, channelReference: reference }
    const pay = (more: object = {}) =>
      control('POST', '/pay', { channel: 'flutterwave', reference, outcome: 'success', ...more })
    const ask = (more: object = {}) => channel.fetchPayment({ ...lookup, ...more }, credentials, transport)
    await pay()
    const first = await ask()
    assert.equal(first.further, undefined)
    await pay({ again: true, method: 'bank_transfer', amount_minor: 60_00 })
    await pay({ again: true, outcome: 'failed' })
    const both = await ask()
    assert.equal(both.channelTransactionId, first.channelTransactionId)
    assert.deepEqual(both.savedMethod, first.savedMethod)
    assert.deepEqual(
      both.further?.map(({ amountMinor, currency, paymentMethod }) => [amountMinor, currency, paymentMethod]),
      [[60_00n, 'USD', 'Bank Transfer']],
    )
    const channelTransactionId = both.further![0]!.channelTransactionId
    assert.deepEqual(await ask({ channelTransactionId }), both)
  })
})

describe('a Stripe intent that is canceled after its session was completed', () => {
  it('closes the payment at once', async () => {
    const channel = findChannel('stripe')
    const [stripe] = places.filter(({ slug }) => slug === 'stripe')
    const credentials = channel.parseCredentials(stripe!.fields)
    const transport = { baseUrl: `${running.url}/stripe`, fetch }
    const reference = 'AsT-78a1b2c3dcancel'
    const payer = { email: 'ada@example.com', firstName: null, lastName: null, fullName: null, phone: null }
    const { channelReference } = await channel.openCheckout(
      {
        ...{ reference, amountMinor: 50_00n, currency: 'USD', description: 'Order 7', payer, saveMethod: false },
        ...{ returnUrl: 'https://shop.example/return', cancelUrl: 'https://shop.example/cancel' },
        expiresAt: new Date(Date.now() + 60 * 60_000),
      },
      credentials,
      transport,
    )
    const ask = () => channel.fetchPayment({ reference, channelReference }, credentials, transport)
    await control('POST', '/pay', { channel: 'stripe', reference, outcome: 'processing' })
    const waiting = await ask()
    assert.deepEqual([waiting.status, waiting.processingMaxMs], ['processing', 8 * 24 * 60 * 60_000])
    await control('POST', '/pay', { channel: 'stripe', reference, outcome: 'canceled' })
    const ended = await ask()
    assert.deepEqual([ended.status, ended.channelStatus], ['closed', 'canceled'])
    assert.match(ended.reason ?? '', /canceled the payment/)
  })
})

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { ChannelError } from '../channel.ts'
import type { Json } from '../kit/exchange.ts'
import { fixture, part } from './fixtures.ts'
import { limits } from './limits.ts'
import { fromWire, stepMinorOf, toWire } from './money.ts'
import { isOurRefund, toOpened, toPayment, toRefund, toRefundParams, toSessionParams } from './translate.ts'

const paid = (change: (session: Json) => void = () => {}) => {
  const session = fixture('session-paid')
  change(session)
  return toPayment(session)!
}
const declined = (change: (session: Json) => void = () => {}) => {
  const session = fixture('session-declined')
  change(session)
  return toPayment(session)!
}

describe('amounts', () => {
  it('the wire is ISO minor units, save where Stripe says otherwise', () => {
    const table: [bigint, string, number | null][] = [
      [50_01n, 'USD', 5001],
      [500n, 'JPY', 500],
      [1500n, 'XOF', 1500],
      [5_120n, 'KWD', 5120],
      [5_124n, 'KWD', null],
      [5n, 'ISK', 500],
      [5n, 'UGX', 500],
      [5_00n, 'MGA', 5],
      [5_01n, 'MGA', null],
      [10_45n, 'HUF', 1045],
      [800_45n, 'TWD', 80_045],
      [1n, 'IQD', null],
      [1n, 'QQQ', null],
      [10n ** 16n, 'USD', null],
    ]
    for (const [minor, currency, wire] of table) {
      assert.equal(toWire(minor, currency), wire, `${minor} ${currency}`)
      if (wire !== null) assert.equal(fromWire(wire, currency.toLowerCase()), minor, currency)
    }
  })

  it('every amount of every currency survives a round trip', () => {
    const currencies = fc.constantFrom(...Object.keys(limits.currencies))
    fc.assert(
      fc.property(currencies, fc.bigInt(1n, 9_000_000_000n), (currency, steps) => {
        const minor = steps * stepMinorOf(currency)
        assert.equal(fromWire(toWire(minor, currency), currency), minor)
      }),
    )
  })

  it('what is no whole minor unit, no number or no currency is null, never rounded', () => {
    const wrong: [unknown, unknown][] = [
      [501, 'isk'],
      [150, 'ugx'],
      [50.5, 'usd'],
      ['5001', 'usd'],
      [-1, 'usd'],
      [2 ** 53, 'usd'],
      [null, 'usd'],
      [5001, 'qqq'],
      [5001, undefined],
    ]
    for (const [wire, currency] of wrong) assert.equal(fromWire(wire, currency), null, `${wire} ${currency}`)
  })

  it('nothing and less than nothing are our bug', () => {
    for (const amount of [0n, -1n]) assert.throws(() => toWire(amount, 'USD'), { code: 'ERR_ASSERTION' })
  })

  it('the least amounts can be carried, and are at most a few dollars', () => {
    for (const [currency, { payMinor, stepMinor = 1n }] of Object.entries(limits.currencies)) {
      assert.equal(payMinor % stepMinor, 0n, currency)
      assert.equal(stepMinor, stepMinorOf(currency), currency)
    }
    assert.deepEqual(limits.currencies.KWD, {
      ...{ payMinor: 300n, tokenizeMinor: 300n, stepMinor: 10n },
      payMaxMinor: 99_999_990n,
    })
    assert.deepEqual(limits.currencies.JPY, { payMinor: 50n, tokenizeMinor: 50n, payMaxMinor: 99_999_999n })
  })
})

describe('a page', () => {
  const now = new Date('2026-11-20T10:00:00Z')
  const request = {
    reference: 'AsT-68a1b2c3d4e5f',
    amountMinor: 50_01n,
    currency: 'USD',
    description: 'Order 7',
    payer: { email: 'ada@example.com', firstName: null, lastName: null, fullName: null, phone: null },
    returnUrl: 'https://shop.example/return?order=7',
    cancelUrl: 'https://shop.example/cancel',
    saveMethod: false,
    expiresAt: new Date('2026-11-20T12:00:00Z'),
  }
  const params = (changes: Partial<typeof request> = {}) => toSessionParams({ ...request, ...changes }, now)

  it('is asked for with our reference on the session and on the payment', () => {
    const metadata = { asyncpay_reference: 'AsT-68a1b2c3d4e5f' }
    assert.deepEqual(params(), {
      mode: 'payment',
      line_items: [
        { quantity: 1, price_data: { currency: 'usd', unit_amount: 5001, product_data: { name: 'Order 7' } } },
      ],
      client_reference_id: 'AsT-68a1b2c3d4e5f',
      metadata,
      payment_intent_data: { metadata, description: 'Order 7' },
      customer_email: 'ada@example.com',
      adaptive_pricing: { enabled: false },
      success_url: 'https://shop.example/return?order=7&session_id={CHECKOUT_SESSION_ID}',
      cancel_url: 'https://shop.example/cancel',
      expires_at: Date.parse('2026-11-20T12:00:00Z') / 1000,
    })
  })

  it('a method that is to be saved needs a customer to belong to', () => {
    const saving = params({ saveMethod: true })
    assert.equal(saving.customer_creation, 'always')
    assert.equal(saving.payment_intent_data?.setup_future_usage, 'off_session')
    assert.equal(params().customer_creation, undefined)
  })

  it('lives as long as asked for, within what Stripe allows, and the same when asked twice', () => {
    const life = (expiresAt: string, at = now) =>
      toSessionParams({ ...request, expiresAt: new Date(expiresAt) }, at).expires_at
    const seconds = (at: string) => Date.parse(at) / 1000
    assert.equal(life('2026-11-20T10:31:00Z'), seconds('2026-11-20T10:31:00Z'))
    assert.equal(life('2026-11-20T10:05:00Z'), seconds('2026-11-20T10:35:00Z'))
    assert.equal(life('2020-01-01T00:00:00Z'), seconds('2026-11-20T10:35:00Z'))
    assert.equal(life('2026-11-20T10:05:00Z', new Date('2026-11-20T10:02:00Z')), seconds('2026-11-20T10:35:00Z'))
    assert.equal(life('2026-11-21T09:59:00Z'), seconds('2026-11-21T09:59:00Z'))
    assert.equal(life('2026-11-21T10:00:00Z'), undefined)
    assert.equal(life('2027-11-21T10:00:00Z'), undefined)
  })

  it('the return address keeps its query and its fragment, and the braces as they are', () => {
    const success = (returnUrl: string) => params({ returnUrl }).success_url
    assert.equal(success('https://a.example/b'), 'https://a.example/b?session_id={CHECKOUT_SESSION_ID}')
    assert.equal(success('https://a.example/?x=1#top'), 'https://a.example/?x=1&session_id={CHECKOUT_SESSION_ID}#top')
  })

  it('a description that is empty, long or half a character can be sent', () => {
    const name = (description: string) => params({ description }).line_items?.[0]?.price_data?.product_data?.name
    assert.equal(name('  '), 'Payment')
    assert.equal(name('é'.repeat(300))?.length, 250)
    assert.equal(encodeURIComponent(name(`${'x'.repeat(249)}😀`) ?? '').slice(-9), '%EF%BF%BD')
  })

  it('an amount that Stripe cannot carry is refused before it is sent, so another channel may take it', () => {
    assert.throws(
      () => params({ amountMinor: 5_124n, currency: 'KWD' }),
      (error) => error instanceof ChannelError && error.outcome === 'rejected' && error.reason === 'refused',
    )
  })

  it('counts only with our reference, amount and currency, and a web address', () => {
    const opened = (change: Json) => toOpened({ ...fixture('session-open'), ...change }, request)
    assert.deepEqual(opened({}), {
      url: 'https://checkout.stripe.com/c/pay/cs_test_a1FixtureSession0001',
      channelReference: 'cs_test_a1FixtureSession0001',
    })
    const wrong = [
      { client_reference_id: 'AsT-0' },
      { client_reference_id: null },
      { amount_total: 5000 },
      { currency: 'eur' },
      { url: null },
      { url: 'javascript:alert(1)' },
      { id: 7 },
    ]
    for (const change of wrong) assert.equal(opened(change), null, JSON.stringify(change))
  })
})

describe('a payment', () => {
  it('untouched: pending, and nothing else is known', () => {
    const payment = toPayment(fixture('session-open'))
    assert.deepEqual(
      [payment?.status, payment?.channelStatus, payment?.channelTransactionId, payment?.paymentMethod],
      ['pending', 'open', null, 'Unknown'],
    )
  })

  it('its statuses', () => {
    const table: [status: string, paymentStatus: string, ours: string][] = [
      ['open', 'unpaid', 'pending'],
      ['complete', 'unpaid', 'pending'],
      ['complete', 'paid', 'successful'],
      ['open', 'paid', 'successful'],
      ['expired', 'paid', 'successful'],
      ['expired', 'unpaid', 'closed'],
      ['complete', 'no_payment_required', 'pending'],
      ['complete', 'Paid', 'successful'],
      [' COMPLETE ', 'PAID', 'successful'],
      ['EXPIRED', 'unpaid', 'closed'],
      ['constructor', 'toString', 'pending'],
    ]
    for (const [status, payment_status, ours] of table) {
      assert.equal(paid((session) => Object.assign(session, { status, payment_status })).status, ours, status)
    }
  })

  it('a refused attempt on an open page is failed, with its reason, until the next one begins', () => {
    const { status, channelStatus, reason, savedMethod } = declined()
    assert.deepEqual([status, channelStatus, savedMethod], ['failed', 'requires_payment_method', null])
    assert.equal(reason, 'Your card has insufficient funds.')
    for (const next of ['requires_action', 'requires_confirmation', 'canceled', 'teleported']) {
      const payment = declined((session) => Object.assign(part(session, 'payment_intent'), { status: next }))
      assert.equal(payment.status, 'pending', next)
    }
    const fresh = declined((session) => Object.assign(part(session, 'payment_intent'), { last_payment_error: null }))
    assert.equal(fresh.status, 'pending')
    const coded = declined((session) =>
      Object.assign(part(session, 'payment_intent'), { last_payment_error: { code: 'card_declined' } }),
    )
    assert.equal(coded.reason, 'card_declined')
  })

  it('money on its way, by what the session and its intent say together', () => {
    const table: [session: string, intent: string, ours: string][] = [
      ['complete', 'processing', 'processing'],
      ['complete', 'PROCESSING', 'processing'],
      ['open', 'processing', 'processing'],
      ['complete', 'requires_action', 'processing'],
      ['complete', 'canceled', 'closed'],
      ['expired', 'canceled', 'closed'],
      ['complete', 'requires_capture', 'pending'],
    ]
    for (const [status, intent, ours] of table) {
      const payment = paid((session) => {
        Object.assign(session, { status, payment_status: 'unpaid' })
        Object.assign(part(session, 'payment_intent'), { status: intent })
      })
      assert.equal(payment.status, ours, `${status} ${intent}`)
    }
    const debit = (type: string) =>
      paid((session) => {
        Object.assign(session, { status: 'complete', payment_status: 'unpaid' })
        Object.assign(part(session, 'payment_intent'), { status: 'processing' })
        Object.assign(part(session, 'payment_intent', 'latest_charge', 'payment_method_details'), { type, card: null })
      }).processingMaxMs
    assert.equal(debit('sepa_debit'), 22 * 24 * 60 * 60_000)
    assert.equal(debit('boleto'), undefined)
  })

  it('a delayed payment that bounced is failed, a refused one on an expired page is closed', () => {
    assert.equal(declined((session) => Object.assign(session, { status: 'complete' })).status, 'failed')
    assert.equal(declined((session) => Object.assign(session, { status: 'expired' })).status, 'closed')
  })

  it('given back in full is closed, in part is still successful', () => {
    const charge = (change: Json) =>
      paid((session) => Object.assign(part(session, 'payment_intent', 'latest_charge'), change))
    const back = charge({ refunded: true, amount_refunded: 5001 })
    assert.deepEqual(
      [back.status, back.channelStatus, back.savedMethod, back.paidAt],
      ['closed', 'refunded', null, null],
    )
    assert.equal(charge({ amount_refunded: 5000 }).status, 'successful')
  })

  it('what was received counts, not what was asked', () => {
    const money = (change: Json) => paid((session) => Object.assign(part(session, 'payment_intent'), change))
    assert.equal(money({ amount_received: 4901 }).amountMinor, 4901n)
    assert.equal(money({ currency: 'eur' }).currency, 'EUR')
    assert.equal(money({ amount_received: undefined }).amountMinor, null)
  })

  it('a session that was not expanded still says what it can', () => {
    const payment = paid((session) => Object.assign(session, { payment_intent: 'pi_fixture0001' }))
    assert.deepEqual(
      [payment.status, payment.amountMinor, payment.channelTransactionId, payment.savedMethod],
      ['successful', 5001n, 'pi_fixture0001', null],
    )
  })

  it('what the payer used, in words', () => {
    const table: [details: unknown, words: string][] = [
      [{ type: 'card', card: { wallet: null } }, 'Card'],
      [{ type: 'card', card: { wallet: { type: 'apple_pay' } } }, 'Apple Pay'],
      [{ type: 'link' }, 'Link'],
      [{ type: 'us_bank_account' }, 'US Bank Account'],
      [{ type: 'toString' }, 'Tostring'],
      [null, 'Unknown'],
    ]
    for (const [payment_method_details, words] of table) {
      const payment = paid((session) =>
        Object.assign(part(session, 'payment_intent', 'latest_charge'), { payment_method_details }),
      )
      assert.equal(payment.paymentMethod, words)
    }
  })

  it('its card, with the customer that it belongs to', () => {
    assert.deepEqual(paid().savedMethod, {
      token: 'pm_fixture0001',
      tokenOwner: 'cus_fixture01',
      email: 'ada@example.com',
      type: 'card',
      brand: 'visa',
      bank: 'Test Bank',
      last4: '4242',
      expMonth: 7,
      expYear: 2031,
      reusable: true,
      signature: 'Fx7fixtureFinger',
    })
    assert.equal(paid().paidAt?.toISOString(), '2026-11-20T10:01:03.000Z')
  })

  it('no card that the payer did not let us keep, that belongs to nobody, or that is none', () => {
    const intent = (change: Json) =>
      paid((session) => Object.assign(part(session, 'payment_intent'), change)).savedMethod
    assert.equal(intent({ setup_future_usage: null }), null)
    assert.equal(intent({ setup_future_usage: 'on_session' }), null)
    assert.equal(intent({ customer: null }), null)
    assert.equal(intent({ payment_method: 'pm_fixture0001' }), null)
    assert.equal(intent({ payment_method: { id: 'pm_1', type: 'link', link: {} } }), null)
    assert.equal(intent({ customer: { id: 'cus_2', object: 'customer' } })?.tokenOwner, 'cus_2')
  })

  it('an answer that is no session is none', () => {
    for (const data of [{}, { status: 'complete' }, { object: 'checkout.session' }, fixture('refund')]) {
      assert.equal(toPayment(data), null)
    }
  })
})

describe('a refund', () => {
  const request = {
    reference: 'AsR-68a1b2c3d4e5f',
    payment: { reference: 'AsT-68a1b2c3d4e5f', channelReference: 'cs_test_1' },
    channelTransactionId: 'pi_1',
    amountMinor: 150n,
    currency: 'UGX',
    reason: null,
  }

  it('is asked for with our ref, and known again by it', () => {
    const params = toRefundParams(request, 'pi_1')
    assert.deepEqual(params, {
      payment_intent: 'pi_1',
      amount: 15_000,
      metadata: { asyncpay_reference: 'AsR-68a1b2c3d4e5f', asyncpay_payment_reference: 'AsT-68a1b2c3d4e5f' },
    })
    assert.equal(isOurRefund({ metadata: params.metadata }, 'AsR-68a1b2c3d4e5f'), true)
    for (const metadata of [null, {}, { asyncpay_reference: 'AsR-68a1b2c3d4e5' }]) {
      assert.equal(isOurRefund({ metadata }, 'AsR-68a1b2c3d4e5f'), false)
    }
    const long = toRefundParams({ ...request, reason: 'x'.repeat(600) }, 'pi_1').metadata as Record<string, string>
    assert.equal(long.reason?.length, 500)
  })

  it('its statuses', () => {
    const table = {
      pending: 'pending',
      requires_action: 'pending',
      succeeded: 'successful',
      failed: 'failed',
      canceled: 'failed',
      unheard: 'pending',
      constructor: 'pending',
    }
    for (const [status, ours] of Object.entries(table)) {
      assert.equal(toRefund({ ...fixture('refund'), status })?.status, ours, status)
    }
  })

  it('says why it waits or failed', () => {
    assert.equal(toRefund({ ...fixture('refund'), pending_reason: 'insufficient_funds' })?.reason, 'insufficient_funds')
    assert.equal(
      toRefund({ ...fixture('refund'), failure_reason: 'lost_or_stolen_card' })?.reason,
      'lost_or_stolen_card',
    )
  })

  it('an answer that is no refund is none', () => {
    for (const data of [{}, { object: 'refund', id: 're_1' }, fixture('session-paid')])
      assert.equal(toRefund(data), null)
  })
})

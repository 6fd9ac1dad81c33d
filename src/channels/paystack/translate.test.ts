import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { fixture } from './fixtures.ts'
import { paystack } from './index.ts'
import {
  fromWire,
  isOurRefund,
  toInitialize,
  toOpened,
  toPayment,
  toRefund,
  toRefundBody,
  toWire,
} from './translate.ts'

const payment = (changes: Record<string, unknown>) => toPayment({ ...fixture('verify-success').data, ...changes })!

describe('amounts', () => {
  it('the wire is major units x 100, also where ISO 4217 has no minor unit', () => {
    assert.equal(toWire(50_01n, 'NGN'), 5001)
    assert.equal(toWire(150n, 'XOF'), 15_000)
    assert.equal(fromWire(15_000, 'XOF'), 150n)
    assert.equal(fromWire('5001', 'NGN'), 5001n)
  })

  it('every amount of every currency survives a round trip', () => {
    const currency = fc.constantFrom(...Object.keys(paystack.limits.currencies))
    fc.assert(
      fc.property(currency, fc.bigInt(1n, 9_000_000_000_000n), (code, amountMinor) => {
        assert.equal(fromWire(toWire(amountMinor, code), code), amountMinor)
      }),
    )
  })

  it('what is no whole minor unit, no number or no currency of ours is null, never rounded', () => {
    const wrong: [unknown, unknown][] = [
      [150, 'XOF'],
      [50.5, 'NGN'],
      ['50.5', 'NGN'],
      ['', 'NGN'],
      [-5001, 'NGN'],
      [2 ** 53, 'NGN'],
      [null, 'NGN'],
      [5001, 'QQQ'],
      [5001, 'KWD'],
      [5001, undefined],
    ]
    for (const [wire, currency] of wrong) {
      assert.equal(fromWire(wire, currency), null, `${wire} ${currency}`)
    }
  })

  it('an amount that Paystack cannot carry is our bug and never sent', () => {
    for (const [amount, currency] of [
      [0n, 'NGN'],
      [-1n, 'NGN'],
      [10n ** 17n, 'NGN'],
      [1n, 'KWD'],
      [1n, 'QQQ'],
    ] as const) {
      assert.throws(() => toWire(amount, currency), { code: 'ERR_ASSERTION' })
    }
  })
})

describe('a payment', () => {
  it('its statuses, by card and by a method whose money takes its time', () => {
    const table: Record<string, (string | null)[]> = {
      success: ['successful', 'successful'],
      failed: ['failed', 'failed'],
      reversed: ['closed', 'closed'],
      abandoned: ['pending', 'pending'],
      ongoing: ['pending', 'pending'],
      pending: ['pending', 'processing'],
      processing: ['pending', 'processing'],
      queued: ['pending', 'pending'],
      '': [null, null],
      Success: ['successful', 'successful'],
      constructor: ['pending', 'pending'],
    }
    for (const [word, expected] of Object.entries(table)) {
      const says = (channel: string) =>
        toPayment({ ...fixture('verify-success').data, status: word, channel })?.status ?? null
      assert.deepEqual([says('card'), says('bank_transfer')], expected, word)
    }
    for (const channel of ['ussd', 'mobile_money', 'bank', 'eft', 'qr', 'capitec_pay', 'direct_debit']) {
      const { status, paymentMethod } = payment({ status: 'pending', channel })
      assert.equal(status, 'processing', channel)
      assert.notEqual(paymentMethod, 'Unknown', channel)
    }
    assert.equal(payment({ status: 'pending', channel: 'telepathy' }).status, 'pending')
  })

  it('reversed is no success and gives no saved method', () => {
    const { reason, savedMethod, paidAt } = payment({ status: 'reversed' })
    assert.match(reason ?? '', /gave the money back/)
    assert.deepEqual([savedMethod, paidAt], [null, null])
  })

  it('what the payer used, in words', () => {
    const table = {
      card: 'Card',
      bank: 'Bank',
      bank_transfer: 'Bank Transfer',
      ussd: 'USSD',
      mobile_money: 'Mobile Money',
      qr: 'QR',
      eft: 'EFT',
      apple_pay: 'Apple Pay',
      telepathy: 'Unknown',
      toString: 'Unknown',
    }
    for (const [channel, words] of Object.entries(table)) assert.equal(payment({ channel }).paymentMethod, words)
    assert.equal(payment({ channel: null }).paymentMethod, 'Unknown')
  })

  it('its id keeps all 64 bits', () => {
    assert.equal(payment({}).channelTransactionId, '18446744073709551615')
    assert.equal(payment({ id: 42 }).channelTransactionId, '42')
    assert.equal(payment({ id: 2 ** 60 }).channelTransactionId, null)
  })

  it('the amount is all that the payer gave; what Paystack tells as fees on top of what was asked is told apart', () => {
    const rows: [changes: Record<string, unknown>, amountMinor: bigint, payerFeeMinor: bigint | undefined][] = [
      [{ amount: 5151, requested_amount: 5001, fees: 150 }, 5151n, 150n],
      [{ amount: '5151', requested_amount: '5001', fees: 150 }, 5151n, 150n],
      [{ amount: 5152, requested_amount: 5001, fees: 150 }, 5152n, 150n],
      // Fees that the merchant bears are not on top.
      [{ amount: 5001, requested_amount: 5001, fees: 150 }, 5001n, undefined],
      [{ amount: 4000, requested_amount: 5001, fees: 150 }, 4000n, undefined],
      [{ amount: 4000, requested_amount: 5001, fees: -1001 }, 4000n, undefined],
      [{ amount: 101_500, requested_amount: 100_000, fees: null }, 101_500n, undefined],
      [{ amount: 150_000, requested_amount: 100_000, fees: 2250 }, 150_000n, 2250n],
      [{ amount: 100_500, requested_amount: 100_000, fees: 1500 }, 100_500n, 500n],
      [{ amount: 150, requested_amount: 0, fees: 150 }, 150n, undefined],
      [{ amount: 5151, requested_amount: null, fees: 150 }, 5151n, undefined],
      // An extra duty, where the breakdown tells it.
      [
        {
          ...{ amount: 106_500, requested_amount: 100_000, fees: 1500 },
          fees_breakdown: [
            { amount: '1500', type: 'paystack' },
            { amount: 5000, type: 'stamp_duty' },
          ],
        },
        106_500n,
        6500n,
      ],
      [{ amount: 5151, requested_amount: 5001, fees: 150, fees_breakdown: [{ amount: 'much' }] }, 5151n, 150n],
    ]
    for (const [changes, amountMinor, payerFeeMinor] of rows) {
      const told = payment({ fees_breakdown: null, ...changes })
      assert.deepEqual([told.amountMinor, told.payerFeeMinor], [amountMinor, payerFeeMinor], JSON.stringify(changes))
    }
  })

  it('a success that names no amount or currency has null there, which equals nothing of ours', () => {
    assert.equal(payment({ amount: undefined }).amountMinor, null)
    assert.equal(payment({ currency: undefined }).amountMinor, null)
    assert.equal(payment({ currency: undefined }).currency, null)
  })

  it('its card', () => {
    assert.deepEqual(payment({}).savedMethod, {
      token: 'AUTH_fixture7k2',
      tokenOwner: null,
      email: 'ada@example.com',
      type: 'card',
      brand: 'visa',
      bank: 'TEST BANK',
      last4: '4081',
      expMonth: 7,
      expYear: 2031,
      reusable: true,
      signature: 'SIG_fixture9Qd',
    })
    const card = { authorization_code: 'AUTH_1', channel: 'card', card_type: 'visa ', reusable: 'true' }
    const saved = payment({ authorization: card }).savedMethod
    assert.deepEqual([saved?.brand, saved?.reusable, saved?.expMonth, saved?.signature], ['visa', false, null, null])
  })

  it('no card without a token, an e-mail or a card', () => {
    const { authorization } = fixture('verify-success').data as { authorization: object }
    assert.equal(payment({ authorization: {} }).savedMethod, null)
    assert.equal(payment({ authorization: null }).savedMethod, null)
    assert.equal(payment({ authorization: { ...authorization, channel: 'bank' } }).savedMethod, null)
    assert.equal(payment({ customer: null }).savedMethod, null)
    assert.equal(payment({ status: 'failed' }).savedMethod, null)
  })

  it('its time and its reason', () => {
    assert.equal(payment({}).paidAt?.toISOString(), '2026-11-20T09:58:31.000Z')
    assert.equal(payment({ paid_at: 'yesterday' }).paidAt, null)
    assert.equal(payment({ status: 'failed', gateway_response: 'Declined' }).reason, 'Declined')
    assert.equal(payment({ status: 'failed', gateway_response: '', message: 'No' }).reason, 'No')
  })

  it('an answer without a status word is none', () => {
    for (const data of [undefined, null, [], {}, 'success', { status: true }]) assert.equal(toPayment(data), null)
  })
})

describe('a page', () => {
  const request = {
    reference: 'AsT-68a1b2c3d4e5f',
    amountMinor: 50_01n,
    currency: 'NGN',
    description: 'Order 7',
    payer: { email: 'ada@example.com', firstName: null, lastName: null, fullName: null, phone: null },
    returnUrl: 'https://shop.example/return',
    cancelUrl: 'https://shop.example/cancel',
    saveMethod: true,
    expiresAt: new Date('2026-11-21T10:00:00Z'),
  }

  it('is asked for with our reference, and limited to what can be charged again when the method is to be saved', () => {
    assert.deepEqual(toInitialize(request), {
      email: 'ada@example.com',
      amount: 5001,
      currency: 'NGN',
      reference: 'AsT-68a1b2c3d4e5f',
      callback_url: 'https://shop.example/return',
      metadata: { cancel_action: 'https://shop.example/cancel', custom_filters: { recurring: true } },
    })
    assert.deepEqual(toInitialize({ ...request, saveMethod: false }).metadata, {
      cancel_action: 'https://shop.example/cancel',
    })
  })

  it('a reference that Paystack would refuse is our bug and never sent', () => {
    for (const reference of ['', 'AsT_1', 'AsT 1', 'AsT/1', 'é']) {
      assert.throws(() => toInitialize({ ...request, reference }), { code: 'ERR_ASSERTION' })
    }
  })

  it('counts only with our own reference and a web address', () => {
    const { data } = fixture('initialize')
    const reference = 'AsT-68a1b2c3d4e5f'
    assert.deepEqual(toOpened(data, reference), { url: data.authorization_url, channelReference: reference })
    for (const changes of [
      { reference: 'AsT-0000000000000' },
      { reference: undefined },
      { authorization_url: undefined },
      { authorization_url: 'javascript:alert(1)' },
      { authorization_url: '/relative' },
    ]) {
      assert.equal(toOpened({ ...data, ...changes }, reference), null, JSON.stringify(changes))
    }
  })
})

describe('a refund', () => {
  const request = {
    reference: 'AsR-68a1b2c3d4e5f',
    payment: { reference: 'AsT-68a1b2c3d4e5f', channelReference: null },
    channelTransactionId: null,
    amountMinor: 150n,
    currency: 'XOF',
    reason: null,
  }

  it('its statuses', () => {
    const table = {
      pending: 'pending',
      processing: 'pending',
      'needs-attention': 'pending',
      processed: 'successful',
      failed: 'failed',
      unheard: 'pending',
    }
    for (const [word, status] of Object.entries(table)) {
      assert.equal(toRefund({ ...fixture('refund-created').data, status: word })?.status, status, word)
    }
  })

  it('is asked for with our ref at the head of the note, and known again by it', () => {
    assert.deepEqual(toRefundBody(request), {
      transaction: 'AsT-68a1b2c3d4e5f',
      amount: 15_000,
      currency: 'XOF',
      merchant_note: 'AsR-68a1b2c3d4e5f',
    })
    const body = toRefundBody({ ...request, reason: 'Sent back' })
    assert.deepEqual([body.merchant_note, body.customer_note], ['AsR-68a1b2c3d4e5f: Sent back', 'Sent back'])
    assert.equal(isOurRefund(body, 'AsR-68a1b2c3d4e5f'), true)
    assert.equal(isOurRefund({ merchant_note: 'AsR-68a1b2c3d4e5f' }, 'AsR-68a1b2c3d4e5f'), true)
    for (const merchant_note of ['AsR-68a1b2c3d4e5', 'AsR-68a1b2c3d4e5ff', 'x AsR-68a1b2c3d4e5f', null]) {
      assert.equal(isOurRefund({ merchant_note }, 'AsR-68a1b2c3d4e5f'), false)
    }
  })

  it('its amount may come as text', () => {
    assert.equal(toRefund({ id: 1, status: 'processed', amount: '5001', currency: 'NGN' })?.amountMinor, 5001n)
  })

  it('an answer without id or status word is none', () => {
    for (const data of [null, {}, { id: 1 }, { status: 'pending' }]) assert.equal(toRefund(data), null)
  })
})

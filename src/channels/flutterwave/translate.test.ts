import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { parseJson } from '../kit/exchange.ts'
import { fromMajor, toMajor } from '../kit/money.ts'
import { fixture } from './fixtures.ts'
import { flutterwave } from './index.ts'
import {
  isOurRefund,
  toListed,
  toOpened,
  toPayment,
  toPaymentBody,
  toRefund,
  toRefundBody,
  transactionIdOf,
} from './translate.ts'

const payment = (changes: Record<string, unknown>) => toPayment({ ...fixture('verify-success').data, ...changes })!
const cardOf = () => fixture('verify-success').data.card as Record<string, unknown>

describe('amounts', () => {
  it('the wire is major units as text, with as many digits as ISO 4217 gives', () => {
    assert.equal(toMajor(50_01n, 'NGN'), '50.01')
    assert.equal(toMajor(7_500_00n, 'NGN'), '7500')
    assert.equal(toMajor(1n, 'KES'), '0.01')
    assert.equal(toMajor(150n, 'XOF'), '150')
    assert.equal(toMajor(1n, 'JPY'), '1')
    assert.equal(fromMajor(7500, 'NGN'), 750_000n)
    assert.equal(fromMajor('7500.50', 'NGN'), 750_050n)
    assert.equal(fromMajor(150, 'XOF'), 150n)
    assert.equal(fromMajor('150.00', 'XOF'), 150n)
    assert.equal(fromMajor(12, 'JPY'), 12n)
  })

  it('every amount of every currency survives a round trip through JSON text', () => {
    const currency = fc.constantFrom(...Object.keys(flutterwave.limits.currencies), 'JPY', 'KWD')
    fc.assert(
      fc.property(currency, fc.bigInt(1n, 999_999_999_999_999n), (code, amountMinor) => {
        const text = toMajor(amountMinor, code)
        assert.equal(fromMajor(text, code), amountMinor)
        assert.equal(fromMajor(parseJson(text), code), amountMinor)
      }),
      { numRuns: 2000 },
    )
  })

  it('a number with more digits than a float keeps is not taken for its neighbour', () => {
    assert.equal(fromMajor(parseJson('0.30000000000000001'), 'NGN'), null)
    assert.equal(fromMajor(parseJson('50.01000000000000000001'), 'NGN'), null)
    assert.equal(fromMajor(parseJson('90071992547409.93'), 'NGN'), 9_007_199_254_740_993n)
    assert.equal(fromMajor(parseJson('9007199254740993'), 'XOF'), 9_007_199_254_740_993n)
  })

  it('what is no whole minor unit, no number or no currency of ours is null, never rounded', () => {
    const wrong: [unknown, unknown][] = [
      [150.5, 'XOF'],
      [0.001, 'NGN'],
      ['50.005', 'NGN'],
      ['', 'NGN'],
      ['1e3', 'NGN'],
      ['1,000', 'NGN'],
      [1e21, 'NGN'],
      [Number.NaN, 'NGN'],
      [-50.01, 'NGN'],
      [null, 'NGN'],
      [true, 'NGN'],
      [50.01, 'QQQ'],
      [50.01, undefined],
    ]
    for (const [wire, currency] of wrong) assert.equal(fromMajor(wire, currency), null, `${wire} ${currency}`)
  })

  it('an amount that cannot be is our bug and never sent', () => {
    for (const [amount, currency] of [
      [0n, 'NGN'],
      [-1n, 'NGN'],
      [1n, 'QQQ'],
    ] as const) {
      assert.throws(() => toMajor(amount, currency), { code: 'ERR_ASSERTION' })
    }
  })
})

describe('a payment', () => {
  it('its statuses', () => {
    const table = {
      successful: 'successful',
      failed: 'failed',
      pending: 'pending',
      '': null,
      Successful: 'successful',
      completed: 'pending',
      'success-pending-validation': 'pending',
      constructor: 'pending',
    }
    for (const [word, status] of Object.entries(table)) {
      assert.equal(toPayment({ ...fixture('verify-success').data, status: word })?.status ?? null, status, word)
    }
    for (const payment_type of ['bank_transfer', 'banktransfer', 'ussd', 'mpesa', 'mobilemoneygh', 'mobile_money_x']) {
      assert.equal(payment({ status: 'pending', payment_type }).status, 'processing', payment_type)
      assert.equal(payment({ status: 'success-pending-validation', payment_type }).status, 'pending', payment_type)
    }
    for (const payment_type of ['card', 'applepay', 'telepathy', null]) {
      assert.equal(payment({ status: 'pending', payment_type }).status, 'pending', String(payment_type))
    }
  })

  it('what the payer used, in words', () => {
    const table = {
      card: 'Card',
      account: 'Bank Account',
      bank_transfer: 'Bank Transfer',
      banktransfer: 'Bank Transfer',
      ussd: 'USSD',
      mpesa: 'M-Pesa',
      mobilemoneygh: 'Mobile Money',
      mobilemoneyuganda: 'Mobile Money',
      opay: 'OPay',
      telepathy: 'Unknown',
      toString: 'Unknown',
    }
    for (const [type, words] of Object.entries(table)) {
      assert.equal(payment({ payment_type: type }).paymentMethod, words)
    }
    assert.equal(payment({ payment_type: null }).paymentMethod, 'Unknown')
    assert.equal(payment({ status: 'pending' }).paymentMethod, 'Unknown')
  })

  it('its id keeps all 64 bits', () => {
    assert.equal(payment({}).channelTransactionId, '18446744073709551615')
    assert.equal(payment({ id: 42 }).channelTransactionId, '42')
    assert.equal(payment({ id: 2 ** 60 }).channelTransactionId, null)
  })

  it('the amount is all that the payer was charged, what is above the price is their fee, and nonsense is nothing', () => {
    const told = (amount: unknown, charged_amount: unknown) => {
      const { amountMinor, payerFeeMinor } = payment({ amount, charged_amount })
      return [amountMinor, payerFeeMinor]
    }
    assert.deepEqual(told(50.01, 51.5), [5150n, 149n])
    assert.deepEqual(told(50.01, '50.01'), [5001n, undefined])
    assert.deepEqual(told(50.01, 50), [5000n, undefined])
    assert.deepEqual(told(50.01, 0), [0n, undefined])
    assert.deepEqual(told(50.01, null), [5001n, undefined])
    assert.deepEqual(told(50.01, undefined), [5001n, undefined])
    assert.deepEqual(told(50.01, 'much'), [null, undefined])
    assert.deepEqual(told(' 50.010 ', 50.01), [5001n, undefined])
    assert.deepEqual(told(undefined, 50.01), [null, undefined])
  })

  it('a success that names no currency has null there, which equals nothing of ours', () => {
    const { amountMinor, currency } = payment({ currency: undefined })
    assert.deepEqual([amountMinor, currency], [null, null])
  })

  it('its card', () => {
    assert.deepEqual(payment({}).savedMethod, {
      token: 'flw-t1nf-fixture00000000000000000000000-m03k',
      tokenOwner: null,
      email: 'ada@example.com',
      type: 'card',
      brand: 'mastercard',
      bank: 'TEST BANK CREDIT',
      last4: '2950',
      expMonth: 9,
      expYear: 2032,
      reusable: true,
      signature: '553188:2950:09/32:MASTERCARD',
    })
  })

  it('the same card has the same signature, another expiry or brand another', () => {
    const signatureOf = (changes: object) => payment({ card: { ...cardOf(), ...changes } }).savedMethod?.signature
    assert.equal(signatureOf({ token: 'flw-t1nf-other-m03k' }), signatureOf({}))
    assert.equal(signatureOf({ type: 'Mastercard' }), signatureOf({}))
    for (const changes of [{ expiry: '09/33' }, { type: 'VISA' }, { last_4digits: '2951' }, { first_6digits: '1' }]) {
      assert.notEqual(signatureOf(changes), signatureOf({}))
    }
    assert.equal(signatureOf({ first_6digits: undefined }), null)
  })

  it('an expiry that is none is null, the card still counts', () => {
    for (const expiry of ['13/32', '9/32', '09/2032', '', null, 932]) {
      const saved = payment({ card: { ...cardOf(), expiry } }).savedMethod
      assert.deepEqual([saved?.expMonth, saved?.expYear, saved?.reusable], [null, null, true])
    }
  })

  it('no card without a token, an e-mail, a card or a success', () => {
    assert.equal(payment({ card: { ...cardOf(), token: undefined } }).savedMethod, null)
    assert.equal(payment({ card: undefined }).savedMethod, null)
    assert.equal(payment({ customer: null }).savedMethod, null)
    assert.equal(payment({ status: 'failed' }).savedMethod, null)
    assert.equal(payment({ status: 'pending' }).savedMethod, null)
  })

  it('its time and its reason', () => {
    assert.equal(payment({}).paidAt?.toISOString(), '2026-11-20T09:58:31.000Z')
    assert.equal(payment({ created_at: 'yesterday' }).paidAt, null)
    assert.equal(payment({ status: 'failed' }).paidAt, null)
    assert.equal(payment({ status: 'failed', processor_response: 'Declined' }).reason, 'Declined')
    assert.ok(payment({ status: 'failed', processor_response: null }).reason)
  })

  it('an answer without a status word is none', () => {
    for (const data of [undefined, null, [], {}, 'successful', { status: true }]) assert.equal(toPayment(data), null)
  })

  it('a listed transaction counts only with exactly our reference and an id', () => {
    const [row] = fixture('transactions').data as unknown as Record<string, unknown>[]
    const reference = 'AsT-68a1b2c3d4e5f'
    const idOf = (listed: unknown) => toListed(listed, reference)?.channelTransactionId ?? null
    assert.equal(idOf(row), '18446744073709551615')
    assert.equal(idOf({ ...row, id: 42 }), '42')
    for (const changes of [{ tx_ref: `${reference}0` }, { id: null }, { id: '../refunds' }, { status: '' }]) {
      assert.equal(idOf({ ...row, ...changes }), null)
    }
    assert.equal(idOf(null), null)
  })
})

describe('a page', () => {
  const request = {
    reference: 'AsT-68a1b2c3d4e5f',
    amountMinor: 50_01n,
    currency: 'NGN',
    description: 'Order 7',
    payer: { email: 'ada@example.com', firstName: 'Ada', lastName: null, fullName: null, phone: '+2348012345678' },
    returnUrl: 'https://shop.example/return',
    cancelUrl: 'https://shop.example/cancel',
    saveMethod: true,
    expiresAt: new Date('2026-11-21T10:00:00Z'),
  }

  it('is asked for with our reference, and for cards alone when the method is to be saved', () => {
    const body = {
      tx_ref: 'AsT-68a1b2c3d4e5f',
      amount: '50.01',
      currency: 'NGN',
      redirect_url: 'https://shop.example/return',
      customer: { email: 'ada@example.com', name: 'Ada', phonenumber: '+2348012345678' },
      customizations: { description: 'Order 7' },
    }
    assert.deepEqual(toPaymentBody({ ...request, saveMethod: false }), body)
    assert.deepEqual(toPaymentBody(request), { ...body, payment_options: 'card' })
  })

  it('a payer of whom only the e-mail is known is just that', () => {
    const payer = { email: 'ada@example.com', firstName: null, lastName: null, fullName: null, phone: null }
    assert.deepEqual(toPaymentBody({ ...request, payer }).customer, { email: 'ada@example.com' })
  })

  it('a reference that Flutterwave would refuse is our bug and never sent', () => {
    for (const reference of ['', 'x'.repeat(101)]) {
      assert.throws(() => toPaymentBody({ ...request, reference }), { code: 'ERR_ASSERTION' })
    }
  })

  it('counts only with a web address', () => {
    const { data } = fixture('payments')
    assert.deepEqual(toOpened(data, 'AsT-1'), { url: data.link, channelReference: 'AsT-1' })
    for (const link of [undefined, null, '', '/relative', 'javascript:alert(1)', 7]) {
      assert.equal(toOpened({ link }, 'AsT-1'), null, String(link))
    }
    assert.equal(toOpened(null, 'AsT-1'), null)
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

  it('its statuses: bare "completed" is not done', () => {
    const table = {
      new: 'pending',
      pending: 'pending',
      'pending-momo': 'pending',
      processing: 'pending',
      completed: 'pending',
      COMPLETED: 'pending',
      'completed-mpgs': 'successful',
      'completed-bank-transfer': 'successful',
      'completed-momo': 'successful',
      'completed-offline': 'successful',
      'completed-preauth': 'successful',
      'completed-by-pigeon': 'pending',
      failed: 'failed',
      successful: 'pending',
      constructor: 'pending',
    }
    for (const [word, status] of Object.entries(table)) {
      assert.equal(toRefund({ ...fixture('refund-created').data, status: word }, 'NGN')?.status, status, word)
    }
    assert.ok(toRefund({ ...fixture('refund-created').data, status: 'failed' }, 'NGN')?.reason)
  })

  it('is asked for with our ref at the head of the comment, and known again by it', () => {
    assert.deepEqual(toRefundBody(request), { amount: '150', comments: 'AsR-68a1b2c3d4e5f' })
    assert.equal(toRefundBody({ ...request, reason: 'Sent back' }).comments, 'AsR-68a1b2c3d4e5f: Sent back')
    for (const row of [
      { comment: 'AsR-68a1b2c3d4e5f' },
      { comments: 'AsR-68a1b2c3d4e5f: Sent back' },
      fixture('refund-fetched').data,
    ]) {
      assert.equal(isOurRefund(row, 'AsR-68a1b2c3d4e5f'), true)
    }
    for (const comment of ['AsR-68a1b2c3d4e5', 'AsR-68a1b2c3d4e5ff', 'x AsR-68a1b2c3d4e5f', null]) {
      assert.equal(isOurRefund({ comment }, 'AsR-68a1b2c3d4e5f'), false)
    }
  })

  it('its amount is in the currency of its payment; without one there is no amount', () => {
    assert.equal(toRefund({ id: 1, status: 'completed', amount_refunded: '50.01' }, 'NGN')?.amountMinor, 5001n)
    assert.equal(toRefund({ id: 1, status: 'completed', amount_refunded: 150 }, 'XOF')?.amountMinor, 150n)
    assert.equal(toRefund({ id: 1, status: 'completed', amount_refunded: 150 }, null)?.amountMinor, null)
  })

  it('names its transaction in either form', () => {
    assert.equal(transactionIdOf({ tx_id: 7 }), '7')
    assert.equal(transactionIdOf({ transaction_id: '8' }), '8')
    assert.equal(transactionIdOf({}), null)
  })

  it('an answer without id or status word is none', () => {
    for (const data of [null, {}, { id: 1 }, { status: 'pending' }]) assert.equal(toRefund(data, 'NGN'), null)
  })
})

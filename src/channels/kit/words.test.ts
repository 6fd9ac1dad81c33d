import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { fixture as flutterwaveFixture } from '../flutterwave/fixtures.ts'
import * as flutterwave from '../flutterwave/translate.ts'
import { fixture as paystackFixture } from '../paystack/fixtures.ts'
import * as paystack from '../paystack/translate.ts'
import { fixture as stripeFixture } from '../stripe/fixtures.ts'
import { toIntentPayment } from '../stripe/saved.ts'
import * as stripe from '../stripe/translate.ts'
import { currencyOf, meaningOf, textOf, wordOf } from './words.ts'

/**
 * One normalisation at the edge of each channel: every word of an answer in capitals, padded, and currencies in small
 * letters mean what they mean as documented.
 */

/** Words that are ours to read, as a sloppy provider would write them. References, ids and addresses are not words. */
const sloppy: Readonly<Record<string, (text: string) => string>> = {
  ...{ status: (text) => ` ${text.toUpperCase()} `, payment_status: (text) => text.toUpperCase() },
  ...{ currency: (text) => ` ${text === text.toUpperCase() ? text.toLowerCase() : text.toUpperCase()} ` },
  ...{ channel: (text) => text.toUpperCase(), payment_type: (text) => ` ${text.toUpperCase()}` },
  ...{ brand: (text) => ` ${text.toUpperCase()} `, card_type: (text) => text.toUpperCase() },
  ...{ type: (text) => text.toUpperCase(), setup_future_usage: (text) => text.toUpperCase() },
}

function spoil(value: unknown, key = ''): unknown {
  if (typeof value === 'string') return sloppy[key]?.(value) ?? value
  if (Array.isArray(value)) return value.map((item) => spoil(item))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, spoil(part, name)]))
}

describe('words as a sloppy provider writes them', () => {
  const { data: paid } = paystackFixture('verify-success')
  const { data: charged } = flutterwaveFixture('verify-success')
  const session = () => stripeFixture('session-paid')
  const rows: [what: string, right: unknown, read: (answer: never) => unknown][] = [
    ['a Paystack payment', paid, paystack.toPayment],
    ['a Paystack payment on its way', { ...paid, status: 'pending', channel: 'bank_transfer' }, paystack.toPayment],
    ['a Paystack refund', { id: 7, status: 'processed', amount: 500, currency: 'NGN' }, paystack.toRefund],
    ['a Flutterwave payment', charged, flutterwave.toPayment],
    [
      'a Flutterwave payment on its way',
      { ...charged, status: 'pending', payment_type: 'ussd' },
      flutterwave.toPayment,
    ],
    [
      'a Flutterwave refund',
      { id: 7, status: 'completed-mpgs', amount_refunded: 5 },
      (data: unknown) => flutterwave.toRefund(data, 'NGN'),
    ],
    ['a Stripe session', session(), stripe.toPayment],
    ['a Stripe intent', session().payment_intent, toIntentPayment],
    [
      'a Stripe refund',
      { object: 'refund', id: 're_1', status: 'succeeded', amount: 500, currency: 'usd' },
      stripe.toRefund,
    ],
  ]
  for (const [what, right, read] of rows) {
    test(`${what} says the same`, () => {
      const meant = read(right as never)
      assert.ok(meant)
      const { signature: _, ...known } = (meant as { savedMethod?: { signature: unknown } }).savedMethod ?? {}
      const seen = read(spoil(right) as never) as typeof meant & { savedMethod?: { signature: unknown } }
      assert.deepEqual({ ...seen, savedMethod: null }, { ...(meant as object), savedMethod: null })
      const { signature: __, ...card } = seen.savedMethod ?? {}
      assert.deepEqual(card, known)
    })
  }

  test('the forms themselves', () => {
    assert.equal(wordOf(' SUCCESSFUL\n'), 'successful')
    assert.equal(currencyOf(' ngn '), 'NGN')
    assert.equal(textOf('  AsT-1a '), 'AsT-1a')
    for (const nothing of ['', '  ', null, undefined, 7, {}, []]) {
      assert.deepEqual([textOf(nothing), wordOf(nothing), currencyOf(nothing)], [null, null, null])
    }
    assert.equal(meaningOf({ paid: 1 }, 'constructor'), undefined)
    assert.equal(meaningOf({ paid: 1 }, null), undefined)
  })
})

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { exponentOf, parseAmount } from '../platform/money.ts'
import { type Carried, canCarry } from './carry.ts'
import type { Channel } from './channel.ts'
import { flutterwave } from './flutterwave/index.ts'
import { listChannels } from './index.ts'
import { paystack } from './paystack/index.ts'
import { stripe } from './stripe/index.ts'

/** The published bounds of each channel, at the edge: what is written beside each limit, amount by amount. */
const rows: [channel: Channel, currency: string, amount: string, expected: Carried][] = [
  [stripe, 'USD', '0.49', 'too_small'],
  [stripe, 'USD', '0.5', 'ok'],
  [stripe, 'USD', '999999.99', 'ok'],
  [stripe, 'USD', '1000000', 'too_large'],
  // Eight digits of the smallest unit, and these have no smaller one.
  [stripe, 'JPY', '99999999', 'ok'],
  [stripe, 'JPY', '100000000', 'too_large'],
  [stripe, 'KRW', '99999999', 'ok'],
  [stripe, 'VND', '99999999', 'ok'],
  [stripe, 'VND', '100000000', 'too_large'],
  [stripe, 'CLP', '99999999', 'ok'],
  [stripe, 'XOF', '1000000', 'ok'],
  [stripe, 'XOF', '99999999', 'ok'],
  [stripe, 'XAF', '100000000', 'too_large'],
  // On the wire in hundredths, whose last two digits are 00: six digits are left.
  [stripe, 'UGX', '999999', 'ok'],
  [stripe, 'UGX', '1000000', 'too_large'],
  [stripe, 'ISK', '999999', 'ok'],
  [stripe, 'ISK', '1000000', 'too_large'],
  // Whole ariary on the wire, hundredths in ISO 4217.
  [stripe, 'MGA', '99999999', 'ok'],
  [stripe, 'MGA', '5000.2', 'wrong_step'],
  [stripe, 'MGA', '100000000', 'too_large'],
  // Limits of their own.
  [stripe, 'IDR', '9999999999.99', 'ok'],
  [stripe, 'IDR', '10000000000', 'too_large'],
  [stripe, 'COP', '99999999.99', 'ok'],
  [stripe, 'COP', '100000000', 'too_large'],
  [stripe, 'HUF', '99999999.99', 'ok'],
  [stripe, 'HUF', '100000000', 'too_large'],
  [stripe, 'INR', '9999999.99', 'ok'],
  [stripe, 'INR', '10000000', 'too_large'],
  [stripe, 'TWD', '1234.56', 'ok'],
  // Thousandths in steps of ten.
  [stripe, 'KWD', '10.50', 'ok'],
  [stripe, 'KWD', '10.505', 'wrong_step'],
  [stripe, 'KWD', '99999.99', 'ok'],
  [stripe, 'KWD', '99999.999', 'too_large'],
  [stripe, 'KWD', '100000', 'too_large'],
  [stripe, 'XAU', '10', 'currency'],
  [stripe, 'constructor', '10', 'currency'],
  [paystack, 'NGN', '49.99', 'too_small'],
  [paystack, 'NGN', '10000000', 'ok'],
  [paystack, 'NGN', '10000000.01', 'too_large'],
  [paystack, 'XOF', '10000000', 'ok'],
  [paystack, 'XOF', '10000001', 'too_large'],
  [paystack, 'EUR', '10', 'currency'],
  [flutterwave, 'NGN', '0.01', 'ok'],
  [flutterwave, 'NGN', '9999999999999.99', 'ok'],
  [flutterwave, 'KWD', '10', 'currency'],
]

describe('what a channel can carry', () => {
  for (const [channel, currency, amount, expected] of rows) {
    test(`${channel.slug} ${currency} ${amount} → ${expected}`, () => {
      const parsed = parseAmount(amount, exponentOf(currency) === null ? 'USD' : currency)
      assert.ok(parsed.ok, amount)
      assert.equal(canCarry(channel, currency, parsed.amountMinor), expected)
    })
  }

  test('a payment that must leave a token may have to be larger', () => {
    assert.equal(canCarry(flutterwave, 'NGN', 99_99n), 'ok')
    assert.equal(canCarry(flutterwave, 'NGN', 99_99n, true), 'too_small')
  })

  test('least and greatest amounts of every channel and currency are multiples of its step', () => {
    for (const channel of listChannels()) {
      for (const [currency, { payMinor, payMaxMinor }] of Object.entries(channel.limits.currencies)) {
        assert.equal(canCarry(channel, currency, payMinor), 'ok', `${channel.slug} ${currency}`)
        if (payMaxMinor === null) continue
        assert.equal(canCarry(channel, currency, payMaxMinor), 'ok', `${channel.slug} ${currency}`)
        assert.equal(canCarry(channel, currency, payMaxMinor + 1n), 'too_large', `${channel.slug} ${currency}`)
      }
    }
  })
})

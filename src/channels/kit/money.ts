import assert from 'node:assert/strict'
import { exponentOf, formatAmount } from '../../platform/money.ts'
import { currencyOf, textOf } from './words.ts'

/**
 * Providers' amounts to ISO 4217 minor units and back, exactly or not at all. What cannot be converted is null, because
 * null never equals ours.
 */

/** `10^from` of a unit are `10^to` of ours. Null where that is no whole number. */
export function rescale(amount: bigint, from: number, to: number): bigint | null {
  const scaled = amount * 10n ** BigInt(to)
  const unit = 10n ** BigInt(from)
  return scaled % unit === 0n ? scaled / unit : null
}

/** A whole amount, zero or more, as a number or as digits. */
export function wholeOf(value: unknown): bigint | null {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? BigInt(value) : null
  const text = textOf(value)
  return text !== null && /^\d{1,30}$/.test(text) ? BigInt(text) : null
}

/**
 * ISO minor units → major units as decimal text: a JSON number would pass through a float somewhere. The domain checked
 * currency and amount: anything else here is our bug.
 */
export function toMajor(amountMinor: bigint, currency: string): string {
  assert(exponentOf(currency) !== null, `no ISO 4217 currency: ${currency}`)
  assert(amountMinor > 0n, 'an amount is positive')
  return formatAmount(amountMinor, currency)
}

/**
 * Major units (number, or text) → ISO minor units, digit by digit. Numbers come from `parseJson`, which keeps as text
 * what a JS number would not print as it was sent. Null for what is no whole minor unit (half a franc), for an unknown
 * currency and for no amount.
 */
export function fromMajor(major: unknown, currency: unknown): bigint | null {
  const exponent = exponentOf(currencyOf(currency) ?? '')
  if (exponent === null || (typeof major !== 'number' && typeof major !== 'string')) return null
  const match = /^(\d{1,18})(?:\.(\d{1,30}))?$/.exec(String(major).trim())
  if (!match) return null
  const fraction = (match[2] ?? '').replace(/0+$/, '')
  return fraction.length > exponent ? null : BigInt(match[1] + fraction.padEnd(exponent, '0'))
}

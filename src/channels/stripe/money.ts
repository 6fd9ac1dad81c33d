import assert from 'node:assert/strict'
import { exponentOf } from '../../platform/money.ts'
import { rescale } from '../kit/money.ts'
import { currencyOf } from '../kit/words.ts'

/**
 * ISO 4217 minor units to Stripe's `amount` and back, exactly or not at all. Stripe's units are ISO's save for the
 * currencies below. Source: Stripe's "Supported currencies" (zero-decimal, special cases), read 2026-11-20.
 */

/** `amount` is in major units. MGA is the trap: ISO 4217 gives the ariary two digits. */
const zeroDecimal = new Set('BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF'.split(' '))

/**
 * Without decimals in ISO 4217, and yet in hundredths on the wire, whose last two digits are 00. UGX stands in Stripe's
 * zero-decimal list as well; the special case, which says how to charge 5 UGX (500), is the more exact of the two.
 */
const wholeUnits = new Set(['ISK', 'UGX'])

/** Thousandths, whose last digit must be 0 ("Three-decimal currencies", as that page stood in 2022). */
const threeDecimal = new Set('BHD JOD KWD OMR TND'.split(' '))

// HUF and TWD are zero-decimal for payouts only; their payments have two decimals like any other.

/** Digits after the point of Stripe's `amount`; null for what is no currency, or one that Stripe has no rule for. */
function wireExponentOf(currency: string): number | null {
  if (zeroDecimal.has(currency)) return 0
  if (wholeUnits.has(currency)) return 2
  if (threeDecimal.has(currency)) return 3
  return exponentOf(currency) === 2 ? 2 : null
}

/** Payments must be whole multiples of this, ISO minor units. */
export function stepMinorOf(currency: string): bigint {
  if (threeDecimal.has(currency)) return 10n
  const [iso, wire] = [exponentOf(currency) ?? 0, wireExponentOf(currency) ?? 0]
  return iso > wire ? 10n ** BigInt(iso - wire) : 1n
}

/** ISO minor units → `amount`. Null for what Stripe cannot carry: an unknown currency, or no multiple of the step. */
export function toWire(amountMinor: bigint, currency: string): number | null {
  assert(amountMinor > 0n, 'an amount is positive')
  const [iso, wire] = [exponentOf(currency), wireExponentOf(currency)]
  if (iso === null || wire === null || amountMinor % stepMinorOf(currency) !== 0n) return null
  const amount = rescale(amountMinor, iso, wire)
  return amount !== null && amount <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(amount) : null
}

/** `amount` → ISO minor units. Null for no whole minor unit, no number or no currency: null never equals ours. */
export function fromWire(amount: unknown, currency: unknown): bigint | null {
  const code = currencyOf(currency) ?? ''
  const [iso, wire] = [exponentOf(code), wireExponentOf(code)]
  if (iso === null || wire === null || !Number.isSafeInteger(amount) || (amount as number) < 0) return null
  return rescale(BigInt(amount as number), wire, iso)
}

import { exponentOf, parseAmount } from '../../platform/money.ts'
import type { ChannelLimits, CurrencyLimit } from '../channel.ts'
import { fromWire, stepMinorOf } from './money.ts'

/**
 * Least payments in major units as Stripe publishes them ("Minimum charge amount by currency", read 2026-11-20). They
 * hold where the account is settled in the same currency; elsewhere Stripe converts to the settlement currency, whose
 * own minimum then counts, and refuses what is less (`amount_too_small`).
 */
const published = `
  USD 0.50  AED 2     ARS 0.50  AUD 0.50  BRL 0.50  CAD 0.50  CHF 0.50  COP 0.50  CZK 15    DKK 2.50  EUR 0.50
  GBP 0.30  HKD 4     HUF 175   IDR 0.50  ILS 0.50  INR 0.50  JPY 50    KRW 50    MXN 10    MYR 2     NOK 3
  NZD 0.50  PHP 0.50  PLN 2     RON 2     SEK 3     SGD 0.50  THB 10    ZAR 0.50`

/**
 * Ours: presentment currencies without a published minimum, where USD 0.50 or its like counts after conversion. About
 * USD 0.75 to 1 at the rates of 2026-11, rounded up, so that a rate may move without a payer seeing a refusal.
 */
const cautious = `
  NGN 1500  KES 130   GHS 15    XOF 600   XAF 600   UGX 4000  TZS 2600  RWF 1500  EGP 50    MAD 10    MUR 50
  ZMW 30    MGA 4500  BHD 0.4   JOD 0.7   KWD 0.3   OMR 0.4   TND 3     QAR 4     SAR 4     TRY 45    TWD 35
  CLP 1000  ISK 150   VND 27000`

/**
 * Greatest amounts: so many nines in Stripe's smallest unit ("Maximum charge amounts", read 2026-11-28). Eight where
 * nothing else is said; the other ways to pay than cards carry no more. HUF: ten is what cards carry, and every page takes
 * cards. Card networks may allow more (up to twelve) or less (American Express nine): Stripe has the last word.
 */
const digitsMax: Readonly<Record<string, number>> = { IDR: 12, COP: 10, HUF: 10, INR: 9 }
const digitsMaxOther = 8

/** The order is the one they are offered in. */
export const limits: ChannelLimits = {
  currencies: Object.fromEntries(
    [published, cautious].flatMap((table) =>
      [...table.matchAll(/([A-Z]{3}) ([\d.]+)/g)].map(([, currency, major]) => [currency!, limitOf(currency!, major!)]),
    ),
  ),
  source:
    'Stripe "Supported currencies": minimum charge amounts, read 2026-11-20, maximum charge amounts, read 2026-11-28; currencies that it gives no minimum: ours',
}

function limitOf(currency: string, major: string): CurrencyLimit {
  const parsed = parseAmount(major, currency)
  if (!parsed.ok || exponentOf(currency) === null) throw new Error(`limits of Stripe: ${currency} ${major}`)
  const payMinor = parsed.amountMinor
  const stepMinor = stepMinorOf(currency)
  return { payMinor, tokenizeMinor: payMinor, payMaxMinor: greatestOf(currency), ...(stepMinor > 1n && { stepMinor }) }
}

/** The greatest wire amount is no multiple of the step everywhere (UGX 999,999.99): then the last multiple below it. */
function greatestOf(currency: string): bigint {
  const wire = 10 ** (digitsMax[currency] ?? digitsMaxOther) - 1
  const whole = [wire, wire - 9, wire - 99].find((one) => {
    const minor = fromWire(one, currency)
    return minor !== null && minor % stepMinorOf(currency) === 0n
  })
  const minor = whole === undefined ? null : fromWire(whole, currency)
  if (minor === null) throw new Error(`limits of Stripe: no greatest amount in ${currency}`)
  return minor
}

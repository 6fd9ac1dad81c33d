import { exponentOf, parseAmount } from '../../platform/money.ts'
import type { ChannelLimits, CurrencyLimit } from '../channel.ts'
import { stepMinorOf } from './money.ts'

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

/** The order is the one they are offered in. */
export const limits: ChannelLimits = {
  currencies: Object.fromEntries(
    [published, cautious].flatMap((table) =>
      [...table.matchAll(/([A-Z]{3}) ([\d.]+)/g)].map(([, currency, major]) => [currency!, limitOf(currency!, major!)]),
    ),
  ),
  // Eight digits, which in most currencies are 999,999.99 (types of stripe 23.1.0). Stripe has the last word, card by card.
  payMaxMajor: 999_999n,
  source:
    'Stripe "Supported currencies" (minimum and maximum charge amounts), read 2026-11-20; currencies that it gives no minimum: ours',
}

function limitOf(currency: string, major: string): CurrencyLimit {
  const parsed = parseAmount(major, currency)
  if (!parsed.ok || exponentOf(currency) === null) throw new Error(`limits of Stripe: ${currency} ${major}`)
  const payMinor = parsed.amountMinor
  const stepMinor = stepMinorOf(currency)
  return { payMinor, tokenizeMinor: payMinor, ...(stepMinor > 1n && { stepMinor }) }
}

import { exponentOf } from '../ledger.ts'
import { magicOf } from '../magic.ts'
import { invalid } from './errors.ts'
import { type Form, nameOf, textOf, wholeOf } from './forms.ts'

/** Stripe's "Supported currencies", read 2026-11-20. ISK and UGX are in hundredths that must be 00. */
const ZERO_DECIMAL = new Set('BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF'.split(' '))
const WHOLE_UNITS = new Set(['ISK', 'UGX'])
const THREE_DECIMAL = new Set('BHD JOD KWD OMR TND'.split(' '))

/** Presentment currencies; those of all account countries in one. */
const CURRENCIES = new Set(
  `AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BRL BSD BWP BYN BZD CAD CDF CHF CLP CNY
  COP CRC CVE CZK DJF DKK DOP DZD EGP ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR ISK
  JMD JOD JPY KES KGS KHR KMF KRW KWD KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MUR MVR MWK MXN MYR MZN
  NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SEK SGD SHP SLE SOS SRD STD
  SZL THB TJS TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VND VUV WST XAF XCD XOF XPF YER ZAR ZMW`.split(/\s+/),
)

/**
 * Least amounts on the wire (same page). For a currency without one the equivalent of USD 0.50 counts, by a rate that
 * we do not have: hundredths from 50, whole units from 50, thousandths from 150 stand for it.
 */
const AMOUNT_MIN: Readonly<Record<string, number>> = {
  ...{ AED: 200, CZK: 1500, DKK: 250, GBP: 30, HKD: 400, HUF: 17_500, MXN: 1000, MYR: 200, NOK: 300, PLN: 200 },
  ...{ RON: 200, SEK: 300, THB: 1000, KWD: 150, BHD: 150, OMR: 150, JOD: 150, TND: 150 },
}
const AMOUNT_MIN_OTHER = 50

/**
 * Digits that `amount` may have, by whatever method ("Maximum charge amounts", read 2026-11-28); HUF by card, which every
 * page offers. Cards are said to carry up to twelve digits, American Express nine.
 */
const DIGITS_MAX: Readonly<Record<string, number>> = { IDR: 12, COP: 10, HUF: 10, INR: 9 }
const DIGITS_MAX_OTHER = 8

/** Digits after the point of a wire amount. */
export function decimalsOf(currency: string): number {
  if (ZERO_DECIMAL.has(currency)) return 0
  return THREE_DECIMAL.has(currency) ? 3 : 2
}

/** ISO minor units from the wire's, for the ledger. */
export function isoMinor(amount: number, currency: string): number {
  return Math.round(amount * 10 ** (exponentOf(currency) - decimalsOf(currency)))
}

/** The wire's amount from ISO minor units. */
export function wireAmount(amountMinor: number, currency: string): number {
  return Math.round(amountMinor * 10 ** (decimalsOf(currency) - exponentOf(currency)))
}

/** The three letters in capitals, as everything in here has them; the wire's are small. */
export function readCurrency(form: Form, path: string): string {
  const currency = textOf(form, path)?.toUpperCase() ?? ''
  if (CURRENCIES.has(currency)) return currency
  throw invalid(`Invalid currency: ${currency.toLowerCase()}.`, nameOf(path))
}

/** A whole amount that the currency can have; null when absent. */
export function readAmount(form: Form, path: string, currency: string): number | null {
  const amount = wholeOf(form, path)
  if (amount === null) return null
  if (amount < 1)
    throw invalid('This value must be greater than or equal to 1.', nameOf(path), 'parameter_invalid_integer')
  const step = WHOLE_UNITS.has(currency) ? 100 : THREE_DECIMAL.has(currency) ? 10 : 1
  if (amount % step === 0) return amount
  throw invalid(`Invalid amount: ${currency} amounts must be divisible by ${step}.`, nameOf(path))
}

/** Within what Stripe takes for a payment. */
export function checkLimits(amount: number, currency: string, param: string): void {
  const min = AMOUNT_MIN[currency] ?? AMOUNT_MIN_OTHER
  if (amount < min) {
    const words = `Amount must convert to at least 50 cents: the least here is ${min} ${currency.toLowerCase()}.`
    throw invalid(words, param, 'amount_too_small')
  }
  const digits = DIGITS_MAX[currency] ?? DIGITS_MAX_OTHER
  if (String(amount).length > digits) {
    throw invalid(`Amount must have no more than ${digits} digits.`, param, 'amount_too_large')
  }
}

export interface Moved {
  amount: number
  currency: string
  /** Appended to the reference that is reported. */
  suffix: string
}

/** What moved, and is reported: what was asked, save for the magic amounts. */
export function moved(amount: number, currency: string): Moved {
  const unit = 10 ** decimalsOf(currency)
  const magic = magicOf(amount)
  if (magic === 'less') return { amount: amount - unit, currency, suffix: '' }
  if (magic === 'more') return { amount: amount + unit, currency, suffix: '' }
  if (magic === 'other_currency') return { amount, currency: currency === 'EUR' ? 'USD' : 'EUR', suffix: '' }
  if (magic === 'other_reference') return { amount, currency, suffix: '-other' }
  return { amount, currency, suffix: '' }
}

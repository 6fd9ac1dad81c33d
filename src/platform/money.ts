import * as iso4217 from 'dinero.js/currencies'

/**
 * Money is an integer in the currency's minor units beside its ISO 4217 code; the exponents are dinero.js's
 * tables. Nothing here ever passes through a floating-point number.
 */

// dinero.js writes ariary and ouguiya in fifths (base 5, exponent 1); ISO 4217 gives both the exponent 2.
const exponents = new Map<string, number>(
  Object.values(iso4217).map(({ code, base, exponent }) => [code as string, (base as number) === 5 ? 2 : exponent]),
)

/**
 * What left ISO 4217, with its exponent and its last day: amounts that are stored are shown, nothing new is asked in it.
 * Of the codes that the list dropped since 2020 (CUC, HRK, SLL, ZWL, ANG, BGN), BGN alone was ever taken here.
 * Source: ISO 4217 list one and amendments, read 2026-11-28.
 */
const withdrawn: ReadonlyMap<string, { exponent: number; lastDay: string }> = new Map([
  ['BGN', { exponent: 2, lastDay: '2025-12-31' }],
])
for (const [code, { exponent }] of withdrawn) exponents.set(code, exponent)

/**
 * Codes of the same list that nobody pays in: units of account of funds, of banks and of the Arab Monetary Fund. Metals,
 * bonds, XDR, XTS and XXX have no exponent there and so are no currency to begin with.
 */
const unitsOfAccount = new Set(['BOV', 'CHE', 'CHW', 'CLF', 'COU', 'MXV', 'USN', 'UYI', 'UYW', 'XAD'])

/** Whether money may be asked in it today: a currency of ISO 4217 that people pay in. */
export const isCurrency = (code: string): boolean =>
  exponents.has(code) && !withdrawn.has(code) && !unitsOfAccount.has(code)

/** The most digits after the point that any currency has (KWD, BHD, TND, …). */
const exponentMax = 3

/** The largest amount taken, in minor units: 15 digits keep sums exact in every client, also in JavaScript's. */
export const amountMinorMax = 999_999_999_999_999n

/** Digits after the point in ISO 4217, also of what is out of use; null for a code that is no currency. */
export function exponentOf(currency: string): number | null {
  return exponents.get(currency) ?? null
}

const amountTooLarge = 'The amount is too large.'

export type ParsedAmount = { ok: true; amountMinor: bigint } | { ok: false; reason: string }

/** Major units as text or number (`"100.50"`, `100.5`) → minor units. Digits beyond the exponent are refused, never rounded. */
export function parseAmount(input: unknown, currency: string): ParsedAmount {
  const exponent = exponentOf(currency)
  if (exponent === null || !isCurrency(currency))
    return { ok: false, reason: `${currency} is not an ISO 4217 currency.` }
  return parseDigits(input, exponent, `in ${currency}`)
}

/**
 * Words for what is no amount of the currency; null: it may be one. Where the currency is not known yet (null, or no
 * currency at all) nothing is said that another currency would not say too.
 */
export function amountErrorOf(input: unknown, currency: unknown): string | null {
  const known = typeof currency === 'string' && isCurrency(currency) ? currency : null
  const parsed = known ? parseAmount(input, known) : parseDigits(input, exponentMax, 'in any currency')
  // Fewer digits after the point leave room for more before it.
  return parsed.ok || (known === null && parsed.reason === amountTooLarge) ? null : parsed.reason
}

function parseDigits(input: unknown, exponent: number, where: string): ParsedAmount {
  if (typeof input !== 'string' && typeof input !== 'number') {
    return { ok: false, reason: 'The amount must be a number or a decimal text such as "100.50".' }
  }
  const match = /^(\d{1,15})(?:\.(\d+))?$/.exec(String(input))
  if (!match) return { ok: false, reason: 'The amount must be a plain decimal number such as "100.50".' }
  const fraction = match[2] ?? ''
  if (fraction.length > exponent) {
    const digits = exponent === 0 ? 'no digits' : `at most ${exponent} digits`
    return { ok: false, reason: `The amount may have ${digits} after the point ${where}.` }
  }
  const amountMinor = BigInt(match[1] + fraction.padEnd(exponent, '0'))
  if (amountMinor <= 0n) return { ok: false, reason: 'The amount must be greater than zero.' }
  if (amountMinor > amountMinorMax) return { ok: false, reason: amountTooLarge }
  return { ok: true, amountMinor }
}

/** Minor units → major units as text without superfluous zeros (`10050n` NGN → `"100.5"`). */
export function formatAmount(amountMinor: bigint, currency: string): string {
  const exponent = exponentOf(currency)
  if (exponent === null) throw new RangeError(`no ISO 4217 currency: ${currency}`)
  return formatScaled(amountMinor, exponent)
}

/** For people to read: with all digits of the currency (`10050n` NGN → `"100.50"`, `10000n` → `"100.00"`). */
export function formatFullAmount(amountMinor: bigint, currency: string): string {
  const [whole = '', fraction = ''] = formatAmount(amountMinor, currency).split('.')
  const digits = exponentOf(currency) ?? 0
  return digits === 0 ? whole : `${whole}.${fraction.padEnd(digits, '0')}`
}

/** `value` × 10^-`scale` as decimal text without superfluous zeros. */
export function formatScaled(value: bigint, scale: number): string {
  const digits = (value < 0n ? -value : value).toString().padStart(scale + 1, '0')
  const whole = digits.slice(0, digits.length - scale)
  const fraction = scale === 0 ? '' : digits.slice(-scale).replace(/0+$/, '')
  return `${value < 0n ? '-' : ''}${whole}${fraction && `.${fraction}`}`
}

/**
 * An amount in US dollars as text, at most `decimals` digits after the point, rounded half up.
 * `usdPerUnit` is decimal text: US dollars for one major unit.
 */
export function toUsd(amountMinor: bigint, currency: string, usdPerUnit: string, decimals = 4): string {
  const exponent = exponentOf(currency)
  if (exponent === null) throw new RangeError(`no ISO 4217 currency: ${currency}`)
  const [whole = '0', fraction = ''] = usdPerUnit.split('.')
  const scaled = amountMinor * BigInt(whole + fraction)
  const drop = exponent + fraction.length - decimals
  const rounded = drop <= 0 ? scaled * 10n ** BigInt(-drop) : (scaled + 10n ** BigInt(drop) / 2n) / 10n ** BigInt(drop)
  return formatScaled(rounded, decimals)
}

import { exponentOf } from '../ledger.ts'

/** Fifteen digits: more would not survive as a JSON number with a point in it. */
const MINOR_MAX = 999_999_999_999_999n

/** Major units, a number or text, to ISO minor units digit by digit; null for what is no amount of this currency. */
export function toMinor(wire: unknown, currency: string): number | null {
  if (typeof wire !== 'number' && typeof wire !== 'string') return null
  const match = /^(\d{1,15})(?:\.(\d{1,20}))?$/.exec(String(wire).trim())
  if (!match) return null
  const exponent = exponentOf(currency)
  const fraction = (match[2] ?? '').replace(/0+$/, '')
  if (fraction.length > exponent) return null
  const minor = BigInt(match[1] + fraction.padEnd(exponent, '0'))
  return minor > MINOR_MAX ? null : Number(minor)
}

/** ISO minor units to the JSON number of the wire: the nearest double prints as exactly these digits. */
export function toMajor(minor: number, currency: string): number {
  return Number(`${minor}e-${exponentOf(currency)}`)
}

/** One major unit in minor ones. */
export function unitOf(currency: string): number {
  return 10 ** exponentOf(currency)
}

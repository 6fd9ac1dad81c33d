import type { Channel, CurrencyLimit } from './channel.ts'

/** Why a channel cannot carry an amount; `currency`: it does not take that at all. */
export type Carried = 'ok' | 'currency' | 'too_small' | 'too_large' | 'wrong_step'

/**
 * Whether a channel can carry exactly this amount as one payment, by its own limits; pure. `tokenizes`: the payment must
 * leave a reusable token, which may ask for more.
 */
export function canCarry(
  channel: Pick<Channel, 'limits'>,
  currency: string,
  amountMinor: bigint,
  tokenizes = false,
): Carried {
  const limit = limitOf(channel, currency)
  if (limit === null) return 'currency'
  if (amountMinor < leastOf(limit, tokenizes)) return 'too_small'
  if (limit.payMaxMinor !== null && amountMinor > limit.payMaxMinor) return 'too_large'
  return amountMinor % (limit.stepMinor ?? 1n) === 0n ? 'ok' : 'wrong_step'
}

/** Null where the currency is not taken; a code such as "constructor" is no currency. */
export function limitOf({ limits }: Pick<Channel, 'limits'>, currency: string): CurrencyLimit | null {
  return Object.hasOwn(limits.currencies, currency) ? limits.currencies[currency]! : null
}

/** Least amount, minor units. What makes a token is a payment too. */
export const leastOf = ({ payMinor, tokenizeMinor }: CurrencyLimit, tokenizes: boolean): bigint =>
  tokenizes && tokenizeMinor > payMinor ? tokenizeMinor : payMinor

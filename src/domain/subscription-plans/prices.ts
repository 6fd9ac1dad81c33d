import { type Carried, canCarry, leastOf, limitOf } from '../../channels/carry.ts'
import { type FieldErrors, invalid } from '../../platform/errors.ts'
import { formatAmount } from '../../platform/money.ts'
import type { ChannelAccount } from '../payment-channels/service.ts'

/** Whether the prices of a plan can be paid at all, by what the connected channels can carry. Pure. */

export interface Prices {
  readonly currency: string
  readonly amountMinor: bigint
  /** Null: the first charge is as the others. */
  readonly initialMinor: bigint | null
}

/**
 * Throws 422 for each price that none of the connected channels which take the currency can carry: nobody could ever
 * subscribe. Where none takes it yet, one may be connected tomorrow.
 */
export function requireCarried(
  accounts: readonly ChannelAccount[],
  { currency, amountMinor, initialMinor }: Prices,
): void {
  const taking = accounts.filter(({ isEnabled, channel }) => isEnabled && limitOf(channel, currency) !== null)
  const errors: FieldErrors = {}
  const check = (field: string, price: bigint, isFirst: boolean) => {
    const words = taking.map((account) => wordsOf(account, currency, price, isFirst))
    if (words.length > 0 && !words.includes(null)) errors[field] = words.filter((one) => one !== null)
  }
  // The first charge leaves the method that the others are charged to, which may ask for more.
  check('amount', amountMinor, initialMinor === null)
  if (initialMinor !== null) check('initial_amount', initialMinor, true)
  if (Object.keys(errors).length > 0) throw invalid(errors)
}

/** Why a channel cannot carry a price; null: it can. */
function wordsOf({ channel }: ChannelAccount, currency: string, price: bigint, isFirst: boolean): string | null {
  const limit = limitOf(channel, currency)
  if (limit === null) return null
  const told = (minor: bigint) => `${formatAmount(minor, currency)} ${currency}`
  const name = channel.displayName
  const words: Record<Exclude<Carried, 'currency'>, () => string | null> = {
    ok: () => null,
    too_small: () => `${name} takes at least ${told(leastOf(limit, isFirst))} in one payment.`,
    too_large: () => `${name} takes at most ${told(limit.payMaxMinor ?? price)} in one payment.`,
    wrong_step: () => `${name} takes ${currency} in steps of ${formatAmount(limit.stepMinor ?? 1n, currency)}.`,
  }
  const why = canCarry(channel, currency, price, isFirst)
  return why === 'currency' ? null : words[why]()
}

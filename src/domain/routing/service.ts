import type { ChannelLimits } from '../../channels/channel.ts'
import { ApiError } from '../../platform/errors.ts'
import { formatAmount } from '../../platform/money.ts'
import { channelErrors } from '../payment-channels/errors.ts'

/** Which channels may take a payment, in which order. Pure: everything it decides by is handed in. */

export interface Candidate {
  readonly slug: string
  readonly isEnabled: boolean
  readonly isDefault: boolean
  readonly channel: { readonly displayName: string; readonly limits: ChannelLimits }
}

export interface Wish {
  readonly currency: string
  readonly amountMinor: bigint
  /** The slug that the request names; null: choose. */
  readonly named: string | null
  /** The payment must leave a reusable token. */
  readonly tokenize: boolean
}

/**
 * Named: that one alone, or the reason why not (031, 032, 033). Not named: the default first, then the others in the
 * order of connecting, as far as they take currency and amount; with none left 030 or 033.
 */
export function chooseChannels<C extends Candidate>(accounts: readonly C[], wish: Wish): C[] {
  if (wish.named !== null) return [named(accounts, wish.named, wish)]
  const taking = accounts.filter((account) => account.isEnabled && limitOf(account, wish) !== null)
  if (taking.length === 0) throw new ApiError(channelErrors.noPaymentChannel)
  const able = taking.filter((account) => wish.amountMinor >= (limitOf(account, wish) ?? 0n))
  if (able.length === 0) throw tooSmall(taking, wish)
  return able.sort((a, b) => Number(b.isDefault) - Number(a.isDefault))
}

function named<C extends Candidate>(accounts: readonly C[], slug: string, wish: Wish): C {
  const account = accounts.find((one) => one.slug === slug && one.isEnabled)
  if (!account)
    throw new ApiError(channelErrors.notConnected, { data: { payment_channel: [channelErrors.notConnected.message] } })
  const limit = limitOf(account, wish)
  if (limit === null) {
    const message = `${account.channel.displayName} does not take ${wish.currency}`
    throw new ApiError(channelErrors.currencyNotSupported, { message, data: { currency: [`${message}.`] } })
  }
  if (wish.amountMinor < limit) throw tooSmall([account], wish)
  return account
}

/** Least amount in minor units; null where the currency is not taken. */
function limitOf(account: Candidate, wish: Wish): bigint | null {
  const limit = account.channel.limits.currencies[wish.currency]
  if (!limit) return null
  return wish.tokenize && limit.tokenizeMinor > limit.payMinor ? limit.tokenizeMinor : limit.payMinor
}

function tooSmall(accounts: readonly Candidate[], wish: Wish): ApiError {
  const least = accounts
    .map((account) => limitOf(account, wish))
    .filter((limit) => limit !== null)
    .reduce((a, b) => (b < a ? b : a))
  const words = `The least amount is ${formatAmount(least, wish.currency)} ${wish.currency}.`
  return new ApiError(channelErrors.amountTooSmall, { data: { amount: [words] } })
}

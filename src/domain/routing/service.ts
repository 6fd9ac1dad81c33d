import { type Carried, canCarry, leastOf, limitOf } from '../../channels/carry.ts'
import type { ChannelLimits } from '../../channels/channel.ts'
import { ApiError, invalid } from '../../platform/errors.ts'
import { formatAmount } from '../../platform/money.ts'
import { channelErrors } from '../payment-channels/errors.ts'

/** Which channels may take a payment, in which order. Pure: everything it decides by is handed in. */

export interface Candidate {
  readonly slug: string
  readonly isEnabled: boolean
  readonly isDefault: boolean
  readonly channel: { readonly displayName: string; readonly limits: ChannelLimits }
}

/** Outcomes of attempts in the window that is looked at. */
export interface Record24h {
  readonly successful: number
  readonly failed: number
}

export interface RoutingCriteria {
  readonly currency: string
  readonly amountMinor: bigint
  /** The slug that the request names; null: choose. */
  readonly named: string | null
  /** The payment must leave a reusable token. */
  readonly tokenize: boolean
  /** Slugs whose circuit breaker is open: they come last. */
  readonly unhealthy?: ReadonlySet<string>
  /** With it the better record goes first; without it the default and the order of connecting decide. */
  readonly records?: ReadonlyMap<string, Record24h>
  /** A number in [0, 1) for exploring; only read with `records`. */
  readonly random?: number
}

/** One payment in ten goes to another channel first, so that a channel that has recovered is noticed. */
const exploreShare = 0.1

export interface Weighed<C> {
  readonly account: C
  /** Null: it can take the payment. */
  readonly refusal: ApiError | null
  /** Why it stands where it stands, in words. */
  readonly reason: string
}

/** Every account with the reason for its place: first those that can take the payment, in the order in which they are tried. */
export function weigh<C extends Candidate>(accounts: readonly C[], wish: RoutingCriteria): Weighed<C>[] {
  const judged = accounts.map((account) => ({ account, refusal: refusalOf(account, wish) }))
  const able = judged.filter((one) => one.refusal === null).map((one) => one.account)
  const ordered = order(able, wish)
  return [
    ...ordered.map((account) => ({ account, refusal: null, reason: reasonOf(account, wish, account === ordered[0]) })),
    ...judged.filter((one) => one.refusal).map((one) => ({ ...one, reason: one.refusal?.message ?? '' })),
  ]
}

/**
 * Named: that one alone, or the reason why not (`PAYMENT_CHANNEL_NOT_CONNECTED`, `CURRENCY_NOT_SUPPORTED`,
 * `AMOUNT_TOO_SMALL`, `AMOUNT_TOO_LARGE`, or 422 for an amount between its steps). Not named: all that can carry it, in
 * order; with none `NO_PAYMENT_CHANNEL`, else the reason of those that take the currency.
 */
export function chooseChannels<C extends Candidate>(accounts: readonly C[], wish: RoutingCriteria): C[] {
  if (wish.named !== null) return [named(accounts, wish.named, wish)]
  const weighed = weigh(accounts, wish)
  const able = weighed.filter((one) => one.refusal === null).map((one) => one.account)
  if (able.length > 0) return able
  const taking = accounts.filter((account) => account.isEnabled && carried(account, wish) !== 'currency')
  if (taking.length === 0) throw new ApiError(channelErrors.noPaymentChannel)
  const refusing = (why: Carried) => taking.filter((account) => carried(account, wish) === why)
  if (refusing('too_large').length > 0) throw tooLarge(refusing('too_large'), wish)
  if (refusing('too_small').length > 0) throw tooSmall(refusing('too_small'), wish)
  throw wrongStep(taking[0]!, wish)
}

function named<C extends Candidate>(accounts: readonly C[], slug: string, wish: RoutingCriteria): C {
  const account = accounts.find((one) => one.slug === slug)
  const refusal = account ? refusalOf(account, wish) : notConnected()
  if (!account || refusal) throw refusal
  return account
}

const notConnected = () =>
  new ApiError(channelErrors.notConnected, { data: { payment_channel: [`${channelErrors.notConnected.message}.`] } })

function refusalOf(account: Candidate, wish: RoutingCriteria): ApiError | null {
  if (!account.isEnabled) return notConnected()
  const why = carried(account, wish)
  if (why === 'ok') return null
  if (why === 'too_small') return tooSmall([account], wish)
  if (why === 'too_large') return tooLarge([account], wish)
  if (why === 'wrong_step') return wrongStep(account, wish)
  const message = `${account.channel.displayName} does not take ${wish.currency}`
  return new ApiError(channelErrors.currencyNotSupported, { message, data: { currency: [`${message}.`] } })
}

const carried = ({ channel }: Candidate, { currency, amountMinor, tokenize }: RoutingCriteria): Carried =>
  canCarry(channel, currency, amountMinor, tokenize)

/** Healthy before unhealthy; then the better record (with exploration), or the default; then the order of connecting. */
function order<C extends Candidate>(able: readonly C[], wish: RoutingCriteria): C[] {
  const score = (account: C) => (wish.records ? successRate(wish.records.get(account.slug)) : Number(account.isDefault))
  const sick = (account: C) => Number(wish.unhealthy?.has(account.slug) ?? false)
  const ordered = [...able].sort((a, b) => sick(a) - sick(b) || score(b) - score(a))
  const explored = wish.records ? exploring(ordered, wish.random ?? 1) : null
  return explored ? [explored, ...ordered.filter((one) => one !== explored)] : ordered
}

/** The account that is tried first out of turn; null nine times in ten. */
function exploring<C>(ordered: readonly C[], random: number): C | null {
  if (random >= exploreShare || ordered.length < 2) return null
  return ordered[1 + Math.floor((random / exploreShare) * (ordered.length - 1))] ?? null
}

/** Laplace's rule: a channel without a record counts as one half, a short one is not believed much. */
export const successRate = (record: Record24h | undefined): number =>
  ((record?.successful ?? 0) + 1) / ((record?.successful ?? 0) + (record?.failed ?? 0) + 2)

function reasonOf(account: Candidate, wish: RoutingCriteria, isFirst: boolean): string {
  if (wish.unhealthy?.has(account.slug)) return 'has not answered lately, so it comes last'
  if (wish.records) {
    const { successful = 0, failed = 0 } = wish.records.get(account.slug) ?? {}
    return `${successful} of its last ${successful + failed} attempts were successful`
  }
  if (account.isDefault) return 'is the default channel'
  return isFirst ? 'is the first connected channel that takes the currency' : 'is tried when those before it cannot'
}

/**
 * The least sum that leaves a reusable token, of each channel that may take the payment, in the order in which they
 * are tried. Empty where none of them takes the currency.
 */
export function leastToTokenize<C extends Candidate>(
  accounts: readonly C[],
  wish: Omit<RoutingCriteria, 'amountMinor'>,
): bigint[] {
  const able = accounts.filter((account) => account.isEnabled && (wish.named ?? account.slug) === account.slug)
  return limitsOf(order(able, { ...wish, amountMinor: 0n }), wish.currency).map((limit) => leastOf(limit, true))
}

/** The least that any of them takes. */
function tooSmall(accounts: readonly Candidate[], { currency, tokenize }: RoutingCriteria): ApiError {
  const least = limitsOf(accounts, currency)
    .map((limit) => leastOf(limit, tokenize))
    .reduce((a, b) => (b < a ? b : a))
  const words = `The least amount is ${formatAmount(least, currency)} ${currency}.`
  return new ApiError(channelErrors.amountTooSmall, { data: { amount: [words] } })
}

/** The most that any of them takes; no limit is none that could be too small. */
function tooLarge(accounts: readonly Candidate[], { currency }: RoutingCriteria): ApiError {
  const most = limitsOf(accounts, currency).map(({ payMaxMinor }) => payMaxMinor ?? 0n)
  const greatest = most.reduce((a, b) => (b > a ? b : a))
  const names = accounts.length === 1 ? accounts[0]!.channel.displayName : 'The payment channels'
  const words = `${names} take${accounts.length === 1 ? 's' : ''} at most ${formatAmount(greatest, currency)} ${currency} in one payment.`
  return new ApiError(channelErrors.amountTooLarge, { data: { amount: [words] } })
}

/** No rule of ours and none of ISO 4217: the channel cannot say such an amount. */
function wrongStep(account: Candidate, { currency }: RoutingCriteria): ApiError {
  const step = limitOf(account.channel, currency)?.stepMinor ?? 1n
  const words = `${account.channel.displayName} takes ${currency} in steps of ${formatAmount(step, currency)}.`
  return invalid({ amount: [words] })
}

const limitsOf = (accounts: readonly Candidate[], currency: string) =>
  accounts.map((account) => limitOf(account.channel, currency)).filter((limit) => limit !== null)

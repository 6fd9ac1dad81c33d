import type { ChannelLimits } from '../../channels/channel.ts'
import { ApiError } from '../../platform/errors.ts'
import { exponentOf, formatAmount } from '../../platform/money.ts'
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

export interface Wish {
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
export function weigh<C extends Candidate>(accounts: readonly C[], wish: Wish): Weighed<C>[] {
  const judged = accounts.map((account) => ({ account, refusal: refusalOf(account, wish) }))
  const able = judged.filter((one) => one.refusal === null).map((one) => one.account)
  const ordered = order(able, wish)
  return [
    ...ordered.map((account) => ({ account, refusal: null, reason: reasonOf(account, wish, account === ordered[0]) })),
    ...judged.filter((one) => one.refusal).map((one) => ({ ...one, reason: one.refusal?.message ?? '' })),
  ]
}

/**
 * Named: that one alone, or the reason why not (031, 032, 033). Not named: all that can take it, in order; with none
 * 030 or 033.
 */
export function chooseChannels<C extends Candidate>(accounts: readonly C[], wish: Wish): C[] {
  if (wish.named !== null) return [named(accounts, wish.named, wish)]
  const weighed = weigh(accounts, wish)
  const able = weighed.filter((one) => one.refusal === null).map((one) => one.account)
  if (able.length > 0) return able
  const taking = accounts.filter((account) => account.isEnabled && limitOf(account, wish) !== null)
  if (taking.length === 0) throw new ApiError(channelErrors.noPaymentChannel)
  const tooMuchFor = taking.find((account) => isTooLarge(account, wish))
  throw tooMuchFor ? tooLarge(tooMuchFor) : tooSmall(taking, wish)
}

function named<C extends Candidate>(accounts: readonly C[], slug: string, wish: Wish): C {
  const account = accounts.find((one) => one.slug === slug)
  const refusal = account ? refusalOf(account, wish) : notConnected()
  if (!account || refusal) throw refusal
  return account
}

const notConnected = () =>
  new ApiError(channelErrors.notConnected, { data: { payment_channel: [`${channelErrors.notConnected.message}.`] } })

function refusalOf(account: Candidate, wish: Wish): ApiError | null {
  if (!account.isEnabled) return notConnected()
  const limit = limitOf(account, wish)
  if (limit === null) {
    const message = `${account.channel.displayName} does not take ${wish.currency}`
    return new ApiError(channelErrors.currencyNotSupported, { message, data: { currency: [`${message}.`] } })
  }
  if (wish.amountMinor < limit) return tooSmall([account], wish)
  return isTooLarge(account, wish) ? tooLarge(account) : null
}

function isTooLarge(account: Candidate, wish: Wish): boolean {
  const most = account.channel.limits.payMaxMajor
  return most !== null && wish.amountMinor > most * 10n ** BigInt(exponentOf(wish.currency) ?? 0)
}

const tooLarge = (account: Candidate) =>
  new ApiError(channelErrors.amountTooLarge, {
    data: {
      amount: [`${account.channel.displayName} takes at most ${account.channel.limits.payMaxMajor} in one payment.`],
    },
  })

/** Healthy before unhealthy; then the better record (with exploration), or the default; then the order of connecting. */
function order<C extends Candidate>(able: readonly C[], wish: Wish): C[] {
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

function reasonOf(account: Candidate, wish: Wish, isFirst: boolean): string {
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
  wish: Omit<Wish, 'amountMinor'>,
): bigint[] {
  const tokenizing = { currency: wish.currency, tokenize: true }
  const able = accounts.filter((account) => account.isEnabled && (wish.named ?? account.slug) === account.slug)
  return order(able, { ...wish, amountMinor: 0n })
    .map((account) => limitOf(account, tokenizing))
    .filter((limit) => limit !== null)
}

/** Least amount in minor units; null where the currency is not taken. */
function limitOf(account: Candidate, wish: Pick<Wish, 'currency' | 'tokenize'>): bigint | null {
  const limit = account.channel.limits.currencies[wish.currency]
  if (!limit) return null
  return wish.tokenize && limit.tokenizeMinor > limit.payMinor ? limit.tokenizeMinor : limit.payMinor
}

function tooSmall(accounts: readonly Candidate[], wish: Wish): ApiError {
  const limits = accounts.map((account) => limitOf(account, wish)).filter((limit) => limit !== null)
  const least = limits.reduce((a, b) => (b < a ? b : a))
  const words = `The least amount is ${formatAmount(least, wish.currency)} ${wish.currency}.`
  return new ApiError(channelErrors.amountTooSmall, { data: { amount: [words] } })
}

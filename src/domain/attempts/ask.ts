import { ChannelError, type ChannelPayment } from '../../channels/channel.ts'
import type { Context } from '../../platform/context.ts'
import { type ChannelAccount, call, findMaybeAccount } from '../payment-channels/service.ts'
import type { TransactionRow } from '../payment-requests/schema.ts'
import type { Owner } from '../payment-requests/service.ts'
import { isSettled, isUndecided, isUnderWay } from '../payment-requests/states.ts'
import { judge } from './judge.ts'
import { write } from './outcome.ts'
import { leadBySuccess, recordFurther, successesIn } from './received.ts'
import { lookupOf } from './saved.ts'
import * as store from './store.ts'
import { isRecorded } from './store-received.ts'
import { withRequest } from './with-request.ts'

/**
 * Every outcome enters here, whoever brought it (webhook, return, janitor, verify, cancel, expiry): ask the channel
 * with nothing open, then judge and write under the request's lock.
 */

/**
 * Asks the channel about one attempt, and about the payment that a webhook named, and applies its word. Throws
 * `ChannelError` when there is none.
 */
export async function refreshAttempt(
  ctx: Context,
  attempt: TransactionRow,
  channelTransactionId: string | null = null,
): Promise<void> {
  const account = await accountOf(ctx, attempt)
  const lookup = await lookupOf(ctx, attempt, channelTransactionId)
  const answer = await call(ctx, account, 'verify', (channel, credentials, transport) =>
    channel.fetchPayment(lookup, credentials, transport),
  )
  await apply(ctx, attempt, answer)
}

/** What is known of a payment that a webhook named. */
export interface Named {
  readonly status: TransactionRow['status']
  /** That very payment is recorded; also where the webhook named none. */
  readonly isRecorded: boolean
}

/** By our own rows alone. Undefined: none of ours. */
export async function findMaybeNamed(
  ctx: Context,
  owner: Owner,
  slug: string,
  lookup: PaymentLookupWords,
): Promise<(Named & { attempt: TransactionRow }) | undefined> {
  const attempt = await store.findMaybeTransaction(ctx.db, owner, slug, lookup)
  if (!attempt) return undefined
  const { channelTransactionId = null } = lookup
  const payment = { requestId: attempt.payment_request_id, slug, channelTransactionId: channelTransactionId ?? '' }
  const known = channelTransactionId === null || (await isRecorded(ctx.db, owner, payment))
  return { attempt, status: attempt.status, isRecorded: known }
}

/**
 * A provider's webhook named a payment: asks about it, and gives what is known then. A payment that is recorded already
 * is not asked about again; one that is not is, also where its attempt is settled: it is further money. Undefined: none of
 * ours. Throws `ChannelError`.
 */
export async function refreshByReference(
  ctx: Context,
  owner: Owner,
  slug: string,
  lookup: PaymentLookupWords,
): Promise<Named | undefined> {
  const named = await findMaybeNamed(ctx, owner, slug, lookup)
  if (!named) return undefined
  const { channelTransactionId = null } = lookup
  if (channelTransactionId !== null && isSettled(named.status) && named.isRecorded) return named
  await refreshAttempt(ctx, named.attempt, channelTransactionId)
  return await findMaybeNamed(ctx, owner, slug, lookup)
}

export interface PaymentLookupWords {
  reference: string | null
  channelReference: string | null
  channelTransactionId?: string | null
}

async function accountOf(ctx: Context, attempt: TransactionRow): Promise<ChannelAccount> {
  const account = await findMaybeAccount(ctx, ownerOf(attempt), attempt.payment_channel_slug)
  if (account) return account
  throw new ChannelError('the channel is no longer connected', { outcome: 'unknown', reason: 'unavailable' })
}

/**
 * Writes what a channel said of an attempt: state, timeline and event in one transaction. Safe to repeat.
 * `isHardDecline`: a refusal also ends the use of the saved method that was charged.
 */
export async function apply(
  ctx: Context,
  attempt: TransactionRow,
  said: ChannelPayment,
  isHardDecline = false,
): Promise<void> {
  const answer = leadBySuccess(said)
  // Nothing new: no lock needed to see that. A charge that was never received is news at some age.
  const isOwn = (answer.reference ?? attempt.ref) === attempt.ref
  if (answer.status === 'pending' && isOwn && !isUnderWay(attempt.status)) return
  const verdictKind = await withRequest(ctx, attempt.payment_request_id, async (change) => {
    const current = change.attempts.find((one) => one.id === attempt.id)
    if (!current) return 'nothing'
    const verdict = judge(
      {
        requestStatus: change.request.status,
        attemptStatus: current.status,
        reference: current.ref,
        amountMinor: current.amount_minor,
        currency: current.currency,
        isOverdue: current.processing_until !== null && current.processing_until <= change.now,
        chargedAgoMs: chargedAgoMs(ctx, current, change.now),
      },
      answer,
    )
    await write(change, current, verdict, answer, isHardDecline)
    if (verdict.kind === 'foreign' || successesIn(answer).length === 0) return verdict.kind
    const [now] = (await store.listTransactions(change.tx, change.request.id)).filter((one) => one.id === current.id)
    const found = now ? await recordFurther(change, now, current.status, answer) : 0
    return found > 0 && verdict.kind === 'nothing' ? 'excess' : verdict.kind
  })
  if (verdictKind === 'nothing') return
  ctx.log.info({ transaction: attempt.ref, verdict: verdictKind }, 'outcome applied')
  if (verdictKind === 'success') await closeOthers(ctx, attempt)
}

/** In real time: the channel does not live by a test clock. (Rows of before say when only in the time of their mode.) */
function chargedAgoMs(ctx: Context, attempt: TransactionRow, now: Date): number | null {
  if (attempt.mode !== 'saved') return null
  const { sent_at: sentAt, created_at: createdAt } = attempt
  return sentAt ? ctx.clock.now().getTime() - sentAt.getTime() : now.getTime() - createdAt.getTime()
}

/** The request is paid: pages that are still open elsewhere are closed where that can be done. */
async function closeOthers(ctx: Context, paid: TransactionRow): Promise<void> {
  const attempts = await store.listTransactions(ctx.db, paid.payment_request_id)
  for (const other of attempts) if (other.status === 'voided') await closePage(ctx, other)
}

/**
 * Asks the channel to close its page, where it can. A refusal may mean that it was paid meanwhile: then we ask. No
 * answer changes nothing: our own guard (`voided`) holds, and the janitor closes it later.
 */
export async function closePage(ctx: Context, attempt: TransactionRow): Promise<void> {
  const account = await findMaybeAccount(ctx, ownerOf(attempt), attempt.payment_channel_slug)
  const voidCheckout = account?.channel.voidCheckout
  // A page on which the payer confirms a charge cannot be closed, nor one that was paid on.
  if (
    attempt.status === 'processing' ||
    !account ||
    !voidCheckout ||
    attempt.opened_at === null ||
    attempt.mode === 'saved'
  )
    return
  const { ref: reference, channel_reference: channelReference, checkout_url: url } = attempt
  try {
    await call(ctx, account, 'void', (channel, credentials, transport) =>
      voidCheckout.call(channel, { reference, channelReference, url }, credentials, transport),
    )
  } catch (error) {
    if (!(error instanceof ChannelError)) throw error
    if (error.reason === 'refused') await quietly(refreshAttempt(ctx, attempt))
  }
}

const ownerOf = (attempt: TransactionRow): Owner => ({ businessId: attempt.business_id, envMode: attempt.env_mode })

/** For where a channel's silence changes nothing; it is logged where the call is made. */
export async function quietly(work: Promise<unknown>): Promise<void> {
  try {
    await work
  } catch (error) {
    if (!(error instanceof ChannelError)) throw error
  }
}

/** Attempts asked about by hand at once; older ones are the janitor's. */
const askedAtOnceMax = 10

/** Asks about every attempt that may still turn. The last channel's silence is thrown when nobody answered. */
export async function refreshRequest(
  ctx: Context,
  requestId: string,
): Promise<{ silent: { attempt: TransactionRow; error: ChannelError } | null }> {
  const attempts = await store.listTransactions(ctx.db, requestId)
  const open = attempts
    .filter((attempt) => !isSettled(attempt.status) && attempt.opened_at !== null)
    .slice(-askedAtOnceMax)
  let silent: { attempt: TransactionRow; error: ChannelError } | null = null
  for (const attempt of open) {
    try {
      await refreshAttempt(ctx, attempt)
    } catch (error) {
      if (!(error instanceof ChannelError)) throw error
      if (isUndecided(attempt.status)) silent = { attempt, error }
    }
  }
  return { silent }
}

import { ChannelError, type ChannelPayment } from '../../channels/channel.ts'
import type { Context } from '../../platform/context.ts'
import type { Caller } from '../businesses/service.ts'
import { type ChannelAccount, call, findMaybeAccount, publicError } from '../payment-channels/service.ts'
import { withRequest } from './change.ts'
import { findId, load } from './find.ts'
import { write } from './outcome.ts'
import { lookupOf } from './saved.ts'
import type { FullRequest, TransactionRow } from './schema.ts'
import { isSettled, isUndecided, isUnderWay, judge } from './states.ts'
import type { Owner } from './store.ts'
import * as store from './store.ts'

/**
 * Every outcome enters here, whoever brought it (webhook, return, janitor, verify, cancel, expiry): ask the channel
 * with nothing open, then judge and write under the request's lock.
 */

/** Asks the channel about one attempt and applies its word. Throws `ChannelError` when there is none. */
export async function refreshAttempt(ctx: Context, attempt: TransactionRow): Promise<void> {
  const account = await accountOf(ctx, attempt)
  const lookup = await lookupOf(ctx, attempt)
  const answer = await call(ctx, account, 'verify', (channel, credentials, transport) =>
    channel.fetchPayment(lookup, credentials, transport),
  )
  await apply(ctx, attempt, answer)
}

/** A provider's webhook named a payment: asks about it. False: it is none of ours. Throws `ChannelError`. */
export async function refreshByReference(
  ctx: Context,
  owner: Owner,
  slug: string,
  lookup: PaymentLookupWords,
): Promise<boolean> {
  const attempt = await store.findMaybeTransaction(ctx.db, owner, slug, lookup)
  if (!attempt) return false
  await refreshAttempt(ctx, attempt)
  return true
}

export interface PaymentLookupWords {
  reference: string | null
  channelReference: string | null
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
  answer: ChannelPayment,
  isHardDecline = false,
): Promise<void> {
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
        chargedAgoMs: current.mode === 'saved' ? change.now.getTime() - current.created_at.getTime() : null,
      },
      answer,
    )
    await write(change, current, verdict, answer, isHardDecline)
    return verdict.kind
  })
  if (verdictKind === 'nothing') return
  ctx.log.info({ transaction: attempt.ref, verdict: verdictKind }, 'outcome applied')
  if (verdictKind === 'success') await closeOthers(ctx, attempt)
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

/** Asks the channel now. Throws 503/502 when it does not say. */
export async function verify(ctx: Context, caller: Caller, ref: string): Promise<FullRequest> {
  const requestId = await findId(ctx, caller, ref)
  const { silent } = await refreshRequest(ctx, requestId)
  if (silent) {
    const account = await findMaybeAccount(ctx, caller, silent.attempt.payment_channel_slug)
    if (account) throw publicError(account, silent.error)
    throw silent.error
  }
  return await load(ctx, requestId)
}

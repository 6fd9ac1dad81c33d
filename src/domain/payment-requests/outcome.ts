import { ChannelError, type ChannelPayment } from '../../channels/channel.ts'
import { findChannel } from '../../channels/index.ts'
import type { EventType } from '../../events/catalogue.ts'
import { dispatchQueue, record } from '../../events/outbox.ts'
import { dayMs } from '../../platform/clock.ts'
import type { Context } from '../../platform/context.ts'
import { inTransaction, type Tx } from '../../platform/db.ts'
import { ApiError } from '../../platform/errors.ts'
import { move } from '../../platform/states.ts'
import type { Business } from '../businesses/schema.ts'
import { type Caller, find as findBusiness, findNow, nowOf } from '../businesses/service.ts'
import { type ChannelAccount, call, findMaybeAccount, listAccounts, publicError } from '../payment-channels/service.ts'
import { paymentRequestErrors } from './errors.ts'
import { findId, load, presentWith } from './find.ts'
import { endOf } from './follow-up.ts'
import { tell, voidAttempt } from './open.ts'
import { keepSaved, lookupOf, writeDecline } from './saved.ts'
import type { FullRequest, RequestRow, TransactionRow } from './schema.ts'
import { isPayable, isSettled, isUndecided, judge, requestMachine, transactionMachine, type Verdict } from './states.ts'
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
  if (answer.status === 'pending' && isOwn && attempt.status !== 'unknown') return
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
  // A page on which the payer confirms a charge cannot be closed.
  if (!account || !voidCheckout || attempt.opened_at === null || attempt.mode === 'saved') return
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

/** A request under its lock, and what a change needs to write. */
export interface Change {
  ctx: Context
  tx: Tx
  business: Business
  request: RequestRow
  attempts: TransactionRow[]
  now: Date
  emit: (type: EventType) => Promise<void>
}

export async function withRequest<T>(
  ctx: Context,
  requestId: string,
  work: (change: Change) => Promise<T>,
): Promise<T> {
  // Read before the transaction: with one connection nothing else may be asked for inside it.
  const { request: known } = await load(ctx, requestId)
  const owner = { businessId: known.business_id, envMode: known.env_mode }
  const [business, accounts] = [
    await findBusiness(ctx, owner.businessId, owner.envMode),
    await listAccounts(ctx, owner),
  ]
  let emitted = false
  const result = await inTransaction(ctx.db, async (tx) => {
    const request = await store.lock(tx, requestId)
    if (!request) throw new Error(`payment request ${requestId} is gone`)
    const now = nowOf(ctx, business)
    const emit = async (type: EventType) => {
      const full = (await store.load(tx, requestId)) as FullRequest
      const relations = ['timeline_records', 'customer', 'business'] as const
      // At the top, where receivers look for it.
      const { reference, ...body } = presentWith(ctx, business, accounts, full, relations)
      const data = { reference, ...body }
      await record(tx, ctx.queue, { ...owner, type, objectType: 'payment_request', objectId: requestId, data, now })
      emitted = true
    }
    return await work({ ctx, tx, business, request, attempts: await store.listTransactions(tx, requestId), now, emit })
  })
  if (emitted) ctx.queue.wake(dispatchQueue)
  return result
}

async function write(
  change: Change,
  attempt: TransactionRow,
  verdict: Verdict,
  answer: ChannelPayment,
  isHardDecline: boolean,
): Promise<void> {
  switch (verdict.kind) {
    case 'nothing':
      return
    case 'success':
      return await writeSuccess(change, attempt, answer)
    case 'refused':
      return await writeRefusal(change, attempt, verdict, isHardDecline)
    case 'closed':
      return await writeClosed(change, attempt, answer)
    case 'excess':
      return await writeExcess(change, attempt, answer, verdict.words)
    case 'foreign':
      return await writeForeign(change, attempt, verdict.words)
  }
}

const nameOf = (attempt: TransactionRow) => findChannel(attempt.payment_channel_slug).displayName

async function writeSuccess(change: Change, attempt: TransactionRow, answer: ChannelPayment): Promise<void> {
  const { tx, request, attempts, now } = change
  const paid = { payment_method: answer.paymentMethod, updated_at: now }
  await move(tx, transactionMachine, attempt.id, attempt.status, 'successful', {
    ...paid,
    channel_transaction_id: answer.channelTransactionId,
    reason: null,
    check_at: null,
  })
  for (const other of attempts)
    if (other.id !== attempt.id && other.status === 'pending') await voidAttempt(tx, other, now)
  await move(tx, requestMachine, request.id, request.status, 'successful', { ...paid, ...endOf(request, now) })
  await tell(tx, {
    requestId: request.id,
    transactionId: attempt.id,
    paymentMethod: answer.paymentMethod,
    summary: `${nameOf(attempt)} confirmed the payment`,
    status: 'successful',
    now,
  })
  await keepSaved(change, attempt, answer)
  await change.emit('payment.completed.successfully')
}

/**
 * One refused attempt does not end the request: the payer may try again there, or be relayed elsewhere. The charge of
 * a saved method that was all of its request does.
 */
async function writeRefusal(
  change: Change,
  attempt: TransactionRow,
  verdict: Extract<Verdict, { kind: 'refused' }>,
  isHardDecline: boolean,
): Promise<void> {
  const { tx, request, now } = change
  const reason = verdict.reason?.slice(0, 300) ?? 'no reason given'
  await move(tx, transactionMachine, attempt.id, attempt.status, 'failed', { reason, updated_at: now })
  const summary = `${nameOf(attempt)} declined the payment: ${reason}`
  await tell(tx, { requestId: request.id, transactionId: attempt.id, summary, status: 'failed', now })
  if (attempt.mode !== 'saved') return
  await writeDecline(change, attempt, verdict.isLost ? null : isHardDecline ? 'hard' : 'soft')
}

async function writeClosed(change: Change, attempt: TransactionRow, answer: ChannelPayment): Promise<void> {
  const { tx, request, now } = change
  const to = attempt.status === 'pending' ? 'expired' : 'failed'
  await move(tx, transactionMachine, attempt.id, attempt.status, to, { reason: answer.channelStatus, updated_at: now })
  const what = attempt.mode === 'saved' ? 'closed the payment' : 'closed its payment page'
  const summary = `${nameOf(attempt)} ${what}`
  await tell(tx, { requestId: request.id, transactionId: attempt.id, summary, status: to, now })
  if (attempt.mode === 'saved') await writeDecline(change, attempt, 'soft')
}

async function writeExcess(
  change: Change,
  attempt: TransactionRow,
  answer: ChannelPayment,
  words: string,
): Promise<void> {
  const { tx, request, now } = change
  await move(tx, transactionMachine, attempt.id, attempt.status, 'excess', {
    channel_transaction_id: answer.channelTransactionId,
    payment_method: answer.paymentMethod,
    received_amount_minor: answer.amountMinor,
    received_currency: answer.currency,
    reason: words.slice(0, 300),
    check_at: null,
    refund_due_at: now,
    updated_at: now,
  })
  const summary = `${nameOf(attempt)} ${words}`
  await tell(tx, {
    requestId: request.id,
    transactionId: attempt.id,
    paymentMethod: answer.paymentMethod,
    summary,
    status: 'excess',
    now,
  })
  await change.emit('payment.excess')
  if (attempt.mode === 'saved') await writeDecline(change, attempt, 'soft')
}

/** Told once: the same words again are no news. */
async function writeForeign(change: Change, attempt: TransactionRow, words: string): Promise<void> {
  const { tx, request, now } = change
  if (attempt.reason === words) return
  await store.noteReason(tx, attempt.id, words, now)
  await tell(tx, {
    requestId: request.id,
    transactionId: attempt.id,
    summary: `${nameOf(attempt)} ${words}`,
    status: null,
    now,
  })
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

/**
 * Voids what is pending and ends the request. A payment that is already in wins: then 409. While a charge is unknown
 * the request cannot end either.
 */
export async function cancel(ctx: Context, caller: Caller, ref: string): Promise<FullRequest> {
  const requestId = await findId(ctx, caller, ref)
  await refreshRequest(ctx, requestId)
  const pending = (await store.listTransactions(ctx.db, requestId)).filter((one) => one.status === 'pending')
  for (const attempt of pending) await closePage(ctx, attempt)
  await withRequest(ctx, requestId, async (change) => {
    const { request, attempts } = change
    if (request.status === 'cancelled') return
    if (!isPayable(request.status) || attempts.some((one) => one.status === 'unknown')) {
      throw new ApiError(paymentRequestErrors.notRelayable)
    }
    await end(change, 'cancelled', 'Payment cancelled')
    await change.emit('payment.cancelled')
  })
  return await load(ctx, requestId)
}

async function end(change: Change, to: 'cancelled' | 'expired', summary: string): Promise<void> {
  const { tx, request, attempts, now } = change
  for (const attempt of attempts.filter((one) => one.status === 'pending')) {
    if (to === 'cancelled') await voidAttempt(tx, attempt, now)
    else await move(tx, transactionMachine, attempt.id, 'pending', 'expired', { updated_at: now })
  }
  await move(tx, requestMachine, request.id, request.status, to, { ...endOf(request, now), updated_at: now })
  await tell(tx, { requestId: request.id, transactionId: null, summary, status: to, now })
}

/** A channel that cannot be asked postpones the end of a request, but not for longer than this. */
const expiryGraceMs = dayMs

/**
 * Ends a request whose time is up, after asking the channel once more: money that is in counts, whoever comes first.
 * False: a channel did not say, look again later.
 */
export async function expire(ctx: Context, request: RequestRow): Promise<boolean> {
  const { silent } = await refreshRequest(ctx, request.id)
  const now = await findNow(ctx, { businessId: request.business_id, envMode: request.env_mode })
  const graceOver = now.getTime() - request.expires_at.getTime() > expiryGraceMs
  if (silent && !graceOver) return false
  return await withRequest(ctx, request.id, async (change) => {
    if (!isPayable(change.request.status)) return true
    if (change.attempts.some((one) => one.status === 'unknown')) return false
    await end(change, 'expired', 'Payment expired')
    await change.emit('payment.expired')
    return true
  })
}

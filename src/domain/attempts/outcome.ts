import type { ChannelPayment } from '../../channels/channel.ts'
import { findChannel } from '../../channels/index.ts'
import { after, dayMs } from '../../platform/clock.ts'
import { move } from '../../platform/states.ts'
import * as held from '../payment-requests/held.ts'
import { addTimelineEntry, endOf } from '../payment-requests/held.ts'
import type { TransactionRow } from '../payment-requests/schema.ts'
import { money, requestMachine, transactionMachine } from '../payment-requests/states.ts'
import type { Verdict } from './judge.ts'
import { voidAttempt } from './open.ts'
import { isForSaving, keepSaved, writeDecline } from './saved.ts'
import { nextCheck } from './schedule.ts'
import * as store from './store.ts'
import { setRefundDue } from './store-received.ts'
import type { RequestChange } from './with-request.ts'

/** What a verdict writes: states, timeline and events, in the transaction that holds the request's lock. */

export async function write(
  change: RequestChange,
  attempt: TransactionRow,
  verdict: Verdict,
  answer: ChannelPayment,
  isHardDecline: boolean,
): Promise<void> {
  switch (verdict.kind) {
    case 'nothing':
      return
    case 'success':
      return await writeSuccess(change, attempt, answer, verdict.overMinor)
    case 'underpaid':
      return await writeUnderpaid(change, attempt, answer, verdict.words)
    case 'refused':
      return await writeRefusal(change, attempt, verdict, isHardDecline)
    case 'closed':
      return await writeClosed(change, attempt, answer)
    case 'processing':
      return await writeProcessing(change, attempt, answer)
    case 'late':
      return await writeLate(change, attempt, answer, verdict.words)
    case 'idle':
      return await writeIdle(change, attempt)
    case 'excess':
      return await writeExcess(change, attempt, answer, verdict.words)
    case 'foreign':
      return await writeForeign(change, attempt, verdict.words)
  }
}

const nameOf = (attempt: TransactionRow) => findChannel(attempt.payment_channel_slug).displayName

async function writeSuccess(
  change: RequestChange,
  attempt: TransactionRow,
  answer: ChannelPayment,
  overMinor: bigint,
): Promise<void> {
  const { tx, request, attempts, now } = change
  const paid = { payment_method: answer.paymentMethod, updated_at: now }
  await move(tx, transactionMachine, attempt.id, attempt.status, 'successful', {
    ...paid,
    channel_transaction_id: answer.channelTransactionId,
    received_amount_minor: attempt.amount_minor + overMinor,
    received_currency: attempt.currency,
    reason: null,
    check_at: null,
  })
  for (const other of attempts)
    if (other.id !== attempt.id && other.status === 'pending') await voidAttempt(tx, other, now)
  await move(tx, requestMachine, request.id, request.status, 'successful', { ...paid, ...endOf(request, now) })
  await addTimelineEntry(tx, {
    requestId: request.id,
    transactionId: attempt.id,
    paymentMethod: answer.paymentMethod,
    summary: `${nameOf(attempt)} confirmed the payment`,
    status: 'successful',
    now,
  })
  await keepSaved(change, attempt, answer)
  await change.emit('payment.completed.successfully')
  if (overMinor > 0n) await writeOver(change, attempt, overMinor)
}

/** More than was asked: the request is paid, and what is over is kept or goes back, as the business says. */
async function writeOver(change: RequestChange, attempt: TransactionRow, overMinor: bigint): Promise<void> {
  const { tx, request, business, now } = change
  // A sum that is given back whole takes what is over with it.
  const goesBackWhole = isForSaving(request) && business.refundSaveCharges
  const goesBack = goesBackWhole || business.onOverpayment === 'refund'
  if (goesBack && !goesBackWhole) await setRefundDue(tx, attempt.id, now, 'overpayment')
  const words = `received ${money(overMinor, attempt.currency)} more than was asked; it is ${goesBack ? 'given back' : 'kept'}`
  const summary = `${nameOf(attempt)} ${words}`
  await addTimelineEntry(tx, { requestId: request.id, transactionId: attempt.id, summary, status: 'overpaid', now })
  await change.emit('payment.overpaid')
}

/** Less than was asked is no success. It goes back, or is kept until the rest is paid on another page. */
async function writeUnderpaid(
  change: RequestChange,
  attempt: TransactionRow,
  answer: ChannelPayment,
  words: string,
): Promise<void> {
  const { tx, request, business, now } = change
  const isKept = business.onUnderpayment === 'keep' && attempt.mode === 'redirect'
  const told = `${words}; it is ${isKept ? 'kept until the rest is paid' : 'given back'}`
  await moveToExcess(change, attempt, answer, told, { is_kept: isKept, refund_due_at: isKept ? null : now })
  if (attempt.status === 'processing') await hurryExpiry(change)
  const summary = `${nameOf(attempt)} ${told}`
  const { paymentMethod } = answer
  await addTimelineEntry(tx, {
    requestId: request.id,
    transactionId: attempt.id,
    paymentMethod,
    summary,
    status: 'underpaid',
    now,
  })
  await change.emit('payment.underpaid')
  if (attempt.mode === 'saved') await writeDecline(change, attempt, 'soft')
}

const moveToExcess = (
  { tx, now }: RequestChange,
  attempt: TransactionRow,
  answer: ChannelPayment,
  words: string,
  columns: { is_kept?: boolean; refund_due_at: Date | null },
): Promise<void> =>
  move(tx, transactionMachine, attempt.id, attempt.status, 'excess', {
    channel_transaction_id: answer.channelTransactionId,
    payment_method: answer.paymentMethod,
    received_amount_minor: answer.amountMinor,
    received_currency: answer.currency,
    reason: words.slice(0, 300),
    check_at: null,
    updated_at: now,
    ...columns,
  })

/** How long money may be on its way where the channel's documents do not say: a week covers a slow bank's holidays. */
const processingMs = 7 * dayMs

const untilOf = (answer: ChannelPayment, now: Date): Date => after(now, answer.processingMaxMs ?? processingMs)

async function writeProcessing(change: RequestChange, attempt: TransactionRow, answer: ChannelPayment): Promise<void> {
  const { tx, request, now } = change
  const { paymentMethod } = answer
  const until = untilOf(answer, now)
  await move(tx, transactionMachine, attempt.id, attempt.status, 'processing', {
    payment_method: paymentMethod,
    reason: null,
    processing_until: until,
    // Most transfers land within minutes: it is asked about from the beginning again.
    check_at: nextCheck({ ...attempt, status: 'processing', processing_until: until }, 0, now),
    check_count: 0,
    updated_at: now,
  })
  const summary = `${nameOf(attempt)} is processing the payment`
  await addTimelineEntry(tx, {
    requestId: request.id,
    transactionId: attempt.id,
    paymentMethod,
    summary,
    status: 'processing',
    now,
  })
  await change.emit('payment.processing')
}

/** Told once. It is asked about for as long as it may take, and becomes excess when it is there. */
async function writeLate(
  change: RequestChange,
  attempt: TransactionRow,
  answer: ChannelPayment,
  words: string,
): Promise<void> {
  const { tx, request, now } = change
  if (attempt.processing_until !== null) return
  const until = untilOf(answer, now)
  const checkAt = nextCheck({ ...attempt, processing_until: until }, 0, now)
  await store.noteLate(tx, attempt.id, { until, checkAt })
  const summary = `${nameOf(attempt)} ${words}`
  await addTimelineEntry(tx, { requestId: request.id, transactionId: attempt.id, summary, status: null, now })
}

/** Nothing is on its way any more, and nothing was refused: the page is as it was before. */
async function writeIdle(change: RequestChange, attempt: TransactionRow): Promise<void> {
  const { tx, request, now } = change
  // Where another page was opened meanwhile, that is the one that waits for the payer.
  const to = change.attempts.some((one) => one.status === 'pending') ? 'failed' : 'pending'
  const reason = 'no money came'
  await move(tx, transactionMachine, attempt.id, 'processing', to, { reason, updated_at: now })
  await hurryExpiry(change)
  const summary = `${nameOf(attempt)} is not processing the payment any more`
  await addTimelineEntry(tx, { requestId: request.id, transactionId: attempt.id, summary, status: to, now })
}

/** Its time may be over by now: it was only kept for the money that was on its way. */
async function hurryExpiry({ tx, request, now }: RequestChange): Promise<void> {
  // Whose end is not looked for at all is ended by somebody else.
  if (request.expiry_check_at === null) return
  const at = request.expires_at > now ? request.expires_at : now
  await held.setExpiry(tx, request.id, { expiry_check_at: at })
}

/**
 * One refused attempt does not end the request: the payer may try again there, or be relayed elsewhere. The charge of
 * a saved method that was all of its request does.
 */
async function writeRefusal(
  change: RequestChange,
  attempt: TransactionRow,
  verdict: Extract<Verdict, { kind: 'refused' }>,
  isHardDecline: boolean,
): Promise<void> {
  const { tx, request, now } = change
  const reason = verdict.reason?.slice(0, 300) ?? 'no reason given'
  await move(tx, transactionMachine, attempt.id, attempt.status, 'failed', { reason, updated_at: now })
  if (attempt.status === 'processing') await hurryExpiry(change)
  const summary = `${nameOf(attempt)} declined the payment: ${reason}`
  await addTimelineEntry(tx, { requestId: request.id, transactionId: attempt.id, summary, status: 'failed', now })
  if (attempt.mode !== 'saved') return
  await writeDecline(change, attempt, verdict.isLost ? null : isHardDecline ? 'hard' : 'soft')
}

async function writeClosed(change: RequestChange, attempt: TransactionRow, answer: ChannelPayment): Promise<void> {
  const { tx, request, now } = change
  const to = attempt.status === 'pending' ? 'expired' : 'failed'
  await move(tx, transactionMachine, attempt.id, attempt.status, to, { reason: answer.channelStatus, updated_at: now })
  if (attempt.status === 'processing') await hurryExpiry(change)
  const what = attempt.mode === 'saved' ? 'closed the payment' : 'closed its payment page'
  const summary = `${nameOf(attempt)} ${what}`
  await addTimelineEntry(tx, { requestId: request.id, transactionId: attempt.id, summary, status: to, now })
  if (attempt.mode === 'saved') await writeDecline(change, attempt, 'soft')
}

async function writeExcess(
  change: RequestChange,
  attempt: TransactionRow,
  answer: ChannelPayment,
  words: string,
): Promise<void> {
  const { tx, request, now } = change
  await moveToExcess(change, attempt, answer, words, { refund_due_at: now })
  if (attempt.status === 'processing') await hurryExpiry(change)
  const summary = `${nameOf(attempt)} ${words}`
  await addTimelineEntry(tx, {
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
async function writeForeign(change: RequestChange, attempt: TransactionRow, words: string): Promise<void> {
  const { tx, request, now } = change
  if (attempt.reason === words) return
  await store.noteReason(tx, attempt.id, words, now)
  await addTimelineEntry(tx, {
    requestId: request.id,
    transactionId: attempt.id,
    summary: `${nameOf(attempt)} ${words}`,
    status: null,
    now,
  })
}

import type { ChannelPayment } from '../../channels/channel.ts'
import { findChannel } from '../../channels/index.ts'
import { move } from '../../platform/states.ts'
import type { Change } from './change.ts'
import { endOf } from './follow-up.ts'
import { tell, voidAttempt } from './open.ts'
import { keepSaved, writeDecline } from './saved.ts'
import type { TransactionRow } from './schema.ts'
import { requestMachine, transactionMachine, type Verdict } from './states.ts'
import * as store from './store.ts'

/** What a verdict writes: states, timeline and events, in the transaction that holds the request's lock. */

export async function write(
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

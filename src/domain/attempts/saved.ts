import type { ChannelPayment, PaymentLookup } from '../../channels/channel.ts'
import type { Context } from '../../platform/context.ts'
import { move } from '../../platform/states.ts'
import * as paymentMethods from '../payment-methods/service.ts'
import * as held from '../payment-requests/held.ts'
import { addTimelineEntry, endOf, followLater } from '../payment-requests/held.ts'
import type { RequestRow, TransactionRow } from '../payment-requests/schema.ts'
import { isPayable, requestMachine } from '../payment-requests/states.ts'
import * as store from './store.ts'
import { releaseKept, setRefundDue } from './store-received.ts'
import type { RequestChange } from './with-request.ts'

/** What an outcome means for saved methods, written in the outcome's own transaction. */

/** The sum is the least that keeps a method, and buys nothing. */
export const isForSaving = (request: RequestRow): boolean =>
  request.intent === 'save_payment_method' || request.is_trial

/** A counted payment leaves the method that it was to save; a sum that was charged only for that is due to go back. */
export async function keepSaved(change: RequestChange, attempt: TransactionRow, answer: ChannelPayment): Promise<void> {
  const { ctx, tx, request, business, now } = change
  if (isForSaving(request) && business.refundSaveCharges) await setRefundDue(tx, attempt.id, now)
  const method = answer.savedMethod
  // A charge of a saved method tells of the method that we have already.
  if (!request.save_payment_method || attempt.mode === 'saved' || !method?.reusable) return
  const owner = { businessId: request.business_id, envMode: request.env_mode }
  const { customer_id: customerId, reference } = request
  const kept = { customerId, slug: attempt.payment_channel_slug, method, reference, now }
  const { id } = await paymentMethods.keep(ctx, tx, owner, kept)
  await held.setSavedMethod(tx, request.id, id)
  await addTimelineEntry(tx, {
    requestId: request.id,
    transactionId: attempt.id,
    summary: 'Asyncpay saved the payment method',
    status: null,
    now,
  })
}

/** A refused charge: its method may be past use, and its request may end with it. Null: it was never received. */
export async function writeDecline(
  change: RequestChange,
  attempt: TransactionRow,
  refusal: 'soft' | 'hard' | null,
): Promise<void> {
  const { tx, request, now } = change
  if (refusal) await store.noteRefusal(tx, attempt.id, refusal)
  await followLater(tx, request, now)
  if (refusal === 'hard' && attempt.payment_method_id)
    await paymentMethods.markUnusable(tx, attempt.payment_method_id, now)
  // Once the payer was called in, the request is theirs to pay, there or elsewhere.
  const isPayers = attempt.status === 'pending' || attempt.refusal === 'payer'
  if (!attempt.ends_request || isPayers || !isPayable(request.status)) return
  await releaseKept(tx, request.id, now)
  await move(tx, requestMachine, request.id, request.status, 'failed', {
    ...endOf(request, now),
    updated_at: now,
  })
  await change.emit('payment.failed')
}

/**
 * How a channel finds an attempt again; some find a charge only with the owner of its token. A further payment is found by
 * the attempt on whose page it came, and its own id.
 */
export async function lookupOf(
  ctx: Context,
  attempt: TransactionRow,
  channelTransactionId: string | null = null,
): Promise<PaymentLookup> {
  if (attempt.further_of !== null) {
    const page = await store.findMaybeTransactionById(ctx.db, attempt.further_of)
    if (!page) throw new Error(`transaction ${attempt.further_of} is gone`)
    return await lookupOf(ctx, page, attempt.channel_transaction_id)
  }
  const lookup = { reference: attempt.ref, channelReference: attempt.channel_reference, channelTransactionId }
  if (attempt.payment_method_id === null) return lookup
  return { ...lookup, charged: { tokenOwner: await paymentMethods.tokenOwnerOf(ctx, attempt.payment_method_id) } }
}

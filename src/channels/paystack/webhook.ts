import { createHmac } from 'node:crypto'
import { type ChannelEvent, type RawWebhook, WebhookSignatureError } from '../channel.ts'
import { type Json, objectOf } from '../kit/exchange.ts'
import { isSame, proofsIn } from '../kit/proof.ts'
import { claimOf, digestOf, partOf, readEvent, subjectIn, unknownType } from '../kit/webhook-body.ts'
import { idOf, textOf } from '../kit/words.ts'
import type { PaystackCredentials } from './api.ts'

/**
 * Paystack's webhooks: `{event, data}`, header `x-paystack-signature` = lower-case hex HMAC-SHA512 of the body with the
 * secret key (Paystack's "Webhooks", read 2026-11-20). The docs hash the re-serialised body; we hash the bytes that
 * came. What is proven and has another form names what it names, or nothing. Throws `WebhookSignatureError`.
 */
export function readPaystackWebhook(webhook: RawWebhook, credentials: PaystackCredentials): ChannelEvent {
  const signature = webhook.headers['x-paystack-signature']
  if (!signature) throw new WebhookSignatureError('The header x-paystack-signature is missing.')
  const right = createHmac('sha512', credentials.secret_key).update(webhook.body).digest('hex')
  if (!proofsIn(signature).some((one) => isSame(one, right))) {
    throw new WebhookSignatureError('x-paystack-signature does not fit the body and the secret key.')
  }
  const event = readEvent(webhook.body)
  const type = textOf(event.event) ?? textOf(event.type) ?? unknownType
  const data = partOf(event.data)
  const subject = (data && subjectOf(type, data)) ?? subjectIn(event)
  return { eventId: eventIdOf(type, data, webhook.body), type, ...claimOf(claims, type), subject }
}

/** Paystack's "Webhooks", read 2026-11-20. */
const claims = { 'charge.success': 'success', 'charge.failed': 'failure' } as const

/**
 * Paystack sends no event id and says to deduplicate on event + `data.id`/reference. Where `data.id` is missing (most
 * refund events), two refunds of one payment would share event and reference: there the bytes decide as well. A repeat
 * that slips through costs one question; an event swallowed would cost an answer.
 */
function eventIdOf(type: string, data: Json | null, body: Buffer): string {
  const id = idOf(data?.id)
  if (id !== null) return `${type}:${id}`
  const reference = textOf(data?.reference) ?? textOf(data?.transaction_reference) ?? ''
  return `${type}:${reference}:${digestOf(body)}`
}

/** Which of the documented events (Paystack's "Webhooks", read 2026-11-20) concern us, and what to ask about; others: null. */
function subjectOf(type: string, data: Json): ChannelEvent['subject'] {
  if (type.startsWith('charge.')) {
    // charge.dispute.* holds the dispute, and the payment inside it.
    const payment = type.startsWith('charge.dispute.') ? objectOf(data.transaction) : data
    const reference = textOf(payment?.reference)
    const channelTransactionId = idOf(payment?.id)
    if (reference === null) return null
    const named = { kind: 'payment', reference, channelReference: reference } as const
    return channelTransactionId === null ? named : { ...named, channelTransactionId }
  }
  if (type.startsWith('refund.')) {
    const paymentReference = textOf(data.transaction_reference)
    const channelReference = idOf(data.id)
    if (paymentReference === null && channelReference === null) return null
    return { kind: 'refund', reference: null, channelReference, paymentReference }
  }
  if (type.startsWith('transfer.')) {
    const reference = textOf(data.reference)
    const channelReference = textOf(data.transfer_code)
    return reference === null && channelReference === null ? null : { kind: 'payout', reference, channelReference }
  }
  return null
}

import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { type ChannelEvent, type RawWebhook, WebhookBodyError, WebhookSignatureError } from '../channel.ts'
import { type Json, objectOf, parseJson } from '../exchange.ts'
import type { PaystackCredentials } from './api.ts'
import { idOf, textOf } from './translate.ts'

/**
 * Paystack's webhooks: `{event, data}`, header `x-paystack-signature` = lower-case hex HMAC-SHA512 of the body with the
 * secret key (Paystack's "Webhooks", read 2026-11-20). The docs hash the re-serialised body; we hash the bytes that
 * came. Throws `WebhookSignatureError`, then `WebhookBodyError`.
 */
export function readPaystackWebhook(webhook: RawWebhook, credentials: PaystackCredentials): ChannelEvent {
  const signature = webhook.headers['x-paystack-signature']
  if (!signature) throw new WebhookSignatureError('The header x-paystack-signature is missing.')
  if (!isSignedBy(webhook.body, signature, credentials.secret_key)) {
    throw new WebhookSignatureError('x-paystack-signature does not fit the body and the secret key.')
  }
  const { type, data } = readBody(webhook.body)
  return { eventId: eventIdOf(type, data, webhook.body), type, subject: subjectOf(type, data) }
}

function isSignedBy(body: Buffer, signature: string, secretKey: string): boolean {
  const right = Buffer.from(createHmac('sha512', secretKey).update(body).digest('hex'))
  const given = Buffer.from(signature)
  // The length is public (128), so leaving early on another length tells nobody anything.
  return given.length === right.length && timingSafeEqual(given, right)
}

function readBody(body: Buffer): { type: string; data: Json } {
  let event: Json | null
  try {
    event = objectOf(parseJson(body.toString('utf8')))
  } catch {
    throw new WebhookBodyError('The body is not JSON.')
  }
  const type = textOf(event?.event)
  const data = objectOf(event?.data)
  if (type === null || data === null) throw new WebhookBodyError('The body is no {event, data}.')
  return { type, data }
}

/**
 * Paystack sends no event id and says to deduplicate on event + `data.id`/reference. Where `data.id` is missing (most
 * refund events), two refunds of one payment would share event and reference: there the bytes decide as well. A repeat
 * that slips through costs one question; an event swallowed would cost an answer.
 */
function eventIdOf(type: string, data: Json, body: Buffer): string {
  const id = idOf(data.id)
  if (id !== null) return `${type}:${id}`
  const reference = textOf(data.reference) ?? textOf(data.transaction_reference) ?? ''
  return `${type}:${reference}:${createHash('sha256').update(body).digest('hex').slice(0, 32)}`
}

/** Which of the documented events (Paystack's "Webhooks", read 2026-11-20) concern us, and what to ask about; others: null. */
function subjectOf(type: string, data: Json): ChannelEvent['subject'] {
  if (type.startsWith('charge.')) {
    // charge.dispute.* holds the dispute, and the payment inside it.
    const payment = type.startsWith('charge.dispute.') ? objectOf(data.transaction) : data
    const reference = textOf(payment?.reference)
    return reference === null ? null : { kind: 'payment', reference, channelReference: reference }
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

import Stripe from 'stripe'
import { type ChannelEvent, type RawWebhook, WebhookBodyError, WebhookSignatureError } from '../channel.ts'
import { type Json, objectOf } from '../exchange.ts'
import type { StripeCredentials } from './api.ts'
import { paymentReferenceKey, referenceKey, textOf } from './translate.ts'

/** Stripe's own advice ("Webhooks", replay attacks): an older signature is somebody's recording. */
const toleranceSeconds = 300

/**
 * Stripe's webhooks: an event with the object inside, header `stripe-signature` = `t=<seconds>,v1=<hex HMAC-SHA256 of
 * "<t>.<body>" with the endpoint's secret>`. Throws `WebhookSignatureError`, then `WebhookBodyError`.
 */
export function readStripeWebhook(webhook: RawWebhook, credentials: StripeCredentials): ChannelEvent {
  const event = objectOf(verified(webhook, credentials))
  const [eventId, type] = [textOf(event?.id), textOf(event?.type)]
  const object = objectOf(objectOf(event?.data)?.object)
  if (eventId === null || type === null || object === null) throw new WebhookBodyError('The body is no Stripe event.')
  return { eventId, type, subject: subjectOf(type, object) }
}

function verified({ body, headers, receivedAt }: RawWebhook, { webhook_secret }: StripeCredentials): unknown {
  const signature = headers['stripe-signature']
  if (!signature) throw new WebhookSignatureError('The header stripe-signature is missing.')
  const at = receivedAt.getTime()
  try {
    return Stripe.webhooks.constructEvent(body, signature, webhook_secret, toleranceSeconds, undefined, at)
  } catch (error) {
    // Verified first, read second; whatever else the package throws (an empty signature is a plain error) is no proof.
    if (error instanceof SyntaxError) throw new WebhookBodyError('The body is not JSON.')
    throw new WebhookSignatureError('stripe-signature does not fit the body, the webhook secret and the time.')
  }
}

/**
 * Which events concern us (Stripe's "Types of events", read 2026-11-20), and what to ask about; others: null. A dispute
 * names only Stripe's own ids, by which nothing of ours is found.
 */
function subjectOf(type: string, object: Json): ChannelEvent['subject'] {
  const metadata = objectOf(object.metadata)
  const reference = textOf(metadata?.[referenceKey])
  const id = textOf(object.id)
  if (type.startsWith('checkout.session.')) {
    const own = textOf(object.client_reference_id) ?? reference
    return own === null && id === null ? null : { kind: 'payment', reference: own, channelReference: id }
  }
  if (type.startsWith('refund.') || type === 'charge.refund.updated') {
    const paymentReference = textOf(metadata?.[paymentReferenceKey])
    return id === null ? null : { kind: 'refund', reference, channelReference: id, paymentReference }
  }
  if (type === 'charge.refunded') {
    // The charge, not the refund: it carries the metadata of the payment.
    const nothing = { reference: null, channelReference: null }
    return reference === null ? null : { kind: 'refund', ...nothing, paymentReference: reference }
  }
  if (type.startsWith('charge.dispute.')) return null
  if (type.startsWith('payment_intent.') || type.startsWith('charge.')) {
    return reference === null ? null : { kind: 'payment', reference, channelReference: null }
  }
  if (type.startsWith('payout.')) return id === null ? null : { kind: 'payout', reference, channelReference: id }
  return null
}

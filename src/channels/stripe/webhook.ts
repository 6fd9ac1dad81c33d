import { createHmac } from 'node:crypto'
import { type ChannelEvent, type RawWebhook, WebhookSignatureError } from '../channel.ts'
import { type Json, objectOf } from '../kit/exchange.ts'
import { isSame } from '../kit/proof.ts'
import { claimOf, digestOf, partOf, readEvent, subjectIn, unknownType } from '../kit/webhook-body.ts'
import { textOf, wordOf } from '../kit/words.ts'
import type { StripeCredentials } from './api.ts'
import { paymentReferenceKey, referenceKey } from './translate.ts'

/** Stripe's own advice ("Webhooks", replay attacks): an older signature is somebody's recording. */
const toleranceSeconds = 300

/**
 * Stripe's webhooks: an event with the object inside (v1), or with the object's name alone (v2, "thin"); header
 * `stripe-signature` = `t=<seconds>,v1=<hex HMAC-SHA256 of "<t>.<body>" with the endpoint's secret>`, several `v1` while
 * a secret is being changed. The package's own reader verifies text instead of bytes and throws at a thin event, for which
 * Stripe would switch the endpoint off. What is proven and has another form names nothing. Throws `WebhookSignatureError`.
 */
export function readStripeWebhook(webhook: RawWebhook, credentials: StripeCredentials): ChannelEvent {
  assertProven(webhook, credentials.webhook_secret)
  const event = readEvent(webhook.body)
  const type = textOf(event.type) ?? unknownType
  const object = partOf(objectOf(event.data)?.object)
  const subject = (object ? subjectOf(type, object) : thinSubjectOf(objectOf(event.related_object))) ?? subjectIn(event)
  const isPaid = type === 'checkout.session.completed' && wordOf(object?.payment_status) === 'paid'
  const eventId = textOf(event.id) ?? `${type}:${digestOf(webhook.body)}`
  return { eventId, type, ...(isPaid ? { claims: 'success' } : claimOf(claims, type)), subject }
}

/** Which events tell of an end (Stripe's "Types of events", read 2026-11-20). A completed session may be unpaid yet. */
const claims = {
  'checkout.session.async_payment_succeeded': 'success',
  'payment_intent.succeeded': 'success',
  'charge.succeeded': 'success',
  'checkout.session.async_payment_failed': 'failure',
  'checkout.session.expired': 'failure',
  'payment_intent.payment_failed': 'failure',
  'payment_intent.canceled': 'failure',
  'charge.failed': 'failure',
} as const

function assertProven({ body, headers, receivedAt }: RawWebhook, secret: string): void {
  const header = headers['stripe-signature']
  if (!header) throw new WebhookSignatureError('The header stripe-signature is missing.')
  const parts = header.split(',').map((part) => part.trim())
  const valuesOf = (scheme: string) =>
    parts.filter((part) => part.startsWith(`${scheme}=`)).map((part) => part.slice(scheme.length + 1))
  const [at = ''] = valuesOf('t')
  const isRecent = /^\d{1,12}$/.test(at) && receivedAt.getTime() / 1000 - Number(at) < toleranceSeconds + 1
  const right = createHmac('sha256', secret).update(`${at}.`).update(body).digest('hex')
  if (isRecent && valuesOf('v1').some((given) => isSame(given, right))) return
  throw new WebhookSignatureError('stripe-signature does not fit the body, the webhook secret and the time.')
}

/** A thin event names its object by kind and id. A session's id is what we know a payment by. */
function thinSubjectOf(related: Json | null): ChannelEvent['subject'] {
  const id = textOf(related?.id)
  return id !== null && textOf(related?.type) === 'checkout.session'
    ? { kind: 'payment', reference: null, channelReference: id }
    : null
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
    return own === null && id === null
      ? null
      : paymentOf({ reference: own, channelReference: id }, object.payment_intent)
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
    const intent = type.startsWith('charge.') ? object.payment_intent : object.id
    return reference === null ? null : paymentOf({ reference, channelReference: null }, intent)
  }
  if (type.startsWith('payout.')) return id === null ? null : { kind: 'payout', reference, channelReference: id }
  return null
}

/** `intent`: the PaymentIntent's id, or the intent itself where it was expanded. */
function paymentOf(named: { reference: string | null; channelReference: string | null }, intent: unknown) {
  const channelTransactionId = textOf(intent) ?? textOf(objectOf(intent)?.id)
  return { kind: 'payment' as const, ...named, ...(channelTransactionId !== null && { channelTransactionId }) }
}

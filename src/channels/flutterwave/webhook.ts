import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { type ChannelEvent, type RawWebhook, WebhookBodyError, WebhookSignatureError } from '../channel.ts'
import { type Json, objectOf, parseJson } from '../exchange.ts'
import type { FlutterwaveCredentials } from './api.ts'
import { idOf, textOf } from './translate.ts'

/**
 * Flutterwave's webhooks: `{event, "event.type"?, data}`. Proof, by Flutterwave's "Webhooks", read 2026-11-20:
 *
 * | header | what it must be |
 * | --- | --- |
 * | `flutterwave-signature`, where it is sent | base64 HMAC-SHA256 of the raw body with the secret hash |
 * | else `verif-hash` | the secret hash itself; says nothing about the body, which therefore only makes us ask |
 *
 * A wrong `flutterwave-signature` is not made good by a right `verif-hash`. Throws `WebhookSignatureError`, then
 * `WebhookBodyError`.
 */
export function readFlutterwaveWebhook(webhook: RawWebhook, credentials: FlutterwaveCredentials): ChannelEvent {
  assertProven(webhook, credentials.secret_hash)
  const { type, data } = readBody(webhook.body)
  return { eventId: eventIdOf(type, data, webhook.body), type, subject: subjectOf(type, data) }
}

function assertProven({ headers, body }: RawWebhook, secretHash: string): void {
  const signature = headers['flutterwave-signature']
  if (signature !== undefined) {
    const right = createHmac('sha256', secretHash).update(body).digest('base64')
    if (isSame(signature, right)) return
    throw new WebhookSignatureError('flutterwave-signature does not fit the body and the secret hash.')
  }
  const hash = headers['verif-hash']
  if (!hash) throw new WebhookSignatureError('Neither flutterwave-signature nor verif-hash is there.')
  if (!isSame(hash, secretHash)) throw new WebhookSignatureError('verif-hash is not the secret hash.')
}

/** In constant time, whatever the lengths: how long the merchant's hash is concerns nobody either. */
function isSame(given: string, right: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given), digest(right))
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
 * Flutterwave sends no event id. Each attempt has an id of its own, and one attempt may be told of twice with different
 * ends (pending, then successful): event + `data.id` + status. A repeat that slips through costs one question; an event
 * swallowed would cost an answer.
 */
function eventIdOf(type: string, data: Json, body: Buffer): string {
  const id = idOf(data.id)
  if (id !== null) return `${type}:${id}:${textOf(data.status) ?? ''}`
  const digest = createHash('sha256').update(body).digest('hex').slice(0, 32)
  return `${type}:${textOf(data.tx_ref) ?? textOf(data.reference) ?? ''}:${digest}`
}

/**
 * What to ask about. `charge.completed` comes for refused attempts as well, and those close nothing. Refund events are in
 * no documentation of v3, but receivers in the field read one; as it only makes us ask, it may come.
 */
function subjectOf(type: string, data: Json): ChannelEvent['subject'] {
  if (type === 'charge.completed') {
    const reference = textOf(data.tx_ref)
    return reference === null ? null : { kind: 'payment', reference, channelReference: reference }
  }
  if (type === 'transfer.completed') {
    const reference = textOf(data.reference)
    const channelReference = idOf(data.id)
    return reference === null && channelReference === null ? null : { kind: 'payout', reference, channelReference }
  }
  if (type === 'refund.completed') {
    const channelReference = idOf(data.id)
    return channelReference === null
      ? null
      : { kind: 'refund', reference: null, channelReference, paymentReference: null }
  }
  return null
}

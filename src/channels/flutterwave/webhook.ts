import { createHmac } from 'node:crypto'
import { type ChannelEvent, type RawWebhook, WebhookSignatureError } from '../channel.ts'
import type { Json } from '../kit/exchange.ts'
import { isSame, proofsIn } from '../kit/proof.ts'
import { claimOf, digestOf, partOf, readEvent, subjectIn, unknownType } from '../kit/webhook-body.ts'
import { idOf, textOf, wordOf } from '../kit/words.ts'
import type { FlutterwaveCredentials } from './api.ts'

/**
 * Flutterwave's webhooks. Proof, by Flutterwave's "Webhooks", read 2026-11-20:
 *
 * | header | what it must be |
 * | --- | --- |
 * | `flutterwave-signature`, where it is sent | base64 HMAC-SHA256 of the raw body with the secret hash |
 * | else `verif-hash` | the secret hash itself; says nothing about the body, which therefore only makes us ask |
 *
 * A wrong `flutterwave-signature` is not made good by a right `verif-hash`. Forms, as they are met in the field:
 *
 * | version | form | our reference is in |
 * | --- | --- | --- |
 * | v3 | `{event, "event.type"?, data}` | `data.tx_ref`; some senders write `data.txRef` |
 * | v2 | flat: `{"event.type", txRef, id, status, …}`; a transfer in `transfer` | `txRef`; `transfer.reference` |
 * | v4 | `{id, type, data}` | `data.reference` |
 *
 * What is proven and has another form names what it names, or nothing. Throws `WebhookSignatureError`.
 */
export function readFlutterwaveWebhook(webhook: RawWebhook, credentials: FlutterwaveCredentials): ChannelEvent {
  assertProven(webhook, credentials.secret_hash)
  const event = readEvent(webhook.body)
  const type = textOf(event.event) ?? textOf(event['event.type']) ?? textOf(event.type) ?? unknownType
  const data = partOf(event.data) ?? partOf(event.transfer) ?? event
  const subject = subjectOf(type, data) ?? subjectIn(event)
  const word = subject?.kind === 'payment' ? wordOf(data.status) : null
  return { eventId: eventIdOf(type, data, webhook.body), type, ...claimOf(claims, word), subject }
}

/** One event tells of every end of a payment: its status is the claim ("Webhooks", read 2026-11-20; v4: `succeeded`). */
const claims = { successful: 'success', succeeded: 'success', failed: 'failure' } as const

function assertProven({ headers, body }: RawWebhook, secretHash: string): void {
  const signature = headers['flutterwave-signature']
  if (signature !== undefined) {
    const right = createHmac('sha256', secretHash).update(body).digest('base64')
    if (proofsIn(signature).some((one) => isSame(one, right))) return
    throw new WebhookSignatureError('flutterwave-signature does not fit the body and the secret hash.')
  }
  const hash = headers['verif-hash']
  if (!hash) throw new WebhookSignatureError('Neither flutterwave-signature nor verif-hash is there.')
  if (!proofsIn(hash).some((one) => isSame(one, secretHash))) {
    throw new WebhookSignatureError('verif-hash is not the secret hash.')
  }
}

/**
 * Flutterwave sends no event id. Each attempt has an id of its own, and one attempt may be told of twice with different
 * ends (pending, then successful): event + `data.id` + status. A repeat that slips through costs one question; an event
 * swallowed would cost an answer.
 */
function eventIdOf(type: string, data: Json, body: Buffer): string {
  const id = idOf(data.id)
  if (id !== null) return `${type}:${id}:${textOf(data.status) ?? ''}`
  return `${type}:${referenceOf(data) ?? ''}:${digestOf(body)}`
}

const referenceOf = (data: Json): string | null =>
  textOf(data.tx_ref) ?? textOf(data.txRef) ?? textOf(data.txref) ?? textOf(data.reference)

/**
 * What to ask about. `charge.completed` comes for refused attempts as well, and those close nothing. Refund events are in
 * no documentation of v3, but receivers in the field read one; as it only makes us ask, it may come.
 */
function subjectOf(type: string, data: Json): ChannelEvent['subject'] {
  // v2 writes CARD_TRANSACTION, BANK_TRANSFER_TRANSACTION, …, and Transfer for a payout.
  if (type.startsWith('charge.') || /_TRANSACTION$/i.test(type)) {
    const reference = referenceOf(data)
    const id = idOf(data.id)
    if (reference === null) return null
    const named = { kind: 'payment', reference, channelReference: reference } as const
    // Ids of v4 (`chg_…`) are unknown to v3, which is asked.
    return id !== null && /^\d+$/.test(id) ? { ...named, channelTransactionId: id } : named
  }
  if (/^transfer(\.|$)/i.test(type)) {
    const reference = textOf(data.reference)
    const channelReference = idOf(data.id)
    return reference === null && channelReference === null ? null : { kind: 'payout', reference, channelReference }
  }
  if (type.startsWith('refund.')) {
    const channelReference = idOf(data.id)
    return channelReference === null
      ? null
      : { kind: 'refund', reference: null, channelReference, paymentReference: null }
  }
  return null
}

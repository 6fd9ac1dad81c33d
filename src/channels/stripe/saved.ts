import type { Stripe } from 'stripe'
import {
  type Channel,
  ChannelError,
  type ChannelPayment,
  type ChannelTransport,
  type ChargedSaved,
  type PaymentLookup,
  type SavedCharge,
} from '../channel.ts'
import { unknownPayment, unusable } from '../kit/answers.ts'
import { orUnknown, refusalOf } from '../kit/envelope.ts'
import { type Json, objectOf } from '../kit/exchange.ts'
import { currencyOf, textOf, webAddressOf, wordOf } from '../kit/words.ts'
import { callStripe, isMissing, type StripeCredentials } from './api.ts'
import { fromWire } from './money.ts'
import { amountOf, cut, dateOf, idOf, methodOf, nameMax, referenceKey, refusalWords } from './translate.ts'

/** Charging, finding and forgetting saved cards: payment intents without a page, and payment methods. */

type Forgetting = NonNullable<Channel<StripeCredentials>['forgetSaved']>

/** What an answer that holds an intent is asked to write out in full. */
const intentExpand = ['latest_charge']

/**
 * A declined card is 402 with the intent inside, in `requires_payment_method`: `failed`. So is one whose issuer wants the
 * payer (402 `authentication_required`): `payerNeeded` without an address, because Stripe has no page for it. That intent
 * is left alone, nobody can confirm it without its client secret, and the payer pays on a new page. The idempotency
 * key is made from our reference: the same charge sent twice is one charge.
 */
export async function chargeSaved(
  charge: SavedCharge,
  credentials: StripeCredentials,
  transport: ChannelTransport,
): Promise<ChargedSaved> {
  const params = toIntentParams(charge)
  const options = { idempotencyKey: `charge-${charge.reference}` }
  const call = { moves: true, secrets: [charge.method.token], takesDeclines: true }
  try {
    const answer = await callStripe(transport, credentials, call, (client) =>
      client.paymentIntents.create(params, options),
    )
    return answer.read(toCharged)
  } catch (error) {
    const words = deadMethod(error)
    if (words === null) throw error
    return unusable(charge.reference, 'refused', words)
  }
}

/** Detached cards cannot be attached again. One that is detached, or was never there, is forgotten already. */
export const forgetSaved: Forgetting = async ({ token }, credentials, transport) => {
  try {
    const answer = await callStripe(transport, credentials, { moves: false, secrets: [token] }, (client) =>
      client.paymentMethods.detach(token, {}, { idempotencyKey: `forget-${token}` }),
    )
    if (answer.data.object !== 'payment_method' || answer.data.customer !== null) throw answer.garbage()
  } catch (error) {
    // "The payment method you provided is not attached to a customer so detachment is impossible."
    const isDetached = /not attached to a customer/i.test(String(refusedWith(error)?.message))
    if (!isMissing(error) && !isDetached) throw error
  }
}

/** Whether the payment was a charge of a saved card: then it is an intent of its own and has no session. */
export const isCharge = (lookup: PaymentLookup): boolean =>
  lookup.charged !== undefined || lookup.channelReference?.startsWith('pi_') === true

/**
 * By the intent's id; without one (the answer to `chargeSaved` was lost, or was no intent) among the intents of the
 * customer by our reference in the metadata. The list, unlike the search, shows an intent at once.
 */
export async function fetchCharge(
  lookup: PaymentLookup,
  credentials: StripeCredentials,
  transport: ChannelTransport,
): Promise<ChannelPayment> {
  const id = lookup.channelReference
  if (id === null || !id.startsWith('pi_')) return findCharge(lookup, credentials, transport)
  return fetchIntent(id, credentials, transport)
}

/** The payment of this intent, whosever it is; one that Stripe does not have is unknown. */
export async function fetchIntent(
  id: string,
  credentials: StripeCredentials,
  transport: ChannelTransport,
): Promise<ChannelPayment> {
  const answer = callStripe(transport, credentials, { moves: false }, (client) =>
    client.paymentIntents.retrieve(id, { expand: intentExpand }),
  )
  return orUnknown(
    answer.then(({ read }) => read(toIntentPayment)),
    isMissing,
    unknownPayment,
  )
}

/** Ends a charge that waits for its payer; one that is decided is `refused`, whoever asked must look at the payment. */
export async function cancelCharge(
  lookup: PaymentLookup,
  credentials: StripeCredentials,
  transport: ChannelTransport,
): Promise<void> {
  const id = lookup.channelReference
  if (id === null || !id.startsWith('pi_')) return
  const options = { idempotencyKey: `void-${lookup.reference}` }
  try {
    const answer = await callStripe(transport, credentials, { moves: false }, (client) =>
      client.paymentIntents.cancel(id, {}, options),
    )
    if (answer.data.status !== 'canceled') throw answer.garbage()
  } catch (error) {
    if (refusedWith(error) === null) throw error
    const { channelStatus } = await fetchCharge(lookup, credentials, transport)
    if (channelStatus !== 'canceled') throw error
  }
}

/** Newest first, 100 a page: more than 500 payments of one customer since a charge that we still ask about do not happen. */
const pagesMax = 5

/** `not_found` only when every intent of the customer was seen; a customer that Stripe does not have has none. */
async function findCharge(
  { reference, charged }: PaymentLookup,
  credentials: StripeCredentials,
  transport: ChannelTransport,
): Promise<ChannelPayment> {
  const customer = charged?.tokenOwner ?? null
  // Without a customer we would not have sent the charge.
  if (customer === null) return unknownPayment
  let after: string | null = null
  for (let page = 0; page < pagesMax; page++) {
    const params = { customer, limit: 100, ...(after !== null && { starting_after: after }) }
    const rows = await listIntents(params, credentials, transport)
    if (rows === null) return unknownPayment
    const found = rows.data.find((row) => objectOf(row.metadata)?.[referenceKey] === reference)
    if (found) return fetchCharge({ reference, channelReference: idOf(found) }, credentials, transport)
    after = idOf(rows.data.at(-1))
    if (!rows.hasMore || after === null) return unknownPayment
  }
  return { ...unknownPayment, channelStatus: 'not_listed' }
}

/** Null: Stripe does not have the customer. */
async function listIntents(
  params: Stripe.PaymentIntentListParams,
  credentials: StripeCredentials,
  transport: ChannelTransport,
): Promise<{ data: Json[]; hasMore: boolean } | null> {
  try {
    const answer = await callStripe(transport, credentials, { moves: false }, (client) =>
      client.paymentIntents.list(params),
    )
    if (!Array.isArray(answer.data.data)) throw answer.garbage()
    return { data: answer.data.data.map((row) => objectOf(row) ?? {}), hasMore: answer.data.has_more === true }
  } catch (error) {
    const refused = refusedWith(error)
    if (refused?.code === 'resource_missing' && refused.param === 'customer') return null
    throw error
  }
}

/** Throws `ChannelError` for an amount or a method that Stripe cannot charge; nothing has been sent then. */
export function toIntentParams(charge: SavedCharge): Stripe.PaymentIntentCreateParams {
  const { token, tokenOwner } = charge.method
  if (tokenOwner === null) {
    const words = 'Stripe charges a saved card only with the customer that it belongs to.'
    throw new ChannelError(words, { outcome: 'rejected', reason: 'refused' })
  }
  return {
    amount: amountOf(charge),
    currency: charge.currency.toLowerCase(),
    customer: tokenOwner,
    payment_method: token,
    off_session: true,
    confirm: true,
    description: cut(charge.description, nameMax) || 'Payment',
    metadata: { [referenceKey]: charge.reference },
    // Needed for the ways to pay that lead away from us, which Stripe counts even where a card is charged.
    return_url: charge.returnUrl,
    expand: intentExpand,
  }
}

/** An intent, or `{error}` of a refused card with the intent inside. Null without an intent that can be read. */
export function toCharged(answer: Json): ChargedSaved | null {
  const error = objectOf(answer.error)
  const intent = error ? objectOf(error.payment_intent) : answer
  const payment = intent && toIntentPayment(intent)
  const channelReference = idOf(intent)
  if (!payment || channelReference === null) return null
  // A refused card that is not refused in its own intent: the intent is what counts.
  const refusal = payment.status === 'failed' ? (objectOf(intent?.last_payment_error) ?? error) : null
  const nextAction = wordOf(intent?.status) === 'requires_action' ? (objectOf(intent.next_action) ?? {}) : null
  return {
    payment,
    channelReference,
    payerNeeded: nextAction !== null || codesOf(refusal).includes('authentication_required'),
    actionUrl: webAddressOf(objectOf(nextAction?.redirect_to_url)?.url),
    isHardDecline: isHardRefusal(refusal),
  }
}

/**
 * A payment intent of `chargeSaved`. Null without id or status.
 *
 * | intent | ours |
 * | --- | --- |
 * | succeeded | successful |
 * | succeeded, and its charge given back in full | closed |
 * | canceled | closed |
 * | requires_payment_method with `last_payment_error` | failed |
 * | all else: processing, requires_action, a word that does not exist today | pending |
 *
 * A card's `processing` takes seconds and has no page that could be voided meanwhile: it is asked about, as `pending` is.
 * Source: API reference (PaymentIntent `status`), read 2026-11-20.
 */
export function toIntentPayment(intent: Json): ChannelPayment | null {
  const [id, word] = [textOf(intent.id), wordOf(intent.status)]
  if (intent.object !== 'payment_intent' || id === null || word === null) return null
  const charge = objectOf(intent.latest_charge)
  const refusal = word === 'requires_payment_method' ? objectOf(intent.last_payment_error) : null
  const isRefunded = word === 'succeeded' && charge?.refunded === true
  const status = isRefunded ? 'closed' : refusal ? 'failed' : (intentStatuses.get(word) ?? 'pending')
  return {
    status,
    channelStatus: isRefunded ? 'refunded' : word,
    reference: textOf(objectOf(intent.metadata)?.[referenceKey]),
    // What was received, not what was asked: they differ only where something is wrong, and then it must be seen.
    amountMinor: fromWire(word === 'succeeded' ? intent.amount_received : intent.amount, intent.currency),
    currency: currencyOf(intent.currency),
    channelTransactionId: id,
    paymentMethod: methodOf(charge),
    reason: isRefunded ? 'Stripe gave the money back.' : refusal && refusalWords(refusal),
    paidAt: status === 'successful' ? dateOf(charge?.created) : null,
    savedMethod: null,
  }
}

const intentStatuses: ReadonlyMap<string, ChannelPayment['status']> = new Map([
  ['succeeded', 'successful'],
  ['canceled', 'closed'],
])

/**
 * Declines that stay. Source: Stripe's "Decline codes" and "Error codes", read 2026-11-25: what says of itself that
 * the card, its account or the permission to charge it is gone. All others, and words we do not know, are soft.
 */
const hardCodes: ReadonlySet<string> = new Set([
  'card_not_supported',
  'do_not_try_again',
  'expired_card',
  'incorrect_number',
  'invalid_account',
  'invalid_expiry_month',
  'invalid_expiry_year',
  'invalid_number',
  'lost_card',
  'merchant_blacklist',
  'new_account_information_available',
  'pickup_card',
  'restricted_card',
  'revocation_of_all_authorizations',
  'revocation_of_authorization',
  'stolen_card',
  'stop_payment_order',
])

/** `advice_code` is the network's own word on trying again ("Retrying issuer declines", read 2026-11-25). */
function isHardRefusal(refusal: Json | null): boolean {
  if (refusal?.advice_code === 'do_not_try_again') return true
  return codesOf(refusal).some((code) => hardCodes.has(code))
}

const codesOf = (refusal: Json | null): string[] =>
  [refusal?.code, refusal?.decline_code].filter((code) => typeof code === 'string')

/**
 * Stripe's words when the payment method or its customer is gone: missing (`resource_missing`), or detached, which
 * makes a method unusable for good ("PaymentMethod: detach", read 2026-11-25). Nothing was tried. Null otherwise.
 */
function deadMethod(error: unknown): string | null {
  const refused = refusedWith(error)
  const words = textOf(refused?.message) ?? ''
  const isMissing =
    refused?.code === 'resource_missing' && ['payment_method', 'customer'].includes(String(refused.param))
  const isDetached = /\b(?:may not be used again|does not belong to the Customer|was detached)\b/i.test(words)
  return isMissing || isDetached ? words : null
}

/** Stripe's `error` of a call that it refused before doing anything. */
const refusedWith = (error: unknown): Json | null => objectOf(refusalOf(error)?.answer.error)

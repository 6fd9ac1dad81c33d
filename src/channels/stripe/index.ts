import {
  type Channel,
  ChannelError,
  type ChannelPayment,
  type ChannelRefund,
  type ChannelTransport,
  type OpenCheckout,
  type OpenedCheckout,
  type PaymentLookup,
  type RefundLookup,
  type RefundRequest,
} from '../channel.ts'
import { unknownPayment, unknownRefund } from '../kit/answers.ts'
import { credentialsBy } from '../kit/credentials.ts'
import { orUnknown, refusalOf } from '../kit/envelope.ts'
import { objectOf } from '../kit/exchange.ts'
import { namedBeside, withFurther } from '../kit/further.ts'
import { wordOf } from '../kit/words.ts'
import { callStripe, credentialFields, isMissing, type StripeCredentials } from './api.ts'
import { limits } from './limits.ts'
import { cancelCharge, chargeSaved, fetchCharge, fetchIntent, forgetSaved, isCharge } from './saved.ts'
import {
  isOurRefund,
  sessionExpand,
  toOpened,
  toPayment,
  toRefund,
  toRefundParams,
  toSessionParams,
} from './translate.ts'
import { readStripeWebhook } from './webhook.ts'

/**
 * Hosted Checkout: the channel's reference is the session's id. Every POST has an idempotency key made from our
 * reference, because the package may send one twice by itself, and so that a call without an answer can be repeated.
 */
export const stripe: Channel<StripeCredentials> = {
  slug: 'stripe',
  displayName: 'Stripe',
  themeColor: '#A966FF',
  liveUrl: 'https://api.stripe.com',
  summary: 'Cards and wallets from buyers all over the world, in most currencies there are.',
  limits,
  ...credentialsBy(credentialFields),
  openCheckout,
  fetchPayment,
  readWebhook: readStripeWebhook,
  voidCheckout,
  chargeSaved,
  forgetSaved,
  refund,
  fetchRefund,
}

async function openCheckout(
  request: OpenCheckout,
  credentials: StripeCredentials,
  transport: ChannelTransport,
): Promise<OpenedCheckout> {
  const params = toSessionParams(request, new Date())
  const options = { idempotencyKey: `open-${request.reference}` }
  const answer = await callStripe(transport, credentials, { moves: false }, (client) =>
    client.checkout.sessions.create(params, options),
  )
  return answer.read((session) => toOpened(session, request))
}

/**
 * A charge of a saved card is a payment intent (see `fetchCharge`). A session has one payment intent, and that has one
 * success; an intent that a webhook names and that is another's is looked at all the same. A page is found by the session's id alone. Where its answer was lost nobody has the page's address either, so nobody can have paid:
 * `not_found` without asking. Sessions cannot be listed by our reference, and the search for payment intents by
 * metadata is minutes late ("Search", data freshness) and empty until a payer confirms.
 */
async function fetchPayment(
  lookup: PaymentLookup,
  credentials: StripeCredentials,
  transport: ChannelTransport,
): Promise<ChannelPayment> {
  const shown = await fetchShown(lookup, credentials, transport)
  const named = namedBeside(lookup, shown, /^pi_\w+$/)
  if (named === null) return shown
  return withFurther(shown, [await fetchIntent(named, credentials, transport)], lookup.reference)
}

async function fetchShown(
  lookup: PaymentLookup,
  credentials: StripeCredentials,
  transport: ChannelTransport,
): Promise<ChannelPayment> {
  if (isCharge(lookup)) return fetchCharge(lookup, credentials, transport)
  const id = lookup.channelReference
  if (id === null) return unknownPayment
  const answer = callStripe(transport, credentials, { moves: false }, (client) =>
    client.checkout.sessions.retrieve(id, { expand: sessionExpand }),
  )
  return orUnknown(
    answer.then(({ read }) => read(toPayment)),
    isMissing,
    unknownPayment,
  )
}

/**
 * Ends the page. Returns only when nobody can pay any more: a page that is complete is `refused`, whoever asked must
 * look at the payment. A session whose id we never learned has no page that anybody knows of.
 */
async function voidCheckout(
  lookup: PaymentLookup,
  credentials: StripeCredentials,
  transport: ChannelTransport,
): Promise<void> {
  const id = lookup.channelReference
  if (id === null) return
  if (isCharge(lookup)) return cancelCharge(lookup, credentials, transport)
  const options = { idempotencyKey: `void-${lookup.reference}` }
  try {
    const answer = await callStripe(transport, credentials, { moves: false }, (client) =>
      client.checkout.sessions.expire(id, {}, options),
    )
    if (wordOf(answer.data.status) !== 'expired') throw answer.garbage()
  } catch (error) {
    // Only an open session can be expired; one that is expired already is what was wanted.
    if (refusalOf(error)?.error.status !== 400) throw error
    const { channelStatus } = await fetchPayment(lookup, credentials, transport)
    if (channelStatus !== 'expired') throw error
  }
}

async function refund(
  request: RefundRequest,
  credentials: StripeCredentials,
  transport: ChannelTransport,
): Promise<ChannelRefund> {
  const intent = await paymentIntentOf(request, credentials, transport)
  if (intent === null) {
    throw new ChannelError('Stripe has no payment to give back.', { outcome: 'rejected', reason: 'refused' })
  }
  const params = toRefundParams(request, intent)
  const options = { idempotencyKey: `refund-${request.reference}` }
  const answer = await callStripe(transport, credentials, { moves: true }, (client) =>
    client.refunds.create(params, options),
  )
  return answer.read(toRefund)
}

/** By its id; without one (the answer to `refund` was lost) among the payment's refunds by our ref in the metadata. */
async function fetchRefund(
  lookup: RefundLookup,
  credentials: StripeCredentials,
  transport: ChannelTransport,
): Promise<ChannelRefund> {
  const id = lookup.channelReference
  if (id === null) return findRefund(lookup, credentials, transport)
  const answer = await callStripe(transport, credentials, { moves: false }, (client) => client.refunds.retrieve(id))
  return answer.read(toRefund)
}

/** One page of 100: more refunds of one payment are not ours. */
async function findRefund(
  lookup: RefundLookup,
  credentials: StripeCredentials,
  transport: ChannelTransport,
): Promise<ChannelRefund> {
  const intent = await paymentIntentOf(lookup, credentials, transport)
  if (intent === null) return unknownRefund
  const answer = await callStripe(transport, credentials, { moves: false }, (client) =>
    client.refunds.list({ payment_intent: intent, limit: 100 }),
  )
  if (!Array.isArray(answer.data.data)) throw answer.garbage()
  const rows = answer.data.data.map((row: unknown) => objectOf(row) ?? {})
  const row = rows.find((one) => isOurRefund(one, lookup.reference))
  return row === undefined ? unknownRefund : answer.read(() => toRefund(row))
}

async function paymentIntentOf(
  { channelTransactionId, payment }: Pick<RefundLookup, 'channelTransactionId' | 'payment'>,
  credentials: StripeCredentials,
  transport: ChannelTransport,
): Promise<string | null> {
  return channelTransactionId ?? (await fetchPayment(payment, credentials, transport)).channelTransactionId
}

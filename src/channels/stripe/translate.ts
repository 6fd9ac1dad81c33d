import type { Stripe } from 'stripe'
import {
  ChannelError,
  type ChannelPayment,
  type ChannelRefund,
  type OpenCheckout,
  type OpenedCheckout,
  type RefundRequest,
  type SavedMethod,
} from '../channel.ts'
import { type Json, objectOf } from '../kit/exchange.ts'
import { currencyOf, meaningOf, textOf, webAddressOf, wordOf } from '../kit/words.ts'
import { fromWire, toWire } from './money.ts'

/**
 * Stripe's words and numbers to ours and back; pure. Shapes: the types of stripe 23.1.0 (API version
 * 2026-10-28.endive) and Stripe's API reference, read 2026-11-20. Functions that read an answer give null for one that
 * cannot be used, and the caller turns that into a `ChannelError` (`garbage`).
 */

/** Our reference in the metadata of what has no `client_reference_id` (payment intents, charges, refunds). */
export const referenceKey = 'asyncpay_reference'
/** On a refund: our reference of the payment that it gives back. */
export const paymentReferenceKey = 'asyncpay_payment_reference'

/** A session lives between 30 minutes and 24 hours (API reference, `expires_at`), and our clocks may differ by a minute. */
const lifeMinMs = 31 * 60_000
const lifeMaxMs = 24 * 60 * 60_000 - 60_000
/** A time that we had to move stands on this grid, so that the same call sent twice is the same to its idempotency key. */
const gridMs = 5 * 60_000

/** Longer names of a product are cut; Stripe publishes no bound, its page shows about two lines. */
export const nameMax = 250
/** Longest value in Stripe's metadata (API reference, "Metadata"). */
const metadataMax = 500

/**
 * `now` is the real time, also where a business's test clock has been moved: it is Stripe's page that dies. Throws
 * `ChannelError` for an amount that Stripe cannot carry; nothing has been sent then.
 */
export function toSessionParams(request: OpenCheckout, now: Date): Stripe.Checkout.SessionCreateParams {
  const metadata = { [referenceKey]: request.reference }
  const name = cut(request.description, nameMax) || 'Payment'
  const expiresAt = expiryOf(request.expiresAt, now)
  return {
    mode: 'payment',
    line_items: [
      {
        quantity: 1,
        price_data: {
          currency: request.currency.toLowerCase(),
          unit_amount: amountOf(request),
          product_data: { name },
        },
      },
    ],
    client_reference_id: request.reference,
    metadata,
    payment_intent_data: {
      metadata,
      description: name,
      ...(request.saveMethod && { setup_future_usage: 'off_session' }),
    },
    // The token can only be charged with the customer that it is attached to.
    ...(request.saveMethod && { customer_creation: 'always' }),
    customer_email: request.payer.email,
    // The payer pays what was asked for, not its like in another currency.
    adaptive_pricing: { enabled: false },
    success_url: withSessionId(request.returnUrl),
    cancel_url: request.cancelUrl,
    ...(expiresAt !== null && { expires_at: expiresAt }),
  }
}

/** Seconds since 1970; null for Stripe's own 24 hours. */
function expiryOf(wanted: Date, now: Date): number | null {
  const leftMs = wanted.getTime() - now.getTime()
  if (leftMs > lifeMaxMs) return null
  const at = leftMs < lifeMinMs ? Math.ceil((now.getTime() + lifeMinMs) / gridMs) * gridMs : wanted.getTime()
  return Math.floor(at / 1000)
}

/** Stripe puts the session's id for these braces, which therefore must not be escaped. */
function withSessionId(returnUrl: string): string {
  const [address = '', fragment] = returnUrl.split('#', 2)
  const query = `${address.includes('?') ? '&' : '?'}session_id={CHECKOUT_SESSION_ID}`
  return address + query + (fragment === undefined ? '' : `#${fragment}`)
}

export function amountOf({ amountMinor, currency }: Pick<OpenCheckout, 'amountMinor' | 'currency'>): number {
  const amount = toWire(amountMinor, currency)
  if (amount !== null) return amount
  throw new ChannelError(`Stripe cannot carry this amount in ${currency}.`, { outcome: 'rejected', reason: 'refused' })
}

/** Null unless the answer is an open page for exactly our reference and amount. */
export function toOpened(session: Json, request: OpenCheckout): OpenedCheckout | null {
  const [id, url] = [textOf(session.id), webAddressOf(session.url)]
  if (id === null || url === null) return null
  if (textOf(session.client_reference_id) !== request.reference || currencyOf(session.currency) !== request.currency)
    return null
  return fromWire(session.amount_total, session.currency) === request.amountMinor ? { url, channelReference: id } : null
}

/** What fetching a session asks Stripe to write out in full. */
export const sessionExpand = ['payment_intent.latest_charge', 'payment_intent.payment_method']

/** A session with `sessionExpand`. Null without id or status. */
export function toPayment(session: Json): ChannelPayment | null {
  const word = wordOf(session.status)
  if (session.object !== 'checkout.session' || word === null) return null
  const intent = objectOf(session.payment_intent)
  const charge = objectOf(intent?.latest_charge)
  const verdict = verdictOf(session, intent, charge, word)
  const { status } = verdict
  // What was received, not what was asked: they differ only where something is wrong, and then it must be seen.
  const money = status === 'successful' && intent ? intent : session
  const amount = money === intent ? intent?.amount_received : session.amount_total
  const processingMaxMs = status === 'processing' ? processingMaxOf(charge) : undefined
  return {
    ...verdict,
    reference: textOf(session.client_reference_id),
    amountMinor: fromWire(amount, money.currency),
    currency: currencyOf(money.currency),
    channelTransactionId: idOf(session.payment_intent),
    paymentMethod: methodOf(charge),
    ...(processingMaxMs !== undefined && { processingMaxMs }),
    paidAt: status === 'successful' ? dateOf(charge?.created) : null,
    savedMethod: status === 'successful' && intent ? toSavedMethod(session, intent) : null,
  }
}

type Verdict = Pick<ChannelPayment, 'status' | 'channelStatus' | 'reason'>

/**
 * | session | payment | ours |
 * | --- | --- | --- |
 * | any | `payment_status` paid | successful |
 * | any | paid, and its charge given back in full | closed |
 * | expired | | closed |
 * | open, complete | intent `requires_payment_method` with `last_payment_error` | failed |
 * | open, complete | intent `processing`: a bank is at work | processing |
 * | complete | intent `requires_action`: the payer holds a voucher or an account to pay to | processing |
 * | complete | intent `canceled`: nobody can pay it any more | closed |
 * | all else: open; a word that does not exist today | | pending |
 *
 * An open page with a refused attempt may still be paid. A complete one may not: its delayed payment bounced, which
 * is `failed` all the same because that has a reason to show. A refund leaves a session `paid`, so its charge is read.
 * Source: API reference (Session `status`, `payment_status`; PaymentIntent `status`), "Fulfill orders" (delayed payment
 * methods: complete and unpaid, then `async_payment_succeeded` or `_failed`), read 2026-11-28.
 */
function verdictOf(session: Json, intent: Json | null, charge: Json | null, word: string): Verdict {
  if (wordOf(session.payment_status) === 'paid') {
    if (charge?.refunded !== true) return { status: 'successful', channelStatus: 'paid', reason: null }
    return { status: 'closed', channelStatus: 'refunded', reason: 'Stripe gave the money back.' }
  }
  if (word === 'expired') return { status: 'closed', channelStatus: word, reason: null }
  const refusal = objectOf(intent?.last_payment_error)
  const state = wordOf(intent?.status)
  if (word !== 'open' && word !== 'complete') return { status: 'pending', channelStatus: word, reason: null }
  if (refusal && state === 'requires_payment_method') {
    return { status: 'failed', channelStatus: state, reason: refusalWords(refusal) }
  }
  if (state === 'processing') return { status: 'processing', channelStatus: state, reason: null }
  if (word === 'complete' && state === 'requires_action') {
    return { status: 'processing', channelStatus: state, reason: null }
  }
  if (word === 'complete' && state === 'canceled') {
    const words = textOf(intent?.cancellation_reason)
    return {
      status: 'closed',
      channelStatus: state,
      reason: `Stripe canceled the payment${words ? `: ${words}` : ''}.`,
    }
  }
  return { status: 'pending', channelStatus: word, reason: null }
}

/**
 * How long Stripe takes at most to say what became of a debit, in business days ("ACH Direct Debit": up to 4; "Bacs": 4,
 * 7 with a new mandate; "SEPA Direct Debit": 5, up to 14; "BECS": up to 3; "Pre-authorized debit in Canada": up to 5;
 * read 2026-11-28), as calendar days with their weekends and two holidays. For other methods nothing is published here.
 */
const processingDaysMax: Readonly<Record<string, number>> = {
  us_bank_account: 8,
  bacs_debit: 13,
  sepa_debit: 22,
  au_becs_debit: 7,
  nz_bank_account: 7,
  acss_debit: 9,
}
const dayMs = 24 * 60 * 60_000

function processingMaxOf(charge: Json | null): number | undefined {
  const days = meaningOf(processingDaysMax, wordOf(objectOf(charge?.payment_method_details)?.type))
  return days === undefined ? undefined : days * dayMs
}

export function refusalWords(refusal: Json): string {
  return textOf(refusal.message) ?? textOf(refusal.decline_code) ?? textOf(refusal.code) ?? 'Declined'
}

/** Words whose capitals cannot be guessed; the others are made from the type ("us_bank_account" → "Us Bank Account"). */
const methodNames: Readonly<Record<string, string>> = {
  us_bank_account: 'US Bank Account',
  sepa_debit: 'SEPA Debit',
  ideal: 'iDEAL',
  paypal: 'PayPal',
  eps: 'EPS',
  p24: 'P24',
  blik: 'BLIK',
}

/** A wallet is what the payer used, the card behind it is not. */
export function methodOf(charge: Json | null): string {
  const details = objectOf(charge?.payment_method_details)
  const wallet = objectOf(objectOf(details?.card)?.wallet)
  const type = wordOf(wallet?.type) ?? wordOf(details?.type)
  if (type === null) return 'Unknown'
  const name = meaningOf(methodNames, type)
  return name ?? type.replaceAll('_', ' ').replaceAll(/\b[a-z]/g, (letter) => letter.toUpperCase())
}

/** A card that the payer let us keep: attached to a customer, for use without the payer. */
function toSavedMethod(session: Json, intent: Json): SavedMethod | null {
  const method = objectOf(intent.payment_method)
  const card = objectOf(method?.card)
  const [token, tokenOwner] = [textOf(method?.id), idOf(intent.customer)]
  const email = textOf(objectOf(session.customer_details)?.email) ?? textOf(session.customer_email)
  if (!card || token === null || tokenOwner === null || email === null) return null
  if (wordOf(method?.type) !== 'card' || wordOf(intent.setup_future_usage) !== 'off_session') return null
  return {
    token,
    tokenOwner,
    email,
    type: 'card',
    brand: wordOf(card.brand),
    bank: textOf(card.issuer),
    last4: textOf(card.last4),
    expMonth: wholeOf(card.exp_month),
    expYear: wholeOf(card.exp_year),
    reusable: true,
    signature: textOf(card.fingerprint),
  }
}

/** Stripe's own `reason` knows three words and none is ours to say; the business's words go into the metadata. */
export function toRefundParams(request: RefundRequest, paymentIntent: string): Stripe.RefundCreateParams {
  return {
    payment_intent: paymentIntent,
    amount: amountOf(request),
    metadata: {
      [referenceKey]: request.reference,
      [paymentReferenceKey]: request.payment.reference,
      ...(request.reason && { reason: cut(request.reason, metadataMax) }),
    },
  }
}

/** Whether a listed refund is the one that we asked for under `reference`. */
export function isOurRefund(refund: Json, reference: string): boolean {
  return objectOf(refund.metadata)?.[referenceKey] === reference
}

/**
 * Refund status → ours. Source: API reference (Refund `status`), read 2026-11-20. `requires_action` waits for the
 * payer; `canceled` gave nothing back. `failed` may follow `succeeded`.
 */
const refundStatuses: Readonly<Record<string, ChannelRefund['status']>> = {
  pending: 'pending',
  requires_action: 'pending',
  succeeded: 'successful',
  failed: 'failed',
  canceled: 'failed',
}

/** Null without id or status. */
export function toRefund(refund: Json): ChannelRefund | null {
  const [channelReference, channelStatus] = [textOf(refund.id), wordOf(refund.status)]
  if (refund.object !== 'refund' || channelReference === null || channelStatus === null) return null
  return {
    status: meaningOf(refundStatuses, channelStatus) ?? 'pending',
    channelStatus,
    channelReference,
    amountMinor: fromWire(refund.amount, refund.currency),
    currency: currencyOf(refund.currency),
    reason: textOf(refund.failure_reason) ?? textOf(refund.pending_reason),
  }
}

/** An expandable field: the id, or the object that carries it. */
export function idOf(value: unknown): string | null {
  return textOf(value) ?? textOf(objectOf(value)?.id)
}

const wholeOf = (value: unknown): number | null =>
  Number.isSafeInteger(value) && (value as number) > 0 ? (value as number) : null

/** Seconds since 1970. */
export function dateOf(value: unknown): Date | null {
  const seconds = wholeOf(value)
  return seconds === null ? null : new Date(seconds * 1000)
}

/** Half a surrogate pair cannot be encoded, and a cut may leave one. */
export const cut = (text: string, max: number): string => text.trim().slice(0, max).toWellFormed()

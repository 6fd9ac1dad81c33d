import assert from 'node:assert/strict'
import { exponentOf } from '../../platform/money.ts'
import type {
  ChannelPayment,
  ChannelRefund,
  OpenCheckout,
  OpenedCheckout,
  RefundRequest,
  SavedMethod,
} from '../channel.ts'
import { type Json, objectOf } from '../kit/exchange.ts'
import { rescale, wholeOf } from '../kit/money.ts'
import { isNoteOf, noteOf } from '../kit/refund-note.ts'
import { currencyOf, dateOf, idOf, meaningOf, textOf, webAddressOf, wordOf } from '../kit/words.ts'

/**
 * Paystack's words and numbers to ours and back; pure. Shapes: Paystack's API
 * documentation, its OpenAPI document and its published samples, all read 2026-11-20. Functions that read
 * an answer give null for one that cannot be used, and the caller turns that into a `ChannelError` (`garbage`).
 */

/** Paystack's wire is always major units × 100, also for XOF, whose ISO 4217 exponent is 0 (API documentation, "Supported currency", read 2026-11-20). */
const wireExponent = 2

/** Paystack takes no other characters in a payment's reference ("Initialize transaction", read 2026-11-20). */
const referenceForm = /^[A-Za-z0-9.=-]+$/

/**
 * Transaction status → ours. Source: Paystack's "Verify Payments", transaction statuses, read 2026-11-28.
 * `abandoned` is also what a page shows that nobody has touched: it may still be paid.
 * `ongoing` waits for the payer, "to enter an otp or to make a transfer": a payer who looks at a page has paid nothing.
 * `pending` is "currently in progress" and `processing` the same for direct debits: the payer has done their part. By
 * card that takes seconds, so there it stays `pending`; by the methods of `slowMethods` the money is on its way.
 * `queued` is a bulk charge whose turn has not come; we make none.
 * `failed` is the latest attempt; the payer may try another card on the same page.
 * `reversed` is money taken and given back (refund or charge-back). Not `successful`: the business must not hand over
 * goods for money that it does not have. Not `failed` either: the reference is used up and cannot be paid any more. It
 * stays `closed` for one who never saw the success; one who did keeps it and follows the refund.
 * A status that is not here is `pending`: we go on asking.
 */
const paymentStatuses: Readonly<Record<string, ChannelPayment['status']>> = {
  success: 'successful',
  failed: 'failed',
  reversed: 'closed',
  abandoned: 'pending',
  ongoing: 'pending',
  pending: 'processing',
  processing: 'processing',
  queued: 'pending',
}

/** Paystack's "channels" whose money takes its time ("Initialize transaction", "Payment channels", read 2026-11-28). */
const slowMethods: ReadonlySet<string> = new Set([
  ...['bank', 'bank_transfer', 'dedicated_nuban', 'ussd', 'qr', 'mobile_money', 'eft', 'capitec_pay', 'payattitude'],
  'direct_debit',
])

/**
 * Refund status → ours. Source: Paystack's refund webhook samples and "Refunds", read 2026-11-20.
 * `needs-attention` waits for the payer's bank account; the money has not come back to the business.
 */
const refundStatuses: Readonly<Record<string, ChannelRefund['status']>> = {
  pending: 'pending',
  processing: 'pending',
  'needs-attention': 'pending',
  processed: 'successful',
  failed: 'failed',
}

/** Paystack's "channel" is how the payer paid. Source: "Initialize transaction" and the charge.success samples, read 2026-11-20. */
const paymentMethods: Readonly<Record<string, string>> = {
  card: 'Card',
  bank: 'Bank',
  bank_transfer: 'Bank Transfer',
  ussd: 'USSD',
  mobile_money: 'Mobile Money',
  qr: 'QR',
  eft: 'EFT',
  apple_pay: 'Apple Pay',
  direct_debit: 'Direct Debit',
  dedicated_nuban: 'Bank Transfer',
  capitec_pay: 'Capitec Pay',
  payattitude: 'PayAttitude',
  pos: 'POS',
}

/** ISO minor units → Paystack's wire, exactly. The domain checked currency and amount: anything else here is our bug. */
export function toWire(amountMinor: bigint, currency: string): number {
  const exponent = exponentOf(currency)
  assert(exponent !== null && exponent <= wireExponent, `Paystack's wire cannot carry ${currency}`)
  assert(amountMinor > 0n, 'an amount is positive')
  const wire = amountMinor * 10n ** BigInt(wireExponent - exponent)
  assert(wire <= BigInt(Number.MAX_SAFE_INTEGER), 'the amount does not fit a JSON number')
  return Number(wire)
}

/**
 * Paystack's wire (number, or text as in some webhooks) → ISO minor units. Null for what is no whole minor unit
 * (XOF 150 on the wire is one franc and a half), for an unknown currency and for no amount: null never equals ours.
 */
export function fromWire(wire: unknown, currency: unknown): bigint | null {
  const exponent = exponentOf(currencyOf(currency) ?? '')
  const amount = wholeOf(wire)
  if (exponent === null || exponent > wireExponent || amount === null) return null
  return rescale(amount, wireExponent, exponent)
}

export function toInitialize(request: OpenCheckout): Json {
  assert.match(request.reference, referenceForm, 'Paystack takes letters, digits, "-", "." and "=" in a reference')
  return {
    email: request.payer.email,
    amount: toWire(request.amountMinor, request.currency),
    currency: request.currency,
    reference: request.reference,
    callback_url: request.returnUrl,
    metadata: {
      cancel_action: request.cancelUrl,
      // Offers only what can be charged again afterwards.
      ...(request.saveMethod && { custom_filters: { recurring: true } }),
    },
  }
}

/** Null unless the answer is a page for exactly our reference. */
export function toOpened(data: unknown, reference: string): OpenedCheckout | null {
  const opened = objectOf(data)
  const url = webAddressOf(opened?.authorization_url)
  return textOf(opened?.reference) !== reference || url === null ? null : { url, channelReference: reference }
}

/** The answer of `GET /transaction/verify/:reference`. Null without a status word. */
export function toPayment(data: unknown): ChannelPayment | null {
  const payment = objectOf(data)
  const channelStatus = wordOf(payment?.status)
  if (!payment || channelStatus === null) return null
  const status = statusOf(payment, channelStatus)
  const payerFeeMinor = payerFeeOf(payment)
  return {
    status,
    channelStatus,
    reference: textOf(payment.reference),
    amountMinor: fromWire(payment.amount, payment.currency),
    ...(payerFeeMinor !== null && { payerFeeMinor }),
    currency: currencyOf(payment.currency),
    channelTransactionId: idOf(payment.id),
    paymentMethod: methodOf(payment, status),
    reason: reasonOf(payment, status),
    paidAt: status === 'successful' ? dateOf(payment.paid_at ?? payment.paidAt) : null,
    savedMethod: status === 'successful' ? toSavedMethod(payment) : null,
  }
}

function statusOf(payment: Json, word: string): ChannelPayment['status'] {
  const status = meaningOf(paymentStatuses, word) ?? 'pending'
  if (status !== 'processing' || slowMethods.has(wordOf(payment.channel) ?? '')) return status
  return 'pending'
}

/**
 * Where the account passes its fees on to the payer, `amount` is what was asked (`requested_amount`) and the fees. What
 * Paystack tells as fees (`fees_breakdown`, else `fees`, whoever bears them) and is on top of what was asked, the payer
 * bore; the rest of what is on top is money beyond ("Verify Payments" and its samples, read 2026-11-28). Null: none told.
 */
function payerFeeOf(payment: Json): bigint | null {
  const [paid, asked] = [wholeOf(payment.amount), wholeOf(payment.requested_amount)]
  const told = sumOf(payment.fees_breakdown) ?? wholeOf(payment.fees)
  if (paid === null || asked === null || told === null) return null
  const onTop = paid - asked
  if (asked <= 0n || told <= 0n || onTop <= 0n) return null
  return fromWire(String(told < onTop ? told : onTop), payment.currency)
}

/** The amounts of `fees_breakdown`: fees and duties, each with its own. Null for what is no such list. */
function sumOf(breakdown: unknown): bigint | null {
  if (!Array.isArray(breakdown) || breakdown.length === 0) return null
  const amounts = breakdown.map((part: unknown) => wholeOf(objectOf(part)?.amount))
  return amounts.includes(null) ? null : amounts.reduce((sum: bigint, amount) => sum + (amount ?? 0n), 0n)
}

/** An untouched page says `channel: "card"` already, which nobody chose. */
function methodOf(payment: Json, status: ChannelPayment['status']): string {
  if (status === 'pending') return 'Unknown'
  return meaningOf(paymentMethods, wordOf(payment.channel)) ?? 'Unknown'
}

function reasonOf(payment: Json, status: ChannelPayment['status']): string | null {
  if (status === 'closed') return 'Paystack gave the money back: refunded or charged back.'
  return status === 'failed' ? (textOf(payment.gateway_response) ?? textOf(payment.message)) : null
}

/** Paystack says to keep cards only ("If the channel is card …", Verify Payments, read 2026-11-20), bound to the e-mail. */
function toSavedMethod(payment: Json): SavedMethod | null {
  const card = objectOf(payment.authorization)
  const token = textOf(card?.authorization_code)
  const email = textOf(objectOf(payment.customer)?.email)
  if (!card || token === null || email === null) return null
  if (wordOf(card.channel ?? payment.channel) !== 'card') return null
  return {
    token,
    tokenOwner: null,
    email,
    type: 'card',
    brand: wordOf(card.brand) ?? wordOf(card.card_type),
    bank: textOf(card.bank),
    last4: textOf(card.last4),
    expMonth: numberOf(card.exp_month),
    expYear: numberOf(card.exp_year),
    reusable: card.reusable === true,
    signature: textOf(card.signature),
  }
}

export function toRefundBody(request: RefundRequest): Json {
  return {
    transaction: request.payment.reference,
    amount: toWire(request.amountMinor, request.currency),
    currency: request.currency,
    merchant_note: noteOf(request),
    ...(request.reason && { customer_note: request.reason }),
  }
}

/** Whether a listed refund is the one that we asked for under `reference`. */
export const isOurRefund = (data: unknown, reference: string): boolean =>
  isNoteOf(objectOf(data)?.merchant_note, reference)

/** The answer of `POST /refund`, `GET /refund/:id`, or one of `GET /refund`. Null without id or status word. */
export function toRefund(data: unknown): ChannelRefund | null {
  const refund = objectOf(data)
  const channelReference = idOf(refund?.id)
  const channelStatus = wordOf(refund?.status)
  if (!refund || channelReference === null || channelStatus === null) return null
  const status = meaningOf(refundStatuses, channelStatus) ?? 'pending'
  return {
    status,
    channelStatus,
    channelReference,
    amountMinor: fromWire(refund.amount, refund.currency),
    currency: currencyOf(refund.currency),
    reason: refundReason(refund, channelStatus),
  }
}

function refundReason(refund: Json, channelStatus: string): string | null {
  if (channelStatus === 'needs-attention') return "Paystack needs the payer's bank account for this refund."
  return channelStatus === 'failed' ? (textOf(refund.reason) ?? textOf(refund.message)) : null
}

/** "07" → 7: months and years of a card come as text. */
function numberOf(value: unknown): number | null {
  const whole = wholeOf(value)
  return whole !== null && whole > 0n && whole <= 9999n ? Number(whole) : null
}

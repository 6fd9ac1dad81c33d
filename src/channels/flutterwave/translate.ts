import assert from 'node:assert/strict'
import type {
  ChannelPayment,
  ChannelRefund,
  OpenCheckout,
  OpenedCheckout,
  RefundRequest,
  SavedMethod,
} from '../channel.ts'
import { type Json, objectOf } from '../kit/exchange.ts'
import { fromMajor, toMajor } from '../kit/money.ts'
import { isNoteOf, noteOf } from '../kit/refund-note.ts'
import { currencyOf, dateOf, idOf, meaningOf, textOf, webAddressOf, wordOf } from '../kit/words.ts'

/**
 * Flutterwave's words and numbers to ours and back; pure. Shapes: Flutterwave's v3 documentation ("Standard", "Payment
 * methods", "Webhooks", "Tokenization", "Refunds") and the documentation inside its Node SDK 1.4.1, all read 2026-11-20.
 * Functions that read an answer give null for one that cannot be used, and the caller turns that into a `ChannelError`
 * (`garbage`).
 */

/** "tx_ref: at most 100 characters" ("Standard", read 2026-11-20). */
const referenceLengthMax = 100

/**
 * Transaction status → ours. Source: Flutterwave's "Transaction verification", read 2026-11-28.
 * `failed` is one refused attempt; the link stays open and the payer may try again.
 * `pending` is an attempt that the payer began and Flutterwave waits for: by card it is decided in passing, by the
 * methods of `slowMethods` the money is on its way. A link that nobody has tried has no transaction at all.
 * A status that is not here is `pending`: we go on asking.
 */
const paymentStatuses: Readonly<Record<string, ChannelPayment['status']>> = {
  successful: 'successful',
  failed: 'failed',
  pending: 'pending',
}

/**
 * Refund status → ours. Not published in one place; nine independent code bases agree, read 2026-11-20.
 * Bare `completed` means "accepted": the money has not gone back yet. Each way of paying out has its own word for done.
 */
const refundStatuses: Readonly<Record<string, ChannelRefund['status']>> = {
  new: 'pending',
  pending: 'pending',
  'pending-momo': 'pending',
  processing: 'pending',
  completed: 'pending',
  'completed-mpgs': 'successful',
  'completed-bank-transfer': 'successful',
  'completed-momo': 'successful',
  'completed-offline': 'successful',
  'completed-preauth': 'successful',
  failed: 'failed',
}

/** `payment_type`s whose money takes its time ("Payment methods", read 2026-11-28), and whatever is mobile money. */
const slowMethods: ReadonlySet<string> = new Set([
  ...['account', 'account-ach-uk', 'account-ach-us', 'bank_transfer', 'banktransfer', 'ussd', 'mpesa', 'nqr', 'qr'],
  ...['opay', 'enaira', '1voucher', 'internetbanking'],
])
const mobileMoney = /^mobile_?money/

/** `payment_type` in words; mobile money has one per country. Source: "Payment methods" and SDK samples, read 2026-11-20. */
const paymentMethods: Readonly<Record<string, string>> = {
  card: 'Card',
  account: 'Bank Account',
  'account-ach-uk': 'Bank Account',
  'account-ach-us': 'Bank Account',
  bank_transfer: 'Bank Transfer',
  banktransfer: 'Bank Transfer',
  ussd: 'USSD',
  mpesa: 'M-Pesa',
  nqr: 'QR',
  qr: 'QR',
  opay: 'OPay',
  enaira: 'eNaira',
  applepay: 'Apple Pay',
  googlepay: 'Google Pay',
  '1voucher': '1Voucher',
  internetbanking: 'Internet Banking',
  barter: 'Barter',
  credit: 'Credit',
}

/**
 * No session length: when it would begin is not published, and our own expiry disables the link. There is no address
 * for giving up either; the payer comes back to `redirect_url` with `status=cancelled`.
 */
export function toPaymentBody(request: OpenCheckout): Json {
  const { reference, payer } = request
  assert(
    reference !== '' && reference.length <= referenceLengthMax,
    'Flutterwave takes 1 to 100 characters in a tx_ref',
  )
  const name = payer.fullName ?? ([payer.firstName, payer.lastName].filter(Boolean).join(' ') || null)
  return {
    tx_ref: reference,
    amount: toMajor(request.amountMinor, request.currency),
    currency: request.currency,
    redirect_url: request.returnUrl,
    customer: {
      email: payer.email,
      ...(name !== null && { name }),
      ...(payer.phone !== null && { phonenumber: payer.phone }),
    },
    customizations: { description: request.description },
    // Only cards leave a token. Works where the account lets requests choose; elsewhere the payer may pay another way.
    ...(request.saveMethod && { payment_options: 'card' }),
  }
}

/** Null unless the answer is a web address. */
export function toOpened(data: unknown, reference: string): OpenedCheckout | null {
  const url = webAddressOf(objectOf(data)?.link)
  return url === null ? null : { url, channelReference: reference }
}

/** The answer of `GET /v3/transactions/verify_by_reference` and `…/:id/verify`. Null without a status word. */
export function toPayment(data: unknown): ChannelPayment | null {
  const payment = objectOf(data)
  const channelStatus = wordOf(payment?.status)
  if (!payment || channelStatus === null) return null
  const status = statusOf(payment, channelStatus)
  const { amountMinor, payerFeeMinor } = moneyOf(payment)
  return {
    status,
    channelStatus,
    reference: textOf(payment.tx_ref),
    amountMinor,
    ...(payerFeeMinor !== null && { payerFeeMinor }),
    currency: currencyOf(payment.currency),
    channelTransactionId: idOf(payment.id),
    paymentMethod: status === 'pending' ? 'Unknown' : methodOf(payment),
    reason: status === 'failed' ? (textOf(payment.processor_response) ?? 'Flutterwave gave no reason.') : null,
    // There is no time of payment, only the attempt's own.
    paidAt: status === 'successful' ? dateOf(payment.created_at) : null,
    savedMethod: status === 'successful' ? toSavedMethod(payment) : null,
  }
}

function statusOf(payment: Json, word: string): ChannelPayment['status'] {
  const status = meaningOf(paymentStatuses, word) ?? 'pending'
  const method = wordOf(payment.payment_type) ?? ''
  return word === 'pending' && (slowMethods.has(method) || mobileMoney.test(method)) ? 'processing' : status
}

/**
 * `amount` is what came for the price, and may be more than was asked ("Transaction verification", read 2026-11-28: then
 * give value and refund the rest); `charged_amount` is what the payer gave, with the fees where the account passes them
 * on. So what was charged above `amount` is the payer's fee. Less charged than `amount` is what moved, and the domain must
 * see it; a charge that cannot be read counts as none.
 */
function moneyOf(payment: Json): { amountMinor: bigint | null; payerFeeMinor: bigint | null } {
  const amount = fromMajor(payment.amount, payment.currency)
  if (payment.charged_amount == null || amount === null) return { amountMinor: amount, payerFeeMinor: null }
  const charged = fromMajor(payment.charged_amount, payment.currency)
  return { amountMinor: charged, payerFeeMinor: charged !== null && charged > amount ? charged - amount : null }
}

function methodOf(payment: Json): string {
  const type = wordOf(payment.payment_type) ?? ''
  return meaningOf(paymentMethods, type) ?? (mobileMoney.test(type) ? 'Mobile Money' : 'Unknown')
}

/**
 * `card.token` is in verify answers only, bound to the payer's e-mail, and lives one year, whatever the card's expiry
 * ("Tokenization", read 2026-11-20); after that charging it is refused. There is no reusable flag: a token is one.
 */
function toSavedMethod(payment: Json): SavedMethod | null {
  const card = objectOf(payment.card)
  const token = textOf(card?.token)
  const email = textOf(objectOf(payment.customer)?.email)
  if (!card || token === null || email === null) return null
  const expiry = /^(0[1-9]|1[0-2])\/(\d{2})$/.exec(textOf(card.expiry) ?? '')
  return {
    token,
    tokenOwner: null,
    email,
    type: 'card',
    brand: wordOf(card.type),
    bank: textOf(card.issuer),
    last4: textOf(card.last_4digits),
    expMonth: expiry ? Number(expiry[1]) : null,
    expYear: expiry ? 2000 + Number(expiry[2]) : null,
    reusable: true,
    signature: signatureOf(card),
  }
}

/**
 * Flutterwave publishes no signature of a card, so ours is made of all that it tells of one. Two cards of one bank with
 * the same last digits, brand and expiry would share it: then one payer's second card is taken for the first.
 */
function signatureOf(card: Json): string | null {
  const parts = [card.first_6digits, card.last_4digits, card.expiry, card.type].map(textOf)
  return parts.includes(null) ? null : parts.join(':').toUpperCase()
}

export function toRefundBody(request: RefundRequest): Json {
  return {
    amount: toMajor(request.amountMinor, request.currency),
    comments: noteOf(request),
  }
}

/** Whether a listed refund is the one that we asked for under `reference`. Sent as `comments`, seen as `comment` and both. */
export function isOurRefund(data: unknown, reference: string): boolean {
  const refund = objectOf(data)
  return isNoteOf(textOf(refund?.comment) ?? refund?.comments, reference)
}

/** The id of the transaction that a refund gives back: `tx_id` where it was made, also `transaction_id` where fetched. */
export function transactionIdOf(data: unknown): string | null {
  const refund = objectOf(data)
  return idOf(refund?.tx_id) ?? idOf(refund?.transaction_id)
}

/** A listed transaction of exactly this reference; its id has digits only, as it goes into a path. Null for others. */
export function toListed(row: unknown, reference: string): ChannelPayment | null {
  const payment = toPayment(row)
  if (payment?.reference !== reference) return null
  return /^\d+$/.test(payment.channelTransactionId ?? '') ? payment : null
}

/** A refund as it was made, fetched or listed, in the currency of its payment. Null without id or status word. */
export function toRefund(data: unknown, currency: string | null): ChannelRefund | null {
  const refund = objectOf(data)
  const channelReference = idOf(refund?.id)
  const channelStatus = wordOf(refund?.status)
  if (!refund || channelReference === null || channelStatus === null) return null
  const status = meaningOf(refundStatuses, channelStatus) ?? 'pending'
  return {
    status,
    channelStatus,
    channelReference,
    amountMinor: fromMajor(refund.amount_refunded, currency),
    currency,
    reason: status === 'failed' ? 'Flutterwave could not pay the refund out.' : null,
  }
}

import { magicOf } from '../magic.ts'
import { findCard } from './cards.ts'
import { toMajor, unitOf } from './money.ts'
import { ACCOUNT_ID, customerOf, type Flutterwave, type Transaction } from './records.ts'

type View = Record<string, unknown>

/** Flutterwave's share, 1.4 %, taken from the merchant; nothing here depends on its being right. */
const FEE_PER_MILLE = 14

/** A transaction as verify and tokenized-charges show it. */
export function transactionView(flw: Flutterwave, transaction: Transaction): View {
  const { token, meta, secretKey, email } = transaction
  const customer = customerOf(flw, secretKey, email)
  return {
    ...commonView(transaction),
    id: transaction.id,
    account_id: ACCOUNT_ID,
    ...(isCard(transaction) && { card: { ...cardView(transaction), ...(token !== null && { token }) } }),
    meta: meta ?? null,
    customer: {
      ...{ id: customer.id, name: customer.name, phone_number: customer.phone, email: customer.email },
      created_at: customer.createdAt,
    },
  }
}

/** The same in a webhook: no token, no meta. */
export function webhookView(flw: Flutterwave, transaction: Transaction): View {
  const { meta: _meta, ...view } = transactionView(flw, transaction)
  return isCard(transaction) ? { ...view, card: cardView(transaction) } : view
}

/** The same as a row of the list: ids are text, and the customer is spread out. */
export function transactionRowView(flw: Flutterwave, transaction: Transaction): View {
  const customer = customerOf(flw, transaction.secretKey, transaction.email)
  return {
    ...commonView(transaction),
    ...{ id: String(transaction.id), account_id: String(ACCOUNT_ID) },
    ...{ customer_name: customer.name, customer_email: customer.email },
    ...(isCard(transaction) && { card: cardView(transaction) }),
  }
}

function commonView(transaction: Transaction): View {
  const { amount, currency, txRef } = reported(transaction)
  const { flwRef, status, processorResponse, authModel, narration, createdAt } = transaction
  const { payerFee = null, method = 'card' } = transaction
  const fee = payerFee ?? Math.trunc((amount * FEE_PER_MILLE) / 1000)
  const isPaid = status === 'successful'
  return {
    ...{ tx_ref: txRef, flw_ref: flwRef, device_fingerprint: 'N/A', currency },
    amount: toMajor(amount - (payerFee ?? 0), currency),
    ...{ charged_amount: toMajor(amount, currency), app_fee: toMajor(fee, currency), merchant_fee: 0 },
    ...{ processor_response: processorResponse, auth_model: authModel, ip: '127.0.0.1', narration, status },
    ...{ payment_type: method, created_at: createdAt },
    amount_settled: isPaid ? toMajor(amount - fee, currency) : null,
  }
}

const isCard = ({ method = 'card' }: Transaction): boolean => method === 'card'

function cardView({ cardNumber }: Transaction): View {
  const { type, expiry } = findCard(cardNumber)
  return {
    ...{ first_6digits: cardNumber.slice(0, 6), last_4digits: cardNumber.slice(-4) },
    ...{ issuer: `${type} TEST BANK CREDIT`, country: 'NG', type, expiry },
  }
}

/** What Flutterwave reports, and moved: what the payer was charged, else what was asked, save for the magic amounts. */
export function reported({
  amount,
  currency,
  txRef,
  charged = null,
}: Pick<Transaction, 'amount' | 'currency' | 'txRef' | 'charged'>): {
  amount: number
  currency: string
  txRef: string
} {
  if (charged !== null) return { amount: charged, currency, txRef }
  const magic = magicOf(amount)
  if (magic === 'less') return { amount: amount - unitOf(currency), currency, txRef }
  if (magic === 'more') return { amount: amount + unitOf(currency), currency, txRef }
  // Both have cents, so that the amount stays what it was.
  if (magic === 'other_currency') return { amount, currency: currency === 'USD' ? 'NGN' : 'USD', txRef }
  if (magic === 'other_reference') return { amount, currency, txRef: `${txRef}-other` }
  return { amount, currency, txRef }
}

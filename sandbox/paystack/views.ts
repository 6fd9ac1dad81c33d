import { magicOf } from '../magic.ts'
import { findCard, signatureOf } from './cards.ts'
import { authorizationsOf, customerOf } from './customers.ts'
import type { Authorization, Customer, Paystack, Transaction } from './records.ts'
import { INTEGRATION } from './records.ts'

type View = Record<string, unknown>

/** Paystack's share, 1.5 %, in the wire's minor units; nothing here depends on its being right. */
const FEE_PER_MILLE = 15

/** A payment as verify and charge_authorization show it: keys of the samples and of the spec. */
export function transactionView(ps: Paystack, transaction: Transaction): View {
  const { amount, currency, reference } = reported(transaction)
  const { id, status, metadata, createdAt, paidAt, gatewayResponse, method = 'card', sent = null } = transaction
  return {
    ...{ id, domain: 'test', status, reference, receipt_number: null, amount, message: null },
    ...{ gateway_response: gatewayResponse, helpdesk_link: null, paid_at: paidAt, created_at: createdAt },
    ...{ channel: method, currency, ip_address: '127.0.0.1', metadata, log: logView(transaction) },
    ...{ fees: paidAt === null ? null : feesOf(transaction, amount), fees_split: null },
    authorization: authorizationOf(ps, transaction),
    customer: customerView(customerOf(ps, transaction.secretKey, transaction.email)),
    ...{ plan: null, split: {}, order_id: null, paidAt, createdAt },
    // For the magic amounts equal to the one reported, so that a strange amount cannot be explained by fees passed on.
    requested_amount: sent === null ? amount : transaction.amount,
    ...{ pos_transaction_data: null, source: null, fees_breakdown: null, connect: null },
    ...{ transaction_date: paidAt ?? createdAt, plan_object: {}, subaccount: {} },
  }
}

/** Paystack's fee, whoever bears it; none is told where the payer sent another amount of their own accord. */
function feesOf({ sent = null, payerFee = null }: Transaction, amount: number): number | null {
  return sent === null ? Math.round((amount * FEE_PER_MILLE) / 1000) : payerFee
}

/** The same as `GET /transaction/:id`, the list and `charge.success` show it. */
export function transactionFetchView(ps: Paystack, transaction: Transaction): View {
  const source = { type: 'api', source: 'merchant_api', entry_point: 'transaction_initialize', identifier: null }
  return { ...transactionView(ps, transaction), plan: {}, source }
}

export function authorizationView(authorization: Authorization): View {
  const card = findCard(authorization.cardNumber)
  return {
    authorization_code: authorization.code,
    bin: card.number.slice(0, 6),
    last4: card.number.slice(-4),
    exp_month: '12',
    exp_year: '2030',
    channel: 'card',
    // The blank is Paystack's own.
    card_type: `${card.brand} `,
    bank: card.bank,
    country_code: 'NG',
    brand: card.brand,
    reusable: card.reusable,
    signature: signatureOf(card.number),
    account_name: null,
    receiver_bank_account_number: null,
    receiver_bank: null,
  }
}

export function customerView(customer: Customer): View {
  return {
    id: customer.id,
    first_name: customer.firstName,
    last_name: customer.lastName,
    email: customer.email,
    customer_code: customer.code,
    phone: customer.phone,
    metadata: customer.metadata,
    risk_action: 'default',
    international_format_phone: customer.phone,
  }
}

/** A customer as its own endpoints show it. */
export function customerFetchView(ps: Paystack, customer: Customer): View {
  const { createdAt, updatedAt } = customer
  return {
    ...customerView(customer),
    ...{ transactions: [], subscriptions: [] },
    authorizations: authorizationsOf(ps, customer).map(authorizationView),
    ...{ domain: 'test', integration: INTEGRATION, createdAt, updatedAt, created_at: createdAt, updated_at: updatedAt },
    ...{ total_transactions: 0, total_transaction_value: [], dedicated_account: null, dedicated_accounts: [] },
    ...{ identified: false, identifications: null },
  }
}

/** Nobody has paid yet, or the try was refused: nothing to show. Only cards can be charged again. */
function authorizationOf(ps: Paystack, { authorizationCode, method = 'card' }: Transaction): View {
  const found = authorizationCode === null ? undefined : ps.authorizations.get(authorizationCode)
  if (!found) return {}
  if (method === 'card') return authorizationView(found)
  return {
    ...{ authorization_code: found.code, bin: '000XXX', last4: 'X000', exp_month: '12', exp_year: '9999' },
    ...{ channel: method, card_type: method === 'bank_transfer' ? 'transfer' : '', bank: 'Test Bank' },
    ...{ country_code: 'NG', brand: 'Managed Account', reusable: false, signature: null, account_name: null },
    ...{ receiver_bank_account_number: null, receiver_bank: null },
  }
}

function logView({ attempts, createdAt, status }: Transaction): View | null {
  if (attempts.length === 0) return null
  const start = Math.trunc(Date.parse(createdAt) / 1000)
  const seconds = (at: string) => Math.trunc(Date.parse(at) / 1000) - start
  return {
    start_time: start,
    time_spent: seconds(attempts.at(-1)!.at),
    attempts: attempts.length,
    authentication: 'sandbox',
    errors: attempts.filter(({ type }) => type === 'error').length,
    success: status === 'success' || status === 'reversed',
    mobile: false,
    input: [],
    channel: null,
    history: attempts.map(({ type, message, at }) => ({ type, message, time: seconds(at) })),
  }
}

/** What Paystack reports, and moved: what the payer sent, else what was asked, save for the magic amounts. */
export function reported(transaction: Transaction): { amount: number; currency: string; reference: string } {
  const { amount, currency, reference, sent = null } = transaction
  if (sent !== null) return { amount: sent, currency, reference }
  const magic = magicOf(amount)
  if (magic === 'less') return { amount: amount - 100, currency, reference }
  if (magic === 'more') return { amount: amount + 100, currency, reference }
  if (magic === 'other_currency') return { amount, currency: currency === 'USD' ? 'NGN' : 'USD', reference }
  if (magic === 'other_reference') return { amount, currency, reference: `${reference}-other` }
  return { amount, currency, reference }
}

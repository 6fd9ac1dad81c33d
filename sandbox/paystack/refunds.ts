import type { FastifyInstance, FastifyRequest } from 'fastify'
import { operation } from '../provider.ts'
import { findCard, GOOD_CARD } from './cards.ts'
import { customerOf } from './customers.ts'
import { invalid, missing, PaystackError } from './errors.ts'
import {
  type Customer,
  INTEGRATION,
  moveBalance,
  nextId,
  type Paystack,
  type Refund,
  SLUG,
  type Transaction,
} from './records.ts'
import { accountOf, type Body, bodyOf, pageOf, paramOf, readAmount, textOf } from './requests.ts'
import { findTransactionByEither, isoMinor, keyOf } from './transactions.ts'
import { customerView, reported } from './views.ts'

export function refundRoutes(app: FastifyInstance, ps: Paystack): void {
  app.post('/refund', operation('refund'), (request) => {
    const { refund, transaction } = createRefund(ps, accountOf(ps, request).secretKey, bodyOf(request))
    const data = { ...refundView(ps, refund), transaction: refundedView(transaction), fully_deducted: false }
    return { status: true, message: 'Refund has been queued for processing', data }
  })
  app.get('/refund', operation('fetch_refund'), (request) => {
    const { secretKey } = accountOf(ps, request)
    const { rows, meta } = pageOf(request, listRefunds(ps, request, secretKey))
    const data = rows.map((refund) => refundView(ps, settleIfDue(ps, refund)))
    const failedRefundCount = rows.filter(({ status }) => status === 'failed').length
    // Text here and a number elsewhere: so is Paystack's.
    return {
      status: true,
      message: 'Refunds retrieved',
      data,
      meta: { ...meta, perPage: String(meta.perPage), failedRefundCount },
    }
  })
  app.get('/refund/:id', operation('fetch_refund'), (request) => {
    const refund = findRefund(ps, accountOf(ps, request).secretKey, paramOf(request, 'id'))
    return { status: true, message: 'Refund retrieved', data: refundView(ps, refund) }
  })
  app.post('/refund/retry_with_customer_details/:id', operation('refund'), (request) => {
    const refund = retryRefund(ps, accountOf(ps, request).secretKey, paramOf(request, 'id'), bodyOf(request))
    const message = 'Refund retried and has been queued for processing'
    return { status: true, message, data: { ...refundView(ps, refund), fully_deducted: false, reversed_at: null } }
  })
}

export function resumeRefunds(ps: Paystack): void {
  for (const refund of ps.refunds.all()) if (refund.settlesAt !== null) settleLater(ps, refund)
}

function createRefund(ps: Paystack, secretKey: string, body: Body): { refund: Refund; transaction: Transaction } {
  const named = textOf(body, 'transaction')
  if (named === null) throw missing('Transaction is required')
  const transaction = findTransactionByEither(ps, secretKey, named)
  if (!transaction)
    throw new PaystackError(404, 'Transaction not found', { type: 'validation_error', code: 'transaction_not_found' })
  if (transaction.status === 'reversed') throw invalid('Transaction has been fully reversed', 'transaction_reversed')
  if (transaction.status !== 'success')
    throw invalid('Only successful transactions can be refunded', 'transaction_not_successful')
  const paid = reported(transaction)
  const left = paid.amount - refundedOf(ps, transaction)
  if (left <= 0) throw invalid('Transaction has been fully reversed', 'transaction_reversed')
  const amount = body.amount == null ? left : readAmount(body.amount)
  if (amount > left) throw invalid('Refund amount cannot be more than the amount left to refund', 'invalid_amount')
  const currency = textOf(body, 'currency') ?? paid.currency
  if (currency !== paid.currency) throw invalid('Refund currency must be that of the transaction', 'invalid_currency')
  const refund = ps.core.store.write(() => addRefund(ps, transaction, amount, body))
  return { refund, transaction }
}

function addRefund(ps: Paystack, transaction: Transaction, amount: number, body: Body): Refund {
  const { secretKey, id: transactionId, reference } = transaction
  const now = new Date().toISOString()
  const refund: Refund = {
    ...{ id: nextId(ps), secretKey, transactionId, reference, amount, currency: reported(transaction).currency },
    customerNote: textOf(body, 'customer_note') ?? `Refund for transaction ${reference}`,
    merchantNote: textOf(body, 'merchant_note') ?? `Refund for transaction ${reference}`,
    status: 'pending',
    ending: findCard(transaction.cardNumber ?? GOOD_CARD.number).refundEnding,
    settlesAt: Date.now() + ps.core.refundDelayMs,
    ...{ createdAt: now, updatedAt: now, refundedAt: null },
  }
  moveBalance(ps, secretKey, refund.currency, -amount)
  return move(ps, refund, 'pending')
}

/** What is given back or on its way; a failed refund's money is the merchant's again. */
function refundedOf(ps: Paystack, transaction: Transaction): number {
  const refunds = ps.refunds.by('transaction', String(transaction.id)).map((refund) => settleIfDue(ps, refund))
  return refunds.reduce((sum, { status, amount }) => (status === 'failed' ? sum : sum + amount), 0)
}

function settleLater(ps: Paystack, refund: Refund): void {
  ps.core.timers.at(refund.settlesAt!, () => {
    const now = ps.refunds.get(String(refund.id))
    if (now) settleIfDue(ps, now)
  })
}

function settleIfDue(ps: Paystack, refund: Refund): Refund {
  if (refund.settlesAt === null || refund.settlesAt > Date.now()) return refund
  return ps.core.store.write(() => {
    const { secretKey, currency, amount, ending } = refund
    if (ending === 'failed') moveBalance(ps, secretKey, currency, amount)
    const refundedAt = ending === 'processed' ? new Date().toISOString() : null
    const settled = move(ps, { ...refund, settlesAt: null, refundedAt }, ending)
    if (ending === 'processed') reverseWhenWhole(ps, settled)
    return settled
  })
}

/** Paystack calls a payment that was given back in full `reversed`. */
function reverseWhenWhole(ps: Paystack, { transactionId, secretKey, reference }: Refund): void {
  const transaction = ps.transactions.get(keyOf({ secretKey, reference }))
  if (!transaction) return
  const done = ps.refunds.by('transaction', String(transactionId)).filter(({ status }) => status === 'processed')
  const sum = done.reduce((total, { amount }) => total + amount, 0)
  if (sum === reported(transaction).amount)
    ps.transactions.put(keyOf(transaction), { ...transaction, status: 'reversed' })
}

/** The new status with everything that hangs on it: ledger, webhook, timer. */
function move(ps: Paystack, refund: Refund, status: Refund['status']): Refund {
  const moved: Refund = { ...refund, status, updatedAt: new Date().toISOString() }
  ps.refunds.put(String(moved.id), moved)
  ps.core.ledger.record(String(moved.id), {
    channel: SLUG,
    kind: 'refund',
    reference: moved.reference,
    amount_minor: isoMinor(moved.amount, moved.currency),
    currency: moved.currency,
    status: status === 'processed' ? 'success' : status === 'failed' ? 'failed' : 'pending',
  })
  const account = ps.core.accounts.find(SLUG, moved.secretKey)
  ps.core.notify(account, 'refund', { event: `refund.${status}`, data: refundEventView(ps, moved) })
  if (moved.settlesAt !== null) settleLater(ps, moved)
  return moved
}

function retryRefund(ps: Paystack, secretKey: string, id: string, body: Body): Refund {
  const refund = findRefund(ps, secretKey, id)
  if (refund.status !== 'needs-attention') {
    throw new PaystackError(422, 'Invalid Refund state, refund status should be "needs-attention"', {
      meta: { nextStep: 'Ensure that the values you pass are valid' },
      type: 'validation_error',
      code: 'invalid_params',
    })
  }
  const details = body.refund_account_details
  if (typeof details !== 'object' || details === null) throw missing('refund_account_details is required')
  const again: Refund = { ...refund, ending: 'processed', settlesAt: Date.now() + ps.core.refundDelayMs }
  return ps.core.store.write(() => move(ps, again, 'processing'))
}

function findRefund(ps: Paystack, secretKey: string, id: string): Refund {
  const refund = ps.refunds.get(id)
  if (refund?.secretKey !== secretKey) throw new PaystackError(404, 'Refund not found')
  return settleIfDue(ps, refund)
}

function listRefunds(ps: Paystack, request: FastifyRequest, secretKey: string): Refund[] {
  // Not in the spec, but Paystack takes it and it is how one finds the refunds of a payment.
  const { transaction: named } = request.query as { transaction?: string }
  const own = ps.refunds.all().filter((refund) => refund.secretKey === secretKey)
  if (named === undefined) return own
  return own.filter(({ transactionId, reference }) => String(transactionId) === named || reference === named)
}

function refundView(ps: Paystack, refund: Refund): Record<string, unknown> {
  const { id, transactionId, reference, amount, currency, status, createdAt, updatedAt, refundedAt, secretKey } = refund
  const transaction = ps.transactions.get(keyOf(refund))
  return {
    ...{ id, integration: INTEGRATION, domain: 'test', transaction: transactionId, dispute: null, settlement: null },
    ...{ amount, deducted_amount: amount, currency, channel: 'card', status },
    // A number when fetched and a boolean when made: so is Paystack's.
    fully_deducted: status === 'processed' ? 1 : 0,
    ...{ refunded_by: 'sandbox@example.com', refunded_at: refundedAt, expected_at: createdAt },
    ...{ customer_note: refund.customerNote, merchant_note: refund.merchantNote },
    ...{ createdAt, updatedAt, created_at: createdAt, updated_at: updatedAt },
    ...{ bank_reference: null, transaction_reference: reference, reason: refund.merchantNote },
    customer: transaction ? refundCustomerView(customerOf(ps, secretKey, transaction.email)) : null,
    ...{ refund_type: 'merchant', transaction_amount: transaction ? reported(transaction).amount : amount },
    ...{ initiated_by: 'sandbox@example.com', refund_channel: 'card', session_id: null, collect_account_number: false },
  }
}

/** Only here is a customer's metadata JSON text, and no phone an empty one. */
function refundCustomerView(customer: Customer): Record<string, unknown> {
  const view = customerView(customer)
  return {
    ...view,
    metadata: JSON.stringify(customer.metadata ?? {}),
    international_format_phone: customer.phone ?? '',
  }
}

/** The payment as `POST /refund` shows it. */
function refundedView(transaction: Transaction): Record<string, unknown> {
  const { id, paidAt } = transaction
  const { amount, currency, reference } = reported(transaction)
  return {
    ...{ id, domain: 'test', reference, amount, paid_at: paidAt, channel: 'card', currency },
    authorization: { exp_month: null, exp_year: null, account_name: null },
    customer: { international_format_phone: null },
    ...{ plan: {}, subaccount: { currency: null }, split: {}, order_id: null, paidAt },
    ...{ pos_transaction_data: null, source: null, fees_breakdown: null },
  }
}

function refundEventView(ps: Paystack, refund: Refund): Record<string, unknown> {
  const { id, status, reference, amount, currency, secretKey, customerNote, merchantNote } = refund
  const email = ps.transactions.get(keyOf(refund))?.email ?? ''
  const customer = email === '' ? null : customerOf(ps, secretKey, email)
  const isText = status === 'pending' || status === 'processing' || status === 'processed'
  return {
    ...{ status, transaction_reference: reference, refund_reference: status === 'pending' ? null : `RF${id}` },
    // Text in some events and a number in others: so are Paystack's own.
    amount: isText ? String(amount) : amount,
    ...{ currency, processor: 'sandbox', integration: INTEGRATION, domain: 'test' },
    customer: { first_name: customer?.firstName ?? null, last_name: customer?.lastName ?? null, email },
    ...(status === 'needs-attention' && { id: String(id), customer_note: customerNote, merchant_note: merchantNote }),
  }
}

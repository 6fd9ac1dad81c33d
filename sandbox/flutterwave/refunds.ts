import type { FastifyInstance, FastifyRequest } from 'fastify'
import { operation } from '../provider.ts'
import { findCard } from './cards.ts'
import { noTransaction, refused } from './errors.ts'
import { toMajor } from './money.ts'
import { ACCOUNT_ID, type Flutterwave, moveBalance, nextId, type Refund, SLUG, WALLET_ID } from './records.ts'
import { accountOf, type Body, bodyOf, pageOf, paramOf, queryOf, readAmount, textOf, withinDates } from './requests.ts'
import { transactionById } from './transactions.ts'
import { reported } from './views.ts'

/** No webhook tells of a refund: none is documented for v3. */
export function refundRoutes(app: FastifyInstance, flw: Flutterwave): void {
  app.post('/v3/transactions/:id/refund', operation('refund'), (request) => {
    const { secretKey } = accountOf(flw, request)
    const refund = createRefund(flw, secretKey, paramOf(request, 'id'), bodyOf(request))
    return { status: 'success', message: 'Transaction refund initiated', data: madeView(refund) }
  })
  app.get('/v3/refunds', operation('fetch_refund'), (request) => {
    const { secretKey } = accountOf(flw, request)
    const { rows, meta } = pageOf(request, listRefunds(flw, request, secretKey))
    return { status: 'success', message: 'Refunds fetched', meta, data: rows.map(fetchedView) }
  })
  app.get('/v3/refunds/:id', operation('fetch_refund'), (request) => {
    const refund = flw.refunds.get(paramOf(request, 'id'))
    if (refund?.secretKey !== accountOf(flw, request).secretKey) throw refused('No refund was found for this id')
    return { status: 'success', message: 'Refund fetched', data: fetchedView(settleIfDue(flw, refund)) }
  })
}

export function resumeRefunds(flw: Flutterwave): void {
  for (const refund of flw.refunds.all()) if (refund.settlesAt !== null) settleLater(flw, refund)
}

function createRefund(flw: Flutterwave, secretKey: string, id: string, body: Body): Refund {
  const transaction = transactionById(flw, secretKey, id)
  if (!transaction) throw noTransaction()
  if (transaction.status !== 'successful') throw refused('Only successful transactions can be refunded')
  const paid = reported(transaction)
  const left = paid.amount - refundedOf(flw, transaction.id)
  if (left <= 0) throw refused('This transaction has been refunded')
  const amount = body.amount == null ? left : readAmount(body.amount, paid.currency)
  if (amount > left) throw refused('Refund amount cannot be more than what is left of the transaction')
  return flw.core.store.write(() => {
    const refundId = nextId(flw)
    moveBalance(flw, secretKey, paid.currency, -amount)
    return put(flw, {
      ...{ id: refundId, secretKey, transactionId: transaction.id, txRef: transaction.txRef },
      ...{ flwRef: `URF_${Date.now()}_${refundId}`, amount, currency: paid.currency },
      comments: textOf(body, 'comments'),
      status: 'completed',
      ending: findCard(transaction.cardNumber).refundEnding,
      settlesAt: Date.now() + flw.core.refundDelayMs,
      createdAt: new Date().toISOString(),
    })
  })
}

/** What is given back or on its way; a failed refund's money is the merchant's again. */
function refundedOf(flw: Flutterwave, transactionId: number): number {
  const refunds = flw.refunds.by('transaction', String(transactionId)).map((refund) => settleIfDue(flw, refund))
  return refunds.reduce((sum, { status, amount }) => (status === 'failed' ? sum : sum + amount), 0)
}

/** The refund with everything that hangs on it: ledger and timer. */
function put(flw: Flutterwave, refund: Refund): Refund {
  const { id, txRef, amount, currency, status, settlesAt } = refund
  flw.core.ledger.record(String(id), {
    ...{ channel: SLUG, kind: 'refund', reference: txRef, amount_minor: amount, currency },
    status: status === 'completed' ? 'pending' : status === 'failed' ? 'failed' : 'success',
  })
  if (settlesAt !== null) settleLater(flw, refund)
  return flw.refunds.put(String(id), refund)
}

function settleLater(flw: Flutterwave, { id, settlesAt }: Refund): void {
  flw.core.timers.at(settlesAt!, () => {
    const now = flw.refunds.get(String(id))
    if (now) settleIfDue(flw, now)
  })
}

function settleIfDue(flw: Flutterwave, refund: Refund): Refund {
  const { settlesAt, ending, secretKey, currency, amount } = refund
  if (settlesAt === null || settlesAt > Date.now()) return refund
  return flw.core.store.write(() => {
    if (ending === 'failed') moveBalance(flw, secretKey, currency, amount)
    return put(flw, { ...refund, status: ending, settlesAt: null })
  })
}

/** `id` is the refunded transaction's, not the refund's. */
function listRefunds(flw: Flutterwave, request: FastifyRequest, secretKey: string): Refund[] {
  const [transactionId, status, currency] = ['id', 'status', 'currency'].map((name) => queryOf(request, name))
  const isWithin = withinDates(request)
  const all = transactionId == null ? flw.refunds.all() : flw.refunds.by('transaction', transactionId)
  return all
    .filter((refund) => refund.secretKey === secretKey && isWithin(refund.createdAt))
    .map((refund) => settleIfDue(flw, refund))
    .filter((refund) => status == null || refund.status === status)
    .filter((refund) => currency == null || refund.currency === currency)
}

function madeView(refund: Refund): Record<string, unknown> {
  const { id, transactionId, flwRef, amount, currency, status, createdAt } = refund
  return {
    ...{ id, account_id: ACCOUNT_ID, tx_id: transactionId, flw_ref: flwRef, wallet_id: WALLET_ID },
    ...{ amount_refunded: toMajor(amount, currency), status, destination: 'payment_source' },
    ...{ meta: { source: 'availablebalance' }, created_at: createdAt },
  }
}

/** A fetched refund has its comment, and the transaction under another name besides: so is Flutterwave's. */
function fetchedView(refund: Refund): Record<string, unknown> {
  const settled = refund.status === 'completed-mpgs' ? `${refund.id}` : 'NEW'
  const { transactionId, comments } = refund
  return { ...madeView(refund), comment: comments, settlement_id: settled, transaction_id: transactionId }
}

import type { FastifyInstance, FastifyRequest } from 'fastify'
import { magicOf, ONGOING_MS } from '../magic.ts'
import { operation } from '../provider.ts'
import { invalid, missing, PaystackError } from './errors.ts'
import { findRecipient, recipientRoutes, recipientView } from './recipients.ts'
import {
  balanceOf,
  INTEGRATION,
  moveBalance,
  nextId,
  type Paystack,
  randomCode,
  SLUG,
  type Transfer,
} from './records.ts'
import { accountOf, type Body, bodyOf, paramOf, readAmount, textOf } from './requests.ts'
import { isoMinor, transactionKey } from './transactions.ts'

/** As many as Paystack takes in one call. */
const BULK_MAX = 100
/** Currencies that Paystack pays out in (PS-SPEC); their balances are listed even when untouched. */
const PAYOUT_CURRENCIES = ['NGN', 'GHS', 'KES', 'ZAR']

export function transferRoutes(app: FastifyInstance, ps: Paystack): void {
  recipientRoutes(app, ps)
  app.post('/transfer', operation('payout'), (request) => {
    const { secretKey } = accountOf(ps, request)
    const order = readOrder(ps, secretKey, bodyOf(request), null)
    if (isTaken(ps, secretKey, order.reference)) throw duplicateReference()
    refuseWhenShort(ps, secretKey, order.currency, order.amount)
    const transfer = ps.core.store.write(() => send(ps, secretKey, order))
    const data = {
      ...transferView(ps, transfer),
      transfersessionid: [],
      transfertrials: [],
      recipient: recipientId(ps, transfer),
    }
    return { status: true, message: 'Transfer has been queued', data }
  })
  app.post('/transfer/bulk', operation('payout'), (request) => sendMany(ps, request))
  app.get('/transfer/verify/:reference', operation('fetch_payout'), (request) => {
    const { secretKey } = accountOf(ps, request)
    return retrieved(ps, ps.transfers.get(transactionKey(secretKey, paramOf(request, 'reference'))))
  })
  app.get('/transfer/:id_or_code', operation('fetch_payout'), (request) => {
    const key = `${accountOf(ps, request).secretKey} ${paramOf(request, 'id_or_code')}`
    return retrieved(ps, ps.transfers.by('code', key)[0] ?? ps.transfers.by('id', key)[0])
  })
  app.get('/balance', (request) => {
    const { secretKey } = accountOf(ps, request)
    const data = PAYOUT_CURRENCIES.map((currency) => ({ currency, balance: balanceOf(ps, secretKey, currency) }))
    return { status: true, message: 'Balances retrieved', data }
  })
}

export function resumeTransfers(ps: Paystack): void {
  for (const transfer of ps.transfers.all()) if (transfer.settlesAt !== null) settleLater(ps, transfer)
}

type Order = Pick<Transfer, 'reference' | 'recipientCode' | 'amount' | 'currency' | 'reason'>

function readOrder(ps: Paystack, secretKey: string, body: Body, bulkCurrency: string | null): Order {
  const { source } = body
  if (bulkCurrency === null && source !== 'balance') throw invalid('Transfer source is invalid', 'invalid_source')
  const amount = readAmount(body.amount)
  const recipient = findRecipient(ps, secretKey, textOf(body, 'recipient') ?? '')
  if (!recipient) throw invalid('Recipient specified is invalid', 'invalid_transfer_recipient')
  const currency = bulkCurrency ?? (textOf(body, 'currency') ?? 'NGN').toUpperCase()
  if (!PAYOUT_CURRENCIES.includes(currency))
    throw invalid('Currency not supported for transfers', 'unsupported_currency')
  const reference = textOf(body, 'reference') ?? randomCode('', 16)
  if (!/^[a-z0-9_-]{16,50}$/.test(reference)) {
    const words = 'Reference must be 16 to 50 lower case letters, digits, dashes and underscores'
    throw invalid(words, 'invalid_transfer_reference')
  }
  return { reference, recipientCode: recipient.code, amount, currency, reason: textOf(body, 'reason') ?? '' }
}

/** A reference is free again only when its transfer certainly moved nothing: that is how Paystack lets one retry. */
function isTaken(ps: Paystack, secretKey: string, reference: string): boolean {
  const known = ps.transfers.get(transactionKey(secretKey, reference))
  return known !== undefined && known.status !== 'failed'
}

function refuseWhenShort(ps: Paystack, secretKey: string, currency: string, amount: number): void {
  if (amount <= balanceOf(ps, secretKey, currency)) return
  throw invalid('Your balance is not enough to fulfil this request', 'insufficient_balance', 'Top up your balance')
}

function sendMany(ps: Paystack, request: FastifyRequest): unknown {
  const { secretKey } = accountOf(ps, request)
  const body = bodyOf(request)
  const { transfers } = body
  if (!Array.isArray(transfers) || transfers.length === 0) throw missing('Transfers are required')
  if (transfers.length > BULK_MAX) throw invalid(`No more than ${BULK_MAX} transfers in a call`, 'invalid_params')
  const currency = (textOf(body, 'currency') ?? 'NGN').toUpperCase()
  const orders = (transfers as Body[]).map((one) => readOrder(ps, secretKey, one, currency))
  const references = orders.map(({ reference }) => reference)
  const twice = references.filter((one, index) => isTaken(ps, secretKey, one) || references.indexOf(one) !== index)
  if (twice.length > 0) throw duplicateReferences(twice)
  const sum = orders.reduce((total, { amount }) => total + amount, 0)
  refuseWhenShort(ps, secretKey, currency, sum)
  const sent = ps.core.store.write(() => orders.map((order) => send(ps, secretKey, order)))
  const data = sent.map(({ reference, recipientCode, amount, code, status }) => {
    return { reference, recipient: recipientCode, amount, transfer_code: code, currency, status }
  })
  return { status: true, message: `${data.length} transfers queued.`, data }
}

/** Test mode decides at once, save for the magic amounts. */
function send(ps: Paystack, secretKey: string, order: Order): Transfer {
  const magic = magicOf(order.amount)
  const now = new Date().toISOString()
  const waits = magic === 'ongoing' || magic === 'reversed'
  const transfer: Transfer = {
    ...{ ...order, id: nextId(ps), secretKey, code: randomCode('TRF_', 15), createdAt: now, updatedAt: now },
    status: 'pending',
    ending: magic === 'ongoing' ? 'success' : magic === 'reversed' ? 'reversed' : null,
    settlesAt: waits ? Date.now() + ONGOING_MS : null,
  }
  moveBalance(ps, secretKey, order.currency, -order.amount)
  const moved = move(ps, transfer, magic === 'declined' ? 'failed' : magic === 'ongoing' ? 'pending' : 'success')
  if (moved.settlesAt !== null) settleLater(ps, moved)
  return moved
}

/** The new status with everything that hangs on it: balance, ledger, webhook. */
function move(ps: Paystack, transfer: Transfer, status: Transfer['status']): Transfer {
  const { secretKey, reference, amount, currency } = transfer
  const moved: Transfer = { ...transfer, status, updatedAt: new Date().toISOString() }
  ps.transfers.put(transactionKey(secretKey, reference), moved)
  if (status === 'failed' || status === 'reversed') moveBalance(ps, secretKey, currency, amount)
  const amountMinor = isoMinor(amount, currency)
  ps.core.ledger.record(String(moved.id), {
    channel: SLUG,
    kind: 'transfer',
    reference,
    amount_minor: amountMinor,
    currency,
    status,
  })
  if (status !== 'pending') {
    const account = ps.core.accounts.find(SLUG, secretKey)
    ps.core.notify(account, 'payout', { event: `transfer.${status}`, data: transferEventView(ps, moved) })
  }
  return moved
}

function settleLater(ps: Paystack, transfer: Transfer): void {
  ps.core.timers.at(transfer.settlesAt!, () => {
    const now = ps.transfers.get(transactionKey(transfer.secretKey, transfer.reference))
    if (now) settleIfDue(ps, now)
  })
}

function settleIfDue(ps: Paystack, transfer: Transfer): Transfer {
  const { settlesAt, ending } = transfer
  if (settlesAt === null || ending === null || settlesAt > Date.now()) return transfer
  return ps.core.store.write(() => move(ps, { ...transfer, settlesAt: null }, ending))
}

function retrieved(ps: Paystack, transfer: Transfer | undefined): unknown {
  if (!transfer) throw new PaystackError(404, 'Transfer not found')
  return { status: true, message: 'Transfer retrieved', data: transferView(ps, settleIfDue(ps, transfer)) }
}

function recipientId(ps: Paystack, { secretKey, recipientCode }: Transfer): number | null {
  return findRecipient(ps, secretKey, recipientCode)?.id ?? null
}

function transferView(ps: Paystack, transfer: Transfer): Record<string, unknown> {
  const { id, reference, code, amount, currency, reason, status, createdAt, updatedAt, secretKey } = transfer
  const recipient = findRecipient(ps, secretKey, transfer.recipientCode)
  const failure = status === 'failed' ? 'Insufficient Funds' : null
  return {
    ...{ id, integration: INTEGRATION, domain: 'test', request: id, amount, currency, reference, reason, status },
    ...{ source: 'balance', source_details: null, failures: failure, transfer_code: code, titan_code: null },
    ...{ transferred_at: status === 'success' || status === 'reversed' ? createdAt : null, createdAt, updatedAt },
    recipient: recipient ? recipientView(recipient) : null,
    ...{ session: { provider: null, id: null }, fee_charged: 0, fees_breakdown: null, gateway_response: failure },
  }
}

function transferEventView(ps: Paystack, transfer: Transfer): Record<string, unknown> {
  const view = transferView(ps, transfer)
  const integration = { id: INTEGRATION, is_live: false, business_name: 'Test merchant', logo_path: '' }
  // Samples name the session only where the transfer did not hold.
  const session = transfer.status === 'success' ? view.session : { provider: 'nip', id: `sandbox-${transfer.id}` }
  return { ...view, session, integration, created_at: transfer.createdAt, updated_at: transfer.updatedAt }
}

function duplicateReference(): PaystackError {
  return new PaystackError(400, 'Duplicate transfer reference. Please provide a unique reference', {
    meta: { nextStep: 'Verify the transfer of this reference before making a new one' },
    type: 'validation_error',
    code: 'duplicate_transfer_reference',
  })
}

function duplicateReferences(references: readonly string[]): PaystackError {
  return new PaystackError(404, `Duplicate reference(s) found: ${references.join(',')}`, {
    meta: { nextStep: 'Pass references that were not used before' },
    type: 'api_error',
    code: 'unknown',
  })
}

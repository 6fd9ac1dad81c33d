import type { FastifyInstance, FastifyRequest } from 'fastify'
import { magicOf } from '../magic.ts'
import { operation } from '../provider.ts'
import { bankRoutes } from './banks.ts'
import { findCard, savedRefusalOf } from './cards.ts'
import { checkoutUrl, resumeUrl } from './checkout.ts'
import { customerOf, deactivate, findAuthorization, findCustomer, saveCustomer } from './customers.ts'
import { invalid, missing, PaystackError } from './errors.ts'
import { type Paystack, randomCode, type Transaction } from './records.ts'
import { refundRoutes } from './refunds.ts'
import {
  accountOf,
  bodyOf,
  pageOf,
  paramOf,
  queryOf,
  readEmail,
  readMetadata,
  readMoney,
  readReference,
  textOf,
} from './requests.ts'
import {
  addTransaction,
  attempt,
  findTransaction,
  findTransactionByEither,
  type NewTransaction,
  told,
  transactionKey,
} from './transactions.ts'
import { transferRoutes } from './transfers.ts'
import { customerFetchView, transactionFetchView, transactionView } from './views.ts'

/** Every endpoint that wants the secret key. */
export function apiRoutes(app: FastifyInstance, ps: Paystack): void {
  app.addHook('onRequest', async (request) => {
    accountOf(ps, request)
  })
  app.setErrorHandler((error: Error & { statusCode?: number }, request, reply) => {
    if ((error.statusCode ?? 500) >= 500) request.log.error(error)
    const answer = error instanceof PaystackError ? error : new PaystackError(error.statusCode ?? 500, error.message)
    return reply.code(answer.statusCode).send(answer.body)
  })
  transactionRoutes(app, ps)
  customerRoutes(app, ps)
  refundRoutes(app, ps)
  transferRoutes(app, ps)
  bankRoutes(app, ps)
}

function transactionRoutes(app: FastifyInstance, ps: Paystack): void {
  app.post('/transaction/initialize', operation('open'), (request) => initialize(ps, request))
  app.post('/transaction/charge_authorization', operation('charge'), (request) => chargeSaved(ps, request))
  app.get('/transaction/verify/:reference', operation('verify'), (request) => {
    const found = findTransaction(ps, accountOf(ps, request).secretKey, paramOf(request, 'reference'))
    if (!found) throw noTransaction()
    return { status: true, message: 'Verification successful', data: transactionView(ps, told(ps, found)) }
  })
  app.get('/transaction/:id', operation('verify'), (request) => {
    const id = paramOf(request, 'id')
    if (!/^\d+$/.test(id)) throw invalid('Transaction ID should be numeric.', 'invalid_params')
    const found = findTransactionByEither(ps, accountOf(ps, request).secretKey, id)
    if (!found) throw noTransaction()
    return { status: true, message: 'Transaction retrieved', data: transactionFetchView(ps, told(ps, found)) }
  })
  app.get('/transaction', operation('verify'), (request) => listTransactions(ps, request))
}

function customerRoutes(app: FastifyInstance, ps: Paystack): void {
  app.post('/customer', (request) => createCustomer(ps, request))
  app.get('/customer/:email_or_code', (request) => {
    const { secretKey } = accountOf(ps, request)
    const customer = findCustomer(ps, secretKey, paramOf(request, 'email_or_code'))
    if (!customer) throw new PaystackError(404, 'Customer not found')
    return { status: true, message: 'Customer retrieved', data: customerFetchView(ps, customer) }
  })
  app.post('/customer/authorization/deactivate', operation('forget'), (request) => {
    const code = textOf(bodyOf(request), 'authorization_code')
    if (code === null) throw missing('Authorization code is required')
    deactivate(ps, accountOf(ps, request).secretKey, code)
    return { status: true, message: 'Authorization has been deactivated' }
  })
}

function initialize(ps: Paystack, request: FastifyRequest): unknown {
  const transaction = ps.core.store.write(() => addTransaction(ps, readTransaction(ps, request, true)))
  const { accessCode, reference } = transaction
  return {
    status: true,
    message: 'Authorization URL created',
    data: { authorization_url: checkoutUrl(ps, transaction), access_code: accessCode, reference },
  }
}

function chargeSaved(ps: Paystack, request: FastifyRequest): unknown {
  const body = bodyOf(request)
  const { secretKey } = accountOf(ps, request)
  const email = readEmail(body)
  const code = textOf(body, 'authorization_code')
  if (code === null) throw missing('Authorization code is required')
  const authorization = findAuthorization(ps, secretKey, code, email)
  const card = findCard(authorization.cardNumber)
  if (!card.reusable) throw invalid('This authorization is not reusable', 'authorization_not_reusable')
  const given = readTransaction(ps, request, false)
  if (magicOf(given.amount) === 'challenge' || card.savedCharge === 'challenge') return pause(ps, given)
  const refusal = savedRefusalOf(card)
  const tried = ps.core.store.write(() => {
    const transaction = addTransaction(ps, given)
    return attempt(ps, { ...transaction, authorizationCode: code }, card, refusal)
  })
  return { status: true, message: 'Charge attempted', data: transactionView(ps, tried) }
}

/** The issuer wants to see the payer: the charge waits behind a page. */
function pause(ps: Paystack, given: NewTransaction): unknown {
  const transaction = ps.core.store.write(() => addTransaction(ps, { ...given, payable: true }))
  const { reference, accessCode } = transaction
  return {
    status: true,
    message: 'Please, redirect your customer to the authorization url provided',
    data: { authorization_url: resumeUrl(ps, transaction), reference, access_code: accessCode, paused: true },
  }
}

function readTransaction(ps: Paystack, request: FastifyRequest, payable: boolean): NewTransaction {
  const body = bodyOf(request)
  const { secretKey } = accountOf(ps, request)
  const email = readEmail(body)
  const { amount, currency } = readMoney(body)
  const reference = readReference(body) ?? randomCode('', 10)
  if (ps.transactions.get(transactionKey(secretKey, reference))) throw duplicateReference()
  const metadata = readMetadata(body)
  return { secretKey, email, amount, currency, reference, payable, metadata, callbackUrl: textOf(body, 'callback_url') }
}

function listTransactions(ps: Paystack, request: FastifyRequest): unknown {
  const { secretKey } = accountOf(ps, request)
  const wanted = matcher(request)
  const own = ps.transactions.all().filter((one) => one.secretKey === secretKey && wanted(one))
  const { rows, meta } = pageOf(request, own)
  const data = rows.map((one) => transactionFetchView(ps, told(ps, findTransaction(ps, secretKey, one.reference)!)))
  return { status: true, message: 'Transactions retrieved', data, meta: { ...meta, total_volume: volumeOf(own) } }
}

function matcher(request: FastifyRequest): (transaction: Transaction) => boolean {
  const status = queryOf(request, 'status')
  const amount = queryOf(request, 'amount')
  const from = Date.parse(queryOf(request, 'from') ?? '') || 0
  const to = Date.parse(queryOf(request, 'to') ?? '') || Number.POSITIVE_INFINITY
  return (transaction) => {
    const at = Date.parse(transaction.createdAt)
    if (status !== null && transaction.status !== status) return false
    if (amount !== null && transaction.amount !== Number(amount)) return false
    return at >= from && at <= to
  }
}

function volumeOf(transactions: readonly Transaction[]): number {
  return transactions.reduce((sum, { status, amount }) => (status === 'success' ? sum + amount : sum), 0)
}

function createCustomer(ps: Paystack, request: FastifyRequest): unknown {
  const body = bodyOf(request)
  const { secretKey } = accountOf(ps, request)
  const email = readEmail(body)
  const customer = ps.core.store.write(() => {
    const known = customerOf(ps, secretKey, email)
    return saveCustomer(ps, {
      ...known,
      firstName: textOf(body, 'first_name') ?? known.firstName,
      lastName: textOf(body, 'last_name') ?? known.lastName,
      phone: textOf(body, 'phone') ?? known.phone,
      metadata: readMetadata(body) || known.metadata,
      updatedAt: new Date().toISOString(),
    })
  })
  return { status: true, message: 'Customer created', data: customerFetchView(ps, customer) }
}

function noTransaction(): PaystackError {
  return new PaystackError(404, 'Transaction reference not found.', {
    meta: { nextStep: 'Ensure that you are passing the reference of a transaction that exists on this integration' },
    type: 'validation_error',
    code: 'transaction_not_found',
  })
}

function duplicateReference(): PaystackError {
  return new PaystackError(400, 'Duplicate Transaction Reference', {
    meta: { nextStep: 'Pass a new, unique reference' },
    type: 'validation_error',
    code: 'duplicate_reference',
    errorCodeMappingNotFound: false,
  })
}

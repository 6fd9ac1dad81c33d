import type { FastifyInstance, FastifyRequest } from 'fastify'
import { magicOf } from '../magic.ts'
import { operation } from '../provider.ts'
import { bankRoutes } from './banks.ts'
import { type Card, savedRefusalOf } from './cards.ts'
import { linkUrl, stateOf } from './checkout.ts'
import { FlutterwaveError, inactiveLink, noTransaction, refused } from './errors.ts'
import { customerOf, type Flutterwave, type Link, randomCode, type Transaction } from './records.ts'
import { refundRoutes } from './refunds.ts'
import {
  accountOf,
  bodyOf,
  needed,
  objectOf,
  pageOf,
  paramOf,
  queryOf,
  readEmail,
  readMoney,
  readTxRef,
  readWhole,
  textOf,
  withinDates,
} from './requests.ts'
import {
  addTransaction,
  decide,
  findTokenCard,
  type NewTransaction,
  notifyCharge,
  told,
  transactionById,
  transactionByReference,
  transactionsOf,
} from './transactions.ts'
import { transferRoutes } from './transfers.ts'
import { transactionRowView, transactionView } from './views.ts'

/** Every endpoint that wants the secret key. */
export function apiRoutes(app: FastifyInstance, flw: Flutterwave): void {
  app.addHook('onRequest', async (request) => {
    accountOf(flw, request)
  })
  app.setErrorHandler((error: Error & { statusCode?: number }, request, reply) => {
    if ((error.statusCode ?? 500) >= 500) request.log.error(error)
    const answer =
      error instanceof FlutterwaveError ? error : new FlutterwaveError(error.statusCode ?? 500, error.message)
    return reply.code(answer.statusCode).send(answer.body)
  })
  paymentRoutes(app, flw)
  transactionRoutes(app, flw)
  tokenRoutes(app, flw)
  refundRoutes(app, flw)
  transferRoutes(app, flw)
  bankRoutes(app)
}

function paymentRoutes(app: FastifyInstance, flw: Flutterwave): void {
  app.post('/v3/payments', operation('open'), (request) => {
    const link = flw.core.store.write(() => createLink(flw, request))
    return { status: 'success', message: 'Hosted Link', data: { link: linkUrl(flw, link) } }
  })
  app.post('/v3/payments/link/disable', operation('void'), (request) => {
    const id = URL.parse(needed(bodyOf(request), 'link'))
      ?.pathname.split('/')
      .at(-1)
    const link = flw.links.get(id ?? '')
    if (link?.secretKey !== accountOf(flw, request).secretKey) throw inactiveLink()
    const state = stateOf(flw, link)
    // Disabled, expired, or paid already: each is inactive. One that is being decided can be disabled, and still be paid.
    if (state === 'closed' || state === 'paid') throw inactiveLink()
    flw.links.put(link.id, { ...link, isDisabled: true })
    return { status: 'success', message: 'LINK DISABLED', data: true }
  })
}

/** A day: the longest session that Flutterwave takes. */
const SESSION_MINUTES_MAX = 1440

/** A `tx_ref` that was used before is not refused here. */
function createLink(flw: Flutterwave, request: FastifyRequest): Link {
  const body = bodyOf(request)
  const { secretKey } = accountOf(flw, request)
  const txRef = readTxRef(body)
  const { amount, currency } = readMoney(body)
  const redirectUrl = needed(body, 'redirect_url')
  const customer = objectOf(body.customer)
  if (!customer) throw refused('customer is required')
  const email = readEmail(customer)
  customerOf(flw, secretKey, email, { name: textOf(customer, 'name'), phone: textOf(customer, 'phonenumber') })
  const limits = { ...body, ...objectOf(body.configurations) }
  const minutes = readWhole(limits.session_duration, 'session_duration', SESSION_MINUTES_MAX)
  const id = `flwlnk-${randomCode(26)}`
  return flw.links.put(id, {
    ...{ id, secretKey, txRef, email, amount, currency, redirectUrl },
    title: textOf(objectOf(body.customizations) ?? {}, 'title'),
    meta: body.meta ?? null,
    isDisabled: false,
    expiresAt: minutes === null ? null : Date.now() + minutes * 60_000,
    attemptsMax: readWhole(limits.max_retry_attempt, 'max_retry_attempt', 1000),
    challenge: null,
  })
}

function transactionRoutes(app: FastifyInstance, flw: Flutterwave): void {
  const fetched = (transaction: Transaction | undefined) => {
    if (!transaction) throw noTransaction()
    const data = transactionView(flw, transaction)
    return { status: 'success', message: 'Transaction fetched successfully', data }
  }
  app.get('/v3/transactions/verify_by_reference', operation('verify'), (request) => {
    const txRef = queryOf(request, 'tx_ref')
    if (txRef === null) throw refused('tx_ref is required')
    return fetched(transactionByReference(flw, accountOf(flw, request).secretKey, txRef))
  })
  app.get('/v3/transactions/:id/verify', operation('verify'), (request) =>
    fetched(toldById(flw, accountOf(flw, request).secretKey, paramOf(request, 'id'))),
  )
  app.get('/v3/transactions', operation('verify'), (request) => {
    const { secretKey } = accountOf(flw, request)
    const { rows, meta } = pageOf(request, listTransactions(flw, request, secretKey))
    const data = rows.map((one) => transactionRowView(flw, one))
    return { status: 'success', message: 'Transactions fetched', meta, data }
  })
  app.post('/v3/transactions/:id/resend-hook', (request) => {
    const found = transactionById(flw, accountOf(flw, request).secretKey, paramOf(request, 'id'))
    if (!found || found.status === 'pending') throw noTransaction()
    flw.core.store.write(() => notifyCharge(flw, found))
    return { status: 'success', message: 'hook sent', data: 'hook sent' }
  })
}

function toldById(flw: Flutterwave, secretKey: string, id: string): Transaction | undefined {
  const found = transactionById(flw, secretKey, id)
  return found && told(flw, [found])[0]
}

function listTransactions(flw: Flutterwave, request: FastifyRequest, secretKey: string): Transaction[] {
  const [txRef, status] = [queryOf(request, 'tx_ref'), queryOf(request, 'status')]
  const [email, currency] = [queryOf(request, 'customer_email')?.toLowerCase() ?? null, queryOf(request, 'currency')]
  const isWithin = withinDates(request)
  const own =
    txRef === null
      ? flw.transactions.all().filter((one) => one.secretKey === secretKey)
      : transactionsOf(flw, secretKey, txRef)
  return told(flw, own).filter(
    (one) =>
      (status === null || one.status === status) &&
      (email === null || one.email.toLowerCase() === email) &&
      (currency === null || one.currency === currency) &&
      isWithin(one.createdAt),
  )
}

function tokenRoutes(app: FastifyInstance, flw: Flutterwave): void {
  app.post('/v3/tokenized-charges', operation('charge'), (request) => chargeSaved(flw, request))
  app.put('/v3/tokens/:token', (request) => {
    const { secretKey } = accountOf(flw, request)
    const saved = flw.tokens.get(paramOf(request, 'token'))
    if (saved?.secretKey !== secretKey) throw wrongToken()
    const body = bodyOf(request)
    const email = body.email == null ? saved.email : readEmail(body)
    const more = { name: textOf(body, 'full_name'), phone: textOf(body, 'phone_number') }
    const customer = flw.core.store.write(() => {
      flw.tokens.put(saved.token, { ...saved, email: email.toLowerCase() })
      return customerOf(flw, secretKey, email, more)
    })
    const data = {
      ...{ customer_email: customer.email, customer_full_name: customer.name ?? '' },
      ...{ customer_phone_number: customer.phone ?? '', created_at: customer.createdAt },
    }
    return { status: 'success', message: 'Token details updated', data }
  })
}

/** Unlike a page, a charge moves money by itself: a `tx_ref` that was tried before is refused. */
function chargeSaved(flw: Flutterwave, request: FastifyRequest): unknown {
  const body = bodyOf(request)
  const { secretKey } = accountOf(flw, request)
  const token = needed(body, 'token')
  const txRef = readTxRef(body)
  const email = readEmail(body)
  const { amount, currency } = readMoney(body)
  const card = findTokenCard(flw, secretKey, token, email)
  if (!card) throw wrongToken()
  if (transactionsOf(flw, secretKey, txRef).length > 0) throw refused('Transaction reference already exists')
  const meta = body.meta ?? null
  const narration = textOf(body, 'narration') ?? 'CARD Transaction'
  const given = { secretKey, txRef, email, amount, currency, linkId: null, meta, token, narration }
  if (magicOf(amount) === 'challenge' || card.savedCharge === 'challenge') {
    return challenge(flw, given, card, textOf(body, 'redirect_url') ?? '')
  }
  const refusal = savedRefusalOf(card)
  const tried = flw.core.store.write(() => decide(flw, addTransaction(flw, given, card), card, refusal))
  // Both are seen: a decline as an error, and as a success of the call with a failed transaction.
  if (refusal !== null) throw refused(tried.processorResponse)
  const message = { successful: 'Charge successful', pending: 'Charge initiated', failed: 'Charge failed' }[
    tried.status
  ]
  return { status: 'success', message, data: transactionView(flw, tried) }
}

/** The issuer wants to see the payer: the charge waits behind a page. */
function challenge(flw: Flutterwave, given: NewTransaction, card: Card, redirectUrl: string): unknown {
  const { secretKey, txRef, email, amount, currency, meta } = given
  const id = `flwlnk-${randomCode(26)}`
  const transaction = flw.core.store.write(() => {
    const waiting = addTransaction(flw, given, card)
    flw.links.put(id, {
      ...{ id, secretKey, txRef, email, amount, currency, meta, redirectUrl, title: null },
      // One try: a refused challenge ends the charge.
      ...{ isDisabled: false, expiresAt: null, attemptsMax: 1, challenge: waiting.id },
    })
    return waiting
  })
  const authorization = { mode: 'redirect', redirect: linkUrl(flw, { id }) }
  const data = { ...transactionView(flw, transaction), meta: { authorization } }
  return { status: 'success', message: 'Charge initiated', data }
}

function wrongToken(): FlutterwaveError {
  return refused('Wrong token or email passed')
}

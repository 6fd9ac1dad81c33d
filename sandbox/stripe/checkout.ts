import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { isPage } from '../lock.ts'
import { type CheckoutPage, checkoutPage, formatAmount, messagePage, sendPage, shellOf } from '../page.ts'
import type { NotPaid, OpenCheckout, PayRequest, PayResult, Ways } from '../provider.ts'
import { attempt, endWaiting, wait } from './attempts.ts'
import { CARD_CHOICE, GOOD_CARD } from './cards.ts'
import { completeSession } from './complete.ts'
import { addCustomer, addMethod } from './customers.ts'
import { emit } from './events.ts'
import { formOf, textOf } from './forms.ts'
import { intentOf } from './intents.ts'
import { decimalsOf, isoMinor, wireAmount } from './money.ts'
import { type Session, SLUG, type Stripe } from './records.ts'
import { settleSession } from './sessions.ts'
import { addSetup, trySetup } from './setups.ts'
import { sessionView } from './views.ts'

const PATH = '/c/pay/:id'

/** The hosted page. No key: whoever has the link may pay. */
export function checkoutRoutes(app: FastifyInstance, st: Stripe): void {
  app.get(PATH, isPage, (request, reply) => {
    const session = settleSession(st, idOf(request))
    return session ? show(st, reply, session) : noSuchPage(st, reply)
  })
  app.post(PATH, isPage, (request, reply) => {
    const session = settleSession(st, idOf(request))
    return session ? act(st, session, request, reply) : noSuchPage(st, reply)
  })
}

function act(st: Stripe, session: Session, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (session.status !== 'open') return show(st, reply, session)
  const form = formOf(request.body)
  const action = textOf(form, 'action')
  // A way back, and no end: the page can still be paid.
  if (action === 'cancel') {
    return session.cancelUrl === null ? show(st, reply, session) : reply.redirect(session.cancelUrl, 303)
  }
  const tried = st.core.store.write(() => pay(st, session, textOf(form, 'card'), action === 'decline'))
  return tried.status === 'open' ? show(st, reply, tried) : reply.redirect(successUrl(tried), 303)
}

/** One press on the button; an open session afterwards is a refusal. */
function pay(st: Stripe, session: Session, card: string | null, declined: boolean): Session {
  const number = card ?? GOOD_CARD.number
  const method = addMethod(st, session.secretKey, number, session.customerEmail)
  const tried = { ...session, cardNumber: number }
  if (session.mode === 'setup') return saveCard(st, tried, method.id, declined)
  const begun = intentOf(st, session)
  const open = st.sessions.put(session.id, { ...tried, intent: begun.id })
  const intent = attempt(st, begun, method, { payerIsThere: true, offSession: false, declined })
  return intent.lastError === null ? completeSession(st, open, intent) : open
}

function saveCard(st: Stripe, session: Session, methodId: string, declined: boolean): Session {
  const { secretKey, customerEmail, customerCreation, metadata } = session
  const known = session.setup === null ? undefined : st.setups.get(session.setup)
  const needsCustomer = session.customer === null && customerCreation === 'always'
  const customer = needsCustomer ? addCustomer(st, secretKey, customerEmail).id : session.customer
  const setup = known ?? addSetup(st, secretKey, { customer, description: null, metadata, usage: 'off_session' })
  const done = trySetup(st, { ...setup, customer }, st.methods.get(methodId)!, declined)
  if (done.lastError !== null) return st.sessions.put(session.id, { ...session, setup: done.id })
  const complete = st.sessions.put(session.id, { ...session, setup: done.id, customer, status: 'complete' })
  emit(st, secretKey, 'charge', 'checkout.session.completed', sessionView(st, complete))
  return complete
}

/**
 * Payment method types of the package (23.1.0). A session has one payment intent, and that has one success: it is never
 * paid again. Slow are the delayed notification methods ("Payment method support", read 2026-11-28).
 */
export const WAYS: Ways = {
  methods: [
    ...['card', 'us_bank_account', 'sepa_debit', 'bacs_debit', 'acss_debit', 'au_becs_debit', 'nz_bank_account'],
    ...['boleto', 'konbini', 'oxxo', 'multibanco', 'customer_balance', 'ideal', 'bancontact', 'paypal', 'klarna'],
  ],
  slow: [
    ...['us_bank_account', 'sepa_debit', 'bacs_debit', 'acss_debit', 'au_becs_debit', 'nz_bank_account'],
    ...['boleto', 'konbini', 'oxxo', 'multibanco', 'customer_balance'],
  ],
  ...{ takesFees: false, paysAgain: false, cancels: true },
}

/** What `POST /control/pay` does: the page's buttons without the page, and what only time does. */
export function payByControl(st: Stripe, request: PayRequest): PayResult | NotPaid | null {
  const { reference, outcome, card } = request
  const named = st.sessions.by('reference', reference)
  const found = (named.length > 0 ? named : [st.sessions.get(reference)])
    .map((one) => one && settleSession(st, one.id))
    .filter((one) => one !== undefined)
    .filter(({ status }) => status !== 'expired')
  if (found.length === 0) return null
  // Two merchants may use the same reference; the one who still waits is meant, money under way before all.
  const underWay = found.find((one) => isUnderWay(st, one))
  if (underWay) return endOf(st, underWay, request)
  const session = found.find(({ status }) => status === 'open')
  if (!session) return 'paid'
  if (outcome === 'abandon') return { status: session.status, redirectUrl: session.cancelUrl }
  const tried = payAs(st, session, request, card)
  return { status: tried.status, redirectUrl: tried.status === 'open' ? null : successUrl(tried) }
}

/** A card as the page takes it, or another way to pay, with what the payer sends. */
function payAs(st: Stripe, session: Session, request: PayRequest, card: string | null): Session {
  const { method: type, outcome, amountMinor } = request
  if (type === 'card' && amountMinor === null) return pay(st, session, card, outcome === 'failed')
  const { secretKey, customerEmail } = session
  const method = addMethod(st, secretKey, card ?? GOOD_CARD.number, customerEmail, type)
  const begun = { ...intentOf(st, session), sent: sentOf(session, amountMinor) }
  const open = st.sessions.put(session.id, { ...session, cardNumber: null, intent: begun.id })
  const how = { payerIsThere: true, offSession: false, declined: outcome === 'failed' }
  const intent = outcome === 'processing' ? wait(st, begun, method) : attempt(st, begun, method, how)
  return intent.lastError === null ? completeSession(st, open, intent) : open
}

function sentOf({ currency }: Session, amountMinor: number | null): number | null {
  return amountMinor === null ? null : wireAmount(amountMinor, currency!)
}

function isUnderWay(st: Stripe, { intent: id, status }: Session): boolean {
  const intent = id === null ? undefined : st.intents.get(id)
  return status === 'complete' && intent?.status === 'processing' && intent.settlesAt === null
}

/** What was said of the amount when the money set out holds unless something else is said now. */
function endOf(st: Stripe, session: Session, { outcome, amountMinor }: PayRequest): PayResult | NotPaid {
  if (outcome === 'processing' || outcome === 'abandon') return 'processing'
  const waiting = st.intents.get(session.intent!)!
  const sent = sentOf(session, amountMinor) ?? waiting.sent ?? null
  const done = completeSession(st, session, endWaiting(st, { ...waiting, sent }, outcome))
  return { status: done.status, redirectUrl: successUrl(done) }
}

export function openCheckouts(st: Stripe): OpenCheckout[] {
  return st.sessions
    .all()
    .filter(({ status, expiresAt }) => status === 'open' && expiresAt * 1000 > Date.now())
    .map(({ id, clientReferenceId, amountTotal, currency }) => ({
      channel: SLUG,
      reference: clientReferenceId ?? id,
      amount_minor: isoMinor(amountTotal ?? 0, currency ?? 'USD'),
      currency: currency ?? 'USD',
      url: `${st.core.baseUrl}/c/pay/${id}`,
    }))
}

/** The one thing that Stripe puts into the address; everything else stays as the merchant wrote it. */
function successUrl({ successUrl: url, id }: Session): string {
  return url.replaceAll('{CHECKOUT_SESSION_ID}', id)
}

function idOf(request: FastifyRequest): string {
  return (request.params as { id: string }).id
}

function show(st: Stripe, reply: FastifyReply, session: Session): FastifyReply {
  const { amountTotal, currency, clientReferenceId, customerEmail, status, id, cardNumber, paymentStatus } = session
  if (status === 'expired') {
    const words = 'This page has expired. Go back to the merchant and start again.'
    return sendPage(reply, messagePage({ provider: 'Stripe', ...shellOf(st.core), title: 'Expired', words }))
  }
  const code = currency ?? 'USD'
  const intent = session.intent === null ? undefined : st.intents.get(session.intent)
  const setup = session.setup === null ? undefined : st.setups.get(session.setup)
  const state: CheckoutPage['state'] = status === 'open' ? 'open' : paymentStatus === 'unpaid' ? 'processing' : 'paid'
  return sendPage(
    reply,
    checkoutPage({
      provider: 'Stripe',
      ...shellOf(st.core),
      merchant: URL.parse(session.successUrl)?.host ?? 'Test merchant',
      description: session.lineItems[0]?.name ?? null,
      amount: formatAmount(amountTotal ?? 0, decimalsOf(code), code),
      ...{ reference: clientReferenceId ?? id, email: customerEmail ?? '', state, cards: CARD_CHOICE },
      selectedCard: cardNumber,
      // The page puts a full stop of its own behind it.
      refusal: state === 'open' ? ((intent ?? setup)?.lastError?.message.replace(/\.$/, '') ?? null) : null,
      returnUrl: state === 'open' ? null : successUrl(session),
    }),
  )
}

function noSuchPage(st: Stripe, reply: FastifyReply): FastifyReply {
  const words = 'This payment link is not known here. It may have been forgotten with the sandbox’s data.'
  return sendPage(
    reply.code(404),
    messagePage({ provider: 'Stripe', ...shellOf(st.core), title: 'No such payment', words }),
  )
}

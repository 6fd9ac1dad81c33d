import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { type CheckoutPage, checkoutPage, formatAmount, homePathOf, messagePage, PAGE_HEADERS } from '../page.ts'
import type { OpenCheckout, PayRequest, PayResult } from '../provider.ts'
import { CARD_CHOICE } from './cards.ts'
import { type Paystack, SLUG, type Transaction } from './records.ts'
import { bodyOf, paramOf, textOf } from './requests.ts'
import { attempt, cardOf, findTransaction, isOpen, isoMinor } from './transactions.ts'

export function checkoutUrl(ps: Paystack, transaction: Transaction): string {
  return `${ps.core.baseUrl}/checkout/${transaction.accessCode}`
}

/** Where a saved card's challenge is taken up: the same page under Paystack's other path. */
export function resumeUrl(ps: Paystack, transaction: Transaction): string {
  return `${ps.core.baseUrl}/checkout/resume/${transaction.accessCode}`
}

/** The hosted page. No key: whoever has the link may pay. */
export function checkoutRoutes(app: FastifyInstance, ps: Paystack): void {
  for (const path of ['/checkout/:access_code', '/checkout/resume/:access_code']) {
    app.get(path, (request, reply) => {
      const transaction = byAccessCode(ps, request)
      if (!transaction) return noSuchPage(ps, reply)
      return show(ps, reply, transaction, isOpen(transaction) ? 'open' : stateOf(transaction))
    })
    app.post(path, (request, reply) => {
      const transaction = byAccessCode(ps, request)
      return transaction ? act(ps, transaction, request, reply) : noSuchPage(ps, reply)
    })
  }
}

function act(ps: Paystack, transaction: Transaction, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (!isOpen(transaction)) return show(ps, reply, transaction, stateOf(transaction))
  const body = bodyOf(request)
  const action = textOf(body, 'action')
  if (action === 'cancel') {
    const target = cancelUrl(transaction)
    return target === null ? show(ps, reply, transaction, 'cancelled') : reply.redirect(target, 303)
  }
  const card = cardOf(textOf(body, 'card'))
  const refusal = action === 'decline' ? 'Declined' : null
  const tried = ps.core.store.write(() => attempt(ps, transaction, card, refusal))
  if (tried.status === 'failed') return show(ps, reply, tried, 'open')
  const target = returnUrl(tried)
  return target === null ? show(ps, reply, tried, stateOf(tried)) : reply.redirect(target, 303)
}

/** What `POST /control/pay` does: the page's buttons without the page. */
export function payByControl(ps: Paystack, { reference, outcome, card }: PayRequest): PayResult | 'paid' | null {
  const found = ps.transactions
    .by('reference', reference)
    .map((one) => findTransaction(ps, one.secretKey, one.reference)!)
    .filter(({ payable }) => payable)
  if (found.length === 0) return null
  // Two merchants may use the same reference; the one who still waits is meant.
  const transaction = found.find(isOpen)
  if (!transaction) return 'paid'
  if (outcome === 'abandon') return { status: transaction.status, redirectUrl: cancelUrl(transaction) }
  const tried = attempt(ps, transaction, cardOf(card), outcome === 'failed' ? 'Declined' : null)
  return { status: tried.status, redirectUrl: tried.status === 'failed' ? null : returnUrl(tried) }
}

export function openCheckouts(ps: Paystack): OpenCheckout[] {
  return ps.transactions
    .all()
    .filter(isOpen)
    .map((transaction) => {
      const { reference, amount, currency } = transaction
      const url = checkoutUrl(ps, transaction)
      return { channel: SLUG, reference, amount_minor: isoMinor(amount, currency), currency, url }
    })
}

/** Paystack sends the reference twice, under both names, after the query that the merchant chose. */
function returnUrl({ callbackUrl, reference }: Transaction): string | null {
  if (callbackUrl === null || !isWebUrl(callbackUrl)) return null
  const url = new URL(callbackUrl)
  url.searchParams.append('trxref', reference)
  url.searchParams.append('reference', reference)
  return url.href
}

function cancelUrl(transaction: Transaction): string | null {
  const { metadata } = transaction
  const action = typeof metadata === 'object' ? metadata.cancel_action : undefined
  return typeof action === 'string' && isWebUrl(action) ? action : returnUrl(transaction)
}

function isWebUrl(text: string): boolean {
  return /^https?:$/.test(URL.parse(text)?.protocol ?? '')
}

function byAccessCode(ps: Paystack, request: FastifyRequest): Transaction | undefined {
  const found = ps.transactions.by('accessCode', paramOf(request, 'access_code'))[0]
  return found && findTransaction(ps, found.secretKey, found.reference)
}

function stateOf({ status }: Transaction): 'paid' | 'processing' {
  return status === 'ongoing' ? 'processing' : 'paid'
}

function show(ps: Paystack, reply: FastifyReply, transaction: Transaction, state: CheckoutPage['state']): FastifyReply {
  const { amount, currency, reference, email, callbackUrl, status, gatewayResponse, cardNumber } = transaction
  const host = callbackUrl === null ? undefined : URL.parse(callbackUrl)?.host
  return reply.headers(PAGE_HEADERS).send(
    checkoutPage({
      provider: 'Paystack',
      homePath: homePathOf(ps.core),
      merchant: host ?? 'Test merchant',
      description: null,
      // Two decimals for every currency, as the wire has them.
      amount: formatAmount(amount, 2, currency),
      ...{ reference, email, state, cards: CARD_CHOICE, selectedCard: cardNumber },
      refusal: status === 'failed' ? gatewayResponse : null,
      returnUrl: state === 'open' ? null : returnUrl(transaction),
    }),
  )
}

function noSuchPage(ps: Paystack, reply: FastifyReply): FastifyReply {
  const words = 'This payment link is not known here. It may have been forgotten with the sandbox’s data.'
  return reply
    .code(404)
    .headers(PAGE_HEADERS)
    .send(messagePage({ provider: 'Paystack', homePath: homePathOf(ps.core), title: 'No such payment', words }))
}

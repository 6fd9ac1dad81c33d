import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { isPage } from '../lock.ts'
import { type CheckoutPage, checkoutPage, formatAmount, messagePage, sendPage, shellOf } from '../page.ts'
import type { NotPaid, OpenCheckout, PayRequest, PayResult, Ways } from '../provider.ts'
import { CARD_CHOICE } from './cards.ts'
import { type Paystack, SLUG, type Transaction } from './records.ts'
import { bodyOf, paramOf, textOf } from './requests.ts'
import { attempt, cardOf, findTransaction, isOpen, isoMinor, isUnderWay, wait, wireAmount } from './transactions.ts'

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
    app.get(path, isPage, (request, reply) => {
      const transaction = byAccessCode(ps, request)
      if (!transaction) return noSuchPage(ps, reply)
      return show(ps, reply, transaction, isOpen(transaction) ? 'open' : stateOf(transaction))
    })
    app.post(path, isPage, (request, reply) => {
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

/** Paystack's "channels" ("Initialize transaction", read 2026-11-20). A paid reference is never paid again. */
export const WAYS: Ways = {
  methods: [
    ...[
      'card',
      'bank',
      'bank_transfer',
      'ussd',
      'qr',
      'mobile_money',
      'eft',
      'apple_pay',
      'capitec_pay',
      'payattitude',
    ],
    'direct_debit',
  ],
  slow: ['bank_transfer', 'bank', 'ussd', 'qr', 'mobile_money', 'eft', 'capitec_pay', 'direct_debit'],
  ...{ takesFees: true, paysAgain: false, cancels: false },
}

/** What `POST /control/pay` does: the page's buttons without the page, and what only time does. */
export function payByControl(ps: Paystack, request: PayRequest): PayResult | NotPaid | null {
  const { reference, outcome, card } = request
  const found = ps.transactions
    .by('reference', reference)
    .map((one) => findTransaction(ps, one.secretKey, one.reference)!)
    .filter(({ payable }) => payable)
  if (found.length === 0) return null
  // Two merchants may use the same reference; the one who still waits is meant, money under way before all.
  const underWay = found.find(isUnderWay)
  const transaction = underWay ?? found.find(isOpen)
  if (!transaction) return 'paid'
  if (underWay && (outcome === 'processing' || outcome === 'abandon')) return 'processing'
  if (outcome === 'abandon') return { status: transaction.status, redirectUrl: cancelUrl(transaction) }
  const chosen = underWay ? sending(underWay, request) : { ...sending(transaction, request), method: request.method }
  const refusal = outcome === 'failed' ? 'Declined' : null
  const tried = outcome === 'processing' ? wait(ps, chosen) : attempt(ps, chosen, cardOf(card), refusal)
  return { status: tried.status, redirectUrl: tried.status === 'failed' ? null : returnUrl(tried) }
}

/** What the payer sends, where it is said; what was said when the money set out holds until then. */
function sending(transaction: Transaction, { amountMinor, feeMinor }: PayRequest): Transaction {
  if (amountMinor === null && feeMinor === null) return transaction
  const { amount, currency } = transaction
  const payerFee = feeMinor === null ? null : wireAmount(feeMinor, currency)
  const sent = amountMinor === null ? amount + (payerFee ?? 0) : wireAmount(amountMinor, currency)
  return { ...transaction, sent, payerFee }
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

function stateOf(transaction: Transaction): 'paid' | 'processing' {
  return transaction.status === 'ongoing' || isUnderWay(transaction) ? 'processing' : 'paid'
}

function show(ps: Paystack, reply: FastifyReply, transaction: Transaction, state: CheckoutPage['state']): FastifyReply {
  const { amount, currency, reference, email, callbackUrl, status, gatewayResponse, cardNumber } = transaction
  const host = callbackUrl === null ? undefined : URL.parse(callbackUrl)?.host
  return sendPage(
    reply,
    checkoutPage({
      provider: 'Paystack',
      ...shellOf(ps.core),
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
  return sendPage(
    reply.code(404),
    messagePage({ provider: 'Paystack', ...shellOf(ps.core), title: 'No such payment', words }),
  )
}

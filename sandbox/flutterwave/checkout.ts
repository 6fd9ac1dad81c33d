import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { exponentOf } from '../ledger.ts'
import { isPage } from '../lock.ts'
import { type CheckoutPage, checkoutPage, formatAmount, messagePage, sendPage, shellOf } from '../page.ts'
import type { NotPaid, OpenCheckout, PayRequest, PayResult, Ways } from '../provider.ts'
import { CARD_CHOICE, type Card, cardOf } from './cards.ts'
import { type Flutterwave, type Link, SLUG, type Transaction } from './records.ts'
import { bodyOf, paramOf, textOf } from './requests.ts'
import { addTransaction, attemptsOn, decide, transactionById, wait } from './transactions.ts'

export function linkUrl(flw: Flutterwave, { id }: Pick<Link, 'id'>): string {
  return `${flw.core.baseUrl}/v3/hosted/pay/${id}`
}

/** `closed`: disabled, out of time or out of tries. Money that arrived comes before all of these. */
export type LinkState = 'open' | 'processing' | 'paid' | 'closed'

export function stateOf(flw: Flutterwave, link: Link): LinkState {
  const attempts = tries(flw, link)
  if (attempts.some(({ status }) => status === 'successful')) return 'paid'
  if (attempts.some((one) => one.status === 'pending' && (one.settlesAt !== null || one.isUnderWay)))
    return 'processing'
  if (link.isDisabled || (link.expiresAt !== null && link.expiresAt <= Date.now())) return 'closed'
  const refused = attempts.filter(({ status }) => status === 'failed').length
  return link.attemptsMax !== null && refused >= link.attemptsMax ? 'closed' : 'open'
}

function tries(flw: Flutterwave, link: Link): Transaction[] {
  if (link.challenge === null) return attemptsOn(flw, link.id)
  const challenged = transactionById(flw, link.secretKey, String(link.challenge))
  return challenged ? [challenged] : []
}

/** The hosted page. No key: whoever has the link may pay. */
export function checkoutRoutes(app: FastifyInstance, flw: Flutterwave): void {
  app.get('/v3/hosted/pay/:link', isPage, (request, reply) => {
    const link = linkOf(flw, request)
    return link ? show(flw, reply, link, null) : noSuchPage(flw, reply)
  })
  app.post('/v3/hosted/pay/:link', isPage, (request, reply) => {
    const link = linkOf(flw, request)
    return link ? act(flw, link, request, reply) : noSuchPage(flw, reply)
  })
}

function act(flw: Flutterwave, link: Link, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (stateOf(flw, link) !== 'open') return show(flw, reply, link, null)
  const body = bodyOf(request)
  const action = textOf(body, 'action')
  if (action === 'cancel') return goBack(flw, reply, link, cancelUrl(link), null)
  const card = cardOf(textOf(body, 'card'))
  const refusal = action === 'decline' ? 'Declined' : null
  const tried = flw.core.store.write(() => attempt(flw, link, card, refusal))
  // A refused try leaves the page open, until it was the last.
  if (tried.status === 'failed' && stateOf(flw, link) === 'open') return show(flw, reply, link, tried)
  return goBack(flw, reply, link, returnUrl(link, tried), tried)
}

/** One try on the page; a challenged charge of a saved card is decided, not tried anew. */
function attempt(flw: Flutterwave, link: Link, card: Card, refusal: string | null): Transaction {
  const challenged = link.challenge === null ? undefined : flw.transactions.get(String(link.challenge))
  if (challenged) return decide(flw, challenged, cardOf(challenged.cardNumber), refusal)
  return decide(flw, begin(flw, link, card), card, refusal)
}

function begin(flw: Flutterwave, link: Link, card: Card, method = 'card'): Transaction {
  const { secretKey, txRef, email, amount, currency, meta, id: linkId } = link
  const narration = method === 'card' ? 'CARD Transaction' : `${method.toUpperCase()} Transaction`
  const given = { secretKey, txRef, email, amount, currency, meta, linkId, token: null, narration }
  return { ...addTransaction(flw, given, card), method }
}

/**
 * `payment_type` as verify answers and webhooks have it (SDK samples and "Payment methods", read 2026-11-20; a transfer is
 * seen under both spellings). A link that is paid takes money again: a page that was open twice, a second transfer.
 */
export const WAYS: Ways = {
  methods: [
    ...['card', 'account', 'bank_transfer', 'banktransfer', 'ussd', 'mpesa', 'mobilemoneygh', 'mobilemoneyrw'],
    ...['mobilemoneyug', 'mobilemoneytz', 'mobilemoneyzm', 'mobilemoneyfranco', 'nqr', 'opay'],
  ],
  slow: [
    ...['bank_transfer', 'banktransfer', 'account', 'ussd', 'mpesa', 'mobilemoneygh', 'mobilemoneyrw', 'mobilemoneyug'],
    ...['mobilemoneytz', 'mobilemoneyzm', 'mobilemoneyfranco', 'nqr', 'opay'],
  ],
  ...{ takesFees: true, paysAgain: true, cancels: false },
}

/** What `POST /control/pay` does: the page's buttons without the page, and what only time does. */
export function payByControl(flw: Flutterwave, request: PayRequest): PayResult | NotPaid | null {
  const { reference, outcome, card, again } = request
  const found = flw.links.by('txRef', reference)
  if (found.length === 0) return null
  const underWay = again ? null : moneyUnderWay(flw, found)
  if (underWay) {
    if (outcome === 'processing' || outcome === 'abandon') return 'processing'
    const { link, transaction } = underWay
    return ending(flw, link, decide(flw, sending(transaction, request), cardOf(card), refusalOf(request)))
  }
  // Several links may carry one reference, of one merchant or of two; the one that still waits is meant.
  const states = found.map((link) => stateOf(flw, link))
  const open = found[states.indexOf('open')]
  const link = open ?? (again ? found[Math.max(0, states.indexOf('paid'))] : undefined)
  if (!link) return states.includes('paid') || states.includes('processing') ? 'paid' : 'closed'
  if (outcome === 'abandon') return { status: 'cancelled', redirectUrl: cancelUrl(link) }
  return ending(flw, link, tryByControl(flw, link, request))
}

function tryByControl(flw: Flutterwave, link: Link, request: PayRequest): Transaction {
  const { outcome, method, amountMinor, feeMinor } = request
  const card = cardOf(request.card)
  const isPlain = method === 'card' && amountMinor === null && feeMinor === null
  if (isPlain && outcome !== 'processing') return attempt(flw, link, card, refusalOf(request))
  const begun = sending(begin(flw, link, card, method), request)
  return outcome === 'processing' ? wait(flw, begun) : decide(flw, begun, card, refusalOf(request))
}

const refusalOf = ({ outcome }: PayRequest): string | null => (outcome === 'failed' ? 'Declined' : null)

/** What the payer sends, where it is said; what was said when the money set out holds until then. */
function sending(transaction: Transaction, { amountMinor, feeMinor }: PayRequest): Transaction {
  if (amountMinor === null && feeMinor === null) return transaction
  const charged = amountMinor ?? transaction.amount + (feeMinor ?? 0)
  return { ...transaction, charged, payerFee: feeMinor }
}

function moneyUnderWay(flw: Flutterwave, links: readonly Link[]): { link: Link; transaction: Transaction } | null {
  for (const link of links) {
    const transaction = tries(flw, link).find(({ status, isUnderWay }) => status === 'pending' && isUnderWay)
    if (transaction) return { link, transaction }
  }
  return null
}

function ending(flw: Flutterwave, link: Link, tried: Transaction): PayResult {
  const stays = tried.status === 'failed' && stateOf(flw, link) === 'open'
  return { status: tried.status, redirectUrl: stays ? null : returnUrl(link, tried) }
}

export function openCheckouts(flw: Flutterwave): OpenCheckout[] {
  return flw.links
    .all()
    .filter((link) => stateOf(flw, link) === 'open')
    .map((link) => {
      const { txRef, amount, currency } = link
      return { channel: SLUG, reference: txRef, amount_minor: amount, currency, url: linkUrl(flw, link) }
    })
}

/** A challenged charge goes with its page: nobody could decide it any more. */
export function forgetOpenCheckouts(flw: Flutterwave): void {
  for (const link of flw.links.all()) {
    if (stateOf(flw, link) !== 'open') continue
    if (link.challenge !== null) flw.transactions.remove(String(link.challenge))
    flw.links.remove(link.id)
  }
}

function returnUrl(link: Link, { status, id }: Transaction): string | null {
  return withQuery(link, { status, tx_ref: link.txRef, transaction_id: String(id) })
}

/** "failed" by the documentation; "cancelled" is what is seen. Nothing may depend on it. */
function cancelUrl(link: Link): string | null {
  return withQuery(link, { status: 'cancelled', tx_ref: link.txRef })
}

function withQuery({ redirectUrl }: Link, query: Record<string, string>): string | null {
  const url = URL.parse(redirectUrl)
  if (!/^https?:$/.test(url?.protocol ?? '')) return null
  for (const [name, value] of Object.entries(query)) url!.searchParams.append(name, value)
  return url!.href
}

function linkOf(flw: Flutterwave, request: FastifyRequest): Link | undefined {
  return flw.links.get(paramOf(request, 'link'))
}

function goBack(
  flw: Flutterwave,
  reply: FastifyReply,
  link: Link,
  target: string | null,
  tried: Transaction | null,
): FastifyReply {
  return target === null ? show(flw, reply, link, tried) : reply.redirect(target, 303)
}

function show(flw: Flutterwave, reply: FastifyReply, link: Link, tried: Transaction | null): FastifyReply {
  const state = stateOf(flw, link)
  if (state === 'closed') return inactivePage(flw, reply)
  const last = tried ?? tries(flw, link).at(-1) ?? null
  const { amount, currency, txRef, email, title, redirectUrl } = link
  const page: CheckoutPage = {
    provider: 'Flutterwave',
    ...shellOf(flw.core),
    merchant: title ?? URL.parse(redirectUrl)?.host ?? 'Test merchant',
    description: null,
    amount: formatAmount(amount, exponentOf(currency), currency),
    ...{ reference: txRef, email, state, cards: CARD_CHOICE, selectedCard: last?.cardNumber ?? null },
    refusal: last?.status === 'failed' ? last.processorResponse : null,
    returnUrl: state === 'open' || !last ? null : returnUrl(link, last),
  }
  return sendPage(reply, checkoutPage(page))
}

function inactivePage(flw: Flutterwave, reply: FastifyReply): FastifyReply {
  const words = 'This payment link is currently inactive. The merchant disabled it, or its time or tries ran out.'
  return sendPage(
    reply.code(410),
    messagePage({ provider: 'Flutterwave', ...shellOf(flw.core), title: 'Inactive payment link', words }),
  )
}

function noSuchPage(flw: Flutterwave, reply: FastifyReply): FastifyReply {
  const words = 'This payment link is not known here. It may have been forgotten with the sandbox’s data.'
  return sendPage(
    reply.code(404),
    messagePage({ provider: 'Flutterwave', ...shellOf(flw.core), title: 'No such payment', words }),
  )
}

import { randomBytes } from 'node:crypto'
import { magicOf, ONGOING_MS } from '../magic.ts'
import { type Card, findCard } from './cards.ts'
import { type Flutterwave, moveBalance, nextId, SLUG, type Transaction } from './records.ts'
import { reported, webhookView } from './views.ts'

export type NewTransaction = Pick<
  Transaction,
  'secretKey' | 'txRef' | 'email' | 'amount' | 'currency' | 'linkId' | 'meta' | 'token' | 'narration'
>

export function transactionById(flw: Flutterwave, secretKey: string, id: string): Transaction | undefined {
  const found = flw.transactions.get(id)
  return found?.secretKey === secretKey ? settleIfDue(flw, found) : undefined
}

/** What the answers of the API tell: where they are behind, what was before a success. */
export function told(flw: Flutterwave, transactions: readonly Transaction[]): Transaction[] {
  const endings = transactions.flatMap(({ status, endedAt }) => (status === 'successful' ? [endedAt ?? 0] : []))
  if (endings.length === 0 || !flw.core.isBehind(Math.max(...endings))) return [...transactions]
  const processorResponse = 'Transaction in progress'
  return transactions.map((one) =>
    one.status === 'successful' ? { ...one, status: 'pending', processorResponse, token: null } : one,
  )
}

export function transactionsOf(flw: Flutterwave, secretKey: string, txRef: string): Transaction[] {
  return flw.transactions.by('txRef', `${secretKey} ${txRef}`).map((one) => settleIfDue(flw, one))
}

/** What a reference stands for: its success, else the latest attempt; nothing before the first. */
export function transactionByReference(flw: Flutterwave, secretKey: string, txRef: string): Transaction | undefined {
  const attempts = told(flw, transactionsOf(flw, secretKey, txRef))
  return attempts.findLast(({ status }) => status === 'successful') ?? attempts.at(-1)
}

export function attemptsOn(flw: Flutterwave, linkId: string): Transaction[] {
  return flw.transactions.by('link', linkId).map((one) => settleIfDue(flw, one))
}

/** A try that nobody has decided yet. */
export function addTransaction(flw: Flutterwave, given: NewTransaction, card: Card): Transaction {
  const id = nextId(flw)
  const transaction: Transaction = {
    ...{ ...given, id, flwRef: `FLW-MOCK-${randomBytes(16).toString('hex')}`, cardNumber: card.number },
    ...{ status: 'pending', processorResponse: 'Transaction in progress', settlesAt: null },
    // A saved card is charged without asking anybody.
    authModel: given.linkId === null ? 'noauth' : card.authModel,
    createdAt: new Date().toISOString(),
  }
  return flw.transactions.put(String(id), transaction)
}

/** The try meets the bank. */
export function decide(flw: Flutterwave, transaction: Transaction, card: Card, refusal: string | null): Transaction {
  const magic = magicOf(transaction.amount)
  const tried = { ...transaction, cardNumber: card.number }
  const refused = magic === 'declined' ? 'Insufficient Funds' : (refusal ?? card.refusal)
  if (refused !== null) return end(flw, { ...tried, status: 'failed', processorResponse: refused })
  if (magic !== 'ongoing') return succeed(flw, tried)
  const waiting: Transaction = { ...tried, settlesAt: Date.now() + ONGOING_MS }
  recordCharge(flw, waiting)
  settleLater(flw, waiting)
  return flw.transactions.put(String(waiting.id), waiting)
}

/** The payer has done their part; a later `decide` ends it. Nothing is sent meanwhile. */
export function wait(flw: Flutterwave, transaction: Transaction): Transaction {
  const waiting = flw.transactions.put(String(transaction.id), { ...transaction, isUnderWay: true })
  recordCharge(flw, waiting)
  return waiting
}

export function settleLater(flw: Flutterwave, { id, settlesAt }: Transaction): void {
  flw.core.timers.at(settlesAt!, () => {
    const now = flw.transactions.get(String(id))
    if (now) settleIfDue(flw, now)
  })
}

/** Decided by the clock, not by the timer: a restart or a slow timer changes nothing that a reader sees. */
function settleIfDue(flw: Flutterwave, transaction: Transaction): Transaction {
  if (transaction.settlesAt === null || transaction.settlesAt > Date.now()) return transaction
  return flw.core.store.write(() => succeed(flw, transaction))
}

/** "Tokens live one year" (FW-TOK). */
const TOKEN_LIFE_MS = 365 * 24 * 60 * 60 * 1000

function succeed(flw: Flutterwave, transaction: Transaction): Transaction {
  const { secretKey, email, cardNumber, method = 'card' } = transaction
  // Only cards leave a token.
  const made = method === 'card' ? `flw-t1nf-${randomBytes(16).toString('hex')}-m03k` : null
  const token = transaction.token ?? made
  if (token !== null && !flw.tokens.get(token)) {
    flw.tokens.put(token, {
      ...{ token, secretKey, email: email.toLowerCase(), cardNumber },
      expiresAt: Date.now() + TOKEN_LIFE_MS,
    })
  }
  const { amount, currency } = reported(transaction)
  moveBalance(flw, secretKey, currency, amount)
  return end(flw, { ...transaction, token, status: 'successful', processorResponse: 'Approved' })
}

/** Every end has its webhook, a refused try like a success. */
function end(flw: Flutterwave, transaction: Transaction): Transaction {
  const end = { settlesAt: null, isUnderWay: false, endedAt: Date.now() }
  const ended = flw.transactions.put(String(transaction.id), { ...transaction, ...end })
  recordCharge(flw, ended)
  notifyCharge(flw, ended)
  return ended
}

export function notifyCharge(flw: Flutterwave, transaction: Transaction): void {
  const account = flw.core.accounts.find(SLUG, transaction.secretKey)
  flw.core.notify(account, 'charge', {
    event: 'charge.completed',
    'event.type': `${(transaction.method ?? 'card').toUpperCase()}_TRANSACTION`,
    data: webhookView(flw, transaction),
  })
}

function recordCharge(flw: Flutterwave, transaction: Transaction): void {
  const { amount, currency } = reported(transaction)
  const { id, txRef, status } = transaction
  flw.core.ledger.record(String(id), {
    ...{ channel: SLUG, kind: 'charge', reference: txRef, amount_minor: amount, currency },
    status: status === 'successful' ? 'success' : status,
  })
}

/** The saved card that may be charged: known, alive, with the e-mail that made it. */
export function findTokenCard(flw: Flutterwave, secretKey: string, token: string, email: string): Card | null {
  const saved = flw.tokens.get(token)
  if (saved?.secretKey !== secretKey || saved.email !== email.toLowerCase()) return null
  return saved.expiresAt > Date.now() ? findCard(saved.cardNumber) : null
}

import { exponentOf } from '../ledger.ts'
import { magicOf, ONGOING_MS } from '../magic.ts'
import { type Card, findCard, GOOD_CARD } from './cards.ts'
import { customerOf } from './customers.ts'
import { moveBalance, nextId, type Paystack, randomCode, SLUG, type Transaction } from './records.ts'
import { reported, transactionFetchView } from './views.ts'

export function transactionKey(secretKey: string, reference: string): string {
  return `${secretKey} ${reference}`
}

export function keyOf({ secretKey, reference }: { secretKey: string; reference: string }): string {
  return transactionKey(secretKey, reference)
}

export type NewTransaction = Pick<
  Transaction,
  'secretKey' | 'reference' | 'email' | 'amount' | 'currency' | 'callbackUrl' | 'metadata' | 'payable'
>

export function addTransaction(ps: Paystack, given: NewTransaction): Transaction {
  customerOf(ps, given.secretKey, given.email)
  const transaction: Transaction = {
    ...given,
    id: nextId(ps),
    accessCode: randomCode('', 15),
    // What an untouched link says: nothing is final about it.
    status: 'abandoned',
    gatewayResponse: 'The transaction was not completed',
    attempts: [],
    createdAt: new Date().toISOString(),
    paidAt: null,
    cardNumber: null,
    authorizationCode: null,
    settlesAt: null,
  }
  return ps.transactions.put(keyOf(transaction), transaction)
}

export function findTransaction(ps: Paystack, secretKey: string, reference: string): Transaction | undefined {
  const found = ps.transactions.get(transactionKey(secretKey, reference))
  return found && settleIfDue(ps, found)
}

/** By Paystack's id or the merchant's reference, as refunds name it. */
export function findTransactionByEither(
  ps: Paystack,
  secretKey: string,
  idOrReference: string,
): Transaction | undefined {
  const byId = ps.transactions.by('id', idOrReference).find((one) => one.secretKey === secretKey)
  return byId ? settleIfDue(ps, byId) : findTransaction(ps, secretKey, idOrReference)
}

/** Whether the page still takes money: also after a refusal, until a success. */
export function isOpen(transaction: Transaction): boolean {
  return transaction.payable && (transaction.status === 'abandoned' || transaction.status === 'failed')
}

/** Whether the payer has done their part and the money is on its way. */
export function isUnderWay({ status }: Transaction): boolean {
  return status === 'pending' || status === 'processing'
}

/** ISO minor units from Paystack's hundredths. */
export function isoMinor(wireAmount: number, currency: string): number {
  const exponent = exponentOf(currency)
  return exponent >= 2 ? wireAmount * 10 ** (exponent - 2) : Math.trunc(wireAmount / 10 ** (2 - exponent))
}

/** Paystack's hundredths from ISO minor units. */
export function wireAmount(isoMinor: number, currency: string): number {
  return Math.round(isoMinor * 10 ** (2 - exponentOf(currency)))
}

/** The payer has done their part; a later `attempt` ends it. */
export function wait(ps: Paystack, transaction: Transaction): Transaction {
  const status = transaction.method === 'direct_debit' ? 'processing' : 'pending'
  const waiting = addAttempt({ ...transaction, status }, 'action', 'Waiting for the money')
  recordCharge(ps, waiting, 'pending')
  return ps.transactions.put(keyOf(waiting), { ...waiting, gatewayResponse: 'Transaction in progress' })
}

/** What an answer of the API tells: where it is behind, what was before the success. */
export function told(ps: Paystack, transaction: Transaction): Transaction {
  if (transaction.status !== 'success' || !ps.core.isBehind(Date.parse(transaction.paidAt!))) return transaction
  const before = isSlow(transaction) ? 'pending' : 'ongoing'
  const gatewayResponse = 'Transaction in progress'
  return { ...transaction, status: before, gatewayResponse, paidAt: null, authorizationCode: null }
}

const isSlow = ({ method = 'card' }: Transaction): boolean => method !== 'card'

/** One try to pay: the payer's, or ours with a saved card. */
export function attempt(ps: Paystack, transaction: Transaction, card: Card, refusal: string | null): Transaction {
  const magic = magicOf(transaction.amount)
  const refused = magic === 'declined' ? 'Insufficient Funds' : (refusal ?? card.refusal)
  if (refused !== null) return refuse(ps, transaction, card, refused)
  if (magic !== 'ongoing') return succeed(ps, { ...transaction, cardNumber: card.number })
  const waiting = addAttempt(
    { ...transaction, status: 'ongoing', cardNumber: card.number, settlesAt: Date.now() + ONGOING_MS },
    'action',
    'Waiting for the bank',
  )
  recordCharge(ps, waiting, 'pending')
  settleLater(ps, waiting)
  return ps.transactions.put(keyOf(waiting), { ...waiting, gatewayResponse: 'Transaction in progress' })
}

export function settleLater(ps: Paystack, transaction: Transaction): void {
  const key = keyOf(transaction)
  ps.core.timers.at(transaction.settlesAt!, () => {
    const now = ps.transactions.get(key)
    if (now) settleIfDue(ps, now)
  })
}

/** Decided by the clock, not by the timer: a restart or a slow timer changes nothing that a reader sees. */
function settleIfDue(ps: Paystack, transaction: Transaction): Transaction {
  if (transaction.status !== 'ongoing' || transaction.settlesAt! > Date.now()) return transaction
  return ps.core.store.write(() => succeed(ps, transaction))
}

function refuse(ps: Paystack, transaction: Transaction, card: Card, words: string): Transaction {
  const failed = addAttempt(transaction, 'error', words)
  recordCharge(ps, failed, 'failed')
  return ps.transactions.put(keyOf(failed), {
    ...failed,
    status: 'failed',
    gatewayResponse: words,
    cardNumber: card.number,
  })
}

function succeed(ps: Paystack, transaction: Transaction): Transaction {
  const { secretKey, email } = transaction
  const cardNumber = transaction.cardNumber ?? GOOD_CARD.number
  const code = transaction.authorizationCode ?? randomCode('AUTH_', 10)
  if (!ps.authorizations.get(code)) {
    ps.authorizations.put(code, { code, secretKey, email: email.toLowerCase(), cardNumber, active: true })
  }
  const paid: Transaction = {
    ...addAttempt(
      transaction,
      'success',
      isSlow(transaction) ? 'Successfully paid' : `Successfully paid with card ${cardNumber.slice(-4)}`,
    ),
    status: 'success',
    gatewayResponse: transaction.payable ? 'Successful' : 'Approved',
    paidAt: new Date().toISOString(),
    cardNumber,
    authorizationCode: code,
    settlesAt: null,
  }
  ps.transactions.put(keyOf(paid), paid)
  recordCharge(ps, paid, 'success')
  const { amount, currency } = reported(paid)
  moveBalance(ps, secretKey, currency, amount)
  const account = ps.core.accounts.find(SLUG, secretKey)
  ps.core.notify(account, 'charge', { event: 'charge.success', data: transactionFetchView(ps, paid) })
  return paid
}

function recordCharge(ps: Paystack, transaction: Transaction, status: 'pending' | 'success' | 'failed'): void {
  const { amount, currency } = reported(transaction)
  const { id, reference } = transaction
  const amountMinor = isoMinor(amount, currency)
  ps.core.ledger.record(String(id), {
    channel: SLUG,
    kind: 'charge',
    reference,
    amount_minor: amountMinor,
    currency,
    status,
  })
}

/** More tries than any test makes; the page must not grow a record without end. */
const ATTEMPTS_KEPT_MAX = 50

function addAttempt(transaction: Transaction, type: 'action' | 'success' | 'error', message: string): Transaction {
  const attempts = [...transaction.attempts, { type, message, at: new Date().toISOString() }].slice(-ATTEMPTS_KEPT_MAX)
  return { ...transaction, attempts }
}

/** The card of a saved method or of the page's form. */
export function cardOf(number: string | null): Card {
  return number === null ? GOOD_CARD : findCard(number)
}

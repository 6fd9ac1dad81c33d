import { magicOf, ONGOING_MS } from '../magic.ts'
import type { PayOutcome } from '../provider.ts'
import { type Card, findCard, REFUSALS, type Refusal } from './cards.ts'
import { completeSession } from './complete.ts'
import { addCustomer } from './customers.ts'
import { emit } from './events.ts'
import { isoMinor, moved } from './money.ts'
import { type Charge, type Intent, type Method, moveBalance, newId, nowSeconds, SLUG, type Stripe } from './records.ts'
import { chargeView, intentView } from './views.ts'

export interface How {
  /** On the hosted page the payer is there: 3D Secure is done in passing. */
  payerIsThere: boolean
  /** Without the payer, or without the means to ask them: whatever wants them back is a refusal. */
  offSession: boolean
  /** The page's "Decline". */
  declined: boolean
}

/** The payer has promised by a method whose money takes its time; `endWaiting` ends it. */
export function wait(st: Stripe, intent: Intent, method: Method): Intent {
  const fresh: Intent = { ...intent, method: method.id, lastError: null, status: 'processing' }
  const charge = addCharge(st, fresh, { status: 'pending', refusal: null })
  const waiting = putIntent(st, { ...fresh, latestCharge: charge.id })
  record(st, waiting, 'pending')
  emit(st, waiting.secretKey, 'charge', 'charge.pending', chargeView(st, charge))
  emitIntent(st, waiting, 'processing')
  return waiting
}

/** The end of money under way. A canceled intent leaves its session complete and unpaid for good. */
export function endWaiting(st: Stripe, intent: Intent, outcome: PayOutcome): Intent {
  if (outcome === 'success') return succeed(st, intent)
  if (outcome !== 'canceled') return refuse(st, intent, st.methods.get(intent.method!)!, REFUSALS.bank)
  addCharge(st, intent, { status: 'failed', refusal: REFUSALS.bank })
  const end = { status: 'canceled', canceledAt: nowSeconds(), cancellationReason: 'automatic' } as const
  const canceled = putIntent(st, { ...intent, ...end })
  record(st, canceled, 'failed')
  emitIntent(st, canceled, 'canceled')
  return canceled
}

/** One try to pay an intent with a card. What a bank refuses is a state of the intent, told by `lastError`. */
export function attempt(st: Stripe, intent: Intent, method: Method, how: How): Intent {
  const card = findCard(method.cardNumber)
  const fresh: Intent = { ...intent, method: method.id, lastError: null }
  const refusal = refusalOf(intent, method, card, how)
  if (refusal === REFUSALS.authentication && !how.offSession) return askPayer(st, fresh)
  if (refusal !== null) return refuse(st, fresh, method, refusal)
  if (magicOf(intent.amount) !== 'ongoing') return succeed(st, fresh)
  const waiting = putIntent(st, { ...fresh, status: 'processing', settlesAt: Date.now() + ONGOING_MS })
  record(st, waiting, 'pending')
  emitIntent(st, waiting, 'processing')
  settleLater(st, waiting)
  return waiting
}

function refusalOf({ amount }: Intent, method: Method, card: Card, how: How): Refusal | null {
  const magic = magicOf(amount)
  if (magic === 'declined') return REFUSALS.funds
  if (how.declined) return REFUSALS.generic
  if (card.refusal !== null) return card.refusal
  if (how.payerIsThere) return null
  if (card.saved === 'declines') return REFUSALS.generic
  if (card.saved === 'expires') return REFUSALS.expired
  const wantsPayer = magic === 'challenge' || card.saved === 'challenge'
  return wantsPayer || (card.saved === 'set_up' && method.customer === null) ? REFUSALS.authentication : null
}

function askPayer(st: Stripe, intent: Intent): Intent {
  const asking = putIntent(st, { ...intent, status: 'requires_action' })
  emitIntent(st, asking, 'requires_action')
  return asking
}

function refuse(st: Stripe, intent: Intent, method: Method, refusal: Refusal): Intent {
  const charge = addCharge(st, intent, { status: 'failed', refusal })
  const failed = putIntent(st, {
    ...intent,
    status: 'requires_payment_method',
    method: null,
    latestCharge: charge.id,
    lastError: { ...refusal, charge: charge.id, method: method.id },
  })
  record(st, failed, 'failed')
  emit(st, intent.secretKey, 'charge', 'charge.failed', chargeView(st, charge))
  emitIntent(st, failed, 'payment_failed')
  return failed
}

function succeed(st: Stripe, intent: Intent): Intent {
  const { amount, currency, suffix } = moved(intent.amount, intent.currency)
  const metadata = mapReference(intent, suffix)
  const customer = keepMethod(st, intent)
  const changed: Intent = { ...intent, amount, currency, metadata, customer, settlesAt: null }
  const received = intent.sent ?? amount
  const charge = addCharge(st, { ...changed, amount: received }, { status: 'succeeded', refusal: null })
  const done = putIntent(st, {
    ...{ ...changed, status: 'succeeded', amountReceived: received, latestCharge: charge.id },
    succeededAt: Date.now(),
  })
  record(st, done, 'success')
  moveBalance(st, done.secretKey, currency, received)
  emit(st, done.secretKey, 'charge', 'charge.succeeded', chargeView(st, charge))
  emitIntent(st, done, 'succeeded')
  return done
}

/** The magic amount that reports another payment's reference changes it wherever it stands. */
function mapReference({ metadata, reference }: Intent, suffix: string): Intent['metadata'] {
  const entries = Object.entries(metadata).map(([key, value]) => [key, value === reference ? value + suffix : value])
  return Object.fromEntries(entries) as Intent['metadata']
}

/** The customer is made with the payment that succeeds, and keeps the method if that is to be used again. */
function keepMethod(st: Stripe, intent: Intent): string | null {
  const session = intent.session === null ? undefined : st.sessions.get(intent.session)
  const makes = intent.customer === null && session?.customerCreation === 'always'
  const customer = makes ? addCustomer(st, intent.secretKey, session.customerEmail).id : intent.customer
  const used = intent.method === null ? undefined : st.methods.get(intent.method)
  if (customer !== null && intent.setupFutureUsage !== null && used) st.methods.put(used.id, { ...used, customer })
  return customer
}

/** A new charge, or the end of the one that is pending. */
function addCharge(st: Stripe, intent: Intent, more: Pick<Charge, 'status' | 'refusal'>): Charge {
  const known = intent.latestCharge === null ? undefined : st.charges.get(intent.latestCharge)
  if (known?.status === 'pending') return st.charges.put(known.id, { ...known, ...more, amount: intent.amount })
  const { secretKey, amount, currency, customer, method, description, metadata } = intent
  const charge: Charge = {
    ...{ id: newId('ch'), secretKey, created: nowSeconds(), amount, amountRefunded: 0, currency, ...more },
    ...{ customer, method: method!, intent: intent.id, description, metadata },
  }
  return st.charges.put(charge.id, charge)
}

export function putIntent(st: Stripe, intent: Intent): Intent {
  return st.intents.put(intent.id, intent)
}

export function emitIntent(st: Stripe, intent: Intent, what: string): void {
  emit(st, intent.secretKey, 'charge', `payment_intent.${what}`, intentView(st, intent))
}

function record(st: Stripe, intent: Intent, status: 'pending' | 'success' | 'failed'): void {
  const { id, reference } = intent
  // What is still under way will move what the success moves.
  const success = { amount: intent.amountReceived, currency: intent.currency }
  const expected = { ...moved(intent.amount, intent.currency), ...(intent.sent != null && { amount: intent.sent }) }
  const { amount, currency } = status === 'success' ? success : expected
  const amount_minor = isoMinor(amount, currency)
  st.core.ledger.record(id, { channel: SLUG, kind: 'charge', reference, amount_minor, currency, status })
}

/** Makes this call's answer show the intent as it was before its success, where a fault says so. */
export function lagBehind(st: Stripe, { id, status, succeededAt }: Intent): void {
  if (status === 'succeeded' && st.core.isBehind(succeededAt ?? 0)) st.behind = id
}

export function settleLater(st: Stripe, intent: Intent): void {
  st.core.timers.at(intent.settlesAt!, () => {
    const now = st.intents.get(intent.id)
    if (now) settleIntent(st, now)
  })
}

/** Decided by the clock, not by the timer: a restart or a slow timer changes nothing that a reader sees. */
export function settleIntent(st: Stripe, intent: Intent): Intent {
  if (intent.status !== 'processing' || intent.settlesAt === null || intent.settlesAt > Date.now()) return intent
  return st.core.store.write(() => {
    const done = succeed(st, intent)
    const session = done.session === null ? undefined : st.sessions.get(done.session)
    if (session) completeSession(st, session, done)
    return done
  })
}

import { type Asked, listView, ownOf } from './calls.ts'
import { findCard } from './cards.ts'
import { invalid, missing } from './errors.ts'
import { emit } from './events.ts'
import { metadataOf, oneOf, refuseUnknown, textOf } from './forms.ts'
import { isoMinor, readAmount } from './money.ts'
import { type Charge, moveBalance, newId, nowSeconds, type Refund, SLUG, type Stripe } from './records.ts'
import { chargeView, refundView, type View } from './views.ts'

const PARAMS = `amount charge currency customer instructions_email metadata origin payment_intent reason
  refund_application_fee reverse_transfer`

export function createRefund(st: Stripe, asked: Asked): View {
  const { form, secretKey } = asked
  refuseUnknown(form, PARAMS)
  const charge = chargeOf(st, asked)
  const left = charge.amount - charge.amountRefunded
  if (left <= 0) throw invalid(`Charge ${charge.id} has already been refunded.`, null, 'charge_already_refunded')
  const amount = readAmount(form, 'amount', charge.currency) ?? left
  if (amount > left) {
    throw invalid(`Refund amount (${amount}) is greater than unrefunded amount on charge (${left})`, 'amount')
  }
  const { refund: course } = findCard(st.methods.get(charge.method)!.cardNumber)
  const refund: Refund = {
    ...{ id: newId('re'), secretKey, created: nowSeconds(), amount, currency: charge.currency, charge: charge.id },
    ...{ intent: charge.intent, method: charge.method, metadata: metadataOf(form) },
    reason: oneOf(form, 'reason', ['duplicate', 'fraudulent', 'requested_by_customer']),
    status: course === 'waits' ? 'pending' : 'succeeded',
    ending: course === 'waits' ? 'succeeded' : course === 'fails' ? 'failed' : null,
    settlesAt: course === 'succeeds' ? null : Date.now() + st.core.refundDelayMs,
  }
  put(st, refund)
  moveBalance(st, secretKey, refund.currency, -amount)
  giveBack(st, charge.id, amount)
  emit(st, secretKey, 'refund', 'refund.created', refundView(refund))
  emit(st, secretKey, 'refund', 'charge.refunded', chargeView(st, st.charges.get(charge.id)!))
  if (refund.settlesAt !== null) settleLater(st, refund)
  return refundView(refund)
}

/** The charge that succeeded, by its own id or its intent's. */
function chargeOf(st: Stripe, asked: Asked): Charge {
  const { form } = asked
  const [chargeId, intentId] = [textOf(form, 'charge'), textOf(form, 'payment_intent')]
  if (chargeId === null && intentId === null) {
    throw missing('payment_intent')
  }
  if (chargeId !== null) {
    const charge = ownOf(st.charges, asked, chargeId, 'charge', 'charge')
    if (charge.status === 'succeeded') return charge
    throw invalid(`Charge ${chargeId} has not been captured yet or has failed.`, 'charge', 'charge_not_refundable')
  }
  const intent = ownOf(st.intents, asked, intentId!, 'payment_intent', 'payment_intent')
  const paid = st.charges.by('intent', intent.id).find(({ status }) => status === 'succeeded')
  if (paid) return paid
  const words = `This PaymentIntent (${intent.id}) does not have a successful charge to refund.`
  throw invalid(words, 'payment_intent', 'payment_intent_unexpected_state')
}

function giveBack(st: Stripe, chargeId: string, amount: number): void {
  const charge = st.charges.get(chargeId)!
  st.charges.put(chargeId, { ...charge, amountRefunded: charge.amountRefunded + amount })
}

/** With its row in the ledger, which carries the reference of the payment. */
function put(st: Stripe, refund: Refund): Refund {
  const { id, amount, currency, status, intent } = refund
  st.core.ledger.record(id, {
    ...{ channel: SLUG, kind: 'refund', reference: st.intents.get(intent)!.reference },
    ...{ amount_minor: isoMinor(amount, currency), currency },
    status: status === 'succeeded' ? 'success' : status === 'pending' ? 'pending' : 'failed',
  })
  return st.refunds.put(id, refund)
}

export function settleLater(st: Stripe, { id, settlesAt }: Refund): void {
  st.core.timers.at(settlesAt!, () => {
    const now = st.refunds.get(id)
    if (now) settle(st, now)
  })
}

/** Decided by the clock, not by the timer. */
function settle(st: Stripe, refund: Refund): Refund {
  if (refund.settlesAt === null || refund.settlesAt > Date.now() || refund.ending === null) return refund
  return st.core.store.write(() => {
    const { secretKey, currency, amount, ending } = refund
    const settled = put(st, { ...refund, status: ending!, ending: null, settlesAt: null })
    if (ending === 'failed') {
      moveBalance(st, secretKey, currency, amount)
      giveBack(st, refund.charge, -amount)
    }
    const view = refundView(settled)
    const types =
      ending === 'failed' ? ['refund.failed', 'charge.refund.updated'] : ['refund.updated', 'charge.refund.updated']
    for (const type of types) emit(st, secretKey, 'refund', type, view)
    return settled
  })
}

export function findRefund(st: Stripe, asked: Asked): View {
  return refundView(settle(st, ownOf(st.refunds, asked, asked.id, 'refund', 'id')))
}

export function listRefunds(st: Stripe, { form, secretKey }: Asked): View {
  const [charge, intent] = [textOf(form, 'charge'), textOf(form, 'payment_intent')]
  const own = st.refunds.by('owner', secretKey).filter((one) => {
    return (charge === null || one.charge === charge) && (intent === null || one.intent === intent)
  })
  return listView(form, '/v1/refunds', own, (refund) => refundView(settle(st, refund)))
}

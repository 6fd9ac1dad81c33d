import { emit } from './events.ts'
import { moved } from './money.ts'
import type { Intent, Session, Stripe } from './records.ts'
import { sessionView } from './views.ts'

/** What a success makes of the session, or a payment that a bank still works on. */
export function completeSession(st: Stripe, session: Session, intent: Intent): Session {
  const isPaid = intent.status === 'succeeded'
  const wasComplete = session.status === 'complete'
  // A canceled payment is told by its intent alone.
  if (intent.status === 'canceled') return session
  const { clientReferenceId, amountTotal, currency } = session
  const { suffix } = moved(amountTotal!, currency!)
  const complete = st.sessions.put(session.id, {
    ...session,
    ...(isPaid && { amountTotal: intent.amount, currency: intent.currency, paymentStatus: 'paid' as const }),
    ...{ status: 'complete' as const, customer: intent.customer },
    reportedReference: clientReferenceId === null || suffix === '' ? null : clientReferenceId + suffix,
  })
  const end = isPaid ? 'async_payment_succeeded' : 'async_payment_failed'
  const what = wasComplete ? end : 'completed'
  emit(st, session.secretKey, 'charge', `checkout.session.${what}`, sessionView(st, complete))
  return complete
}

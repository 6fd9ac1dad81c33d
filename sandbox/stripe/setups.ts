import { type Asked, ownOf } from './calls.ts'
import { findCard } from './cards.ts'
import { useMethod } from './customers.ts'
import { invalid, missing, StripeError } from './errors.ts'
import { emit } from './events.ts'
import { isTrue, metadataOf, oneOf, textOf } from './forms.ts'
import { type Method, newId, nowSeconds, type SetupIntent, type Stripe } from './records.ts'
import { refusalView, setupView, type View } from './views.ts'

/** Saving a card without paying. */

export function createSetup(st: Stripe, asked: Asked): View {
  const { form, secretKey } = asked
  const customer = textOf(form, 'customer')
  if (customer !== null) ownOf(st.customers, asked, customer, 'customer', 'customer')
  const id = textOf(form, 'payment_method')
  const method = id === null ? null : useMethod(st, secretKey, id, 'payment_method')
  const setup = addSetup(st, secretKey, {
    ...{ customer, description: textOf(form, 'description'), metadata: metadataOf(form) },
    usage: oneOf(form, 'usage', ['off_session', 'on_session']) ?? 'off_session',
  })
  if (isTrue(form, 'confirm')) {
    if (method === null) throw missing('payment_method')
    return confirm(st, setup, method)
  }
  if (method === null) return setupView(st, setup)
  return setupView(st, st.setups.put(setup.id, { ...setup, method: method.id, status: 'requires_confirmation' }))
}

export function addSetup(
  st: Stripe,
  secretKey: string,
  given: Pick<SetupIntent, 'customer' | 'description' | 'metadata' | 'usage'>,
): SetupIntent {
  const setup: SetupIntent = {
    ...{ ...given, id: newId('seti'), secretKey, created: nowSeconds(), status: 'requires_payment_method' },
    ...{ method: null, lastError: null, cancellationReason: null },
  }
  st.setups.put(setup.id, setup)
  emit(st, secretKey, 'charge', 'setup_intent.created', setupView(st, setup))
  return setup
}

/** What a try makes of it: `succeeded` with the card attached, or `lastError`. */
export function trySetup(st: Stripe, setup: SetupIntent, method: Method, declined: boolean): SetupIntent {
  const { refusal } = findCard(declined ? '4000000000000002' : method.cardNumber)
  if (refusal !== null) {
    const lastError = { ...refusal, method: method.id }
    const failed = st.setups.put(setup.id, { ...setup, status: 'requires_payment_method', method: null, lastError })
    emit(st, setup.secretKey, 'charge', 'setup_intent.setup_failed', setupView(st, failed))
    return failed
  }
  if (setup.customer !== null) st.methods.put(method.id, { ...method, customer: setup.customer })
  const done = st.setups.put(setup.id, { ...setup, status: 'succeeded', method: method.id, lastError: null })
  emit(st, setup.secretKey, 'charge', 'setup_intent.succeeded', setupView(st, done))
  return done
}

function confirm(st: Stripe, setup: SetupIntent, method: Method): View {
  const tried = trySetup(st, setup, method, false)
  const view = setupView(st, tried)
  if (tried.lastError === null) return view
  const more = { ...refusalView(tried.lastError), setup_intent: view }
  throw new StripeError(402, 'card_error', tried.lastError.message, more, true)
}

export function findSetup(st: Stripe, asked: Asked): SetupIntent {
  return ownOf(st.setups, asked, asked.id, 'setup_intent', 'intent')
}

export function confirmSetup(st: Stripe, asked: Asked): View {
  const setup = findSetup(st, asked)
  if (setup.status === 'succeeded' || setup.status === 'canceled') {
    throw invalid(`This SetupIntent has a status of ${setup.status}.`, null, 'setup_intent_unexpected_state')
  }
  const id = textOf(asked.form, 'payment_method') ?? setup.method
  if (id === null) throw missing('payment_method')
  return confirm(st, setup, useMethod(st, asked.secretKey, id, 'payment_method'))
}

export function cancelSetup(st: Stripe, asked: Asked): View {
  const setup = findSetup(st, asked)
  if (setup.status === 'succeeded' || setup.status === 'canceled') {
    throw invalid(`This SetupIntent has a status of ${setup.status}.`, null, 'setup_intent_unexpected_state')
  }
  const cancellationReason = oneOf(asked.form, 'cancellation_reason', [
    'abandoned',
    'requested_by_customer',
    'duplicate',
  ])
  const canceled = st.setups.put(setup.id, { ...setup, status: 'canceled', cancellationReason })
  emit(st, setup.secretKey, 'charge', 'setup_intent.canceled', setupView(st, canceled))
  return setupView(st, canceled)
}

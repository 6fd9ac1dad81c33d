import { attempt, emitIntent, lagBehind, putIntent, settleIntent } from './attempts.ts'
import { type Asked, listView, ownOf } from './calls.ts'
import { notReusable, useMethod } from './customers.ts'
import { invalid, missing, StripeError } from './errors.ts'
import { type Form, isTrue, metadataOf, oneOf, refuseUnknown, textOf, urlOf } from './forms.ts'
import { checkLimits, readAmount, readCurrency } from './money.ts'
import { type Intent, type Method, newId, nowSeconds, type Session, type Stripe } from './records.ts'
import { intentView, refusalView, type View } from './views.ts'

/** Payment intents that the merchant makes: charging a saved method, above all. */

const PARAMS = `allowed_payment_method_types amount amount_details application_fee_amount automatic_payment_methods
  capture_method confirm confirmation_method confirmation_token currency customer customer_account description
  error_on_requires_action excluded_payment_method_types hooks mandate mandate_data metadata off_session on_behalf_of
  payment_details payment_method payment_method_configuration payment_method_data payment_method_options radar_options
  receipt_email return_url setup_future_usage shipping statement_descriptor statement_descriptor_suffix transfer_data
  transfer_group use_stripe_sdk`

const CANCELLATION_REASONS = ['duplicate', 'fraudulent', 'requested_by_customer', 'abandoned'] as const

export function createIntent(st: Stripe, asked: Asked): View {
  const { form, secretKey } = asked
  refuseUnknown(form, PARAMS)
  const currency = readCurrency(form, 'currency')
  const amount = readAmount(form, 'amount', currency)
  if (amount === null) throw missing('amount')
  checkLimits(amount, currency, 'amount')
  const customer = textOf(form, 'customer')
  if (customer !== null) ownOf(st.customers, { secretKey }, customer, 'customer', 'customer')
  const confirms = isTrue(form, 'confirm')
  if (isTrue(form, 'off_session') && !confirms) {
    throw invalid('`off_session` can only be used when `confirm` is true.', 'off_session')
  }
  const method = methodOf(st, asked, customer)
  if (confirms && method === null) throw missing('payment_method')
  const metadata = metadataOf(form)
  const intent = addIntent(st, {
    ...{ secretKey, amount, currency, customer, description: textOf(form, 'description'), metadata },
    ...{ setupFutureUsage: oneOf(form, 'setup_future_usage', ['off_session', 'on_session']), session: null },
    ...{ receiptEmail: textOf(form, 'receipt_email'), returnUrl: urlOf(form, 'return_url') },
    reference: metadata.asyncpay_reference ?? metadata.reference ?? null,
  })
  if (confirms) return confirm(st, intent, method!, form)
  if (method === null) return intentView(st, intent)
  return intentView(st, putIntent(st, { ...intent, method: method.id, status: 'requires_confirmation' }))
}

type NewIntent = Pick<
  Intent,
  | 'secretKey'
  | 'amount'
  | 'currency'
  | 'customer'
  | 'description'
  | 'metadata'
  | 'setupFutureUsage'
  | 'receiptEmail'
  | 'returnUrl'
  | 'session'
> & { reference: string | null }

function addIntent(st: Stripe, given: NewIntent): Intent {
  const id = newId('pi')
  const intent: Intent = {
    ...{ ...given, id, created: nowSeconds(), reference: given.reference ?? id },
    ...{ status: 'requires_payment_method', method: null, amountReceived: 0, latestCharge: null, lastError: null },
    ...{ cancellationReason: null, canceledAt: null, settlesAt: null },
  }
  putIntent(st, intent)
  emitIntent(st, intent, 'created')
  return intent
}

/** The intent of a session: made when the payer confirms for the first time. */
export function intentOf(st: Stripe, session: Session): Intent {
  const known = session.intent === null ? undefined : st.intents.get(session.intent)
  if (known) return known
  const { secretKey, amountTotal, currency, customer, intentData, id, clientReferenceId } = session
  return addIntent(st, {
    ...{ ...intentData, secretKey, amount: amountTotal!, currency: currency!, customer, returnUrl: null },
    ...{ session: id, reference: clientReferenceId ?? id },
  })
}

function methodOf(st: Stripe, { form, secretKey }: Asked, customer: string | null): Method | null {
  const id = textOf(form, 'payment_method')
  if (id === null) return null
  const method = useMethod(st, secretKey, id, 'payment_method')
  if (method.isDetached) throw notReusable()
  if (method.customer === null || method.customer === customer) return method
  const words =
    customer === null
      ? 'The provided PaymentMethod belongs to a Customer, and you must supply it with the `customer` parameter.'
      : 'The provided PaymentMethod cannot be attached. It already belongs to another Customer.'
  throw invalid(words, 'payment_method')
}

/** A refusal is a 402 whose idempotency key gives it again: the charge was tried. */
function confirm(st: Stripe, intent: Intent, method: Method, form: Form): View {
  const offSession = isTrue(form, 'off_session') || isTrue(form, 'error_on_requires_action')
  const tried = attempt(st, intent, method, { payerIsThere: false, offSession, declined: false })
  const view = intentView(st, tried)
  if (tried.lastError === null) return view
  const { lastError } = tried
  throw new StripeError(
    402,
    'card_error',
    lastError.message,
    {
      ...refusalView(lastError),
      ...{ charge: lastError.charge, payment_intent: view },
      payment_method: (view.last_payment_error as View).payment_method,
    },
    true,
  )
}

export function findIntent(st: Stripe, asked: Asked): Intent {
  return settleIntent(st, ownOf(st.intents, asked, asked.id, 'payment_intent', 'intent'))
}

/** What its own path shows: where a fault says so, what was before. */
export function showIntent(st: Stripe, asked: Asked): View {
  const intent = findIntent(st, asked)
  lagBehind(st, intent)
  return intentView(st, intent)
}

export function confirmIntent(st: Stripe, asked: Asked): View {
  const intent = findIntent(st, asked)
  if (intent.session !== null) throw unexpected('A PaymentIntent of a Checkout Session cannot be confirmed.')
  if (intent.status !== 'requires_payment_method' && intent.status !== 'requires_confirmation') {
    throw unexpected(`This PaymentIntent has a status of ${intent.status} and cannot be confirmed.`)
  }
  const method = methodOf(st, asked, intent.customer) ?? (intent.method === null ? null : st.methods.get(intent.method))
  if (!method) throw missing('payment_method')
  return confirm(st, intent, method, asked.form)
}

export function cancelIntent(st: Stripe, asked: Asked): View {
  const intent = findIntent(st, asked)
  const reason = oneOf(asked.form, 'cancellation_reason', CANCELLATION_REASONS)
  if (intent.session !== null) {
    throw unexpected('A PaymentIntent of a Checkout Session cannot be canceled. Expire the session instead.')
  }
  if (intent.status === 'succeeded' || intent.status === 'canceled' || intent.status === 'processing') {
    throw unexpected(
      `You cannot cancel this PaymentIntent because it has a status of ${intent.status}. Only a PaymentIntent with one of the following statuses may be canceled: requires_payment_method, requires_capture, requires_confirmation, requires_action.`,
    )
  }
  const end = { status: 'canceled', canceledAt: nowSeconds(), cancellationReason: reason } as const
  const canceled = putIntent(st, { ...intent, ...end })
  emitIntent(st, canceled, 'canceled')
  return intentView(st, canceled)
}

function unexpected(message: string): StripeError {
  return invalid(message, null, 'payment_intent_unexpected_state')
}

export function listIntents(st: Stripe, { form, secretKey }: Asked): View {
  const customer = textOf(form, 'customer')
  const own = st.intents.by('owner', secretKey).filter((one) => customer === null || one.customer === customer)
  return listView(form, '/v1/payment_intents', own, (intent) => intentView(st, settleIntent(st, intent)))
}

/** `metadata['key']:'value'` and `status:'word'`, joined by AND; more of the query language is not emulated. */
export function searchIntents(st: Stripe, { form, secretKey }: Asked): View {
  const query = textOf(form, 'query')
  if (query === null) throw missing('query')
  const tests = query.split(/\s+AND\s+/i).map((clause) => {
    const match = /^(?:metadata\[(["'])([^"']+)\1\]|(status))\s*:\s*(["'])(.*)\4$/.exec(clause.trim())
    if (!match) throw invalid(`We were unable to parse your search query: ${clause}`, 'query')
    const [, , key, isStatus, , value] = match
    return ({ status, metadata }: Intent) => (isStatus ? status === value : metadata[key!] === value)
  })
  const found = st.intents.by('owner', secretKey).filter((one) => tests.every((test) => test(one)))
  const { data, has_more } = listView(form, '', found, (intent) => intentView(st, settleIntent(st, intent)))
  return { object: 'search_result', data, has_more, next_page: null, url: '/v1/payment_intents/search' }
}

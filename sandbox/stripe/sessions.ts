import { emitIntent, lagBehind, putIntent, settleIntent } from './attempts.ts'
import { type Asked, listView, ownOf } from './calls.ts'
import { invalid, missing } from './errors.ts'
import { emit } from './events.ts'
import {
  type Form,
  isTrue,
  listOf,
  metadataOf,
  nameOf,
  oneOf,
  partOf,
  refuseUnknown,
  textOf,
  urlOf,
  wholeOf,
} from './forms.ts'
import { checkLimits, readAmount, readCurrency } from './money.ts'
import { type LineItem, newId, nowSeconds, type Session, type Stripe } from './records.ts'
import { lineItemView, sessionView, type View } from './views.ts'

/** Parameters of `POST /v1/checkout/sessions` (types of stripe 23.1.0). `payment_method_types` is none of them any more. */
const PARAMS = `adaptive_pricing after_expiration allow_promotion_codes allowed_payment_method_types automatic_tax
  billing_address_collection branding_settings cancel_url client_reference_id consent_collection currency custom_fields
  custom_text customer customer_account customer_creation customer_email customer_update discounts
  excluded_payment_method_types expires_at integration_identifier invoice_creation line_items locale managed_payments
  metadata mode name_collection optional_items origin_context payment_intent_data payment_method_collection
  payment_method_configuration payment_method_data payment_method_options permissions phone_number_collection
  redirect_on_completion return_url saved_payment_method_options setup_intent_data shipping_address_collection
  shipping_options submit_type subscription_data success_url tax_id_collection ui_mode wallet_options`

const LIFE_MIN_S = 30 * 60
const LIFE_MAX_S = 24 * 60 * 60
/** Time on the way from a merchant who asks for exactly the least or the most. */
const LIFE_SLACK_S = 10
const REFERENCE_MAX = 200

export function createSession(st: Stripe, asked: Asked): View {
  const session = readSession(st, asked)
  st.sessions.put(session.id, session)
  expireLater(st, session)
  return sessionView(st, session)
}

function readSession(st: Stripe, { form, secretKey }: Asked): Session {
  refuseUnknown(form, PARAMS)
  const mode = oneOf(form, 'mode', ['payment', 'setup', 'subscription'])
  if (mode === null) throw missing('mode')
  if (mode === 'subscription') throw invalid('The sandbox knows the modes payment and setup only.', 'mode')
  const created = nowSeconds()
  const customer = textOf(form, 'customer')
  if (customer !== null) ownOf(st.customers, { secretKey }, customer, 'customer', 'customer')
  const items = mode === 'payment' ? readItems(form) : { currency: readSetupCurrency(form), total: null, lineItems: [] }
  const intentData = readIntentData(form)
  return {
    ...{ id: newId('cs_test', 58), secretKey, created, mode, status: 'open' },
    paymentStatus: mode === 'payment' ? 'unpaid' : 'no_payment_required',
    ...{ currency: items.currency, amountTotal: items.total, lineItems: items.lineItems },
    ...{ clientReferenceId: readReference(form), reportedReference: null, metadata: metadataOf(form) },
    ...{ customer, customerCreation: readCustomerCreation(form, customer), customerEmail: readEmail(form, customer) },
    ...{ successUrl: readSuccessUrl(form), cancelUrl: urlOf(form, 'cancel_url') },
    ...{ expiresAt: readExpiry(form, created), locale: textOf(form, 'locale'), intentData },
    adaptivePricing: isTrue(form, 'adaptive_pricing.enabled'),
    ...{ intent: null, setup: null, cardNumber: null },
  }
}

function readItems(form: Form): { currency: string; total: number; lineItems: LineItem[] } {
  const items = listOf(form, 'line_items')
  if (items.length === 0) throw missing('line_items')
  const currencies = new Set<string>()
  const lineItems = items.map((_item, index) => {
    const path = `line_items.${index}`
    if (!partOf(form, `${path}.price_data`)) throw missing(`${nameOf(path)}[price_data]`)
    const currency = readCurrency(form, `${path}.price_data.currency`)
    currencies.add(currency)
    const name = textOf(form, `${path}.price_data.product_data.name`)
    if (name === null) throw missing(nameOf(`${path}.price_data.product_data.name`))
    const unitAmount = readAmount(form, `${path}.price_data.unit_amount`, currency)
    if (unitAmount === null) throw missing(nameOf(`${path}.price_data.unit_amount`))
    const quantity = wholeOf(form, `${path}.quantity`)
    if (quantity === null || quantity < 1) throw missing(nameOf(`${path}.quantity`))
    const description = textOf(form, `${path}.price_data.product_data.description`)
    return { id: newId('li'), name, description, quantity, unitAmount }
  })
  if (currencies.size > 1) throw invalid('All line items must have the same currency.', 'line_items')
  const [currency] = [...currencies] as [string]
  const total = lineItems.reduce((sum, { quantity, unitAmount }) => sum + quantity * unitAmount, 0)
  checkLimits(total, currency, 'line_items')
  return { currency, total, lineItems }
}

function readSetupCurrency(form: Form): string {
  if (textOf(form, 'currency') === null) throw missing('currency')
  return readCurrency(form, 'currency')
}

function readIntentData(form: Form): Session['intentData'] {
  const at = 'payment_intent_data'
  return {
    description: textOf(form, `${at}.description`),
    metadata: metadataOf(form, `${at}.metadata`),
    setupFutureUsage: oneOf(form, `${at}.setup_future_usage`, ['off_session', 'on_session']),
    receiptEmail: textOf(form, `${at}.receipt_email`),
  }
}

function readReference(form: Form): string | null {
  const reference = textOf(form, 'client_reference_id')
  if (reference === null || reference.length <= REFERENCE_MAX) return reference
  throw invalid(`Invalid string: must be at most ${REFERENCE_MAX} characters`, 'client_reference_id')
}

function readCustomerCreation(form: Form, customer: string | null): Session['customerCreation'] {
  const creation = oneOf(form, 'customer_creation', ['always', 'if_required'])
  if (creation !== null && customer !== null) {
    throw invalid('You may only specify one of these parameters: customer, customer_creation.', 'customer')
  }
  return creation ?? 'if_required'
}

function readEmail(form: Form, customer: string | null): string | null {
  const email = textOf(form, 'customer_email')
  if (email === null) return null
  if (customer !== null)
    throw invalid('You may only specify one of these parameters: customer, customer_email.', 'customer')
  if (/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(email)) return email
  throw invalid(`Invalid email address: ${email}`, 'customer_email', 'email_invalid')
}

function readSuccessUrl(form: Form): string {
  const url = urlOf(form, 'success_url')
  if (url === null) throw missing('success_url')
  return url
}

function readExpiry(form: Form, created: number): number {
  const at = wholeOf(form, 'expires_at')
  if (at === null) return created + LIFE_MAX_S
  const life = at - created
  const words = 'The `expires_at` timestamp must be'
  if (life < LIFE_MIN_S - LIFE_SLACK_S) {
    throw invalid(`${words} at least 30 minutes from Checkout Session creation.`, 'expires_at')
  }
  if (life > LIFE_MAX_S + LIFE_SLACK_S) {
    throw invalid(`${words} less than 24 hours from Checkout Session creation.`, 'expires_at')
  }
  return at
}

export function findSession(st: Stripe, asked: Asked): Session {
  ownOf(st.sessions, asked, asked.id, 'checkout.session', 'session')
  const session = settleSession(st, asked.id)!
  const intent = session.intent === null ? undefined : st.intents.get(session.intent)
  if (intent) lagBehind(st, intent)
  return session
}

export function listSessions(st: Stripe, { secretKey, form }: Asked): View {
  const [intent, customer] = [textOf(form, 'payment_intent'), textOf(form, 'customer')]
  const own = st.sessions.by('owner', secretKey).filter((one) => {
    return (intent === null || one.intent === intent) && (customer === null || one.customer === customer)
  })
  return listView(form, '/v1/checkout/sessions', own, ({ id }) => sessionView(st, settleSession(st, id)!))
}

export function listLineItems(st: Stripe, asked: Asked): View {
  const session = findSession(st, asked)
  const data = lineItemView(session)
  return { object: 'list', data, has_more: false, url: `/v1/checkout/sessions/${session.id}/line_items` }
}

export function expireSession(st: Stripe, asked: Asked): View {
  const session = findSession(st, asked)
  if (session.status !== 'open') {
    throw invalid(
      `Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a status of \`${session.status}\`.`,
    )
  }
  return sessionView(st, expire(st, session))
}

function expire(st: Stripe, session: Session): Session {
  const expired = st.sessions.put(session.id, { ...session, status: 'expired' })
  // Its payment can never be made any more.
  const intent = session.intent === null ? undefined : st.intents.get(session.intent)
  if (intent && intent.status !== 'canceled') {
    const end = { status: 'canceled', canceledAt: nowSeconds(), cancellationReason: 'expired' } as const
    emitIntent(st, putIntent(st, { ...intent, ...end }), 'canceled')
  }
  emit(st, session.secretKey, 'charge', 'checkout.session.expired', sessionView(st, expired))
  return expired
}

export function expireLater(st: Stripe, { id, expiresAt }: Session): void {
  st.core.timers.at(expiresAt * 1000, () => settleSession(st, id))
}

/** The session as it is by now: its end may have come while nobody looked. */
export function settleSession(st: Stripe, id: string): Session | undefined {
  const before = st.sessions.get(id)
  const intent = before?.intent == null ? undefined : st.intents.get(before.intent)
  if (intent) settleIntent(st, intent)
  const session = st.sessions.get(id)
  if (session?.status !== 'open' || session.expiresAt * 1000 > Date.now()) return session
  return st.core.store.write(() => expire(st, session))
}

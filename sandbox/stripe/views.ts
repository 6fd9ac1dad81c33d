import { findCard, fingerprintOf, type Refusal } from './cards.ts'
import { docUrl } from './errors.ts'
import type {
  Charge,
  Customer,
  Endpoint,
  Intent,
  Method,
  Payout,
  Refund,
  Session,
  SetupIntent,
  Stripe,
  Transfer,
} from './records.ts'

/** Records as Stripe shows them: keys of the types of stripe 23.1.0 (API version 2026-10-28.endive). */
export type View = Record<string, unknown>

const nulls = (names: string): View =>
  Object.fromEntries(
    names
      .trim()
      .split(/\s+/)
      .map((name) => [name, null]),
  )
const small = (currency: string | null): string | null => currency?.toLowerCase() ?? null

export function sessionView(st: Stripe, given: Session): View {
  const session = sessionTold(st, given)
  const { id, created, mode, status, metadata, customer, locale } = session
  const isOpen = status === 'open'
  return {
    ...{ id, object: 'checkout.session' },
    ...nulls(`after_expiration allow_promotion_codes allowed_payment_method_types billing_address_collection
      client_secret collected_information consent consent_collection currency_conversion customer_account
      integration_identifier invoice managed_payments origin_context payment_link payment_method_configuration_details
      permissions recovered_from saved_payment_method_options shipping_address_collection shipping_cost submit_type
      subscription wallet_options`),
    adaptive_pricing: { enabled: session.adaptivePricing },
    ...{ amount_subtotal: session.amountTotal, amount_total: session.amountTotal, currency: small(session.currency) },
    automatic_tax: { enabled: false, liability: null, provider: null, status: null },
    ...{ cancel_url: session.cancelUrl, success_url: session.successUrl },
    client_reference_id: session.reportedReference ?? session.clientReferenceId,
    ...{ created, expires_at: session.expiresAt, livemode: false, locale, metadata, mode },
    ...{ custom_fields: [], discounts: [], shipping_options: [], payment_method_types: ['card'] },
    custom_text: nulls('after_submit shipping_address submit terms_of_service_acceptance'),
    ...{ customer, customer_creation: session.customerCreation, customer_email: session.customerEmail },
    customer_details: customerDetails(session),
    invoice_creation: mode === 'payment' ? invoiceCreation() : null,
    ...{ payment_intent: session.intent, setup_intent: session.setup },
    ...{ payment_method_collection: 'if_required', payment_method_options: {}, payment_status: session.paymentStatus },
    ...{ phone_number_collection: { enabled: false }, status, ui_mode: 'hosted_page' },
    total_details: mode === 'payment' ? { amount_discount: 0, amount_shipping: 0, amount_tax: 0 } : null,
    url: isOpen ? `${st.core.baseUrl}/c/pay/${id}` : null,
  }
}

/** Where the answer lags behind: what was before the success. A card's page was open and had no intent yet. */
function sessionTold(st: Stripe, session: Session): Session {
  if (session.intent === null || st.behind !== session.intent) return session
  if (isSlow(st, st.intents.get(session.intent)?.method ?? null)) return { ...session, paymentStatus: 'unpaid' }
  return { ...session, status: 'open', paymentStatus: 'unpaid', intent: null }
}

function intentTold(st: Stripe, intent: Intent): Intent {
  if (st.behind !== intent.id) return intent
  const latestCharge = isSlow(st, intent.method) ? intent.latestCharge : null
  return { ...intent, status: 'processing', amountReceived: 0, latestCharge }
}

const typeOf = ({ type = 'card' }: Method): string => type

function isSlow(st: Stripe, methodId: string | null): boolean {
  const method = methodId === null ? undefined : st.methods.get(methodId)
  return method !== undefined && typeOf(method) !== 'card'
}

function customerDetails({ customerEmail: email, status }: Session): View | null {
  if (email === null && status !== 'complete') return null
  return { ...nulls('address business_name individual_name name phone tax_ids'), email, tax_exempt: 'none' }
}

function invoiceCreation(): View {
  const data = nulls('account_tax_ids custom_fields description footer issuer rendering_options')
  return { enabled: false, invoice_data: { ...data, metadata: {} } }
}

export function lineItemView(session: Session): View[] {
  const currency = small(session.currency)
  return session.lineItems.map(({ id, name, quantity, unitAmount }) => ({
    ...{ id, object: 'item', adjustable_quantity: null, currency, description: name, quantity },
    ...{
      amount_discount: 0,
      amount_subtotal: unitAmount * quantity,
      amount_tax: 0,
      amount_total: unitAmount * quantity,
    },
    ...{ metadata: {}, price: priceView(id, session, unitAmount) },
  }))
}

function priceView(id: string, { created, currency }: Session, unitAmount: number): View {
  return {
    ...{ id: `price_${id.slice(3)}`, object: 'price', active: false, billing_scheme: 'per_unit', created },
    ...{ currency: small(currency), custom_unit_amount: null, livemode: false, lookup_key: null, metadata: {} },
    ...{ nickname: null, product: `prod_${id.slice(3, 17)}`, recurring: null, tax_behavior: 'unspecified' },
    ...{ tiers_mode: null, transform_quantity: null, type: 'one_time', unit_amount: unitAmount },
    unit_amount_decimal: String(unitAmount),
  }
}

export function intentView(st: Stripe, given: Intent): View {
  const intent = intentTold(st, given)
  const method = intent.method === null ? undefined : st.methods.get(intent.method)
  const { id, created, amount, currency, status, customer, description, metadata } = intent
  return {
    ...{ id, object: 'payment_intent' },
    ...nulls(`allowed_payment_method_types application application_fee_amount customer_account
      excluded_payment_method_types managed_payments on_behalf_of payment_method_configuration_details payment_record
      processing review shipping source statement_descriptor statement_descriptor_suffix transfer_data transfer_group`),
    ...{ amount, amount_capturable: 0, amount_details: { tip: {} }, amount_received: intent.amountReceived },
    automatic_payment_methods: intent.session === null ? { allow_redirects: 'always', enabled: true } : null,
    ...{ canceled_at: intent.canceledAt, cancellation_reason: intent.cancellationReason },
    ...{ capture_method: 'automatic_async', client_secret: `${id}_secret_${id.slice(-12)}` },
    ...{ confirmation_method: 'automatic', created, currency: small(currency), customer, description },
    last_payment_error: intentError(st, intent),
    ...{ latest_charge: intent.latestCharge, livemode: false, metadata },
    next_action: status === 'requires_action' ? { type: 'use_stripe_sdk', use_stripe_sdk: { type: '3ds' } } : null,
    ...{ payment_method: intent.method, payment_method_types: [method ? typeOf(method) : 'card'] },
    ...{ receipt_email: intent.receiptEmail },
    payment_method_options: {
      card: { installments: null, mandate_options: null, network: null, request_three_d_secure: 'automatic' },
    },
    ...{ setup_future_usage: intent.setupFutureUsage, status },
  }
}

function intentError(st: Stripe, { lastError }: Intent): View | null {
  if (lastError === null) return null
  const method = st.methods.get(lastError.method)
  return {
    ...refusalView(lastError),
    ...(lastError.charge !== null && { charge: lastError.charge }),
    ...(method && { payment_method: methodView(method) }),
  }
}

/** A refusal as `last_payment_error`, `last_setup_error` and a 402 tell it. */
export function refusalView({ code, declineCode, message }: Refusal): View {
  const advice = code === 'card_declined' || code === 'processing_error' ? 'try_again_later' : 'confirm_card_data'
  return { advice_code: advice, code, decline_code: declineCode, doc_url: docUrl(code), message, type: 'card_error' }
}

export function setupView(st: Stripe, setup: SetupIntent): View {
  const { id, created, status, customer, description, metadata, usage, lastError } = setup
  const method = lastError && st.methods.get(lastError.method)
  return {
    ...{ id, object: 'setup_intent' },
    ...nulls(`allowed_payment_method_types application automatic_payment_methods customer_account
      excluded_payment_method_types flow_directions latest_attempt managed_payments mandate next_action on_behalf_of
      payment_method_configuration_details single_use_mandate`),
    ...{ cancellation_reason: setup.cancellationReason, client_secret: `${id}_secret_${id.slice(-12)}`, created },
    ...{ customer, description, livemode: false, metadata, payment_method: setup.method },
    last_setup_error: lastError && { ...refusalView(lastError), ...(method && { payment_method: methodView(method) }) },
    payment_method_options: { card: { mandate_options: null, network: null, request_three_d_secure: 'automatic' } },
    ...{ payment_method_types: ['card'], status, usage },
  }
}

export function chargeView(st: Stripe, given: Charge): View {
  const charge: Charge = st.behind === given.intent ? { ...given, status: 'pending' } : given
  const { id, created, amount, amountRefunded, currency, status, customer, refusal, metadata } = charge
  const isPaid = status === 'succeeded'
  const method = st.methods.get(charge.method)!
  return {
    ...{ id, object: 'charge' },
    ...nulls(`application application_fee application_fee_amount failure_balance_transaction on_behalf_of receipt_email
      receipt_number receipt_url review shipping source source_transfer statement_descriptor
      statement_descriptor_suffix transfer_data transfer_group`),
    ...{ amount, amount_captured: isPaid ? amount : 0, amount_refunded: amountRefunded, currency: small(currency) },
    ...{ balance_transaction: isPaid ? `txn_${id.slice(3)}` : null, billing_details: billingView(method) },
    ...{ calculated_statement_descriptor: 'SANDBOX', captured: isPaid, created, customer },
    ...{ description: charge.description, disputed: false, fraud_details: {}, livemode: false, metadata },
    ...{ failure_code: refusal?.code ?? null, failure_message: refusal?.message ?? null, outcome: outcomeView(charge) },
    ...{ paid: isPaid, payment_intent: charge.intent, payment_method: charge.method },
    payment_method_details: { [typeOf(method)]: chargedView(method, amount), type: typeOf(method) },
    ...{ radar_options: {}, refunded: amountRefunded > 0 && amountRefunded === amount, status },
  }
}

function outcomeView({ refusal, status }: Charge): View | null {
  if (status === 'pending') return null
  const codes = nulls('network_advice_code network_decline_code')
  const risk = { risk_level: 'normal', risk_score: 20 }
  if (refusal === null) {
    const words = { reason: null, seller_message: 'Payment complete.', type: 'authorized' }
    return { advice_code: null, ...codes, network_status: 'approved_by_network', ...risk, ...words }
  }
  const words = {
    reason: refusal.declineCode,
    seller_message: 'The bank declined the payment.',
    type: 'issuer_declined',
  }
  const advice_code = refusal.code === 'expired_card' ? 'do_not_try_again' : 'try_again_later'
  return { advice_code, ...codes, network_status: 'declined_by_network', ...risk, ...words }
}

function chargedView(method: Method, amount: number): View {
  const type = typeOf(method)
  if (type === 'card') return chargedCardView(method, amount)
  return { ...ACCOUNTS[type], ...(type === 'us_bank_account' && { payment_reference: null }) }
}

/** What is told of a bank account that was debited; other ways to pay tell nothing here. */
const ACCOUNTS: Readonly<Record<string, View>> = {
  us_bank_account: {
    ...{ account_holder_type: 'individual', account_type: 'checking', bank_name: 'STRIPE TEST BANK' },
    ...{ financial_connections_account: null, fingerprint: 'ih3foEu4WwrMsLFJ', last4: '6789' },
    ...{ networks: { preferred: 'ach', supported: ['ach'] }, routing_number: '110000000', status_details: {} },
  },
  sepa_debit: {
    ...{ bank_code: '37040044', branch_code: '', country: 'DE', fingerprint: 'vIZc7Ywn0', generated_from: null },
    last4: '3000',
  },
}

const CHECKS = { address_line1_check: null, address_postal_code_check: null, cvc_check: 'pass' }
const EXPIRY = { exp_month: 12, exp_year: 2034 }

function chargedCardView({ cardNumber, secretKey }: Method, amount: number): View {
  const { brand } = findCard(cardNumber)
  return {
    ...{ amount_authorized: amount, authorization_code: '123456', brand, checks: CHECKS, country: 'US', ...EXPIRY },
    ...{ extended_authorization: { status: 'disabled' }, fingerprint: fingerprintOf(secretKey, cardNumber) },
    ...{ funding: 'credit', last4: cardNumber.slice(-4), network: brand, regulated_status: 'unregulated' },
    ...nulls(`electronic_commerce_indicator installments mandate network_transaction_id three_d_secure
      transaction_link_id wallet`),
  }
}

export function methodView(method: Method): View {
  const { id, created, customer, metadata } = method
  const type = typeOf(method)
  return {
    ...{ id, object: 'payment_method', allow_redisplay: 'limited', billing_details: billingView(method) },
    [type]: type === 'card' ? cardView(method) : (ACCOUNTS[type] ?? {}),
    ...{ created, customer, customer_account: null, livemode: false, metadata, type },
  }
}

function cardView({ cardNumber, secretKey }: Method): View {
  const { brand } = findCard(cardNumber)
  return {
    ...{ brand, checks: CHECKS, country: 'US', display_brand: brand, ...EXPIRY },
    ...{ fingerprint: fingerprintOf(secretKey, cardNumber), funding: 'credit', generated_from: null },
    ...{ last4: cardNumber.slice(-4), networks: { available: [brand], preferred: null } },
    ...{ regulated_status: 'unregulated', three_d_secure_usage: { supported: true }, wallet: null },
  }
}

function billingView({ email }: Method): View {
  return { ...nulls('address name phone tax_id'), email }
}

export function customerView(customer: Customer): View {
  const { id, created, email, name, phone, description, metadata } = customer
  return {
    ...{ id, object: 'customer', address: null, balance: 0, created, currency: null, default_source: null },
    ...{ delinquent: false, description, discount: null, email, invoice_prefix: id.slice(-8).toUpperCase() },
    invoice_settings: nulls('custom_fields default_payment_method footer rendering_options'),
    ...{ livemode: false, metadata, name, next_invoice_sequence: 1, phone, preferred_locales: [] },
    ...{ shipping: null, tax_exempt: 'none', test_clock: null },
  }
}

export function refundView(refund: Refund): View {
  const { id, created, amount, currency, charge, intent, metadata, reason, status } = refund
  return {
    ...{ id, object: 'refund', amount, balance_transaction: `txn_${id.slice(3)}`, charge, created },
    ...{ currency: small(currency), customer: null, customer_account: null, metadata },
    destination_details: {
      card: { reference_status: 'pending', reference_type: 'acquirer_reference_number', type: 'refund' },
      type: 'card',
    },
    ...(status === 'failed' && {
      ...{ failure_balance_transaction: `txn_f${id.slice(4)}`, failure_reason: 'expired_or_canceled_card' },
    }),
    ...{ payment_intent: intent, payment_method: refund.method, reason, receipt_number: null },
    ...(status === 'pending' && { pending_reason: 'processing' }),
    ...{ source_transfer_reversal: null, status, transfer_reversal: null },
  }
}

/** Days until the money is there. */
const ARRIVAL_SECONDS = 2 * 86_400

export function payoutView(payout: Payout): View {
  const { id, created, amount, currency, description, destination, metadata, method, status } = payout
  const failed = status === 'failed'
  return {
    ...{ id, object: 'payout', amount, arrival_date: created + ARRIVAL_SECONDS, automatic: false },
    ...nulls('application_fee application_fee_amount original_payout payout_method reversed_by trace_id'),
    ...{ balance_transaction: `txn_${id.slice(3)}`, created, currency: small(currency), description },
    ...{ destination: destination ?? 'ba_1SandboxBankAccount0001', livemode: false, metadata, method },
    failure_balance_transaction: failed ? `txn_f${id.slice(4)}` : null,
    failure_code: failed ? 'account_closed' : null,
    failure_message: failed ? 'The bank account has been closed.' : null,
    ...{ reconciliation_status: 'not_applicable', source_type: 'card' },
    ...{ statement_descriptor: payout.statementDescriptor, status, type: 'bank_account' },
  }
}

export function transferView(transfer: Transfer): View {
  const { id, created, amount, currency, description, destination, metadata } = transfer
  const reversals = { object: 'list', data: [], has_more: false, total_count: 0, url: `/v1/transfers/${id}/reversals` }
  return {
    ...{ id, object: 'transfer', amount, amount_reversed: 0, balance_transaction: `txn_${id.slice(3)}`, created },
    ...{ currency: small(currency), description, destination, destination_payment: `py_${id.slice(3)}` },
    ...{ livemode: false, metadata, reversals, reversed: false, source_transaction: null, source_type: 'card' },
    transfer_group: transfer.transferGroup,
  }
}

export function endpointView(endpoint: Endpoint, apiVersion: string): View {
  const { id, created, url, enabledEvents, description, metadata } = endpoint
  return {
    ...{ id, object: 'webhook_endpoint', api_version: apiVersion, application: null, created, description },
    ...{ enabled_events: enabledEvents, livemode: false, metadata, status: 'enabled', url },
  }
}

/** Stripe's share: 2.9 % and thirty of the least unit; nothing here depends on its being right. */
const feeOf = (amount: number): number => Math.round(amount * 0.029) + 30

export function balanceTransactionView(charge: Charge): View {
  const { id, created, amount, currency, description } = charge
  const fee = feeOf(amount)
  const detail = { amount: fee, application: null, currency: small(currency), description: 'Stripe processing fees' }
  return {
    ...{ id: `txn_${id.slice(3)}`, object: 'balance_transaction', amount, available_on: created + ARRIVAL_SECONDS },
    ...{ balance_type: 'payments', created, currency: small(currency), description, exchange_rate: null, fee },
    ...{ fee_details: [{ ...detail, type: 'stripe_fee' }], net: amount - fee, reporting_category: 'charge' },
    ...{ source: id, status: 'pending', type: 'charge' },
  }
}

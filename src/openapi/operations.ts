import { businessErrors } from '../domain/businesses/errors.ts'
import { customerErrors } from '../domain/customers/errors.ts'
import { erasureErrors } from '../domain/erasures/errors.ts'
import { hookErrors } from '../domain/hooks/errors.ts'
import { channelErrors } from '../domain/payment-channels/errors.ts'
import { paymentMethodErrors } from '../domain/payment-methods/errors.ts'
import { paymentRequestErrors } from '../domain/payment-requests/errors.ts'
import { subscriptionPlanErrors } from '../domain/subscription-plans/errors.ts'
import { subscriptionErrors } from '../domain/subscriptions/errors.ts'
import { type ErrorRow, httpErrors } from '../platform/errors.ts'

/** What the published document says of an operation beyond its route. */
export interface Operation {
  /** The name of its function in a generated client: stable, as the address is. */
  readonly id: string
  /** Errors that it can give beyond those of its kind (see `failures.ts`). */
  readonly errors?: readonly ErrorRow[]
  /** One of these fields of its body is needed. */
  readonly oneOf?: readonly string[]
  /** This field of its body is needed unless one of those is there. */
  readonly unless?: Readonly<Record<string, readonly string[]>>
}

const { notFound } = httpErrors
const { alreadySubscribed, inactive, beingPaid, nameTaken, hasSubscribers } = subscriptionPlanErrors
const { notRelayable, processing, beingConfirmed, busy, duplicateReference } = paymentRequestErrors
const { currencyNotSupported, amountTooSmall, amountTooLarge, notConnected, refused, unavailable } = channelErrors

/** Opening a page at one channel. */
const opening = [notConnected, currencyNotSupported, amountTooSmall, amountTooLarge, refused, unavailable]
const ending = [notRelayable, processing, beingConfirmed]
/** A new payment request: somewhere, for somebody; or what became of it, for a repeated call after a crash. */
const initiating = [...opening, ...ending, busy, channelErrors.noPaymentChannel, duplicateReference, notFound]
const ofPlan = [alreadySubscribed, inactive]
const charging = [
  ...[...initiating, ...ofPlan, beingPaid, channelErrors.operationNotSupported],
  ...[paymentMethodErrors.notReusable, paymentRequestErrors.declined, paymentRequestErrors.payerActionRequired],
]
const customerFields = ['customer_uuid', 'customer_email', 'customer']
const changingPrice = [nameTaken, amountTooSmall, amountTooLarge, channelErrors.noPaymentChannel]

/** In the order in which the document offers them, by method and path. A route that is missing here cannot be published: `npm run generate` says so. */
export const operations: Readonly<Record<string, Operation>> = {
  'POST /v1/payment-requests': {
    id: 'initiatePaymentRequest',
    errors: [...initiating, ...ofPlan],
    oneOf: customerFields,
    unless: { amount: ['subscription_plan_uuid'] },
  },
  'GET /v1/payment-requests': { id: 'listPaymentRequests' },
  'GET /v1/payment-requests/retrieve-by-ref/{ref}': { id: 'retrievePaymentRequest' },
  'POST /v1/payment-requests/relay': {
    id: 'relayPaymentRequest',
    errors: [...opening, ...ending, busy, notFound],
  },
  'PATCH /v1/payment-requests/{ref}/cancel': { id: 'cancelPaymentRequest', errors: ending },
  'PATCH /v1/payment-requests/{ref}/verify': { id: 'verifyPaymentRequest', errors: [refused, unavailable] },
  'POST /v1/payment-requests/subscribe-to-plan': {
    id: 'subscribeToPlan',
    errors: [...initiating, ...ofPlan],
    oneOf: customerFields,
  },
  'POST /v1/payment-requests/save-payment-method': {
    id: 'savePaymentMethod',
    errors: [...initiating, channelErrors.operationNotSupported],
    oneOf: customerFields,
  },
  'POST /v1/payment-requests/charge-payment-method': {
    id: 'chargePaymentMethod',
    errors: charging,
    oneOf: ['customer_uuid', 'customer_email'],
    unless: { amount: ['subscription_plan_uuid'] },
  },

  'GET /v1/payment-channels': { id: 'listPaymentChannels' },
  'GET /v1/payment-channels/route': { id: 'explainRoute' },
  'PUT /v1/payment-channels/route': { id: 'updateRoute' },

  'POST /v1/customers': {
    id: 'createCustomer',
    errors: [customerErrors.alreadyExists],
    unless: { first_name: ['name'], last_name: ['name'] },
  },
  'GET /v1/customers': { id: 'listCustomers' },
  'GET /v1/customers/{uuid}': { id: 'retrieveCustomer' },
  'PUT /v1/customers/{uuid}': { id: 'updateCustomer', errors: [customerErrors.alreadyExists] },
  'DELETE /v1/customers/{uuid}': { id: 'deleteCustomer', errors: [erasureErrors.stillActive] },
  'GET /v1/customers/{uuid}/export': { id: 'exportCustomer' },
  'GET /v1/customers/{uuid}/payment-methods': { id: 'listPaymentMethods' },
  'DELETE /v1/customers/{uuid}/payment-methods/{method_uuid}': { id: 'deletePaymentMethod' },
  'PATCH /v1/customers/{uuid}/payment-methods/{method_uuid}/default': { id: 'setDefaultPaymentMethod' },
  'POST /v1/customers/{uuid}/portal-link': { id: 'createPortalLink' },

  'POST /v1/subscription-plans': { id: 'createSubscriptionPlan', errors: changingPrice },
  'GET /v1/subscription-plans': { id: 'listSubscriptionPlans' },
  'GET /v1/subscription-plans/{uuid}': { id: 'retrieveSubscriptionPlan' },
  'PUT /v1/subscription-plans/{uuid}': {
    id: 'updateSubscriptionPlan',
    errors: [...changingPrice, hasSubscribers],
  },
  'DELETE /v1/subscription-plans/{uuid}': { id: 'deleteSubscriptionPlan' },
  'PATCH /v1/subscription-plans/{uuid}/activate': { id: 'activateSubscriptionPlan' },
  'PATCH /v1/subscription-plans/{uuid}/deactivate': { id: 'deactivateSubscriptionPlan' },
  'POST /v1/subscriptions/generate-url': {
    id: 'generateSubscriptionUrl',
    errors: [...ofPlan, notFound],
  },

  'POST /v1/subscriptions': { id: 'createSubscription', errors: charging },
  'GET /v1/subscriptions': { id: 'listSubscriptions' },
  'GET /v1/subscriptions/{uuid}': { id: 'retrieveSubscription' },
  'PUT /v1/subscriptions/{uuid}': {
    id: 'updateSubscription',
    errors: [subscriptionErrors.state, ...ofPlan, paymentMethodErrors.notReusable, notConnected],
    oneOf: ['subscription_plan_uuid', 'payment_method_uuid'],
  },
  'PATCH /v1/subscriptions/{uuid}/cancel': { id: 'cancelSubscription', errors: [subscriptionErrors.state] },
  'PATCH /v1/subscriptions/{uuid}/pause': { id: 'pauseSubscription', errors: [subscriptionErrors.state] },
  'PATCH /v1/subscriptions/{uuid}/resume': { id: 'resumeSubscription', errors: [subscriptionErrors.state] },

  'POST /v1/webhook-endpoints': { id: 'createWebhookEndpoint' },
  'GET /v1/webhook-endpoints': { id: 'listWebhookEndpoints' },
  'GET /v1/webhook-endpoints/{uuid}': { id: 'retrieveWebhookEndpoint' },
  'PUT /v1/webhook-endpoints/{uuid}': { id: 'updateWebhookEndpoint' },
  'DELETE /v1/webhook-endpoints/{uuid}': { id: 'deleteWebhookEndpoint' },
  'PATCH /v1/webhook-endpoints/{uuid}/roll-secret': { id: 'rollWebhookSecret' },
  'POST /v1/webhook-endpoints/{uuid}/replay': { id: 'replayWebhooks' },
  'GET /v1/webhook-endpoints/{uuid}/deliveries': { id: 'listWebhookDeliveries' },
  'GET /v1/events': { id: 'listEvents' },

  'GET /v1/business': { id: 'retrieveBusiness' },
  'PUT /v1/business': { id: 'updateBusiness' },
  'GET /v1/test-clock': { id: 'retrieveTestClock' },
  'POST /v1/test-clock/advance': {
    id: 'advanceTestClock',
    errors: [businessErrors.testClockInLiveMode, businessErrors.testClockBusy, businessErrors.testClockNotThereYet],
    oneOf: ['days', 'to'],
  },

  'POST /v1/sdk/initialize-payment-request': {
    id: 'initializeSdkPaymentRequest',
    errors: [...initiating, ...ofPlan],
    oneOf: customerFields,
    unless: { amount: ['subscription_plan_uuid', 'subscription_plan_link'] },
  },
  'POST /v1/sdk/generate-subscription-url': {
    id: 'generateSdkSubscriptionUrl',
    errors: [...ofPlan, notFound],
  },

  'POST /v1/system/hooks/{token}/{channel}': { id: 'receiveProviderWebhook', errors: [hookErrors.badSignature] },
}

/** What a tag holds. */
export const tags: Readonly<Record<string, string>> = {
  'Payment requests': 'Ask a customer for money: initiate, send them to the page, follow what becomes of it.',
  'Payment channels': 'Which providers there are, what each can do, and which one would take a payment.',
  Customers: 'Who pays, and the payment methods that they saved.',
  'Subscription plans': 'What is sold again and again, and at which price.',
  Subscriptions: 'Who pays for a plan, until when, and by which method.',
  Webhooks: 'Where your server is told of events, what was delivered, and every event for catching up.',
  Business: "The key's own business, and the clock of its test mode.",
  SDK: "What a buyer's browser calls with a public key.",
  'Provider webhooks': 'What providers call. Each authenticates itself by its signature over the body.',
  Events: 'What your server is sent. Acknowledge with any 2xx; a delivery that is not acknowledged is tried again.',
}

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Json } from './shape.ts'

/** Examples, by the id of the operation: bodies that are taken as they stand, and answers that were given. */

const customer = '01980000-0000-7000-8000-00000000000a'
const plan = '01980000-0000-7000-8000-00000000000b'
const method = '01980000-0000-7000-8000-00000000000c'

export const bodies: Readonly<Record<string, Json>> = {
  initiatePaymentRequest: {
    customer_email: 'ada@example.com',
    amount: '4500',
    currency: 'NGN',
    description: 'Two bolts of cloth',
    reference: 'order-1042',
    success_redirect_url: 'https://shop.example/thanks',
  },
  relayPaymentRequest: { payment_request_ref: 'order-1042', payment_channel: 'flutterwave' },
  subscribeToPlan: { customer_email: 'ada@example.com', subscription_plan_uuid: plan },
  savePaymentMethod: { customer_email: 'ada@example.com', payment_channel: 'paystack' },
  chargePaymentMethod: { customer_uuid: customer, payment_method_uuid: method, amount: '4500', currency: 'NGN' },
  updateRoute: { route_by: 'success_rate' },
  createCustomer: { email: 'kofi@example.com', first_name: 'Kofi', last_name: 'Mensah' },
  updateCustomer: { phone_code: '+233', phone_number: '241234567' },
  createPortalLink: { return_url: 'https://shop.example/account', send: false },
  createSubscriptionPlan: { name: 'Cloth of the month', interval: 'monthly', amount: '4500', currency: 'NGN' },
  updateSubscriptionPlan: { amount: '5000', update_existing_subscriptions: true },
  generateSubscriptionUrl: { customer_uuid: customer, subscription_plan_uuid: plan },
  createSubscription: { customer_uuid: customer, subscription_plan_uuid: plan, payment_method_uuid: method },
  updateSubscription: { payment_method_uuid: method },
  createWebhookEndpoint: { url: 'https://shop.example/hooks', events: ['payment.completed.successfully'] },
  updateWebhookEndpoint: { is_enabled: false },
  replayWebhooks: { failed: true },
  updateBusiness: { default_redirect_url: 'https://shop.example/thanks', send_subscription_mails: true },
  advanceTestClock: { days: 30 },
  initializeSdkPaymentRequest: { customer_email: 'ada@example.com', amount: '4500', currency: 'NGN' },
  generateSdkSubscriptionUrl: { customer_uuid: customer, subscription_plan_uuid: plan },
}

/** As the sandbox's flows gave them; only addresses and secrets are made up. */
export const answers: Readonly<Record<string, Json>> = JSON.parse(
  readFileSync(join(import.meta.dirname, 'answers.json'), 'utf8'),
)

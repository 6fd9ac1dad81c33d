/**
 * What the APIs that people come from call a field of ours, or the nearest thing: another name → ours. Only ever
 * suggested, and only where the body has ours.
 */
export const otherNames: Readonly<Record<string, string>> = {
  // Paystack: POST /transaction/initialize
  callback_url: 'success_redirect_url',
  channel: 'payment_channel',
  channels: 'payment_channel',
  email: 'customer_email',
  plan: 'subscription_plan_uuid',
  authorization_code: 'payment_method_uuid',
  // Flutterwave: POST /v3/payments
  redirect_url: 'success_redirect_url',
  tx_ref: 'reference',
  payment_plan: 'subscription_plan_uuid',
  meta: 'meta_data',
  // Stripe: POST /v1/checkout/sessions, /v1/payment_intents
  success_url: 'success_redirect_url',
  return_url: 'success_redirect_url',
  cancel_url: 'failure_redirect_url',
  client_reference_id: 'reference',
  payment_method: 'payment_method_uuid',
  price: 'subscription_plan_uuid',
  // Elsewhere in this API, and in the words of its SDKs
  plan_uuid: 'subscription_plan_uuid',
  customer_id: 'customer_uuid',
  ref: 'reference',
  payment_reference: 'reference',
  success_callback_url: 'success_redirect_url',
  failure_url: 'failure_redirect_url',
  webhook: 'webhook_url',
}

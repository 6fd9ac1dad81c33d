import { type Static, Type } from 'typebox'
import type { FieldErrors } from '../../platform/errors.ts'
import { amountErrorOf } from '../../platform/money.ts'
import { withCheck } from '../../platform/validation.ts'
import { checkMetaData, metaDataInput } from '../../platform/wire.ts'
import { checkCurrency } from '../businesses/schema.ts'
import { checkCustomerMetaData, customerFields, email } from '../customers/schema.ts'

/** Major units as text or number; what a currency allows is checked with it. */
const amount = Type.Unsafe<string | number>({
  type: ['string', 'number'],
  description: 'Major units, e.g. "100.50" or 100.5',
})

const redirectUrl = Type.String({ format: 'http-url', maxLength: 2048 })

export const initiateFields = {
  customer_uuid: Type.Optional(Type.String({ format: 'uuid' })),
  customer_email: Type.Optional(email),
  customer: Type.Optional(Type.Object({ email, ...customerFields })),
  amount: Type.Optional(amount),
  currency: Type.Optional(Type.String({ description: 'ISO 4217; the base currency of the business unless told' })),
  description: Type.Optional(Type.String({ maxLength: 500 })),
  reference: Type.Optional(Type.String({ format: 'visible', maxLength: 100 })),
  payment_channel: Type.Optional(Type.String({ maxLength: 50 })),
  success_redirect_url: Type.Optional(redirectUrl),
  failure_redirect_url: Type.Optional(redirectUrl),
  cancel_redirect_url: Type.Optional(redirectUrl),
  subscription_plan_uuid: Type.Optional(Type.String({ format: 'uuid' })),
  extend_subscription_by: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 100,
      description: "Pays the plan's price so many times and moves the end of the subscription on by as many periods",
    }),
  ),
  save_payment_method: Type.Optional(Type.Union([Type.Boolean(), Type.Literal(1), Type.Literal(0)])),
  is_trial: Type.Optional(
    Type.Union([Type.Boolean(), Type.Literal(1), Type.Literal(0)], {
      description: 'With a plan: charges only the smallest sum that lets the channel keep the method',
    }),
  ),
  meta_data: Type.Optional(metaDataInput),
  metadata: Type.Optional(metaDataInput),
}

export const checkInitiate = (body: Record<string, unknown>): FieldErrors => ({
  ...checkCustomer(body),
  ...checkAmount(body),
  ...checkPlan(body),
  ...checkCurrency(body, 'currency'),
  ...checkMetaData(body),
  ...checkCustomerMetaData(body.customer),
})

export const initiateSchema = withCheck(Type.Object(initiateFields), checkInitiate)

export type Initiate = Static<typeof initiateSchema>

/** With what only the SDKs may say. */
export type InitiateBody = Initiate & {
  logo?: string
  amount_token?: string
  /** A plan's `link_id` or its link. */
  subscription_plan_link?: string
}

export const subscribeToPlanSchema = withCheck(
  Type.Object({ ...initiateFields, subscription_plan_uuid: Type.String({ format: 'uuid' }) }),
  (body) => checkInitiate({ subscription_plan_uuid: '', ...body }),
)

export const relaySchema = Type.Object({
  payment_request_ref: Type.String({ minLength: 1, maxLength: 100 }),
  payment_channel: Type.String({ minLength: 1, maxLength: 50 }),
})

export type Relay = Static<typeof relaySchema>

export function checkCustomer(body: Record<string, unknown>): FieldErrors {
  if (body.customer_uuid !== undefined || body.customer_email !== undefined || body.customer !== undefined) return {}
  return { customer_uuid: ['One of customer_uuid, customer_email and customer is required.'] }
}

export function checkPlan(body: Record<string, unknown>): FieldErrors {
  if (body.extend_subscription_by === undefined) return {}
  if (body.subscription_plan_uuid === undefined) {
    return { subscription_plan_uuid: ['The subscription_plan_uuid field is required with extend_subscription_by.'] }
  }
  return body.is_trial ? { is_trial: ['A trial cannot be extended: send is_trial or extend_subscription_by.'] } : {}
}

export function checkAmount(body: Record<string, unknown>): FieldErrors {
  if (body.amount === undefined) {
    return body.subscription_plan_uuid === undefined ? { amount: ['The amount field is required.'] } : {}
  }
  const words = amountErrorOf(body.amount, body.currency)
  return words === null ? {} : { amount: [words] }
}

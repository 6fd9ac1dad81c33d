import { type Static, Type } from 'typebox'
import type { FieldErrors } from '../../platform/errors.ts'
import { withCheck } from '../../platform/validation.ts'
import { checkMetaData } from '../../platform/wire.ts'
import { checkCurrency } from '../businesses/schema.ts'
import { checkCustomerMetaData } from '../customers/schema.ts'
import { checkAmount, checkCustomer, checkPlan, initiateFields } from './schema.ts'

/** What saving a method and charging it are asked with. */

/** As initiating; the sum is what the channel needs, and the description ours. */
export const saveMethodSchema = withCheck(
  Type.Object({
    customer_uuid: initiateFields.customer_uuid,
    customer_email: initiateFields.customer_email,
    customer: initiateFields.customer,
    currency: initiateFields.currency,
    reference: initiateFields.reference,
    payment_channel: initiateFields.payment_channel,
    success_redirect_url: initiateFields.success_redirect_url,
    failure_redirect_url: initiateFields.failure_redirect_url,
    cancel_redirect_url: initiateFields.cancel_redirect_url,
    meta_data: initiateFields.meta_data,
    metadata: initiateFields.metadata,
  }),
  (body) => ({
    ...checkCustomer(body),
    ...checkCurrency(body, 'currency'),
    ...checkMetaData(body),
    ...checkCustomerMetaData(body.customer),
  }),
)

export type SaveMethod = Static<typeof saveMethodSchema>

export const chargeMethodSchema = withCheck(
  Type.Object({
    customer_uuid: initiateFields.customer_uuid,
    customer_email: initiateFields.customer_email,
    payment_method_uuid: Type.String({ format: 'uuid' }),
    amount: initiateFields.amount,
    currency: initiateFields.currency,
    description: initiateFields.description,
    reference: initiateFields.reference,
    subscription_plan_uuid: initiateFields.subscription_plan_uuid,
    extend_subscription_by: initiateFields.extend_subscription_by,
    is_trial: initiateFields.is_trial,
    meta_data: initiateFields.meta_data,
    metadata: initiateFields.metadata,
  }),
  (body) => ({
    ...checkPayer(body),
    ...checkAmount(body),
    ...checkPlan(body),
    ...checkCurrency(body, 'currency'),
    ...checkMetaData(body),
  }),
)

export type ChargeMethod = Static<typeof chargeMethodSchema>

/** Whose method it is; nobody who has none can be charged. */
function checkPayer(body: Record<string, unknown>): FieldErrors {
  if (body.customer_uuid !== undefined || body.customer_email !== undefined) return {}
  return { customer_uuid: ['One of customer_uuid and customer_email is required.'] }
}

import { type Static, Type } from 'typebox'
import { withCheck } from '../../platform/validation.ts'
import { nullable, optionalText, text } from '../../platform/wire.ts'
import { businessSchema } from '../businesses/schema.ts'
import { paymentChannelSchema } from '../payment-channels/schema.ts'
import { checkInitiate, initiateFields, requestFields, requestSchema } from '../payment-requests/schema.ts'

/** What the published SDKs send: an initiation, and what only a checkout shows. Unknown fields are ignored. */
export const sdkInitiateSchema = withCheck(
  Type.Object({
    ...initiateFields,
    subscription_plan_link: Type.Optional(
      Type.String({ minLength: 1, maxLength: 500, description: "The plan's link_id or its link" }),
    ),
    logo: Type.Optional(
      Type.String({ format: 'http-url', maxLength: 2048, description: "Shown instead of the business's own" }),
    ),
  }),
  (body) =>
    checkInitiate({ ...body, subscription_plan_uuid: body.subscription_plan_uuid ?? body.subscription_plan_link }),
)
export type SdkInitiate = Static<typeof sdkInitiateSchema>

const { uuid, ref, ...others } = requestFields(['customer', 'business'])

/** The payment request as the SDKs get it: with the checkout's address and the channels that its business has open. */
export const sdkRequestSchema = Type.Object({
  uuid,
  ref,
  checkout_url: text,
  ...others,
  business: Type.Object({ ...businessSchema.properties, active_payment_channels: Type.Array(paymentChannelSchema) }),
})
export const sdkOpenedSchema = Type.Object({
  payment_request: sdkRequestSchema,
  should_redirect: Type.Boolean(),
  action: text,
})

/** What the page asks for while it waits; changes are pushed in the same form. */
export const checkoutStateSchema = Type.Object({
  status: text,
  attempt: nullable(
    Type.Object({
      channel: text,
      channelName: text,
      status: text,
      reason: optionalText,
      action: optionalText,
    }),
  ),
  paymentRequest: nullable(requestSchema(['customer'])),
})

export const checkoutRelaySchema = Type.Object({
  payment_channel: Type.String({ minLength: 1, maxLength: 50 }),
  via: Type.Optional(Type.Unsafe<'page' | 'window'>({ type: 'string', enum: ['page', 'window'] })),
})

import { type Static, Type } from 'typebox'
import { withCheck } from '../../platform/validation.ts'
import { nullable, optionalText, text } from '../../platform/wire.ts'
import { businessSchema } from '../businesses/schema.ts'
import { sentCustomerSchema } from '../customers/schema.ts'
import { businessPaymentChannelSchema } from '../payment-channels/schema.ts'
import { requestFields } from '../payment-requests/schema.ts'
import { checkInitiate, initiateFields } from '../payments/schema.ts'

/** What the published SDKs send: an initiation, and what only a checkout shows. Unknown fields are ignored. */
export const sdkInitiateSchema = withCheck(
  Type.Object({
    ...initiateFields,
    subscription_plan_link: Type.Optional(
      Type.String({ minLength: 1, maxLength: 500, description: "The plan's link_id or its link" }),
    ),
    amount_token: Type.Optional(
      Type.String({
        maxLength: 2000,
        description: `A JSON Web Token by which the business's server vouches for amount, currency and reference: HS256 with the webhook
secret as its key; claims amount (as text), currency, reference, exp`,
      }),
    ),
    logo: Type.Optional(
      Type.String({ format: 'http-url', maxLength: 2048, description: "Shown instead of the business's own" }),
    ),
  }),
  (body) =>
    checkInitiate({ ...body, subscription_plan_uuid: body.subscription_plan_uuid ?? body.subscription_plan_link }),
)
export type SdkInitiate = Static<typeof sdkInitiateSchema>

const sdkFields = new Set(Object.keys(sdkInitiateSchema.properties))
const flags = new Set(['save_payment_method', 'is_trial'])
const flagTexts: Readonly<Record<string, boolean>> = { true: true, '1': true, false: false, '0': false }

/**
 * A body as an SDK sent it, before it is checked. The React Native SDK hands on every property that its component was
 * given: an empty text is a field left out, a number or flag may be a text. Where a plan is named it alone says what is
 * paid: that SDK always sends an amount, and its checks let any currency through beside a plan.
 */
export function readSdkBody(body: unknown): unknown {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return body
  const fields = Object.entries(body).filter(([name, value]) => value !== '' || !sdkFields.has(name))
  const read = Object.fromEntries(fields.map(([name, value]) => [name, readSdkField(name, value)]))
  if (!isGiven(read.subscription_plan_uuid) && !isGiven(read.subscription_plan_link)) return read
  const { amount: _, currency: __, ...others } = read
  return others
}

const isGiven = (value: unknown): boolean => value !== undefined && value !== null

function readSdkField(name: string, value: unknown): unknown {
  if (name === 'customer' && typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return Object.fromEntries(Object.entries(value).filter(([, inner]) => inner !== ''))
  }
  if (typeof value !== 'string') return value
  if (flags.has(name)) return flagTexts[value] ?? value
  return name === 'extend_subscription_by' && /^\d{1,3}$/.test(value) ? Number(value) : value
}

const { uuid, ref, ...others } = { ...requestFields(['customer', 'business']), customer: sentCustomerSchema }

/** As the SDKs' types have it; where the business gets its webhooks is told to no browser. */
const activeChannelSchema = Type.Object({ ...businessPaymentChannelSchema.properties, webhook_url: Type.Null() })

/** The payment request as the SDKs get it: with the checkout's address and the channels that its business has open. */
export const sdkRequestSchema = Type.Object({
  uuid,
  ref,
  checkout_url: text,
  ...others,
  business: Type.Object({
    ...businessSchema.properties,
    active_payment_channels: Type.Array(activeChannelSchema),
  }),
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
  paymentRequest: nullable(Type.Object({ ...requestFields(['customer']), customer: sentCustomerSchema })),
})

export const checkoutRelaySchema = Type.Object({
  payment_channel: Type.String({ minLength: 1, maxLength: 50 }),
  via: Type.Optional(Type.Unsafe<'page' | 'window'>({ type: 'string', enum: ['page', 'window'] })),
})

import { type Static, type TSchema, Type } from 'typebox'
import { findChannel } from '../../channels/index.ts'
import { wireTime } from '../../platform/clock.ts'
import { paginatorSchema } from '../../platform/pagination.ts'
import { flag, nullable, optionalText, text, time } from '../../platform/wire.ts'
import { type EnvMode, envMode } from '../businesses/schema.ts'
import { paymentChannelSchema, presentChannel } from '../payment-channels/schema.ts'

/** `expired` is read off the card's date; the others are stored. */
export type MethodStatus = 'active' | 'expired' | 'unusable'

export const paymentMethodSchema = Type.Object({
  uuid: text,
  env_mode: envMode,
  payment_channel_slug: text,
  type: text,
  brand: optionalText,
  bank: optionalText,
  last4: optionalText,
  exp_month: nullable(Type.Integer()),
  exp_year: nullable(Type.Integer()),
  reusable: flag,
  is_default: flag,
  status: Type.Unsafe<MethodStatus>({ type: 'string', enum: ['active', 'expired', 'unusable'] }),
  created_at: time,
  updated_at: time,
  deleted_at: nullable(time),
  payment_channel: paymentChannelSchema,
})
export type PaymentMethodBody = Static<typeof paymentMethodSchema>
export const paymentMethodListSchema = Type.Object({
  payment_methods: paginatorSchema(paymentMethodSchema as TSchema),
})

/** A row of `payment_methods`, without its token: what may be read, shown and logged. */
export interface PaymentMethod {
  id: string
  business_id: string
  env_mode: EnvMode
  customer_id: string
  payment_channel_slug: string
  type: string
  brand: string | null
  bank: string | null
  last4: string | null
  exp_month: number | null
  exp_year: number | null
  reusable: boolean
  is_default: boolean
  status: 'active' | 'unusable'
  created_at: Date
  updated_at: Date
  deleted_at: Date | null
}

/** A card is good through the last day of its month, wherever on earth that ends. */
export function statusOf(method: PaymentMethod, now: Date): MethodStatus {
  if (method.status === 'unusable') return 'unusable'
  const { exp_month: month, exp_year: year } = method
  if (month === null || year === null) return 'active'
  // Date.UTC counts months from 0: this is noon of the first day after it, when the last time zone has left it.
  return now.getTime() >= Date.UTC(year, month, 1, 12) ? 'expired' : 'active'
}

export const presentMethod = (method: PaymentMethod, now: Date, baseUrl: string): PaymentMethodBody => ({
  uuid: method.id,
  env_mode: method.env_mode,
  payment_channel_slug: method.payment_channel_slug,
  type: method.type,
  brand: method.brand,
  bank: method.bank,
  last4: method.last4,
  exp_month: method.exp_month,
  exp_year: method.exp_year,
  reusable: method.reusable ? 1 : 0,
  is_default: method.is_default ? 1 : 0,
  status: statusOf(method, now),
  created_at: wireTime(method.created_at),
  updated_at: wireTime(method.updated_at),
  deleted_at: method.deleted_at && wireTime(method.deleted_at),
  payment_channel: presentChannel(findChannel(method.payment_channel_slug), baseUrl),
})

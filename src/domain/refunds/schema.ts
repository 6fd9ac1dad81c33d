import { type Static, Type } from 'typebox'
import { wireTime } from '../../platform/clock.ts'
import { formatAmount } from '../../platform/money.ts'
import { nullable, optionalText, text, time } from '../../platform/wire.ts'
import { type EnvMode, envMode } from '../businesses/schema.ts'
import { type RefundStatus, refundMachine } from './states.ts'

const origins = ['excess', 'saved_method', 'not_owed', 'overpayment'] as const

export interface RefundRow {
  id: string
  ref: string
  business_id: string
  env_mode: EnvMode
  payment_request_id: string
  transaction_id: string
  /**
   * `saved_method`: the sum was charged only to save a method. `not_owed`: it bought nothing. `overpayment`: what was
   * beyond what was asked, of a payment that counts.
   */
  origin: (typeof origins)[number]
  status: RefundStatus
  currency: string
  amount_minor: bigint
  reason: string | null
  channel_reference: string | null
  failure_reason: string | null
  check_count: number
  /** When it was about to be sent, in real time; null in rows of before. */
  sent_at: Date | null
  created_at: Date
  updated_at: Date
  deleted_at: Date | null
}

/** The refund as its events carry it. */
export const refundSchema = Type.Object({
  uuid: text,
  ref: text,
  env_mode: envMode,
  transaction_ref: text,
  payment_channel_slug: text,
  currency: text,
  amount: text,
  origin: Type.Unsafe<RefundRow['origin']>({ type: 'string', enum: origins, description: 'Why it goes back' }),
  reason: optionalText,
  status: Type.Unsafe<RefundStatus>({ type: 'string', enum: Object.keys(refundMachine.moves) }),
  failure_reason: optionalText,
  created_at: time,
  updated_at: time,
  deleted_at: nullable(time),
})

export const presentRefund = (
  refund: RefundRow,
  attempt: { ref: string; payment_channel_slug: string },
): Static<typeof refundSchema> => ({
  uuid: refund.id,
  ref: refund.ref,
  env_mode: refund.env_mode,
  transaction_ref: attempt.ref,
  payment_channel_slug: attempt.payment_channel_slug,
  currency: refund.currency,
  amount: formatAmount(refund.amount_minor, refund.currency),
  origin: refund.origin,
  reason: refund.reason,
  status: refund.status,
  failure_reason: refund.failure_reason,
  created_at: wireTime(refund.created_at),
  updated_at: wireTime(refund.updated_at),
  deleted_at: null,
})

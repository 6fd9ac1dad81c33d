import { type Static, type TSchema, Type } from 'typebox'
import { wireTime } from '../../platform/clock.ts'
import { paginatorSchema } from '../../platform/pagination.ts'
import { withCheck } from '../../platform/validation.ts'
import { flagInput, nullable, text, time } from '../../platform/wire.ts'
import { type EnvMode, envMode } from '../businesses/schema.ts'
import { type Customer, customerSchema, presentCustomer } from '../customers/schema.ts'
import { type PaymentMethod, paymentMethodSchema, presentMethod } from '../payment-methods/schema.ts'
import {
  type BillingCalendar,
  type Interval,
  ownPlanSchema,
  type PlanRow,
  presentOwnPlan,
} from '../subscription-plans/schema.ts'
import { type PeriodStatus, type SubscriptionStatus, subscriptionMachine } from './states.ts'

export const statuses = Object.keys(subscriptionMachine.moves)

/** The plan without its counters: they are the plan's own, and counting them for every renewal would cost too much. */
const {
  total_subscribers: _subscribers,
  total_subscription_payments: _paid,
  number_of_subscription_payments: _payments,
  ...planFields
} = ownPlanSchema.properties

export const subscriptionSchema = Type.Object({
  uuid: text,
  env_mode: envMode,
  status: Type.Unsafe<SubscriptionStatus>({ type: 'string', enum: statuses }),
  current_period_start: time,
  current_period_end: time,
  next_billing_at: nullable(Type.String({ description: 'When the next period is charged by itself' })),
  trial_ends_at: nullable(time),
  cancels_at: nullable(time),
  cancelled_at: nullable(time),
  paused_at: nullable(time),
  ended_at: nullable(time),
  payment_link: nullable(Type.String({ description: 'Where the period that is due can be paid through any channel' })),
  created_at: time,
  updated_at: time,
  deleted_at: nullable(time),
  customer: customerSchema,
  subscription_plan: Type.Object(planFields),
  payment_method: nullable(paymentMethodSchema),
})
export type SubscriptionBody = Static<typeof subscriptionSchema>
export const subscriptionListSchema = Type.Object({ subscriptions: paginatorSchema(subscriptionSchema as TSchema) })

const uuid = Type.String({ format: 'uuid' })
export const createSubscriptionSchema = Type.Object({
  customer_uuid: uuid,
  subscription_plan_uuid: uuid,
  payment_method_uuid: uuid,
  is_trial: Type.Optional(flagInput),
})
export type CreateSubscription = Static<typeof createSubscriptionSchema>

export const updateSubscriptionSchema = withCheck(
  Type.Object({ subscription_plan_uuid: Type.Optional(uuid), payment_method_uuid: Type.Optional(uuid) }),
  (body) =>
    body.subscription_plan_uuid === undefined && body.payment_method_uuid === undefined
      ? { subscription_plan_uuid: ['One of subscription_plan_uuid and payment_method_uuid is required.'] }
      : {},
)
export type UpdateSubscription = Static<typeof updateSubscriptionSchema>

export interface SubscriptionRow {
  id: string
  business_id: string
  env_mode: EnvMode
  customer_id: string
  subscription_plan_id: string
  payment_method_id: string | null
  status: SubscriptionStatus
  anchor_at: Date
  anchor_number: number
  interval: Interval
  interval_count: number
  billing_calendar: BillingCalendar
  time_zone: string
  period_number: number
  trial_ends_at: Date | null
  current_period_start: Date
  current_period_end: Date
  next_due_at: Date | null
  remind_at: Date | null
  cancels_at: Date | null
  cancelled_at: Date | null
  paused_at: Date | null
  ended_at: Date | null
  created_at: Date
  updated_at: Date
  deleted_at: Date | null
}

export interface PeriodRow {
  id: string
  subscription_id: string
  subscription_plan_id: string
  number: number
  starts_at: Date
  ends_at: Date
  currency: string
  amount_minor: bigint
  status: PeriodStatus
  payment_request_id: string
  /** What it was paid with: never given back by itself. Null unless it is paid. */
  paid_transaction_id: string | null
  refusals: number
  refused_transaction_id: string | null
  created_at: Date
}

/** A subscription with everything that its answers show. */
export interface FullSubscription {
  subscription: SubscriptionRow
  customer: Customer
  plan: PlanRow
  method: PaymentMethod | null
  /** The `ref` of the request that its open period is paid by. */
  openRef: string | null
}

const wireMaybe = (at: Date | null) => at && wireTime(at)

/** `payUrlOf`: where a request with that `ref` is paid. */
export function presentSubscription(
  { subscription: row, customer, plan, method, openRef }: FullSubscription,
  now: Date,
  baseUrl: string,
  payUrlOf: (ref: string) => string,
): SubscriptionBody {
  const {
    total_subscribers: _,
    total_subscription_payments: __,
    number_of_subscription_payments: ___,
    ...planBody
  } = presentOwnPlan(plan, { subscribers: 0, payments: 0, paidMinor: 0n })
  const renews = (row.status === 'active' || row.status === 'trialing') && row.cancels_at === null
  return {
    uuid: row.id,
    env_mode: row.env_mode,
    status: row.status,
    current_period_start: wireTime(row.current_period_start),
    current_period_end: wireTime(row.current_period_end),
    next_billing_at: renews ? wireTime(row.current_period_end) : null,
    trial_ends_at: wireMaybe(row.trial_ends_at),
    cancels_at: wireMaybe(row.cancels_at),
    cancelled_at: wireMaybe(row.cancelled_at),
    paused_at: wireMaybe(row.paused_at),
    ended_at: wireMaybe(row.ended_at),
    payment_link: openRef && payUrlOf(openRef),
    created_at: wireTime(row.created_at),
    updated_at: wireTime(row.updated_at),
    deleted_at: wireMaybe(row.deleted_at),
    customer: presentCustomer(customer),
    subscription_plan: planBody,
    payment_method: method && presentMethod(method, now, baseUrl),
  }
}

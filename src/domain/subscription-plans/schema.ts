import { type Static, Type } from 'typebox'
import { wireTime } from '../../platform/clock.ts'
import type { FieldErrors } from '../../platform/errors.ts'
import { amountErrorOf, formatAmount } from '../../platform/money.ts'
import { paginatorSchema } from '../../platform/pagination.ts'
import { withCheck } from '../../platform/validation.ts'
import {
  checkMetaData,
  flag,
  flagInput,
  metaData,
  metaDataInput,
  nullable,
  optionalText,
  presentMetaData,
  text,
  time,
} from '../../platform/wire.ts'
import { checkCurrency, type EnvMode, envMode } from '../businesses/schema.ts'

/** Days of one interval where a plan counts in fixed days. */
export const intervalDays = { daily: 1, weekly: 7, monthly: 30, quarterly: 90, biannually: 180, annually: 365 } as const
export type Interval = keyof typeof intervalDays
export type BillingCalendar = 'fixed_days' | 'calendar'
export type PlanStatus = 'active' | 'inactive'

const interval = Type.Unsafe<Interval>({ type: 'string', enum: Object.keys(intervalDays) })
const billingCalendar = Type.Unsafe<BillingCalendar>({
  type: 'string',
  enum: ['fixed_days', 'calendar'],
  description: 'fixed_days: an interval is 1, 7, 30, 90, 180 or 365 days; calendar: true months with an anchor day',
})
const planStatus = Type.Unsafe<PlanStatus>({ type: 'string', enum: ['active', 'inactive'] })

/** Key order is the documented one. */
const planFields = {
  uuid: text,
  env_mode: envMode,
  name: text,
  tags: nullable(Type.Array(text)),
  send_subscription_mails: flag,
  initial_amount: optionalText,
  initial_amount_to_usd: text,
  trial_period: nullable(Type.Integer({ description: 'Days; null: one interval' })),
  amount: text,
  amount_to_usd: text,
  currency: text,
  interval,
  interval_count: nullable(Type.Integer()),
  link_id: text,
  meta_data: metaData,
  status: planStatus,
  deleted_at: nullable(time),
  created_at: time,
  updated_at: time,
  total_subscribers: Type.Integer({ description: 'Customers who are subscribed now' }),
  total_subscription_payments: Type.Number({ description: 'Major units, of all periods that were paid' }),
  number_of_subscription_payments: Type.Integer(),
}

/** The plan as other answers show it. */
export const planSchema = Type.Object(planFields)
export type PlanBody = Static<typeof planSchema>

/** The plan as its own endpoints show it. */
export const ownPlanSchema = Type.Object({ ...planFields, billing_calendar: billingCalendar, time_zone: text })
export type OwnPlanBody = Static<typeof ownPlanSchema>
export const planListSchema = Type.Object({ subscription_plans: paginatorSchema(ownPlanSchema) })

/** Major units as text or number; what a currency allows is checked with it. */
const amount = Type.Unsafe<string | number>({
  type: ['string', 'number'],
  description: 'Major units, e.g. "100.50" or 100.5',
})

export const nameMaxLength = 200
/** As many days as Stripe lets a trial last. */
const trialDaysMax = 730
/** A period that outlives everybody's card is a mistake. */
const periodDaysMax = 3_650

const optionalFields = {
  initial_amount: Type.Optional(amount),
  tags: Type.Optional(Type.Array(Type.String({ format: 'visible', maxLength: 50 }), { maxItems: 20 })),
  send_subscription_mails: Type.Optional(flagInput),
  meta_data: Type.Optional(metaDataInput),
  metadata: Type.Optional(metaDataInput),
  billing_calendar: Type.Optional(billingCalendar),
  time_zone: Type.Optional(
    Type.String({ maxLength: 64, description: 'IANA name, UTC unless told; counts in calendar billing' }),
  ),
}
const name = Type.String({ format: 'visible', maxLength: nameMaxLength })
const intervalCount = Type.Integer({
  minimum: 1,
  maximum: periodDaysMax,
  description: 'Intervals in a period, 1 unless told',
})

export const createPlanSchema = withCheck(
  Type.Object({
    name,
    interval,
    interval_count: Type.Optional(intervalCount),
    amount,
    currency: Type.Optional(Type.String({ description: 'ISO 4217; the base currency of the business unless told' })),
    trial_period: Type.Optional(
      Type.Integer({ minimum: 1, maximum: trialDaysMax, description: 'Days; one interval unless told' }),
    ),
    status: Type.Optional(planStatus),
    ...optionalFields,
  }),
  (body) => ({
    ...checkShared(body),
    ...checkAmounts(body, ['amount', 'initial_amount']),
  }),
)
export type CreatePlan = Static<typeof createPlanSchema>

export const updatePlanSchema = withCheck(
  Type.Object({
    name: Type.Optional(name),
    interval: Type.Optional(interval),
    interval_count: Type.Optional(intervalCount),
    amount: Type.Optional(amount),
    currency: Type.Optional(Type.String({ description: 'ISO 4217' })),
    update_existing_subscriptions: Type.Optional(flagInput),
    ...optionalFields,
    initial_amount: Type.Optional(
      Type.Unsafe<string | number>({
        type: ['string', 'number'],
        description: 'Major units; the empty text takes it away, and the first charge is as the others',
      }),
    ),
    trial_period: Type.Optional(
      Type.Integer({ minimum: 0, maximum: trialDaysMax, description: 'Days; 0 goes back to one interval' }),
    ),
  }),
  (body) => ({
    ...checkShared(body),
    ...checkAmounts(body, body.initial_amount === '' ? ['amount'] : ['amount', 'initial_amount']),
  }),
)
export type UpdatePlan = Static<typeof updatePlanSchema>

/** For the link that one customer subscribes by. */
export const generateUrlSchema = Type.Object({
  customer_uuid: Type.String({ format: 'uuid' }),
  subscription_plan_uuid: Type.String({ format: 'uuid' }),
})
export type GenerateUrl = Static<typeof generateUrlSchema>
export const generatedUrlSchema = Type.Object({ link: text })

function checkShared(body: Record<string, unknown>): FieldErrors {
  const errors: FieldErrors = { ...checkCurrency(body, 'currency'), ...checkMetaData(body) }
  if (typeof body.time_zone === 'string' && !isTimeZone(body.time_zone)) {
    errors.time_zone = ['The time_zone field must be an IANA time zone such as Africa/Lagos.']
  }
  return { ...errors, ...checkPeriod(body.interval, body.interval_count) }
}

/** Days of one period, as a plan that counts in days bills it; null: its months are the calendar's. */
export const periodDaysOf = (plan: Pick<PlanRow, 'interval' | 'interval_count' | 'billing_calendar'>): number | null =>
  plan.billing_calendar === 'calendar' ? null : intervalDays[plan.interval] * (plan.interval_count ?? 1)

/** Field errors for a period longer than the most; each of the two is checked by the schema alone too. */
export function checkPeriod(interval: unknown, count: unknown): FieldErrors {
  const days = intervalDays[interval as Interval]
  if (days === undefined || typeof count !== 'number' || days * count <= periodDaysMax) return {}
  return { interval_count: [`A period may have at most ${periodDaysMax} days.`] }
}

/** Zones by offset (`+01:00`) have no name and no summer time: a plan names a place. */
export function isTimeZone(zone: string): boolean {
  if (!/^[A-Za-z]/.test(zone)) return false
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone })
    return true
  } catch {
    return false
  }
}

function checkAmounts(body: Record<string, unknown>, fields: readonly string[]): FieldErrors {
  const errors: FieldErrors = {}
  for (const field of fields) {
    const words = body[field] === undefined ? null : amountErrorOf(body[field], body.currency)
    if (words !== null) errors[field] = [words]
  }
  return errors
}

/** A row of `subscription_plans`. */
export interface PlanRow {
  id: string
  business_id: string
  env_mode: EnvMode
  name: string
  status: PlanStatus
  interval: Interval
  interval_count: number | null
  billing_calendar: BillingCalendar
  time_zone: string
  currency: string
  amount_minor: bigint
  initial_amount_minor: bigint | null
  amount_to_usd: string
  initial_amount_to_usd: string
  usd_per_unit: string
  trial_period: number | null
  tags: string[] | null
  send_subscription_mails: boolean
  /** JSON text. */
  meta_data: string | null
  link_id: string
  created_at: Date
  updated_at: Date
  deleted_at: Date | null
}

/** What has become of a plan. */
export interface PlanCounters {
  subscribers: number
  /** In the plan's currency. */
  paidMinor: bigint
  payments: number
}

export const presentPlan = (plan: PlanRow, counters: PlanCounters): PlanBody => ({
  uuid: plan.id,
  env_mode: plan.env_mode,
  name: plan.name,
  tags: plan.tags,
  send_subscription_mails: plan.send_subscription_mails ? 1 : 0,
  initial_amount: plan.initial_amount_minor === null ? null : formatAmount(plan.initial_amount_minor, plan.currency),
  initial_amount_to_usd: plan.initial_amount_to_usd,
  trial_period: plan.trial_period,
  amount: formatAmount(plan.amount_minor, plan.currency),
  amount_to_usd: plan.amount_to_usd,
  currency: plan.currency,
  interval: plan.interval,
  interval_count: plan.interval_count,
  link_id: plan.link_id,
  meta_data: presentMetaData(plan.meta_data),
  status: plan.status,
  deleted_at: plan.deleted_at && wireTime(plan.deleted_at),
  created_at: wireTime(plan.created_at),
  updated_at: wireTime(plan.updated_at),
  total_subscribers: counters.subscribers,
  total_subscription_payments: Number(formatAmount(counters.paidMinor, plan.currency)),
  number_of_subscription_payments: counters.payments,
})

export const presentOwnPlan = (plan: PlanRow, counters: PlanCounters): OwnPlanBody => ({
  ...presentPlan(plan, counters),
  billing_calendar: plan.billing_calendar,
  time_zone: plan.time_zone,
})

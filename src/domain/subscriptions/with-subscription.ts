import type { EventType } from '../../events/catalogue.ts'
import { dispatchQueue, record } from '../../events/outbox.ts'
import { after, dayMs } from '../../platform/clock.ts'
import type { Context } from '../../platform/context.ts'
import { inTransaction } from '../../platform/db.ts'
import { move } from '../../platform/states.ts'
import { find as findBusiness, nowOf } from '../businesses/service.ts'
import { payUrl } from '../payment-requests/service.ts'
import type { PlanRow } from '../subscription-plans/schema.ts'
import type { Writing } from './mails.ts'
import { type Anchor, nominalDays, type Terms } from './periods.ts'
import { type FullSubscription, presentSubscription, type SubscriptionRow } from './schema.ts'
import { type SubscriptionStatus, subscriptionMachine } from './states.ts'
import type { Owner, SubscriptionChanges } from './store.ts'
import * as store from './store.ts'

/** A subscription under its lock, and what a change of it writes: state, event, mail and next due time together. */

/** Within a transaction; `emit` gives the subscription as it was told of. */
export interface Frame extends Writing {
  readonly emit: (id: string, type: EventType, reference?: string | null) => Promise<FullSubscription>
}

export interface LockedSubscription extends Frame {
  readonly subscription: SubscriptionRow
}

/** Runs `work` in a transaction of one business and mode; wakes the deliveries afterwards. */
export async function inFrame<T>(ctx: Context, owner: Owner, work: (frame: Frame) => Promise<T>): Promise<T> {
  // Read before the transaction: with one connection nothing else may be asked for inside it.
  const business = await findBusiness(ctx, owner.businessId, owner.envMode)
  let emitted = false
  const result = await inTransaction(ctx.db, async (tx) => {
    const now = nowOf(ctx, business)
    const emit = async (id: string, type: EventType, reference: string | null = null) => {
      const full = await store.load(tx, id)
      if (!full) throw new Error(`subscription ${id} is gone`)
      const body = presentSubscription(full, now, ctx.baseUrl, (ref) => payUrl(ctx, ref))
      const data = { reference, ...body }
      await record(tx, ctx.queue, { ...owner, type, objectType: 'subscription', objectId: id, data, now })
      emitted = true
      return full
    }
    return await work({ ctx, tx, business, now, emit })
  })
  if (emitted) ctx.queue.wake(dispatchQueue)
  return result
}

/** Runs `work` under the subscription's lock. */
export async function withSubscription<T>(
  ctx: Context,
  id: string,
  work: (change: LockedSubscription) => Promise<T>,
): Promise<T> {
  const known = await store.findMaybe(ctx.db, id)
  if (!known) throw new Error(`subscription ${id} is gone`)
  return await inFrame(ctx, { businessId: known.business_id, envMode: known.env_mode }, async (frame) => {
    const subscription = await store.lock(frame.tx, id)
    if (!subscription) throw new Error(`subscription ${id} is gone`)
    return await work({ ...frame, subscription })
  })
}

/** To a status, which may be the one that it has; with what changes besides. */
export async function transition(
  { tx, now, subscription }: Pick<LockedSubscription, 'tx' | 'now' | 'subscription'>,
  to: SubscriptionStatus,
  columns: SubscriptionChanges,
): Promise<void> {
  const all = { ...columns, updated_at: now }
  if (to === subscription.status) await store.update(tx, subscription.id, all)
  else await move(tx, subscriptionMachine, subscription.id, subscription.status, to, all)
}

/** Nothing falls due any more. */
export const atRest = { next_due_at: null, remind_at: null } as const

export const termsOfPlan = (plan: PlanRow): Terms => ({
  interval: plan.interval,
  intervalCount: plan.interval_count ?? 1,
  billingCalendar: plan.billing_calendar,
  timeZone: plan.time_zone,
})

export const anchorOf = (subscription: SubscriptionRow): Anchor => ({
  at: subscription.anchor_at,
  number: subscription.anchor_number,
  terms: {
    interval: subscription.interval,
    intervalCount: subscription.interval_count,
    billingCalendar: subscription.billing_calendar,
    timeZone: subscription.time_zone,
  },
})

export const anchorColumns = ({ at, number, terms }: Anchor) => ({
  anchor_at: at,
  anchor_number: number,
  interval: terms.interval,
  interval_count: terms.intervalCount,
  billing_calendar: terms.billingCalendar,
  time_zone: terms.timeZone,
})

/** The customer hears of a coming renewal so long before it, where a period has at least so many days. */
const remindBeforeMs = 3 * dayMs
const remindFromDays = 30

/** What falls due at the end of what is paid for. */
export function dueAt(end: Date, terms: Terms, now: Date): { next_due_at: Date; remind_at: Date | null } {
  const remindAt = after(end, -remindBeforeMs)
  return { next_due_at: end, remind_at: nominalDays(terms) >= remindFromDays && remindAt > now ? remindAt : null }
}

import { after, dayMs } from '../../platform/clock.ts'
import { newId } from '../../platform/ids.ts'
import { move } from '../../platform/states.ts'
import type { LockedRequest } from '../attempts/follow-up.ts'
import * as followUps from '../attempts/follow-up.ts'
import type { PlanRow } from '../subscription-plans/schema.ts'
import { mailReceipt, mailWelcome } from './mails.ts'
import { type Anchor, anchorFor, boundary, periodAt } from './periods.ts'
import type { FullSubscription, PeriodRow, SubscriptionRow } from './schema.ts'
import { periodMachine } from './states.ts'
import type { Owner } from './store.ts'
import * as store from './store.ts'
import {
  anchorColumns,
  anchorOf,
  dueAt,
  type Frame,
  type LockedSubscription,
  termsOfPlan,
  transition,
} from './with-subscription.ts'

/** Becoming a subscriber, and paying for several periods at once. */

interface Begin {
  owner: Owner
  customerId: string
  plan: PlanRow
  methodId: string | null
  startsAt: Date
}

/** Nothing is billed until the trial ends: `trial_period` days of the plan, or one interval. */
export async function beginTrial(frame: Frame, begin: Begin, reference: string | null): Promise<FullSubscription> {
  const { plan, startsAt } = begin
  const terms = termsOfPlan(plan)
  const endsAt = plan.trial_period ? after(startsAt, plan.trial_period * dayMs) : boundary(startsAt, terms, 1)
  const row = await store.insert(
    frame.tx,
    {
      ...rowOf(begin, { at: endsAt, number: 1, terms }),
      status: 'trialing',
      period_number: 0,
      trial_ends_at: endsAt,
      current_period_start: startsAt,
      current_period_end: endsAt,
      ...dueAt(endsAt, terms, frame.now),
    },
    frame.now,
  )
  const full = await frame.emit(row.id, 'subscription.created', reference)
  await mailWelcome(frame, full)
  return full
}

/** The payment is in: it pays the first period, or as many as it says. */
export async function beginPaid(frame: Frame, begin: Begin, standing: LockedRequest): Promise<FullSubscription> {
  const { request } = standing
  const { plan, startsAt } = begin
  const terms = termsOfPlan(plan)
  const anchor = { at: startsAt, number: 1, terms }
  const count = request.extend_subscription_by ?? 1
  const endsAt = boundary(startsAt, terms, count)
  const row = await store.insert(
    frame.tx,
    {
      ...rowOf(begin, anchor),
      status: 'active',
      period_number: count,
      trial_ends_at: null,
      current_period_start: startsAt,
      current_period_end: endsAt,
      ...dueAt(endsAt, terms, frame.now),
    },
    frame.now,
  )
  const amountMinor = request.amount_minor / BigInt(count)
  await insertPaid(frame, row, anchor, { standing, from: 1, count, amountMinor })
  const full = await frame.emit(row.id, 'subscription.created', request.reference)
  await mailWelcome(frame, full)
  await mailReceipt(frame, full, request, { startsAt, endsAt })
  return full
}

const rowOf = ({ owner, customerId, plan, methodId }: Begin, anchor: Anchor) => ({
  id: newId(),
  business_id: owner.businessId,
  env_mode: owner.envMode,
  customer_id: customerId,
  subscription_plan_id: plan.id,
  payment_method_id: methodId,
  ...anchorColumns(anchor),
})

interface Paid {
  standing: LockedRequest
  /** The number of the first of them. */
  from: number
  count: number
  /** Of each. */
  amountMinor: bigint
}

async function insertPaid(frame: Frame, row: SubscriptionRow, anchor: Anchor, paid: Paid): Promise<void> {
  const { standing, from, count, amountMinor } = paid
  const { request } = standing
  const paidWith = idOfPayment(standing)
  for (let number = from; number < from + count; number += 1) {
    const { startsAt, endsAt } = periodAt(anchor, number)
    const period = { id: newId(), number, startsAt, endsAt, currency: request.currency, amountMinor }
    await store.insertPeriod(frame.tx, row, { ...period, requestId: request.id, paidWith }, frame.now)
  }
}

function idOfPayment(standing: LockedRequest): string {
  const paid = followUps.paidBy(standing)
  if (!paid) throw new Error(`payment request ${standing.request.id} has no payment that counts`)
  return paid.id
}

/** What it is paid with is written beside it: that payment is its own from now on. */
export async function payPeriod({ tx, now }: Frame, open: PeriodRow, standing: LockedRequest): Promise<void> {
  const paid = { paid_transaction_id: idOfPayment(standing), updated_at: now }
  await move(tx, periodMachine, open.id, 'open', 'paid', paid)
}

/**
 * Moves the end on by as many periods as were paid. A period that is open is the first of them, and the request that
 * was to pay it ends. A pause or a trial is over with it.
 */
export async function extend(change: LockedSubscription, plan: PlanRow, standing: LockedRequest): Promise<void> {
  const { request } = standing
  const { tx, now, subscription } = change
  const open = await store.findOpenPeriod(tx, subscription.id)
  const count = request.extend_subscription_by ?? 1
  if (open) {
    await followUps.endSoon(tx, await followUps.lockForFollowUp(tx, open.payment_request_id), now)
    await store.setPeriodRequest(tx, open.id, request.id)
    await payPeriod(change, open, standing)
  }
  const from = subscription.period_number + 1
  const further = open ? count - 1 : count
  const anchor = anchorOfNext(subscription, plan, now)
  const amountMinor = request.amount_minor / BigInt(count)
  await insertPaid(change, subscription, anchor, { standing, from, count: further, amountMinor })
  const startsAt = open?.starts_at ?? periodAt(anchor, from).startsAt
  const endsAt = open && further === 0 ? open.ends_at : periodAt(anchor, from + further - 1).endsAt
  const isRunning = subscription.current_period_end > now
  await transition(change, 'active', {
    ...anchorColumns(anchor),
    period_number: from + further - 1,
    current_period_start: isRunning ? subscription.current_period_start : startsAt,
    current_period_end: endsAt,
    paused_at: null,
    ...(request.saved_method_id && { payment_method_id: request.saved_method_id }),
    ...dueAt(endsAt, anchor.terms, now),
    // Who pays for more periods has them, and it still ends with them.
    ...(subscription.cancels_at && { cancels_at: endsAt, remind_at: null }),
  })
  const full = await change.emit(subscription.id, 'subscription.renewed', request.reference)
  await mailReceipt(change, full, request, { startsAt, endsAt })
}

/** After a pause that outlasted what was paid for, the next period begins now; the pause is not billed. */
export function anchorOfNext(subscription: SubscriptionRow, plan: PlanRow, now: Date): Anchor {
  const number = subscription.period_number + 1
  const terms = termsOfPlan(plan)
  if (subscription.status === 'paused' && subscription.current_period_end < now) return { at: now, number, terms }
  return anchorFor(anchorOf(subscription), number, terms)
}

import { after, dayMs, hourMs } from '../../platform/clock.ts'
import type { Context } from '../../platform/context.ts'
import { newId } from '../../platform/ids.ts'
import * as followUps from '../attempts/follow-up.ts'
import * as attempts from '../attempts/service.ts'
import * as customers from '../customers/service.ts'
import * as rates from '../exchange-rates/service.ts'
import * as paymentMethods from '../payment-methods/service.ts'
import type { TransactionRow } from '../payment-requests/schema.ts'
import * as paymentRequests from '../payment-requests/service.ts'
import { isUnderWay } from '../payment-requests/states.ts'
import type { PlanRow } from '../subscription-plans/schema.ts'
import * as plans from '../subscription-plans/service.ts'
import { dunningMs, noteFailure } from './dunning.ts'
import { mailRenewalComing } from './mails.ts'
import { periodAt } from './periods.ts'
import { followUp } from './request-settled.ts'
import type { PeriodRow, SubscriptionRow } from './schema.ts'
import { anchorOfNext } from './start.ts'
import { isLive } from './states.ts'
import * as store from './store.ts'
import { anchorColumns, atRest, type LockedSubscription, transition, withSubscription } from './with-subscription.ts'

/**
 * Renewing: intent (the period with its unique number and the request that will pay it, in one transaction), charge
 * (itself intent, call, outcome; `attempts/charge.ts`), and what follows from its outcome (`request-settled.ts`).
 * Whoever comes after a crash finds the open period and goes on with its one request; a charge that is unknown is never
 * repeated, the period waits for the channel's word.
 *
 * After a time in which nobody worked, the periods that were missed are billed one after the other, each as its own
 * payment: the next falls due when the one before it is paid.
 */

interface Payer {
  owner: store.Owner
  customerId: string
  methodId: string | null
}

const payerOf = (row: SubscriptionRow): Payer => ({
  owner: { businessId: row.business_id, envMode: row.env_mode },
  customerId: row.customer_id,
  methodId: row.payment_method_id,
})

/** What is to be done about a subscription that is due. */
type Step =
  | { kind: 'nothing' }
  | (Payer & { kind: 'charge'; requestId: string; refusals: number; refused: TransactionRow | null })
  /** Something became of its request that was not followed yet. */
  | { kind: 'follow'; requestId: string }

export async function renew(ctx: Context, due: SubscriptionRow): Promise<void> {
  const step = await decide(ctx, due)
  if (step.kind === 'charge') await charge(ctx, due.id, step)
  if (step.kind === 'follow') await followUp(ctx, step.requestId)
}

/** Looked at again then, should nothing have become of it: what it waits for comes by itself. */
const lookAgainMs = dayMs

async function decide(ctx: Context, due: SubscriptionRow): Promise<Step> {
  // Loaded before the transaction, because nothing else may be queried inside it; compared with the locked plan below.
  const plan = await plans.load(ctx.db, due.subscription_plan_id)
  const usdPerUnit = await rates.findMaybeRate(ctx, plan.currency)
  return await withSubscription(ctx, due.id, async (change) => {
    const { tx, now, subscription } = change
    if (!isLive(subscription.status) || subscription.status === 'paused') return { kind: 'nothing' }
    const open = await store.findOpenPeriod(tx, subscription.id)
    if (open) return await resume(change, open)
    const { cancels_at: cancelsAt } = subscription
    // As was asked, or because its customer was deleted.
    if ((cancelsAt && cancelsAt <= now) || (await customers.isGone(tx, subscription.customer_id))) {
      await endCancelled(change)
      return { kind: 'nothing' }
    }
    if (subscription.subscription_plan_id !== plan.id || usdPerUnit === null) {
      await store.update(tx, subscription.id, { next_due_at: after(now, hourMs) })
      return { kind: 'nothing' }
    }
    return await bill(change, plan, usdPerUnit)
  })
}

/** Its period is open: a crash came between, or it was refused and is due again. */
async function resume({ tx, now, subscription }: LockedSubscription, open: PeriodRow): Promise<Step> {
  const { payment_request_id: requestId, refusals } = open
  const { request, attempts } = await followUps.lockForFollowUp(tx, requestId)
  if (request.follow_up_due_at !== null) return { kind: 'follow', requestId }
  const payable = request.status === 'new' || request.status === 'open'
  if (!payable || attempts.some((one) => isUnderWay(one.status))) {
    await store.update(tx, subscription.id, { next_due_at: after(now, lookAgainMs) })
    return { kind: 'nothing' }
  }
  // Its last refusal was told: it ends, as soon as its channels have said that no money is in.
  if (request.expiry_check_at !== null) {
    await store.update(tx, subscription.id, { next_due_at: after(now, lookAgainMs) })
    return { kind: 'nothing' }
  }
  await followUps.keepUntil(tx, { request, attempts }, after(now, lookAgainMs))
  const refused = attempts.findLast((one) => one.refusal !== null) ?? null
  return { kind: 'charge', requestId, ...payerOf(subscription), refusals, refused }
}

/** Intent: the next period, and the one request that pays it. */
async function bill(change: LockedSubscription, plan: PlanRow, usdPerUnit: string): Promise<Step> {
  const { tx, now, subscription } = change
  const number = subscription.period_number + 1
  const anchor = anchorOfNext(subscription, plan, now)
  const { startsAt, endsAt } = periodAt(anchor, number)
  if (startsAt > now) {
    await store.update(tx, subscription.id, { next_due_at: startsAt })
    return { kind: 'nothing' }
  }
  const owner = { businessId: subscription.business_id, envMode: subscription.env_mode }
  const requestId = newId()
  const { amount_minor: amountMinor, currency } = plan
  await paymentRequests.insertForCharge(tx, owner, {
    id: requestId,
    customerId: subscription.customer_id,
    intent: 'subscription',
    currency,
    amountMinor,
    usdPerUnit,
    description: `Subscription to ${plan.name}`,
    createdBy: 'renewal',
    subscriptionPlanId: plan.id,
    subscriptionId: subscription.id,
    expiresAt: after(now, dunningMs),
    // After days without a worker it is tried again, not given up.
    endsByItself: false,
    now,
  })
  const period = { id: newId(), number, startsAt, endsAt, currency, amountMinor, requestId, paidWith: null }
  await store.insertPeriod(tx, subscription, period, now)
  await store.update(tx, subscription.id, { ...anchorColumns(anchor), period_number: number, remind_at: null })
  return { kind: 'charge', requestId, ...payerOf(subscription), refusals: 0, refused: null }
}

/** Its request was paid or ended meanwhile, or a payment of it is under way: none of these is a refusal of the method. */
const decidedElsewhere = new Set(['040', '045', '046'])

/** Call, and what follows. */
async function charge(ctx: Context, id: string, step: Extract<Step, { kind: 'charge' }>): Promise<void> {
  const { requestId, refusals, refused } = step
  const uncharged = { requestId, refusals }
  const methodId = await chargeableOf(ctx, step)
  if (methodId === null) return await noteUncharged(ctx, id, uncharged, 'There is no saved payment method')
  if (refused?.refusal === 'payer' && refused.payment_method_id === methodId) {
    return await noteUncharged(ctx, id, uncharged, 'Your bank wants you to confirm the payment')
  }
  const outcome = await attempts.chargeRequest(ctx, requestId, methodId, { keepOpen: true })
  if (outcome.kind === 'not_chargeable' && !decidedElsewhere.has(outcome.error.row.code)) {
    return await noteUncharged(ctx, id, uncharged, outcome.error.message)
  }
  await followUp(ctx, requestId)
}

/** Its own method, or the customer's default where that was deleted or never was. */
async function chargeableOf(ctx: Context, { owner, customerId, methodId }: Extract<Step, { kind: 'charge' }>) {
  if (methodId !== null && (await paymentMethods.findMaybeCharging(ctx, methodId))) return methodId
  return (await paymentMethods.findMaybeDefault(ctx, owner, customerId))?.id ?? null
}

/** Nothing could be charged: told like a refusal, and the customer pays by the link. */
async function noteUncharged(
  ctx: Context,
  id: string,
  { requestId, refusals }: { requestId: string; refusals: number },
  reason: string,
): Promise<void> {
  await withSubscription(ctx, id, async (change) => {
    const period = await store.findOpenPeriod(change.tx, id)
    const standing = await followUps.lockForFollowUp(change.tx, requestId)
    const payable = standing.request.status === 'new' || standing.request.status === 'open'
    if (!payable || period?.payment_request_id !== requestId || !isLive(change.subscription.status)) return
    // Somebody else noted it already.
    if (period.refusals !== refusals) return
    await noteFailure(change, period, standing, reason, null)
  })
}

/** At the end of what was paid for, as was asked. */
async function endCancelled(change: LockedSubscription): Promise<void> {
  const { now, subscription } = change
  await transition(change, 'cancelled', { ...atRest, ended_at: now })
  await change.emit(subscription.id, 'subscription.cancelled')
}

/** Three days before: the customer hears of it once. */
export async function remind(ctx: Context, due: SubscriptionRow): Promise<void> {
  await withSubscription(ctx, due.id, async (change) => {
    const { tx, subscription } = change
    await store.update(tx, subscription.id, { remind_at: null })
    const renews = ['active', 'trialing'].includes(subscription.status) && subscription.cancels_at === null
    const full = renews ? await store.load(tx, subscription.id) : undefined
    if (full) await mailRenewalComing(change, full, subscription.period_number + 1)
  })
}

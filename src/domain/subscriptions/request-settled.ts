import type { Context } from '../../platform/context.ts'
import { brokenConstraint } from '../../platform/db.ts'
import { move } from '../../platform/states.ts'
import type { LockedRequest } from '../attempts/follow-up.ts'
import * as followUps from '../attempts/follow-up.ts'
import { isStranger } from '../businesses/service.ts'
import type { RequestRow } from '../payment-requests/schema.ts'
import * as paymentRequests from '../payment-requests/service.ts'
import { isUnderWay } from '../payment-requests/states.ts'
import * as plans from '../subscription-plans/service.ts'
import { noteFailure, waitForChannel } from './dunning.ts'
import { mailCancelled, mailReceipt } from './mails.ts'
import type { PeriodRow } from './schema.ts'
import { beginPaid, beginTrial, extend, payPeriod } from './start.ts'
import { isLive, periodMachine } from './states.ts'
import * as store from './store.ts'
import {
  anchorOf,
  atRest,
  dueAt,
  type Frame,
  inFrame,
  type LockedSubscription,
  transition,
  withSubscription,
} from './with-subscription.ts'

/**
 * A subscription follows what became of a request that pays for its plan:
 *
 * | the request | of a subscription's period | of a plan alone |
 * | --- | --- | --- |
 * | successful | period paid, subscription active to its end | subscription begins, or is extended; where the customer has one already, the money goes back |
 * | successful, the period given up or paid by another | the money goes back | – |
 * | successful, and a period was paid with it already | nothing: it stays | nothing: it stays |
 * | expired, cancelled, failed | period unpaid, subscription expired | nothing |
 * | open, a charge refused | the next place in the dunning schedule | nothing |
 * | open, a charge unknown or money on its way | nothing: the period waits | nothing |
 *
 * Safe to repeat: what was followed is settled in the same transaction.
 */
export async function followUp(ctx: Context, requestId: string): Promise<void> {
  const { request } = await paymentRequests.load(ctx, requestId)
  if (request.follow_up_due_at === null || request.subscription_plan_id === null) return
  if (request.subscription_id !== null) return await followPeriod(ctx, request, request.subscription_id)
  await followPlan(ctx, request, request.subscription_plan_id)
}

/** Locks in this order everywhere: the subscription, then the request. Undefined: it was followed meanwhile. */
async function settle(frame: Frame, requestId: string): Promise<LockedRequest | undefined> {
  const standing = await followUps.lockForFollowUp(frame.tx, requestId)
  if (standing.request.follow_up_due_at === null) return undefined
  await followUps.settleFollowUp(frame.tx, requestId)
  return standing
}

async function followPeriod(ctx: Context, { id: requestId }: RequestRow, subscriptionId: string): Promise<void> {
  await withSubscription(ctx, subscriptionId, async (change) => {
    const standing = await settle(change, requestId)
    if (!standing) return
    const period = await store.findOpenPeriod(change.tx, subscriptionId)
    const isOurs = period?.payment_request_id === requestId && isLive(change.subscription.status)
    switch (standing.request.status) {
      case 'successful':
        if (isOurs) return await markPaid(change, period, standing)
        if (await isUsed(change.tx, standing)) return
        return await followUps.giveBack(change.tx, standing, notOwedWords, change.now)
      case 'new':
      case 'open':
        return isOurs ? await followOpen(change, period, standing) : undefined
      default:
        return isOurs ? await giveUp(change, period) : undefined
    }
  })
}

const notOwedWords = 'Asyncpay gives this payment back: what it was for is paid already, or was given up'

/** What paid a period stays, whoever looks again and why. */
async function isUsed(tx: Frame['tx'], standing: LockedRequest): Promise<boolean> {
  const paid = followUps.paidBy(standing)
  return paid !== null && (await store.isPaidWith(tx, paid.id))
}

async function markPaid(change: LockedSubscription, period: PeriodRow, standing: LockedRequest): Promise<void> {
  const { now, subscription } = change
  const { request } = standing
  await payPeriod(change, period, standing)
  await transition(change, 'active', {
    current_period_start: period.starts_at,
    current_period_end: period.ends_at,
    ...dueAt(period.ends_at, anchorOf(subscription).terms, now),
    ...(subscription.cancels_at && { cancels_at: period.ends_at, remind_at: null }),
    // Whoever paid on a page may have left another card: it is the one that renews from now on.
    ...(request.saved_method_id && { payment_method_id: request.saved_method_id }),
  })
  const full = await change.emit(subscription.id, 'subscription.renewed', request.reference)
  await mailReceipt(change, full, request, { startsAt: period.starts_at, endsAt: period.ends_at })
}

async function followOpen(change: LockedSubscription, period: PeriodRow, standing: LockedRequest): Promise<void> {
  const { attempts } = standing
  if (attempts.some((one) => isUnderWay(one.status))) return
  const refused = attempts.findLast((one) => one.refusal !== null)
  if (refused && refused.id !== period.refused_transaction_id) {
    const reason = refused.refusal === 'payer' ? 'Your bank wants you to confirm the payment' : refused.reason
    return await noteFailure(change, period, standing, reason ?? 'no reason given', refused.id)
  }
  await waitForChannel(change, period, standing)
}

/** Every way to pay it has ended. */
async function giveUp(change: LockedSubscription, period: PeriodRow): Promise<void> {
  const { tx, now, subscription } = change
  await move(tx, periodMachine, period.id, 'open', 'unpaid', { updated_at: now })
  await transition(change, 'expired', { ...atRest, ended_at: now })
  const full = await change.emit(subscription.id, 'subscription.expired')
  await mailCancelled(change, full, 'unpaid', null)
}

/** A second payment for the same plan may begin it at the same moment; another look finds that one. */
const beginTriesMax = 3

async function followPlan(ctx: Context, request: RequestRow, planId: string): Promise<void> {
  const owner = { businessId: request.business_id, envMode: request.env_mode }
  const plan = await plans.load(ctx.db, planId)
  for (let tries = 1; ; tries += 1) {
    try {
      return await inFrame(ctx, owner, async (frame) => {
        const subscription = await store.lockLive(frame.tx, request.customer_id, planId)
        const standing = await settle(frame, request.id)
        if (standing?.request.status !== 'successful' || (await isUsed(frame.tx, standing))) return
        if (!subscription) return await begin(frame, plan, standing)
        if (request.extend_subscription_by !== null) return await extend({ ...frame, subscription }, plan, standing)
        const words = `Asyncpay gives this payment back: the customer is subscribed to ${plan.name} already`
        await followUps.giveBack(frame.tx, standing, words, frame.now)
      })
    } catch (error) {
      if (brokenConstraint(error) !== 'one_subscription_a_plan' || tries >= beginTriesMax) throw error
    }
  }
}

async function begin(
  frame: Frame,
  plan: Parameters<typeof beginPaid>[1]['plan'],
  standing: LockedRequest,
): Promise<void> {
  const { request } = standing
  const paid = followUps.paidBy(standing)
  const about = {
    owner: { businessId: request.business_id, envMode: request.env_mode },
    customerId: request.customer_id,
    plan,
    // The method that paid, or was left by the payment.
    methodId: request.saved_method_id ?? paid?.payment_method_id ?? null,
    // When the money came in: a worker that was away gives nobody a shorter first period.
    startsAt: request.updated_at,
  }
  if (!request.is_trial) {
    await beginPaid(frame, about, standing)
    return
  }
  const isUnproven = isStranger(request.created_by)
  const hadOne = isUnproven && (await plans.wasSubscribed(frame.tx, about.owner, plan.id, about.customerId))
  // Written down only where a trial begins.
  const isFirst = !hadOne && (await plans.noteTrial(frame.tx, plan.id, about.customerId, frame.now))
  if (isUnproven && !isFirst) {
    const words = `Asyncpay gives this payment back: the customer had a trial of ${plan.name} before`
    return await followUps.giveBack(frame.tx, standing, words, frame.now)
  }
  await beginTrial(frame, about, request.reference)
}

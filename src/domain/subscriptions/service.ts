import type { Context } from '../../platform/context.ts'
import { brokenConstraint } from '../../platform/db.ts'
import { ApiError, notFound } from '../../platform/errors.ts'
import { type IdempotencyClaim, noteMade } from '../../platform/idempotency.ts'
import { isUuid } from '../../platform/ids.ts'
import type { Page } from '../../platform/pagination.ts'
import { move } from '../../platform/states.ts'
import * as followUps from '../attempts/follow-up.ts'
import { auditBy, type Caller, changesOf, nowOf } from '../businesses/service.ts'
import * as customers from '../customers/service.ts'
import * as paymentMethods from '../payment-methods/service.ts'
import type { FullRequest } from '../payment-requests/schema.ts'
import * as paymentRequests from '../payment-requests/service.ts'
import * as payments from '../payments/service.ts'
import { subscriptionPlanErrors } from '../subscription-plans/errors.ts'
import * as plans from '../subscription-plans/service.ts'
import { lastTryAt } from './dunning.ts'
import { subscriptionErrors } from './errors.ts'
import { mailCancelled } from './mails.ts'
import { renew } from './renew.ts'
import { followUp } from './request-settled.ts'
import {
  type CreateSubscription,
  type FullSubscription,
  presentSubscription,
  type SubscriptionBody,
  type SubscriptionRow,
  type UpdateSubscription,
} from './schema.ts'
import { beginTrial } from './start.ts'
import { isLive, periodMachine } from './states.ts'
import type { SubscriptionFilter } from './store.ts'
import * as store from './store.ts'
import {
  anchorOf,
  atRest,
  dueAt,
  inFrame,
  type LockedSubscription,
  transition,
  withSubscription,
} from './with-subscription.ts'

export const present = (ctx: Context, caller: Pick<Caller, 'business'>, full: FullSubscription): SubscriptionBody =>
  presentSubscription(full, nowOf(ctx, caller.business), ctx.baseUrl, (ref) => paymentRequests.payUrl(ctx, ref))

export const list = (ctx: Context, caller: Caller, filter: SubscriptionFilter, page: Page) =>
  ctx.lists(caller, (db) => store.list(db, caller, filter, page))

export async function find(ctx: Context, caller: Caller, uuid: string): Promise<FullSubscription> {
  const full = isUuid(uuid) ? await store.load(ctx.db, uuid.toLowerCase()) : undefined
  const row = full?.subscription
  if (!full || row?.business_id !== caller.businessId || row.env_mode !== caller.envMode) throw notFound('subscription')
  return full
}

/** What is owed while a period is past due. */
export interface Overdue {
  amountMinor: bigint
  currency: string
  /** When its method is charged again; null: it is not, because the payer must be there. */
  retryAt: Date | null
  /** When the subscription ends unless it is paid. */
  endsAt: Date
  payUrl: string
}

/** Null: nothing is owed. */
export async function findMaybeOverdue(
  ctx: Context,
  caller: Caller,
  { subscription, openRef }: FullSubscription,
): Promise<Overdue | null> {
  const period = subscription.status === 'past_due' ? await store.findOpenPeriod(ctx.db, subscription.id) : undefined
  if (!period || !openRef) return null
  const due = subscription.next_due_at
  const next = due && due > nowOf(ctx, caller.business) ? due : null
  const { lastTransaction: last } = await paymentRequests.find(ctx, caller, openRef)
  return {
    amountMinor: period.amount_minor,
    currency: period.currency,
    retryAt: last?.refusal === 'payer' ? null : next,
    endsAt: lastTryAt(period, next ?? period.created_at),
    payUrl: paymentRequests.payUrl(ctx, openRef),
  }
}

/** `confirming`: the channel has not said whether the first charge succeeded; the subscription begins when it has. */
export type Created = { full: FullSubscription } | { confirming: FullRequest }

/**
 * Subscribes a customer by a saved method: charges it now, or begins a trial without a charge. Throws
 * `CUSTOMER_ALREADY_SUBSCRIBED_TO_PLAN`, `PAYMENT_DECLINED`, `PAYER_ACTION_REQUIRED`, `PAYMENT_METHOD_NOT_REUSABLE`,
 * `PLAN_INACTIVE`, and what a channel says.
 */
export async function create(
  ctx: Context,
  caller: Caller,
  body: CreateSubscription,
  claim: IdempotencyClaim | null,
): Promise<Created> {
  if (body.is_trial) return { full: await startTrial(ctx, caller, body, claim) }
  const { full, isConfirmed } = await payments.chargeMethod(ctx, caller, chargeOf(body), claim)
  if (!isConfirmed) return { confirming: full }
  await followUp(ctx, full.request.id)
  const id = await store.findMaybeIdByRequest(ctx.db, full.request.id)
  // Another payment was faster; this one goes back.
  if (!id) throw new ApiError(subscriptionPlanErrors.alreadySubscribed)
  return { full: await find(ctx, caller, id) }
}

const chargeOf = ({ customer_uuid, payment_method_uuid, subscription_plan_uuid }: CreateSubscription) => ({
  customer_uuid,
  payment_method_uuid,
  subscription_plan_uuid,
})

async function startTrial(
  ctx: Context,
  caller: Caller,
  body: CreateSubscription,
  claim: IdempotencyClaim | null,
): Promise<FullSubscription> {
  if (claim?.resumes) return await find(ctx, caller, claim.resumes)
  const customer = await customers.find(ctx, caller, body.customer_uuid, 'customer_uuid')
  const plan = await plans.find(ctx, caller, body.subscription_plan_uuid, 'subscription_plan_uuid')
  await plans.requireOpenTo(ctx, caller, plan, customer, false)
  const method = await findMethod(ctx, caller, customer.id, body.payment_method_uuid)
  const begin = { owner: ownerOf(caller), customerId: customer.id, plan, methodId: method.id }
  return await once(() =>
    inFrame(ctx, caller, async (frame) => {
      await plans.noteTrial(frame.tx, plan.id, customer.id, frame.now)
      const full = await beginTrial(frame, { ...begin, startsAt: frame.now }, null)
      await noteMade(frame.tx, claim, full.subscription.id)
      const detail = { id: full.subscription.id, ...changesOf({}, termsOf(full.subscription)) }
      await auditBy(frame.tx, caller, 'subscription.created', detail, ctx.clock.now(), customer.id)
      return full
    }),
  )
}

const ownerOf = ({ businessId, envMode }: Caller) => ({ businessId, envMode })

/** Throws 404, or `PAYMENT_METHOD_NOT_REUSABLE` for one that no charge can succeed with. */
async function findMethod(ctx: Context, caller: Caller, customerId: string, uuid: string) {
  const method = await paymentMethods.find(ctx, caller, customerId, uuid.toLowerCase(), 'payment_method_uuid')
  paymentMethods.requireChargeable(method, nowOf(ctx, caller.business))
  return method
}

/** The database keeps a customer to one subscription of a plan. Throws `CUSTOMER_ALREADY_SUBSCRIBED_TO_PLAN`. */
async function once<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (brokenConstraint(error) !== 'one_subscription_a_plan') throw error
    throw new ApiError(subscriptionPlanErrors.alreadySubscribed)
  }
}

const wrongState = ({ status, cancels_at }: SubscriptionRow, words: string): ApiError => {
  const state = status === 'active' && cancels_at ? 'active, and ends with its period' : status
  return new ApiError(subscriptionErrors.state, { message: `${words}: it is ${state}`, data: { status } })
}

/** What a person decides about a subscription. */
const termsOf = (row: SubscriptionRow) => ({
  ...{ status: row.status, subscription_plan: row.subscription_plan_id, payment_method: row.payment_method_id },
  ...{ cancels_at: row.cancels_at, paused_at: row.paused_at },
})

/** One change by the merchant, under the lock; gives the subscription as it is then. */
async function changed(
  ctx: Context,
  caller: Caller,
  uuid: string,
  action: 'cancelled' | 'kept' | 'paused' | 'resumed' | 'updated',
  work: (change: LockedSubscription) => Promise<'bill' | undefined>,
): Promise<FullSubscription> {
  const { subscription } = await find(ctx, caller, uuid)
  const next = await withSubscription(ctx, subscription.id, async (change) => {
    const done = await work(change)
    const { subscription: after } = (await store.load(change.tx, subscription.id)) ?? change
    const detail = { id: subscription.id, ...changesOf(termsOf(change.subscription), termsOf(after)) }
    const { customer_id: customerId } = subscription
    await auditBy(change.tx, caller, `subscription.${action}`, detail, ctx.clock.now(), customerId)
    return done
  })
  if (next === 'bill') await renew(ctx, (await find(ctx, caller, uuid)).subscription)
  return await find(ctx, caller, uuid)
}

/**
 * Ends with what is paid for: it stays active until then. At once where that was asked, where nothing is paid for
 * (paused, past due), or where its next period is being charged: that charge ends too, or its money goes back.
 */
export const cancel = (ctx: Context, caller: Caller, uuid: string, immediately: boolean): Promise<FullSubscription> =>
  changed(ctx, caller, uuid, 'cancelled', async (change) => {
    const { tx, now, subscription } = change
    if (!isLive(subscription.status)) throw wrongState(subscription, 'It cannot be cancelled')
    const open = await store.findOpenPeriod(tx, subscription.id)
    if (!immediately && !open && (subscription.status === 'active' || subscription.status === 'trialing')) {
      if (subscription.cancels_at) return
      const endsAt = subscription.current_period_end
      await transition(change, subscription.status, { cancels_at: endsAt, cancelled_at: now, remind_at: null })
      const full = await store.load(tx, subscription.id)
      if (full) await mailCancelled(change, full, 'asked', endsAt)
      return
    }
    if (open) {
      await followUps.endSoon(tx, await followUps.lockForFollowUp(tx, open.payment_request_id), now)
      await move(tx, periodMachine, open.id, 'open', 'unpaid', { updated_at: now })
    }
    const cancelledAt = subscription.cancelled_at ?? now
    await transition(change, 'cancelled', { ...atRest, cancelled_at: cancelledAt, ended_at: now })
    const full = await change.emit(subscription.id, 'subscription.cancelled')
    await mailCancelled(change, full, 'asked', null)
  })

/**
 * Takes a cancellation back while what is paid for lasts: it renews as before. Throws `SUBSCRIPTION_STATE` once it has
 * ended.
 */
export async function keep(ctx: Context, caller: Caller, uuid: string): Promise<FullSubscription> {
  return await changed(ctx, caller, uuid, 'kept', async (change) => {
    const { now, subscription } = change
    const { cancels_at: cancelsAt, status } = subscription
    if (isLive(status) && cancelsAt === null) return
    if (!isLive(status) || cancelsAt === null || cancelsAt <= now) throw wrongState(subscription, 'It cannot be kept')
    const due = dueAt(subscription.current_period_end, anchorOf(subscription).terms, now)
    await transition(change, status, { cancels_at: null, cancelled_at: null, ...due })
    return
  })
}

/**
 * Nothing is charged until it is resumed. Throws `SUBSCRIPTION_STATE` unless it is active or trialing with nothing
 * being charged.
 */
export const pause = (ctx: Context, caller: Caller, uuid: string): Promise<FullSubscription> =>
  changed(ctx, caller, uuid, 'paused', async (change) => {
    const { tx, now, subscription } = change
    const runs = ['active', 'trialing'].includes(subscription.status) && subscription.cancels_at === null
    if (!runs) throw wrongState(subscription, 'It cannot be paused')
    if (await store.findOpenPeriod(tx, subscription.id)) throw wrongState(subscription, 'It is being renewed')
    await transition(change, 'paused', { ...atRest, paused_at: now })
    return
  })

/**
 * Goes on where it was while what is paid for lasts; afterwards the next period begins now and is billed at once. The
 * time of the pause is not billed.
 */
export const resume = (ctx: Context, caller: Caller, uuid: string): Promise<FullSubscription> =>
  changed(ctx, caller, uuid, 'resumed', async (change) => {
    const { now, subscription } = change
    if (subscription.status !== 'paused') throw wrongState(subscription, 'It cannot be resumed')
    const { current_period_end: endsAt, period_number: number } = subscription
    if (endsAt > now) {
      const to = number === 0 ? 'trialing' : 'active'
      await transition(change, to, { paused_at: null, ...dueAt(endsAt, anchorOf(subscription).terms, now) })
      return
    }
    const restart = { anchor_at: now, anchor_number: number + 1, next_due_at: now, remind_at: null }
    await transition(change, 'active', { paused_at: null, ...restart })
    return 'bill'
  })

/**
 * Another plan from the next period on, or another method from the next charge on: at once where a period is past due.
 * Throws `CUSTOMER_ALREADY_SUBSCRIBED_TO_PLAN` where the customer has that plan already, `SUBSCRIPTION_STATE` for one
 * that has ended.
 */
export async function update(
  ctx: Context,
  caller: Caller,
  uuid: string,
  body: UpdateSubscription,
): Promise<FullSubscription> {
  const { subscription: known, customer } = await find(ctx, caller, uuid)
  const plan =
    body.subscription_plan_uuid === undefined
      ? undefined
      : await plans.find(ctx, caller, body.subscription_plan_uuid, 'subscription_plan_uuid')
  if (plan && plan.id !== known.subscription_plan_id) await plans.requireOpenTo(ctx, caller, plan, customer, false)
  const method =
    body.payment_method_uuid === undefined
      ? undefined
      : await findMethod(ctx, caller, customer.id, body.payment_method_uuid)
  return await once(() =>
    changed(ctx, caller, uuid, 'updated', async (change) => {
      const { now, subscription } = change
      if (!isLive(subscription.status)) throw wrongState(subscription, 'It cannot be changed')
      const isTriedNow = method !== undefined && subscription.status === 'past_due'
      await transition(change, subscription.status, {
        ...(plan && { subscription_plan_id: plan.id }),
        ...(method && { payment_method_id: method.id }),
        ...(isTriedNow && { next_due_at: now }),
      })
      return isTriedNow ? 'bill' : undefined
    }),
  )
}

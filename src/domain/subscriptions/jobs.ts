import { minuteMs, secondMs } from '../../platform/clock.ts'
import type { Context } from '../../platform/context.ts'
import * as followUps from '../attempts/follow-up.ts'
import type { ClockedSweep } from '../clock/service.ts'
import { claimDue, type DueOf } from '../clock/service.ts'
import { remind, renew } from './renew.ts'
import { followUp } from './request-settled.ts'
import type { SubscriptionRow } from './schema.ts'
import * as store from './store.ts'

/**
 * Subscriptions have sweeps of their own: a hundred thousand that are due at once are worked off in batches of so many,
 * all of a batch at the same time, and payments and deliveries go on beside them.
 */
const batch = 20
/** Longer than a charge may take; whoever finds the subscription afterwards goes on with its open period. */
const leaseMs = 2 * minuteMs
const followLeaseMs = 30 * secondMs

export async function renewDue(ctx: Context, of: DueOf = 'everybody'): Promise<number> {
  const claim = { of, now: ctx.clock.now(), leaseMs, limit: batch }
  const due = await claimDue<SubscriptionRow>(ctx.db, store.dueRenewals, claim)
  await Promise.all(due.map((subscription) => renew(ctx, subscription)))
  return due.length
}

/** What a worker that died did not come to; else whoever changed the request has done it already. */
export async function followDue(ctx: Context, of: DueOf = 'everybody'): Promise<number> {
  const claim = { of, now: ctx.clock.now(), leaseMs: followLeaseMs, limit: batch }
  const due = await followUps.claimFollowUps(ctx, claim)
  await Promise.all(due.map((request) => followUp(ctx, request.id)))
  return due.length
}

export async function remindDue(ctx: Context, of: DueOf = 'everybody'): Promise<number> {
  const claim = { of, now: ctx.clock.now(), leaseMs: followLeaseMs, limit: batch }
  const due = await claimDue<SubscriptionRow>(ctx.db, store.dueReminders, claim)
  await Promise.all(due.map((subscription) => remind(ctx, subscription)))
  return due.length
}

export const subscriptionSweeps = (ctx: Context): ClockedSweep[] => [
  {
    name: 'subscriptions.follow',
    everyMs: secondMs,
    run: () => followDue(ctx),
    clocked: { due: followUps.dueFollowUps, run: (mode) => followDue(ctx, mode) },
  },
  {
    name: 'subscriptions.renew',
    everyMs: secondMs,
    run: () => renewDue(ctx),
    clocked: { due: store.dueRenewals, run: (mode) => renewDue(ctx, mode) },
  },
  {
    name: 'subscriptions.remind',
    everyMs: 10 * secondMs,
    run: () => remindDue(ctx),
    clocked: { due: store.dueReminders, run: (mode) => remindDue(ctx, mode) },
  },
]

import { after, minuteMs, secondMs } from '../../platform/clock.ts'
import type { Context } from '../../platform/context.ts'
import type { Sweep } from '../../platform/queue.ts'
import { closePage, expire, nextCheck, quietly, refreshAttempt } from './outcome.ts'
import * as store from './store.ts'

/** Rows a round; a full round is followed by the next at once. */
const batch = 20
/** Longer than a channel may take to answer. */
const leaseMs = 60 * secondMs
const expiryRetryMs = 5 * minuteMs

/** The janitor: asks about attempts that no webhook told about. */
export async function checkDueAttempts(ctx: Context): Promise<number> {
  const now = ctx.clock.now()
  const due = await store.claimDueChecks(ctx.db, now, after(now, leaseMs), batch)
  await Promise.all(
    due.map(async (attempt) => {
      await quietly(refreshAttempt(ctx, attempt))
      // Closing it at its channel may have failed when it was voided.
      if (attempt.status === 'voided') await closePage(ctx, attempt)
      await store.setNextCheck(ctx.db, attempt.id, nextCheck(attempt, attempt.check_count, ctx.clock.now()))
    }),
  )
  return due.length
}

/** Ends requests whose 24 hours are over. */
export async function expireDueRequests(ctx: Context): Promise<number> {
  const now = ctx.clock.now()
  const due = await store.claimDueExpiries(ctx.db, now, after(now, expiryRetryMs), batch)
  await Promise.all(due.map((request) => quietly(expire(ctx, request))))
  return due.length
}

export const paymentRequestSweeps = (ctx: Context): Sweep[] => [
  { name: 'payment-requests.check', everyMs: secondMs, run: () => checkDueAttempts(ctx) },
  { name: 'payment-requests.expire', everyMs: 5 * secondMs, run: () => expireDueRequests(ctx) },
]

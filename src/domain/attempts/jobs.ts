import { dayMs, minuteMs, secondMs } from '../../platform/clock.ts'
import type { Context } from '../../platform/context.ts'
import { claimDue, type DueOf } from '../../platform/due.ts'
import type { Sweep } from '../../platform/queue.ts'
import { findNow } from '../businesses/service.ts'
import * as held from '../payment-requests/held.ts'
import type { RequestRow, TransactionRow } from '../payment-requests/schema.ts'
import { isUnderWay } from '../payment-requests/states.ts'
import { closePage, quietly, refreshAttempt } from './ask.ts'
import { expire } from './end.ts'
import { nextCheck } from './schedule.ts'
import * as store from './store.ts'

/** Rows a round; a full round is followed by the next at once. */
const batch = 20

/** Longer than a channel may take to answer. */
const leaseMs = 60 * secondMs

/** A channel that does not answer, or a charge that is unknown, keeps a request from ending. */
const expiryRetryMs = 5 * minuteMs

/**
 * How often an attempt that is under way is asked about while a test clock is being moved: that moves our clock and not the
 * provider's, so what it has not said by then is left for when the clock has come to rest; there the asking begins anew.
 */
const asksOnTheWayMax = 12

/** The janitor: asks about attempts that no webhook told about. `until`: where a test clock is being moved to. */
export async function checkDueAttempts(ctx: Context, of: DueOf = 'everybody', until?: Date): Promise<number> {
  const claim = { of, now: ctx.clock.now(), leaseMs, limit: batch }
  const due = await claimDue<TransactionRow>(ctx.db, store.dueChecks, claim)
  await Promise.all(due.map((attempt) => check(ctx, attempt, until)))
  return due.length
}

async function check(ctx: Context, attempt: TransactionRow, until?: Date): Promise<void> {
  await quietly(refreshAttempt(ctx, attempt))
  // Closing it at its channel may have failed when it was voided.
  if (attempt.status === 'voided') await closePage(ctx, attempt)
  const now = await findNow(ctx, { businessId: attempt.business_id, envMode: attempt.env_mode })
  // Where its money is on its way since this very look, that has a schedule of its own.
  const current = (await store.findMaybeTransactionById(ctx.db, attempt.id)) ?? attempt
  const next = nextCheck(current, current.check_count, now)
  const isAsked = isUnderWay(current.status) && current.check_count >= asksOnTheWayMax
  const isLeft = until !== undefined && isAsked && next !== null && next < until
  await store.setNextCheck(ctx.db, attempt.id, { at: isLeft ? until : next, isAnew: isLeft })
}

/** Ends requests whose 24 hours are over. */
export async function expireDueRequests(ctx: Context, of: DueOf = 'everybody'): Promise<number> {
  const retryMs = of === 'everybody' ? expiryRetryMs : dayMs
  const claim = { of, now: ctx.clock.now(), leaseMs: retryMs, limit: batch }
  const due = await claimDue<RequestRow>(ctx.db, held.dueExpiries, claim)
  await Promise.all(due.map((request) => quietly(expire(ctx, request))))
  return due.length
}

export const attemptSweeps = (ctx: Context): Sweep[] => [
  {
    name: 'payment-requests.check',
    everyMs: secondMs,
    run: () => checkDueAttempts(ctx),
    clocked: { due: store.dueChecks, run: (mode, until) => checkDueAttempts(ctx, mode, until) },
  },
  {
    name: 'payment-requests.expire',
    everyMs: 5 * secondMs,
    run: () => expireDueRequests(ctx),
    clocked: { due: held.dueExpiries, run: (mode) => expireDueRequests(ctx, mode) },
  },
]

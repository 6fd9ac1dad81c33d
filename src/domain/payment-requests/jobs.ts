import { after, dayMs, hourMs, minuteMs, secondMs } from '../../platform/clock.ts'
import type { Context } from '../../platform/context.ts'
import { claimDue, type DueOf } from '../../platform/due.ts'
import type { Sweep } from '../../platform/queue.ts'
import { findNow } from '../businesses/service.ts'
import { closePage, quietly, refreshAttempt } from './ask.ts'
import { expire } from './end.ts'
import type { RequestRow, TransactionRow } from './schema.ts'
import { isSettled } from './states.ts'
import * as store from './store.ts'

/** Rows a round; a full round is followed by the next at once. */
const batch = 20
/** Longer than a channel may take to answer. */
const leaseMs = 60 * secondMs
/** A channel that does not answer, or a charge that is unknown, keeps a request from ending. */
const expiryRetryMs = 5 * minuteMs

/**
 * How often a charge that is unknown is asked about while a test clock is being moved: that moves our clock and not the
 * provider's, so what it has not said by then is left for when the clock has come to rest.
 */
const asksOnTheWayMax = 12

/** When the janitor asks about an attempt, counted from its opening; then daily until it is `checkedForMs` old. */
const checkDelaysMs = [15 * secondMs, minuteMs, 5 * minuteMs, hourMs]
/**
 * An attempt that got no answer is asked about for as long as a provider may still settle it: 90 days. Counted in asks,
 * so that a test clock that jumps a year does not use them up.
 */
const unknownAsksMax = checkDelaysMs.length + 90
/** Late money on a page that we gave up on: providers' pages die within days. */
const checkedForMs = 7 * dayMs

/** When to look again after the `count`th look; null: nothing more can come. */
export function nextCheck(
  attempt: Pick<TransactionRow, 'status' | 'created_at'>,
  count: number,
  now: Date,
): Date | null {
  if (isSettled(attempt.status)) return null
  const next = after(now, checkDelaysMs[count] ?? dayMs)
  if (attempt.status === 'unknown') return count > unknownAsksMax ? null : next
  return next.getTime() - attempt.created_at.getTime() > checkedForMs ? null : next
}

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
  const next = nextCheck(attempt, attempt.check_count, now)
  const left = until && attempt.status === 'unknown' && attempt.check_count >= asksOnTheWayMax
  await store.setNextCheck(ctx.db, attempt.id, left && next && next < until ? until : next)
}

/** Ends requests whose 24 hours are over. */
export async function expireDueRequests(ctx: Context, of: DueOf = 'everybody'): Promise<number> {
  const retryMs = of === 'everybody' ? expiryRetryMs : dayMs
  const claim = { of, now: ctx.clock.now(), leaseMs: retryMs, limit: batch }
  const due = await claimDue<RequestRow>(ctx.db, store.dueExpiries, claim)
  await Promise.all(due.map((request) => quietly(expire(ctx, request))))
  return due.length
}

export const paymentRequestSweeps = (ctx: Context): Sweep[] => [
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
    clocked: { due: store.dueExpiries, run: (mode) => expireDueRequests(ctx, mode) },
  },
]

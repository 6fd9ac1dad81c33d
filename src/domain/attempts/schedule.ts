import { after, dayMs, hourMs, minuteMs, secondMs } from '../../platform/clock.ts'
import type { TransactionRow } from '../payment-requests/schema.ts'
import { isSettled } from '../payment-requests/states.ts'

/** When an attempt is asked about again, and for how long. Pure. */

/** When the janitor asks about an attempt, counted from its opening; then daily until it is `checkedForMs` old. */
const checkDelaysMs = [15 * secondMs, minuteMs, 5 * minuteMs, hourMs]

/** While money is on its way, counted from then: most transfers land within minutes, nearly all within a day. */
const processingDelaysMs = [...checkDelaysMs, 3 * hourMs, 6 * hourMs, 12 * hourMs]

/** Money that takes longer than its way to pay may take. */
const overdueEveryMs = 7 * dayMs

/**
 * An attempt that got no answer, or whose money is on its way, is asked about for as long as a provider may still settle
 * it: 90 days at least. Counted in asks, so that a test clock that jumps a year does not use them up.
 */
const underWayAsksMax = checkDelaysMs.length + 90

/** Late money on a page that we gave up on: providers' pages die within days. */
const checkedForMs = 7 * dayMs

/** When to look again after the `count`th look; null: nothing more can come, or only a webhook brings it. */
export function nextCheck(
  attempt: Pick<TransactionRow, 'status' | 'created_at' | 'processing_until'>,
  count: number,
  now: Date,
): Date | null {
  if (isSettled(attempt.status)) return null
  if (attempt.status === 'unknown') return count > underWayAsksMax ? null : after(now, checkDelaysMs[count] ?? dayMs)
  if (attempt.processing_until === null) {
    const next = after(now, checkDelaysMs[count] ?? dayMs)
    return next.getTime() - attempt.created_at.getTime() > checkedForMs ? null : next
  }
  const next = after(now, processingDelaysMs[count] ?? dayMs)
  if (next <= attempt.processing_until) return next
  return attempt.status !== 'processing' || count > underWayAsksMax ? null : after(now, overdueEveryMs)
}

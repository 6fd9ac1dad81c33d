import { after, dayMs } from '../../platform/clock.ts'
import type { Context } from '../../platform/context.ts'
import { move } from '../../platform/states.ts'
import { findNow } from '../businesses/service.ts'
import * as held from '../payment-requests/held.ts'
import { addTimelineEntry, endOf } from '../payment-requests/held.ts'
import type { RequestRow } from '../payment-requests/schema.ts'
import { isPayable, requestMachine, transactionMachine } from '../payment-requests/states.ts'
import { refreshRequest } from './ask.ts'
import { voidAttempt } from './open.ts'
import { releaseKept } from './store-received.ts'
import { type RequestChange, withRequest } from './with-request.ts'

/** How a request ends without a payment: cancelled, or its time is up. */

export async function end(change: RequestChange, to: 'cancelled' | 'expired', summary: string): Promise<void> {
  const { tx, request, attempts, now } = change
  for (const attempt of attempts.filter((one) => one.status === 'pending')) {
    if (to === 'cancelled') await voidAttempt(tx, attempt, now)
    else await move(tx, transactionMachine, attempt.id, 'pending', 'expired', { updated_at: now })
  }
  await releaseKept(tx, request.id, now)
  await move(tx, requestMachine, request.id, request.status, to, { ...endOf(request, now), updated_at: now })
  await addTimelineEntry(tx, { requestId: request.id, transactionId: null, summary, status: to, now })
}

/** A channel that cannot be asked postpones the end of a request, but not for longer than this. */
const expiryGraceMs = dayMs

/**
 * Ends a request whose time is up, after asking the channel once more: money that is in counts, whoever comes first.
 * False: a channel did not say, or money is on its way; look again later.
 */
export async function expire(ctx: Context, request: RequestRow): Promise<boolean> {
  const { silent } = await refreshRequest(ctx, request.id)
  const now = await findNow(ctx, { businessId: request.business_id, envMode: request.env_mode })
  const graceOver = now.getTime() - request.expires_at.getTime() > expiryGraceMs
  if (silent && !graceOver) return false
  return await withRequest(ctx, request.id, async (change) => {
    if (!isPayable(change.request.status)) return true
    if (change.attempts.some((one) => one.status === 'unknown')) return false
    if (change.attempts.some((one) => one.status === 'processing')) {
      // The janitor asks about it; should it come to nothing, the end is looked for at once.
      await held.setExpiry(change.tx, request.id, { expiry_check_at: after(change.now, dayMs) })
      return false
    }
    await end(change, 'expired', 'Payment expired')
    await change.emit('payment.expired')
    return true
  })
}

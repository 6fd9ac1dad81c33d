import { after, dayMs } from '../../platform/clock.ts'
import type { Context } from '../../platform/context.ts'
import { move } from '../../platform/states.ts'
import { auditBy, type Caller, findNow } from '../businesses/service.ts'
import { closePage, refreshRequest } from './ask.ts'
import { type Change, withRequest } from './change.ts'
import { findId, load } from './find.ts'
import { endOf } from './follow-up.ts'
import { requireFree, tell, voidAttempt } from './open.ts'
import type { FullRequest, RequestRow } from './schema.ts'
import { isPayable, requestMachine, transactionMachine } from './states.ts'
import * as store from './store.ts'
import { releaseKept } from './store-received.ts'

/** How a request ends without a payment: cancelled, or its time is up. */

/**
 * Voids what is pending and ends the request. A payment that is already in wins: then 409. While a charge is unknown or
 * money is on its way the request cannot end either.
 */
export async function cancel(ctx: Context, caller: Caller, ref: string): Promise<FullRequest> {
  const requestId = await findId(ctx, caller, ref)
  await refreshRequest(ctx, requestId)
  const pending = (await store.listTransactions(ctx.db, requestId)).filter((one) => one.status === 'pending')
  for (const attempt of pending) await closePage(ctx, attempt)
  await withRequest(ctx, requestId, async (change) => {
    const { request, attempts } = change
    if (request.status === 'cancelled') return
    requireFree(request, attempts)
    await end(change, 'cancelled', 'Payment cancelled')
    await change.emit('payment.cancelled')
    const detail = { id: request.id, ref: request.ref }
    await auditBy(change.tx, caller, 'payment_request.cancelled', detail, ctx.clock.now(), request.customer_id)
  })
  return await load(ctx, requestId)
}

async function end(change: Change, to: 'cancelled' | 'expired', summary: string): Promise<void> {
  const { tx, request, attempts, now } = change
  for (const attempt of attempts.filter((one) => one.status === 'pending')) {
    if (to === 'cancelled') await voidAttempt(tx, attempt, now)
    else await move(tx, transactionMachine, attempt.id, 'pending', 'expired', { updated_at: now })
  }
  await releaseKept(tx, request.id, now)
  await move(tx, requestMachine, request.id, request.status, to, { ...endOf(request, now), updated_at: now })
  await tell(tx, { requestId: request.id, transactionId: null, summary, status: to, now })
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
      await store.setExpiry(change.tx, request.id, { expiry_check_at: after(change.now, dayMs) })
      return false
    }
    await end(change, 'expired', 'Payment expired')
    await change.emit('payment.expired')
    return true
  })
}

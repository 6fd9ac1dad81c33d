import type { Context } from '../../platform/context.ts'
import { closePage, end, listTransactions, refreshRequest, requireFree, withRequest } from '../attempts/service.ts'
import { auditBy, type Caller } from '../businesses/service.ts'
import type { FullRequest } from '../payment-requests/schema.ts'
import { findId, load } from '../payment-requests/service.ts'

/**
 * Voids what is pending and ends the request. A payment that is already in wins: then 409. While a charge is unknown or
 * money is on its way the request cannot end either.
 */
export async function cancel(ctx: Context, caller: Caller, ref: string): Promise<FullRequest> {
  const requestId = await findId(ctx, caller, ref)
  await refreshRequest(ctx, requestId)
  const pending = (await listTransactions(ctx.db, requestId)).filter((one) => one.status === 'pending')
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

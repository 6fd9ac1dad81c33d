import type { EventType } from '../../events/catalogue.ts'
import { dispatchQueue, record } from '../../events/outbox.ts'
import type { Context } from '../../platform/context.ts'
import { inTransaction, type Tx } from '../../platform/db.ts'
import type { Business } from '../businesses/schema.ts'
import { find as findBusiness, nowOf } from '../businesses/service.ts'
import { listAccounts } from '../payment-channels/service.ts'
import * as held from '../payment-requests/held.ts'
import type { FullRequest, RequestRow, TransactionRow } from '../payment-requests/schema.ts'
import { load, presentWith } from '../payment-requests/service.ts'
import * as store from './store.ts'

/** A request under its lock, and what a change needs to write. */
export interface RequestChange {
  ctx: Context
  tx: Tx
  business: Business
  request: RequestRow
  attempts: TransactionRow[]
  now: Date
  emit: (type: EventType) => Promise<void>
}

export async function withRequest<T>(
  ctx: Context,
  requestId: string,
  work: (change: RequestChange) => Promise<T>,
): Promise<T> {
  // Read before the transaction: with one connection nothing else may be asked for inside it.
  const { request: known } = await load(ctx, requestId)
  const owner = { businessId: known.business_id, envMode: known.env_mode }
  const [business, accounts] = [
    await findBusiness(ctx, owner.businessId, owner.envMode),
    await listAccounts(ctx, owner),
  ]
  let emitted = false
  const result = await inTransaction(ctx.db, async (tx) => {
    const request = await held.lock(tx, requestId)
    if (!request) throw new Error(`payment request ${requestId} is gone`)
    const now = nowOf(ctx, business)
    const emit = async (type: EventType) => {
      const full = (await held.loadHeld(tx, requestId)) as FullRequest
      const relations = ['timeline_records', 'customer', 'business'] as const
      // At the top, where receivers look for it.
      const { reference, ...body } = presentWith(ctx, business, accounts, full, relations)
      const data = { reference, ...body }
      await record(tx, ctx.queue, { ...owner, type, objectType: 'payment_request', objectId: requestId, data, now })
      emitted = true
    }
    return await work({ ctx, tx, business, request, attempts: await store.listTransactions(tx, requestId), now, emit })
  })
  if (emitted) ctx.queue.wake(dispatchQueue)
  return result
}

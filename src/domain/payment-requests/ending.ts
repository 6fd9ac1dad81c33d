import type { Tx } from '../../platform/db.ts'
import type { RequestRow } from './schema.ts'
import { isPayable } from './states.ts'
import * as store from './store.ts'

/** What the end of a request, or of a charge for it, means for the subscription that it pays. */

/** Columns of a request that ends: nothing expires any more, and where it was for a plan, its subscription follows. */
export const endOf = (request: RequestRow, now: Date) => ({
  expiry_check_at: null,
  follow_up_due_at: request.subscription_plan_id === null ? null : now,
})

/**
 * A charge of it did not succeed: its subscription follows, while there is something to pay. What has ended is followed
 * by its end alone, once: a word that comes later about another attempt is no news to who was paid.
 */
export async function followLater(tx: Tx, request: RequestRow, now: Date): Promise<void> {
  if (request.subscription_id && isPayable(request.status)) await store.setFollowUpDue(tx, request.id, now)
}

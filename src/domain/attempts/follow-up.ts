import type { Context } from '../../platform/context.ts'
import type { Tx } from '../../platform/db.ts'
import { type Claim, claimDue } from '../clock/service.ts'
import * as held from '../payment-requests/held.ts'
import { addTimelineEntry } from '../payment-requests/held.ts'
import type { RequestRow, TransactionRow } from '../payment-requests/schema.ts'
import { isPayable } from '../payment-requests/states.ts'
import * as store from './store.ts'
import { releaseKept, setRefundDue } from './store-received.ts'

/**
 * What subscriptions need of the requests that pay for plans. Whatever becomes of such a request is written together
 * with a time at which its subscription follows; subscriptions are above and are not known here.
 */

export const claimFollowUps = (ctx: Context, claim: Claim): Promise<RequestRow[]> =>
  claimDue<RequestRow>(ctx.db, held.dueFollowUps, claim)

export const { dueFollowUps } = held

export interface LockedRequest {
  request: RequestRow
  attempts: TransactionRow[]
}

/** Nothing becomes of it until the transaction ends. Who locks its subscription too locks that first. */
export async function lockForFollowUp(tx: Tx, requestId: string): Promise<LockedRequest> {
  const request = await held.lock(tx, requestId)
  if (!request) throw new Error(`payment request ${requestId} is gone`)
  return { request, attempts: await store.listTransactions(tx, requestId) }
}

/** In the transaction that wrote what follows. */
export const settleFollowUp = (tx: Tx, requestId: string): Promise<void> => held.setFollowUpDue(tx, requestId, null)

/** The payment that counts; null while there is none. */
export const paidBy = ({ attempts }: LockedRequest): TransactionRow | null =>
  attempts.find((one) => one.status === 'successful') ?? null

/** A payment that bought nothing goes back by itself; `words` tell the timeline why. */
export async function giveBack(tx: Tx, standing: LockedRequest, words: string, now: Date): Promise<void> {
  const { request } = standing
  const paid = paidBy(standing)
  if (!paid) return
  await setRefundDue(tx, paid.id, now)
  await releaseKept(tx, request.id, now)
  await addTimelineEntry(tx, { requestId: request.id, transactionId: paid.id, summary: words, status: null, now })
}

/** Its time is up now: the channels are asked once more, and money that is in counts. */
export async function endSoon(tx: Tx, { request }: LockedRequest, now: Date): Promise<void> {
  if (isPayable(request.status)) await held.setExpiry(tx, request.id, { expires_at: now, expiry_check_at: now })
}

/** It can be paid until then at least. It was made to be ended by `endSoon` alone. */
export async function keepUntil(tx: Tx, { request }: LockedRequest, until: Date): Promise<void> {
  if (isPayable(request.status) && request.expires_at < until)
    await held.setExpiry(tx, request.id, { expires_at: until })
}

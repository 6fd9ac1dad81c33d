import type { Context } from '../../platform/context.ts'
import type { Tx } from '../../platform/db.ts'
import { type Claim, claimDue } from '../clock/service.ts'
import * as held from '../payment-requests/held.ts'
import type { TransactionRow } from '../payment-requests/schema.ts'
import { load } from '../payment-requests/service.ts'
import { isForSaving } from './saved.ts'
import * as store from './store.ts'
import { setRefundDue } from './store-received.ts'

/** What refunds need of payments that do not count. */

export const claimExcess = (ctx: Context, claim: Claim): Promise<TransactionRow[]> =>
  claimDue<TransactionRow>(ctx.db, store.dueExcess, claim)

export const { dueExcess } = store

/** In the transaction that decides how the money goes back; the request is held, as for every change of an attempt. */
export async function settleExcess(tx: Tx, attempt: TransactionRow): Promise<void> {
  await held.lock(tx, attempt.payment_request_id)
  await setRefundDue(tx, attempt.id, null)
}

export const postponeExcess = (ctx: Context, { id, refund_due_origin }: TransactionRow, until: Date): Promise<void> =>
  setRefundDue(ctx.db, id, until, refund_due_origin)

export async function findTransaction(ctx: Context, id: string): Promise<TransactionRow> {
  const row = await store.findMaybeTransactionById(ctx.db, id)
  if (!row) throw new Error(`transaction ${id} is gone`)
  return row
}

/** True for a payment that was made only to save a method. */
export const isSavingSum = async (ctx: Context, attempt: TransactionRow): Promise<boolean> =>
  isForSaving((await load(ctx, attempt.payment_request_id)).request)

/** The merchant's own reference of a request. */
export const referenceOf = async (ctx: Context, requestId: string): Promise<string | null> =>
  (await load(ctx, requestId)).request.reference

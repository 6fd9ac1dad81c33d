import { type Db, sql, type Tx } from '../../platform/db.ts'
import type { Owner } from '../payment-requests/service.ts'

export interface NewFurther {
  id: string
  ref: string
  channelTransactionId: string
  amountMinor: bigint | null
  currency: string | null
  paymentMethod: string
  reason: string
  now: Date
}

/** A further payment on an attempt's page. False: it was recorded before. */
export async function insertFurther(tx: Tx, attemptId: string, row: NewFurther): Promise<boolean> {
  const { rows } = await sql`insert into transactions (id, ref, business_id, env_mode, payment_request_id,
      payment_channel_slug, mode, status, currency, amount_minor, amount_to_usd, usd_per_unit, description,
      payment_method, channel_transaction_id, received_amount_minor, received_currency, reason, refund_due_at, further_of,
      created_at, updated_at)
    select ${row.id}, ${row.ref}, business_id, env_mode, payment_request_id, payment_channel_slug, 'redirect', 'excess',
      currency, amount_minor, amount_to_usd, usd_per_unit, description, ${row.paymentMethod}, ${row.channelTransactionId},
      ${row.amountMinor}, ${row.currency}, ${row.reason}, ${row.now}, id, ${row.now}, ${row.now}
    from transactions where id = ${attemptId}
    on conflict (business_id, env_mode, payment_channel_slug, channel_transaction_id) where further_of is not null
      do nothing returning id`.execute(tx)
  return rows.length === 1
}

export async function noteChannelTransaction(tx: Tx, transactionId: string, channelTransactionId: string) {
  await tx
    .updateTable('transactions')
    .set({ channel_transaction_id: channelTransactionId })
    .where('id', '=', transactionId)
    .where('channel_transaction_id', 'is', null)
    .execute()
}

/** A payment of this request's page that is recorded, as what counts or as further money. */
export async function isRecorded(
  db: Db,
  owner: Owner,
  payment: { requestId: string; slug: string; channelTransactionId: string },
): Promise<boolean> {
  const row = await db
    .selectFrom('transactions')
    .select('id')
    .where('business_id', '=', owner.businessId)
    .where('env_mode', '=', owner.envMode)
    .where('payment_request_id', '=', payment.requestId)
    .where('payment_channel_slug', '=', payment.slug)
    .where('channel_transaction_id', '=', payment.channelTransactionId)
    .executeTakeFirst()
  return row !== undefined
}

/** Parts that were kept for a request are due to go back. */
export async function releaseKept(tx: Tx, requestId: string, now: Date): Promise<void> {
  await tx
    .updateTable('transactions')
    .set({ is_kept: false, refund_due_at: now })
    .where('payment_request_id', '=', requestId)
    .where('is_kept', '=', true)
    .execute()
}

/** Null: settled, nothing is due any more. `origin`: only that part of a payment that counts. */
export async function setRefundDue(
  db: Db | Tx,
  transactionId: string,
  dueAt: Date | null,
  origin: 'overpayment' | null = null,
): Promise<void> {
  await db
    .updateTable('transactions')
    .set({ refund_due_at: dueAt, refund_due_origin: origin })
    .where('id', '=', transactionId)
    .execute()
}

import { type Db, sql, type Tx } from '../../platform/db.ts'
import type { DueRows } from '../../platform/due.ts'
import type { EnvMode } from '../businesses/schema.ts'
import type { RefundRow } from './schema.ts'

export interface Owner {
  businessId: string
  envMode: EnvMode
}

export interface NewRefund {
  id: string
  ref: string
  transactionId: string
  origin: RefundRow['origin']
  currency: string
  amountMinor: bigint
  reason: string
  checkAt: Date
  /** Real time. */
  sentAt: Date
  now: Date
}

/** The refund that we make ourselves: one a payment and origin, whoever asks how often. Written as `unknown`: it is about to be sent. */
export async function insertOnce(tx: Tx, row: NewRefund): Promise<boolean> {
  const { rows } =
    await sql`insert into refunds (id, ref, business_id, env_mode, payment_request_id, transaction_id, origin,
      status, currency, amount_minor, reason, check_at, sent_at, created_at, updated_at)
    select ${row.id}, ${row.ref}, business_id, env_mode, payment_request_id, id, ${row.origin}, 'unknown', ${row.currency},
      ${row.amountMinor}, ${row.reason}, ${row.checkAt}, ${row.sentAt}, ${row.now}, ${row.now} from transactions where id = ${row.transactionId}
    on conflict (transaction_id, origin) where origin in ('excess', 'saved_method', 'not_owed', 'overpayment') do nothing returning id`.execute(
      tx,
    )
  return rows.length === 1
}

export async function findByTransaction(
  db: Db | Tx,
  transactionId: string,
  origin: RefundRow['origin'],
): Promise<RefundRow | undefined> {
  const row = await db
    .selectFrom('refunds')
    .selectAll()
    .where('transaction_id', '=', transactionId)
    .where('origin', '=', origin)
    .executeTakeFirst()
  return row as RefundRow | undefined
}

/** What has gone back of a payment, or is on its way. */
export async function sumRefunds(db: Db, transactionId: string): Promise<bigint> {
  const { rows } = await sql<{ sum: string }>`select coalesce(sum(amount_minor), 0)::text as sum from refunds
    where transaction_id = ${transactionId} and status <> 'failed'`.execute(db)
  return BigInt(rows[0]?.sum ?? 0)
}

/** False: it was noted before. */
export async function noteTrouble(tx: Tx, id: string, words: string): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable('refunds')
    .set({ failure_reason: words })
    .where('id', '=', id)
    .where('failure_reason', 'is', null)
    .executeTakeFirst()
  return numUpdatedRows === 1n
}

export async function lock(tx: Tx, id: string): Promise<RefundRow> {
  const row = await tx.selectFrom('refunds').selectAll().where('id', '=', id).forNoKeyUpdate().executeTakeFirstOrThrow()
  return row as RefundRow
}

/** Refunds that are asked about. */
export const dueRefunds: DueRows = {
  table: 'refunds',
  column: 'check_at',
  counter: 'check_count',
  waiting: 'check_count > 0',
}

/** Sent again now, in real time. False: somebody else has just done so. */
export async function takeSending(db: Db, { id, sent_at: sentAt }: RefundRow, now: Date): Promise<boolean> {
  const { rows } = await sql`update refunds set sent_at = ${now}
    where id = ${id} and sent_at is not distinct from ${sentAt} returning id`.execute(db)
  return rows.length === 1
}

export async function setCheck(
  db: Db,
  id: string,
  { at, isAnew }: { at: Date | null; isAnew: boolean },
): Promise<void> {
  await db
    .updateTable('refunds')
    .set({ check_at: at, ...(isAnew && { check_count: 0 }) })
    .where('id', '=', id)
    .where('status', 'in', ['pending', 'unknown'])
    .execute()
}

/** Those of the channel that are under way and bear one of the names are due now. False: none is under way. */
export async function setCheckNow(
  db: Db,
  { businessId, envMode }: Owner,
  of: {
    slug: string
    reference: string | null
    channelReference: string | null
    paymentReference: string | null
    now: Date
  },
): Promise<boolean> {
  const { rows } = await sql`update refunds r set check_at = least(r.check_at, ${of.now}) from transactions t
    where t.id = r.transaction_id and t.payment_channel_slug = ${of.slug} and r.business_id = ${businessId}
      and r.env_mode = ${envMode} and r.status in ('pending', 'unknown') and r.check_at is not null
      and (r.ref = ${of.reference} or r.channel_reference = ${of.channelReference} or t.ref = ${of.paymentReference})
    returning r.id`.execute(db)
  return rows.length > 0
}

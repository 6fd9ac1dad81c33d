import { type Db, sql, type Tx } from '../../platform/db.ts'
import type { DueRows } from '../../platform/due.ts'
import type { RefundRow } from './schema.ts'

export interface NewRefund {
  id: string
  ref: string
  transactionId: string
  origin: RefundRow['origin']
  currency: string
  amountMinor: bigint
  reason: string
  checkAt: Date
  now: Date
}

/** The refund that we make ourselves: one a payment and origin, whoever asks how often. Written as `unknown`: it is about to be sent. */
export async function insertOnce(tx: Tx, row: NewRefund): Promise<boolean> {
  const { rows } =
    await sql`insert into refunds (id, ref, business_id, env_mode, payment_request_id, transaction_id, origin,
      status, currency, amount_minor, reason, check_at, created_at, updated_at)
    select ${row.id}, ${row.ref}, business_id, env_mode, payment_request_id, id, ${row.origin}, 'unknown', ${row.currency},
      ${row.amountMinor}, ${row.reason}, ${row.checkAt}, ${row.now}, ${row.now} from transactions where id = ${row.transactionId}
    on conflict (transaction_id, origin) where origin in ('excess', 'saved_method', 'not_owed') do nothing returning id`.execute(
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

export async function setCheck(db: Db, id: string, checkAt: Date | null): Promise<void> {
  await db
    .updateTable('refunds')
    .set({ check_at: checkAt })
    .where('id', '=', id)
    .where('status', 'in', ['pending', 'unknown'])
    .execute()
}

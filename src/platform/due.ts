import { type Db, sql } from './db.ts'

export interface DueRows {
  readonly table: 'transactions' | 'payment_requests' | 'refunds' | 'payment_methods'
  /** The time at which a row is due; null in rows that never are. */
  readonly column: 'check_at' | 'expiry_check_at' | 'refund_due_at' | 'forget_due_at'
  /** Counts the looks, where the table does. */
  readonly counter?: 'check_count' | 'forget_count'
}

/**
 * Takes up to `limit` rows that are due, oldest first, for one look each: their time moves to `leasedUntil`, so that a
 * worker that dies lets go by itself and two workers never take the same row.
 */
export async function claimDue<Row>(db: Db, due: DueRows, now: Date, leasedUntil: Date, limit: number): Promise<Row[]> {
  const column = sql.ref(due.column)
  const count = due.counter ? sql`, ${sql.ref(due.counter)} = ${sql.ref(due.counter)} + 1` : sql``
  const { rows } = await sql<Row>`/* hot */ update ${sql.table(due.table)} set ${column} = ${leasedUntil}${count}
    where id in (select id from ${sql.table(due.table)} where ${column} <= ${now} order by ${column} limit ${limit}
      for update skip locked)
    returning *`.execute(db)
  return rows
}

import { type Db, sql } from '../../platform/db.ts'
import type { Sweep } from '../../platform/queue.ts'

/**
 * Work that is due later is a time in a row of ours, in the time of the row's own business and mode: the clock of a
 * test mode may be ahead (`business_modes.clock_offset_seconds`), and while somebody moves it, he alone works off what
 * falls due there, in order.
 */
export interface DueRows {
  readonly table: 'transactions' | 'payment_requests' | 'refunds' | 'payment_methods' | 'subscriptions'
  /** The time at which a row is due; null in rows that never are. */
  readonly column:
    | 'check_at'
    | 'expiry_check_at'
    | 'refund_due_at'
    | 'forget_due_at'
    | 'follow_up_due_at'
    | 'next_due_at'
    | 'remind_at'
  /** Counts the looks, where the table does. */
  readonly counter?: 'check_count' | 'forget_count'
  /** SQL over the row: true where it was looked at before and only a provider can end it. */
  readonly waiting?: string
}

/** One business's mode. */
export interface Mode {
  readonly businessId: string
  readonly envMode: string
  /** Rows at once at most, whatever a claim asks for. */
  readonly atOnce?: number
}

/** Whose rows: everybody's but those of a mode whose clock is held, or one mode's, for the holder of its clock. */
export type DueOf = 'everybody' | Mode

export interface Claim {
  readonly of: DueOf
  /** Real time. */
  readonly now: Date
  /** For how long nobody else looks at a row: longer than the work takes, or when to look again. */
  readonly leaseMs: number
  readonly limit: number
}

/**
 * Takes up to `limit` rows that are due, oldest first, for one look each: their time moves on by the lease, so that a
 * worker that dies lets go by itself and two workers never take the same row.
 */
export async function claimDue<Row>(db: Db, due: DueRows, claim: Claim): Promise<Row[]> {
  const column = sql.ref(due.column)
  const count = due.counter ? sql`, ${sql.ref(due.counter)} = ${sql.ref(due.counter)} + 1` : sql``
  const limit = claim.of === 'everybody' ? claim.limit : Math.min(claim.limit, claim.of.atOnce ?? claim.limit)
  const ids = claim.of === 'everybody' ? idsOfAll(due, claim) : idsOfMode(due, claim, claim.of)
  const { rows } = await sql<Row>`/* hot */ with ${ids}
    update ${sql.table(due.table)} row set ${column} =
        ${claim.now}::timestamptz + make_interval(secs => m.clock_offset_seconds + ${claim.leaseMs / 1_000})${count}
    from business_modes m where m.business_id = row.business_id and m.env_mode = row.env_mode
      and row.id in (select id from due limit ${limit})
    returning row.*`.execute(db)
  return rows
}

/** Found apart, each by its own end of the index: live rows, rows of test modes, and what test clocks are ahead by. */
function idsOfAll({ table, column: name }: DueRows, { now, limit }: Claim) {
  const [rows, column] = [sql.table(table), sql.ref(`row.${name}`)]
  const free = sql`not exists (select 1 from business_modes m where m.clock_held_until > ${now}
    and m.business_id = row.business_id and m.env_mode = row.env_mode)`
  return sql`live as (
      select id from ${rows} row where env_mode = 'live' and ${column} <= ${now} order by ${column} limit ${limit}
      for update skip locked
    ), test as (
      select id from ${rows} row where env_mode = 'test' and ${column} <= ${now} and ${free} order by ${column}
      limit ${limit} for update skip locked
    ), ahead as (
      select row.id from ${rows} row join business_modes m using (business_id, env_mode)
      where row.env_mode = 'test' and m.clock_offset_seconds > 0 and ${column} > ${now}
        and ${column} <= (select ${now}::timestamptz + make_interval(secs => max(clock_offset_seconds)) from business_modes
          where clock_offset_seconds > 0)
        and ${column} <= ${now}::timestamptz + make_interval(secs => m.clock_offset_seconds) and ${free}
      order by ${column} limit ${limit} for update of row skip locked
    ), due as (select id from live union all select id from test union all select id from ahead)`
}

function idsOfMode({ table, column: name }: DueRows, { now, limit }: Claim, { businessId, envMode }: Mode) {
  const column = sql.ref(`row.${name}`)
  return sql`due as (
      select row.id from ${sql.table(table)} row join business_modes m using (business_id, env_mode)
      where row.business_id = ${businessId} and row.env_mode = ${envMode}
        and ${column} <= ${now}::timestamptz + make_interval(secs => m.clock_offset_seconds)
      order by ${column} limit ${limit} for update of row skip locked
    )`
}

/** When the next row is due. `waits`: what it waits for is somebody else's work. */
export interface NextDue {
  readonly at: Date
  readonly waits: boolean
}

/** The next row of a mode in each of `dues`; undefined where none is. One statement. */
export async function nextDues(db: Db, dues: readonly DueRows[], mode: Mode): Promise<(NextDue | undefined)[]> {
  const each = dues.map(
    ({ table, column, waiting = 'false' }, n) => sql`(select ${sql.lit(n)}::int as n, ${sql.ref(column)} as at,
      ${sql.raw(waiting)} as waits from ${sql.table(table)}
      where business_id = ${mode.businessId} and env_mode = ${mode.envMode} and ${sql.ref(column)} is not null
      order by ${sql.ref(column)} limit 1)`,
  )
  const { rows } = await sql<NextDue & { n: number }>`/* hot */ ${sql.join(each, sql` union all `)}`.execute(db)
  return dues.map((_, n) => rows.find((row) => row.n === n))
}

/** A sweep whose work is due in the time of each mode's own clock: how whoever moves that clock works it off, in order. */
export interface ClockedSweep extends Sweep {
  readonly clocked?: {
    readonly due: DueRows
    readonly run: (mode: Mode, until: Date) => Promise<number>
  }
}

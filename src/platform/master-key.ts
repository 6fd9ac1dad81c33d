import { type Database, type Db, sql, type Tx } from './db.ts'
import type { Secrets } from './secrets.ts'

/** How one master key takes the place of another while processes run: see `docs/decisions`, 0060. */

/** A process that gave no sign for so long is gone; longer than a stall of a busy machine. */
const aliveForSeconds = 10

/** Makes what the database says is current the key that seals here. False: it is not known here. */
export async function followMasterKey(db: Db, secrets: Secrets): Promise<boolean> {
  const { rows } = await sql<{ head: Buffer }>`select current_head as head from master_keys`.execute(db)
  return rows[0] === undefined || secrets.follow(rows[0].head)
}

/** Living processes that do not know the key whose values begin so. */
export const countIgnorant = (db: Db, head: Buffer): Promise<number> =>
  countAlive(db, sql<boolean>`known_heads is null or not (${head} = any(known_heads))`)

/** Living processes that still seal with another one. */
export const countUnfollowing = (db: Db, head: Buffer): Promise<number> =>
  countAlive(db, sql<boolean>`current_head is distinct from ${head}`)

async function countAlive(db: Db, which: ReturnType<typeof sql<boolean>>): Promise<number> {
  const { rows } = await sql<{ count: number }>`select count(*)::int as count from processes
    where beat_at > clock_timestamp() - make_interval(secs => ${aliveForSeconds}) and (${which})`.execute(db)
  return rows[0]?.count ?? 0
}

/** From now on this one seals, in every process. False: it is so already, and nothing changed. */
export async function setCurrent(db: Tx, head: Buffer): Promise<boolean> {
  const { rows } = await sql`insert into master_keys (current_head, started_at) values (${head}, clock_timestamp())
    on conflict (is_only) do update set current_head = excluded.current_head, started_at = excluded.started_at,
      finished_at = null
    where master_keys.current_head <> excluded.current_head returning 1`.execute(db)
  return rows.length === 1
}

export async function setFinished(db: Tx, head: Buffer): Promise<void> {
  await sql`update master_keys set finished_at = clock_timestamp() where current_head = ${head}`.execute(db)
}

export async function readNow(db: Db): Promise<string> {
  const { rows } = await sql<{ now: string }>`select clock_timestamp()::text as now`.execute(db)
  return rows[0]?.now ?? ''
}

/** Transactions that began before: what they write may be sealed with the key before, and is not to be seen yet. */
export async function countOlderTransactions({ db, embedded }: Database, before: string): Promise<number> {
  if (embedded) return 0
  const { rows } = await sql<{ count: number }>`select count(*)::int as count from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid() and xact_start < ${before}::timestamptz
      and backend_type = 'client backend'`.execute(db)
  return rows[0]?.count ?? 0
}

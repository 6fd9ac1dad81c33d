import { type Db, sql, type Tx } from '../../platform/db.ts'
import type { Actor } from './actors.ts'
import type { EnvMode } from './schema.ts'

/** The audit log and the chain of its seals. Number, time of writing and digest of the address are the trigger's. */

export interface NewEntry {
  businessId: string | null
  envMode: EnvMode | null
  actor: Actor
  action: string
  detail: Record<string, unknown>
  customerId: string | null
  now: Date
}

export async function insert(tx: Tx, entry: NewEntry): Promise<void> {
  await tx
    .insertInto('audit_log')
    .values({
      business_id: entry.businessId,
      env_mode: entry.envMode,
      actor_kind: entry.actor.kind,
      actor: entry.actor.name,
      address: entry.actor.address,
      action: entry.action,
      detail: JSON.stringify(entry.detail),
      customer_id: entry.customerId,
      created_at: entry.now,
    })
    .execute()
}

export async function list(db: Db, businessId: string, before: string | null, limit: number) {
  let query = db
    .selectFrom('audit_log')
    .selectAll()
    .where((of) => of.or([of('business_id', '=', businessId), of('business_id', 'is', null)]))
  if (before !== null) query = query.where('id', '<', BigInt(before))
  return await query.orderBy('id', 'desc').limit(limit).execute()
}

/** What a row says, each value as text that never differs for the same value. */
export interface WrittenRow {
  id: string
  /** Null where the row itself is gone. */
  action: string | null
  business_id: string | null
  env_mode: string | null
  actor_kind: string | null
  actor: string
  detail: string
  customer_id: string | null
  address: string | null
  address_salt: string | null
  address_digest: string | null
  created_at: string
  written_at: string | null
  /** Its customer was erased, and a buyer's address with them. */
  is_erased: boolean
  /** Told as of a day before it was written. */
  is_backdated: boolean
}

const time = (column: string) => sql.raw(`to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US')`)
const written = sql`w.id::text, a.action, a.business_id::text, a.env_mode, a.actor_kind, a.actor, a.detail::text,
  a.customer_id::text, a.address, a.address_salt::text, encode(a.address_digest, 'hex') as address_digest,
  ${time('a.created_at')} as created_at, ${time('a.written_at')} as written_at,
  exists (select from erasures e where e.customer_id = a.customer_id) as is_erased,
  coalesce(a.created_at < a.written_at - interval '1 day', false) as is_backdated`

/** False: somebody else seals. Held until `tx` ends. */
export async function holdChain(tx: Tx): Promise<boolean> {
  const { rows } = await sql<{
    held: boolean
  }>`select pg_try_advisory_xact_lock(hashtext('audit_links')) as held`.execute(tx)
  return rows[0]?.held === true
}

/** Takes the next rows that no link holds, in the order of their numbers. */
export async function takeUnsealed(tx: Tx, limit: number): Promise<WrittenRow[]> {
  const { rows } = await sql<WrittenRow>`with w as (
      delete from audit_unsealed where id in (select id from audit_unsealed order by id limit ${limit}) returning id
    ) select ${written} from w left join audit_log a on a.id = w.id order by w.id`.execute(tx)
  return rows
}

/** The rows with these numbers; one that is gone has no action. */
export async function listWritten(db: Db, ids: readonly string[]): Promise<WrittenRow[]> {
  const { rows } = await sql<WrittenRow>`select ${written} from unnest(${ids}::bigint[]) w (id)
    left join audit_log a on a.id = w.id order by w.id`.execute(db)
  return rows
}

export interface Link {
  sequence: string
  ids: string[]
  digests: Buffer
  previous: Buffer
  digest: Buffer
  signature: Buffer
  sealedAt: string
}

const linkColumns = sql`sequence::text, row_ids::text[] as ids, row_digests as digests, previous_digest as previous,
  digest, signature, ${time('sealed_at')} as "sealedAt"`

/** The next links after `sequence`, in order. */
export async function listLinks(db: Db, sequence: string, limit: number): Promise<Link[]> {
  const { rows } = await sql<Link>`select ${linkColumns} from audit_links where sequence > ${sequence}::bigint
    order by audit_links.sequence limit ${limit}`.execute(db)
  return rows
}

export async function findHeadMaybe(db: Db | Tx): Promise<Link | undefined> {
  const { rows } =
    await sql<Link>`select ${linkColumns} from audit_links order by audit_links.sequence desc limit 1`.execute(db)
  return rows[0]
}

export async function insertLink(tx: Tx, link: Link): Promise<void> {
  const { sequence, ids, digests, previous, digest, signature, sealedAt } = link
  await sql`insert into audit_links (sequence, first_id, last_id, row_ids, row_digests, previous_digest, digest, signature,
      sealed_at)
    values (${sequence}::bigint, ${ids[0] ?? null}::bigint, ${ids.at(-1) ?? null}::bigint, ${ids}::bigint[], ${digests},
      ${previous}, ${digest}, ${signature}, ${`${sealedAt}Z`}::timestamptz)`.execute(tx)
}

export async function hasUnsealed(db: Db): Promise<boolean> {
  const { rows } = await sql`select 1 from audit_unsealed limit 1`.execute(db)
  return rows.length === 1
}

export interface Waiting {
  count: number
  oldest: Date | null
}

export async function countUnsealed(db: Db): Promise<Waiting> {
  const { rows } =
    await sql<Waiting>`select count(*)::int as count, min(written_at) as oldest from audit_unsealed`.execute(db)
  return rows[0] ?? { count: 0, oldest: null }
}

/** Waiting rows that are gone. */
export async function listLost(db: Db, limit: number): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`select u.id::text from audit_unsealed u
    where not exists (select from audit_log a where a.id = u.id) order by u.id limit ${limit}`.execute(db)
  return rows.map(({ id }) => id)
}

export async function findLastId(db: Db): Promise<bigint> {
  const { rows } = await sql<{ id: bigint }>`select coalesce(max(id), 0) as id from audit_log`.execute(db)
  return rows[0]?.id ?? 0n
}

/** Rows of this stretch that neither a link holds nor anybody entered for one: written past the trigger. */
export async function listStrangers(db: Db, from: bigint, to: bigint, limit: number): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`select id::text from (
      select id from audit_log where id between ${from} and ${to}
      except select unnest(row_ids) from audit_links where last_id >= ${from} and first_id <= ${to}
      except select id from audit_unsealed where id between ${from} and ${to}
    ) as strangers order by strangers.id limit ${limit}`.execute(db)
  return rows.map(({ id }) => id)
}

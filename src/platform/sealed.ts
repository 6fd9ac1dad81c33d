import { type Db, sql } from './db.ts'
import type { Secrets } from './secrets.ts'
import { sealedHeadLength } from './secrets.ts'

/** A column that holds sealed values; `sealed-columns.ts` lists all of them. */
export interface SealedColumn {
  readonly table: string
  readonly column: string
  /** The primary key with its types, in order. */
  readonly key: readonly (readonly [name: string, type: string])[]
  /** SQL for the words that a value is bound to; the noun that seals it says the same. */
  readonly boundTo: string
  /** Holds the keyed hash of the same text, and changes with it. */
  readonly hashColumn?: string
}

/** Where a walk over all of them stands; null: at its end. */
export interface WalkPlace {
  /** Of the columns that are walked. */
  readonly nth: number
  /** The primary key of the last row seen. */
  readonly after: readonly string[] | null
}
export const firstPlace: WalkPlace = { nth: 0, after: null }

/** What is walked, and the keys that open it. */
export interface Sealing {
  readonly secrets: Secrets
  readonly columns: readonly SealedColumn[]
}

export interface Walked {
  readonly next: WalkPlace | null
  /** Sealed values looked at. */
  readonly seen: number
  /** Of these, those that were (while resealing) or are (while checking) not of the current key. */
  readonly others: number
}

interface Row {
  key: string[]
  bound: string
  value: Buffer
}

/** One bounded piece of a walk: at most `limit` rows of one column after the other. */
async function walk(
  db: Db,
  columns: readonly SealedColumn[],
  from: WalkPlace,
  limit: number,
  visit: (at: SealedColumn, rows: Row[]) => Promise<number>,
) {
  let [place, left, seen, others]: [WalkPlace | null, number, number, number] = [from, limit, 0, 0]
  while (place && left > 0) {
    const at = columns[place.nth]
    if (!at) return { next: null, seen, others }
    const rows = await read(db, at, place.after, Math.min(left, rowsMax))
    seen += rows.length
    others += await visit(at, rows)
    left -= rows.length
    const last = rows.at(-1)
    place = last ? { nth: place.nth, after: last.key } : { nth: place.nth + 1, after: null }
  }
  return { next: place, seen, others }
}

/** Rows of one statement: short locks, and short waits for whoever wants the same rows. */
const rowsMax = 200

async function read(db: Db, at: SealedColumn, after: WalkPlace['after'], limit: number): Promise<Row[]> {
  const names = sql.join(at.key.map(([name]) => sql.ref(name)))
  const texts = sql.join(at.key.map(([name]) => sql`${sql.ref(name)}::text`))
  const from = after ? sql`and (${names}) > (${sql.join(after)})` : sql``
  const { rows } = await sql<Row>`select array[${texts}] as key, ${sql.raw(at.boundTo)} as bound,
      ${sql.ref(at.column)} as value
    from ${sql.table(at.table)} where ${sql.ref(at.column)} is not null ${from}
    order by ${names} limit ${limit}`.execute(db)
  return rows
}

const isOf = (head: Buffer, { value }: Row) => value.subarray(0, sealedHeadLength).equals(head)

/** Seals again what another key than the current one sealed. A value that changes meanwhile is left to the next walk. */
export async function reseal(db: Db, { secrets, columns }: Sealing, from: WalkPlace, limit: number): Promise<Walked> {
  const head = secrets.sealedHead()
  return await walk(db, columns, from, limit, async (at, rows) => {
    const old = rows.filter((row) => !isOf(head, row))
    if (old.length > 0) await replace(db, secrets, at, old)
    return old.length
  })
}

async function replace(db: Db, secrets: Secrets, at: SealedColumn, rows: Row[]): Promise<void> {
  const plain = rows.map(({ value, bound }) => secrets.open(value, bound))
  const next = rows.map(({ bound }, index) => secrets.seal(plain[index] ?? '', bound))
  const keys = at.key.map(([, type], index) => sql`${rows.map(({ key }) => key[index])}::${sql.raw(type)}[]`)
  const hash = at.hashColumn ? sql`, ${sql.ref(at.hashColumn)} = n.hash` : sql``
  const names = sql.join(at.key.map(([name]) => sql.ref(name)))
  const isSame = sql.join(
    at.key.map(([name]) => sql`${sql.ref(`t.${name}`)} = ${sql.ref(`n.${name}`)}`),
    sql` and `,
  )
  await sql`update ${sql.table(at.table)} t set ${sql.ref(at.column)} = n.next ${hash}
    from unnest(${sql.join(keys)}, ${rows.map(({ value }) => value)}::bytea[], ${next}::bytea[],
      ${plain.map((text) => secrets.hash(text))}::bytea[]) as n (${names}, old, next, hash)
    where ${isSame} and t.${sql.ref(at.column)} = n.old`.execute(db)
}

/**
 * Opens every value with the current key alone; gives how many it does not open because another key sealed them. Throws,
 * with the row, for one that is of the current key and does not open.
 */
export async function checkSealed(
  db: Db,
  { secrets, columns }: Sealing,
  from: WalkPlace,
  limit: number,
): Promise<Walked> {
  const alone = secrets.alone()
  const head = alone.sealedHead()
  return await walk(db, columns, from, limit, async (at, rows) => {
    for (const row of rows.filter((one) => isOf(head, one))) openOrName(alone, at, row)
    return rows.filter((row) => !isOf(head, row)).length
  })
}

function openOrName(secrets: Secrets, at: SealedColumn, { value, bound, key }: Row): void {
  try {
    secrets.open(value, bound)
  } catch (cause) {
    throw new Error(`${at.table}.${at.column} of ${key.join('/')} does not open`, { cause })
  }
}

import type { RawBuilder } from 'kysely'
import { type Db, sql } from './db.ts'
import { type Page, type Place, unknownCursor } from './pagination.ts'

/** The SQL of lists: newest first by ids that grow with time. */

export interface ListQuery {
  /** From `select` to the last join. */
  readonly select: RawBuilder<unknown>
  /** What is counted: the tables that the conditions name. */
  readonly counted: RawBuilder<unknown>
  readonly where: readonly RawBuilder<unknown>[]
  readonly id: RawBuilder<unknown>
  /** Where a cursor's row is looked for: also one that the filters leave out, or that was deleted since. */
  readonly table: string
  readonly owned: RawBuilder<unknown>
}

export type Found<Row> = Place & { readonly rows: Row[] }

/**
 * One page. By number it skips an offset; by a cursor it begins at the cursor's row, so that rows which come meanwhile
 * repeat none and leave none out. Throws 422 for a cursor that names no row of the owner.
 */
export async function findPage<Row>(db: Db, page: Page, query: ListQuery): Promise<Found<Row>> {
  const where = sql.join([...query.where], sql` and `)
  const place = await count(db, page, query, where)
  const isBackwards = page.cursor?.side === 'before'
  const beyond = page.cursor ? sql`${query.id} ${sql.raw(isBackwards ? '>' : '<')} ${page.cursor.key}` : sql`true`
  // One more than the page holds says whether there is another.
  const { rows } = await sql<Row>`${query.select} where ${where} and ${beyond}
    order by ${query.id} ${sql.raw(isBackwards ? 'asc' : 'desc')} limit ${page.size + 1} offset ${page.offset}`.execute(
    db,
  )
  const hasMore = rows.length > page.size
  const kept = rows.slice(0, page.size)
  const { total, newer } = place
  if (!isBackwards) return { rows: kept, total, from: newer + 1, hasNewer: newer > 0, hasOlder: hasMore }
  const from = Math.max(1, newer - kept.length + 1)
  return { rows: kept.reverse(), total, from, hasNewer: hasMore, hasOlder: newer < total }
}

/** All rows, and those that come before the page (`after`) or before the cursor's row (`before`). One statement. */
async function count(db: Db, page: Page, { counted, id, table, owned }: ListQuery, where: RawBuilder<unknown>) {
  const { cursor } = page
  if (!cursor) {
    const { rows } = await sql<{ total: bigint }>`select count(*) as total from ${counted} where ${where}`.execute(db)
    return { total: Number(rows[0]?.total ?? 0n), newer: page.offset }
  }
  const isNewer = sql`${id} ${sql.raw(cursor.side === 'after' ? '>=' : '>')} ${cursor.key}`
  const { rows } = await sql<{ total: bigint; newer: bigint; is_known: boolean }>`select count(*) as total,
      count(*) filter (where ${isNewer}) as newer,
      exists (select 1 from ${sql.table(table)} where id = ${cursor.key} and ${owned}) as is_known
    from ${counted} where ${where}`.execute(db)
  if (!rows[0]?.is_known) throw unknownCursor(cursor)
  return { total: Number(rows[0].total), newer: Number(rows[0].newer) }
}

/** SQL: true of the newest `count` rows of an owner; `id` is the row's, and grows with time. */
export const newestOf = (
  owner: { readonly businessId: string; readonly envMode: string },
  table: string,
  id: RawBuilder<unknown>,
  count: number,
): RawBuilder<boolean> =>
  sql`${id} > coalesce((select id from ${sql.table(table)} where business_id = ${owner.businessId}
    and env_mode = ${owner.envMode} order by id desc offset ${count} limit 1), '00000000-0000-0000-0000-000000000000')`

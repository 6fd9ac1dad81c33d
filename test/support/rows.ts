import type { Context } from '../../src/platform/context.ts'
import { sql } from '../../src/platform/db.ts'

/** How many rows each of our tables holds: what was refused must leave every number as it was. */
export async function countRows(ctx: Context): Promise<Record<string, number>> {
  const tables = await sql<{ name: string }>`select table_name as name from information_schema.tables
    where table_schema = 'public' and table_type = 'BASE TABLE' order by table_name`.execute(ctx.db)
  const counts = tables.rows.map(
    ({ name }) => sql`select ${name}::text as name, count(*)::int as rows from ${sql.table(name)}`,
  )
  const { rows } = await sql<{ name: string; rows: number }>`${sql.join(counts, sql` union all `)}`.execute(ctx.db)
  return Object.fromEntries(rows.map((row) => [row.name, row.rows]))
}

/** A provider's webhook as it came, out of its row. */
export function hookBody({ secrets }: Context, hook: { id: string; body_sealed: Buffer | null } | undefined): Buffer {
  if (!hook?.body_sealed) throw new Error('nothing sealed is kept')
  return Buffer.from(secrets.open(hook.body_sealed, `hook_inbox/${hook.id}`), 'base64')
}

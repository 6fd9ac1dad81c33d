import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Migration, Migrator } from 'kysely/migration'
import { type Database, type Db, sql } from './db.ts'

/** Applies `migrations/*.sql` in order, each once, under the migrator's lock. Returns the names newly applied. */
export async function migrate(database: Database, folder: string): Promise<string[]> {
  const migrations: Record<string, Migration> = {}
  for (const file of readdirSync(folder)
    .filter((name) => name.endsWith('.sql'))
    .sort()) {
    const text = readFileSync(join(folder, file), 'utf8')
    migrations[file] = { up: async (tx) => void (await sql.raw(text).execute(tx)) }
  }
  if (await isUpToDate(database.db, Object.keys(migrations))) return []
  const provider = { getMigrations: async () => migrations }
  const { error, results } = await database.unbounded((db) => new Migrator({ db, provider }).migrateToLatest())
  if (error) throw error
  return (results ?? []).filter((result) => result.status === 'Success').map((result) => result.migrationName)
}

/** One question instead of the migrator's many: it is asked at every start, and the answer is nearly always yes. */
async function isUpToDate(db: Db, names: readonly string[]): Promise<boolean> {
  const table = await sql<{ is: boolean }>`select to_regclass('kysely_migration') is not null as is`.execute(db)
  if (!table.rows[0]?.is) return false
  const { rows } = await sql<{ name: string }>`select name from kysely_migration order by name`.execute(db)
  return rows.length === names.length && rows.every((row, index) => row.name === names[index])
}

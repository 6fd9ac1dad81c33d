import { generate, PostgresDialect } from 'kysely-codegen'
import { openEmbedded, sql } from '../src/platform/db.ts'
import { migrate } from '../src/platform/migrate.ts'

/** The table types as the migrated database has them. `folder` may hold a migrated one, which is used up. */
export async function tableTypes(folder: string | null = null): Promise<string> {
  const database = await openEmbedded(folder)
  try {
    await migrate(database, new URL('../migrations', import.meta.url).pathname)
    // The queue's own tables are its business.
    await sql`drop schema if exists jobs cascade`.execute(database.db)
    return await generate({
      db: database.db,
      dialect: new PostgresDialect(),
      excludePattern: 'kysely_*',
      typeMapping: { int8: 'bigint' },
      outFile: null,
    })
  } finally {
    await database.close()
  }
}

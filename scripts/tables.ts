import { generate, PostgresDialect } from 'kysely-codegen'
import { openEmbedded } from '../src/platform/db.ts'
import { migrate } from '../src/platform/migrate.ts'

/** The table types as the migrated database has them. */
export async function tableTypes(): Promise<string> {
  const database = await openEmbedded(null)
  try {
    await migrate(database, new URL('../migrations', import.meta.url).pathname)
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

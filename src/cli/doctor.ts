import { type Config, readConfig } from '../config.ts'
import { countUnsealed, isSealedLate } from '../domain/businesses/service.ts'
import { isBehindPooler } from '../platform/connect.ts'
import { type Database, openPostgres, pulseConnections, sql } from '../platform/db.ts'
import { callSocket, wordsOf } from './socket.ts'

type Check = [name: string, verdict: string, isFine: boolean]

/** Says of each part whether it is fine, and what to do where it is not. Ends with exit code 1 when something is wrong. */
export async function doctor(): Promise<void> {
  const checks: Check[] = [nodeCheck()]
  try {
    const config = readConfig()
    checks.push(
      ['environment', 'every value can be read', true],
      ...(await databaseChecks(config)),
      ...networkChecks(config),
    )
  } catch (error) {
    checks.push(['environment', wordsOf(error), false])
  }
  for (const [name, verdict, isFine] of checks)
    console.log(`${isFine ? 'ok   ' : 'WRONG'}  ${name.padEnd(16)} ${verdict}`)
  if (checks.some(([, , isFine]) => !isFine)) process.exitCode = 1
}

function nodeCheck(): Check {
  const [major = 0] = process.versions.node.split('.').map(Number)
  return [
    'Node.js',
    `${process.versions.node}${major >= 24 ? '' : ', needs 24: start with npm run or npx'}`,
    major >= 24,
  ]
}

async function databaseChecks(config: Config): Promise<Check[]> {
  if (config.databaseUrl === null) {
    const running = await callSocket(config.dataDir, 'business.list', {})
    const words = running ? 'a server is running' : 'no server is running'
    return [['database', `embedded under ${config.dataDir}, ${words}`, true]]
  }
  const database = openPostgres(config.databaseUrl, { pooler: config.databasePooler })
  try {
    const client = await database.pool.connect()
    const { rows } = await client.query<{ version: number }>(
      `select current_setting('server_version_num')::int as version`,
    )
    const pooled = isBehindPooler(client)
    client.release()
    const version = Math.floor((rows[0]?.version ?? 0) / 10_000)
    const words: (string | false)[] = [
      `PostgreSQL ${version}`,
      pooled && ' behind a pooler, statements go without names',
    ]
    if (version < 15) words.push(', needs 15 or newer')
    const defaults = await readDefaults(database)
    return [
      ['database', words.filter(Boolean).join(''), version >= 15],
      defaultsCheck(defaults, pooled),
      connectionsCheck(defaults, config),
      ...(await auditChecks(database)),
    ]
  } catch (error) {
    return [['database', `cannot be reached: ${wordsOf(error)}`, false]]
  } finally {
    await database.close()
  }
}

/** What a session begins with, before we tell it otherwise. */
async function readDefaults({ db }: Database): Promise<Map<string, string>> {
  const { rows } = await sql<{
    name: string
    value: string
  }>`select lower(name) as name, reset_val as value from pg_settings
    union all select 'standby', pg_is_in_recovery()::text`.execute(db)
  return new Map(rows.map(({ name, value }) => [name, value]))
}

/** What our statements rely on; whether a pooler forgets it between two statements of ours. */
const wanted: Record<string, { is: RegExp; isLostBehindPooler: boolean }> = {
  default_transaction_isolation: { is: /^read committed$/, isLostBehindPooler: true },
  default_transaction_read_only: { is: /^off$/, isLostBehindPooler: true },
  search_path: { is: /^("\$user", *)?public\b/, isLostBehindPooler: true },
  statement_timeout: { is: /^0$/, isLostBehindPooler: true },
  lock_timeout: { is: /^0$/, isLostBehindPooler: true },
  datestyle: { is: /^ISO\b/, isLostBehindPooler: false },
  standard_conforming_strings: { is: /^on$/, isLostBehindPooler: false },
}

function defaultsCheck(defaults: Map<string, string>, pooled: boolean): Check {
  if (defaults.get('standby') === 'true') return ['defaults', 'it is a standby: nothing can be written there', false]
  const others = Object.keys(wanted).filter((name) => !wanted[name]?.is.test(defaults.get(name) ?? ''))
  if (others.length === 0) return ['defaults', 'as Asyncpay wants them', true]
  const words = others.map((name) => `${name} = ${defaults.get(name)}`).join(', ')
  const lost = pooled && others.some((name) => wanted[name]?.isLostBehindPooler)
  if (!lost) return ['defaults', `${words}: each session of Asyncpay is told otherwise`, true]
  return [
    'defaults',
    `${words}: behind a pooler not all statements can be told otherwise; alter role … reset them`,
    false,
  ]
}

function connectionsCheck(defaults: Map<string, string>, config: Config): Check {
  const { poolSize, listPoolSize, clockPoolSize, jobPoolSize } = config
  const own = poolSize + listPoolSize + clockPoolSize + jobPoolSize + pulseConnections
  const most = Number(defaults.get('max_connections')) - Number(defaults.get('superuser_reserved_connections'))
  const words = `a process opens up to ${own}, the server lets in ${most}`
  const settings = 'POOL_SIZE, LIST_POOL_SIZE, CLOCK_POOL_SIZE, JOB_POOL_SIZE'
  return ['connections', `${words}${own < most ? '' : `: lower ${settings}`}`, own < most]
}

/** Whether somebody seals the audit log; nothing where the database was not migrated yet. */
async function auditChecks({ db }: Database): Promise<Check[]> {
  const { rows } = await sql<{ is: boolean }>`select to_regclass('audit_unsealed') is not null as is`.execute(db)
  if (!rows[0]?.is) return []
  const { count, oldest } = await countUnsealed(db)
  if (!isSealedLate(oldest)) return [['audit log', `${count} rows wait for their seal`, true]]
  return [['audit log', `${count} rows wait for their seal since ${oldest?.toISOString()}: start a worker`, false]]
}

function networkChecks(config: Config): Check[] {
  const isLocal = /^http:\/\/(localhost|127\.)/.test(config.baseUrl)
  const isPlain = config.baseUrl.startsWith('http:') && !isLocal
  return [
    ['BASE_URL', `${config.baseUrl}${isPlain ? ', must be https where strangers reach it' : ''}`, !isPlain],
    ['sandbox', sandboxWords(config), true],
    mailCheck(config),
    ['private webhooks', config.allowPrivateWebhooks ? 'allowed: fine on your own machine only' : 'refused', true],
  ]
}

/** One that is open to strangers was refused with the environment. */
const sandboxWords = ({ sandbox, sandboxToken }: Config): string =>
  sandbox ? `on, ${sandboxToken === null ? 'for this machine alone' : 'opened by SANDBOX_TOKEN'}` : 'off'

/** The server is named, never its password. */
function mailCheck({ smtpUrl, mailFrom, sandbox }: Config): Check {
  if (smtpUrl !== null) return ['mails', `through ${new URL(smtpUrl).host}, from ${mailFrom}`, true]
  const words = 'set SMTP_URL, e.g. smtps://user:password@smtp.example:465, and MAIL_FROM'
  if (sandbox) return ['mails', `test mode: to the sandbox's mailbox; live mode: not sent until you ${words}`, true]
  return ['mails', `not sent until you ${words}`, true]
}

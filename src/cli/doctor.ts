import { type Config, readConfig } from '../config.ts'
import { isBehindPooler } from '../platform/connect.ts'
import { openPostgres } from '../platform/db.ts'
import { callSocket, wordsOf } from './socket.ts'

type Check = [name: string, verdict: string, isFine: boolean]

/** Says of each part whether it is fine, and what to do where it is not. Ends with exit code 1 when something is wrong. */
export async function doctor(): Promise<void> {
  const checks: Check[] = [nodeCheck()]
  try {
    const config = readConfig()
    checks.push(['environment', 'every value can be read', true], await databaseCheck(config), ...networkChecks(config))
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

async function databaseCheck(config: Config): Promise<Check> {
  if (config.databaseUrl === null) {
    const running = await callSocket(config.dataDir, 'business.list', {})
    return [
      'database',
      `embedded under ${config.dataDir}${running ? ', a server is running' : ', no server is running'}`,
      true,
    ]
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
    const words = [`PostgreSQL ${version}`, pooled && ' behind a pooler, statements go without names']
    return ['database', `${words.filter(Boolean).join('')}${version >= 15 ? '' : ', needs 15 or newer'}`, version >= 15]
  } catch (error) {
    return ['database', `cannot be reached: ${wordsOf(error)}`, false]
  } finally {
    await database.close()
  }
}

function networkChecks(config: Config): Check[] {
  const isLocal = /^http:\/\/(localhost|127\.)/.test(config.baseUrl)
  const isPlain = config.baseUrl.startsWith('http:') && !isLocal
  return [
    ['BASE_URL', `${config.baseUrl}${isPlain ? ', must be https where strangers reach it' : ''}`, !isPlain],
    ['sandbox', config.sandbox ? 'on' : 'off', true],
    mailCheck(config),
    ['private webhooks', config.allowPrivateWebhooks ? 'allowed: fine on your own machine only' : 'refused', true],
  ]
}

/** The server is named, never its password. */
function mailCheck({ smtpUrl, mailFrom, sandbox }: Config): Check {
  if (smtpUrl !== null) return ['mails', `through ${new URL(smtpUrl).host}, from ${mailFrom}`, true]
  const words = 'set SMTP_URL, e.g. smtps://user:password@smtp.example:465, and MAIL_FROM'
  if (sandbox) return ['mails', `test mode: to the sandbox's mailbox; live mode: not sent until you ${words}`, true]
  return ['mails', `not sent until you ${words}`, true]
}

import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

/** Everything that the environment decides. Nothing else reads `process.env`; a wrong value stops the start with one clear line. */
export interface Config {
  readonly port: number
  readonly host: string
  /** Null: the embedded database under `dataDir`. */
  readonly databaseUrl: string | null
  readonly dataDir: string
  /** The public address, without a trailing slash. */
  readonly baseUrl: string
  /** 32 bytes. */
  readonly masterKey: Buffer
  /** Where each channel is reached; a slug that is absent goes to the channel's own address. */
  readonly channelUrls: Readonly<Record<string, string>>
  readonly sandbox: boolean
  readonly allowPrivateWebhooks: boolean
  readonly logLevel: string
  /** Connections of this process at most: for what the API answers, for its lists and searches, for jobs and sweeps. */
  readonly poolSize: number
  readonly listPoolSize: number
  readonly jobPoolSize: number
  /** How long one statement of the API may take, one of a job, and how long either waits for a lock. */
  readonly statementTimeoutMs: number
  readonly jobStatementTimeoutMs: number
  readonly lockTimeoutMs: number
  /** Requests a minute of one API key. */
  readonly rateLimit: number
  /** Rates as JSON `{"base":"USD","date":"YYYY-MM-DD","rates":{"NGN":1590.1}}`; null: the bundled ones stay. */
  readonly exchangeRatesUrl: string | null
  /** `smtp://` or `smtps://`, with user and password where the server wants them; null: mails have no server. */
  readonly smtpUrl: string | null
  /** The bare address that mails come from. */
  readonly mailFrom: string
}

export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

type Env = Readonly<Record<string, string | undefined>>

/** Reads the environment. Throws `ConfigError` that names the variable and what to do. */
export function readConfig(env: Env = process.env): Config {
  const databaseUrl = text(env, 'DATABASE_URL')
  if (databaseUrl && !/^postgres(ql)?:\/\//.test(databaseUrl)) {
    throw new ConfigError('DATABASE_URL must begin with postgres:// (or be absent for the embedded database)')
  }
  const dataDir = resolve(text(env, 'DATA_DIR') ?? './data')
  const port = integer(env, 'PORT', 8080, 0, 65_535)
  const embedded = databaseUrl === null
  const baseUrl = httpUrl(env, 'BASE_URL') ?? `http://localhost:${port}`
  return {
    port,
    host: text(env, 'HOST') ?? '127.0.0.1',
    databaseUrl,
    dataDir,
    baseUrl,
    masterKey: readMasterKey(env, dataDir, embedded),
    channelUrls: channelUrls(env),
    sandbox: flag(env, 'SANDBOX', embedded),
    allowPrivateWebhooks: flag(env, 'ALLOW_PRIVATE_WEBHOOKS', embedded),
    logLevel: oneOf(env, 'LOG_LEVEL', 'info', ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']),
    poolSize: integer(env, 'POOL_SIZE', 10, 1, 500),
    listPoolSize: integer(env, 'LIST_POOL_SIZE', 3, 1, 500),
    jobPoolSize: integer(env, 'JOB_POOL_SIZE', 5, 1, 500),
    statementTimeoutMs: integer(env, 'STATEMENT_TIMEOUT_MS', 10_000, 100, 600_000),
    jobStatementTimeoutMs: integer(env, 'JOB_STATEMENT_TIMEOUT_MS', 60_000, 100, 3_600_000),
    lockTimeoutMs: integer(env, 'LOCK_TIMEOUT_MS', 5_000, 100, 600_000),
    rateLimit: integer(env, 'RATE_LIMIT', 6_000, 1, 10_000_000),
    exchangeRatesUrl: httpUrl(env, 'EXCHANGE_RATES_URL'),
    smtpUrl: smtpUrl(env),
    mailFrom: mailFrom(env, new URL(baseUrl).hostname),
  }
}

function channelUrls(env: Env): Record<string, string> {
  const urls: Record<string, string> = {}
  for (const slug of ['paystack', 'flutterwave', 'stripe']) {
    const url = httpUrl(env, `${slug.toUpperCase()}_API_URL`)
    if (url) urls[slug] = url
  }
  return urls
}

/** The embedded default makes its own key once, mode 0600; with a server database the key must be given. */
function readMasterKey(env: Env, dataDir: string, embedded: boolean): Buffer {
  const given = text(env, 'ASYNCPAY_MASTER_KEY')
  if (given) return decodeMasterKey(given, 'ASYNCPAY_MASTER_KEY')
  if (!embedded) {
    throw new ConfigError(
      'ASYNCPAY_MASTER_KEY is required with DATABASE_URL: 32 bytes, e.g. from `openssl rand -hex 32`',
    )
  }
  const file = join(dataDir, 'master.key')
  return decodeMasterKey(readOrMake(file, dataDir), file)
}

function readOrMake(file: string, dataDir: string): string {
  try {
    if (!existsSync(file)) {
      mkdirSync(dataDir, { recursive: true, mode: 0o700 })
      writeFileSync(file, `${randomBytes(32).toString('hex')}\n`, { mode: 0o600, flag: 'wx' })
    }
    return readFileSync(file, 'utf8').trim()
  } catch (error) {
    throw new ConfigError(`DATA_DIR cannot be used: ${error instanceof Error ? error.message : error}`)
  }
}

function decodeMasterKey(given: string, where: string): Buffer {
  const key = /^[0-9a-f]{64}$/i.test(given) ? Buffer.from(given, 'hex') : Buffer.from(given, 'base64')
  if (key.length !== 32) throw new ConfigError(`${where} must be 32 bytes as 64 hex digits or base64`)
  return key
}

function text(env: Env, name: string): string | null {
  const value = env[name]?.trim()
  return value ? value : null
}

function integer(env: Env, name: string, byDefault: number, least: number, most: number): number {
  const value = text(env, name)
  if (value === null) return byDefault
  const number = Number(value)
  if (!/^\d+$/.test(value) || number < least || number > most) {
    throw new ConfigError(`${name} must be a whole number from ${least} to ${most}, not "${value}"`)
  }
  return number
}

function flag(env: Env, name: string, byDefault: boolean): boolean {
  const value = text(env, name)?.toLowerCase()
  if (value === undefined) return byDefault
  if (['1', 'true', 'yes', 'on'].includes(value)) return true
  if (['0', 'false', 'no', 'off'].includes(value)) return false
  throw new ConfigError(`${name} must be 1 or 0, not "${value}"`)
}

function oneOf(env: Env, name: string, byDefault: string, allowed: string[]): string {
  const value = text(env, name) ?? byDefault
  if (!allowed.includes(value)) throw new ConfigError(`${name} must be one of ${allowed.join(', ')}, not "${value}"`)
  return value
}

function httpUrl(env: Env, name: string): string | null {
  const value = text(env, name)
  if (value === null) return null
  const url = URL.parse(value)
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password || url.search || url.hash) {
    // Without the value: it may hold a password, and this is printed.
    throw new ConfigError(`${name} must be an http(s) address without credentials, query or hash`)
  }
  return value.replace(/\/+$/, '')
}

/** Neither error shows the value: it holds a password. */
function smtpUrl(env: Env): string | null {
  const value = text(env, 'SMTP_URL')
  if (value === null) return null
  const url = URL.parse(value)
  const isPlain = url && /^\/?$/.test(url.pathname) && !url.search && !url.hash && (url.username || !url.password)
  if (!url || !/^smtps?:$/.test(url.protocol) || !url.hostname || !isPlain || !canDecode(url)) {
    throw new ConfigError('SMTP_URL must be smtp://user:password@host:port or smtps://…, with %40 for an @ in a name')
  }
  return value
}

function canDecode({ username, password }: URL): boolean {
  try {
    decodeURIComponent(username + password)
    return true
  } catch {
    return false
  }
}

/** `no-reply` at the public host; an address in digits is no mail domain. */
function mailFrom(env: Env, host: string): string {
  const value = text(env, 'MAIL_FROM')
  if (value === null) return `no-reply@${/^[\d.]+$|:/.test(host) ? 'localhost' : host}`
  const address = /^(?:[^<>\p{Cc}]*<([^<>]+)>|([^<>]+))$/u.exec(value)
  const bare = address?.[1] ?? address?.[2] ?? ''
  if (/^[^\s@<>"',;:\\]{1,64}@[^\s@<>"',;:\\]{1,255}$/.test(bare)) return bare
  throw new ConfigError(`MAIL_FROM must be an address, "no-reply@shop.example" or "Shop <no-reply@shop.example>"`)
}

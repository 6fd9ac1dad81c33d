import { randomBytes } from 'node:crypto'
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { isIP } from 'node:net'
import { dirname, join, resolve } from 'node:path'
import { listChannels } from './channels/index.ts'
import { parseKeyFile } from './key-file.ts'
import type { Pooler } from './platform/connect.ts'
import { DatabaseUrlError, readDatabaseUrl } from './platform/database-url.ts'
import type { LimitSettings } from './platform/limits.ts'
import { atOnceDefault, type ListSettings } from './platform/lists.ts'

/** Everything that the environment decides. Nothing else reads `process.env`; a wrong value stops the start with one clear line. */
export interface Config {
  readonly port: number
  readonly host: string
  /** Null: the embedded database under `dataDir`. */
  readonly databaseUrl: string | null
  /** What is between us and the database's server. */
  readonly databasePooler: Pooler
  readonly dataDir: string
  /** The public address, without a trailing slash. */
  readonly baseUrl: string
  /** 32 bytes. */
  readonly masterKey: Buffer
  /** The one that `master-key rotate` changes to; null: none is given in the environment. */
  readonly nextMasterKey: Buffer | null
  /** Read beside it, never written with unless the database says that one of them is current. */
  readonly otherMasterKeys: readonly Buffer[]
  /** Where the embedded default keeps its own; null: it comes from the environment. */
  readonly masterKeyFile: string | null
  /** Where each channel is reached; a slug that is absent goes to the channel's own address. */
  readonly channelUrls: Readonly<Record<string, string>>
  readonly sandbox: boolean
  /** What opens the sandbox's control calls and pages; null: whoever reaches it. */
  readonly sandboxToken: string | null
  readonly allowPrivateWebhooks: boolean
  readonly logLevel: string
  /** Connections of this process at most: for what the API answers, its lists, moves of test clocks, jobs and sweeps. */
  readonly poolSize: number
  readonly listPoolSize: number
  readonly clockPoolSize: number
  readonly jobPoolSize: number
  /** How long one statement of the API may take, one of a job, and how long either waits for a lock. */
  readonly statementTimeoutMs: number
  readonly jobStatementTimeoutMs: number
  readonly lockTimeoutMs: number
  /** Requests a minute of one API key. */
  readonly rateLimit: number
  /** Peers whose `X-Forwarded-For` is believed: addresses and networks. */
  readonly trustedProxies: readonly string[]
  /** How long a client may take to send one request, and how many connections a process holds. */
  readonly requestTimeoutMs: number
  readonly connectionsMax: number
  readonly limits: LimitSettings
  readonly lists: ListSettings
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
  const databaseUrl = readDatabase(env)
  const dataDir = resolve(text(env, 'DATA_DIR') ?? './data')
  const port = integer(env, 'PORT', 8080, 0, 65_535)
  const embedded = databaseUrl === null
  const sandbox = flag(env, 'SANDBOX', embedded)
  if (embedded || sandbox) makeDataDir(dataDir)
  const baseUrl = httpUrl(env, 'BASE_URL') ?? `http://localhost:${port}`
  const host = hostName(env)
  const sandboxToken = readSandboxToken(env)
  const listPoolSize = integer(env, 'LIST_POOL_SIZE', 3, 1, 500)
  requireLocked({ sandbox, sandboxToken, baseUrl, host })
  return {
    port,
    host,
    databaseUrl,
    databasePooler: oneOf(env, 'DATABASE_POOLER', 'auto', ['auto', 'transaction', 'none']),
    dataDir,
    baseUrl,
    ...readMasterKeys(env, dataDir, embedded),
    channelUrls: channelUrls(env),
    sandbox,
    sandboxToken,
    allowPrivateWebhooks: flag(env, 'ALLOW_PRIVATE_WEBHOOKS', embedded),
    logLevel: oneOf(env, 'LOG_LEVEL', 'info', ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']),
    poolSize: integer(env, 'POOL_SIZE', 10, 1, 500),
    listPoolSize,
    clockPoolSize: integer(env, 'CLOCK_POOL_SIZE', 2, 1, 500),
    jobPoolSize: integer(env, 'JOB_POOL_SIZE', 5, 1, 500),
    statementTimeoutMs: integer(env, 'STATEMENT_TIMEOUT_MS', 10_000, 100, 600_000),
    jobStatementTimeoutMs: integer(env, 'JOB_STATEMENT_TIMEOUT_MS', 60_000, 100, 3_600_000),
    lockTimeoutMs: integer(env, 'LOCK_TIMEOUT_MS', 5_000, 100, 600_000),
    rateLimit: integer(env, 'RATE_LIMIT', 6_000, 1, 10_000_000),
    trustedProxies: readProxies(env),
    requestTimeoutMs: integer(env, 'REQUEST_TIMEOUT_MS', 30_000, 100, 600_000),
    connectionsMax: integer(env, 'CONNECTIONS_MAX', 10_000, 1, 1_000_000),
    limits: readLimits(env),
    lists: {
      atOnce: integer(env, 'LISTS_AT_ONCE', atOnceDefault(listPoolSize), 1, 500),
      waitMs: integer(env, 'LIST_WAIT_MS', 10_000, 0, 600_000),
    },
    exchangeRatesUrl: httpUrl(env, 'EXCHANGE_RATES_URL'),
    smtpUrl: smtpUrl(env),
    mailFrom: mailFrom(env, new URL(baseUrl).hostname),
  }
}

function readLimits(env: Env): LimitSettings {
  const limit = (name: string, byDefault: number) => integer(env, name, byDefault, 1, 10_000_000)
  return {
    returnsAMinute: limit('LIMIT_RETURNS', 60),
    relaysMax: limit('LIMIT_RELAYS', 20),
    wrongHooksAMinute: limit('LIMIT_WRONG_HOOKS', 120),
    wrongKeysAMinute: limit('LIMIT_WRONG_KEYS', 60),
    customerAttemptsAnHour: limit('LIMIT_CUSTOMER_ATTEMPTS', 30),
    customerDeclinesAnHour: limit('LIMIT_CUSTOMER_DECLINES', 10),
    addressAttemptsAnHour: limit('LIMIT_ADDRESS_ATTEMPTS', 1_000),
    addressDeclinesAnHour: limit('LIMIT_ADDRESS_DECLINES', 30),
    linkStreamsMax: limit('LIMIT_LINK_STREAMS', 10),
    addressStreamsMax: limit('LIMIT_ADDRESS_STREAMS', 200),
  }
}

/** From anywhere else X-Forwarded-For is a stranger's word. */
function readProxies(env: Env): string[] {
  const proxies = (text(env, 'TRUSTED_PROXIES') ?? '127.0.0.0/8,::1').split(',').map((one) => one.trim())
  for (const proxy of proxies) {
    const [address = '', bits, ...others] = proxy.split('/')
    const bitsMax = isIP(address) === 6 ? 128 : 32
    const isNetwork = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) >= 1 && Number(bits) <= bitsMax)
    if (isIP(address) === 0 || !isNetwork || others.length > 0) {
      throw new ConfigError('TRUSTED_PROXIES must be addresses or networks, e.g. "127.0.0.1,10.0.0.0/8"')
    }
  }
  return proxies
}

const tokenLengthMin = 16

function readSandboxToken(env: Env): string | null {
  const value = text(env, 'SANDBOX_TOKEN')
  if (value === null || (value.length >= tokenLengthMin && /^[\w.~+-]+$/.test(value))) return value
  throw new ConfigError(
    `SANDBOX_TOKEN must be ${tokenLengthMin} letters and digits or more, e.g. from \`openssl rand -hex 16\``,
  )
}

/** Whoever reaches an open sandbox pays its test checkouts and reads its mailbox. Throws `ConfigError`. */
export function requireLocked(config: Pick<Config, 'sandbox' | 'sandboxToken' | 'baseUrl' | 'host'>): void {
  if (!config.sandbox || config.sandboxToken !== null) return
  const beyond = [
    !isThisMachine(new URL(config.baseUrl).hostname) && `BASE_URL (${config.baseUrl})`,
    !isThisMachine(config.host) && `HOST (${config.host})`,
  ].filter((one) => one !== false)
  if (beyond.length === 0) return
  const words = `SANDBOX is on, and others than this machine reach it by ${beyond.join(' and ')}`
  throw new ConfigError(`${words}: set SANDBOX_TOKEN, e.g. to what \`openssl rand -hex 16\` prints, or SANDBOX=0`)
}

const isThisMachine = (host: string): boolean => /^(localhost|.+\.localhost|127\.\d+\.\d+\.\d+|\[?::1\]?)$/i.test(host)

/** Its errors show no part of it: it holds a password. */
function readDatabase(env: Env): string | null {
  const value = text(env, 'DATABASE_URL')
  try {
    if (value !== null) readDatabaseUrl(value)
    return value
  } catch (error) {
    if (error instanceof DatabaseUrlError) throw new ConfigError(`DATABASE_URL ${error.message}`)
    throw error
  }
}

function channelUrls(env: Env): Record<string, string> {
  const urls: Record<string, string> = {}
  for (const { slug } of listChannels()) {
    const url = httpUrl(env, `${slug.toUpperCase()}_API_URL`)
    if (url) urls[slug] = url
  }
  return urls
}

type MasterKeys = Pick<Config, 'masterKey' | 'nextMasterKey' | 'otherMasterKeys' | 'masterKeyFile'>

/** The embedded default makes its own key once, mode 0600; with a server database the key must be given. */
function readMasterKeys(env: Env, dataDir: string, embedded: boolean): MasterKeys {
  const given = (name: string) => {
    const value = text(env, name)
    return value === null ? null : decodeMasterKey(value, name)
  }
  const masterKey = given('ASYNCPAY_MASTER_KEY')
  const nextMasterKey = given('ASYNCPAY_MASTER_KEY_NEXT')
  const previous = given('ASYNCPAY_MASTER_KEY_PREVIOUS')
  const others = [nextMasterKey, previous].filter((key) => key !== null)
  if (masterKey) return { masterKey, nextMasterKey, otherMasterKeys: others, masterKeyFile: null }
  if (!embedded) {
    throw new ConfigError(
      'ASYNCPAY_MASTER_KEY is required with DATABASE_URL: 32 bytes, e.g. from `openssl rand -hex 32`',
    )
  }
  const file = join(dataDir, 'master.key')
  const held = parseKeyFile(readOrMake(file))
  const inFile = [held.next, held.previous].filter((key) => key !== null).map((key) => decodeMasterKey(key, file))
  return {
    masterKey: decodeMasterKey(held.current, file),
    nextMasterKey,
    otherMasterKeys: [...inFile, ...others],
    masterKeyFile: file,
  }
}

function readOrMake(file: string): string {
  try {
    if (!existsSync(file)) {
      writeFileSync(file, `${randomBytes(32).toString('hex')}\n`, { mode: 0o600, flag: 'wx' })
    }
    return readFileSync(file, 'utf8').trim()
  } catch (error) {
    throw cannotUse(error)
  }
}

const cannotUse = (error: unknown) =>
  new ConfigError(`DATA_DIR cannot be used: ${error instanceof Error ? error.message : error}`)

/**
 * Makes the folder for its owner alone, and sees that it can be written to. One level after the other: where a system
 * says of a path that it neither exists nor can be made (under /proc), Node's own recursive way never ends.
 */
export function makeDataDir(dataDir: string): void {
  const missing: string[] = []
  for (let folder = dataDir; !existsSync(folder); folder = dirname(folder)) missing.unshift(folder)
  try {
    for (const folder of missing) makeFolder(folder)
    if (!statSync(dataDir).isDirectory()) throw new Error(`${dataDir} is not a folder`)
    closeToOthers(dataDir)
    accessSync(dataDir, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (error) {
    throw cannotUse(error)
  }
}

/** What an older version, a copy or a wide umask left open. A folder that is everybody's is not ours to close. */
function closeToOthers(dataDir: string): void {
  if (statSync(dataDir).mode & 0o1000) throw new Error(`${dataDir} is a folder that others have shared use of`)
  for (const name of ['.', ...readdirSync(dataDir)]) {
    const path = join(dataDir, name)
    const found = lstatSync(path, { throwIfNoEntry: false })
    if (found && !found.isSymbolicLink() && found.mode & 0o077) chmodSync(path, found.mode & 0o700)
  }
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { mode: 0o700 })
  } catch (error) {
    // Another process that starts now was faster.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
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

function oneOf<Word extends string>(env: Env, name: string, byDefault: Word, allowed: readonly Word[]): Word {
  const value = text(env, name) ?? byDefault
  const found = allowed.find((word) => word === value)
  if (found === undefined) throw new ConfigError(`${name} must be one of ${allowed.join(', ')}, not "${value}"`)
  return found
}

/**
 * What the parser repairs is refused (a missing slash, a backslash, a space): links are made of the text as it stands.
 * Without the value in the error: it may hold a password, and this is printed.
 */
function httpUrl(env: Env, name: string): string | null {
  const value = text(env, name)
  if (value === null) return null
  if (!/^https?:\/\/[^/,]+(\/|$)/i.test(value) || /[\s\\@?#]/.test(value) || !URL.canParse(value)) {
    throw new ConfigError(`${name} must be an http(s) address without credentials, query or hash`)
  }
  return value.replace(/\/+$/, '')
}

/** A name or an address to listen on; the port is another setting. */
function hostName(env: Env): string {
  const value = text(env, 'HOST') ?? '127.0.0.1'
  if (isIP(value) !== 0 || /^[a-z0-9_]([a-z0-9._-]{0,250}[a-z0-9_])?$/i.test(value)) return value
  throw new ConfigError('HOST must be a name or an IP address, without http:// and without a port')
}

/** Neither error shows the value: it holds a password. */
function smtpUrl(env: Env): string | null {
  const value = text(env, 'SMTP_URL')
  if (value === null) return null
  const url = URL.parse(value)
  const isPlain = url && /^\/?$/.test(url.pathname) && !/[\s?#]/.test(value) && (url.username || !url.password)
  if (!url || url.port === '0' || !/^smtps?:$/.test(url.protocol) || !url.hostname || !isPlain || !canDecode(url)) {
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

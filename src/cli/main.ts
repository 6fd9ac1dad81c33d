#!/usr/bin/env node
import { setTimeout } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { CredentialsError } from '../channels/channel.ts'
import { type Config, ConfigError, readConfig } from '../config.ts'
import { ApiError } from '../platform/errors.ts'
import { openRuntime } from '../runtime.ts'
import type { Role } from '../server.ts'
import { version } from '../version.ts'
import { showAudit } from './audit.ts'
import { doctor } from './doctor.ts'
import { readFields } from './fields.ts'
import { changeKeys } from './keys.ts'
import { type Listening, listen } from './listen.ts'
import { InUse, lockDataDir } from './lock.ts'
import { changeMasterKey } from './master-key.ts'
import { type Keys, type Operation, operations } from './operations.ts'
import { runSandbox } from './sandbox.ts'
import { callSocket, wordsOf } from './socket.ts'
import { start } from './start.ts'
import { UsageError } from './usage.ts'

const help = `asyncpay: payments over many channels behind one API

  asyncpay start [--role all|api|worker]       serve (embedded database without DATABASE_URL)
  asyncpay migrate                             bring the database up to date
  asyncpay keys [--json] [--business <id>]     show the keys of a business
  asyncpay keys list [--json]                  every key with its scopes, its last use and its end
  asyncpay keys create --mode test|live [--kind secret|public] --label "<text>" [--scopes payments,refunds,payouts,read]
  asyncpay keys roll <id or label> --overlap 24h|0
  asyncpay keys revoke <id or label>
  asyncpay business create "<name>" [--currency NGN]
  asyncpay business list
  asyncpay channels list --mode test|live
  asyncpay channels connect <slug> --mode test|live [--default]
                                               secrets: as JSON on standard input (- behind the slug), with
                                               --from-file <file>, or asked for; --set <field>=<value> for the rest
  asyncpay channels disable <slug> --mode test|live
  asyncpay audit list [--limit 50] [--before <row>] [--json]   who changed what, newest first
  asyncpay audit verify [--expect <link>:<digest>] [--json]    whether each row stands as it was written
  asyncpay listen [--port 4242] [--forward-to <url>]   receive the test mode's webhooks here
  asyncpay sandbox [--port 9090]               the providers' emulators, alone
  asyncpay master-key rotate|check|forget [--rows 5000]   change the master key while everything runs
  asyncpay doctor                              say what is wrong with the set-up
  asyncpay --version                           which one this is

Environment: see README.md. With --business <id> a command acts on that business; with one business it need not be named.`

const options = {
  role: { type: 'string' },
  json: { type: 'boolean' },
  business: { type: 'string' },
  currency: { type: 'string' },
  mode: { type: 'string' },
  set: { type: 'string', multiple: true },
  'from-file': { type: 'string' },
  default: { type: 'boolean' },
  port: { type: 'string' },
  kind: { type: 'string' },
  label: { type: 'string' },
  scopes: { type: 'string' },
  overlap: { type: 'string' },
  before: { type: 'string' },
  limit: { type: 'string' },
  expect: { type: 'string' },
  rows: { type: 'string' },
  'forward-to': { type: 'string' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'v' },
} as const

type Values = ReturnType<typeof parse>['values']

function parse() {
  try {
    return parseArgs({ options, allowPositionals: true, strict: true })
  } catch (error) {
    throw new UsageError(wordsOf(error))
  }
}

async function main(): Promise<void> {
  // Whatever this program writes is for its owner alone.
  process.umask(0o077)
  const { values, positionals } = parse()
  const [command, ...rest] = positionals
  if (values.version) return console.log(version)
  if (values.help || command === undefined || command === 'help') return console.log(help)
  if (command === 'doctor') return await doctor()
  const config = readConfig()
  switch (command) {
    case 'start':
      return await start(config, roleOf(values.role))
    case 'migrate':
      return await migrateOnly(config)
    case 'sandbox':
      return await runSandbox(config, portOf(values.port, 9090))
    case 'keys':
      if (rest.length > 0) return console.log(await changeKeys((name, args) => run(config, name, args), rest, values))
      return printKeys((await run(config, 'keys', { business: values.business })) as Keys, values.json === true)
    case 'audit':
      return await audit(config, rest, values)
    case 'master-key':
      // Read anew at each step: the data folder's file gets the next key meanwhile.
      return await changeMasterKey(config, (name, args) => run(readConfig(), name, args), rest[0], values.rows)
    case 'business':
      return print(await business(config, rest, values))
    case 'channels':
      return print(await channels(config, rest, values))
    case 'listen':
      return await listenHere(config, values)
    default:
      throw new UsageError(`There is no command "${command}".\n\n${help}`)
  }
}

async function audit(config: Config, rest: string[], values: Values): Promise<void> {
  const { text, isFine } = await showAudit((name, args) => run(config, name, args), rest, values)
  console.log(text)
  if (!isFine) process.exitCode = 1
}

/** In the server that has the database, else in this process. */
async function run(config: Config, name: Operation, args: Record<string, unknown>): Promise<unknown> {
  if (config.databaseUrl !== null) return await runHere(config, name, args)
  return await inOwner(config.dataDir, name, args, async (unlock) => {
    try {
      return await runHere(config, name, args)
    } finally {
      unlock()
    }
  })
}

async function runHere(config: Config, name: Operation, args: Record<string, unknown>): Promise<unknown> {
  const runtime = await openRuntime(config)
  try {
    return await operations[name](runtime.ctx, args)
  } finally {
    await runtime.close()
  }
}

/** A server that has the data folder and no socket yet is starting, or stopping: in this time it is either there or gone. */
const ownerMaxMs = 60_000
const ownerLookEveryMs = 50

async function inOwner(
  dataDir: string,
  name: Operation,
  args: Record<string, unknown>,
  here: (unlock: () => void) => Promise<unknown>,
): Promise<unknown> {
  const deadline = Date.now() + ownerMaxMs
  for (;;) {
    const answered = await callSocket(dataDir, name, args)
    if (answered) return answered.result
    let unlock: () => void
    try {
      unlock = lockDataDir(dataDir)
    } catch (error) {
      if (!(error instanceof InUse) || Date.now() > deadline) throw error
      await setTimeout(ownerLookEveryMs)
      continue
    }
    return await here(unlock)
  }
}

async function migrateOnly(config: Config): Promise<void> {
  const unlock = config.databaseUrl === null ? lockDataDir(config.dataDir) : () => {}
  const runtime = await openRuntime(config)
  await runtime.close()
  unlock()
  console.log('The database is up to date.')
}

async function business(config: Config, [verb, name]: string[], values: Values): Promise<unknown> {
  if (verb === 'list') return await run(config, 'business.list', {})
  if (verb !== 'create' || !name)
    throw new UsageError('asyncpay business create "<name>" [--currency NGN], or: asyncpay business list')
  const currency = values.currency ?? 'NGN'
  return await run(config, 'business.create', { name, currency })
}

async function channels(config: Config, [verb, channel, from]: string[], values: Values): Promise<unknown> {
  const args = { business: values.business, mode: values.mode, channel, default: values.default === true }
  if (verb === 'list') return await run(config, 'channels.list', args)
  if (!channel || (verb !== 'connect' && verb !== 'disable')) {
    throw new UsageError('asyncpay channels list|connect <slug>|disable <slug> --mode test|live')
  }
  if (verb === 'disable') return await run(config, 'channels.disable', args)
  if (from !== undefined && from !== '-') throw new UsageError('Behind the channel there may be -, for standard input')
  const sources = { set: values.set ?? [], fromStdin: from === '-', fromFile: values['from-file'] }
  return await run(config, 'channels.connect', { ...args, fields: await readFields(channel, sources) })
}

async function listenHere(config: Config, values: Values): Promise<void> {
  const { business } = values
  await listen({
    port: portOf(values.port, 4242),
    forwardTo: values['forward-to'] ?? null,
    add: async (url) => (await run(config, 'webhooks.listen', { business, url })) as Listening,
    remove: async ({ business_id, uuid }) => {
      await run(config, 'webhooks.unlisten', { business: business_id, uuid })
    },
  })
}

function roleOf(role: string | undefined): Role {
  if (role === undefined || role === 'all' || role === 'api' || role === 'worker') return role ?? 'all'
  throw new UsageError('--role must be all, api or worker')
}

function portOf(port: string | undefined, byDefault: number): number {
  if (port === undefined) return byDefault
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535)
    throw new UsageError('--port must be a whole number up to 65535')
  return Number(port)
}

const print = (value: unknown) => console.log(JSON.stringify(value, null, 2))

function printKeys(keys: Keys, json: boolean): void {
  if (json) {
    console.log(JSON.stringify(keys))
    return
  }
  console.log(`Business ${keys.business_id}`)
  for (const mode of ['test', 'live'] as const) {
    console.log(`\n${mode}\n  secret key      ${keys[mode].secret_key}\n  public key      ${keys[mode].public_key}`)
    console.log(`  webhook secret  ${keys[mode].webhook_secret}`)
  }
}

/** The operating system's codes (port taken, no database there), and PostgreSQL's for a wrong login or database. */
const codesToPutRight = /^(E[A-Z]+|28\w{3}|3D000)$/

const canBePutRight = (error: unknown): boolean =>
  [UsageError, ConfigError, ApiError, CredentialsError].some((kind) => error instanceof kind) ||
  (error instanceof Error && 'code' in error && codesToPutRight.test(String(error.code)))

try {
  await main()
} catch (error) {
  // A mistake of ours is shown whole; what the person can put right in one line.
  if (!canBePutRight(error)) console.error(error)
  console.error(`asyncpay: ${wordsOf(error)}`)
  process.exit(1)
}

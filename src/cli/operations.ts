import { findChannelMaybe } from '../channels/index.ts'
import { businessNameMaxLength, type EnvMode, type KeyKind, type Scope } from '../domain/businesses/schema.ts'
import * as businesses from '../domain/businesses/service.ts'
import * as channels from '../domain/payment-channels/service.ts'
import * as webhooks from '../domain/webhooks/service.ts'
import type { Context } from '../platform/context.ts'
import { ApiError, type FieldErrors, httpErrors } from '../platform/errors.ts'
import { isCurrency } from '../platform/money.ts'
import { perPageMax } from '../platform/pagination.ts'
import type { WalkPlace } from '../platform/sealed.ts'
import { isBlank } from '../platform/texts.ts'
import * as masterKey from './master-key.ts'
import { UsageError } from './usage.ts'

/**
 * What the command line can do: functions over the context, called in this process when it has the database, or over
 * the socket of the server that has it. Arguments and results are JSON.
 */
export const operations = {
  'business.create': (ctx, args) => createBusiness(ctx, String(args.name), String(args.currency)),
  'business.list': (ctx) => businesses.list(ctx),
  keys: (ctx, args) => readKeys(ctx, optional(args.business)),
  'keys.list': async (ctx, args) => await businesses.listKeys(ctx, await chooseBusiness(ctx, optional(args.business))),
  'keys.create': (ctx, args) => createKey(ctx, args as unknown as CreateKeyArgs),
  'keys.roll': (ctx, args) => rollKey(ctx, optional(args.business), String(args.key), Number(args.overlapMs)),
  'keys.revoke': (ctx, args) => revokeKey(ctx, optional(args.business), String(args.key)),
  'channels.list': (ctx, args) => listChannels(ctx, optional(args.business), modeOf(args.mode)),
  'channels.connect': (ctx, args) => connectChannel(ctx, args as unknown as ConnectArgs),
  'channels.disable': (ctx, args) => disableChannel(ctx, args as unknown as ConnectArgs),
  'audit.list': (ctx, args) => listAudit(ctx, args),
  'audit.verify': (ctx, args) => businesses.verify(ctx, optional(args.expect)),
  'master-key.begin': (ctx, args) => masterKey.beginRotation(ctx, args as { head: string; key?: string }),
  'master-key.waiting': (ctx, args) => masterKey.countWaiting(ctx, optional(args.since)),
  'master-key.reseal': (ctx, args) => masterKey.resealPiece(ctx, args.from as WalkPlace, Number(args.rows)),
  'master-key.check': (ctx, args) => masterKey.checkPiece(ctx, args.from as WalkPlace, Number(args.rows)),
  'master-key.finish': (ctx) => masterKey.finishRotation(ctx),
  'master-key.forget': (ctx) => masterKey.forgetOthers(ctx),
  'webhooks.listen': (ctx, args) => listen(ctx, optional(args.business), String(args.url)),
  'webhooks.unlisten': (ctx, args) => unlisten(ctx, optional(args.business), String(args.uuid)),
} as const satisfies Record<string, (ctx: Context, args: Record<string, unknown>) => Promise<unknown>>

export type Operation = keyof typeof operations
export const isOperation = (name: string): name is Operation => Object.hasOwn(operations, name)

const optional = (value: unknown): string | null => (value === undefined || value === null ? null : String(value))

function modeOf(value: unknown): EnvMode {
  if (value === 'test' || value === 'live') return value
  throw new UsageError('--mode must be test or live')
}

/** The business named, or the only one there is. */
async function chooseBusiness(ctx: Context, id: string | null): Promise<string> {
  const all = await businesses.list(ctx)
  if (id !== null) {
    const found = all.find((one) => one.id === id)
    if (!found) throw new UsageError(`There is no business ${id}; see: asyncpay business list`)
    return found.id
  }
  const [first, second] = all
  if (!first) throw new UsageError('There is no business yet; make one: asyncpay business create "<name>"')
  if (second)
    throw new UsageError('There are several businesses; name one with --business <id> (asyncpay business list)')
  return first.id
}

async function createBusiness(ctx: Context, name: string, currency: string) {
  if (isBlank(name) || name.length > businessNameMaxLength) {
    throw new UsageError(`The name of a business must have 1 to ${businessNameMaxLength} characters that can be seen`)
  }
  if (!isCurrency(currency))
    throw new UsageError(`--currency must be a currency of ISO 4217 such as NGN, not ${currency}`)
  const business_id = await businesses.create(ctx, name, currency, businesses.commandLine)
  return { business_id, name }
}

export interface Keys {
  business_id: string
  test: businesses.KeyPair & { webhook_secret: string }
  live: businesses.KeyPair & { webhook_secret: string }
}

export async function readKeys(ctx: Context, business: string | null): Promise<Keys> {
  const businessId = await chooseBusiness(ctx, business)
  const keys = await businesses.readKeys(ctx, businessId)
  const secretOf = async (envMode: EnvMode) =>
    (await webhooks.ensureBusinessEndpoint(ctx, { businessId, envMode })).secret
  return {
    business_id: businessId,
    test: { ...keys.test, webhook_secret: await secretOf('test') },
    live: { ...keys.live, webhook_secret: await secretOf('live') },
  }
}

interface CreateKeyArgs {
  business?: string
  mode?: string
  kind: KeyKind
  label: string
  scopes: Scope[]
}

async function createKey(ctx: Context, { business, mode, kind, label, scopes }: CreateKeyArgs) {
  const envMode = modeOf(mode)
  const businessId = await chooseBusiness(ctx, optional(business))
  return await inWords(() =>
    businesses.createKey(ctx, { businessId, envMode, kind, label, scopes }, businesses.commandLine),
  )
}

async function rollKey(ctx: Context, business: string | null, key: string, overlapMs: number) {
  const businessId = await chooseBusiness(ctx, business)
  return await inWords(() => businesses.rollKey(ctx, businessId, key, overlapMs, businesses.commandLine))
}

async function revokeKey(ctx: Context, business: string | null, key: string) {
  const businessId = await chooseBusiness(ctx, business)
  return await inWords(() => businesses.revokeKey(ctx, businessId, key, businesses.commandLine))
}

/** The words beside a wrong field are what a person at the command line needs. */
async function inWords<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof ApiError) || error.row !== httpErrors.validationFailed) throw error
    throw new UsageError(
      Object.values(error.data as FieldErrors)
        .flat()
        .join(' '),
    )
  }
}

async function listChannels(ctx: Context, business: string | null, envMode: EnvMode) {
  const owner = { businessId: await chooseBusiness(ctx, business), envMode }
  const { hookUrlOf } = await hookUrls(ctx, owner)
  return (await channels.listAccounts(ctx, owner)).map((account) => ({
    channel: account.slug,
    mode: account.envMode,
    enabled: account.isEnabled,
    default: account.isDefault,
    sandbox: account.isSandbox,
    webhook_url: hookUrlOf(account.slug),
  }))
}

async function hookUrls(ctx: Context, owner: { businessId: string; envMode: EnvMode }) {
  const business = await businesses.find(ctx, owner.businessId, owner.envMode)
  return { hookUrlOf: (slug: string) => `${ctx.baseUrl}/v1/system/hooks/${business.hookToken}/${slug}` }
}

interface ConnectArgs {
  business?: string
  mode?: string
  channel: string
  fields: Record<string, string>
  default?: boolean
}

async function connectChannel(ctx: Context, args: ConnectArgs) {
  const envMode = modeOf(args.mode)
  const owner = { businessId: await chooseBusiness(ctx, optional(args.business)), envMode }
  const channel = findChannelMaybe(args.channel)
  if (!channel) throw new UsageError(`There is no payment channel "${args.channel}"`)
  const known = channel.credentialFields.map((field) => field.name)
  const stranger = Object.keys(args.fields).find((field) => !known.includes(field))
  if (stranger) throw new UsageError(`${args.channel} has no field ${stranger}; it has: ${known.join(', ')}`)
  const makeDefault = args.default === true
  await channels.connect(ctx, {
    ...owner,
    slug: args.channel,
    fields: args.fields,
    makeDefault,
    actor: businesses.commandLine,
  })
  const { hookUrlOf } = await hookUrls(ctx, owner)
  return { channel: args.channel, mode: envMode, default: makeDefault, webhook_url: hookUrlOf(args.channel) }
}

async function disableChannel(ctx: Context, args: ConnectArgs) {
  const envMode = modeOf(args.mode)
  const businessId = await chooseBusiness(ctx, optional(args.business))
  await channels.setEnabled(ctx, { businessId, envMode, actor: businesses.commandLine }, args.channel, false)
  return { channel: args.channel, mode: envMode, enabled: false }
}

async function listAudit(ctx: Context, { business, before, limit }: Record<string, unknown>) {
  const businessId = await chooseBusiness(ctx, optional(business))
  return await businesses.listEntries(ctx, businessId, { before: optional(before), limit: Number(limit) })
}

async function testCaller(ctx: Context, named: string | null): Promise<businesses.Caller> {
  const businessId = await chooseBusiness(ctx, named)
  const business = await businesses.find(ctx, businessId, 'test')
  return { actor: businesses.commandLine, businessId, envMode: 'test', business }
}

/** What a killed `listen` left at the same address would answer each webhook a second time, and wrongly signed. */
async function listen(ctx: Context, business: string | null, url: string) {
  const caller = await testCaller(ctx, business)
  const { rows } = await webhooks.list(ctx, caller, { number: 1, size: perPageMax, offset: 0 })
  const left = rows.filter((row) => row.kind === 'endpoint' && row.url === url)
  for (const one of left) await webhooks.remove(ctx, caller, one.id)
  const { endpoint, secret } = await webhooks.create(ctx, caller, { url }, null)
  return { business_id: caller.businessId, uuid: endpoint.id, secret }
}

/** Done, too, where somebody else was faster. */
async function unlisten(ctx: Context, business: string | null, uuid: string) {
  const caller = await testCaller(ctx, business)
  await webhooks.remove(ctx, caller, uuid).catch((error: unknown) => {
    if (!(error instanceof ApiError) || error.row.status !== 404) throw error
  })
  return { uuid }
}

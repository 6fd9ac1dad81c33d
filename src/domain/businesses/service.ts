import { after } from '../../platform/clock.ts'
import type { Context } from '../../platform/context.ts'
import { type Database, inTransaction, type Tx } from '../../platform/db.ts'
import { ApiError, notFound } from '../../platform/errors.ts'
import { newId, newToken, randomHex } from '../../platform/ids.ts'
import { businessErrors } from './errors.ts'
import { type Business, type EnvMode, envModes, type RouteBy, type UpdateBusiness } from './schema.ts'
import type { AuditEntry, KeyKind } from './store.ts'
import * as store from './store.ts'

/** `link`: a page that whoever has its address may open. `secret`: also the owner's command line. */
export type CallerKind = 'secret' | 'public' | 'dashboard' | 'link'

/** Who asks: a key of one business in one mode. Everything read or written is theirs alone. */
export interface Caller {
  readonly kind: CallerKind
  readonly businessId: string
  readonly envMode: EnvMode
  readonly keyId: string
  readonly business: Business
}

const keyForms: Record<KeyKind, RegExp> = {
  secret: /^async_skt?_[0-9a-f]{60}$/,
  public: /^async_pkt?_[0-9a-f]{60}$/,
}
const keyPrefixes = {
  secret: { test: 'async_skt_', live: 'async_sk_' },
  public: { test: 'async_pkt_', live: 'async_pk_' },
} as const

/** `Authentication: Bearer <key>`, a bare key there, or `Authorization: Bearer <key>`; null where no key is. */
export function presentedKey(headers: Readonly<Record<string, string | string[] | undefined>>): string | null {
  const own = headers.authentication
  if (typeof own === 'string' && own.trim() !== '') return own.replace(/^Bearer\s+/i, '').trim()
  const standard = headers.authorization
  if (typeof standard !== 'string') return null
  return /^Bearer\s+(\S+)\s*$/i.exec(standard)?.[1] ?? null
}

/** How long another process's change of keys or settings may stay unseen here. */
const callerCacheMs = 1_000
const callerCacheMax = 10_000
const callerCaches = new WeakMap<Database, Map<string, { caller: Caller; until: number }>>()

/** Finds the caller of a key of `kind`. Throws 001/003 for what is no such key, 002/004 for one that nobody has. */
export async function authenticate(ctx: Context, kind: KeyKind, key: string | null): Promise<Caller> {
  const [malformed, unknown] =
    kind === 'secret'
      ? [businessErrors.invalidSecretKey, businessErrors.incorrectSecretKey]
      : [businessErrors.invalidPublicKey, businessErrors.incorrectPublicKey]
  if (key === null || !keyForms[kind].test(key)) throw new ApiError(malformed)
  const cache = callerCache(ctx)
  const cached = cache.get(key)
  if (cached && cached.until > Date.now()) return cached.caller
  const owner = await store.findMaybeByKeyHash(ctx.db, kind, ctx.secrets.hash(key))
  if (!owner) throw new ApiError(unknown)
  const caller = { kind, businessId: owner.id, envMode: owner.envMode, keyId: owner.keyId, business: owner }
  if (cache.size >= callerCacheMax) cache.clear()
  cache.set(key, { caller, until: Date.now() + callerCacheMs })
  return caller
}

function callerCache(ctx: Context) {
  let cache = callerCaches.get(ctx.database)
  if (!cache) {
    cache = new Map()
    callerCaches.set(ctx.database, cache)
  }
  return cache
}

export const findMaybe = (ctx: Context, businessId: string, envMode: EnvMode) =>
  store.findMaybe(ctx.db, businessId, envMode)

/** The business as it is now. */
export async function find(ctx: Context, businessId: string, envMode: EnvMode): Promise<Business> {
  const business = await store.findMaybe(ctx.db, businessId, envMode)
  if (!business) throw notFound('business')
  return business
}

export const findMaybeByHookToken = (ctx: Context, token: string) => store.findMaybeByHookToken(ctx.db, token)

export const list = (ctx: Context) => store.list(ctx.db, 1_000)

/**
 * What time it is for a business: real time, and in test mode ahead by what its test clock was moved. Stamps and compares
 * all that a business sees; deliveries, keys, claims and caches are in real time.
 */
export const nowOf = (ctx: Context, business: Pick<Business, 'clockOffsetMs'>): Date =>
  after(ctx.clock.now(), business.clockOffsetMs)

/** The same where only the owner is at hand. Asks the database in test mode, so never inside a transaction. */
export async function findNow(
  ctx: Context,
  { businessId, envMode }: Pick<Caller, 'businessId' | 'envMode'>,
): Promise<Date> {
  return after(ctx.clock.now(), envMode === 'live' ? 0 : await store.findClockOffsetMs(ctx.db, businessId, envMode))
}

/** After a change of what callers carry: seen by this process at once. */
export const forgetCallers = (ctx: Context): boolean => callerCaches.delete(ctx.database)

export async function update(
  ctx: Context,
  caller: Caller,
  changes: UpdateBusiness & { route_by?: RouteBy },
): Promise<Business> {
  const now = ctx.clock.now()
  const { name, business_category, base_currency } = changes
  const business = {
    ...(name && { name }),
    ...(business_category && { business_category }),
    ...(base_currency && { base_currency }),
  }
  const mode = modeChanges(changes)
  await inTransaction(ctx.db, async (tx) => {
    await store.update(tx, caller, business, mode, now)
    const detail = { ...business, ...mode }
    await audit(tx, { ...caller, actor: `key:${caller.keyId}`, action: 'business.updated', detail, now })
  })
  callerCaches.delete(ctx.database)
  return await find(ctx, caller.businessId, caller.envMode)
}

function modeChanges(changes: UpdateBusiness & { route_by?: RouteBy }): store.ModeChanges {
  const mode: store.ModeChanges = {}
  if (changes.webhook_url !== undefined) mode.webhook_url = changes.webhook_url || null
  if (changes.default_redirect_url !== undefined) mode.default_redirect_url = changes.default_redirect_url || null
  if (changes.enabled_webhooks !== undefined) mode.enabled_webhooks = Boolean(changes.enabled_webhooks)
  if (changes.send_subscription_mails !== undefined)
    mode.send_subscription_mails = Boolean(changes.send_subscription_mails)
  if (changes.allowed_domains !== undefined) mode.allowed_domains = changes.allowed_domains
  if (changes.refund_save_charges !== undefined) mode.refund_save_charges = Boolean(changes.refund_save_charges)
  if (changes.on_overpayment !== undefined) mode.on_overpayment = changes.on_overpayment
  if (changes.on_underpayment !== undefined) mode.on_underpayment = changes.on_underpayment
  if (changes.route_by !== undefined) mode.route_by = changes.route_by
  return mode
}

/** A business with both modes and a key of each kind in each. */
export async function create(ctx: Context, name: string, baseCurrency: string, actor: string): Promise<string> {
  const id = newId()
  const now = ctx.clock.now()
  await inTransaction(ctx.db, async (tx) => {
    await store.insertBusiness(tx, { id, name, baseCurrency, now })
    for (const envMode of envModes) {
      await store.insertMode(tx, id, envMode, newToken(), now)
      for (const kind of ['secret', 'public'] as const) await insertKey(ctx, tx, id, envMode, kind, now)
    }
    await audit(tx, { businessId: id, envMode: null, actor, action: 'business.created', detail: { name }, now })
  })
  return id
}

async function insertKey(ctx: Context, tx: Tx, businessId: string, envMode: EnvMode, kind: KeyKind, now: Date) {
  const key = keyPrefixes[kind][envMode] + randomHex(30)
  const id = newId()
  await store.insertKey(tx, {
    id,
    businessId,
    envMode,
    kind,
    keyHash: ctx.secrets.hash(key),
    keySealed: ctx.secrets.seal(key, `api_keys/${id}`),
    now,
  })
}

export type KeyPair = { secret_key: string; public_key: string }

/** The keys of both modes in the clear: for the owner's command line and dashboard only. */
export async function readKeys(ctx: Context, businessId: string): Promise<Record<EnvMode, KeyPair>> {
  const keys = { test: { secret_key: '', public_key: '' }, live: { secret_key: '', public_key: '' } }
  for (const row of await store.listKeys(ctx.db, businessId)) {
    keys[row.env_mode][`${row.kind}_key`] = ctx.secrets.open(row.key_sealed, `api_keys/${row.id}`)
  }
  return keys
}

/** Who changed what, in the same transaction as the change. */
export const audit = (tx: Tx, entry: AuditEntry & object) =>
  store.insertAudit(tx, {
    businessId: entry.businessId,
    envMode: entry.envMode,
    actor: entry.actor,
    action: entry.action,
    detail: entry.detail,
    now: entry.now,
  })

import { after, secondMs, wireTime } from '../../platform/clock.ts'
import type { Context } from '../../platform/context.ts'
import type { Database, Tx } from '../../platform/db.ts'
import { ApiError, invalid } from '../../platform/errors.ts'
import { newId, randomHex } from '../../platform/ids.ts'
import { type Actor, keyActor } from './actors.ts'
import { businessErrors } from './errors.ts'
import { countGuess } from './guesses.ts'
import type { ApiKey, Business, EnvMode, KeyKind, Scope } from './schema.ts'
import * as store from './store-keys.ts'

/** Who asks, for one business in one mode. Everything read or written is theirs alone. */
export interface Caller {
  readonly actor: Actor
  readonly businessId: string
  readonly envMode: EnvMode
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
const callerCaches = new WeakMap<Database, Map<string, { caller: Caller; scopes: readonly Scope[]; until: number }>>()

/**
 * Finds the caller of a key of `kind`. Throws `INVALID_…_KEY` for what is no such key, `INCORRECT_…_KEY` for one that
 * nobody has, and `KEY_SCOPE_MISSING` where the key is a secret one without `scope`. What opens nothing is counted by
 * `address`, and is `TOO_MANY_REQUESTS` beyond the most.
 */
export async function authenticate(
  ctx: Context,
  kind: KeyKind,
  key: string | null,
  scope: Scope | null,
  address: string,
): Promise<Caller> {
  const [malformed, unknown] =
    kind === 'secret'
      ? [businessErrors.invalidSecretKey, businessErrors.incorrectSecretKey]
      : [businessErrors.invalidPublicKey, businessErrors.incorrectPublicKey]
  const known = key !== null && keyForms[kind].test(key) ? key : null
  // Opened something a moment ago: no guess, whatever its neighbours do.
  const isGuess = known === null || !callerCache(ctx).has(known)
  const giveBack = isGuess ? await countGuess(ctx, kind, known, address) : () => {}
  if (known === null) throw new ApiError(malformed)
  let found: Awaited<ReturnType<typeof findCaller>> | undefined
  try {
    found = await findCaller(ctx, kind, known)
  } finally {
    // Not where the database was away either: only what it knows to open nothing is counted.
    if (found !== null) giveBack()
  }
  if (!found) throw new ApiError(unknown)
  if (kind === 'secret' && scope !== null && !found.scopes.includes(scope)) {
    throw new ApiError(businessErrors.keyScopeMissing, {
      message: `This key may not do that: it has no scope ${scope}`,
      data: { scope },
    })
  }
  return found.caller
}

async function findCaller(ctx: Context, kind: KeyKind, key: string) {
  const cache = callerCache(ctx)
  const cached = cache.get(key)
  if (cached && cached.until > Date.now()) return cached
  const now = ctx.clock.now()
  const owner = await store.findMaybeOwner(ctx.db, kind, ctx.secrets.hashes(key), now)
  if (!owner) {
    cache.delete(key)
    return null
  }
  noteUse(ctx, owner.keyId, now)
  const caller = {
    actor: keyActor(kind, owner.keyId, null),
    businessId: owner.id,
    envMode: owner.envMode,
    business: owner,
  }
  const lastsMs = owner.expiresAt ? Math.min(callerCacheMs, owner.expiresAt.getTime() - now.getTime()) : callerCacheMs
  const found = { caller, scopes: owner.scopes, until: Date.now() + lastsMs }
  if (cache.size >= callerCacheMax) cache.clear()
  cache.set(key, found)
  return found
}

function callerCache(ctx: Context) {
  let cache = callerCaches.get(ctx.database)
  if (!cache) {
    cache = new Map()
    callerCaches.set(ctx.database, cache)
  }
  return cache
}

/** After a change of what callers carry, or of a key: seen by this process at once. */
export const forgetCallers = (ctx: Context): boolean => callerCaches.delete(ctx.database)

/** `last_used_at` is true to a minute: a key that is used all day costs a statement a minute in each process. */
const noteUseEveryMs = 60 * secondMs
const notedUses = new WeakMap<Database, Map<string, number>>()

/** Nobody waits for it: a note that fails is made with the next use. */
function noteUse(ctx: Context, keyId: string, now: Date): void {
  const noted = notedUses.get(ctx.database) ?? new Map<string, number>()
  notedUses.set(ctx.database, noted)
  if (now.getTime() - (noted.get(keyId) ?? 0) < noteUseEveryMs) return
  if (noted.size >= callerCacheMax) noted.clear()
  noted.set(keyId, now.getTime())
  store.noteUse(ctx.db, keyId, now, after(now, -noteUseEveryMs)).catch((error: Error) => {
    noted.delete(keyId)
    ctx.log.debug({ error: error.message, keyId }, 'the use of a key was not noted')
  })
}

export interface WantedKey {
  businessId: string
  envMode: EnvMode
  kind: KeyKind
  label: string
  scopes: readonly Scope[]
}

/** What a sealed key is bound to. */
export const boundTo = (id: string) => `api_keys/${id}`

/** A new key of that form, sealed and findable: its row, and the key itself, which is shown this once. */
export async function makeKey(
  ctx: Context,
  tx: Tx,
  wanted: WantedKey,
  now: Date,
  id = newId(),
): Promise<{ row: store.KeyRow; key: string }> {
  const { businessId, envMode, kind, label } = wanted
  const key = keyPrefixes[kind][envMode] + randomHex(30)
  const keySealed = ctx.secrets.seal(key, boundTo(id))
  const row = { id, businessId, envMode, kind, label, scopes: [...wanted.scopes], keySealed }
  const isFree = await store.insert(tx, { ...row, keyHash: ctx.secrets.hash(key), now })
  if (!isFree) throw invalid({ label: ['Another key of this business has this label.'] })
  const ends = { lastUsedAt: null, expiresAt: null, revokedAt: null, replacedBy: null }
  return { key, row: { ...row, ...ends, createdAt: now } }
}

const maybeTime = (time: Date | null) => (time ? wireTime(time) : null)

export function presentKey(ctx: Context, row: store.KeyRow): ApiKey {
  const key = ctx.secrets.open(row.keySealed, boundTo(row.id))
  return {
    id: row.id,
    mode: row.envMode,
    kind: row.kind,
    label: row.label,
    scopes: row.scopes,
    hint: `${keyPrefixes[row.kind][row.envMode]}…${key.slice(-4)}`,
    created_at: wireTime(row.createdAt),
    last_used_at: maybeTime(row.lastUsedAt),
    expires_at: maybeTime(row.expiresAt),
    revoked_at: maybeTime(row.revokedAt),
    replaced_by: row.replacedBy,
  }
}

export type KeyPair = { secret_key: string; public_key: string }

/**
 * The keys of both modes in the clear: for the owner's command line and dashboard only. They are those that the business
 * was made with, or what they were rolled to; empty where there is none that opens.
 */
export async function readKeys(ctx: Context, businessId: string): Promise<Record<EnvMode, KeyPair>> {
  const keys = { test: { secret_key: '', public_key: '' }, live: { secret_key: '', public_key: '' } }
  for (const row of await store.listLasting(ctx.db, businessId)) {
    keys[row.envMode][`${row.kind}_key`] ||= ctx.secrets.open(row.keySealed, boundTo(row.id))
  }
  return keys
}

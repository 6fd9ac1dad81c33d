import { after, dayMs } from '../../platform/clock.ts'
import type { Context } from '../../platform/context.ts'
import { inTransaction, type Tx } from '../../platform/db.ts'
import { type FieldErrors, invalid, notFound } from '../../platform/errors.ts'
import { newId } from '../../platform/ids.ts'
import type { Actor } from './actors.ts'
import { audit } from './audit.ts'
import { forgetCallers, makeKey, presentKey, type WantedKey } from './keys.ts'
import { type ApiKey, scopes } from './schema.ts'
import * as businesses from './store.ts'
import * as store from './store-keys.ts'

/** A key that was made just now: the one time that it is shown. */
export interface MadeKey extends ApiKey {
  readonly key: string
}

/** Longer than any honest change of a key takes; a leaked one is rolled without an overlap. */
export const overlapMaxMs = 30 * dayMs
const keysShownMax = 500
const labelMax = 100
const idForm = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** All keys of a business, also those that open nothing any more; none of them in the clear. */
export async function listKeys(ctx: Context, businessId: string): Promise<ApiKey[]> {
  return (await store.list(ctx.db, businessId, keysShownMax)).map((row) => presentKey(ctx, row))
}

/** `actor`: who does it, for the record. Throws 422 for a label, scopes or a kind that cannot be. */
export async function createKey(ctx: Context, wanted: WantedKey, actor: Actor): Promise<MadeKey> {
  const errors = faultsOf(wanted)
  if (Object.keys(errors).length > 0) throw invalid(errors)
  if (!(await businesses.findMaybe(ctx.db, wanted.businessId, wanted.envMode))) throw notFound('business')
  const now = ctx.clock.now()
  return await inTransaction(ctx.db, async (tx) => {
    const { row, key } = await makeKey(ctx, tx, { ...wanted, scopes: [...new Set(wanted.scopes)] }, now)
    await record(tx, row, actor, 'api_key.created', now, {})
    return { ...presentKey(ctx, row), key }
  })
}

function faultsOf({ kind, label, scopes: wanted }: WantedKey): FieldErrors {
  const errors: FieldErrors = {}
  const isLabel = label.trim() === label && label !== '' && label.length <= labelMax && !/\p{Cc}/u.test(label)
  if (!isLabel || idForm.test(label)) {
    errors.label = [`The label must be a line of 1 to ${labelMax} characters, and no uuid.`]
  }
  const unknown = wanted.filter((one) => !scopes.includes(one))
  if (unknown.length > 0) errors.scopes = [`The scopes are ${scopes.join(', ')}, not ${unknown.join(', ')}.`]
  else if (kind === 'secret' && wanted.length === 0) errors.scopes = ['A secret key needs a scope.']
  else if (kind === 'public' && wanted.length > 0) errors.scopes = ['A public key has no scopes.']
  return errors
}

/**
 * Makes the key that comes after this one, with the same label and scopes; the old one opens for `overlapMs` more, and
 * with 0 nothing any more. Throws 404 for one that is unknown, 422 for one that has ended.
 */
export async function rollKey(
  ctx: Context,
  businessId: string,
  idOrLabel: string,
  overlapMs: number,
  actor: Actor,
): Promise<MadeKey & { readonly rolled: { id: string; expires_at: string | null } }> {
  if (!(overlapMs >= 0 && overlapMs <= overlapMaxMs)) throw invalid({ overlap: ['The overlap is 30 days at most.'] })
  const now = ctx.clock.now()
  const made = await inTransaction(ctx.db, async (tx) => {
    const old = await lock(tx, businessId, idOrLabel)
    if (old.revokedAt || old.replacedBy) {
      throw invalid({ key: ['This key was revoked or rolled already: roll the one that came after it.'] })
    }
    const id = newId()
    const expiresAt = overlapMs > 0 ? after(now, overlapMs) : null
    await store.replace(tx, old.id, id, expiresAt, now)
    const { row, key } = await makeKey(ctx, tx, old, now, id)
    await record(tx, row, actor, 'api_key.rolled', now, { replaces: old.id, old_key_expires_at: expiresAt })
    const rolled = presentKey(ctx, { ...old, expiresAt })
    return { ...presentKey(ctx, row), key, rolled: { id: old.id, expires_at: rolled.expires_at } }
  })
  forgetCallers(ctx)
  return made
}

/** It opens nothing from now on: here at once, in other processes within a second. Twice is once. */
export async function revokeKey(ctx: Context, businessId: string, idOrLabel: string, actor: Actor): Promise<ApiKey> {
  const now = ctx.clock.now()
  const revoked = await inTransaction(ctx.db, async (tx) => {
    const row = await lock(tx, businessId, idOrLabel)
    if (row.revokedAt) return row
    await store.revoke(tx, row.id, now)
    await record(tx, row, actor, 'api_key.revoked', now, {})
    return { ...row, revokedAt: now }
  })
  forgetCallers(ctx)
  return presentKey(ctx, revoked)
}

async function lock(tx: Tx, businessId: string, idOrLabel: string): Promise<store.KeyRow> {
  const row = await store.lockMaybe(tx, businessId, idOrLabel)
  if (!row) throw notFound('key')
  return row
}

async function record(
  tx: Tx,
  row: store.KeyRow,
  actor: Actor,
  action: string,
  now: Date,
  more: Record<string, unknown>,
): Promise<void> {
  const { id, businessId, envMode, kind, label } = row
  const detail = { key_id: id, kind, label, scopes: row.scopes, ...more }
  await audit(tx, { businessId, envMode, actor, action, detail, now })
}

import { after } from '../../platform/clock.ts'
import type { Context } from '../../platform/context.ts'

import { inTransaction } from '../../platform/db.ts'
import { invalid, notFound } from '../../platform/errors.ts'
import { newId, newToken } from '../../platform/ids.ts'
import type { Actor } from './actors.ts'
import { audit, auditBy, changesOf } from './audit.ts'
import { type Caller, forgetCallers, makeKey } from './keys.ts'
import {
  type Business,
  checkWebhookAddress,
  type EnvMode,
  envModes,
  type RouteBy,
  scopes,
  type UpdateBusiness,
} from './schema.ts'
import * as store from './store.ts'

export {
  type Actor,
  type ActorKind,
  type CreatedBy,
  commandLine,
  createdByOf,
  isStranger,
  linkActor,
  system,
} from './actors.ts'
export {
  audit,
  auditBy,
  changesOf,
  type EntryPage,
  entriesMax,
  listEntries,
  type ShownEntry,
} from './audit.ts'
export { isSealedLate, sealAll, type Verdict, verify } from './audit-chain.ts'
export {
  authenticate,
  type Caller,
  forgetCallers,
  type KeyPair,
  readKeys,
} from './keys.ts'
export { createKey, listKeys, type MadeKey, revokeKey, rollKey } from './replace-keys.ts'
export type { ApiKey } from './schema.ts'
export { countUnsealed } from './store-audit.ts'

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

/** Throws 422 for an address that live webhooks are not sent to. */
export function requireWebhookAddress(
  { envMode }: { envMode: EnvMode },
  field: string,
  address: string | undefined,
): void {
  const errors = checkWebhookAddress(envMode, field, address)
  if (Object.keys(errors).length > 0) throw invalid(errors)
}

export async function update(
  ctx: Context,
  caller: Caller,
  changes: UpdateBusiness & { route_by?: RouteBy },
): Promise<Business> {
  const now = ctx.clock.now()
  const { name, business_category, base_currency, webhook_url } = changes
  requireWebhookAddress(caller, 'webhook_url', webhook_url)
  const business = {
    ...(name && { name }),
    ...(business_category && { business_category }),
    ...(base_currency && { base_currency }),
  }
  const mode = modeChanges(changes)
  await inTransaction(ctx.db, async (tx) => {
    const before = await store.lockSettings(tx, caller)
    await store.update(tx, caller, business, mode, now)
    await auditBy(tx, caller, 'business.updated', changesOf(before, { ...business, ...mode }), now)
  })
  forgetCallers(ctx)
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
  if (changes.public_key_sells !== undefined) mode.public_key_sells = changes.public_key_sells
  if (changes.route_by !== undefined) mode.route_by = changes.route_by
  return mode
}

/** A business with both modes and a key of each kind in each. */
export async function create(ctx: Context, name: string, baseCurrency: string, actor: Actor): Promise<string> {
  const id = newId()
  const now = ctx.clock.now()
  await inTransaction(ctx.db, async (tx) => {
    await store.insertBusiness(tx, { id, name, baseCurrency, now })
    for (const envMode of envModes) {
      await store.insertMode(tx, id, envMode, newToken(), now)
      for (const kind of ['secret', 'public'] as const) {
        const label = `${envMode} ${kind}`
        await makeKey(ctx, tx, { businessId: id, envMode, kind, label, scopes: kind === 'secret' ? scopes : [] }, now)
      }
    }
    await audit(tx, { businessId: id, envMode: null, actor, action: 'business.created', detail: { name }, now })
  })
  return id
}

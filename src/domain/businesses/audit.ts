import { wireTime } from '../../platform/clock.ts'
import type { Context } from '../../platform/context.ts'
import type { Tx } from '../../platform/db.ts'
import type { Actor, ActorKind } from './actors.ts'
import type { Caller } from './keys.ts'
import type { EnvMode } from './schema.ts'
import * as store from './store-audit.ts'

/** Who changed what, from where, in the transaction of the change. */

export interface AuditEntry {
  /** Null: about the installation. */
  businessId: string | null
  envMode: EnvMode | null
  actor: Actor
  action: string
  detail: Record<string, unknown>
  now: Date
}

/** What is done on this machine, with no key. `system` is nobody. */
export const audit = (tx: Tx, { businessId, envMode, actor, action, detail, now }: AuditEntry): Promise<void> =>
  store.insert(tx, { businessId, envMode, actor, action, detail, now, customerId: null })

/**
 * What a caller does. `detail` names objects and terms, and no person: what is erased of a customer must not stay there.
 * `customerId`: whom it is about; with them goes the address of whoever came by a public key or a link, which is theirs.
 */
export const auditBy = (
  tx: Tx,
  caller: Caller,
  action: string,
  detail: Record<string, unknown>,
  now: Date,
  customerId: string | null = null,
): Promise<void> => {
  const { businessId, envMode } = caller
  return store.insert(tx, { businessId, envMode, actor: caller.actor, action, detail, now, customerId })
}

/** The fields of `after` that `before` says otherwise, each as it was and as it is: what a row tells of a change. */
export function changesOf(before: object, after: object): { before: object; after: object } {
  const known = before as Record<string, unknown>
  const changed = Object.entries(after)
    .map(([name, value]) => [name, wordOf(known[name] ?? null), wordOf(value)] as const)
    .filter(([, was, is]) => JSON.stringify(was) !== JSON.stringify(is))
  return {
    before: Object.fromEntries(changed.map(([name, was]) => [name, was])),
    after: Object.fromEntries(changed.map(([name, , is]) => [name, is])),
  }
}

/** Sums are whole numbers of minor units, as text. */
const wordOf = (value: unknown): unknown => (typeof value === 'bigint' ? String(value) : value)

/** One row as the command line shows it. */
export interface ShownEntry {
  id: string
  at: string
  mode: EnvMode | null
  actor_kind: ActorKind | null
  actor: string
  address: string | null
  action: string
  customer_uuid: string | null
  detail: Record<string, unknown>
}

export interface EntryPage {
  entries: ShownEntry[]
  /** What `before` is for the next page; null at the end. */
  next: string | null
}

export const entriesMax = 500

/** Of a business and of the installation, newest first, from the one before `before`. */
export async function listEntries(
  ctx: Context,
  businessId: string,
  page: { before: string | null; limit: number },
): Promise<EntryPage> {
  const rows = await store.list(ctx.db, businessId, page.before, page.limit + 1)
  const entries = rows.slice(0, page.limit).map(({ created_at, ...row }) => ({
    id: String(row.id),
    at: wireTime(created_at),
    mode: row.env_mode as EnvMode | null,
    actor_kind: row.actor_kind as ActorKind | null,
    actor: row.actor,
    address: row.address,
    action: row.action,
    customer_uuid: row.customer_id,
    detail: row.detail as Record<string, unknown>,
  }))
  return { entries, next: rows.length > page.limit ? (entries.at(-1)?.id ?? null) : null }
}

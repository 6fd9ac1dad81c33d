import { type Db, sql, type Tx } from '../../platform/db.ts'
import type { EnvMode } from '../businesses/schema.ts'
import type { ConnectedChannel } from './schema.ts'

export interface Owner {
  businessId: string
  envMode: EnvMode
}

export interface AccountRow extends ConnectedChannel {
  credentialsSealed: Buffer
}

/** All of a mode's accounts, in the order in which they were connected (there are at most as many as channels). */
export async function list(db: Db | Tx, owner: Owner): Promise<AccountRow[]> {
  const { rows } = await sql<AccountRow>`/* hot */ select id, business_id as "businessId", env_mode as "envMode",
      payment_channel_slug as slug, is_enabled as "isEnabled", is_default as "isDefault", is_sandbox as "isSandbox",
      credentials_sealed as "credentialsSealed", created_at as "createdAt", updated_at as "updatedAt"
    from business_payment_channels where business_id = ${owner.businessId} and env_mode = ${owner.envMode}
    order by created_at, id limit 100`.execute(db)
  return rows
}

export interface NewAccount {
  id: string
  slug: string
  credentialsSealed: Buffer
  isSandbox: boolean
  now: Date
}

/** Connects, or replaces the credentials of what is connected. The sealed value is bound to `id`, so an old row's id stays. */
export async function upsert(tx: Tx, owner: Owner, row: NewAccount): Promise<void> {
  await tx
    .insertInto('business_payment_channels')
    .values({
      id: row.id,
      business_id: owner.businessId,
      env_mode: owner.envMode,
      payment_channel_slug: row.slug,
      credentials_sealed: row.credentialsSealed,
      is_sandbox: row.isSandbox,
      created_at: row.now,
      updated_at: row.now,
    })
    .onConflict((conflict) =>
      conflict.columns(['business_id', 'env_mode', 'payment_channel_slug']).doUpdateSet({
        credentials_sealed: row.credentialsSealed,
        is_sandbox: row.isSandbox,
        is_enabled: true,
        updated_at: row.now,
      }),
    )
    .execute()
}

export async function setEnabled(tx: Tx, owner: Owner, slug: string, isEnabled: boolean, now: Date): Promise<boolean> {
  const { numUpdatedRows } = await own(tx, owner, slug)
    .set({ is_enabled: isEnabled, updated_at: now, ...(isEnabled ? {} : { is_default: false }) })
    .executeTakeFirst()
  return numUpdatedRows === 1n
}

/** Exactly one default; null takes it away. */
export async function setDefault(tx: Tx, owner: Owner, slug: string, now: Date): Promise<boolean> {
  await tx
    .updateTable('business_payment_channels')
    .set({ is_default: false, updated_at: now })
    .where('business_id', '=', owner.businessId)
    .where('env_mode', '=', owner.envMode)
    .where('is_default', '=', true)
    .execute()
  const { numUpdatedRows } = await own(tx, owner, slug).set({ is_default: true, updated_at: now }).executeTakeFirst()
  return numUpdatedRows === 1n
}

const own = (tx: Tx, owner: Owner, slug: string) =>
  tx
    .updateTable('business_payment_channels')
    .where('business_id', '=', owner.businessId)
    .where('env_mode', '=', owner.envMode)
    .where('payment_channel_slug', '=', slug)

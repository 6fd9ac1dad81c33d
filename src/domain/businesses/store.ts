import { type Db, sql, type Tx } from '../../platform/db.ts'
import type { Mode } from '../clock/service.ts'
import type { Business, EnvMode, OnOverpayment, OnUnderpayment, PublicKeySells, RouteBy } from './schema.ts'

/** Of a business in a mode, over `joined`. */
export const columns = sql`b.id, m.env_mode as "envMode", b.name, b.logo, b.business_category as "businessCategory",
  b.base_currency as "baseCurrency", m.webhook_url as "webhookUrl", m.enabled_webhooks as "enabledWebhooks",
  m.default_redirect_url as "defaultRedirectUrl", m.send_subscription_mails as "sendSubscriptionMails",
  m.allowed_domains as "allowedDomains", m.refund_save_charges as "refundSaveCharges",
  m.on_overpayment as "onOverpayment", m.on_underpayment as "onUnderpayment", m.public_key_sells as "publicKeySells",
  m.hook_token as "hookToken", m.route_by as "routeBy", (m.clock_offset_seconds * 1000)::float8 as "clockOffsetMs",
  b.created_at as "createdAt", greatest(b.updated_at, m.updated_at) as "updatedAt"`

export const joined = sql`businesses b join business_modes m on m.business_id = b.id`

export async function findMaybe(db: Db | Tx, businessId: string, envMode: EnvMode): Promise<Business | undefined> {
  const { rows } = await sql<Business>`/* hot */ select ${columns} from ${joined}
    where b.id = ${businessId} and m.env_mode = ${envMode} and b.deleted_at is null`.execute(db)
  return rows[0]
}

/** 0 for a mode that is gone. */
export async function findClockOffsetMs(db: Db, businessId: string, envMode: EnvMode): Promise<number> {
  const { rows } = await sql<{ ms: number }>`/* hot */ select (clock_offset_seconds * 1000)::float8 as ms
    from business_modes where business_id = ${businessId} and env_mode = ${envMode}`.execute(db)
  return rows[0]?.ms ?? 0
}

export interface ClockHold {
  holder: string
  until: Date
}

export interface HeldClock extends Mode {
  holder: string
  /** Null: a version that named none. */
  processId: string | null
  /** Since its process gave a sign of life, by the database's clock; null: it is gone. */
  silentMs: number | null
}

/** False: somebody else holds it. */
export async function holdClock(
  db: Db | Tx,
  mode: Mode,
  hold: ClockHold & { now: Date; processId: string },
): Promise<boolean> {
  const { rows } = await sql`update business_modes set clock_holder = ${hold.holder}, clock_held_until = ${hold.until},
      clock_process_id = ${hold.processId}
    where business_id = ${mode.businessId} and env_mode = ${mode.envMode}
      and (clock_held_until is null or clock_held_until <= ${hold.now}) returning 1`.execute(db)
  return rows.length === 1
}

/** Forward to that offset, or where it is when that is further. False: it is not held by this holder any more. */
export async function moveClock(db: Db, mode: Mode, hold: ClockHold, offsetSeconds: number): Promise<boolean> {
  const { rows } = await sql`update business_modes set clock_held_until = ${hold.until},
      clock_offset_seconds = greatest(clock_offset_seconds, ${offsetSeconds}::bigint)
    where business_id = ${mode.businessId} and env_mode = ${mode.envMode} and clock_holder = ${hold.holder}
    returning 1`.execute(db)
  return rows.length === 1
}

export async function releaseClock(db: Db, mode: Mode, holder: string): Promise<void> {
  await sql`update business_modes set clock_holder = null, clock_held_until = null, clock_process_id = null
    where business_id = ${mode.businessId} and env_mode = ${mode.envMode} and clock_holder = ${holder}`.execute(db)
}

/** Those that somebody holds, the oldest holds first. */
export async function listHeldClocks(db: Db, limit: number): Promise<HeldClock[]> {
  const { rows } = await sql<HeldClock>`/* hot */ select m.business_id as "businessId", m.env_mode as "envMode",
      m.clock_holder as holder, m.clock_process_id as "processId",
      (extract(epoch from clock_timestamp() - p.beat_at) * 1000)::float8 as "silentMs"
    from business_modes m left join processes p on p.id = m.clock_process_id
    where m.clock_held_until is not null order by m.clock_held_until limit ${limit}`.execute(db)
  return rows
}

export async function findMaybeByHookToken(db: Db, token: string): Promise<Business | undefined> {
  const { rows } = await sql<Business>`/* hot */ select ${columns} from ${joined}
    where m.hook_token = ${token} and b.deleted_at is null`.execute(db)
  return rows[0]
}

export async function list(db: Db, limit: number): Promise<{ id: string; name: string; created_at: Date }[]> {
  return await db
    .selectFrom('businesses')
    .select(['id', 'name', 'created_at'])
    .where('deleted_at', 'is', null)
    .orderBy('id')
    .limit(limit)
    .execute()
}

export interface NewBusiness {
  id: string
  name: string
  baseCurrency: string
  now: Date
}

export async function insertBusiness(tx: Tx, row: NewBusiness): Promise<void> {
  await tx
    .insertInto('businesses')
    .values({ id: row.id, name: row.name, base_currency: row.baseCurrency, created_at: row.now, updated_at: row.now })
    .execute()
}

export async function insertMode(
  tx: Tx,
  businessId: string,
  envMode: EnvMode,
  hookToken: string,
  now: Date,
): Promise<void> {
  await tx
    .insertInto('business_modes')
    .values({ business_id: businessId, env_mode: envMode, hook_token: hookToken, created_at: now, updated_at: now })
    .execute()
}

export interface BusinessChanges {
  name?: string
  business_category?: string
  base_currency?: string
}

export interface ModeChanges {
  webhook_url?: string | null
  enabled_webhooks?: boolean
  default_redirect_url?: string | null
  send_subscription_mails?: boolean
  route_by?: RouteBy
  allowed_domains?: string[]
  refund_save_charges?: boolean
  on_overpayment?: OnOverpayment
  on_underpayment?: OnUnderpayment
  public_key_sells?: PublicKeySells
}

/** Every setting as it is, by its column; held until `tx` ends. */
export async function lockSettings(
  tx: Tx,
  key: { businessId: string; envMode: EnvMode },
): Promise<BusinessChanges & ModeChanges> {
  const { rows } = await sql<BusinessChanges & ModeChanges>`select m.*, b.name, b.business_category, b.base_currency
    from ${joined} where b.id = ${key.businessId} and m.env_mode = ${key.envMode} for no key update`.execute(tx)
  return rows[0] ?? {}
}

export async function update(
  tx: Tx,
  key: { businessId: string; envMode: EnvMode },
  business: BusinessChanges,
  mode: ModeChanges,
  now: Date,
): Promise<void> {
  if (Object.keys(business).length > 0) {
    await tx
      .updateTable('businesses')
      .set({ ...business, updated_at: now })
      .where('id', '=', key.businessId)
      .execute()
  }
  if (Object.keys(mode).length > 0) {
    await tx
      .updateTable('business_modes')
      .set({ ...mode, updated_at: now })
      .where('business_id', '=', key.businessId)
      .where('env_mode', '=', key.envMode)
      .execute()
  }
}

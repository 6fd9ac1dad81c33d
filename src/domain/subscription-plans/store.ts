import { createHash } from 'node:crypto'
import { type Db, sql, type Tx } from '../../platform/db.ts'
import { emailKeyOf } from '../../platform/emails.ts'
import { type Found, findPage } from '../../platform/keyset.ts'
import type { Page } from '../../platform/pagination.ts'
import type { EnvMode } from '../businesses/schema.ts'
import type { PlanCounters, PlanRow, PlanStatus } from './schema.ts'

/** Who pays: known by id, or by e-mail (perhaps nobody yet). */
export type Payer = { id: string } | { email: string }

export interface Owner {
  businessId: string
  envMode: EnvMode
}

/** The columns that a request may set. */
export type PlanValues = Partial<
  Omit<PlanRow, 'id' | 'business_id' | 'env_mode' | 'link_id' | 'created_at' | 'updated_at' | 'deleted_at'>
>

export type NewPlan = PlanValues &
  Pick<PlanRow, 'name' | 'status' | 'interval' | 'currency' | 'amount_minor'> &
  Pick<PlanRow, 'amount_to_usd' | 'initial_amount_to_usd' | 'usd_per_unit'>

export async function insert(
  tx: Tx,
  owner: Owner,
  row: { id: string; linkId: string; now: Date; values: NewPlan },
): Promise<PlanRow> {
  return (await tx
    .insertInto('subscription_plans')
    .values({
      id: row.id,
      business_id: owner.businessId,
      env_mode: owner.envMode,
      link_id: row.linkId,
      ...row.values,
      created_at: row.now,
      updated_at: row.now,
    })
    .returningAll()
    .executeTakeFirstOrThrow()) as PlanRow
}

const own = (db: Db | Tx, owner: Owner) =>
  db
    .selectFrom('subscription_plans')
    .selectAll()
    .where('business_id', '=', owner.businessId)
    .where('env_mode', '=', owner.envMode)
    .where('deleted_at', 'is', null)

export async function findMaybe(db: Db | Tx, owner: Owner, id: string): Promise<PlanRow | undefined> {
  return (await own(db, owner).where('id', '=', id).executeTakeFirst()) as PlanRow | undefined
}

export async function findMaybeByLink(db: Db | Tx, owner: Owner, linkId: string): Promise<PlanRow | undefined> {
  return (await own(db, owner).where('link_id', '=', linkId).executeTakeFirst()) as PlanRow | undefined
}

/** The address alone names it. */
export async function findMaybeByPublicLink(db: Db, linkId: string): Promise<PlanRow | undefined> {
  const query = db.selectFrom('subscription_plans').selectAll().where('link_id', '=', linkId)
  return (await query.where('deleted_at', 'is', null).executeTakeFirst()) as PlanRow | undefined
}

/** Also a deleted one: whoever is subscribed to it stays so. */
export async function load(db: Db | Tx, id: string): Promise<PlanRow | undefined> {
  return (await db.selectFrom('subscription_plans').selectAll().where('id', '=', id).executeTakeFirst()) as
    | PlanRow
    | undefined
}

/** Holds the plan until the transaction ends; a subscription that is made to it meanwhile waits. */
export async function lock(tx: Tx, owner: Owner, id: string): Promise<PlanRow | undefined> {
  return (await own(tx, owner).where('id', '=', id).forUpdate().executeTakeFirst()) as PlanRow | undefined
}

export async function update(
  tx: Tx,
  id: string,
  values: PlanValues & { deleted_at?: Date },
  now: Date,
): Promise<PlanRow> {
  return (await tx
    .updateTable('subscription_plans')
    .set({ ...values, updated_at: now })
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirstOrThrow()) as PlanRow
}

export interface PlanFilter {
  status?: PlanStatus
  currency?: string
  /** Found in the name; `%` and `_` are plain characters. */
  search?: string
}

export async function list(db: Db, owner: Owner, filter: PlanFilter, page: Page): Promise<Found<PlanRow>> {
  const owned = sql`business_id = ${owner.businessId} and env_mode = ${owner.envMode}`
  const where = [owned, sql`deleted_at is null`]
  if (filter.status !== undefined) where.push(sql`status = ${filter.status}`)
  if (filter.currency !== undefined) where.push(sql`currency = ${filter.currency}`)
  if (filter.search !== undefined) where.push(sql`name ilike ${`%${filter.search.replace(/[\\%_]/g, '\\$&')}%`}`)
  const table = 'subscription_plans'
  const select = sql`select * from subscription_plans`
  return await findPage(db, page, { select, counted: sql.table(table), where, id: sql`id`, table, owned })
}

/** A subscription that has not ended, in whatever state. */
const lives = sql`s.status not in ('cancelled', 'expired')`

export async function countSubscribers(db: Db | Tx, planId: string): Promise<number> {
  const { rows } = await sql<{ count: number }>`select count(*)::int as count from subscriptions s
    where s.subscription_plan_id = ${planId} and ${lives}`.execute(db)
  return rows[0]?.count ?? 0
}

/** A payment may pay several periods: it counts once. Sums are of the currency that the plan has now. */
export async function listCounters(db: Db, planIds: readonly string[]): Promise<Map<string, PlanCounters>> {
  const { rows } = await sql<{ id: string; subscribers: number; payments: number; paid: string }>`select p.id,
      (select count(*)::int from subscriptions s where s.subscription_plan_id = p.id and ${lives}) as subscribers,
      paid.payments, paid.paid
    from subscription_plans p, lateral (
      select count(distinct payment_request_id)::int as payments, coalesce(sum(amount_minor), 0)::text as paid
      from subscription_periods where subscription_plan_id = p.id and status = 'paid' and currency = p.currency) paid
    where p.id = any(${planIds})`.execute(db)
  return new Map(
    rows.map(({ id, subscribers, payments, paid }) => [id, { subscribers, payments, paidMinor: BigInt(paid) }]),
  )
}

export async function isSubscribed(
  db: Db | Tx,
  owner: Owner,
  planId: string,
  customer: Payer,
  when: 'now' | 'before' | 'ever' = 'now',
): Promise<boolean> {
  const who = 'id' in customer ? sql`c.id = ${customer.id}` : sql`c.email_key = ${emailKeyOf(customer.email)}`
  const before = sql`not ${lives} and not exists (select 1 from subscriptions l where l.customer_id = c.id
    and l.subscription_plan_id = s.subscription_plan_id and l.status not in ('cancelled', 'expired'))`
  const of = { now: lives, ever: sql`true`, before }[when]
  const { rows } = await sql`select 1 from customers c join subscriptions s on s.customer_id = c.id
    where c.business_id = ${owner.businessId} and c.env_mode = ${owner.envMode} and c.deleted_at is null and ${who}
      and s.subscription_plan_id = ${planId} and ${of} limit 1`.execute(db)
  return rows.length > 0
}

/** Names a mailbox that had a trial of the plan, and says nothing of it to who does not know it. */
const mailboxOf = (planId: string, emailKey: string): Buffer =>
  createHash('sha256').update(`${planId}/${emailKey}`).digest()

/** False: this mailbox had its trial before. At once, one of them gets it. */
export async function insertTrial(tx: Tx, planId: string, customerId: string, now: Date): Promise<boolean> {
  const { rows } = await sql<{ key: string }>`select email_key as key from customers where id = ${customerId}`.execute(
    tx,
  )
  const mailbox = mailboxOf(planId, rows[0]?.key ?? customerId)
  const result = await sql`insert into trials (subscription_plan_id, mailbox, begun_at)
    values (${planId}, ${mailbox}, ${now}) on conflict do nothing`.execute(tx)
  return result.numAffectedRows === 1n
}

export async function hadTrial(db: Db, owner: Owner, planId: string, customer: Payer): Promise<boolean> {
  const keys = 'id' in customer ? await listKeys(db, owner, customer.id) : [emailKeyOf(customer.email)]
  const { rows } = await sql`select 1 from trials where subscription_plan_id = ${planId}
    and mailbox = any(${keys.map((key) => mailboxOf(planId, key))}::bytea[])`.execute(db)
  return rows.length > 0
}

async function listKeys(db: Db, { businessId, envMode }: Owner, customerId: string): Promise<string[]> {
  const { rows } = await sql<{ key: string }>`select email_key as key from customers
    where business_id = ${businessId} and env_mode = ${envMode} and id = ${customerId}`.execute(db)
  return rows.map(({ key }) => key)
}

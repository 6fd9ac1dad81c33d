import { type Db, sql, type Tx } from '../../platform/db.ts'
import { type Found, findPage } from '../../platform/keyset.ts'
import type { Page } from '../../platform/pagination.ts'
import { revive } from '../../platform/rows.ts'
import type { EnvMode } from '../businesses/schema.ts'
import type { DueRows } from '../clock/service.ts'
import type { FullSubscription, PeriodRow, SubscriptionRow } from './schema.ts'

export interface Owner {
  businessId: string
  envMode: EnvMode
}

export const dueRenewals: DueRows = { table: 'subscriptions', column: 'next_due_at' }
export const dueReminders: DueRows = { table: 'subscriptions', column: 'remind_at' }

export type NewSubscription = Omit<
  SubscriptionRow,
  'cancels_at' | 'cancelled_at' | 'paused_at' | 'ended_at' | 'created_at' | 'updated_at' | 'deleted_at'
>

export async function insert(tx: Tx, row: NewSubscription, now: Date): Promise<SubscriptionRow> {
  return (await tx
    .insertInto('subscriptions')
    .values({ ...row, created_at: now, updated_at: now })
    .returningAll()
    .executeTakeFirstOrThrow()) as SubscriptionRow
}

export type SubscriptionChanges = Partial<Omit<SubscriptionRow, 'id' | 'business_id' | 'env_mode' | 'status'>>

export async function update(tx: Tx, id: string, changes: SubscriptionChanges): Promise<void> {
  await tx.updateTable('subscriptions').set(changes).where('id', '=', id).execute()
}

/** Holds the subscription until the transaction ends: whoever decides anything about it waits here. */
export async function lock(tx: Tx, id: string): Promise<SubscriptionRow | undefined> {
  return (await tx.selectFrom('subscriptions').selectAll().where('id', '=', id).forNoKeyUpdate().executeTakeFirst()) as
    | SubscriptionRow
    | undefined
}

/** The one that a customer has to a plan. */
export async function lockLive(tx: Tx, customerId: string, planId: string): Promise<SubscriptionRow | undefined> {
  return (await tx
    .selectFrom('subscriptions')
    .selectAll()
    .where('customer_id', '=', customerId)
    .where('subscription_plan_id', '=', planId)
    .where('status', 'not in', ['cancelled', 'expired'])
    .forNoKeyUpdate()
    .executeTakeFirst()) as SubscriptionRow | undefined
}

export async function findMaybe(db: Db | Tx, id: string): Promise<SubscriptionRow | undefined> {
  return (await db.selectFrom('subscriptions').selectAll().where('id', '=', id).executeTakeFirst()) as
    | SubscriptionRow
    | undefined
}

/** The subscription that a payment began or paid for; undefined: it went another way. */
export async function findMaybeIdByRequest(db: Db, requestId: string): Promise<string | undefined> {
  const row = await db
    .selectFrom('subscription_periods')
    .select('subscription_id')
    .where('payment_request_id', '=', requestId)
    .executeTakeFirst()
  return row?.subscription_id
}

const fullSelect = sql`select to_jsonb(s) as subscription, to_jsonb(c) as customer, to_jsonb(p) as plan,
    to_jsonb(m) - 'token_sealed' as method, o.ref as "openRef"
  from subscriptions s
  join customers c on c.id = s.customer_id
  join subscription_plans p on p.id = s.subscription_plan_id
  left join payment_methods m on m.id = s.payment_method_id and m.deleted_at is null
  left join lateral (select r.ref from subscription_periods sp join payment_requests r on r.id = sp.payment_request_id
    where sp.subscription_id = s.id and sp.status = 'open') o on true`

const reviveFull = ({ subscription, customer, plan, method, openRef }: FullSubscription): FullSubscription => ({
  subscription: revive(subscription),
  customer: revive(customer),
  plan: revive(plan),
  method: method && revive(method),
  openRef,
})

export async function load(db: Db | Tx, id: string): Promise<FullSubscription | undefined> {
  const { rows } = await sql<FullSubscription>`/* hot */ ${fullSelect} where s.id = ${id}`.execute(db)
  return rows[0] && reviveFull(rows[0])
}

export interface SubscriptionFilter {
  status?: string
  customerId?: string
  planId?: string
}

export async function list(
  db: Db,
  owner: Owner,
  filter: SubscriptionFilter,
  page: Page,
): Promise<Found<FullSubscription>> {
  const where = [sql`s.business_id = ${owner.businessId}`, sql`s.env_mode = ${owner.envMode}`]
  if (filter.status) where.push(sql`s.status = ${filter.status}`)
  if (filter.customerId) where.push(sql`s.customer_id = ${filter.customerId}`)
  if (filter.planId) where.push(sql`s.subscription_plan_id = ${filter.planId}`)
  const found = await findPage<FullSubscription>(db, page, {
    select: fullSelect,
    counted: sql`subscriptions s`,
    where,
    id: sql`s.id`,
    table: 'subscriptions',
    owned: sql`business_id = ${owner.businessId} and env_mode = ${owner.envMode}`,
  })
  return { ...found, rows: found.rows.map(reviveFull) }
}

export interface NewPeriod {
  id: string
  number: number
  startsAt: Date
  endsAt: Date
  currency: string
  amountMinor: bigint
  requestId: string
  /** What pays it; null: it is open. */
  paidWith: string | null
}

/** The unique number is what lets nobody bill a period twice. */
export async function insertPeriod(
  tx: Tx,
  subscription: SubscriptionRow,
  period: NewPeriod,
  now: Date,
): Promise<PeriodRow> {
  return (await tx
    .insertInto('subscription_periods')
    .values({
      id: period.id,
      business_id: subscription.business_id,
      env_mode: subscription.env_mode,
      subscription_id: subscription.id,
      subscription_plan_id: subscription.subscription_plan_id,
      number: period.number,
      starts_at: period.startsAt,
      ends_at: period.endsAt,
      currency: period.currency,
      amount_minor: period.amountMinor,
      status: period.paidWith === null ? 'open' : 'paid',
      payment_request_id: period.requestId,
      paid_transaction_id: period.paidWith,
      created_at: now,
      updated_at: now,
    })
    .returningAll()
    .executeTakeFirstOrThrow()) as PeriodRow
}

export async function findOpenPeriod(db: Db | Tx, subscriptionId: string): Promise<PeriodRow | undefined> {
  return (await db
    .selectFrom('subscription_periods')
    .selectAll()
    .where('subscription_id', '=', subscriptionId)
    .where('status', '=', 'open')
    .executeTakeFirst()) as PeriodRow | undefined
}

/** Whether a period was paid with this payment. */
export async function isPaidWith(tx: Tx, transactionId: string): Promise<boolean> {
  const period = tx.selectFrom('subscription_periods').select('id').where('paid_transaction_id', '=', transactionId)
  return (await period.limit(1).executeTakeFirst()) !== undefined
}

/** A refusal was told of: one more place on in the schedule. */
export async function noteRefusal(tx: Tx, period: PeriodRow, transactionId: string | null, now: Date): Promise<void> {
  await tx
    .updateTable('subscription_periods')
    .set({
      refusals: period.refusals + 1,
      refused_transaction_id: transactionId ?? period.refused_transaction_id,
      updated_at: now,
    })
    .where('id', '=', period.id)
    .execute()
}

/** Another payment pays it. */
export async function setPeriodRequest(tx: Tx, periodId: string, requestId: string): Promise<void> {
  await tx
    .updateTable('subscription_periods')
    .set({ payment_request_id: requestId })
    .where('id', '=', periodId)
    .execute()
}

import type { RawBuilder } from 'kysely'
import { type Db, sql, type Tx } from '../../platform/db.ts'
import type { DueRows } from '../../platform/due.ts'
import { type Found, findPage, newestOf } from '../../platform/keyset.ts'
import type { Page } from '../../platform/pagination.ts'
import { revive } from '../../platform/rows.ts'
import type { EnvMode } from '../businesses/schema.ts'
import type { Customer } from '../customers/schema.ts'
import type { FullRequest, RequestRow, TimelineRow, TransactionRow } from './schema.ts'

export interface Owner {
  businessId: string
  envMode: EnvMode
}

export interface NewTransaction {
  id: string
  ref: string
  slug: string
  /** The rest, where a part of the request's amount has arrived; absent: all of it. */
  amountMinor?: bigint
}

export interface NewLine {
  id: string
  requestId: string
  transactionId: string | null
  paymentMethod: string | null
  summary: string
  status: string | null
  now: Date
}

export async function insertLine(tx: Tx, line: NewLine): Promise<void> {
  await tx
    .insertInto('timeline_records')
    .values({
      id: line.id,
      payment_request_id: line.requestId,
      transaction_id: line.transactionId,
      payment_method: line.paymentMethod,
      summary: line.summary,
      status: line.status,
      created_at: line.now,
      updated_at: line.now,
    })
    .execute()
}

/** Holds the request until the transaction ends: whoever decides anything about it waits here. */
export async function lock(tx: Tx, requestId: string): Promise<RequestRow | undefined> {
  return (await tx
    .selectFrom('payment_requests')
    .selectAll()
    .where('id', '=', requestId)
    .forNoKeyUpdate()
    .executeTakeFirst()) as RequestRow | undefined
}

/** A first payment for the plan is under way, or in and its subscription not begun yet. */
export async function isPlanBeingPaid(tx: Tx, customerId: string, planId: string): Promise<boolean> {
  const { rows } = await sql`select 1 from payment_requests r
    where r.customer_id = ${customerId} and r.subscription_plan_id = ${planId} and r.subscription_id is null
      and ((r.status = 'successful' and r.follow_up_due_at is not null)
        or exists (select 1 from transactions t where t.payment_request_id = r.id and t.status in ('unknown', 'processing')))
    limit 1`.execute(tx)
  return rows.length > 0
}

/** Requests whose time is up. */
export const dueExpiries: DueRows = { table: 'payment_requests', column: 'expiry_check_at' }

const fullSelect = sql`select to_jsonb(r) as request, to_jsonb(c) as customer, to_jsonb(t) as transaction,
    (select coalesce(sum(received_amount_minor), 0) from transactions where payment_request_id = r.id and is_kept) as kept
  from payment_requests r
  join customers c on c.id = r.customer_id
  left join lateral (select * from transactions where payment_request_id = r.id and further_of is null
    order by (status = 'successful') desc, (status = 'processing') desc, (status in ('pending', 'unknown')) desc,
      coalesce(opened_at, created_at) desc, id desc limit 1) t on true`

interface FullRow {
  request: RequestRow
  customer: Customer
  transaction: TransactionRow | null
  kept: string
}

async function withTimeline(db: Db | Tx, rows: FullRow[]): Promise<FullRequest[]> {
  const ids = rows.map((row) => row.request.id)
  const lines = ids.length === 0 ? [] : await listLines(db, ids)
  return rows.map((row) => ({
    request: revive<RequestRow>(row.request),
    restMinor: BigInt(revive<RequestRow>(row.request).amount_minor) - BigInt(row.kept),
    customer: revive<Customer>(row.customer),
    lastTransaction: row.transaction && revive<TransactionRow>(row.transaction),
    timeline: lines.filter((line) => line.payment_request_id === row.request.id),
  }))
}

/** More lines than any honest request gathers; the oldest are the story's beginning and stay. */
const linesMax = 500

async function listLines(db: Db | Tx, requestIds: string[]): Promise<TimelineRow[]> {
  const { rows } =
    await sql<TimelineRow>`/* hot */ select id, payment_request_id, payment_method, summary, status, created_at,
      updated_at, deleted_at
    from timeline_records where payment_request_id = any(${requestIds}) order by payment_request_id, position
    limit ${linesMax * requestIds.length}`.execute(db)
  return rows
}

export async function load(db: Db | Tx, requestId: string): Promise<FullRequest | undefined> {
  const { rows } = await sql<FullRow>`/* hot */ ${fullSelect} where r.id = ${requestId}`.execute(db)
  return (await withTimeline(db, rows))[0]
}

/** `ref` is the request's uuid (with or without `eric-`), its `ref`, or the merchant's own `reference`; a public key's last. */
export async function findMaybeId(db: Db, owner: Owner, ref: string, uuid: string | null): Promise<string | undefined> {
  const { rows } = await sql<{ id: string }>`/* hot */ select id from (
      select id, 1 as rank from payment_requests where id = ${uuid}::uuid and business_id = ${owner.businessId} and env_mode = ${owner.envMode}
      union all select id, 2 from payment_requests where ref = ${ref} and business_id = ${owner.businessId} and env_mode = ${owner.envMode}
      union all select id, case when created_by = 'public' then 4 else 3 end from payment_requests
        where business_id = ${owner.businessId} and env_mode = ${owner.envMode} and reference = ${ref}
    ) found order by rank limit 1`.execute(db)
  return rows[0]?.id
}

export async function findMaybeIdByRef(db: Db, ref: string): Promise<string | undefined> {
  const row = await db.selectFrom('payment_requests').select('id').where('ref', '=', ref).executeTakeFirst()
  return row?.id
}

/** Status and newest change of each request and its attempts, as one text. */
export async function listVersions(db: Db, requestIds: readonly string[]): Promise<Map<string, string>> {
  const { rows } = await sql<{ id: string; version: string }>`/* hot */ select r.id,
      r.status || coalesce(t.version, '') as version
    from payment_requests r left join lateral (
      select string_agg(id || status || extract(epoch from updated_at), ',' order by id) as version
      from transactions where payment_request_id = r.id) t on true
    where r.id = any(${requestIds}::uuid[])`.execute(db)
  return new Map(rows.map((row) => [row.id, row.version]))
}

export interface RequestFilter {
  status?: string
  customerId?: string
  paymentChannel?: string
  intent?: string
  from?: Date
  to?: Date
  /** Found in `ref`, `reference` and the customer's e-mail; `%` and `_` are plain characters. */
  search?: string
}

export async function list(
  db: Db,
  owner: Owner,
  filter: RequestFilter,
  page: Page,
  newestMax: number | null,
): Promise<Found<FullRequest>> {
  const found = await findPage<FullRow>(db, page, {
    select: fullSelect,
    counted: sql`payment_requests r join customers c on c.id = r.customer_id`,
    where: conditionsOf(owner, filter, newestMax),
    id: sql`r.id`,
    table: 'payment_requests',
    owned: sql`business_id = ${owner.businessId} and env_mode = ${owner.envMode}`,
  })
  return { ...found, rows: await withTimeline(db, found.rows) }
}

function conditionsOf(owner: Owner, filter: RequestFilter, newestMax: number | null): RawBuilder<unknown>[] {
  const conditions = [
    sql`r.business_id = ${owner.businessId} and r.env_mode = ${owner.envMode}`,
    sql`r.deleted_at is null`,
  ]
  if (filter.status) conditions.push(sql`r.status = ${filter.status}`)
  if (filter.intent) conditions.push(sql`r.intent = ${filter.intent}`)
  if (filter.customerId) conditions.push(sql`r.customer_id = ${filter.customerId}`)
  if (filter.from) conditions.push(sql`r.created_at >= ${filter.from}`)
  if (filter.to) conditions.push(sql`r.created_at <= ${filter.to}`)
  if (filter.paymentChannel) {
    conditions.push(sql`exists (select 1 from transactions t where t.payment_request_id = r.id
      and t.payment_channel_slug = ${filter.paymentChannel})`)
  }
  if (filter.search) {
    const pattern = `%${filter.search.replace(/[\\%_]/g, '\\$&')}%`
    conditions.push(sql`(r.ref ilike ${pattern} or r.reference ilike ${pattern} or c.email ilike ${pattern})`)
    if (newestMax !== null) conditions.push(newestOf(owner, 'payment_requests', sql`r.id`, newestMax))
  }
  return conditions
}

/** Requests for plans whose subscription has something to follow. */
export const dueFollowUps: DueRows = { table: 'payment_requests', column: 'follow_up_due_at' }

/** Null: followed. */
export async function setFollowUpDue(tx: Tx, requestId: string, dueAt: Date | null): Promise<void> {
  await tx.updateTable('payment_requests').set({ follow_up_due_at: dueAt }).where('id', '=', requestId).execute()
}

export async function setExpiry(
  tx: Tx,
  requestId: string,
  times: { expires_at?: Date; expiry_check_at?: Date },
): Promise<void> {
  await tx.updateTable('payment_requests').set(times).where('id', '=', requestId).execute()
}

export async function setSavedMethod(tx: Tx, requestId: string, methodId: string): Promise<void> {
  await tx.updateTable('payment_requests').set({ saved_method_id: methodId }).where('id', '=', requestId).execute()
}

import type { RawBuilder } from 'kysely'
import { type Db, sql, type Tx } from '../../platform/db.ts'
import type { DueRows } from '../../platform/due.ts'
import { type Found, findPage, newestOf } from '../../platform/keyset.ts'
import { toUsd } from '../../platform/money.ts'
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

/** A further attempt of a request that is still payable. False: it is not, nothing written. */
export async function insertTransaction(
  tx: Tx,
  request: RequestRow,
  attempt: NewTransaction,
  now: Date,
): Promise<void> {
  await sql`insert into transactions (id, ref, business_id, env_mode, payment_request_id, payment_channel_slug, mode,
      status, currency, amount_minor, amount_to_usd, usd_per_unit, description, created_at, updated_at)
    select ${attempt.id}, ${attempt.ref}, business_id, env_mode, id, ${attempt.slug}, 'redirect', 'pending', currency,
      ${sumOf(request, attempt)}, usd_per_unit, description, ${now}, ${now}
    from payment_requests where id = ${request.id}`.execute(tx)
}

export interface NewCharge extends NewTransaction {
  methodId: string
  endsRequest: boolean
  checkAt: Date
  /** Real time. */
  sentAt: Date
}

/** The intent of a charge without the payer: `unknown` from the start, because from here on only the channel knows. */
export async function insertCharge(tx: Tx, request: RequestRow, charge: NewCharge, now: Date): Promise<TransactionRow> {
  const { rows } = await sql<TransactionRow>`insert into transactions (id, ref, business_id, env_mode,
      payment_request_id, payment_channel_slug, mode, payment_method_id, ends_request, status, currency, amount_minor,
      amount_to_usd, usd_per_unit, description, opened_at, check_at, sent_at, created_at, updated_at)
    select ${charge.id}, ${charge.ref}, business_id, env_mode, id, ${charge.slug}, 'saved', ${charge.methodId},
      ${charge.endsRequest}, 'unknown', currency, ${sumOf(request, charge)}, usd_per_unit, description, ${now},
      ${charge.checkAt}, ${charge.sentAt}, ${now}, ${now}
    from payment_requests where id = ${request.id} returning *`.execute(tx)
  const [row] = rows
  if (!row) throw new Error(`payment request ${request.id} is gone`)
  return row
}

const sumOf = (request: RequestRow, { amountMinor }: Pick<NewTransaction, 'amountMinor'>) =>
  amountMinor === undefined || amountMinor === request.amount_minor
    ? sql`amount_minor, amount_to_usd`
    : sql`${amountMinor}, ${toUsd(amountMinor, request.currency, String(request.usd_per_unit))}`

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

export async function listTransactions(db: Db | Tx, requestId: string): Promise<TransactionRow[]> {
  const rows = await db
    .selectFrom('transactions')
    .selectAll()
    .where('payment_request_id', '=', requestId)
    .orderBy('id')
    .limit(1_000)
    .execute()
  return rows as TransactionRow[]
}

/** Where the channel named its reference of a charge. */
export async function noteChannelReference(db: Db, transactionId: string, channelReference: string): Promise<void> {
  await db
    .updateTable('transactions')
    .set({ channel_reference: channelReference })
    .where('id', '=', transactionId)
    .where('channel_reference', 'is', null)
    .execute()
}

/** How a charge of a saved method was refused. */
export async function noteRefusal(tx: Tx, transactionId: string, refusal: 'soft' | 'hard'): Promise<void> {
  // Where the payer was called in, that stays the last word about charging without them.
  await tx
    .updateTable('transactions')
    .set({ refusal })
    .where('id', '=', transactionId)
    .where('refusal', 'is', null)
    .execute()
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

export async function noteReason(tx: Tx, transactionId: string, reason: string, now: Date): Promise<void> {
  await tx.updateTable('transactions').set({ reason, updated_at: now }).where('id', '=', transactionId).execute()
}

/** Money is on its way on an attempt for which it will not count. */
export async function noteLate(
  tx: Tx,
  transactionId: string,
  { until, checkAt }: { until: Date; checkAt: Date | null },
): Promise<void> {
  await tx
    .updateTable('transactions')
    .set({ processing_until: until, check_at: checkAt, check_count: 0 })
    .where('id', '=', transactionId)
    .execute()
}

/** By our ref, else by the channel's own reference. */
export async function findMaybeTransaction(
  db: Db,
  owner: Owner,
  slug: string,
  lookup: { reference: string | null; channelReference: string | null },
): Promise<TransactionRow | undefined> {
  const own = db
    .selectFrom('transactions')
    .selectAll()
    .where('business_id', '=', owner.businessId)
    .where('env_mode', '=', owner.envMode)
    .where('payment_channel_slug', '=', slug)
  const { reference, channelReference } = lookup
  const byRef = reference === null ? undefined : await own.where('ref', '=', reference).executeTakeFirst()
  const row =
    byRef ??
    (channelReference === null
      ? undefined
      : await own.where('channel_reference', '=', channelReference).executeTakeFirst())
  return row as TransactionRow | undefined
}

/** For the browser's return: the id is the secret that the payer's address bar holds. */
export async function findMaybeTransactionById(db: Db, id: string): Promise<TransactionRow | undefined> {
  return (await db.selectFrom('transactions').selectAll().where('id', '=', id).executeTakeFirst()) as
    | TransactionRow
    | undefined
}

/** Attempts that the janitor asks about. */
export const dueChecks: DueRows = {
  table: 'transactions',
  column: 'check_at',
  counter: 'check_count',
  waiting: `status in ('unknown', 'processing') and check_count > 0`,
}

/** What is settled meanwhile stays without a next look. */
export async function setNextCheck(
  db: Db,
  transactionId: string,
  { at, isAnew }: { at: Date | null; isAnew: boolean },
): Promise<void> {
  await db
    .updateTable('transactions')
    .set({ check_at: at, ...(isAnew && { check_count: 0 }) })
    .where('id', '=', transactionId)
    .where('status', 'not in', ['successful', 'excess'])
    .execute()
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

/** Outcomes of the newest attempts since then, by channel. */
export async function countOutcomes(db: Db, owner: Owner, since: Date, limit: number) {
  const { rows } = await sql<{ slug: string; successful: number; failed: number }>`select payment_channel_slug as slug,
      count(*) filter (where status = 'successful')::int as successful, count(*) filter (where status = 'failed')::int as failed
    from (select payment_channel_slug, status from transactions
      where business_id = ${owner.businessId} and env_mode = ${owner.envMode} and status in ('successful', 'failed')
        and updated_at >= ${since} order by updated_at desc limit ${limit}) recent
    group by payment_channel_slug`.execute(db)
  return new Map(rows.map(({ slug, successful, failed }) => [slug, { successful, failed }]))
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

/** Payments that are due to go back. */
export const dueExcess: DueRows = { table: 'transactions', column: 'refund_due_at' }

import { type Db, sql, type Tx } from '../../platform/db.ts'
import { toUsd } from '../../platform/money.ts'
import type { DueRows } from '../clock/service.ts'
import type { RequestRow, TransactionRow } from '../payment-requests/schema.ts'
import type { NewTransaction, Owner } from '../payment-requests/service.ts'

/** Rows of single tries at a channel: `transactions`. */

/** Adds a pending attempt. The caller holds the request's lock. */
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

/** Payments that are due to go back. */
export const dueExcess: DueRows = { table: 'transactions', column: 'refund_due_at' }

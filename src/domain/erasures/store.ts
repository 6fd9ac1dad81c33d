import { type Db, sql, type Tx } from '../../platform/db.ts'
import type { EnvMode } from '../businesses/schema.ts'
import type { Customer } from '../customers/schema.ts'

/**
 * The promise is about every table, so the statements of all of them stand here, beside each other. A test plants a
 * person by every path and looks for them in a dump of everything.
 */

export interface Owner {
  businessId: string
  envMode: EnvMode
}

const requestsOf = (customerId: string) => sql`(select id from payment_requests where customer_id = ${customerId})`
const attemptsOf = (customerId: string) =>
  sql`(select id from transactions where payment_request_id in ${requestsOf(customerId)})`
/** Whatever events and kept answers are about. */
const objectsOf = (customerId: string) => sql`(select ${customerId}::uuid
  union all select id from payment_requests where customer_id = ${customerId}
  union all select id from transactions where payment_request_id in ${requestsOf(customerId)}
  union all select id from refunds where payment_request_id in ${requestsOf(customerId)}
  union all select id from subscriptions where customer_id = ${customerId}
  union all select id from payment_methods where customer_id = ${customerId})`

/** Held until `tx` ends; also one that was deleted. */
export async function lockCustomer(tx: Tx, owner: Owner, id: string): Promise<Customer | undefined> {
  return (await tx
    .selectFrom('customers')
    .selectAll()
    .where('id', '=', id)
    .where('business_id', '=', owner.businessId)
    .where('env_mode', '=', owner.envMode)
    .forUpdate()
    .executeTakeFirst()) as Customer | undefined
}

export interface UnderWay {
  kind: 'subscriptions' | 'payment_requests' | 'refunds'
  name: string
}

export async function listUnderWay(tx: Tx, customerId: string): Promise<UnderWay[]> {
  const { rows } = await sql<UnderWay>`
    select 'subscriptions' as kind, id::text as name from subscriptions
      where customer_id = ${customerId} and status not in ('cancelled', 'expired')
    union all select 'payment_requests', ref from payment_requests r
      where customer_id = ${customerId} and (status in ('new', 'open') or exists (select from transactions t
        where t.payment_request_id = r.id and t.status in ('unknown', 'processing')))
    union all select 'refunds', ref from refunds
      where payment_request_id in ${requestsOf(customerId)} and status not in ('successful', 'failed')
    limit 100`.execute(tx)
  return rows
}

/** False: asked for before. */
export async function insert(tx: Tx, owner: Owner, customerId: string, now: Date, nextAt: Date): Promise<boolean> {
  const { rows } = await sql`insert into erasures (customer_id, business_id, env_mode, requested_at, next_at)
    values (${customerId}, ${owner.businessId}, ${owner.envMode}, ${now}, ${nextAt})
    on conflict (customer_id) do nothing returning customer_id`.execute(tx)
  return rows.length === 1
}

export async function blankCustomer(tx: Tx, id: string, email: string, now: Date): Promise<Customer> {
  return (await tx
    .updateTable('customers')
    .set({
      ...{ email, email_key: email, first_name: null, last_name: null, name: null, phone_code: null },
      ...{ phone_number: null, address_line_1: null, address_line_2: null, city: null, state: null, zip: null },
      ...{ country: null, external_customer_ids: null, meta_data: null, updated_at: now },
      deleted_at: sql<Date>`coalesce(deleted_at, ${now})`,
    })
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirstOrThrow()) as Customer
}

/** Nothing of a card stays but that there was one; its channel is asked to forget it as soon as the sweep comes by. */
export async function blankMethods(tx: Tx, customerId: string, now: Date, realNow: Date): Promise<void> {
  await sql`update payment_methods set brand = null, bank = null, last4 = null, exp_month = null, exp_year = null,
      signature = null, is_default = false, deleted_at = coalesce(deleted_at, ${now}), updated_at = ${now},
      forget_due_at = ${realNow}, forget_count = 0
    where customer_id = ${customerId}`.execute(tx)
}

/** Rows of every table that tell of the customer, one statement a table. */
export async function blankRows(tx: Tx, owner: Owner, customerId: string, emails: Emails): Promise<void> {
  await sql`update payment_requests set description = null, meta_data = null, sent_customer = null, logo = null,
      success_redirect_url = null, failure_redirect_url = null where customer_id = ${customerId}`.execute(tx)
  await sql`update transactions set description = null, reason = null, checkout_url = null
    where payment_request_id in ${requestsOf(customerId)}`.execute(tx)
  await sql`update timeline_records
    set summary = regexp_replace(summary, '((declined|refused) the (payment|charge)): .*$', '\\1')
    where payment_request_id in ${requestsOf(customerId)} and summary ~ '(declined|refused) the (payment|charge): '`.execute(
    tx,
  )
  await sql`update refunds set reason = null, failure_reason = null
    where payment_request_id in ${requestsOf(customerId)}`.execute(tx)
  await sql`update portal_links set return_url = null, expires_at = created_at where customer_id = ${customerId}`.execute(
    tx,
  )
  await sql`update mails set recipient = ${emails.erased}, data_sealed = null, last_error = null,
      status = case when status = 'queued' then 'not_sent' else status end
    where customer_id = ${customerId} or (customer_id is null and business_id = ${owner.businessId}
      and env_mode = ${owner.envMode} and lower(recipient) = lower(${emails.was}))`.execute(tx)
  // Where a buyer was; a secret key's address is its owner's. The digest beside it says nothing without its salt.
  await sql`update audit_log set address = null, address_salt = null
    where customer_id = ${customerId} and address is not null and actor_kind in ('public', 'link')`.execute(tx)
  await blankHooks(tx, owner, customerId)
  await sql`update webhook_attempts set response_excerpt = null, error = null where webhook_delivery_id in
    (select d.id from webhook_deliveries d where d.object_id in ${objectsOf(customerId)})`.execute(tx)
}

/** Webhooks name a payment by our reference; those about refunds name it elsewhere, or the channel's own of the refund. */
async function blankHooks(tx: Tx, owner: Owner, customerId: string): Promise<void> {
  const named = (field: string, by: ReturnType<typeof sql>) => sql`select h.id from ${by} n (name)
    join hook_inbox h on h.business_id = ${owner.businessId} and h.env_mode = ${owner.envMode}
      and h.subject ->> ${sql.lit(field)} = n.name`
  const attempts = sql`(select ref from transactions where id in ${attemptsOf(customerId)})`
  const refundsBy = (column: string) =>
    sql`(select ${sql.ref(column)} from refunds where payment_request_id in ${requestsOf(customerId)})`
  await sql`update hook_inbox set body = null, body_sealed = null where id in (
    ${named('reference', attempts)} union all ${named('reference', refundsBy('ref'))}
    union all ${named('paymentReference', attempts)}
    union all ${named('channelReference', refundsBy('channel_reference'))})`.execute(tx)
}

export interface Emails {
  was: string
  erased: string
}

export interface EventBody {
  id: string
  body: string
}

/** The next ones after `afterId`, oldest first. */
export async function listEvents(db: Db, customerId: string, afterId: string, limit: number): Promise<EventBody[]> {
  const { rows } = await sql<EventBody>`select id, body from events
    where object_id in ${objectsOf(customerId)} and id > ${afterId} order by id limit ${limit}`.execute(db)
  return rows
}

export async function setEventBodies(db: Db, events: readonly EventBody[]): Promise<void> {
  await sql`update events e set body = a.body from
    unnest(${events.map(({ id }) => id)}::uuid[], ${events.map(({ body }) => body)}::text[]) as a (id, body)
    where e.id = a.id`.execute(db)
}

export async function listObjects(db: Db, customerId: string): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`select id from ${objectsOf(customerId)} as o (id)`.execute(db)
  return rows.map(({ id }) => id)
}

export interface DueErasure extends Owner {
  customerId: string
  rounds: number
}

export async function claimDue(db: Db, now: Date, leasedUntil: Date, limit: number): Promise<DueErasure[]> {
  const { rows } = await sql<DueErasure>`update erasures set next_at = ${leasedUntil}
    where customer_id in (select customer_id from erasures where next_at <= ${now}
      order by next_at limit ${limit} for update skip locked)
    returning customer_id as "customerId", business_id as "businessId", env_mode as "envMode", rounds`.execute(db)
  return rows
}

export async function finishRound(db: Db, customerId: string, nextAt: Date | null): Promise<void> {
  await sql`update erasures set rounds = rounds + 1, next_at = ${nextAt} where customer_id = ${customerId}`.execute(db)
}

/** Nobody acts on these any more; gives how many bodies were dropped. */
export async function dropHookBodies(db: Db, receivedBefore: Date, limit: number): Promise<number> {
  const { numAffectedRows } = await sql`update hook_inbox set body = null, body_sealed = null where id in
    (select id from hook_inbox where received_at < ${receivedBefore} and (body is not null or body_sealed is not null)
      order by received_at limit ${limit} for update skip locked)`.execute(db)
  return Number(numAffectedRows ?? 0n)
}

/** The lists of an export: what a row shows, as JSON. */
export const exported = {
  payment_requests: (
    id: string,
  ) => sql`select r.id, jsonb_build_object('ref', ref, 'reference', reference, 'status', status,
      'intent', intent, 'currency', currency, 'amount_minor', amount_minor::text, 'description', description,
      'meta_data', meta_data, 'customer_as_sent', sent_customer, 'created_at', created_at) as row
    from payment_requests r where customer_id = ${id}`,
  transactions: (
    id: string,
  ) => sql`select t.id, jsonb_build_object('ref', ref, 'payment_request_uuid', 'eric-' || payment_request_id,
      'payment_channel', payment_channel_slug, 'channel_reference', channel_reference, 'status', status,
      'currency', currency, 'amount_minor', amount_minor::text, 'reason', reason, 'created_at', created_at) as row
    from transactions t where payment_request_id in ${requestsOf(id)}`,
  refunds: (id: string) => sql`select f.id, jsonb_build_object('ref', ref, 'status', status, 'currency', currency,
      'amount_minor', amount_minor::text, 'reason', reason, 'created_at', created_at) as row
    from refunds f where payment_request_id in ${requestsOf(id)}`,
  subscriptions: (
    id: string,
  ) => sql`select s.id, jsonb_build_object('uuid', id, 'subscription_plan_uuid', subscription_plan_id,
      'status', status, 'created_at', created_at, 'ended_at', ended_at) as row
    from subscriptions s where customer_id = ${id}`,
  payment_methods: (
    id: string,
  ) => sql`select m.id, jsonb_build_object('uuid', id, 'payment_channel', payment_channel_slug,
      'type', type, 'brand', brand, 'bank', bank, 'last4', last4, 'exp_month', exp_month, 'exp_year', exp_year,
      'created_at', created_at, 'deleted_at', deleted_at) as row
    from payment_methods m where customer_id = ${id}`,
  // What they did themselves, and from where.
  audit_log: (id: string) => sql`select a.id, jsonb_build_object('action', action, 'address', address,
      'created_at', created_at) as row
    from audit_log a where customer_id = ${id} and actor_kind in ('public', 'link')`,
  mails: (id: string) => sql`select m.id, jsonb_build_object('template', template, 'to', recipient, 'status', status,
      'created_at', created_at, 'sent_at', sent_at) as row
    from mails m where customer_id = ${id}`,
} as const

export async function listExported(
  db: Db,
  list: keyof typeof exported,
  customerId: string,
  limit: number,
): Promise<Record<string, unknown>[]> {
  const { rows } = await sql<{ row: Record<string, unknown> }>`select row from (${exported[list](customerId)}) x
    order by id desc limit ${limit}`.execute(db)
  return rows.map(({ row }) => row)
}

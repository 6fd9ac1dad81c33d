import { createBatcher } from '../../platform/batch.ts'
import { type Db, prepared, sql, type Tx } from '../../platform/db.ts'
import { emailKeyOf } from '../../platform/emails.ts'
import type { IdempotencyClaim } from '../../platform/idempotency.ts'
import { revive } from '../../platform/rows.ts'
import type { Actor, CreatedBy } from '../businesses/service.ts'
import type { Customer, SentCustomer } from '../customers/schema.ts'
import type { RequestRow } from './schema.ts'
import { insertLine, type NewTransaction, type Owner } from './store.ts'

/** The single SQL statement that creates a payment request. */

export interface NewRequest {
  id: string
  ref: string
  intent: string
  currency: string
  amountMinor: bigint
  amountToUsd: string
  usdPerUnit: string
  description: string | null
  reference: string | null
  /** JSON text. */
  metaData: string | null
  createdBy: CreatedBy
  /** Who the audit log names for it, and when that was in real time. */
  initiator: Actor
  realNow: Date
  successRedirectUrl: string | null
  failureRedirectUrl: string | null
  logo: string | null
  savePaymentMethod: boolean
  isTrial: boolean
  subscriptionPlanId: string | null
  extendSubscriptionBy: number | null
  expiresAt: Date
  now: Date
  timelineId: string
  /** Known by id, or by e-mail (made when there is none). */
  customer: { id: string } | { newId: string; customerId: string; values: Record<string, string> & { email: string } }
  /** What this call said of them. */
  sentCustomer: SentCustomer
  /** The first attempt, where a channel is called next. */
  attempt: NewTransaction | null
  claim: IdempotencyClaim | null
}

/** Columns of a new customer that a request may give. */
const customerColumns = [
  'first_name',
  'last_name',
  'name',
  'phone_code',
  'phone_number',
  'address_line_1',
  'address_line_2',
  'city',
  'state',
  'zip',
  'country',
] as const

/** One row as the statement reads it: JSON, its columns named as below. */
type Input = Record<string, unknown>

const inputTypes = {
  n: 'int',
  business_id: 'uuid',
  env_mode: 'text',
  id: 'uuid',
  ref: 'text',
  intent: 'text',
  currency: 'text',
  amount_minor: 'bigint',
  amount_to_usd: 'text',
  usd_per_unit: 'numeric',
  description: 'text',
  reference: 'text',
  meta_data: 'text',
  created_by: 'text',
  actor_kind: 'text',
  actor: 'text',
  address: 'text',
  real_now: 'timestamptz',
  success_redirect_url: 'text',
  failure_redirect_url: 'text',
  logo: 'text',
  save_payment_method: 'boolean',
  is_trial: 'boolean',
  subscription_plan_id: 'uuid',
  extend_subscription_by: 'int',
  expires_at: 'timestamptz',
  now: 'timestamptz',
  timeline_id: 'uuid',
  // The customer by id, or by e-mail with what a new one gets.
  customer_id: 'uuid',
  email: 'text',
  email_key: 'text',
  new_id: 'uuid',
  new_customer_id: 'text',
  customer: 'jsonb',
  sent_customer: 'jsonb',
  // The first attempt and the claim, where there are.
  attempt_id: 'uuid',
  attempt_ref: 'text',
  slug: 'text',
  key: 'text',
  fingerprint: 'text',
  locked_until: 'timestamptz',
  process_id: 'uuid',
  token: 'uuid',
} as const satisfies Record<keyof Input, string>

function inputOf(owner: Owner, row: NewRequest, n: number): Input {
  const { customer, attempt } = row
  const claim = row.claim && !row.claim.held ? row.claim : null
  return {
    n,
    business_id: owner.businessId,
    env_mode: owner.envMode,
    id: row.id,
    ref: row.ref,
    intent: row.intent,
    currency: row.currency,
    amount_minor: String(row.amountMinor),
    amount_to_usd: row.amountToUsd,
    usd_per_unit: row.usdPerUnit,
    description: row.description,
    reference: row.reference,
    created_by: row.createdBy,
    actor_kind: row.initiator.kind,
    actor: row.initiator.name,
    address: row.initiator.address,
    real_now: row.realNow,
    meta_data: row.metaData,
    success_redirect_url: row.successRedirectUrl,
    failure_redirect_url: row.failureRedirectUrl,
    logo: row.logo,
    save_payment_method: row.savePaymentMethod,
    is_trial: row.isTrial,
    subscription_plan_id: row.subscriptionPlanId,
    extend_subscription_by: row.extendSubscriptionBy,
    expires_at: row.expiresAt,
    now: row.now,
    timeline_id: row.timelineId,
    sent_customer: row.sentCustomer,
    ...('id' in customer
      ? { customer_id: customer.id }
      : {
          email: customer.values.email,
          email_key: emailKeyOf(customer.values.email),
          new_id: customer.newId,
          new_customer_id: customer.customerId,
          customer: customer.values,
        }),
    ...(attempt && { attempt_id: attempt.id, attempt_ref: attempt.ref, slug: attempt.slug }),
    ...(claim && {
      key: claim.key,
      fingerprint: claim.fingerprint.toString('hex'),
      locked_until: claim.lockedUntil,
      process_id: claim.holder.id,
      token: claim.token,
    }),
  }
}

const newColumns = sql.join(customerColumns.map((column) => sql.ref(column)))

const newValues = sql.join(customerColumns.map((column) => sql`v.customer ->> ${sql.lit(column)}`))

const columnList = sql.raw(
  Object.entries(inputTypes)
    .map(([name, type]) => `${name} ${type}`)
    .join(', '),
)

/**
 * Claim, customer, request, first attempt, first timeline line and row in the audit log of each, all in one statement: one round trip,
 * all or nothing. A row whose customer is not there writes nothing and is not answered.
 */
const insertRows = prepared<{ rows: string }, { n: number; customer: Customer }>(
  (value) => sql`with input as (
      select * from jsonb_to_recordset(${value('rows')}::jsonb) as v (${columnList})
    ), known as (
      select v.n, c.* from input v join customers c on c.business_id = v.business_id and c.env_mode = v.env_mode
        and c.id = v.customer_id and c.deleted_at is null where v.customer_id is not null
      union all
      select v.n, c.* from input v join customers c on c.business_id = v.business_id and c.env_mode = v.env_mode
        and c.email_key = v.email_key and c.deleted_at is null where v.customer_id is null
    ), made as (
      insert into customers (id, business_id, env_mode, customer_id, email, email_key, meta_data, created_at, updated_at, ${newColumns})
      select distinct on (v.business_id, v.env_mode, v.email_key) v.new_id, v.business_id, v.env_mode, v.new_customer_id,
        v.email, v.email_key, v.customer ->> 'meta_data', v.now, v.now, ${newValues}
      from input v where v.customer_id is null and not exists (select 1 from known where known.n = v.n)
      order by v.business_id, v.env_mode, v.email_key, v.n returning *
    ), customer as (
      select * from known
      union all
      select v.n, made.* from made join input v on v.customer_id is null and v.business_id = made.business_id
        and v.env_mode = made.env_mode and v.email_key = made.email_key
    ), row as (
      select v.*, customer.id as owner_id from input v join customer on customer.n = v.n
    ), claim as (
      insert into idempotency_keys (business_id, env_mode, key, fingerprint, locked_until, created_at, object_id,
        process_id, token)
      select business_id, env_mode, key, decode(fingerprint, 'hex'), locked_until, now, id, process_id, token from row where key is not null
    ), request as (
      insert into payment_requests (id, ref, business_id, env_mode, customer_id, intent, status, currency, amount_minor,
        amount_to_usd, usd_per_unit, description, reference, created_by, meta_data, success_redirect_url,
        failure_redirect_url, logo, save_payment_method, is_trial, subscription_plan_id, extend_subscription_by, sent_customer,
        expires_at, expiry_check_at, created_at, updated_at)
      select id, ref, business_id, env_mode, owner_id, intent, 'new', currency, amount_minor, amount_to_usd, usd_per_unit,
        description, reference, created_by, meta_data, success_redirect_url, failure_redirect_url, logo,
        save_payment_method, is_trial, subscription_plan_id, extend_subscription_by, sent_customer, expires_at, expires_at,
        now, now from row
    ), line as (
      insert into timeline_records (id, payment_request_id, summary, created_at, updated_at)
      select timeline_id, id, 'Payment initiated', now, now from row
    ), audit as (
      insert into audit_log (business_id, env_mode, actor_kind, actor, address, action, customer_id, created_at, detail)
      select business_id, env_mode, actor_kind, actor, address, 'payment_request.initiated', owner_id, real_now,
        jsonb_build_object('id', id, 'ref', ref, 'intent', intent, 'currency', currency, 'amount_minor',
          amount_minor::text, 'subscription_plan', subscription_plan_id, 'payment_channel', slug) from row
    ), attempt as (
      insert into transactions (id, ref, business_id, env_mode, payment_request_id, payment_channel_slug, mode, status,
        currency, amount_minor, amount_to_usd, usd_per_unit, description, created_at, updated_at)
      select attempt_id, attempt_ref, business_id, env_mode, id, slug, 'redirect', 'pending', currency, amount_minor,
        amount_to_usd, usd_per_unit, description, now, now from row where attempt_id is not null
    )
    select customer.n, to_jsonb(customer) - 'n' as customer from customer`,
)

interface Wanted {
  owner: Owner
  row: NewRequest
}

type Made = { customer: Customer; request: RequestRow } | undefined

async function insertAll(db: Db, wanted: readonly Wanted[]): Promise<Made[]> {
  const rows = JSON.stringify(wanted.map(({ owner, row }, n) => inputOf(owner, row, n)))
  const customers = new Map((await insertRows(db, { rows })).map((one) => [one.n, revive<Customer>(one.customer)]))
  return wanted.map(({ owner, row }, n) => {
    const customer = customers.get(n)
    return customer && { customer, request: rowOf(owner, row, customer.id) }
  })
}

const batchers = new WeakMap<Db, (wanted: Wanted) => Promise<Made>>()

/**
 * Creates that come at the same moment share the statement. Undefined: no such customer, nothing written. A broken
 * unique index says which: reference, e-mail (somebody made the customer meanwhile: try again) or idempotency key.
 */
export function insertRequest(db: Db, owner: Owner, row: NewRequest): Promise<Made> {
  let insert = batchers.get(db)
  if (!insert) {
    insert = createBatcher<Wanted, Made>((wanted) => insertAll(db, wanted), { itemsMax: 32, runsMax: 2 })
    batchers.set(db, insert)
  }
  row.claim?.begin()
  return insert({ owner, row })
}

/** The row as the statement wrote it. */
const rowOf = (owner: Owner, row: NewRequest, customerId: string): RequestRow => ({
  id: row.id,
  ref: row.ref,
  business_id: owner.businessId,
  env_mode: owner.envMode,
  customer_id: customerId,
  sent_customer: row.sentCustomer,
  intent: row.intent,
  status: 'new',
  currency: row.currency,
  amount_minor: row.amountMinor,
  amount_to_usd: row.amountToUsd,
  usd_per_unit: row.usdPerUnit,
  description: row.description,
  reference: row.reference,
  created_by: row.createdBy,
  payment_method: 'Unknown',
  meta_data: row.metaData,
  success_redirect_url: row.successRedirectUrl,
  failure_redirect_url: row.failureRedirectUrl,
  logo: row.logo,
  save_payment_method: row.savePaymentMethod,
  is_trial: row.isTrial,
  subscription_plan_id: row.subscriptionPlanId,
  extend_subscription_by: row.extendSubscriptionBy,
  subscription_id: null,
  follow_up_due_at: null,
  saved_method_id: null,
  expires_at: row.expiresAt,
  expiry_check_at: row.expiresAt,
  relay_holder: null,
  relays: 0,
  created_at: row.now,
  updated_at: row.now,
  deleted_at: null,
})

export interface NewChargeRequest
  extends Pick<
    NewRequest,
    'id' | 'intent' | 'currency' | 'amountMinor' | 'usdPerUnit' | 'description' | 'createdBy' | 'expiresAt' | 'now'
  > {
  customerId: string
  ref: string
  amountToUsd: string
  timelineId: string
  reference: string | null
  /** JSON text. */
  metaData: string | null
  expiryCheckAt: Date | null
  isTrial: boolean
  subscriptionPlanId: string | null
  extendSubscriptionBy: number | null
  /** The subscription whose period it pays for. */
  subscriptionId: string | null
}

/** A request that a saved method will pay, in its caller's transaction. The customer is one of the owner's. */
export async function insertChargeRequest(tx: Tx, owner: Owner, row: NewChargeRequest): Promise<RequestRow> {
  const request = await tx
    .insertInto('payment_requests')
    .values({
      id: row.id,
      ref: row.ref,
      business_id: owner.businessId,
      env_mode: owner.envMode,
      customer_id: row.customerId,
      intent: row.intent,
      status: 'new',
      currency: row.currency,
      amount_minor: row.amountMinor,
      amount_to_usd: row.amountToUsd,
      usd_per_unit: row.usdPerUnit,
      description: row.description,
      reference: row.reference,
      meta_data: row.metaData,
      created_by: row.createdBy,
      is_trial: row.isTrial,
      subscription_plan_id: row.subscriptionPlanId,
      extend_subscription_by: row.extendSubscriptionBy,
      subscription_id: row.subscriptionId,
      // Whoever pays for a plan on a page after all leaves the method that the next period is paid with.
      save_payment_method: row.subscriptionPlanId !== null,
      expires_at: row.expiresAt,
      expiry_check_at: row.expiryCheckAt,
      created_at: row.now,
      updated_at: row.now,
    })
    .returningAll()
    .executeTakeFirstOrThrow()
  const line = { id: row.timelineId, requestId: row.id, transactionId: null, paymentMethod: null }
  await insertLine(tx, { ...line, summary: 'Payment initiated', status: null, now: row.now })
  return request as RequestRow
}

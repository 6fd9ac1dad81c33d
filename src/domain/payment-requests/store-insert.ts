import type { RawBuilder } from 'kysely'
import { type Db, prepared, sql } from '../../platform/db.ts'
import type { IdempotencyClaim } from '../../platform/idempotency.ts'
import type { Customer } from '../customers/schema.ts'
import type { RequestRow } from './schema.ts'
import { type NewTransaction, type Owner, revive } from './store.ts'

/** The statement that a create is. */

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
  metaData: Record<string, unknown> | null
  successRedirectUrl: string | null
  failureRedirectUrl: string | null
  savePaymentMethod: boolean
  isTrial: boolean
  expiresAt: Date
  now: Date
  timelineId: string
  /** Known by id, or by e-mail (made when there is none). */
  customer: { id: string } | { newId: string; customerId: string; values: Record<string, string> & { email: string } }
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

type Value = (name: string) => RawBuilder<unknown>

/** What the statement is made of differs with these; each form is planned once a connection. */
interface Form {
  byId: boolean
  withAttempt: boolean
  withClaim: boolean
}

const statements = new Map<string, (db: Db, values: Record<string, unknown>) => Promise<{ customer: Customer }[]>>()

function statementOf(form: Form) {
  const key = `${form.byId}/${form.withAttempt}/${form.withClaim}`
  let statement = statements.get(key)
  if (!statement) {
    statement = prepared<Record<string, unknown>, { customer: Customer }>((v) => insertSql(v, form))
    statements.set(key, statement)
  }
  return statement
}

/**
 * Claim, customer, request, first attempt and first timeline line in one statement: one round trip, all or nothing.
 * Undefined: no such customer, nothing written. A broken unique index says which: reference, e-mail (somebody made the
 * customer meanwhile: try again) or idempotency key.
 */
export async function insertRequest(
  db: Db,
  owner: Owner,
  row: NewRequest,
): Promise<{ customer: Customer; request: RequestRow } | undefined> {
  const claim = row.claim && !row.claim.held ? row.claim : null
  const form = { byId: 'id' in row.customer, withAttempt: row.attempt !== null, withClaim: claim !== null }
  const [made] = await statementOf(form)(db, { ...valuesOf(owner, row), ...claimValues(claim) })
  if (!made) return undefined
  const customer = revive<Customer>(made.customer)
  return { customer, request: rowOf(owner, row, customer.id) }
}

const claimValues = (claim: IdempotencyClaim | null) =>
  claim ? { key: claim.key, fingerprint: claim.fingerprint, lockedUntil: claim.lockedUntil } : {}

function valuesOf(owner: Owner, row: NewRequest): Record<string, unknown> {
  const { customer, attempt, claim: _claim, metaData, ...plain } = row
  const known = 'id' in customer ? { customerId: customer.id } : {}
  const made =
    'id' in customer ? {} : { ...customer.values, newCustomer: customer.newId, newCustomerId: customer.customerId }
  return {
    ...plain,
    ...owner,
    ...known,
    ...Object.fromEntries(customerColumns.map((column) => [column, null])),
    customerMetaData: null,
    ...made,
    ...('meta_data' in made ? { customerMetaData: made.meta_data } : {}),
    metaData: metaData && JSON.stringify(metaData),
    attemptId: attempt?.id,
    attemptRef: attempt?.ref,
    slug: attempt?.slug,
  }
}

function insertSql(v: Value, form: Form): RawBuilder<{ customer: Customer }> {
  const claim = sql`, claim as (
      insert into idempotency_keys (business_id, env_mode, key, fingerprint, locked_until, created_at, object_id)
      select ${v('businessId')}, ${v('envMode')}, ${v('key')}, ${v('fingerprint')}, ${v('lockedUntil')}, ${v('now')},
        ${v('id')} from customer
    )`
  const attempt = sql`, attempt as (
      insert into transactions (id, ref, business_id, env_mode, payment_request_id, payment_channel_slug, mode, status,
        currency, amount_minor, amount_to_usd, usd_per_unit, description, created_at, updated_at)
      select ${v('attemptId')}, ${v('attemptRef')}, ${v('businessId')}, ${v('envMode')}, ${v('id')}, ${v('slug')},
        'redirect', 'pending', ${v('currency')}, ${v('amountMinor')}, ${v('amountToUsd')}, ${v('usdPerUnit')},
        ${v('description')}, ${v('now')}, ${v('now')} from customer
    )`
  return sql`with ${form.byId ? knownCustomer(v) : anyCustomer(v)}${form.withClaim ? claim : sql``}, request as (
      insert into payment_requests (id, ref, business_id, env_mode, customer_id, intent, status, currency, amount_minor,
        amount_to_usd, usd_per_unit, description, reference, meta_data, success_redirect_url, failure_redirect_url,
        save_payment_method, is_trial, expires_at, expiry_check_at, created_at, updated_at)
      select ${v('id')}, ${v('ref')}, ${v('businessId')}, ${v('envMode')}, customer.id, ${v('intent')}, 'new',
        ${v('currency')}, ${v('amountMinor')}, ${v('amountToUsd')}, ${v('usdPerUnit')}, ${v('description')},
        ${v('reference')}, ${v('metaData')}::jsonb, ${v('successRedirectUrl')}, ${v('failureRedirectUrl')},
        ${v('savePaymentMethod')}, ${v('isTrial')}, ${v('expiresAt')}, ${v('expiresAt')}, ${v('now')}, ${v('now')}
      from customer
    ), line as (
      insert into timeline_records (id, payment_request_id, summary, created_at, updated_at)
      select ${v('timelineId')}, ${v('id')}, 'Payment initiated', ${v('now')}, ${v('now')} from customer
    )${form.withAttempt ? attempt : sql``}
    select to_jsonb(customer) as customer from customer`
}

const ownCustomer = (v: Value) =>
  sql`business_id = ${v('businessId')} and env_mode = ${v('envMode')} and deleted_at is null`

const knownCustomer = (v: Value) =>
  sql`customer as (select * from customers where ${ownCustomer(v)} and id = ${v('customerId')})`

const anyCustomer = (v: Value) =>
  sql`known as (select * from customers where ${ownCustomer(v)} and lower(email) = lower(${v('email')}::text)), made as (
      insert into customers (id, business_id, env_mode, customer_id, email, meta_data, created_at, updated_at,
        ${sql.join(customerColumns.map((column) => sql.ref(column)))})
      select ${v('newCustomer')}, ${v('businessId')}, ${v('envMode')}, ${v('newCustomerId')}, ${v('email')},
        ${v('customerMetaData')}::jsonb, ${v('now')}, ${v('now')}, ${sql.join(customerColumns.map((column) => v(column)))}
      where not exists (select 1 from known) returning *
    ), customer as (select * from known union all select * from made)`

/** The row as the statement wrote it. */
const rowOf = (owner: Owner, row: NewRequest, customerId: string): RequestRow => ({
  id: row.id,
  ref: row.ref,
  business_id: owner.businessId,
  env_mode: owner.envMode,
  customer_id: customerId,
  intent: row.intent,
  status: 'new',
  currency: row.currency,
  amount_minor: row.amountMinor,
  amount_to_usd: row.amountToUsd,
  description: row.description,
  reference: row.reference,
  payment_method: 'Unknown',
  meta_data: row.metaData,
  success_redirect_url: row.successRedirectUrl,
  failure_redirect_url: row.failureRedirectUrl,
  save_payment_method: row.savePaymentMethod,
  expires_at: row.expiresAt,
  expiry_check_at: row.expiresAt,
  created_at: row.now,
  updated_at: row.now,
  deleted_at: null,
})

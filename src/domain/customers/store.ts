import { type Db, sql, type Tx } from '../../platform/db.ts'
import { emailKeyOf } from '../../platform/emails.ts'
import { type Found, findPage, newestOf } from '../../platform/keyset.ts'
import type { Page } from '../../platform/pagination.ts'
import type { EnvMode } from '../businesses/schema.ts'
import type { Customer } from './schema.ts'

export interface Owner {
  businessId: string
  envMode: EnvMode
}

/** The columns that a request may set. */
export const writable = [
  'email',
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
  'meta_data',
] as const
export type CustomerValues = { [Column in (typeof writable)[number] | 'email_key']?: string }

export interface NewCustomer {
  id: string
  customerId: string
  now: Date
  values: CustomerValues & { email: string; email_key: string }
}

export async function insert(tx: Tx, owner: Owner, row: NewCustomer): Promise<Customer> {
  return (await tx
    .insertInto('customers')
    .values({
      id: row.id,
      business_id: owner.businessId,
      env_mode: owner.envMode,
      customer_id: row.customerId,
      ...row.values,
      created_at: row.now,
      updated_at: row.now,
    })
    .returningAll()
    .executeTakeFirstOrThrow()) as Customer
}

const own = (db: Db | Tx, owner: Owner) =>
  db
    .selectFrom('customers')
    .selectAll()
    .where('business_id', '=', owner.businessId)
    .where('env_mode', '=', owner.envMode)
    .where('deleted_at', 'is', null)

export async function findMaybe(db: Db | Tx, owner: Owner, id: string): Promise<Customer | undefined> {
  return (await own(db, owner).where('id', '=', id).executeTakeFirst()) as Customer | undefined
}

export async function findMaybeByEmail(db: Db | Tx, owner: Owner, email: string): Promise<Customer | undefined> {
  return (await own(db, owner).where('email_key', '=', emailKeyOf(email)).executeTakeFirst()) as Customer | undefined
}

export async function update(
  tx: Tx,
  owner: Owner,
  id: string,
  values: CustomerValues,
  now: Date,
): Promise<Customer | undefined> {
  return (await tx
    .updateTable('customers')
    .set({ ...values, updated_at: now })
    .where('id', '=', id)
    .where('business_id', '=', owner.businessId)
    .where('env_mode', '=', owner.envMode)
    .where('deleted_at', 'is', null)
    .returningAll()
    .executeTakeFirst()) as Customer | undefined
}

/** Until the transaction ends nobody else decides what depends on all that this customer has. */
export async function lock(tx: Tx, id: string): Promise<void> {
  await sql`select id from customers where id = ${id} for no key update`.execute(tx)
}

export async function softDelete(tx: Tx, owner: Owner, id: string, now: Date): Promise<Customer | undefined> {
  return (await tx
    .updateTable('customers')
    .set({ deleted_at: now, updated_at: now })
    .where('id', '=', id)
    .where('business_id', '=', owner.businessId)
    .where('env_mode', '=', owner.envMode)
    .where('deleted_at', 'is', null)
    .returningAll()
    .executeTakeFirst()) as Customer | undefined
}

/** Null: it is there. */
export async function findDeletedAt(tx: Tx, id: string): Promise<Date | null> {
  const row = await tx.selectFrom('customers').select('deleted_at').where('id', '=', id).executeTakeFirst()
  return row?.deleted_at ?? null
}

export interface CustomerFilter {
  email?: string
  /** Found in e-mail, names and customer id; `%` and `_` are plain characters. */
  search?: string
}

export async function list(
  db: Db,
  owner: Owner,
  filter: CustomerFilter,
  page: Page,
  newestMax: number | null,
): Promise<Found<Customer>> {
  const owned = sql`business_id = ${owner.businessId} and env_mode = ${owner.envMode}`
  const where = [owned, sql`deleted_at is null`]
  if (filter.email !== undefined) where.push(sql`email_key = ${emailKeyOf(filter.email)}`)
  if (filter.search !== undefined) {
    const pattern = `%${filter.search.replace(/[\\%_]/g, '\\$&')}%`
    where.push(sql`(email ilike ${pattern} or first_name ilike ${pattern} or last_name ilike ${pattern}
      or name ilike ${pattern} or customer_id ilike ${pattern})`)
    if (newestMax !== null) where.push(newestOf(owner, 'customers', sql`id`, newestMax))
  }
  const table = 'customers'
  const select = sql`select * from customers`
  return await findPage(db, page, { select, counted: sql.table(table), where, id: sql`id`, table, owned })
}

import { randomBytes } from 'node:crypto'
import type { Context } from '../../platform/context.ts'
import { brokenConstraint, inTransaction, type Tx } from '../../platform/db.ts'
import { emailKeyOf } from '../../platform/emails.ts'
import { ApiError, notFound } from '../../platform/errors.ts'
import { type IdempotencyClaim, noteMade } from '../../platform/idempotency.ts'
import { isUuid, newId } from '../../platform/ids.ts'
import type { Page } from '../../platform/pagination.ts'
import { keepMetaData } from '../../platform/wire.ts'
import { auditBy, type Caller, nowOf } from '../businesses/service.ts'
import { customerErrors } from './errors.ts'
import type { CreateCustomer, Customer, UpdateCustomer } from './schema.ts'
import type { CustomerFilter, CustomerValues } from './store.ts'
import * as store from './store.ts'

/** First three letters of the business's name in capitals, a dash, nine hex digits. */
export function newCustomerId(businessName: string): string {
  const letters = businessName
    .replace(/[^A-Za-z]/g, '')
    .slice(0, 3)
    .toUpperCase()
    .padEnd(3, 'X')
  return `${letters}-${randomBytes(5).toString('hex').slice(0, 9)}`
}

export function valuesOf(body: Partial<CreateCustomer>): CustomerValues {
  const values: CustomerValues = {}
  for (const column of store.writable) {
    if (column === 'meta_data') {
      const kept = keepMetaData(body)
      if (kept !== null) values.meta_data = kept
    } else if (body[column] !== undefined) values[column] = body[column]
  }
  if (body.email !== undefined) values.email_key = emailKeyOf(body.email)
  return values
}

/** Throws 409 `CUSTOMER_ALREADY_EXISTS` with the uuid of the one that has the e-mail. */
export async function create(
  ctx: Context,
  caller: Caller,
  body: CreateCustomer,
  claim: IdempotencyClaim | null,
): Promise<Customer> {
  if (claim?.resumes) return await find(ctx, caller, claim.resumes)
  const id = newId()
  try {
    return await inTransaction(ctx.db, async (tx) => {
      const values = { ...valuesOf(body), email: body.email, email_key: emailKeyOf(body.email) }
      const row = { id, customerId: newCustomerId(caller.business.name), now: nowOf(ctx, caller.business), values }
      const customer = await store.insert(tx, caller, row)
      await auditBy(tx, caller, 'customer.created', { id, fields: Object.keys(values) }, ctx.clock.now(), id)
      await noteMade(tx, claim, id)
      return customer
    })
  } catch (error) {
    if (brokenConstraint(error) === 'customers_email_key') throw await alreadyExists(ctx, caller, body.email)
    throw error
  }
}

async function alreadyExists(ctx: Context, caller: Caller, email: string): Promise<ApiError> {
  const existing = await store.findMaybeByEmail(ctx.db, caller, email)
  return new ApiError(customerErrors.alreadyExists, {
    data: { email: ['A customer with this e-mail exists already.'], ...(existing && { customer_uuid: existing.id }) },
  })
}

/** `field`: where a body named it. */
export async function find(ctx: Context, caller: Caller, uuid: string, field?: string): Promise<Customer> {
  const customer = isUuid(uuid) ? await findMaybe(ctx, caller, uuid) : undefined
  if (!customer) throw notFound('customer', field)
  return customer
}

export const findMaybe = (ctx: Context, caller: Caller, uuid: string): Promise<Customer | undefined> =>
  store.findMaybe(ctx.db, caller, uuid)

export async function findByEmail(ctx: Context, caller: Caller, email: string, field?: string): Promise<Customer> {
  const customer = await store.findMaybeByEmail(ctx.db, caller, email)
  if (!customer) throw notFound('customer', field)
  return customer
}

export async function update(ctx: Context, caller: Caller, uuid: string, body: UpdateCustomer): Promise<Customer> {
  if (!isUuid(uuid)) throw notFound('customer')
  try {
    const customer = await inTransaction(ctx.db, async (tx) => {
      const values = valuesOf(body)
      const updated = await store.update(tx, caller, uuid, values, nowOf(ctx, caller.business))
      // Columns alone: whatever else a body holds is its sender's own words.
      const detail = { id: uuid, fields: Object.keys(values) }
      if (updated) await auditBy(tx, caller, 'customer.updated', detail, ctx.clock.now(), uuid)
      return updated
    })
    if (!customer) throw notFound('customer')
    return customer
  } catch (error) {
    if (brokenConstraint(error) === 'customers_email_key') throw await alreadyExists(ctx, caller, String(body.email))
    throw error
  }
}

export async function remove(ctx: Context, caller: Caller, uuid: string): Promise<Customer> {
  const customer = isUuid(uuid)
    ? await inTransaction(ctx.db, async (tx) => {
        const gone = await store.softDelete(tx, caller, uuid, nowOf(ctx, caller.business))
        if (gone) await auditBy(tx, caller, 'customer.deleted', { id: uuid }, ctx.clock.now(), uuid)
        return gone
      })
    : undefined
  if (!customer) throw notFound('customer')
  return customer
}

/** True for one that was deleted: whoever acts for them by itself stops. */
export const isGone = async (tx: Tx, customerId: string): Promise<boolean> =>
  (await store.findDeletedAt(tx, customerId)) !== null

export const list = (ctx: Context, caller: Caller, filter: CustomerFilter, page: Page) =>
  ctx.lists(caller, (db, newestMax) => store.list(db, caller, filter, page, newestMax))

export const lock = (tx: Tx, id: string): Promise<void> => store.lock(tx, id)

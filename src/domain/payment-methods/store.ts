import type { MethodType } from '../../channels/channel.ts'
import { type Db, sql, type Tx } from '../../platform/db.ts'
import { type Found, findPage } from '../../platform/keyset.ts'
import type { Page } from '../../platform/pagination.ts'
import type { EnvMode } from '../businesses/schema.ts'
import type { DueRows } from '../clock/service.ts'
import type { PaymentMethod } from './schema.ts'

export interface Owner {
  businessId: string
  envMode: EnvMode
}

/** What is read into answers never holds the token. */
const columns = [
  'id',
  'business_id',
  'env_mode',
  'customer_id',
  'payment_channel_slug',
  'type',
  'brand',
  'bank',
  'last4',
  'exp_month',
  'exp_year',
  'reusable',
  'is_default',
  'status',
  'created_at',
  'updated_at',
  'deleted_at',
] as const

export interface SealedMethod extends PaymentMethod {
  signature: string | null
  token_sealed: Buffer
}

export interface ForgottenMethod extends SealedMethod {
  forget_count: number
}

/** Of the card, what a payment may renew. */
export interface CardColumns {
  brand: string | null
  bank: string | null
  last4: string | null
  exp_month: number | null
  exp_year: number | null
  reusable: boolean
}

const own = (db: Db | Tx, owner: Owner) =>
  db
    .selectFrom('payment_methods')
    .select(columns)
    .where('business_id', '=', owner.businessId)
    .where('env_mode', '=', owner.envMode)
    .where('deleted_at', 'is', null)

export async function findMaybe(db: Db | Tx, owner: Owner, id: string): Promise<PaymentMethod | undefined> {
  return (await own(db, owner).where('id', '=', id).executeTakeFirst()) as PaymentMethod | undefined
}

export async function findMaybeDefault(
  db: Db | Tx,
  owner: Owner,
  customerId: string,
): Promise<PaymentMethod | undefined> {
  const query = own(db, owner).where('customer_id', '=', customerId).where('is_default', '=', true)
  return (await query.executeTakeFirst()) as PaymentMethod | undefined
}

export async function findMaybeBySignature(
  db: Db | Tx,
  owner: Owner,
  customerId: string,
  slug: string,
  signature: string,
): Promise<PaymentMethod | undefined> {
  return (await own(db, owner)
    .where('customer_id', '=', customerId)
    .where('payment_channel_slug', '=', slug)
    .where('signature', '=', signature)
    .executeTakeFirst()) as PaymentMethod | undefined
}

/** With the token, deleted ones too: a charge that is under way is asked about until it is settled. */
export async function findMaybeSealed(db: Db, id: string): Promise<SealedMethod | undefined> {
  return (await db
    .selectFrom('payment_methods')
    .select([...columns, 'signature', 'token_sealed'])
    .where('id', '=', id)
    .executeTakeFirst()) as SealedMethod | undefined
}

export interface NewMethod {
  id: string
  customerId: string
  slug: string
  type: MethodType
  card: CardColumns
  signature: string | null
  tokenSealed: Buffer
  isDefault: boolean
  now: Date
}

export async function insert(tx: Tx, owner: Owner, row: NewMethod): Promise<PaymentMethod> {
  return (await tx
    .insertInto('payment_methods')
    .values({
      id: row.id,
      business_id: owner.businessId,
      env_mode: owner.envMode,
      customer_id: row.customerId,
      payment_channel_slug: row.slug,
      type: row.type,
      ...row.card,
      signature: row.signature,
      token_sealed: row.tokenSealed,
      is_default: row.isDefault,
      created_at: row.now,
      updated_at: row.now,
    })
    .returning(columns)
    .executeTakeFirstOrThrow()) as PaymentMethod
}

/** The same card was used again: its newest token is the one that works. */
export async function renew(
  tx: Tx,
  id: string,
  card: CardColumns,
  tokenSealed: Buffer,
  now: Date,
): Promise<PaymentMethod> {
  return (await tx
    .updateTable('payment_methods')
    .set({ ...card, token_sealed: tokenSealed, status: 'active', updated_at: now })
    .where('id', '=', id)
    .returning(columns)
    .executeTakeFirstOrThrow()) as PaymentMethod
}

export async function list(db: Db, owner: Owner, customerId: string, page: Page): Promise<Found<PaymentMethod>> {
  const owned = sql`business_id = ${owner.businessId} and env_mode = ${owner.envMode} and customer_id = ${customerId}`
  const table = 'payment_methods'
  const select = sql`select ${sql.join(columns.map((column) => sql.ref(column)))} from payment_methods`
  const where = [owned, sql`deleted_at is null`]
  return await findPage(db, page, { select, counted: sql.table(table), where, id: sql`id`, table, owned })
}

export async function setUnusable(tx: Tx, id: string, now: Date): Promise<void> {
  await tx
    .updateTable('payment_methods')
    .set({ status: 'unusable', updated_at: now })
    .where('id', '=', id)
    .where('deleted_at', 'is', null)
    .execute()
}

/** Takes the mark from the one that had it, under the customer's lock. */
export async function clearDefault(tx: Tx, customerId: string, now: Date): Promise<void> {
  await tx
    .updateTable('payment_methods')
    .set({ is_default: false, updated_at: now })
    .where('customer_id', '=', customerId)
    .where('is_default', '=', true)
    .where('deleted_at', 'is', null)
    .execute()
}

export async function setDefault(tx: Tx, id: string, now: Date): Promise<PaymentMethod> {
  return (await tx
    .updateTable('payment_methods')
    .set({ is_default: true, updated_at: now })
    .where('id', '=', id)
    .returning(columns)
    .executeTakeFirstOrThrow()) as PaymentMethod
}

/** The newest that is left, if any. */
export async function findMaybeNewest(tx: Tx, owner: Owner, customerId: string): Promise<PaymentMethod | undefined> {
  const query = own(tx, owner).where('customer_id', '=', customerId).where('status', '=', 'active')
  return (await query.orderBy('id', 'desc').limit(1).executeTakeFirst()) as PaymentMethod | undefined
}

export async function softDelete(tx: Tx, id: string, forgetDueAt: Date, now: Date): Promise<PaymentMethod> {
  return (await tx
    .updateTable('payment_methods')
    .set({ deleted_at: now, updated_at: now, is_default: false, forget_due_at: forgetDueAt })
    .where('id', '=', id)
    .returning(columns)
    .executeTakeFirstOrThrow()) as PaymentMethod
}

/** Deleted methods that their channels are asked to forget. */
export const dueForgets: DueRows = { table: 'payment_methods', column: 'forget_due_at', counter: 'forget_count' }

export async function setForgetDue(db: Db, id: string, dueAt: Date): Promise<void> {
  await db.updateTable('payment_methods').set({ forget_due_at: dueAt }).where('id', '=', id).execute()
}

/** Nothing is due any more, and `tokenSealed` holds no token any more. */
export async function forget(db: Db, id: string, tokenSealed: Buffer): Promise<void> {
  await db
    .updateTable('payment_methods')
    .set({ forget_due_at: null, token_sealed: tokenSealed })
    .where('id', '=', id)
    .execute()
}

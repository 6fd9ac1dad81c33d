import { ChannelError, type SavedMethod } from '../../channels/channel.ts'
import { record } from '../../events/outbox.ts'
import { after, dayMs, hourMs, minuteMs } from '../../platform/clock.ts'
import type { Context } from '../../platform/context.ts'
import { inTransaction, type Tx } from '../../platform/db.ts'
import { ApiError, notFound } from '../../platform/errors.ts'
import { isUuid, newId } from '../../platform/ids.ts'
import type { Page } from '../../platform/pagination.ts'
import { auditBy, type Caller, findNow } from '../businesses/service.ts'
import { type Claim, claimDue } from '../clock/service.ts'
import * as customers from '../customers/service.ts'
import { call, findMaybeAccount } from '../payment-channels/service.ts'
import { paymentMethodErrors } from './errors.ts'
import { type PaymentMethod, presentMethod, statusOf } from './schema.ts'
import type { ForgottenMethod, Owner, SealedMethod } from './store.ts'
import * as store from './store.ts'

/** Methods that a customer let the business charge again: kept, shown, made the default, charged, forgotten. */

/** What is sealed beside the row; without a token once the method was forgotten. */
interface Sealed {
  token: string | null
  tokenOwner: string | null
  email: string
}

const boundTo = (id: string) => `payment_methods/${id}`
const seal = (ctx: Context, id: string, sealed: Sealed) => ctx.secrets.seal(JSON.stringify(sealed), boundTo(id))
const open = (ctx: Context, row: SealedMethod) =>
  JSON.parse(ctx.secrets.open(row.token_sealed, boundTo(row.id))) as Sealed

export interface Kept {
  customerId: string
  slug: string
  method: SavedMethod
  /** The merchant's own reference of the payment that left the method. */
  reference: string | null
  now: Date
}

/**
 * Keeps what a payment left, in the payment's own transaction, with its event. A card that is known gets its new token
 * and is usable again; a customer's first method is the default. After the commit: `queue.wake(dispatchQueue)`.
 */
export async function keep(ctx: Context, tx: Tx, owner: Owner, kept: Kept): Promise<PaymentMethod> {
  const { customerId, slug, method, now } = kept
  await customers.lock(tx, customerId)
  const { signature } = method
  const known = signature && (await store.findMaybeBySignature(tx, owner, customerId, slug, signature))
  const id = known ? known.id : newId()
  const tokenSealed = seal(ctx, id, { token: method.token, tokenOwner: method.tokenOwner, email: method.email })
  const card = {
    brand: method.brand,
    bank: method.bank,
    last4: method.last4,
    exp_month: method.expMonth,
    exp_year: method.expYear,
    reusable: method.reusable,
  }
  const isDefault = !known && !(await store.findMaybeDefault(tx, owner, customerId))
  const row = known
    ? await store.renew(tx, id, card, tokenSealed, now)
    : await store.insert(tx, owner, {
        id,
        customerId,
        slug,
        type: method.type,
        card,
        signature,
        tokenSealed,
        isDefault,
        now,
      })
  await record(tx, ctx.queue, {
    ...owner,
    type: 'payment_method.saved',
    objectType: 'payment_method',
    objectId: id,
    data: { reference: kept.reference, ...presentMethod(row, now, ctx.baseUrl) },
    now,
  })
  return row
}

/** A customer's own method. Throws 404; `field`: where a body named it. */
export async function find(
  ctx: Context,
  owner: Owner,
  customerId: string,
  uuid: string,
  field?: string,
): Promise<PaymentMethod> {
  const method = isUuid(uuid) ? await store.findMaybe(ctx.db, owner, uuid) : undefined
  if (method?.customer_id !== customerId) throw notFound('payment method', field)
  return method
}

/** The one that renewals charge unless told; undefined: the customer has none. */
export const findMaybeDefault = (ctx: Context, owner: Owner, customerId: string): Promise<PaymentMethod | undefined> =>
  store.findMaybeDefault(ctx.db, owner, customerId)

/** Throws `PAYMENT_METHOD_NOT_REUSABLE` for a method that no charge can succeed with: then no channel is called. */
export function requireChargeable(method: PaymentMethod, now: Date): void {
  const status = statusOf(method, now)
  if (status === 'active' && method.reusable && method.deleted_at === null) return
  const words = status === 'expired' ? 'This card has expired' : paymentMethodErrors.notReusable.message
  throw new ApiError(paymentMethodErrors.notReusable, { message: words, data: { payment_method_uuid: [`${words}.`] } })
}

export const list = (ctx: Context, owner: Owner, customerId: string, page: Page) =>
  ctx.lists(owner, (db) => store.list(db, owner, customerId, page))

/** What a charge needs of a method that is not deleted; undefined: it is gone. Secret: hand it to the channel only. */
export async function findMaybeCharging(
  ctx: Context,
  methodId: string,
): Promise<{ method: PaymentMethod; secret: Pick<SavedMethod, 'token' | 'tokenOwner' | 'email'> } | undefined> {
  const row = await store.findMaybeSealed(ctx.db, methodId)
  if (!row || row.deleted_at) return undefined
  const { token_sealed: _, ...method } = row
  const { token, tokenOwner, email } = open(ctx, row)
  return token === null ? undefined : { method, secret: { token, tokenOwner, email } }
}

/** Who owns the token at its channel, which some need to find a charge again; also of a method that was deleted. */
export async function tokenOwnerOf(ctx: Context, methodId: string): Promise<string | null> {
  const row = await store.findMaybeSealed(ctx.db, methodId)
  return row ? open(ctx, row).tokenOwner : null
}

/** The issuer refuses every further charge: nobody charges it again. In the transaction of the decline. */
export const markUnusable = (tx: Tx, methodId: string, now: Date): Promise<void> => store.setUnusable(tx, methodId, now)

/** Makes it the one that is charged unless told otherwise. */
export async function makeDefault(
  ctx: Context,
  caller: Caller,
  customerId: string,
  uuid: string,
): Promise<PaymentMethod> {
  return await change(ctx, caller, customerId, uuid, 'made_default', async (tx, method, now) => {
    if (method.is_default) return method
    await store.clearDefault(tx, customerId, now)
    return await store.setDefault(tx, method.id, now)
  })
}

/**
 * Deletes it here at once, whatever its channel says; the newest of the others becomes the default. The channel is
 * asked to forget it too: intent (the row says that it is due), call, outcome.
 */
export async function remove(ctx: Context, caller: Caller, customerId: string, uuid: string): Promise<PaymentMethod> {
  const removed = await change(ctx, caller, customerId, uuid, 'deleted', async (tx, method, now) => {
    const gone = await store.softDelete(tx, method.id, after(now, forgetDelaysMs[0] ?? 0), now)
    const next = method.is_default ? await store.findMaybeNewest(tx, caller, customerId) : undefined
    if (next) await store.setDefault(tx, next.id, now)
    return gone
  })
  const row = await store.findMaybeSealed(ctx.db, removed.id)
  if (row) await forgetAtChannel(ctx, { ...row, forget_count: 0 })
  return removed
}

/** Whether it was this customer's, and they removed it. */
export async function isRemoved(ctx: Context, owner: Owner, customerId: string, uuid: string): Promise<boolean> {
  const row = isUuid(uuid) ? await store.findMaybeSealed(ctx.db, uuid) : undefined
  const isOwn = row?.business_id === owner.businessId && row.env_mode === owner.envMode
  return isOwn && row.customer_id === customerId && row.deleted_at !== null
}

async function change(
  ctx: Context,
  caller: Caller,
  customerId: string,
  uuid: string,
  action: 'made_default' | 'deleted',
  work: (tx: Tx, method: PaymentMethod, now: Date) => Promise<PaymentMethod>,
): Promise<PaymentMethod> {
  if (!isUuid(uuid)) throw notFound('payment method')
  const now = await findNow(ctx, caller)
  return await inTransaction(ctx.db, async (tx) => {
    await customers.lock(tx, customerId)
    const method = await store.findMaybe(tx, caller, uuid)
    if (method?.customer_id !== customerId) throw notFound('payment method')
    const changed = await work(tx, method, now)
    await auditBy(tx, caller, `payment_method.${action}`, { id: method.id }, ctx.clock.now(), customerId)
    return changed
  })
}

/** A channel that does not answer is asked again after these; then the token is dropped here all the same. */
const forgetDelaysMs = [minuteMs, hourMs, dayMs, dayMs, dayMs]

export const claimForgets = (ctx: Context, claim: Claim): Promise<ForgottenMethod[]> =>
  claimDue<ForgottenMethod>(ctx.db, store.dueForgets, claim)

/** Call and outcome of forgetting. Safe to repeat; throws nothing that a channel says. */
export async function forgetAtChannel(ctx: Context, row: ForgottenMethod): Promise<void> {
  const sealed = open(ctx, row)
  const done = sealed.token === null || (await isForgotten(ctx, row, { ...sealed, token: sealed.token }))
  const delayMs = forgetDelaysMs[row.forget_count]
  if (!done && delayMs !== undefined) {
    const now = await findNow(ctx, { businessId: row.business_id, envMode: row.env_mode })
    return await store.setForgetDue(ctx.db, row.id, after(now, delayMs))
  }
  // The owner stays: a charge that is under way may still be asked about. The address was of use beside the token alone.
  await store.forget(ctx.db, row.id, seal(ctx, row.id, { ...sealed, token: null, email: '' }))
}

/** False: it was not said, ask again. A refusal ends it: the channel will not say anything else tomorrow. */
async function isForgotten(ctx: Context, row: SealedMethod, secret: Sealed & { token: string }): Promise<boolean> {
  const owner = { businessId: row.business_id, envMode: row.env_mode }
  // The customer has saved the same card again, and some channels know it by the same token: that one stays.
  const { customer_id: customerId, payment_channel_slug: slug, signature } = row
  if (signature && (await store.findMaybeBySignature(ctx.db, owner, customerId, slug, signature))) return true
  const account = await findMaybeAccount(ctx, owner, slug)
  const forgetSaved = account?.channel.forgetSaved
  if (!account || !forgetSaved) return true
  try {
    await call(ctx, account, 'forget', (channel, credentials, transport) =>
      forgetSaved.call(channel, secret, credentials, transport),
    )
    return true
  } catch (error) {
    if (!(error instanceof ChannelError)) throw error
    return error.reason === 'refused'
  }
}

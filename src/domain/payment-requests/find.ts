import type { Context } from '../../platform/context.ts'
import { notFound } from '../../platform/errors.ts'
import { isUuid } from '../../platform/ids.ts'
import type { Page } from '../../platform/pagination.ts'
import type { Caller } from '../businesses/service.ts'
import { presentConnected } from '../payment-channels/schema.ts'
import { type ChannelAccount, listAccounts } from '../payment-channels/service.ts'
import type { PlanBody } from '../subscription-plans/schema.ts'
import * as plans from '../subscription-plans/service.ts'
import { type FullRequest, type PaymentRequestBody, presentRequest, type Relation } from './schema.ts'
import type { Owner, RequestFilter } from './store.ts'
import * as store from './store.ts'

/** With everything that an answer may show. Throws when it is gone, which no request of ours can be. */
export async function load(ctx: Context, requestId: string): Promise<FullRequest> {
  const full = await store.load(ctx.db, requestId)
  if (!full) throw new Error(`payment request ${requestId} is gone`)
  return full
}

/** For an id from outside, e.g. a checkout's token; `load` is for ids that we know. */
export const loadMaybe = (ctx: Context, requestId: string): Promise<FullRequest | undefined> =>
  store.load(ctx.db, requestId)

/** By the `ref` alone, whosever it is: for the link that is shared. */
export const findMaybeIdByRef = (ctx: Context, ref: string): Promise<string | undefined> =>
  store.findMaybeIdByRef(ctx.db, ref)

/** Changes whenever what a checkout shows of a request changes; requests that are gone are missing. */
export const listVersions = (ctx: Context, requestIds: readonly string[]): Promise<Map<string, string>> =>
  store.listVersions(ctx.db, requestIds)

/** By uuid, `ref` or the merchant's `reference`. */
export async function find(ctx: Context, caller: Caller, ref: string): Promise<FullRequest> {
  return await load(ctx, await findId(ctx, caller, ref))
}

/** The id in its uuid, with `eric-` or without; null: it is none. */
export function keyOf(uuid: string): string | null {
  const bare = uuid.replace(/^eric-/, '')
  return isUuid(bare) ? bare.toLowerCase() : null
}

/** `field`: where a body named it. */
export async function findId(ctx: Context, owner: Owner, ref: string, field?: string): Promise<string> {
  const storable = ref.isWellFormed() && !ref.includes('\0')
  const id = storable ? await store.findMaybeId(ctx.db, owner, ref, keyOf(ref)) : undefined
  if (!id) throw notFound('payment request', field)
  return id
}

export const list = (ctx: Context, caller: Caller, filter: RequestFilter, page: Page) =>
  ctx.lists(caller, (db, newestMax) => store.list(db, caller, filter, page, newestMax))

/** The request as the API gives it, with the relations that the answer documents. */
export async function present(
  ctx: Context,
  caller: Pick<Caller, 'businessId' | 'envMode' | 'business'>,
  full: FullRequest,
  relations: readonly Relation[],
): Promise<PaymentRequestBody> {
  const accounts = await listAccounts(ctx, caller)
  const planId = relations.includes('subscription_plan') ? full.request.subscription_plan_id : null
  const plan = planId === null ? null : await plans.present(ctx, await plans.load(ctx.db, planId))
  return presentWith(ctx, caller.business, accounts, full, relations, plan)
}

export function presentWith(
  ctx: Context,
  business: Caller['business'],
  accounts: readonly ChannelAccount[],
  full: FullRequest,
  relations: readonly Relation[],
  plan: PlanBody | null = null,
): PaymentRequestBody {
  const connectedOf = (slug: string) => {
    const account = accounts.find((one) => one.slug === slug)
    return account ? presentConnected(account, account.channel, business, ctx.baseUrl) : null
  }
  return presentRequest(full, business, connectedOf, relations, plan)
}

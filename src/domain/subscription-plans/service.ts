import type { Context } from '../../platform/context.ts'
import { brokenConstraint, type Db, inTransaction, type Tx } from '../../platform/db.ts'
import { ApiError, type FieldErrors, httpErrors, invalid, notFound } from '../../platform/errors.ts'
import { type IdempotencyClaim, noteMade } from '../../platform/idempotency.ts'
import { isUuid, newId, newToken } from '../../platform/ids.ts'
import { parseAmount, toUsd } from '../../platform/money.ts'
import type { Page } from '../../platform/pagination.ts'
import { readSignedId, signId } from '../../platform/signed.ts'
import { keepMetaData } from '../../platform/wire.ts'
import { auditBy, type Caller, changesOf, nowOf } from '../businesses/service.ts'
import { find as findCustomer } from '../customers/service.ts'
import * as rates from '../exchange-rates/service.ts'
import { listAccounts } from '../payment-channels/service.ts'
import { subscriptionPlanErrors } from './errors.ts'
import { type Prices, requireCarried } from './prices.ts'
import {
  type CreatePlan,
  checkPeriod,
  type GenerateUrl,
  type OwnPlanBody,
  type PlanBody,
  type PlanCounters,
  type PlanRow,
  type PlanStatus,
  presentOwnPlan,
  presentPlan,
  type UpdatePlan,
} from './schema.ts'
import type { Owner, Payer, PlanFilter, PlanValues } from './store.ts'
import * as store from './store.ts'

/** Throws 409 `PLAN_NAME_TAKEN` where another plan has the name. */
export async function create(
  ctx: Context,
  caller: Caller,
  body: CreatePlan,
  claim: IdempotencyClaim | null,
): Promise<PlanRow> {
  if (claim?.resumes) return await find(ctx, caller, claim.resumes)
  const currency = body.currency ?? caller.business.baseCurrency
  const { amount, initial_amount } = readAmounts(body, currency)
  if (amount === undefined) throw invalid({ amount: ['The amount field is required.'] })
  const prices = { currency, amountMinor: amount, initialMinor: initial_amount ?? null }
  requireCarried(await listAccounts(ctx, caller), prices)
  const values = {
    ...termsOf(body),
    name: body.name.trim(),
    status: body.status ?? ('active' as const),
    interval: body.interval,
    ...pricesOf(await findRate(ctx, currency), prices),
  }
  const id = newId()
  return await namedOnce(() =>
    inTransaction(ctx.db, async (tx) => {
      const row = { id, linkId: newToken(), now: nowOf(ctx, caller.business), values }
      const plan = await store.insert(tx, caller, row)
      await auditBy(tx, caller, 'subscription_plan.created', { id, ...changesOf({}, values) }, ctx.clock.now())
      await noteMade(tx, claim, id)
      return plan
    }),
  )
}

/** What stands in a body and needs no other field to be read. */
function termsOf(body: Partial<CreatePlan> & UpdatePlan): PlanValues {
  const values: PlanValues = {}
  if (body.interval_count !== undefined) values.interval_count = body.interval_count
  if (body.trial_period !== undefined) values.trial_period = body.trial_period || null
  if (body.tags !== undefined) values.tags = body.tags.length > 0 ? body.tags : null
  if (body.send_subscription_mails !== undefined) values.send_subscription_mails = Boolean(body.send_subscription_mails)
  if (body.billing_calendar !== undefined) values.billing_calendar = body.billing_calendar
  if (body.time_zone !== undefined) values.time_zone = body.time_zone
  const metaData = keepMetaData(body)
  if (metaData !== null) values.meta_data = metaData
  return values
}

interface Amounts {
  amount?: bigint
  /** Null: taken away. */
  initial_amount?: bigint | null
}

/** The amounts of a body in the currency that applies; throws 422 for all that it does not allow. */
function readAmounts(body: Pick<UpdatePlan, 'amount' | 'initial_amount'>, currency: string): Amounts {
  const amounts: Amounts = {}
  const errors: FieldErrors = {}
  for (const field of ['amount', 'initial_amount'] as const) {
    const given = body[field]
    if (given === undefined) continue
    if (field === 'initial_amount' && given === '') {
      amounts.initial_amount = null
      continue
    }
    const parsed = parseAmount(given, currency)
    if (parsed.ok) amounts[field] = parsed.amountMinor
    else errors[field] = [parsed.reason]
  }
  if (Object.keys(errors).length > 0) throw invalid(errors)
  return amounts
}

async function findRate(ctx: Context, currency: string): Promise<string> {
  const usdPerUnit = await rates.findMaybeRate(ctx, currency)
  if (usdPerUnit === null) throw invalid({ currency: [`There is no exchange rate for ${currency}.`] })
  return usdPerUnit
}

/** The columns of a price; dollars are told to the cent, always with two digits. */
function pricesOf(usdPerUnit: string, { currency, amountMinor, initialMinor }: Prices) {
  return {
    currency,
    amount_minor: amountMinor,
    initial_amount_minor: initialMinor,
    amount_to_usd: toCents(amountMinor, currency, usdPerUnit),
    initial_amount_to_usd: toCents(initialMinor ?? 0n, currency, usdPerUnit),
    usd_per_unit: usdPerUnit,
  }
}

function toCents(amountMinor: bigint, currency: string, usdPerUnit: string): string {
  const [whole, fraction = ''] = toUsd(amountMinor, currency, usdPerUnit, 2).split('.')
  return `${whole}.${fraction.padEnd(2, '0')}`
}

async function namedOnce<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (brokenConstraint(error) !== 'subscription_plans_name_key') throw error
    throw new ApiError(subscriptionPlanErrors.nameTaken, {
      data: { name: [`${subscriptionPlanErrors.nameTaken.message}.`] },
    })
  }
}

/** By uuid or `link_id`. `field`: where a body named it. */
export async function find(ctx: Context, owner: Owner, ref: string, field?: string): Promise<PlanRow> {
  const plan = isUuid(ref)
    ? await store.findMaybe(ctx.db, owner, ref)
    : /^[\w-]{8}$/.test(ref) && (await store.findMaybeByLink(ctx.db, owner, ref))
  if (!plan) throw notFound('subscription plan', field)
  return plan
}

/** The `link_id` in a plan's link; what is no link stays as it is. */
export const linkIdOf = (text: string): string => /\/subscribe\/([\w-]{8})\/?(?:[?#].*)?$/.exec(text)?.[1] ?? text

/** The address of a plan's page. With a customer it is theirs alone: the token names them to nobody but us. */
export function subscribeUrl(ctx: Context, plan: PlanRow, customerId?: string): string {
  const url = `${ctx.baseUrl}/subscribe/${plan.link_id}`
  return customerId ? `${url}?customer=${signId(ctx.secrets, purposeOf(plan), customerId)}` : url
}

/** The customer whose link it is; null for a token that is not ours, or was made for another plan. */
export const readSubscriber = (ctx: Context, plan: PlanRow, token: string): string | null =>
  readSignedId(ctx.secrets, purposeOf(plan), token)

const purposeOf = (plan: PlanRow) => `subscribe/${plan.id}`

/**
 * The link of a plan for one customer. Throws 404 with the field named, `CUSTOMER_ALREADY_SUBSCRIBED_TO_PLAN` or
 * `PLAN_INACTIVE`.
 */
export async function linkFor(ctx: Context, caller: Caller, body: GenerateUrl): Promise<string> {
  const plan = await find(ctx, caller, body.subscription_plan_uuid, 'subscription_plan_uuid')
  const customer = await findCustomer(ctx, caller, body.customer_uuid, 'customer_uuid')
  // A public key learns nothing of who is subscribed: its link is the same for everybody.
  if (caller.actor.kind === 'public') requireActive(plan)
  else await requireOpenTo(ctx, caller, plan, customer, false)
  return subscribeUrl(ctx, plan, customer.id)
}

export type { Payer }

/** The plan behind a public link, whoever's it is. Throws 404. */
export async function findByLink(ctx: Context, linkId: string): Promise<PlanRow> {
  const plan = /^[\w-]{8}$/.test(linkId) ? await store.findMaybeByPublicLink(ctx.db, linkId) : undefined
  if (!plan) throw notFound('subscription plan')
  return plan
}

/**
 * Whether the payer is not subscribed to the plan and has had what a trial is given for once: a subscription to it, or a
 * trial of a customer with that mailbox who was deleted since.
 */
export async function hasLeft(ctx: Context, owner: Owner, plan: PlanRow, payer: Payer): Promise<boolean> {
  if (await store.isSubscribed(ctx.db, owner, plan.id, payer, 'before')) return true
  if (!(await store.hadTrial(ctx.db, owner, plan.id, payer))) return false
  return !(await store.isSubscribed(ctx.db, owner, plan.id, payer))
}

/** Notes that the customer has the plan's trial now. False: whoever has this mailbox had it before. */
export const noteTrial = (tx: Tx, planId: string, customerId: string, now: Date): Promise<boolean> =>
  store.insertTrial(tx, planId, customerId, now)

/** Whether the customer has, or once had, a subscription to the plan; for whoever holds the customer. */
export const wasSubscribed = (tx: Tx, owner: Owner, planId: string, customerId: string): Promise<boolean> =>
  store.isSubscribed(tx, owner, planId, { id: customerId }, 'ever')

/** Also a deleted one: whoever is subscribed to it stays so. Throws when there is none, which no row of ours can name. */
export async function load(db: Db | Tx, planId: string): Promise<PlanRow> {
  const plan = await store.load(db, planId)
  if (!plan) throw new Error(`subscription plan ${planId} is gone`)
  return plan
}

export const list = (ctx: Context, caller: Caller, filter: PlanFilter, page: Page) =>
  ctx.lists(caller, (db) => store.list(db, caller, filter, page))

export async function update(ctx: Context, caller: Caller, ref: string, body: UpdatePlan): Promise<PlanRow> {
  const found = await find(ctx, caller, ref)
  const currency = body.currency ?? found.currency
  const [usdPerUnit, accounts] = [await findRate(ctx, currency), await listAccounts(ctx, caller)]
  return await namedOnce(() =>
    change(ctx, caller, found.id, async (plan, tx) => {
      // Another request gave it another currency meanwhile: what this one says was meant for the old one.
      if (plan.currency !== found.currency) throw new ApiError(httpErrors.unavailable)
      const wrong = { ...checkPeriod(body.interval ?? plan.interval, body.interval_count ?? plan.interval_count) }
      const { amount, initial_amount } = readAmounts(body, currency)
      if (currency !== plan.currency) Object.assign(wrong, checkRepriced(plan, body))
      if (Object.keys(wrong).length > 0) throw invalid(wrong)
      await requireAgreed(tx, plan, body, amount)
      const initialMinor = initial_amount === undefined ? plan.initial_amount_minor : initial_amount
      const isPriced = amount !== undefined || initial_amount !== undefined
      const prices = { currency, amountMinor: amount ?? plan.amount_minor, initialMinor }
      if (isPriced) requireCarried(accounts, prices)
      return {
        ...termsOf(body),
        ...(body.name !== undefined && { name: body.name.trim() }),
        ...(body.interval !== undefined && { interval: body.interval }),
        ...(isPriced && pricesOf(usdPerUnit, prices)),
      }
    }),
  )
}

/**
 * What subscribers have agreed to does not change behind their backs: their price only where the request says so, and
 * how their periods are counted not at all. Under the plan's lock, so nobody subscribes meanwhile. Throws
 * `PLAN_HAS_SUBSCRIBERS`.
 */
async function requireAgreed(tx: Tx, plan: PlanRow, body: UpdatePlan, amount: bigint | undefined): Promise<void> {
  const errors: FieldErrors = {}
  const present = { ...plan, interval_count: plan.interval_count ?? 1 }
  for (const field of ['currency', 'interval', 'interval_count', 'billing_calendar', 'time_zone'] as const) {
    if (body[field] === undefined || body[field] === present[field]) continue
    errors[field] = ['This cannot change while customers are subscribed: make another plan.']
  }
  if (amount !== undefined && amount !== plan.amount_minor && !body.update_existing_subscriptions) {
    errors.amount = ['Subscribers pay the present price: send update_existing_subscriptions to change it for them too.']
  }
  if (Object.keys(errors).length > 0 && (await store.countSubscribers(tx, plan.id)) > 0) {
    throw new ApiError(subscriptionPlanErrors.hasSubscribers, { data: errors })
  }
}

/** A number alone says nothing in another currency: every price of the plan is told anew. */
function checkRepriced(plan: PlanRow, body: UpdatePlan): FieldErrors {
  const errors: FieldErrors = {}
  const priced = { amount: plan.amount_minor, initial_amount: plan.initial_amount_minor }
  for (const field of ['amount', 'initial_amount'] as const) {
    if (priced[field] !== null && body[field] === undefined) {
      errors[field] = [`The ${field} field is required with another currency.`]
    }
  }
  return errors
}

export async function setStatus(ctx: Context, caller: Caller, ref: string, status: PlanStatus): Promise<PlanRow> {
  const { id } = await find(ctx, caller, ref)
  return await change(ctx, caller, id, async () => ({ status }))
}

/** No new subscribers, no page, and its name is free; whoever is subscribed stays so. */
export async function remove(ctx: Context, caller: Caller, ref: string): Promise<PlanRow> {
  const { id } = await find(ctx, caller, ref)
  return await change(ctx, caller, id, async () => ({ deleted_at: nowOf(ctx, caller.business) }), 'deleted')
}

/** One change under the plan's lock. */
async function change(
  ctx: Context,
  caller: Caller,
  id: string,
  decide: (plan: PlanRow, tx: Tx) => Promise<PlanValues & { deleted_at?: Date }>,
  action: 'updated' | 'deleted' = 'updated',
): Promise<PlanRow> {
  return await inTransaction(ctx.db, async (tx) => {
    const plan = await store.lock(tx, caller, id)
    if (!plan) throw notFound('subscription plan')
    const values = await decide(plan, tx)
    const updated = await store.update(tx, id, values, nowOf(ctx, caller.business))
    await auditBy(tx, caller, `subscription_plan.${action}`, { id, ...changesOf(plan, values) }, ctx.clock.now())
    return updated
  })
}

/**
 * A customer has one subscription to a plan: a payment begins it, or says by how much it is extended. Throws
 * `CUSTOMER_ALREADY_SUBSCRIBED_TO_PLAN`, or `PLAN_INACTIVE` for a plan that takes no new subscribers.
 */
export async function requireOpenTo(
  ctx: Context,
  owner: Owner,
  plan: PlanRow,
  payer: Payer,
  isExtension: boolean,
): Promise<void> {
  const isMember = await store.isSubscribed(ctx.db, owner, plan.id, payer)
  if (isMember && !isExtension) throw new ApiError(subscriptionPlanErrors.alreadySubscribed)
  if (!isMember) requireActive(plan)
}

/** Throws `PLAN_INACTIVE` for a plan that takes no new subscribers. */
export function requireActive(plan: PlanRow): void {
  if (plan.status !== 'active') throw new ApiError(subscriptionPlanErrors.inactive)
}

export const isSubscribed = (tx: Tx, owner: Owner, planId: string, customerId: string): Promise<boolean> =>
  store.isSubscribed(tx, owner, planId, { id: customerId })

/**
 * Throws `CUSTOMER_ALREADY_SUBSCRIBED_TO_PLAN` while the customer has a subscription to the plan; for whoever holds the
 * customer.
 */
export async function requireNotSubscribed(tx: Tx, owner: Owner, planId: string, customerId: string): Promise<void> {
  if (await isSubscribed(tx, owner, planId, customerId)) {
    throw new ApiError(subscriptionPlanErrors.alreadySubscribed)
  }
}

/** The plan as other answers show it. */
export const present = async (ctx: Context, plan: PlanRow): Promise<PlanBody> =>
  presentPlan(plan, countersOf(await store.listCounters(ctx.db, [plan.id]), plan))

/** Plans as their own endpoints show them. */
export async function presentAll(ctx: Context, plans: readonly PlanRow[]): Promise<OwnPlanBody[]> {
  const ids = plans.map((plan) => plan.id)
  const all = await store.listCounters(ctx.db, ids)
  return plans.map((plan) => presentOwnPlan(plan, countersOf(all, plan)))
}

export const presentOwn = async (ctx: Context, plan: PlanRow): Promise<OwnPlanBody> =>
  presentOwnPlan(plan, countersOf(await store.listCounters(ctx.db, [plan.id]), plan))

function countersOf(all: ReadonlyMap<string, PlanCounters>, plan: PlanRow): PlanCounters {
  const counters = all.get(plan.id)
  if (!counters) throw new Error(`subscription plan ${plan.id} is gone`)
  return counters
}

/** What the first charge of a subscription is, or what `extendBy` further periods cost. */
export function priceOf(plan: PlanRow, extendBy: number | null): bigint {
  if (extendBy !== null) return plan.amount_minor * BigInt(extendBy)
  return plan.initial_amount_minor ?? plan.amount_minor
}

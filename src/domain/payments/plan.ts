import type { Context } from '../../platform/context.ts'
import type { Tx } from '../../platform/db.ts'
import { ApiError, type FieldErrors, invalid } from '../../platform/errors.ts'
import { formatAmount, parseAmount } from '../../platform/money.ts'
import { type Caller, isStranger } from '../businesses/service.ts'
import * as customers from '../customers/service.ts'
import * as held from '../payment-requests/held.ts'
import { subscriptionPlanErrors } from '../subscription-plans/errors.ts'
import type { PlanRow } from '../subscription-plans/schema.ts'
import * as plans from '../subscription-plans/service.ts'
import { leastToSave } from './choose.ts'
import type { Initiate, InitiateBody } from './schema.ts'

/** What a request for a plan pays. */

export interface Price {
  currency: string
  amountMinor: bigint
}

/** 'now': at the first channel in order. 'later': the payer chooses one, and each must be able to take the sum. */
export type Opens = 'now' | 'later'

/**
 * The plan that a body names. Throws 404; `CUSTOMER_ALREADY_SUBSCRIBED_TO_PLAN` for who is subscribed already;
 * `PLAN_INACTIVE` when it takes nobody new. A stranger is not told who is subscribed: the payment of one who is goes
 * back when it comes.
 */
export async function findMaybePlan(ctx: Context, caller: Caller, body: InitiateBody): Promise<PlanRow | null> {
  const field = body.subscription_plan_uuid === undefined ? 'subscription_plan_link' : 'subscription_plan_uuid'
  const named = body[field]
  if (named === undefined) return null
  const plan = await plans.find(ctx, caller, plans.linkIdOf(named), field)
  if (isStranger(caller.actor.kind)) plans.requireActive(plan)
  else await plans.requireOpenTo(ctx, caller, plan, payerOf(body), body.extend_subscription_by !== undefined)
  return plan
}

const payerOf = (body: InitiateBody): plans.Payer =>
  body.customer_uuid === undefined
    ? { email: body.customer_email ?? body.customer?.email ?? '' }
    : { id: body.customer_uuid }

/**
 * Whether `is_trial` counts. A stranger's counts only where the plan names a trial and the customer was never subscribed
 * before; whoever is subscribed now looks like anybody, and gets the money back.
 */
export async function mayTry(ctx: Context, caller: Caller, plan: PlanRow | null, body: InitiateBody): Promise<boolean> {
  if (plan === null || !body.is_trial) return false
  if (!isStranger(caller.actor.kind)) return true
  return plan.trial_period !== null && !(await plans.hasLeft(ctx, caller, plan, payerOf(body)))
}

/**
 * The plan says what it costs: its first charge, its price for as many periods as a subscription is extended by, or for
 * a trial the smallest sum that keeps the method. An amount or currency beside it may only agree. Throws 422.
 */
export async function pricePlan(
  ctx: Context,
  caller: Caller,
  plan: PlanRow,
  body: Initiate,
  opens: Opens,
): Promise<Price> {
  const { currency } = plan
  const fullMinor = plans.priceOf(plan, body.extend_subscription_by ?? null)
  const amountMinor = body.is_trial ? await trialSum(ctx, caller, plan, body, opens) : fullMinor
  const errors: FieldErrors = {}
  if (body.currency !== undefined && body.currency !== currency) {
    errors.currency = [`The plan is in ${currency}: leave the currency out, or send that.`]
  }
  if (body.amount !== undefined && !agrees(body.amount, currency, [amountMinor, fullMinor])) {
    const words = `${formatAmount(fullMinor, currency)} ${currency}`
    errors.amount = [`The plan says what is paid: leave the amount out, or send ${words}.`]
  }
  if (Object.keys(errors).length > 0) throw invalid(errors)
  return { currency, amountMinor }
}

/**
 * In the transaction that intends a charge for a plan: nobody else intends one for this customer until it ends. A first
 * charge that nobody knows of yet, or whose subscription has not begun, forbids a second one. Throws
 * `CUSTOMER_ALREADY_SUBSCRIBED_TO_PLAN`, `PLAN_BEING_PAID`.
 */
export async function holdPlan(tx: Tx, caller: Caller, customerId: string, planId: string): Promise<void> {
  await customers.lock(tx, customerId)
  if (await held.isPlanBeingPaid(tx, customerId, planId)) throw new ApiError(subscriptionPlanErrors.beingPaid)
  await plans.requireNotSubscribed(tx, caller, planId, customerId)
}

async function trialSum(ctx: Context, caller: Caller, plan: PlanRow, body: Initiate, opens: Opens): Promise<bigint> {
  const wish = { currency: plan.currency, named: body.payment_channel ?? null }
  const sums = await leastToSave(ctx, caller, wish)
  // With no channel that could take it, choosing one says why.
  const [first = plan.amount_minor] = sums
  return opens === 'now' ? first : sums.reduce((a, b) => (b > a ? b : a), first)
}

function agrees(given: unknown, currency: string, amounts: readonly bigint[]): boolean {
  const parsed = parseAmount(given, currency)
  return parsed.ok && amounts.includes(parsed.amountMinor)
}

/** What a request is for, and in which words; `otherwise`: the intent of one without a plan. */
export const purposeOf = <Intent extends string>(
  plan: PlanRow | null,
  body: Pick<Initiate, 'description' | 'is_trial' | 'extend_subscription_by'>,
  otherwise: Intent,
) => ({
  intent: plan ? ('subscription' as const) : otherwise,
  description: body.description ?? (plan && `Subscription to ${plan.name}`),
  // Without a plan there is no trial: the sum is an ordinary payment and stays.
  isTrial: plan !== null && Boolean(body.is_trial),
  subscriptionPlanId: plan?.id ?? null,
  extendSubscriptionBy: body.extend_subscription_by ?? null,
})

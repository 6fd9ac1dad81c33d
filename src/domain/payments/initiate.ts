import { after, hourMs } from '../../platform/clock.ts'
import type { Context } from '../../platform/context.ts'
import { ApiError, invalid } from '../../platform/errors.ts'
import type { IdempotencyClaim } from '../../platform/idempotency.ts'
import { newId, newRef } from '../../platform/ids.ts'
import { parseAmount, toUsd } from '../../platform/money.ts'
import { keepMetaData } from '../../platform/wire.ts'
import { giveUpUnseen, newTransaction, openAtFirst } from '../attempts/service.ts'
import { type Caller, createdByOf, isStranger, nowOf } from '../businesses/service.ts'
import type { SentCustomer } from '../customers/schema.ts'
import { newCustomerId, valuesOf } from '../customers/service.ts'
import * as rates from '../exchange-rates/service.ts'
import { channelErrors } from '../payment-channels/errors.ts'
import type { FullRequest } from '../payment-requests/schema.ts'
import { insert, load, type NewRequest, type NewTransaction } from '../payment-requests/service.ts'
import type { PlanRow } from '../subscription-plans/schema.ts'
import { choose } from './choose.ts'
import { findMaybePlan, mayTry, type Opens, type Price, pricePlan, purposeOf } from './plan.ts'
import type { Initiate, InitiateBody } from './schema.ts'
import { requireSold } from './sold.ts'
import { runWithin, type Stranger } from './velocity.ts'

/** A request that nobody has paid by then is over. */
export const lifetimeMs = 24 * hourMs

export interface Initiated {
  full: FullRequest
  /** The provider's page. */
  action: string
}

/** Initiates and relays to the chosen channel. What strangers try is bounded. */
export const initiate = (
  ctx: Context,
  caller: Caller,
  body: InitiateBody,
  claim: IdempotencyClaim | null,
): Promise<Initiated> => {
  const work = async () => {
    if (claim?.resumes) return await resume(ctx, caller, claim.resumes, body.payment_channel ?? null)
    const wish = await readTerms(ctx, caller, body, 'now')
    const named = body.payment_channel ?? null
    const accounts = await choose(ctx, caller, { ...wish, named, tokenize: wish.savePaymentMethod })
    const attempt = newTransaction(firstOf(accounts).slug)
    const { request, customer } = await insert(ctx, caller, newRequest(ctx, caller, body, wish, attempt, claim))
    const opened = await openAtFirst(ctx, { business: caller.business, request, customer, accounts, attempt })
    // No answer of this kind shows the timeline; it is not read for it.
    const { amount_minor: restMinor } = request
    const full = { request: opened.request, restMinor, customer, lastTransaction: opened.attempt, timeline: [] }
    return { full, action: opened.action }
  }
  const stranger = strangerOf(caller, body)
  return runWithin(ctx, { caller, stranger, claim }, work, ({ full }) => full.request.id)
}

/**
 * A request that no channel has seen yet: the whole intent in one statement, for a later relay. Throws what routing
 * refuses when no channel could take it then.
 */
export const create = (
  ctx: Context,
  caller: Caller,
  body: InitiateBody,
  claim: IdempotencyClaim | null,
): Promise<FullRequest> => {
  const work = async () => {
    if (claim?.resumes) return await load(ctx, claim.resumes)
    const wish = await readTerms(ctx, caller, body, 'later')
    await choose(ctx, caller, { ...wish, named: null, tokenize: wish.savePaymentMethod })
    const made = await insert(ctx, caller, newRequest(ctx, caller, body, wish, null, claim))
    return { ...made, restMinor: made.request.amount_minor, lastTransaction: null, timeline: [] }
  }
  const stranger = strangerOf(caller, body)
  return runWithin(ctx, { caller, stranger, claim }, work, ({ request }) => request.id)
}

/** Null: whoever asks has a secret key, and bounds its buyers itself. */
function strangerOf({ actor: { kind, address } }: Caller, body: Initiate): Stranger | null {
  if (!isStranger(kind) || address === null) return null
  const email = body.customer_email ?? body.customer?.email ?? ''
  return { address, customer: body.customer_uuid === undefined ? { email } : { id: body.customer_uuid } }
}

/** Goes on where a crashed twin stopped: an open page is the answer, an attempt that was never seen is given up. */
export async function resume(
  ctx: Context,
  caller: Caller,
  requestId: string,
  named: string | null,
): Promise<Initiated> {
  const full = await load(ctx, requestId)
  const { request, customer, lastTransaction: last } = full
  if (last?.checkout_url) return { full, action: last.checkout_url }
  if (last?.status === 'pending') await giveUpUnseen(ctx, request.id, last, nowOf(ctx, caller.business))
  const wish = {
    currency: request.currency,
    amountMinor: request.amount_minor,
    named,
    tokenize: request.save_payment_method,
  }
  const accounts = await choose(ctx, caller, wish)
  const { action } = await openAtFirst(ctx, {
    business: caller.business,
    request,
    customer,
    accounts,
    attempt: null,
  })
  return { full: await load(ctx, requestId), action }
}

interface PaymentTerms extends Price {
  usdPerUnit: string
  savePaymentMethod: boolean
  plan: PlanRow | null
  isTrial: boolean
}

/** What the schema could not check alone: the plan, and the amount in the currency that applies. */
export async function readTerms(ctx: Context, caller: Caller, body: InitiateBody, opens: Opens): Promise<PaymentTerms> {
  await requireSold(ctx, caller, body)
  const plan = await findMaybePlan(ctx, caller, body)
  const isTrial = await mayTry(ctx, caller, plan, body)
  const price = plan
    ? await pricePlan(ctx, caller, plan, { ...body, is_trial: isTrial }, opens)
    : readPrice(caller, body)
  const usdPerUnit = await rates.findMaybeRate(ctx, price.currency)
  if (usdPerUnit === null) throw new ApiError(channelErrors.noPaymentChannel)
  // A plan renews from the method that paid first.
  return { ...price, usdPerUnit, savePaymentMethod: plan !== null || Boolean(body.save_payment_method), plan, isTrial }
}

function readPrice(caller: Caller, body: Initiate): Price {
  const currency = body.currency ?? caller.business.baseCurrency
  const parsed = parseAmount(body.amount, currency)
  if (!parsed.ok) throw invalid({ amount: [parsed.reason] })
  return { currency, amountMinor: parsed.amountMinor }
}

export function newRequest(
  ctx: Context,
  caller: Caller,
  body: InitiateBody,
  wish: PaymentTerms,
  attempt: NewTransaction | null,
  claim: IdempotencyClaim | null,
): NewRequest {
  const now = nowOf(ctx, caller.business)
  return {
    id: newId(),
    ref: newRef('AsP-'),
    ...purposeOf(wish.plan, { ...body, is_trial: wish.isTrial }, 'make_payment'),
    currency: wish.currency,
    amountMinor: wish.amountMinor,
    amountToUsd: toUsd(wish.amountMinor, wish.currency, wish.usdPerUnit),
    usdPerUnit: wish.usdPerUnit,
    reference: body.reference ?? null,
    metaData: keepMetaData(body),
    createdBy: createdByOf(caller.actor),
    initiator: caller.actor,
    realNow: ctx.clock.now(),
    successRedirectUrl: body.success_redirect_url ?? null,
    failureRedirectUrl: body.failure_redirect_url ?? body.cancel_redirect_url ?? null,
    logo: body.logo ?? null,
    savePaymentMethod: wish.savePaymentMethod,
    expiresAt: after(now, lifetimeMs),
    now,
    timelineId: newId(),
    customer: customerOf(caller, body),
    sentCustomer: sentOf(body),
    attempt,
    claim,
  }
}

function customerOf(caller: Caller, body: Initiate): NewRequest['customer'] {
  if (body.customer_uuid !== undefined) return { id: body.customer_uuid }
  const email = body.customer_email ?? body.customer?.email ?? ''
  const values = { ...valuesOf(body.customer ?? {}), email }
  return { newId: newId(), customerId: newCustomerId(caller.business.name), values }
}

/** What the body says of the customer. Never their meta_data: it is the business's own, whoever sends it. */
function sentOf({ customer_uuid: uuid, customer_email, customer }: Initiate): SentCustomer {
  if (uuid !== undefined) return { uuid }
  const { meta_data: _, metadata: __, ...fields } = customer ?? {}
  const email = customer_email ?? customer?.email
  return { ...fields, ...(email !== undefined && { email }) }
}

export function firstOf<T>(list: readonly T[]): T {
  const [first] = list
  if (first === undefined) throw new Error('routing chose no channel')
  return first
}

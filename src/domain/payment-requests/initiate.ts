import { after, hourMs } from '../../platform/clock.ts'
import type { Context } from '../../platform/context.ts'
import { brokenConstraint } from '../../platform/db.ts'
import { ApiError, invalid, notFound } from '../../platform/errors.ts'
import { type IdempotencyClaim, runOrReplay } from '../../platform/idempotency.ts'
import { newId, newRef } from '../../platform/ids.ts'
import { parseAmount, toUsd } from '../../platform/money.ts'
import type { Caller } from '../businesses/service.ts'
import { newCustomerId, valuesOf } from '../customers/service.ts'
import * as rates from '../exchange-rates/service.ts'
import { channelErrors } from '../payment-channels/errors.ts'
import { choose } from './choose.ts'
import { paymentRequestErrors } from './errors.ts'
import { load } from './find.ts'
import { giveUpUnseen, newTransaction, openAtFirst } from './open.ts'
import type { FullRequest, Initiate } from './schema.ts'
import type { NewTransaction, Owner } from './store.ts'
import { insertRequest, type NewRequest } from './store-insert.ts'

/** A request that nobody has paid by then is over. */
const lifetimeMs = 24 * hourMs
/** Somebody else may make the same customer at the same moment; a second look finds it. */
const insertTriesMax = 3

export interface Initiated {
  full: FullRequest
  /** The provider's page. */
  action: string
}

/** Initiates and relays to the chosen channel. */
export const initiate = (
  ctx: Context,
  caller: Caller,
  body: Initiate,
  claim: IdempotencyClaim | null,
): Promise<Initiated> =>
  runOrReplay(ctx.db, claim, async () => {
    if (claim?.resumes) return await resume(ctx, caller, claim.resumes, body.payment_channel ?? null)
    const wish = await readWish(ctx, caller, body)
    const named = body.payment_channel ?? null
    const accounts = await choose(ctx, caller, { ...wish, named, tokenize: wish.savePaymentMethod })
    const attempt = newTransaction(firstOf(accounts).slug)
    const { request, customer } = await insert(ctx, caller, newRequest(ctx, caller, body, wish, attempt, claim))
    const opened = await openAtFirst(ctx, { request, customer, accounts, attempt })
    // No answer of this kind shows the timeline; it is not read for it.
    const full = { request: opened.request, customer, lastTransaction: opened.attempt, timeline: [] }
    return { full, action: opened.action }
  })

/**
 * A request that no channel has seen yet: the whole intent in one statement, for a later relay. Throws 030 to 033, 037
 * when no channel could take it then.
 */
export const create = (
  ctx: Context,
  caller: Caller,
  body: Initiate & { logo?: string },
  claim: IdempotencyClaim | null,
): Promise<FullRequest> =>
  runOrReplay(ctx.db, claim, async () => {
    if (claim?.resumes) return await load(ctx, claim.resumes)
    const wish = await readWish(ctx, caller, body)
    await choose(ctx, caller, { ...wish, named: null, tokenize: wish.savePaymentMethod })
    const made = await insert(ctx, caller, newRequest(ctx, caller, body, wish, null, claim))
    return { ...made, lastTransaction: null, timeline: [] }
  })

/** Goes on where a crashed twin stopped: an open page is the answer, an attempt that was never seen is given up. */
async function resume(ctx: Context, caller: Caller, requestId: string, named: string | null): Promise<Initiated> {
  const full = await load(ctx, requestId)
  const { request, customer, lastTransaction: last } = full
  if (last?.checkout_url) return { full, action: last.checkout_url }
  if (last?.status === 'pending') await giveUpUnseen(ctx, request.id, last)
  const wish = {
    currency: request.currency,
    amountMinor: request.amount_minor,
    named,
    tokenize: request.save_payment_method,
  }
  const accounts = await choose(ctx, caller, wish)
  const { action } = await openAtFirst(ctx, { request, customer, accounts, attempt: null })
  return { full: await load(ctx, requestId), action }
}

interface Wish {
  currency: string
  amountMinor: bigint
  usdPerUnit: string
  savePaymentMethod: boolean
}

/** What the schema could not check alone: the amount in the currency that applies. */
async function readWish(ctx: Context, caller: Caller, body: Initiate): Promise<Wish> {
  if (body.subscription_plan_uuid !== undefined) throw notFound('subscription plan', 'subscription_plan_uuid')
  const currency = body.currency ?? caller.business.baseCurrency
  const parsed = parseAmount(body.amount, currency)
  if (!parsed.ok) throw invalid({ amount: [parsed.reason] })
  const usdPerUnit = await rates.findMaybeRate(ctx, currency)
  if (usdPerUnit === null) throw new ApiError(channelErrors.noPaymentChannel)
  return { currency, amountMinor: parsed.amountMinor, usdPerUnit, savePaymentMethod: Boolean(body.save_payment_method) }
}

function newRequest(
  ctx: Context,
  caller: Caller,
  body: Initiate & { logo?: string },
  wish: Wish,
  attempt: NewTransaction | null,
  claim: IdempotencyClaim | null,
): NewRequest {
  const now = ctx.clock.now()
  const metaData = body.meta_data ?? body.metadata
  return {
    id: newId(),
    ref: newRef('AsP-'),
    intent: 'make_payment',
    currency: wish.currency,
    amountMinor: wish.amountMinor,
    amountToUsd: toUsd(wish.amountMinor, wish.currency, wish.usdPerUnit),
    usdPerUnit: wish.usdPerUnit,
    description: body.description ?? null,
    reference: body.reference ?? null,
    metaData: metaData ?? null,
    successRedirectUrl: body.success_redirect_url ?? null,
    failureRedirectUrl: body.failure_redirect_url ?? body.cancel_redirect_url ?? null,
    logo: body.logo ?? null,
    savePaymentMethod: wish.savePaymentMethod,
    isTrial: Boolean(body.is_trial),
    expiresAt: after(now, lifetimeMs),
    now,
    timelineId: newId(),
    customer: customerOf(caller, body),
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

async function insert(ctx: Context, owner: Owner, row: NewRequest) {
  for (let tries = 1; ; tries += 1) {
    try {
      const made = await insertRequest(ctx.db, owner, row)
      if (!made) throw notFound('customer', 'customer_uuid')
      if (row.claim) row.claim.held = true
      return made
    } catch (error) {
      const constraint = brokenConstraint(error)
      if (constraint === 'payment_requests_reference_key') throw duplicateReference()
      if (constraint !== 'customers_email_key' || tries >= insertTriesMax) throw error
    }
  }
}

const duplicateReference = () =>
  new ApiError(paymentRequestErrors.duplicateReference, {
    data: { reference: ['This reference was used for another payment request.'] },
  })

function firstOf<T>(list: readonly T[]): T {
  const [first] = list
  if (first === undefined) throw new Error('routing chose no channel')
  return first
}

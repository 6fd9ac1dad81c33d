import { after } from '../../platform/clock.ts'
import type { Context } from '../../platform/context.ts'
import { brokenConstraint, inTransaction } from '../../platform/db.ts'
import { ApiError } from '../../platform/errors.ts'
import { type IdempotencyClaim, noteMade } from '../../platform/idempotency.ts'
import { newId } from '../../platform/ids.ts'
import { formatAmount } from '../../platform/money.ts'
import { keepMetaData } from '../../platform/wire.ts'
import {
  type ChargeOutcome,
  chargeRequest,
  giveUpUnseen,
  openAtFirst,
  outcomeOf,
  prepare,
  quietly,
  recordCharge,
  refreshAttempt,
  sendCharge,
} from '../attempts/service.ts'
import { auditBy, type Caller, createdByOf, nowOf } from '../businesses/service.ts'
import * as customers from '../customers/service.ts'
import { listAccounts } from '../payment-channels/service.ts'
import * as paymentMethods from '../payment-methods/service.ts'
import { paymentRequestErrors } from '../payment-requests/errors.ts'
import type { FullRequest } from '../payment-requests/schema.ts'
import { duplicateReference, insertForCharge, load, payUrl } from '../payment-requests/service.ts'
import { isPayable, isUnderWay } from '../payment-requests/states.ts'
import { choose } from './choose.ts'
import { lifetimeMs, readTerms } from './initiate.ts'
import { holdPlan, purposeOf } from './plan.ts'
import type { ChargeMethod } from './schema-saved.ts'

/** A request of its own, paid at once by a saved method. */

export interface Charged {
  full: FullRequest
  /** False: the channel has not said; the request is open until it does. */
  isConfirmed: boolean
}

/**
 * Throws `PAYMENT_DECLINED` when it was declined, `PAYER_ACTION_REQUIRED` with the page when the payer is needed,
 * `PAYMENT_METHOD_NOT_REUSABLE` and what routing refuses before any channel is called, `PAYMENT_CHANNEL_REFUSED` and
 * `PAYMENT_CHANNEL_UNAVAILABLE` when nothing was charged and the request is kept.
 */
export async function chargeMethod(
  ctx: Context,
  caller: Caller,
  body: ChargeMethod,
  claim: IdempotencyClaim | null,
): Promise<Charged> {
  const requestId = claim?.resumes ?? newId()
  const outcome = claim?.resumes
    ? await resume(ctx, caller, requestId, body.payment_method_uuid)
    : await start(ctx, caller, requestId, body, claim)
  const full = await load(ctx, requestId)
  switch (outcome.kind) {
    case 'successful':
      return { full, isConfirmed: true }
    case 'unknown':
      return { full, isConfirmed: false }
    case 'declined':
      throw new ApiError(paymentRequestErrors.declined, {
        data: { reason: outcome.reason, payment_request_ref: full.request.ref },
      })
    case 'payer_needed':
      throw new ApiError(paymentRequestErrors.payerActionRequired, {
        data: { action: outcome.action ?? (await openPage(ctx, caller, full)), payment_request_ref: full.request.ref },
      })
    case 'not_sent':
    case 'not_chargeable':
      throw outcome.error
  }
}

/** Everything that can be refused is refused first; then claim, request and intent in one transaction; then the call. */
async function start(
  ctx: Context,
  caller: Caller,
  id: string,
  body: ChargeMethod,
  claim: IdempotencyClaim | null,
): Promise<ChargeOutcome> {
  const customer = await findCustomer(ctx, caller, body)
  const method = await paymentMethods.find(
    ctx,
    caller,
    customer.id,
    body.payment_method_uuid.toLowerCase(),
    'payment_method_uuid',
  )
  const now = nowOf(ctx, caller.business)
  paymentMethods.requireChargeable(method, now)
  // A token belongs to its channel.
  const named = method.payment_channel_slug
  const wish = await readTerms(ctx, caller, { ...body, customer_uuid: customer.id, payment_channel: named }, 'now')
  const { currency, amountMinor, usdPerUnit, plan } = wish
  await choose(ctx, caller, { currency, amountMinor, named, tokenize: false })
  const owner = { business_id: caller.businessId, env_mode: caller.envMode, customer_id: customer.id }
  const ready = await prepare(ctx, owner, method.id)
  const { request, attempt } = await inTransaction(ctx.db, async (tx) => {
    // Extending twice is what two such requests ask for.
    if (plan && body.extend_subscription_by === undefined) await holdPlan(tx, caller, customer.id, plan.id)
    const request = await insertForCharge(tx, caller, {
      id,
      customerId: customer.id,
      ...purposeOf(plan, body, 'charge_payment_method'),
      currency,
      amountMinor,
      usdPerUnit,
      reference: body.reference ?? null,
      metaData: keepMetaData(body),
      createdBy: createdByOf(caller.actor),
      expiresAt: after(now, lifetimeMs),
      now,
    })
    await noteMade(tx, claim, id)
    const sum = { amount: formatAmount(amountMinor, currency), currency }
    const detail = { ref: request.ref, payment_method: method.id, subscription_plan: plan?.id ?? null, ...sum }
    await auditBy(tx, caller, 'payment_method.charged', detail, ctx.clock.now(), customer.id)
    return { request, attempt: await recordCharge(tx, id, ready, true, { now, sentAt: ctx.clock.now() }) }
  }).catch((error: unknown) => {
    throw brokenConstraint(error) === 'payment_requests_reference_key' ? duplicateReference() : error
  })
  return await sendCharge(ctx, { request, customer }, ready, attempt)
}

function findCustomer(ctx: Context, caller: Caller, body: ChargeMethod) {
  if (body.customer_uuid !== undefined) return customers.find(ctx, caller, body.customer_uuid, 'customer_uuid')
  return customers.findByEmail(ctx, caller, body.customer_email ?? '', 'customer_email')
}

/**
 * Goes on where a crashed twin stopped, by what its rows say. A charge that may have been sent is asked about and never
 * sent again; one that certainly moved nothing may be.
 */
async function resume(ctx: Context, caller: Caller, requestId: string, methodId: string): Promise<ChargeOutcome> {
  const { request, lastTransaction: last } = await load(ctx, requestId)
  if (!last) throw new Error(`payment request ${requestId} was made without its charge`)
  if (isUnderWay(last.status)) {
    await quietly(refreshAttempt(ctx, last))
    return await outcomeOf(ctx, last.id)
  }
  if (last.status === 'pending' && !last.checkout_url) {
    await giveUpUnseen(ctx, requestId, last, nowOf(ctx, caller.business))
    return { kind: 'payer_needed', action: null }
  }
  if (last.status === 'failed' && isPayable(request.status)) {
    return await chargeRequest(ctx, requestId, methodId, { keepOpen: false })
  }
  return await outcomeOf(ctx, last.id)
}

/** An ordinary page at the method's own channel; where that does not open, the one that offers every channel. */
async function openPage(ctx: Context, caller: Caller, full: FullRequest): Promise<string> {
  const { request, customer, lastTransaction } = full
  const accounts = (await listAccounts(ctx, caller)).filter(
    (account) => account.isEnabled && account.slug === lastTransaction?.payment_channel_slug,
  )
  try {
    return (await openAtFirst(ctx, { business: caller.business, request, customer, accounts, attempt: null })).action
  } catch (error) {
    if (error instanceof ApiError) return payUrl(ctx, request.ref)
    throw error
  }
}

import { findChannel } from '../../channels/index.ts'
import { after, dayMs, hourMs, secondMs } from '../../platform/clock.ts'
import type { Context } from '../../platform/context.ts'
import { notFound } from '../../platform/errors.ts'
import { formatFullAmount } from '../../platform/money.ts'
import { createPace } from '../../platform/pace.ts'
import * as attempts from '../attempts/service.ts'
import type { Caller } from '../businesses/service.ts'
import { find as findBusiness, linkActor, nowOf } from '../businesses/service.ts'
import { presentSent, type SentCustomerBody } from '../customers/schema.ts'
import { presentChannel } from '../payment-channels/schema.ts'
import { isHealthy } from '../payment-channels/service.ts'
import type { FullRequest, PaymentRequestBody, RequestRow } from '../payment-requests/schema.ts'
import * as paymentRequests from '../payment-requests/service.ts'
import { isPayable } from '../payment-requests/states.ts'
import * as payments from '../payments/service.ts'
import type { PlanRow } from '../subscription-plans/schema.ts'
import * as plans from '../subscription-plans/service.ts'

/**
 * What a buyer's browser may do, with a token that opens one payment request: look, choose a channel, ask again, give
 * up. Amount and currency are the request's own and come from nowhere else.
 */

export interface Session {
  /** The request's own business and mode; never anything that the browser says. */
  readonly caller: Caller
  readonly full: FullRequest
  /** What it pays for, where that is a plan. */
  readonly plan: PlanRow | null
}

/** So long after its end a request can be looked at, and so long its customer's own page may have to hear of it. */
const receiptMs = 30 * dayMs
const toldMs = hourMs

/** Throws 404 for a token that is not ours, altered, or of a request that is gone or ended long ago. `address`: of who acts. */
export async function open(ctx: Context, token: string, address: string | null = null): Promise<Session> {
  const requestId = paymentRequests.readCheckoutToken(ctx, token)
  const full = requestId === null ? undefined : await paymentRequests.loadMaybe(ctx, requestId)
  if (!full) throw notFound('checkout')
  const { business_id: businessId, env_mode: envMode } = full.request
  const business = await findBusiness(ctx, businessId, envMode)
  if (endedLongerThan(receiptMs, full.request, nowOf(ctx, business))) throw notFound('checkout')
  const planId = full.request.subscription_plan_id
  const plan = planId === null ? null : await plans.load(ctx.db, planId)
  return {
    caller: { actor: linkActor(`checkout/${requestId}`, address), businessId, envMode, business },
    full,
    plan,
  }
}

const endedLongerThan = (ms: number, { status, updated_at: at }: RequestRow, now: Date): boolean =>
  !isPayable(status) && now > after(at, ms)

/** The token behind a link for sharing. Throws 404. */
export async function tokenOf(ctx: Context, ref: string): Promise<string> {
  const requestId = /^AsP-[0-9a-f]{13}$/.test(ref) ? await paymentRequests.findMaybeIdByRef(ctx, ref) : undefined
  if (!requestId) throw notFound('payment link')
  return paymentRequests.checkoutToken(ctx, requestId)
}

export interface OfferedChannel {
  readonly slug: string
  readonly name: string
  readonly logo: string
  readonly themeColor: string
  readonly isHealthy: boolean
}

/** The enabled channels that take this payment, in the order in which routing would try them. */
export async function offeredChannels(
  ctx: Context,
  { caller, full: { request, restMinor } }: Session,
): Promise<OfferedChannel[]> {
  const wish = {
    currency: request.currency,
    amountMinor: restMinor,
    named: null,
    tokenize: request.save_payment_method,
  }
  const weighed = await payments.explain(ctx, caller, wish)
  return weighed
    .filter((one) => one.refusal === null)
    .map(({ account }) => {
      const { slug, display_name, logo, theme_color } = presentChannel(account.channel, ctx.baseUrl)
      return { slug, name: display_name, logo, themeColor: theme_color, isHealthy: isHealthy(account) }
    })
}

export interface Attempt {
  readonly channel: string
  readonly channelName: string
  readonly status: string
  readonly reason: string | null
  /** The channel's page, where the payer may still go on. */
  readonly action: string | null
}

export type PaidBody = Omit<PaymentRequestBody, 'customer'> & { customer: SentCustomerBody }

export interface State {
  readonly status: string
  readonly attempt: Attempt | null
  /** Only of a paid request: what the merchant's page is handed. */
  readonly paymentRequest: PaidBody | null
}

export async function stateOf(ctx: Context, session: Session): Promise<State> {
  const { request } = session.full
  const paid = request.status === 'successful'
  return {
    status: request.status,
    attempt: attemptOf(ctx, session),
    paymentRequest: paid ? await presentPaid(ctx, session) : null,
  }
}

function attemptOf(ctx: Context, { caller, full: { request, lastTransaction: last } }: Session): Attempt | null {
  if (!last) return null
  const payable = request.status === 'new' || request.status === 'open'
  const resumable =
    payable && request.expires_at > nowOf(ctx, caller.business) && ['pending', 'failed'].includes(last.status)
  return {
    channel: last.payment_channel_slug,
    channelName: findChannel(last.payment_channel_slug).displayName,
    status: last.is_kept && payable ? 'part' : last.status,
    reason: last.is_kept ? null : last.reason,
    action: resumable ? last.checkout_url : null,
  }
}

/** For the merchant's page in the buyer's browser: where our hooks and theirs are is nobody's business there. */
async function presentPaid(ctx: Context, { caller, full }: Session): Promise<PaidBody> {
  const body = await paymentRequests.present(ctx, caller, full, ['customer'])
  const isOver = endedLongerThan(toldMs, full.request, nowOf(ctx, caller.business))
  return {
    ...body,
    customer: presentSent(isOver ? null : full.request.sent_customer),
    last_transaction: body.last_transaction && { ...body.last_transaction, business_payment_channel: null },
  }
}

/**
 * Opens the payment at the channel that the buyer chose; gives the channel's page. Throws what routing or the channel
 * refuses, and `TOO_MANY_REQUESTS` where too much was tried.
 */
export async function relay(
  ctx: Context,
  { caller, full }: Session,
  slug: string,
  via: attempts.ReturnVia,
): Promise<string> {
  const body = { payment_request_ref: full.request.id, payment_channel: slug }
  const stranger = { customer: { email: full.customer.email }, address: caller.actor.address ?? '' }
  const work = () => payments.relay(ctx, caller, body, via)
  const { action } = await payments.runWithin(ctx, { caller, stranger, claim: null }, work, () => full.request.id)
  return action
}

/** The buyer gives up. A payment that is already in wins: then `PAYMENT_REQUEST_NOT_RELAYABLE`. */
export const cancel = (ctx: Context, { caller, full }: Session): Promise<FullRequest> =>
  payments.cancel(ctx, caller, full.request.id)

/** A page that asks more often than this gets what is known. */
const checks = createPace(3 * secondMs)

/** Asks the channels now, at most once in a while for one request; their silence changes nothing. */
export async function check(ctx: Context, { full }: Session): Promise<void> {
  if (!checks.isDue(full.request.id, ctx.clock.now())) return
  await attempts.refreshRequest(ctx, full.request.id)
}

/** What is asked of the buyer now; of what is paid, all of it. */
export const amountOf = ({ full: { request, restMinor } }: Session): string =>
  formatFullAmount(request.status === 'successful' ? request.amount_minor : restMinor, request.currency)

import { Type } from 'typebox'
import { subscribePage } from '../../../web/checkout/subscribe.ts'
import type { SubscribeView } from '../../../web/checkout/view.ts'
import type { Context } from '../../platform/context.ts'
import { ApiError, notFound } from '../../platform/errors.ts'
import type { Http } from '../../platform/http.ts'
import { isBlank } from '../../platform/texts.ts'
import { isHttpUrl } from '../../platform/validation.ts'
import { mayRedirectTo } from '../businesses/schema.ts'
import { type Caller, find as findBusiness, linkActor } from '../businesses/service.ts'
import { channelErrors } from '../payment-channels/errors.ts'
import * as paymentRequests from '../payment-requests/service.ts'
import * as payments from '../payments/service.ts'
import { tellSubscriber } from '../portal/service.ts'
import { subscriptionPlanErrors } from '../subscription-plans/errors.ts'
import type { PlanRow } from '../subscription-plans/schema.ts'
import * as plans from '../subscription-plans/service.ts'
import { planOf, sellerOf, send, showError, type Visit, visitOf } from './pages.ts'

/**
 * A plan's public page: what it costs, who subscribes, and on to the checkout. Looking makes nothing, so that a preview
 * of the link pays for nobody; the form makes the payment request.
 */

const params = Type.Object({ link_id: Type.String() })
const text = Type.Optional(Type.String({ maxLength: 2048 }))
/** What a link may carry; the SDKs append the addresses. */
const carriedFields = {
  customer: text,
  success_redirect_url: text,
  failure_redirect_url: text,
  cancel_redirect_url: text,
}
type Carried = { [Field in keyof typeof carriedFields]?: string }
const form = Type.Object({
  ...carriedFields,
  email: Type.Optional(Type.String({ format: 'email', maxLength: 254 })),
  name: Type.Optional(Type.String({ maxLength: 200 })),
})

/** Refusals that the page has words for. */
const notices: Readonly<Record<string, SubscribeView['notice']>> = {
  [subscriptionPlanErrors.inactive.name]: 'planClosed',
  [channelErrors.noPaymentChannel.name]: 'noChannels',
  [channelErrors.amountTooSmall.name]: 'noChannels',
  [channelErrors.amountTooLarge.name]: 'noChannels',
}

export function subscribePages(app: Http, ctx: Context): void {
  app.get(
    '/subscribe/:link_id',
    { schema: { hide: true, params, querystring: Type.Object(carriedFields) }, errorHandler: showError },
    async (request, reply) => {
      const page = await open(ctx, request.params.link_id, request.query, request.ip)
      return await show(visitOf(request, reply), page, page.plan.status === 'active' ? null : 'planClosed')
    },
  )

  app.post(
    '/subscribe/:link_id',
    { schema: { hide: true, params, body: form }, attachValidation: true, errorHandler: showError },
    async (request, reply) => {
      const page = await open(ctx, request.params.link_id, request.body, request.ip)
      const visit = visitOf(request, reply)
      const typed = { email: request.body.email ?? '', name: request.body.name ?? '' }
      const isAnswered = page.customerId !== null || typed.email.trim() !== ''
      if (request.validationError || !isAnswered) return await show(visit, page, 'wrongEmail', typed, 422)
      try {
        return reply.redirect(await subscribe(ctx, page, typed), 303)
      } catch (error) {
        const notice = error instanceof ApiError ? notices[error.row.name] : undefined
        if (!notice || !(error instanceof ApiError)) throw error
        return await show(visit, page, notice, typed, error.row.status)
      }
    },
  )
}

interface Page {
  readonly plan: PlanRow
  readonly caller: Caller
  /** Whose link it is; null: anybody's. */
  readonly customerId: string | null
  readonly carried: Carried
}

/** Throws 404 for a plan that is not there, and for a customer's link that is not ours. */
async function open(ctx: Context, linkId: string, given: Carried, address: string): Promise<Page> {
  const plan = await plans.findByLink(ctx, linkId)
  const business = await findBusiness(ctx, plan.business_id, plan.env_mode)
  const caller: Caller = {
    actor: linkActor(`subscribe/${plan.id}`, address),
    businessId: business.id,
    envMode: business.envMode,
    business,
  }
  const customerId = given.customer === undefined ? null : plans.readSubscriber(ctx, plan, given.customer)
  if (given.customer !== undefined && customerId === null) throw notFound('subscription link')
  const carried: Carried = given.customer === undefined ? {} : { customer: given.customer }
  for (const field of ['success_redirect_url', 'failure_redirect_url', 'cancel_redirect_url'] as const) {
    const address = given[field]
    if (address !== undefined && isHttpUrl(address) && mayRedirectTo(business, address)) carried[field] = address
  }
  return { plan, caller, customerId, carried }
}

/** The payment request, and the address of its checkout. A plan that names a trial begins with it, once a customer. */
async function subscribe(
  ctx: Context,
  { plan, caller, customerId, carried }: Page,
  { email, name }: { email: string; name: string },
): Promise<string> {
  const { customer: _, ...addresses } = carried
  const who =
    customerId === null
      ? { customer: { email, ...(!isBlank(name) && { name: name.trim() }) } }
      : { customer_uuid: customerId }
  const body = { ...who, ...addresses, subscription_plan_uuid: plan.id, is_trial: true }
  const full = await payments.create(ctx, caller, body, null)
  tellSubscriber(ctx, caller, full)
  return paymentRequests.checkoutUrl(ctx, full.request.id)
}

async function show(
  visit: Visit,
  { plan, caller, customerId, carried }: Page,
  notice: SubscribeView['notice'],
  typed = { email: '', name: '' },
  status = 200,
) {
  const shown = { caller, full: { request: { logo: null } } }
  const view: SubscribeView = {
    language: visit.language,
    nonce: visit.nonce,
    envMode: caller.envMode,
    business: sellerOf(shown),
    currency: plan.currency,
    plan: planOf(plan, { is_trial: plan.trial_period !== null, extend_subscription_by: null }),
    action: `/subscribe/${plan.link_id}`,
    isOpen: notice === null || notice === 'wrongEmail',
    asksWho: customerId === null,
    ...typed,
    carried: carried as Record<string, string>,
    notice,
  }
  return await send(visit, shown, status, subscribePage(view))
}

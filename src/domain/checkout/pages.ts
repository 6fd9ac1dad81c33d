import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { renderSVG } from 'uqr'
import { type Language, languageOf } from '../../../web/checkout/language.ts'
import { messagePage } from '../../../web/checkout/message.ts'
import { checkoutPage } from '../../../web/checkout/page.ts'
import { contentSecurityPolicy } from '../../../web/checkout/policy.ts'
import { receiptPage } from '../../../web/checkout/receipt.ts'
import { sharePage } from '../../../web/checkout/share.ts'
import type {
  CheckoutState,
  MessageKind,
  MessageView,
  PaymentView,
  PlanView,
  Seller,
} from '../../../web/checkout/view.ts'
import type { Context } from '../../platform/context.ts'
import { ApiError } from '../../platform/errors.ts'
import type { Http } from '../../platform/http.ts'
import { formatFullAmount } from '../../platform/money.ts'
import { newNonce, sendPage } from '../../platform/page.ts'
import { appendQuery } from '../../platform/query.ts'
import type { Business } from '../businesses/schema.ts'
import * as paymentRequests from '../payment-requests/service.ts'
import { type PlanRow, periodDaysOf } from '../subscription-plans/schema.ts'
import * as checkout from './service.ts'

/**
 * The pages for buyers. The token in the address is the only key; what a page shows is what the server knows, and the
 * browser's word changes nothing.
 */

/** One answer of a page: whose language, which nonce, who may frame it. */
export interface Visit {
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  readonly language: Language
  readonly nonce: string
}

export const visitOf = (request: FastifyRequest, reply: FastifyReply): Visit => ({
  request,
  reply,
  language: languageOf(request.headers['accept-language']),
  nonce: newNonce(),
})

/** Looks at 2 s each before the page leaves it to the payer. */
const looksMax = 30
const lookQuery = Type.Object({ look: Type.Optional(Type.String({ pattern: '^\\d{1,3}$' })) })

const tokenParams = Type.Object({ token: Type.String() })

export function checkoutPages(app: Http, ctx: Context): void {
  const options = { schema: { hide: true, params: tokenParams }, errorHandler: showError }

  app.get('/checkout/:token', options, async (request, reply) => {
    const visit = visitOf(request, reply)
    const session = await checkout.open(ctx, request.params.token)
    const { successUrl, failureUrl } = addressesOf(session)
    const view = {
      ...paymentOf(visit, session),
      token: request.params.token,
      channels: await checkout.offeredChannels(ctx, session),
      state: (await checkout.stateOf(ctx, session)) as CheckoutState,
      successUrl,
      failureUrl,
    }
    return await send(visit, session, 200, checkoutPage(view))
  })

  app.get('/checkout/:token/success', options, async (request, reply) => {
    const visit = visitOf(request, reply)
    const session = await checkout.open(ctx, request.params.token)
    const { request: payment, lastTransaction: last } = session.full
    // This address is a signal of success to native apps: nobody sees it for what is not paid.
    if (payment.status !== 'successful') return reply.redirect(`/checkout/${request.params.token}`, 303)
    const { attempt } = await checkout.stateOf(ctx, session)
    const view = {
      ...paymentOf(visit, session),
      channelName: attempt?.channelName ?? null,
      paidAt: last?.updated_at ?? payment.updated_at,
      returnUrl: addressesOf(session).successUrl,
    }
    return await send(visit, session, 200, receiptPage(view))
  })

  const returned = { ...options, schema: { ...options.schema, querystring: lookQuery } }
  app.get('/checkout/:token/returned', returned, async (request, reply) => {
    const visit = visitOf(request, reply)
    const { token } = request.params
    await checkout.check(ctx, await checkout.open(ctx, token))
    const session = await checkout.open(ctx, token)
    const kind = kindOf(session)
    const looks = Number(request.query.look ?? 0)
    const again =
      kind === 'confirming' || kind === 'processing' ? `/checkout/${token}/returned?look=${looks + 1}` : null
    const view = {
      ...messageOf(visit, session, kind),
      refreshTo: looks < looksMax ? again : null,
      link:
        again && looks >= looksMax
          ? { href: again, to: 'look_again' as const }
          : { href: `/checkout/${token}`, to: 'checkout' as const },
      isWindow: true,
    }
    return await send(visit, session, 200, messagePage(view))
  })
  sharedPage(app, ctx)
}

/** The link for sharing, with its code to scan. */
function sharedPage(app: Http, ctx: Context): void {
  const options = { schema: { hide: true, params: Type.Object({ ref: Type.String() }) }, errorHandler: showError }
  app.get('/pay/:ref', options, async (request, reply) => {
    const visit = visitOf(request, reply)
    const token = await checkout.tokenOf(ctx, request.params.ref)
    const session = await checkout.open(ctx, token)
    const shareUrl = paymentRequests.payUrl(ctx, session.full.request.ref)
    const kind = kindOf(session)
    if (kind !== 'confirming' && kind !== 'not_done') {
      return await send(visit, session, 200, messagePage(messageOf(visit, session, kind)))
    }
    const qrSvg = renderSVG(shareUrl, { border: 2 })
    const view = { ...paymentOf(visit, session), checkoutUrl: `/checkout/${token}`, shareUrl, qrSvg }
    return await send(visit, session, 200, sharePage(view))
  })
}

export const sellerOf = ({ caller: { business }, full: { request } }: Shown): Seller => ({
  name: business.name,
  logo: request.logo ?? business.logo,
})

function paymentOf(visit: Visit, session: checkout.Session): PaymentView {
  const { request } = session.full
  return {
    language: visit.language,
    nonce: visit.nonce,
    envMode: request.env_mode,
    business: sellerOf(session),
    amount: checkout.amountOf(session),
    currency: request.currency,
    description: request.description,
    reference: request.ref,
    plan: session.plan && planOf(session.plan, request),
  }
}

/** What is told of a plan beside its payment: a trial or a first charge where this payment is one. */
export const planOf = (
  plan: PlanRow,
  payment: { is_trial: boolean; extend_subscription_by: number | null },
): PlanView => ({
  name: plan.name,
  interval: plan.interval,
  intervalCount: plan.interval_count ?? 1,
  periodDays: periodDaysOf(plan),
  amount: formatFullAmount(plan.amount_minor, plan.currency),
  trialDays: payment.is_trial ? plan.trial_period : null,
  initialAmount:
    plan.initial_amount_minor === null || payment.is_trial || payment.extend_subscription_by !== null
      ? null
      : formatFullAmount(plan.initial_amount_minor, plan.currency),
})

/** The merchant's addresses, with what they need to find the payment again. They prove nothing. */
function addressesOf({ caller: { business }, full: { request } }: checkout.Session) {
  const withRef = (address: string | null) => {
    if (address === null) return null
    const { ref, reference } = request
    return appendQuery(address, { payment_request_ref: ref, ...(reference !== null && { reference }) })
  }
  return {
    successUrl: withRef(request.success_redirect_url ?? business.defaultRedirectUrl),
    failureUrl: withRef(request.failure_redirect_url ?? business.defaultRedirectUrl),
  }
}

function messageOf(visit: Visit, session: checkout.Session, kind: MessageKind): MessageView {
  const { language, nonce } = visit
  return { language, nonce, kind, payment: paymentOf(visit, session), link: null, refreshTo: null, isWindow: false }
}

/** How it stands, in a word; what can still be paid is `confirming` while an attempt is undecided, `processing` while its money is on its way. */
function kindOf({ full: { request, lastTransaction: last } }: checkout.Session): MessageKind {
  if (request.status === 'successful') return 'paid'
  if (request.status === 'expired' || request.status === 'cancelled' || request.status === 'failed')
    return request.status
  if (last?.status === 'processing') return 'processing'
  return last?.status === 'pending' || last?.status === 'unknown' ? 'confirming' : 'not_done'
}

/** A page of words instead of JSON; whoever called with a script gets the API's own form elsewhere. */
export async function showError(error: Error, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const visit = visitOf(request, reply)
  const status = error instanceof ApiError ? error.row.status : 500
  if (status >= 500) request.log.error({ error: error.stack }, 'a page failed')
  if (error instanceof ApiError) reply.headers(error.headers)
  const kind = status === 404 ? 'unknown' : status === 429 ? 'too_many' : 'broken'
  const { language, nonce } = visit
  const view = { language, nonce, kind, payment: null, link: null, refreshTo: null, isWindow: false } as const
  return await send(visit, null, status, messagePage(view))
}

/** In test mode every site may frame the page; live, the business's own. */
function frameAncestors(business: Business | null): string {
  if (!business) return "'none'"
  if (business.envMode === 'test') return '*'
  const own = business.defaultRedirectUrl === null ? [] : [new URL(business.defaultRedirectUrl).origin]
  return ["'self'", ...business.allowedDomains, ...own].join(' ')
}

/** Whose page it is. */
export interface Shown {
  readonly caller: Pick<checkout.Session['caller'], 'business'>
  readonly full: { readonly request: { readonly logo: string | null } }
}

/** `session`: whose payment the page shows; null where it shows none. */
export async function send(visit: Visit, session: Shown | null, status: number, html: string): Promise<FastifyReply> {
  const { request, reply, nonce } = visit
  const business = session?.caller.business ?? null
  const policy = {
    nonce,
    envMode: business?.envMode ?? 'live',
    business: session && sellerOf(session),
    frameAncestors: frameAncestors(business),
  }
  return await sendPage(request, reply, {
    status,
    html,
    language: visit.language,
    contentSecurityPolicy: contentSecurityPolicy(policy),
    referrerPolicy: 'strict-origin-when-cross-origin',
  })
}

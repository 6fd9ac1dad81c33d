import { after, dayMs, hourMs } from '../../platform/clock.ts'
import type { Context } from '../../platform/context.ts'
import { inTransaction } from '../../platform/db.ts'
import { notFound } from '../../platform/errors.ts'
import { type IdempotencyClaim, noteMade } from '../../platform/idempotency.ts'
import { newId } from '../../platform/ids.ts'
import { readSignedId, signId } from '../../platform/signed.ts'
import type { Business } from '../businesses/schema.ts'
import { auditBy, type Caller, find as findBusiness, isStranger, linkActor, nowOf } from '../businesses/service.ts'
import { type Customer, fullName } from '../customers/schema.ts'
import * as customers from '../customers/service.ts'
import { queueMail } from '../mails/service.ts'
import * as paymentMethods from '../payment-methods/service.ts'
import type { FullRequest } from '../payment-requests/schema.ts'
import * as paymentRequests from '../payment-requests/service.ts'
import * as payments from '../payments/service.ts'
import * as plans from '../subscription-plans/service.ts'
import type { FullSubscription } from '../subscriptions/schema.ts'
import * as subscriptions from '../subscriptions/service.ts'
import type { CreatePortalLink, PortalLink } from './schema.ts'
import * as store from './store.ts'

/**
 * A customer's own page, opened by a link that the business makes. Its token names one row, which is bound to one
 * customer, and so to one business and mode; it is the only authority: there are no cookies, and nothing that a browser
 * sends beside it is believed.
 */

/** In real time: long enough to read a mail and act on it, too short to be found later in somebody's history. */
const lifetimeMs = hourMs
const lifetimeWords = '1 hour'
/** Until then a link that has ended still says whose it was. */
const rememberedMs = 30 * dayMs

const purpose = 'portal'
export const pathOf = (ctx: Context, link: Pick<PortalLink, 'id'>): string =>
  `/portal/${signId(ctx.secrets, purpose, link.id)}`

export interface MadeLink {
  link: string
  expiresAt: Date
}

/** A link to the page of one customer, mailed to them where `send` says so. Throws 404. */
export async function createLink(
  ctx: Context,
  caller: Caller,
  customerUuid: string,
  body: CreatePortalLink,
  claim: IdempotencyClaim | null,
): Promise<MadeLink> {
  const made = claim?.resumes ? await store.findMaybe(ctx.db, claim.resumes) : undefined
  const link = made ?? (await insertLink(ctx, caller, await customers.find(ctx, caller, customerUuid), body, claim))
  return { link: ctx.baseUrl + pathOf(ctx, link), expiresAt: link.expires_at }
}

async function insertLink(
  ctx: Context,
  caller: Caller,
  customer: Customer,
  body: CreatePortalLink,
  claim: IdempotencyClaim | null,
): Promise<PortalLink> {
  const now = ctx.clock.now()
  const { businessId, envMode } = caller
  const link = linkFor(ctx, caller, customer, body.return_url ?? null)
  await inTransaction(ctx.db, async (tx) => {
    await store.insert(tx, link, now)
    if (body.send) {
      const portalUrl = ctx.baseUrl + pathOf(ctx, link)
      await queueMail(tx, ctx.secrets, {
        businessId,
        envMode,
        to: customer.email,
        customerId: customer.id,
        template: 'portal_link',
        data: { customerName: fullName(customer), portalUrl, validFor: lifetimeWords },
        dedupeKey: `portal_link/${link.id}`,
        now: nowOf(ctx, caller.business),
      })
    }
    await auditBy(tx, caller, 'portal_link.created', { id: link.id, is_mailed: Boolean(body.send) }, now, customer.id)
    await noteMade(tx, claim, link.id)
  })
  return link
}

const linkFor = (ctx: Context, caller: Caller, customer: Customer, returnUrl: string | null): PortalLink => ({
  id: newId(),
  business_id: caller.businessId,
  env_mode: caller.envMode,
  customer_id: customer.id,
  return_url: returnUrl,
  expires_at: after(ctx.clock.now(), lifetimeMs),
})

/**
 * Whoever is subscribed to the plan that a stranger's payment request names is told so, by mail alone: no answer shows
 * it. At most one mail a day, and after the answer, so that its time shows nothing either. A mail that is lost with its
 * process loses nothing else: such a payment goes back.
 */
export function tellSubscriber(ctx: Context, caller: Caller, full: FullRequest): void {
  const { subscription_plan_id: planId, extend_subscription_by } = full.request
  if (planId === null || extend_subscription_by !== null || !isStranger(caller.actor.kind)) return
  mailSubscriber(ctx, caller, full.customer, planId).catch((error: unknown) => {
    ctx.log.warn({ error: String(error), request: full.request.id }, 'a subscriber could not be told')
  })
}

async function mailSubscriber(ctx: Context, caller: Caller, customer: Customer, planId: string): Promise<void> {
  const plan = await plans.load(ctx.db, planId)
  if (!plan.send_subscription_mails || !caller.business.sendSubscriptionMails) return
  const { businessId, envMode } = caller
  const [now, link] = [ctx.clock.now(), linkFor(ctx, caller, customer, null)]
  await inTransaction(ctx.db, async (tx) => {
    if (!(await plans.isSubscribed(tx, caller, planId, customer.id))) return
    const portalUrl = ctx.baseUrl + pathOf(ctx, link)
    const isQueued = await queueMail(tx, ctx.secrets, {
      businessId,
      envMode,
      to: customer.email,
      customerId: customer.id,
      template: 'subscribed_already',
      data: { customerName: fullName(customer), planName: plan.name, portalUrl, validFor: lifetimeWords },
      dedupeKey: `subscribed_already/${customer.id}/${planId}/${now.toISOString().slice(0, 10)}`,
      now: nowOf(ctx, caller.business),
    })
    if (isQueued) await store.insert(tx, link, now)
  })
}

/** What an open link lets its holder do, and as whom. */
export interface Session {
  readonly caller: Caller
  readonly customer: Customer
  readonly link: PortalLink
  /** `/portal/<token>` */
  readonly base: string
}

/** `expired`: a link of ours that was good once; whom to ask for a new one is no secret to its holder. */
export type Opened =
  | { readonly kind: 'open'; readonly session: Session }
  | { readonly kind: 'expired'; readonly business: Business }
  | { readonly kind: 'unknown' }

/** `unknown`: altered, forged, another purpose's, long over, or of a customer who is gone. */
export async function open(ctx: Context, token: string, address: string): Promise<Opened> {
  const id = readSignedId(ctx.secrets, purpose, token)
  const link = id === null ? undefined : await store.findMaybe(ctx.db, id)
  if (!link) return { kind: 'unknown' }
  const business = await findBusiness(ctx, link.business_id, link.env_mode)
  if (link.expires_at <= ctx.clock.now()) return { kind: 'expired', business }
  const { business_id: businessId, env_mode: envMode } = link
  const caller: Caller = { actor: linkActor(`${purpose}/${link.id}`, address), businessId, envMode, business }
  const customer = await customers.findMaybe(ctx, caller, link.customer_id)
  if (!customer) return { kind: 'unknown' }
  return { kind: 'open', session: { caller, customer, link, base: pathOf(ctx, link) } }
}

/**
 * A request that saves a card, paid on its checkout page; gives that page's address. The customer comes back to `path`.
 * `paysFor`: the subscription that it is added for. Throws 404, what routing refuses, and
 * `OPERATION_NOT_SUPPORTED_BY_CHANNEL`.
 */
export async function addCard(ctx: Context, session: Session, path: string, paysFor: string | null): Promise<string> {
  const { caller, customer } = session
  const one = paysFor === null ? await newestSubscription(ctx, session) : await findSubscription(ctx, session, paysFor)
  const back = ctx.baseUrl + path
  const { request } = await payments.createSaveMethod(ctx, caller, {
    customer_uuid: customer.id,
    success_redirect_url: back,
    failure_redirect_url: back,
    // A channel that takes the currency of what the card shall pay for.
    ...(one && { currency: one.plan.currency }),
  })
  return paymentRequests.checkoutUrl(ctx, request.id)
}

const newestSubscription = async (ctx: Context, { caller, customer }: Session) =>
  (await subscriptions.list(ctx, caller, { customerId: customer.id }, { number: 1, size: 1, offset: 0 })).rows[0]

/** A second press of the button finds it removed: that is what was wanted. Throws 404 for what never was theirs. */
export async function removeCard(ctx: Context, { caller, customer }: Session, uuid: string): Promise<void> {
  try {
    await paymentMethods.remove(ctx, caller, customer.id, uuid)
  } catch (error) {
    if (!(await paymentMethods.isRemoved(ctx, caller, customer.id, uuid))) throw error
  }
}

/**
 * Ends with what is paid for, or at once where nothing is. A second press of the button finds it cancelled: that is what
 * was wanted. Throws 404 for any but their own.
 */
export async function cancelSubscription(ctx: Context, session: Session, uuid: string): Promise<void> {
  const isAsked = async () => {
    const { subscription } = await findSubscription(ctx, session, uuid)
    return subscription.cancels_at !== null || subscription.status === 'cancelled'
  }
  if (await isAsked()) return
  try {
    await subscriptions.cancel(ctx, session.caller, uuid, false)
  } catch (error) {
    if (!(await isAsked())) throw error
  }
}

/** Takes the cancellation back. Throws 404, `SUBSCRIPTION_STATE` once it has ended. */
export async function keepSubscription(ctx: Context, session: Session, uuid: string): Promise<void> {
  await findSubscription(ctx, session, uuid)
  await subscriptions.keep(ctx, session.caller, uuid)
}

/**
 * Another card from the next charge on; what is past due is charged to it at once. The card that it has already changes
 * nothing, so that a second press of the button is no second try. Throws 404 for any but their own,
 * `PAYMENT_METHOD_NOT_REUSABLE`, `SUBSCRIPTION_STATE`.
 */
export async function changeCard(ctx: Context, session: Session, uuid: string, cardUuid: string): Promise<void> {
  const { subscription } = await findSubscription(ctx, session, uuid)
  const card = await paymentMethods.find(ctx, session.caller, session.customer.id, cardUuid)
  if (subscription.payment_method_id === card.id) return
  await subscriptions.update(ctx, session.caller, uuid, { payment_method_uuid: card.id })
}

/** Throws 404 for any but their own. */
export async function findSubscription(ctx: Context, session: Session, uuid: string): Promise<FullSubscription> {
  const full = await subscriptions.find(ctx, session.caller, uuid)
  if (full.customer.id !== session.customer.id) throw notFound('subscription')
  return full
}

export async function forgetEndedLinks(ctx: Context): Promise<number> {
  return await store.forgetEnded(ctx.db, after(ctx.clock.now(), -rememberedMs))
}

import { after, dayMs, hourMs } from '../../platform/clock.ts'
import type { Context } from '../../platform/context.ts'
import { inTransaction } from '../../platform/db.ts'
import { type IdempotencyClaim, noteMade } from '../../platform/idempotency.ts'
import { newId } from '../../platform/ids.ts'
import { readSignedId, signId } from '../../platform/signed.ts'
import type { Business } from '../businesses/schema.ts'
import { type Caller, find as findBusiness, nowOf } from '../businesses/service.ts'
import { type Customer, fullName } from '../customers/schema.ts'
import * as customers from '../customers/service.ts'
import { queueMail } from '../mails/service.ts'
import * as paymentMethods from '../payment-methods/service.ts'
import * as paymentRequests from '../payment-requests/service.ts'
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
  const link: PortalLink = {
    id: newId(),
    business_id: businessId,
    env_mode: envMode,
    customer_id: customer.id,
    return_url: body.return_url ?? null,
    expires_at: after(now, lifetimeMs),
  }
  await inTransaction(ctx.db, async (tx) => {
    await store.insert(tx, link, now)
    if (body.send) {
      const portalUrl = ctx.baseUrl + pathOf(ctx, link)
      await queueMail(tx, {
        businessId,
        envMode,
        to: customer.email,
        template: 'portal_link',
        data: { customerName: fullName(customer), portalUrl, validFor: lifetimeWords },
        dedupeKey: `portal_link/${link.id}`,
        now: nowOf(ctx, caller.business),
      })
    }
    await noteMade(tx, claim, link.id)
  })
  return link
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
export async function open(ctx: Context, token: string): Promise<Opened> {
  const id = readSignedId(ctx.secrets, purpose, token)
  const link = id === null ? undefined : await store.findMaybe(ctx.db, id)
  if (!link) return { kind: 'unknown' }
  const business = await findBusiness(ctx, link.business_id, link.env_mode)
  if (link.expires_at <= ctx.clock.now()) return { kind: 'expired', business }
  const caller = { businessId: link.business_id, envMode: link.env_mode, business, keyId: purpose }
  const customer = await customers.findMaybe(ctx, caller, link.customer_id)
  if (!customer) return { kind: 'unknown' }
  return { kind: 'open', session: { caller, customer, link, base: pathOf(ctx, link) } }
}

/**
 * A request that saves a card, paid on its checkout page; gives that page's address. The customer comes back to `path`.
 * `currency`: of what the card shall pay for, where that is known. Throws 030 to 036.
 */
export async function addCard(
  ctx: Context,
  { caller, customer }: Session,
  path: string,
  currency: string | null,
): Promise<string> {
  const back = ctx.baseUrl + path
  const request = await paymentRequests.createSaveMethod(ctx, caller, {
    customer_uuid: customer.id,
    success_redirect_url: back,
    failure_redirect_url: back,
    ...(currency && { currency }),
  })
  return paymentRequests.checkoutUrl(ctx, request.request.id)
}

/** A second press of the button finds it removed: that is what was wanted. Throws 404 for what never was theirs. */
export async function removeCard(ctx: Context, { caller, customer }: Session, uuid: string): Promise<void> {
  try {
    await paymentMethods.remove(ctx, caller, customer.id, uuid)
  } catch (error) {
    if (!(await paymentMethods.isRemoved(ctx, caller, customer.id, uuid))) throw error
  }
}

export async function forgetEndedLinks(ctx: Context): Promise<number> {
  return await store.forgetEnded(ctx.db, after(ctx.clock.now(), -rememberedMs))
}

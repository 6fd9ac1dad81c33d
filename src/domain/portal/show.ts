import type { CardView, Notice, PortalView, SubscriptionView, VisitView } from '../../../web/portal/view.ts'
import { findChannel } from '../../channels/index.ts'
import type { Context } from '../../platform/context.ts'
import { formatFullAmount } from '../../platform/money.ts'
import { nowOf } from '../businesses/service.ts'
import { fullName } from '../customers/schema.ts'
import { type PaymentMethod, statusOf } from '../payment-methods/schema.ts'
import * as paymentMethods from '../payment-methods/service.ts'
import { periodDaysOf } from '../subscription-plans/schema.ts'
import type { FullSubscription } from '../subscriptions/schema.ts'
import * as subscriptions from '../subscriptions/service.ts'
import { findSubscription, type Session } from './service.ts'

/** What the pages show, read for one session: its own customer's, and nothing else. */

/** More than anybody keeps; what is beyond it shows when newer ones are removed. */
const cardsMax = 50

export function cardOf(method: PaymentMethod, now: Date): CardView {
  const status = statusOf(method, now)
  return {
    uuid: method.id,
    brand: method.brand,
    last4: method.last4,
    expMonth: method.exp_month,
    expYear: method.exp_year,
    channelName: findChannel(method.payment_channel_slug).displayName,
    isDefault: method.is_default,
    status: status === 'active' && !method.reusable ? 'unusable' : status,
  }
}

export async function listCards(ctx: Context, { caller, customer }: Session): Promise<CardView[]> {
  const { rows } = await paymentMethods.list(ctx, caller, customer.id, { number: 1, size: cardsMax, offset: 0 })
  return rows.map((row) => cardOf(row, nowOf(ctx, caller.business)))
}

/** Throws 404 for any but their own. */
export async function findCard(ctx: Context, { caller, customer }: Session, uuid: string): Promise<CardView> {
  return cardOf(await paymentMethods.find(ctx, caller, customer.id, uuid), nowOf(ctx, caller.business))
}

/** Of the cards of a customer, the one that a renewal charges: its own, or the default where that is gone. */
const cardFor = ({ method }: FullSubscription, cards: readonly CardView[]): CardView | null =>
  cards.find((card) => (method ? card.uuid === method.id : card.isDefault)) ?? null

async function subscriptionOf(
  ctx: Context,
  { caller }: Session,
  full: FullSubscription,
  cards: readonly CardView[],
): Promise<SubscriptionView> {
  const { subscription: row, plan } = full
  const overdue = await subscriptions.findMaybeOverdue(ctx, caller, full)
  const card = cardFor(full, cards)
  // Where its card is refused for good, or there is none, nothing is charged: the link alone pays.
  const retryAt = card?.status === 'active' ? (overdue?.retryAt ?? null) : null
  const goesOn = row.ended_at === null && row.cancels_at === null
  return {
    uuid: row.id,
    planName: plan.name,
    amount: formatFullAmount(plan.amount_minor, plan.currency),
    currency: plan.currency,
    interval: plan.interval,
    intervalCount: plan.interval_count ?? 1,
    periodDays: periodDaysOf(plan),
    timeZone: plan.time_zone,
    status: row.status,
    periodEndsAt: row.current_period_end,
    cancelsAt: row.cancels_at,
    endedAt: row.ended_at,
    overdue: overdue && { ...overdue, retryAt, amount: formatFullAmount(overdue.amountMinor, overdue.currency) },
    card,
    canCancel: goesOn,
    canKeep: row.ended_at === null && row.cancels_at !== null && row.cancels_at > nowOf(ctx, caller.business),
    canChangeCard: goesOn,
  }
}

/** One of the customer's, with their cards. Throws 404 for any but their own. */
export async function findOne(ctx: Context, session: Session, uuid: string) {
  const full = await findSubscription(ctx, session, uuid)
  const cards = await listCards(ctx, session)
  const { subscription, openRef } = full
  // Otherwise nothing is paid for, or the next period is being charged: then it ends at once.
  const isPaid = (subscription.status === 'active' || subscription.status === 'trialing') && openRef === null
  return {
    subscription: await subscriptionOf(ctx, session, full, cards),
    cards,
    endsAt: isPaid ? subscription.current_period_end : null,
  }
}

/** More than one page of them is for those who subscribe and cancel a lot. */
const subscriptionsAPage = 20

/** Names of the plans whose renewals charge this card; of the newest subscriptions. */
export async function plansPaidBy(ctx: Context, session: Session, card: CardView): Promise<string[]> {
  const { rows } = await listSubscriptions(ctx, session, 1)
  const cards = [card]
  const paid = rows.filter((full) => full.subscription.ended_at === null && cardFor(full, cards)?.uuid === card.uuid)
  return paid.map(({ plan }) => plan.name)
}

const listSubscriptions = (ctx: Context, { caller, customer }: Session, number: number) =>
  subscriptions.list(
    ctx,
    caller,
    { customerId: customer.id },
    { number, size: subscriptionsAPage, offset: (number - 1) * subscriptionsAPage },
  )

/** What the address says: which page, what was done and of what. It is told only where the page shows that it is so. */
export interface Asked {
  readonly page?: string
  readonly done?: string
  readonly of?: string
}

export async function portalOf(ctx: Context, session: Session, visit: VisitView, asked: Asked): Promise<PortalView> {
  const number = /^[1-9]\d{0,3}$/.test(asked.page ?? '') ? Number(asked.page) : 1
  const cards = await listCards(ctx, session)
  const { rows, total } = await listSubscriptions(ctx, session, number)
  const list = await Promise.all(rows.map((full) => subscriptionOf(ctx, session, full, cards)))
  const { customer, link, base } = session
  return {
    ...visit,
    customer: fullName(customer) ?? customer.email,
    subscriptions: list,
    newer: number > 1 ? `${base}?page=${number - 1}` : null,
    older: number * subscriptionsAPage < total ? `${base}?page=${number + 1}` : null,
    cards,
    notice: noticeOf(asked, list, cards),
    returnUrl: link.return_url,
    expiresAt: link.expires_at,
  }
}

function noticeOf({ done, of }: Asked, list: readonly SubscriptionView[], cards: readonly CardView[]): Notice | null {
  const card = cards.find((one) => one.uuid === of)
  const subscription = list.find((one) => one.uuid === of)
  if (done === 'not_possible') return { kind: 'not_possible' }
  if (done === 'default') return card?.isDefault ? { kind: 'default', card } : null
  if (done === 'removed') return card ? null : { kind: 'removed' }
  if (!subscription) return null
  const isCancelled = subscription.cancelsAt !== null || subscription.status === 'cancelled'
  if (done === 'cancelled') return isCancelled ? { kind: 'cancelled', subscription } : null
  if (done === 'kept') return isCancelled || subscription.endedAt ? null : { kind: 'kept', subscription }
  return done === 'paid_with' && subscription.card && !subscription.overdue ? { kind: 'paid_with', subscription } : null
}

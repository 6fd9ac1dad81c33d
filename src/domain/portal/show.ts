import type { CardView, Notice, PortalView, VisitView } from '../../../web/portal/view.ts'
import { findChannel } from '../../channels/index.ts'
import type { Context } from '../../platform/context.ts'
import { nowOf } from '../businesses/service.ts'
import { fullName } from '../customers/schema.ts'
import { type PaymentMethod, statusOf } from '../payment-methods/schema.ts'
import * as paymentMethods from '../payment-methods/service.ts'
import type { Session } from './service.ts'

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

/** What the address says was done, and of what. It is told only where the page shows that it is so. */
export interface Claimed {
  readonly done?: string
  readonly of?: string
}

export async function portalOf(
  ctx: Context,
  session: Session,
  visit: VisitView,
  claimed: Claimed,
): Promise<PortalView> {
  const cards = await listCards(ctx, session)
  const { customer, link } = session
  return {
    ...visit,
    customer: fullName(customer) ?? customer.email,
    subscriptions: [],
    newer: null,
    older: null,
    cards,
    notice: noticeOf(claimed, cards),
    returnUrl: link.return_url,
    expiresAt: link.expires_at,
  }
}

function noticeOf({ done, of }: Claimed, cards: readonly CardView[]): Notice | null {
  const card = cards.find((one) => one.uuid === of)
  if (done === 'default') return card?.isDefault ? { kind: 'default', card } : null
  if (done === 'removed') return card ? null : { kind: 'removed' }
  return done === 'not_possible' ? { kind: 'not_possible' } : null
}

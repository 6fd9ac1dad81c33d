import type { Language } from '../checkout/language.ts'
import type { EnvMode, Interval, Seller } from '../checkout/view.ts'

/** What the customer's pages are given. They are pure: whoever renders them has asked and checked everything before. */

export interface VisitView {
  readonly language: Language
  /** For the page's one style; another for every answer. */
  readonly nonce: string
  readonly envMode: EnvMode
  readonly business: Seller
  /** `/portal/<token>`: every link and form of the pages begins with it. */
  readonly base: string
}

export interface CardView {
  readonly uuid: string
  readonly brand: string | null
  readonly last4: string | null
  readonly expMonth: number | null
  readonly expYear: number | null
  readonly channelName: string
  readonly isDefault: boolean
  /** `unusable`: no charge of it can succeed. */
  readonly status: 'active' | 'expired' | 'unusable'
}

export type SubscriptionStatus = 'trialing' | 'active' | 'past_due' | 'paused' | 'cancelled' | 'expired'

export interface SubscriptionView {
  readonly uuid: string
  readonly planName: string
  /** Of one period, in major units, with all digits of the currency. */
  readonly amount: string
  readonly currency: string
  readonly interval: Interval
  readonly intervalCount: number
  /** Days of one period, where the plan counts in days; null: by the calendar. */
  readonly periodDays: number | null
  /** IANA name: the days below are days there. */
  readonly timeZone: string
  readonly status: SubscriptionStatus
  /** Until then it is paid for, or free. */
  readonly periodEndsAt: Date
  /** Ends then instead of renewing. */
  readonly cancelsAt: Date | null
  readonly endedAt: Date | null
  /** What is owed, while a renewal is not paid. */
  readonly overdue: null | {
    readonly amount: string
    readonly currency: string
    /** When the card is charged again; null: it is not. */
    readonly retryAt: Date | null
    /** When it ends unless it is paid. */
    readonly endsAt: Date
    /** Where it can be paid now, through any channel. */
    readonly payUrl: string
  }
  /** What renewals charge; null: nothing, the customer is sent a link. */
  readonly card: CardView | null
  readonly canCancel: boolean
  /** Its cancellation can be taken back. */
  readonly canKeep: boolean
  readonly canChangeCard: boolean
}

/** What was just done, told because it is so now: never because an address says it. */
export type Notice =
  | { readonly kind: 'cancelled' | 'kept' | 'paid_with'; readonly subscription: SubscriptionView }
  | { readonly kind: 'default'; readonly card: CardView }
  | { readonly kind: 'removed' | 'not_possible' }

/** `/portal/:token`. */
export interface PortalView extends VisitView {
  /** Name, else e-mail. */
  readonly customer: string
  /** Newest first, those that go on before those that have ended. */
  readonly subscriptions: readonly SubscriptionView[]
  /** Addresses of the neighbouring pages of subscriptions; null: there is none. */
  readonly newer: string | null
  readonly older: string | null
  readonly cards: readonly CardView[]
  readonly notice: Notice | null
  /** Where the customer came from; null: nowhere to go back to. */
  readonly returnUrl: string | null
  /** When the link ends. */
  readonly expiresAt: Date
}

/** `/portal/:token/subscriptions/:uuid/cancel`: asks back first. */
export interface CancelView extends VisitView {
  readonly subscription: SubscriptionView
  /** Until when it can be used; null: it ends at once. */
  readonly endsAt: Date | null
}

/** `/portal/:token/subscriptions/:uuid/card`. */
export interface ChooseCardView extends VisitView {
  readonly subscription: SubscriptionView
  readonly cards: readonly CardView[]
}

/** `/portal/:token/cards/:uuid/remove`: asks back first. */
export interface RemoveCardView extends VisitView {
  readonly card: CardView
  /** Plans whose renewals charge it. */
  readonly paysFor: readonly string[]
}

/**
 * | kind | says |
 * | --- | --- |
 * | unknown | no such link |
 * | expired | the link was good once |
 * | missing | the link is good, but not for this |
 * | no_channel | no provider can save a card right now |
 * | too_many | wait a little |
 * | broken | our fault |
 */
export type PortalMessageKind = 'unknown' | 'expired' | 'missing' | 'no_channel' | 'too_many' | 'broken'

export interface PortalMessageView {
  readonly language: Language
  readonly nonce: string
  readonly kind: PortalMessageKind
  /** Whose page it is, where the link says it; `base` only while the link opens it. */
  readonly visit: null | (Pick<VisitView, 'envMode' | 'business'> & { readonly base: string | null })
}

import type { Language } from './language.ts'

/** What the pages are given. They are pure: whoever renders them has asked and checked everything before. */

export type EnvMode = 'test' | 'live'

export interface Seller {
  readonly name: string
  /** An http(s) or data address; null: the first letter of the name. */
  readonly logo: string | null
}

export type Interval = 'daily' | 'weekly' | 'monthly' | 'quarterly' | 'biannually' | 'annually'

/** A plan that is bought with this payment. Amounts in major units, in the payment's currency, with all its digits. */
export interface PlanView {
  readonly name: string
  readonly interval: Interval
  readonly intervalCount: number
  /** Days of one period, where the plan counts in days; null: by the calendar. */
  readonly periodDays: number | null
  readonly amount: string
  readonly trialDays: number | null
  readonly initialAmount: string | null
}

/** What is paid, as every page shows it. */
export interface PaymentView {
  readonly language: Language
  /** For the one style and the one script of the page; another for every answer. */
  readonly nonce: string
  readonly envMode: EnvMode
  readonly business: Seller
  /** Major units, decimal text with all digits of the currency; never a number, which would lose some. */
  readonly amount: string
  readonly currency: string
  readonly description: string | null
  /** `AsP-…` */
  readonly reference: string
  readonly plan: PlanView | null
}

export interface ChannelView {
  readonly slug: string
  readonly name: string
  readonly themeColor: string
  readonly isHealthy: boolean
}

export interface CheckoutView extends PaymentView {
  readonly token: string
  /** In the order in which they are offered; the default first. */
  readonly channels: readonly ChannelView[]
  readonly state: CheckoutState
  /** Where a buyer goes who came without a parent window; null: our own receipt. */
  readonly successUrl: string | null
  readonly failureUrl: string | null
}

/** `part`: some of the money is there, and is kept until the rest is. */
export type AttemptStatus =
  | 'part'
  | 'pending'
  | 'processing'
  | 'failed'
  | 'voided'
  | 'expired'
  | 'unknown'
  | 'successful'
  | 'excess'

/** What `/state` and the event stream give too. */
export interface CheckoutState {
  readonly status: 'new' | 'open' | 'successful' | 'failed' | 'expired' | 'cancelled'
  readonly attempt: null | {
    readonly channel: string
    readonly channelName: string
    readonly status: AttemptStatus
    readonly reason: string | null
    /** The provider's page, where the buyer may still go on. */
    readonly action: string | null
  }
  /** The payment request as `paymentSuccessful` hands it to the merchant's page; null until it is paid. */
  readonly paymentRequest: Readonly<Record<string, unknown>> | null
}

/** `/checkout/:token/success`. Only for what is paid: its address is a signal of success to native apps. */
export interface ReceiptView extends PaymentView {
  readonly channelName: string | null
  readonly paidAt: Date
  /** Where the buyer came from; null: nowhere to go back to. */
  readonly returnUrl: string | null
}

/** `/pay/:ref`, to be shared or shown on a screen. */
export interface ShareView extends PaymentView {
  readonly checkoutUrl: string
  /** The address that is copied, and that the code holds. */
  readonly shareUrl: string
  /** An `<svg>` element with a `viewBox`, of our own making. */
  readonly qrSvg: string
}

/**
 * | kind | says |
 * | --- | --- |
 * | unknown | no such payment link |
 * | expired, cancelled, failed, paid | how the payment ended |
 * | not_done | the buyer came back and nothing is paid |
 * | confirming | the provider has not decided yet |
 * | processing | the money is on its way |
 * | too_many | wait a little |
 * | broken | our fault |
 */
export type MessageKind =
  | 'unknown'
  | 'expired'
  | 'cancelled'
  | 'failed'
  | 'paid'
  | 'not_done'
  | 'confirming'
  | 'processing'
  | 'too_many'
  | 'broken'

export interface MessageView {
  readonly language: Language
  readonly nonce: string
  readonly kind: MessageKind
  /** What the message is about, where it is known. */
  readonly payment: Pick<PaymentView, 'envMode' | 'business' | 'amount' | 'currency' | 'reference'> | null
  readonly link: { readonly href: string; readonly to: 'checkout' | 'provider' | 'seller' | 'look_again' } | null
  /** Looks again by itself after two seconds; null: stays. */
  readonly refreshTo: string | null
  /** The page is in a window that a checkout opened: it says so and closes itself. */
  readonly isWindow: boolean
}

/** `/subscribe/:link_id`. */
export interface SubscribeView extends Pick<PaymentView, 'language' | 'nonce' | 'envMode' | 'business' | 'currency'> {
  readonly plan: PlanView
  /** Where the form goes. */
  readonly action: string
  /** False: nobody can subscribe by this page; the notice says why. */
  readonly isOpen: boolean
  /** The link does not say whose it is. */
  readonly asksWho: boolean
  readonly email: string
  readonly name: string
  /** What the form hands on unseen. */
  readonly carried: Readonly<Record<string, string>>
  readonly notice: 'planClosed' | 'wrongEmail' | 'noChannels' | null
}

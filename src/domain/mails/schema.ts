import type { EnvMode } from '../businesses/schema.ts'

/** A mail's end is any status but `queued`. */
export type MailStatus = 'queued' | 'sent' | 'failed' | 'not_sent'

/**
 * What each template shows. Sums, dates and intervals are texts that the caller formatted (`NGN 5,000`, `3 May 2026`,
 * `every 30 days`); a null part is left out. Links are absolute.
 */
export interface MailData {
  /** The subscription has begun. */
  welcome: {
    customerName: string | null
    planName: string
    /** With its interval: `NGN 5,000 every 30 days`. */
    price: string
    /** The day on which the trial ends; null: there is none. */
    trialEndsAt: string | null
    nextChargeAt: string | null
    manageUrl: string | null
  }
  /** Money came in. */
  receipt: {
    customerName: string | null
    planName: string
    amount: string
    paidAt: string
    /** The payment request's `ref`. */
    reference: string
    /** `Visa ending in 4081`. */
    paidWith: string | null
    /** `3 May 2026 to 2 June 2026`. */
    period: string | null
    nextChargeAt: string | null
    receiptUrl: string | null
  }
  /** The plan renews in some days. */
  renewal_coming: {
    customerName: string | null
    planName: string
    amount: string
    renewsAt: string
    paidWith: string | null
    manageUrl: string | null
  }
  /** A renewal was declined. */
  payment_failed: {
    customerName: string | null
    planName: string
    amount: string
    reason: string | null
    /** When the saved method is tried again; null: it is not. */
    retryAt: string | null
    /** When the subscription ends unless it is paid. */
    endsAt: string | null
    /** Where it can be paid through any channel. */
    payUrl: string
  }
  /** The subscription ends, or has ended. */
  cancelled: {
    customerName: string | null
    planName: string
    /** `asked`: somebody cancelled it. `unpaid`: every try to renew it failed. */
    why: 'asked' | 'unpaid'
    /** Until when it can be used; null: it is over now. */
    endsAt: string | null
    resubscribeUrl: string | null
  }
  /** Somebody asked to subscribe with the address of a subscriber: told to nobody but them. */
  subscribed_already: {
    customerName: string | null
    planName: string
    portalUrl: string
    /** `30 minutes`. */
    validFor: string
  }
  /** The customer's own page, where a subscription can be seen and changed. */
  portal_link: {
    customerName: string | null
    portalUrl: string
    /** `30 minutes`. */
    validFor: string
  }
}

export type MailTemplate = keyof MailData

/** A template with its own data: the wrong pair does not compile. */
export type MailContent = { [Template in MailTemplate]: { template: Template; data: MailData[Template] } }[MailTemplate]

export type NewMail = MailContent & {
  businessId: string
  envMode: EnvMode
  to: string
  /** Whose it is, so that it can be blanked with them. */
  customerId?: string
  /** What the mail tells of, unique in business and mode: `receipt/<period id>`. At most 255 characters. */
  dedupeKey: string
  /** The business's time, for the record. */
  now: Date
}

interface MailHead {
  id: string
  businessId: string
  envMode: EnvMode
  recipient: string
  /** Tries so far, the one under way included. */
  attempts: number
}

export type MailRow = MailContent & MailHead
/** As it lies in the database: what the template shows is unreadable there. */
export type SealedMailRow = MailHead & { template: MailTemplate; dataSealed: Buffer; leasedUntil: Date }

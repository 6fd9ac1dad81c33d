import { DateTime } from 'luxon'
import type { Context } from '../../platform/context.ts'
import type { Tx } from '../../platform/db.ts'
import { formatFullAmount } from '../../platform/money.ts'
import type { Business } from '../businesses/schema.ts'
import { fullName } from '../customers/schema.ts'
import type { MailContent } from '../mails/schema.ts'
import { queueMail } from '../mails/service.ts'
import type { RequestRow } from '../payment-requests/schema.ts'
import * as paymentRequests from '../payment-requests/service.ts'
import { type Interval, type PlanRow, periodDaysOf } from '../subscription-plans/schema.ts'
import type { FullSubscription, PeriodRow } from './schema.ts'

/** What subscribers are written, where plan and business want it: in the transaction of what it tells of, once each. */

export interface Writing {
  readonly ctx: Context
  readonly tx: Tx
  readonly business: Business
  readonly now: Date
}

async function write({ ctx, tx, business, now }: Writing, full: FullSubscription, key: string, content: MailContent) {
  const { subscription, plan, customer } = full
  if (!plan.send_subscription_mails || !business.sendSubscriptionMails) return
  const { business_id: businessId, env_mode: envMode } = subscription
  const to = { to: customer.email, customerId: customer.id }
  await queueMail(tx, ctx.secrets, { ...content, businessId, envMode, ...to, dedupeKey: key, now })
}

const intervalWords: Record<Interval, [unit: string, times: number]> = {
  daily: ['day', 1],
  weekly: ['week', 1],
  monthly: ['month', 1],
  quarterly: ['month', 3],
  biannually: ['month', 6],
  annually: ['year', 1],
}

/** `NGN 5,000`; with all digits of the currency where there are small coins: `NGN 5,000.50`. */
function sum(amountMinor: bigint, currency: string): string {
  const [whole = '', fraction = ''] = formatFullAmount(amountMinor, currency).split('.')
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ',')
  return `${currency} ${/[1-9]/.test(fraction) ? `${grouped}.${fraction}` : grouped}`
}

function priceOf(plan: PlanRow): string {
  const days = periodDaysOf(plan)
  const [unit, times] = intervalWords[days === null ? plan.interval : 'daily']
  const count = days ?? times * (plan.interval_count ?? 1)
  return `${sum(plan.amount_minor, plan.currency)} every ${count === 1 ? unit : `${count} ${unit}s`}`
}

/** `3 May 2026`, on the plan's own calendar. */
const day = (at: Date, plan: PlanRow): string =>
  DateTime.fromJSDate(at, { zone: plan.time_zone }).setLocale('en').toFormat('d MMMM yyyy')

const methodWords = ({ method }: FullSubscription): string | null =>
  method?.last4 ? `${method.brand ?? 'Card'} ending in ${method.last4}` : null

const headOf = ({ customer, plan }: FullSubscription) => ({ customerName: fullName(customer), planName: plan.name })

export async function mailWelcome(writing: Writing, full: FullSubscription): Promise<void> {
  const { subscription, plan } = full
  const isTrial = subscription.status === 'trialing'
  await write(writing, full, `welcome/${subscription.id}`, {
    template: 'welcome',
    data: {
      ...headOf(full),
      price: priceOf(plan),
      trialEndsAt: isTrial && subscription.trial_ends_at ? day(subscription.trial_ends_at, plan) : null,
      nextChargeAt: day(subscription.current_period_end, plan),
      manageUrl: null,
    },
  })
}

export async function mailReceipt(
  writing: Writing,
  full: FullSubscription,
  request: RequestRow,
  covers: { startsAt: Date; endsAt: Date },
): Promise<void> {
  const { plan, subscription } = full
  await write(writing, full, `receipt/${request.id}`, {
    template: 'receipt',
    data: {
      ...headOf(full),
      amount: sum(request.amount_minor, request.currency),
      paidAt: day(request.updated_at, plan),
      reference: request.ref,
      paidWith: methodWords(full),
      period: `${day(covers.startsAt, plan)} to ${day(covers.endsAt, plan)}`,
      nextChargeAt: subscription.cancels_at ? null : day(subscription.current_period_end, plan),
      receiptUrl: `${paymentRequests.checkoutUrl(writing.ctx, request.id)}/success`,
    },
  })
}

export async function mailRenewalComing(writing: Writing, full: FullSubscription, number: number): Promise<void> {
  const { subscription, plan } = full
  await write(writing, full, `renewal_coming/${subscription.id}/${number}`, {
    template: 'renewal_coming',
    data: {
      ...headOf(full),
      amount: sum(plan.amount_minor, plan.currency),
      renewsAt: day(subscription.current_period_end, plan),
      paidWith: methodWords(full),
      manageUrl: null,
    },
  })
}

export interface Failure {
  period: PeriodRow
  request: RequestRow
  reason: string
  retryAt: Date | null
  endsAt: Date
}

export async function mailPaymentFailed(writing: Writing, full: FullSubscription, failure: Failure): Promise<void> {
  const { period, request, reason, retryAt, endsAt } = failure
  await write(writing, full, `payment_failed/${period.id}/${period.refusals + 1}`, {
    template: 'payment_failed',
    data: {
      ...headOf(full),
      amount: sum(request.amount_minor, request.currency),
      reason,
      retryAt: retryAt && day(retryAt, full.plan),
      endsAt: day(endsAt, full.plan),
      payUrl: paymentRequests.payUrl(writing.ctx, request.ref),
    },
  })
}

export async function mailCancelled(
  writing: Writing,
  full: FullSubscription,
  why: 'asked' | 'unpaid',
  endsAt: Date | null,
): Promise<void> {
  const { plan, subscription } = full
  // Told again where a cancellation was taken back and then asked for again; once for the same one.
  const asked = subscription.cancelled_at?.toISOString() ?? why
  const isOpen = plan.status === 'active' && plan.deleted_at === null
  await write(writing, full, `cancelled/${subscription.id}/${asked}`, {
    template: 'cancelled',
    data: {
      ...headOf(full),
      why,
      endsAt: endsAt && day(endsAt, plan),
      resubscribeUrl: isOpen ? `${writing.ctx.baseUrl}/subscribe/${plan.link_id}` : null,
    },
  })
}

import { attemptSweeps } from './domain/attempts/jobs.ts'
import { auditSweeps, clockSweeps } from './domain/businesses/jobs.ts'
import { erasureSweeps } from './domain/erasures/jobs.ts'
import { rateJobs } from './domain/exchange-rates/jobs.ts'
import { hookJobs, hookSweeps } from './domain/hooks/jobs.ts'
import { mailSweeps } from './domain/mails/jobs.ts'
import { paymentMethodSweeps } from './domain/payment-methods/jobs.ts'
import { portalSweeps } from './domain/portal/jobs.ts'
import { refundSweeps } from './domain/refunds/jobs.ts'
import { subscriptionSweeps } from './domain/subscriptions/jobs.ts'
import { webhookJobs, webhookSweeps } from './domain/webhooks/jobs.ts'
import { hourMs } from './platform/clock.ts'
import type { Context } from './platform/context.ts'
import { forgetDeadProcesses } from './platform/holder.ts'
import { forgetOldClaims } from './platform/idempotency.ts'
import type { Job, Sweep } from './platform/queue.ts'

/** Every job there is. */
export const createJobs = (ctx: Context, exchangeRatesUrl: string | null): Job<never>[] => [
  ...hookJobs(ctx),
  ...webhookJobs(ctx),
  ...rateJobs(ctx, exchangeRatesUrl),
]

/** All work that is due by a time in our own rows. */
export const createSweeps = (ctx: Context): Sweep[] => [
  ...clockSweeps(ctx),
  ...attemptSweeps(ctx),
  ...refundSweeps(ctx),
  ...subscriptionSweeps(ctx),
  ...paymentMethodSweeps(ctx),
  ...hookSweeps(ctx),
  ...webhookSweeps(ctx),
  ...mailSweeps(ctx),
  ...portalSweeps(ctx),
  ...erasureSweeps(ctx),
  ...auditSweeps(ctx),
  { name: 'idempotency.forget', everyMs: hourMs, run: () => forgetOldClaims(ctx.db, ctx.clock.now()) },
  { name: 'processes.forget', everyMs: hourMs, run: () => forgetDeadProcesses(ctx.db) },
]

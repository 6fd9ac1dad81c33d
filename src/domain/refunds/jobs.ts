import { after, secondMs } from '../../platform/clock.ts'
import type { Context } from '../../platform/context.ts'
import type { Sweep } from '../../platform/queue.ts'
import * as paymentRequests from '../payment-requests/service.ts'
import { refreshRefund, refundDue } from './service.ts'
import * as store from './store.ts'

const batch = 20
/** Longer than a channel may take to answer. */
const leaseMs = 60 * secondMs

export async function refundDueExcess(ctx: Context): Promise<number> {
  const now = ctx.clock.now()
  const due = await paymentRequests.claimExcess(ctx, now, after(now, leaseMs), batch)
  await Promise.all(due.map((attempt) => refundDue(ctx, attempt)))
  return due.length
}

export async function checkDueRefunds(ctx: Context): Promise<number> {
  const now = ctx.clock.now()
  const due = await store.claimDueRefunds(ctx.db, now, after(now, leaseMs), batch)
  await Promise.all(due.map((refund) => refreshRefund(ctx, refund)))
  return due.length
}

export const refundSweeps = (ctx: Context): Sweep[] => [
  { name: 'refunds.excess', everyMs: secondMs, run: () => refundDueExcess(ctx) },
  { name: 'refunds.check', everyMs: secondMs, run: () => checkDueRefunds(ctx) },
]

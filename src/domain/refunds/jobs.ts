import { secondMs } from '../../platform/clock.ts'
import type { Context } from '../../platform/context.ts'
import * as dueRefunds from '../attempts/due-refunds.ts'
import type { ClockedSweep } from '../clock/service.ts'
import { claimDue, type DueOf } from '../clock/service.ts'
import type { RefundRow } from './schema.ts'
import { refreshRefund, refundDue } from './service.ts'
import * as store from './store.ts'

const batch = 20
/** Longer than a channel may take to answer. */
const leaseMs = 60 * secondMs

export async function refundDueExcess(ctx: Context, of: DueOf = 'everybody'): Promise<number> {
  const due = await dueRefunds.claimExcess(ctx, { of, now: ctx.clock.now(), leaseMs, limit: batch })
  await Promise.all(due.map((attempt) => refundDue(ctx, attempt)))
  return due.length
}

/** `until`: where a test clock is being moved to. */
export async function checkDueRefunds(ctx: Context, of: DueOf = 'everybody', until?: Date): Promise<number> {
  const claim = { of, now: ctx.clock.now(), leaseMs, limit: batch }
  const due = await claimDue<RefundRow>(ctx.db, store.dueRefunds, claim)
  await Promise.all(due.map((refund) => refreshRefund(ctx, refund, until)))
  return due.length
}

export const refundSweeps = (ctx: Context): ClockedSweep[] => [
  {
    name: 'refunds.excess',
    everyMs: secondMs,
    run: () => refundDueExcess(ctx),
    clocked: { due: dueRefunds.dueExcess, run: (mode) => refundDueExcess(ctx, mode) },
  },
  {
    name: 'refunds.check',
    everyMs: secondMs,
    run: () => checkDueRefunds(ctx),
    clocked: { due: store.dueRefunds, run: (mode, until) => checkDueRefunds(ctx, mode, until) },
  },
]

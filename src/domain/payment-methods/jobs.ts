import { secondMs } from '../../platform/clock.ts'
import type { Context } from '../../platform/context.ts'
import type { ClockedSweep, DueOf } from '../clock/service.ts'
import { claimForgets, forgetAtChannel } from './service.ts'
import * as store from './store.ts'

const batch = 20
/** Longer than a channel may take to answer. */
const leaseMs = 60 * secondMs

/** Asks channels again to forget methods that were deleted here. */
export async function forgetDueMethods(ctx: Context, of: DueOf = 'everybody'): Promise<number> {
  const due = await claimForgets(ctx, { of, now: ctx.clock.now(), leaseMs, limit: batch })
  await Promise.all(due.map((method) => forgetAtChannel(ctx, method)))
  return due.length
}

export const paymentMethodSweeps = (ctx: Context): ClockedSweep[] => [
  {
    name: 'payment-methods.forget',
    everyMs: 5 * secondMs,
    run: () => forgetDueMethods(ctx),
    clocked: { due: store.dueForgets, run: (mode) => forgetDueMethods(ctx, mode) },
  },
]

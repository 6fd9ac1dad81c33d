import { minuteMs, secondMs } from '../../platform/clock.ts'
import type { Context } from '../../platform/context.ts'
import type { Job, Sweep } from '../../platform/queue.ts'
import { actOn, actOnDue, type HookJob, hookQueue, sealBodies } from './service.ts'

const batch = 20
/** Bodies may have 256 KB each, and all of a batch are in memory. */
const sealBatch = 100

export const hookJobs = (ctx: Context): Job<HookJob>[] => [
  { name: hookQueue, concurrency: 20, handle: ({ hook_id }) => actOn(ctx, hook_id) },
]

export const hookSweeps = (ctx: Context): Sweep[] => [
  { name: 'hooks.seal-bodies', everyMs: minuteMs, run: () => sealBodies(ctx, sealBatch) },
  { name: 'hooks.act-due', everyMs: 5 * secondMs, run: () => actOnDue(ctx, batch) },
]

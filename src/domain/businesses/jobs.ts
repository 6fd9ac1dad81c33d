import { secondMs } from '../../platform/clock.ts'
import type { Context } from '../../platform/context.ts'
import type { Sweep } from '../../platform/queue.ts'
import { releaseOfDead } from './clock.ts'

export const businessSweeps = (ctx: Context): Sweep[] => [
  { name: 'test-clock.release', everyMs: secondMs, run: () => releaseOfDead(ctx) },
]

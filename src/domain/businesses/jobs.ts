import { secondMs } from '../../platform/clock.ts'
import type { Context } from '../../platform/context.ts'
import type { Sweep } from '../../platform/queue.ts'
import { seal } from './audit-chain.ts'
import { releaseOfDead } from './clock.ts'

/** Until then a row that was just written can still be altered unseen. */
const sealEveryMs = 5 * secondMs

export const auditSweeps = (ctx: Context): Sweep[] => [
  { name: 'audit.seal', everyMs: sealEveryMs, run: () => seal(ctx) },
]

export const clockSweeps = (ctx: Context): Sweep[] => [
  { name: 'test-clock.release', everyMs: secondMs, run: () => releaseOfDead(ctx) },
]

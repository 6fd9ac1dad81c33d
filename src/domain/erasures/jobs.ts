import { minuteMs } from '../../platform/clock.ts'
import type { Context } from '../../platform/context.ts'
import type { Sweep } from '../../platform/queue.ts'
import { dropHookBodies, goOn } from './service.ts'

const erasuresAtOnce = 5
const bodiesAtOnce = 500

export const erasureSweeps = (ctx: Context): Sweep[] => [
  { name: 'erasures.go-on', everyMs: minuteMs, run: () => goOn(ctx, erasuresAtOnce) },
  { name: 'hooks.drop-bodies', everyMs: minuteMs, run: () => dropHookBodies(ctx, bodiesAtOnce) },
]

import { hourMs } from '../../platform/clock.ts'
import type { Context } from '../../platform/context.ts'
import type { Sweep } from '../../platform/queue.ts'
import { forgetEndedLinks } from './service.ts'

export const portalSweeps = (ctx: Context): Sweep[] => [
  { name: 'portal.forget', everyMs: hourMs, run: () => forgetEndedLinks(ctx) },
]

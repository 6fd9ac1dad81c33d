import { secondMs } from '../../platform/clock.ts'
import type { Context } from '../../platform/context.ts'
import type { Sweep } from '../../platform/queue.ts'
import { beginDue } from './service.ts'

export const mailSweeps = (ctx: Context): Sweep[] => [
  { name: 'mails.send', everyMs: secondMs, run: () => beginDue(ctx).then(() => 0) },
]

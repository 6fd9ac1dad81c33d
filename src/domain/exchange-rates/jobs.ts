import type { Context } from '../../platform/context.ts'
import type { Job } from '../../platform/queue.ts'
import { refreshRates } from './service.ts'

/** Twice a day, where a source is configured. */
export const rateJobs = (ctx: Context, url: string | null): Job<never>[] => [
  {
    name: 'exchange-rates.refresh',
    concurrency: 1,
    every: '17 5,17 * * *',
    handle: async () => {
      if (url) ctx.log.info({ rates: await refreshRates(ctx, url) }, 'exchange rates refreshed')
    },
  },
]

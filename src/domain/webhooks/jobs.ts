import { type DispatchJob, dispatchQueue } from '../../events/outbox.ts'
import { after, secondMs } from '../../platform/clock.ts'
import type { Context } from '../../platform/context.ts'
import type { Database } from '../../platform/db.ts'
import type { Job, Sweep } from '../../platform/queue.ts'
import type { EnvMode } from '../businesses/schema.ts'
import { beginDue, deliverSoon, dispatch } from './deliver.ts'
import { ensureBusinessEndpoint } from './service.ts'
import type { Owner } from './store.ts'
import * as store from './store.ts'

/** An event whose job was lost is found after this. */
const overdueMs = 15 * secondMs
const batch = 100

const ensured = new WeakMap<Database, Set<string>>()
const ensuredMax = 100_000

/** The business's own endpoint has a row before its first event is handed out; remembered, so that it costs nothing later. */
async function ensureOnce(ctx: Context, owner: Owner): Promise<void> {
  const known = ensured.get(ctx.database) ?? new Set()
  ensured.set(ctx.database, known)
  const key = `${owner.businessId}/${owner.envMode}`
  if (known.has(key)) return
  await ensureBusinessEndpoint(ctx, owner)
  if (known.size >= ensuredMax) known.clear()
  known.add(key)
}

export const webhookJobs = (ctx: Context): Job<DispatchJob>[] => [
  {
    name: dispatchQueue,
    concurrency: 20,
    handle: async ({ event_id, business_id, env_mode }) => {
      await ensureOnce(ctx, { businessId: business_id, envMode: env_mode as EnvMode })
      await dispatch(ctx, event_id)
      deliverSoon(ctx)
    },
  },
]

export const webhookSweeps = (ctx: Context): Sweep[] => [
  { name: 'webhooks.deliver', everyMs: secondMs, run: () => beginDue(ctx).then(() => 0) },
  {
    name: 'webhooks.dispatch-overdue',
    everyMs: 10 * secondMs,
    run: async () => {
      const events = await store.listUndispatched(ctx.db, after(ctx.clock.now(), -overdueMs), batch)
      for (const event of events) {
        await ensureOnce(ctx, event)
        await dispatch(ctx, event.id)
      }
      return events.length
    },
  },
]

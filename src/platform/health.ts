import { Type } from 'typebox'
import type { Context } from './context.ts'
import { sql } from './db.ts'
import { type Fault, faultOf } from './faults.ts'
import type { Http } from './http.ts'

/** Longer than a healthy database ever takes. */
const probeTimeoutMs = 2_000

/** `/health/live`: the process answers. `/health/ready`: it can do its work, else what is wrong. `/metrics`: Prometheus. */
export function healthRoutes(app: Http, ctx: Context): void {
  const schema = { hide: true }
  const probes = probesOf(ctx)
  app.get('/health/live', { schema }, async () => ({ status: 'ok' }))

  const answer = Type.Object({ status: Type.String(), checks: Type.Record(Type.String(), Type.String()) })
  app.get(
    '/health/ready',
    { schema: { hide: true, response: { 200: answer, 503: answer } } },
    async (_request, reply) => {
      const [database, jobs] = await Promise.all([probe(probes.database()), probe(probes.jobs())])
      const checks = { database, jobs }
      const ready = Object.values(checks).every((check) => check === 'ok')
      if (!ready) reply.header('retry-after', '2')
      return reply.code(ready ? 200 : 503).send({ status: ready ? 'ok' : 'unavailable', checks })
    },
  )

  app.get('/metrics', { schema }, async (_request, reply) => {
    ctx.metrics.poolWaiting.set(ctx.database.pool.waitingCount)
    return reply.type(ctx.metrics.registry.contentType).send(await ctx.metrics.registry.metrics())
  })
}

/**
 * What the database is asked: whether a commit gets through, and whether the jobs' tables answer. However often anybody
 * asks, one question of each is under way: one that hangs holds one connection.
 */
const probesOf = (ctx: Context) => ({
  database: oneAtATime(() => ctx.holder.beat(ctx.db)),
  jobs: oneAtATime(() => sql`select 1 from jobs.queue limit 1`.execute(ctx.database.jobs)),
})

function oneAtATime(work: () => Promise<unknown>): () => Promise<unknown> {
  let running: Promise<unknown> | undefined
  return () => {
    running ??= work().finally(() => {
      running = undefined
    })
    return running
  }
}

/** Anyone may ask, and a message may hold the database's address, name or user: words of ours alone. */
const words: Record<Fault, string> = {
  away: 'cannot be reached',
  read_only: 'takes no writes',
  conflict: 'fails',
  too_slow: 'is too slow',
  locked: 'is locked',
}

function wordsOf(error: unknown): string {
  if (error === silence) return 'does not answer'
  const fault = faultOf(error)
  return fault === null ? 'fails' : words[fault]
}

const silence = new Error('does not answer')

async function probe(work: Promise<unknown>): Promise<string> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(silence), probeTimeoutMs)
  })
  try {
    await Promise.race([work, timeout])
    return 'ok'
  } catch (error) {
    return wordsOf(error)
  } finally {
    clearTimeout(timer)
  }
}

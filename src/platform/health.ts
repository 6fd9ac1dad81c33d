import { Type } from 'typebox'
import type { Context } from './context.ts'
import { sql } from './db.ts'
import type { Http } from './http.ts'

/** Longer than a healthy database ever takes. */
const probeTimeoutMs = 2_000

/** `/health/live`: the process answers. `/health/ready`: it can do its work, else what is wrong. `/metrics`: Prometheus. */
export function healthRoutes(app: Http, ctx: Context): void {
  const schema = { hide: true }
  app.get('/health/live', { schema }, async () => ({ status: 'ok' }))

  const answer = Type.Object({ status: Type.String(), checks: Type.Record(Type.String(), Type.String()) })
  app.get(
    '/health/ready',
    { schema: { hide: true, response: { 200: answer, 503: answer } } },
    async (_request, reply) => {
      const checks = { database: await probeDatabase(ctx), jobs: await probeJobs(ctx) }
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

const probeDatabase = (ctx: Context) => probe(sql`select 1 from businesses limit 1`.execute(ctx.db))
const probeJobs = (ctx: Context) => probe(sql`select 1 from jobs.queue limit 1`.execute(ctx.db))

/** Anyone may ask, and a message may hold the database's address, name or user: the code alone. */
function wordsOf(error: unknown): string {
  if (error === silence) return 'does not answer'
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return /^[A-Z0-9_]{4,30}$/.test(code) ? `fails (${code})` : 'fails'
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

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dispatch } from '../src/domain/webhooks/deliver.ts'
import { record } from '../src/events/outbox.ts'
import { inTransaction } from '../src/platform/db.ts'
import { newId } from '../src/platform/ids.ts'
import { createDatabase, stopOwnPostgres } from '../test/support/postgres.ts'
import { startReceiver } from '../test/support/receiver.ts'
import { startTestServer, type TestBusiness, type TestServer, threeChannels } from '../test/support/server.ts'
import { createPlan, subscribe } from '../test/support/subscriptions.ts'
import { until } from '../test/support/wait.ts'
import { percentile } from './arithmetic.ts'

/**
 * `node bench/neighbours.ts`: how long a business waits alone, and how long beside another that is greedy or slow. Server,
 * sandbox and load share one process and the machine, so a ratio within one run says more than its milliseconds.
 */

const deadEvents = 200
const heavyRows = 40_000
const heavyLists = 20
const seconds = 4
const moverPlans = 10
const moveDays = 40

type Work = () => Promise<unknown>

/** How long each took, one after the other, for so many times or seconds. */
async function time(work: Work, limit: { times?: number; ms?: number }): Promise<number[]> {
  const [took, startedAt]: [number[], number] = [[], performance.now()]
  while (took.length < (limit.times ?? 10_000) && performance.now() - startedAt < (limit.ms ?? 120_000)) {
    const at = performance.now()
    await work()
    took.push(performance.now() - at)
  }
  return took
}

function print(what: string, alone: number[], beside: number[]): void {
  const of = (all: number[]) => `p50 ${percentile(all, 0.5).toFixed(0)} ms, most ${Math.max(...all).toFixed(0)} ms`
  const ratio = percentile(beside, 0.5) / percentile(alone, 0.5)
  console.log(`${what}: alone ${of(alone)}; beside ${of(beside)} (${beside.length}); ${ratio.toFixed(1)} times`)
}

async function emit({ ctx }: TestServer, business: TestBusiness): Promise<void> {
  const objectId = newId()
  const about = { businessId: business.id, envMode: 'test', type: 'payment.cancelled' } as const
  const event = { ...about, objectType: 'payment_request', objectId, data: { uuid: objectId }, now: new Date() }
  await inTransaction(ctx.db, (tx) => record(tx, ctx.queue, event))
  const { id } = await ctx.db
    .selectFrom('events')
    .select('id')
    .where('object_id', '=', objectId)
    .executeTakeFirstOrThrow()
  await dispatch(ctx, id)
}

async function ask(answer: Promise<{ status: number; text: string }>): Promise<void> {
  const { status, text } = await answer
  if (status >= 300) throw new Error(`${status} ${text.slice(0, 200)}`)
}

/** From an event to its receipt, beside a receiver that answers nobody. */
async function deliveries(server: TestServer): Promise<void> {
  const healthy = await startReceiver()
  const dead = createServer((request) => void request.resume())
  await new Promise<void>((resolve) => dead.listen(0, '127.0.0.1', resolve))
  const [owner, other] = [await server.business('Dead'), await server.business('Healthy')]
  await ask(other.api('POST', '/v1/webhook-endpoints', { url: healthy.url }))
  const url = `http://127.0.0.1:${(dead.address() as AddressInfo).port}/hook`
  await ask(owner.api('POST', '/v1/webhook-endpoints', { url }))
  const deliver = async () => {
    const count = healthy.received.length
    await emit(server, other)
    await until('the receipt', () => healthy.received.length > count, 120_000)
  }
  const alone = await time(deliver, { times: 10 })
  for (let n = 0; n < deadEvents; n += 1) await emit(server, owner)
  print('a delivery beside a dead receiver', alone, await time(deliver, { times: 5, ms: 60_000 }))
  dead.closeAllConnections()
  dead.close()
  await healthy.close()
}

/** A list beside many heavy searches of another, of both its modes. */
async function lists(server: TestServer): Promise<void> {
  const [greedy, other] = [await server.business('Greedy'), await server.business('Other')]
  for (const mode of ['test', 'live']) {
    await server.ctx.database.pool.query(
      `insert into customers (id, business_id, env_mode, customer_id, email, email_key, name, created_at, updated_at)
       select gen_random_uuid(), $1, $2, 'GRE-' || lpad(to_hex(n), 9, '0'), n || '@example.com', n || '@example.com',
         repeat('name ', 20), now(), now() from generate_series(1, ${heavyRows}) n`,
      [greedy.id, mode],
    )
  }
  const list = () => ask(other.api('GET', '/v1/payment-requests'))
  const alone = await time(list, { ms: seconds * 1_000 })
  let isOver = false
  const load = Array.from({ length: heavyLists }, async (_, n) => {
    const call = n % 2 ? greedy.api : greedy.live
    while (!isOver) await call('GET', '/v1/customers?search=nothing+like+it')
  })
  const beside = await time(list, { ms: seconds * 1_000 })
  isOver = true
  await Promise.all(load)
  print(`a list beside ${heavyLists} heavy ones of another`, alone, beside)
}

/** A payment request beside a test clock that is moved over many renewals. */
async function clocks(server: TestServer): Promise<void> {
  const [mover, other] = [await threeChannels(server, 'Mover'), await threeChannels(server, 'Payer')]
  const { customer, method } = await subscribe(server, mover, await createPlan(mover, { interval: 'daily' }))
  for (let n = 1; n < moverPlans; n += 1) {
    const plan = await createPlan(mover, { interval: 'daily' })
    const wish = { customer_uuid: customer, subscription_plan_uuid: plan.uuid, payment_method_uuid: method }
    await ask(mover.api('POST', '/v1/subscriptions', wish))
  }
  // All fall due at the same moments, so that a move has as much to do at once as it can.
  await server.ctx.database.pool.query(
    `update subscriptions set anchor_at = now(), current_period_start = now(),
       current_period_end = now() + interval '1 day', next_due_at = now() + interval '1 day' where business_id = $1`,
    [mover.id],
  )
  let n = 0
  const create = () => {
    n += 1
    return ask(other.api('POST', '/v1/payment-requests', { customer_email: `payer-${n}@example.com`, amount: 100 }))
  }
  const alone = await time(create, { ms: seconds * 1_000 })
  let isMoved = false
  const at = performance.now()
  const move = mover.api('POST', '/v1/test-clock/advance', { days: moveDays }).finally(() => {
    isMoved = true
  })
  const beside: number[] = []
  while (!isMoved) beside.push(...(await time(create, { times: 1 })))
  print(`a create beside ${moverPlans * moveDays} renewals of a moved clock`, alone, beside)
  console.log(`  the move: ${(await move).status} after ${((performance.now() - at) / 1_000).toFixed(1)} s`)
}

const database = await createDatabase()
const server = await startTestServer({ databaseUrl: database.url, env: { RATE_LIMIT: '10000000' } })
try {
  await lists(server)
  await clocks(server)
  await deliveries(server)
} finally {
  await server.close()
  await database.drop()
  await stopOwnPostgres()
}
process.exit(0)

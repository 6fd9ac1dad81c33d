import assert from 'node:assert/strict'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import pg from 'pg'
import type { NewMail } from '../../src/domain/mails/schema.ts'
import { queueMail, sendDue } from '../../src/domain/mails/service.ts'
import { dispatch } from '../../src/domain/webhooks/deliver.ts'
import { webhookSweeps } from '../../src/domain/webhooks/jobs.ts'
import { record } from '../../src/events/outbox.ts'
import { hourMs } from '../../src/platform/clock.ts'
import type { Context } from '../../src/platform/context.ts'
import { inTransaction } from '../../src/platform/db.ts'
import { newId } from '../../src/platform/ids.ts'
import { createWebhookSender } from '../../src/platform/outgoing.ts'
import { expectFailure } from '../support/expect.ts'
import { createDatabase, stopOwnPostgres } from '../support/postgres.ts'
import { startReceiver } from '../support/receiver.ts'
import { type Body, startTestServer, type TestBusiness, type TestServer, threeChannels } from '../support/server.ts'
import { createPlan, periodsOf, subscribe } from '../support/subscriptions.ts'
import { until } from '../support/wait.ts'

after(stopOwnPostgres)

/** A merchant's server that takes requests and answers none, until it is told to. */
async function startHanging() {
  const open: ServerResponse[] = []
  let ended = 0
  let isReleased = false
  const server = createServer((request, response) => {
    request.resume()
    response.on('close', () => {
      ended += 1
    })
    if (isReleased) response.writeHead(200).end()
    else open.push(response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    open,
    /** Requests that came to an end, whoever ended them. */
    ended: () => ended,
    release() {
      isReleased = true
      for (const response of open) response.writeHead(200).end()
    },
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
type Hanging = Awaited<ReturnType<typeof startHanging>>

describe('receivers side by side', () => {
  let server: TestServer
  let ctx: Context
  before(async () => {
    server = await startTestServer({ backend: 'postgres', role: 'api' })
    // No limit of time ends a request here: the test alone does.
    const webhookSender = createWebhookSender({ allowPrivate: true, timeoutMs: hourMs })
    ctx = { ...server.ctx, db: server.ctx.database.jobs, webhookSender }
    await ctx.queue.work([], webhookSweeps(ctx))
  })
  after(async () => {
    await server?.close()
    await ctx?.webhookSender.close()
  })

  const addEndpoint = async (business: TestBusiness, url: string) => {
    const made = await business.api('POST', '/v1/webhook-endpoints', { url })
    assert.equal(made.status, 201, made.text)
  }

  /** Events of so many objects, handed out: each is due at once. */
  async function emit(business: TestBusiness, count: number): Promise<void> {
    for (let n = 0; n < count; n += 1) {
      const objectId = newId()
      const about = { businessId: business.id, envMode: 'test', type: 'payment.cancelled' } as const
      const event = { ...about, objectType: 'payment_request', objectId, data: { uuid: objectId }, now: new Date() }
      await inTransaction(ctx.db, (tx) => record(tx, ctx.queue, event))
      const row = await ctx.db
        .selectFrom('events')
        .select('id')
        .where('object_id', '=', objectId)
        .executeTakeFirstOrThrow()
      await dispatch(ctx, row.id)
    }
  }

  async function withHanging(count: number, run: (dead: Hanging, owner: TestBusiness) => Promise<void>): Promise<void> {
    const dead = await startHanging()
    try {
      const owner = await server.business('Dead')
      await addEndpoint(owner, dead.url)
      await emit(owner, count)
      await until('the first requests', () => dead.open.length > 0)
      await run(dead, owner)
    } finally {
      dead.release()
      await until('the rest', async () => (await countUntried()) === 0, 60_000)
      await dead.close()
    }
  }

  async function countUntried(): Promise<number> {
    const { rows } = await ctx.database.pool.query(
      `select 1 from webhook_deliveries where status = 'pending' and attempts = 0`,
    )
    return rows.length
  }

  test("a receiver that answers nobody, with 200 events due, delays neither another business's nor its own other one", async () => {
    await withHanging(200, async (dead, owner) => {
      const [healthy, own] = [await startReceiver(), await startReceiver()]
      try {
        const other = await server.business('Healthy')
        await addEndpoint(other, healthy.url)
        await emit(other, 20)
        await until('all of the other business', () => healthy.received.length === 20)
        await addEndpoint(owner, own.url)
        await emit(owner, 20)
        await until('all of its own other one', () => own.received.length === 20)
        assert.equal(dead.ended(), 0, 'its first requests were open all the while')
        assert.ok(dead.open.length <= 10, `${dead.open.length} at once`)
      } finally {
        await healthy.close()
        await own.close()
      }
    })
  })
})

describe('mails side by side', () => {
  test("mails of one business that hang, a hundred of them, keep no other business's waiting", async () => {
    const server = await startTestServer({ backend: 'postgres', role: 'api' })
    const held = Promise.withResolvers<void>()
    const hung: string[] = []
    const sent: string[] = []
    const mailer: Context['mailer'] = {
      domain: 'example.com',
      send: async ({ to }) => {
        if (to === 'slow@example.com') {
          hung.push(to)
          await held.promise
        }
        sent.push(to)
        return { kind: 'sent' }
      },
    }
    const ctx = { ...server.ctx, mailer }
    try {
      const [slow, other] = [await server.business('Slow'), await server.business('Other')]
      await queueMails(ctx, slow.id, 'slow@example.com', 100)
      const first = sendDue(ctx)
      await until('the first mails', () => hung.length > 0)
      await queueMails(ctx, other.id, 'other@example.com', 20)
      const second = sendDue(ctx)
      await until("the other business's", () => sent.length === 20)
      assert.deepEqual([hung.length, new Set(sent).size], [5, 1])
      held.resolve()
      await Promise.all([first, second])
      assert.equal(sent.length, 120)
    } finally {
      held.resolve()
      await server.close()
    }
  })
})

describe('test clocks side by side', () => {
  let database: Awaited<ReturnType<typeof createDatabase>>
  let server: TestServer
  let locker: pg.Client
  /** Apart: what a transaction sees of the sessions stays as it saw it first. */
  let watcher: pg.Client
  before(async () => {
    database = await createDatabase()
    const bounds = { STATEMENT_TIMEOUT_MS: '60000', LOCK_TIMEOUT_MS: '60000', JOB_STATEMENT_TIMEOUT_MS: '60000' }
    server = await startTestServer({
      databaseUrl: database.url,
      env: { ...bounds, POOL_SIZE: '4', JOB_POOL_SIZE: '4' },
    })
    locker = new pg.Client(database.url)
    watcher = new pg.Client(database.url)
    await Promise.all([locker.connect(), watcher.connect()])
  })
  after(async () => {
    await locker?.end()
    await watcher?.end()
    await server?.close()
    await database?.drop()
  })

  const makeDue = (subscription: Body) =>
    server.ctx.database.pool.query(
      `update subscriptions set next_due_at = now(), current_period_start = now() - interval '2 days',
         current_period_end = now(), anchor_at = now() - interval '30 days' where id = $1`,
      [subscription.uuid],
    )

  test("a move that hangs with a dozen renewals leaves pool and workers to another's payments and renewals", async () => {
    const [mover, other] = [await threeChannels(server), await threeChannels(server)]
    const { customer, method } = await subscribe(server, mover, await createPlan(mover))
    for (let n = 0; n < 11; n += 1) {
      const plan = await createPlan(mover)
      const wish = { customer_uuid: customer, subscription_plan_uuid: plan.uuid, payment_method_uuid: method }
      assert.equal((await mover.api('POST', '/v1/subscriptions', wish)).status, 201)
    }
    // All at the same moment of that clock.
    await server.ctx.database.pool.query(
      `update subscriptions set anchor_at = now(), current_period_start = now(),
         current_period_end = now() + interval '30 days', next_due_at = now() + interval '30 days'
       where business_id = $1`,
      [mover.id],
    )
    const due = await subscribe(server, other, await createPlan(other))
    await locker.query('begin')
    await locker.query('select id from subscription_plans where business_id = $1 for update', [mover.id])
    let isMoved = false
    const moved = mover.api('POST', '/v1/test-clock/advance', { days: 31 }).finally(() => {
      isMoved = true
    })
    try {
      await until('its renewals to hang', async () => {
        const { rows } = await watcher.query(`select 1 from pg_stat_activity where wait_event_type = 'Lock'
          and datname = current_database()`)
        return rows.length >= 2
      })
      await makeDue(due.subscription)
      const wish = { customer_email: 'ada@example.com', amount: 100 }
      const opened = await Promise.all(Array.from({ length: 8 }, () => other.api('POST', '/v1/payment-requests', wish)))
      for (const answer of opened) assert.equal(answer.status, 201, answer.text)
      await until('its renewal', async () => (await periodsOf(server, due.subscription.uuid)).length === 2)
      assert.equal(isMoved, false)
    } finally {
      await locker.query('rollback')
      await moved
    }
    assert.equal((await moved).status, 201, (await moved).text)
  })

  test('a clock is let go as soon as its mover’s process is dead; that of a living one is held', async () => {
    const [left, held] = [await server.business('Left'), await server.business('Held')]
    const { pool } = server.ctx.database
    const holdFor = async (business: TestBusiness, beatAt: string) => {
      const { rows } = await pool.query(
        `insert into processes (id, started_at, beat_at) values (gen_random_uuid(), now(), ${beatAt}) returning id`,
      )
      await pool.query(
        `update business_modes set clock_holder = gen_random_uuid(), clock_held_until = now() + interval '1 hour',
           clock_process_id = $2 where business_id = $1 and env_mode = 'test'`,
        [business.id, rows[0].id],
      )
    }
    await holdFor(held, `now() + interval '1 hour'`)
    await holdFor(left, `now() - interval '3 seconds'`)
    const holders = async () => {
      const { rows } = await pool.query('select business_id from business_modes where clock_holder is not null')
      return rows.map((row) => row.business_id)
    }
    await until('the dead one’s', async () => !(await holders()).includes(left.id))
    assert.deepEqual(await holders(), [held.id])
    assert.equal((await left.api('POST', '/v1/test-clock/advance', { days: 1 })).status, 201)
    expectFailure(await held.api('POST', '/v1/test-clock/advance', { days: 1 }), { status: 409, code: '015' })
  })
})

const queueMails = (ctx: Context, businessId: string, to: string, count: number) =>
  inTransaction(ctx.db, async (tx) => {
    const data = {
      customerName: 'Ada',
      planName: 'Pro',
      amount: '₦5,000',
      paidAt: '3 May 2026',
      reference: 'AsP-1',
      paidWith: null,
      period: null,
      nextChargeAt: null,
      receiptUrl: 'https://example.com/receipt',
    }
    for (let n = 0; n < count; n += 1) {
      const mail = { businessId, envMode: 'test', to, dedupeKey: `${n}`, now: new Date(), template: 'receipt', data }
      await queueMail(tx, ctx.secrets, mail as NewMail)
    }
  })

import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { advance as move } from '../../src/domain/businesses/clock.ts'
import { authenticate } from '../../src/domain/businesses/service.ts'
import { createSweeps } from '../../src/jobs.ts'
import { dayMs } from '../../src/platform/clock.ts'
import type { ApiError } from '../../src/platform/errors.ts'
import { expectFailure } from '../support/expect.ts'
import { stopOwnPostgres } from '../support/postgres.ts'
import { saveCard } from '../support/saved.ts'
import {
  attemptRef,
  type Body,
  payAtSandbox,
  startTestServer,
  type TestBusiness,
  type TestServer,
  threeChannels,
} from '../support/server.ts'
import { advance, assertUnbroken, createPlan, periodsOf, subscribe, subscriptionOf } from '../support/subscriptions.ts'
import { until } from '../support/wait.ts'

after(stopOwnPostgres)

describe('the test clock', () => {
  let server: TestServer
  let business: TestBusiness
  before(async () => {
    server = await startTestServer({ backend: 'postgres' })
    business = await threeChannels(server)
  })
  after(() => server?.close())

  const clockOf = async (one: TestBusiness): Promise<Body> => {
    const answer = await one.api('GET', '/v1/test-clock')
    assert.equal(answer.status, 200, answer.text)
    return answer.body.data
  }
  const post = (one: TestBusiness, body: Body) => one.api('POST', '/v1/test-clock/advance', body)

  test('200 real time until it is moved; 201 moved by days and to a time, and what is made then is stamped with it', async () => {
    const own = await threeChannels(server)
    const before = await clockOf(own)
    assert.deepEqual(Object.keys(before), ['now', 'offset_seconds'])
    assert.equal(before.offset_seconds, 0)
    const moved = await post(own, { days: 10 })
    assert.equal(moved.status, 201, moved.text)
    assert.ok(Math.abs(new Date(moved.body.data.now).getTime() - Date.now() - 10 * dayMs) < 30_000)
    const to = new Date(Date.now() + 30 * dayMs).toISOString()
    const further = await post(own, { to })
    assert.equal(further.status, 201, further.text)
    assert.ok(new Date(further.body.data.now) >= new Date(to))
    const made = await own.api('POST', '/v1/payment-requests', { customer_email: 'then@example.com', amount: 100 })
    assert.ok(new Date(made.body.data.payment_request.created_at) >= new Date(to))
    // Nobody else's time has moved.
    const other = await business.api('POST', '/v1/customers', { email: 'now@example.com', name: 'Now' })
    assert.ok(new Date(other.body.data.created_at).getTime() < Date.now() + dayMs)
  })

  test('400 in live mode, 422 backwards, too far, both or neither; nothing moves', async () => {
    expectFailure(await business.live('POST', '/v1/test-clock/advance', { days: 1 }), { status: 400, code: '014' })
    assert.equal((await business.live('GET', '/v1/test-clock')).body.data.offset_seconds, 0)
    const past = new Date(Date.now() - 1_000).toISOString()
    for (const [body, field] of [
      [{ to: past }, 'to'],
      [{ days: 3_661 }, 'days'],
      [{ days: 0 }, 'days'],
      [{ days: -1 }, 'days'],
      [{ days: 1, to: past }, 'to'],
      [{}, 'days'],
    ] as const) {
      expectFailure(await post(business, body), { status: 422, code: '005', fields: [field] }, JSON.stringify(body))
    }
    assert.equal((await clockOf(business)).offset_seconds, 0)
  })

  test('what is waiting falls due on the way: a page expires after 24 hours of that clock', async () => {
    const own = await threeChannels(server)
    const opened = await own.api('POST', '/v1/payment-requests', { customer_email: 'late@example.com', amount: 100 })
    await advance(own, { days: 2 })
    const { payment_request } = (
      await own.api('GET', `/v1/payment-requests/retrieve-by-ref/${opened.body.data.payment_request.ref}`)
    ).body.data
    assert.equal(payment_request.status, 'expired')
    const expired = payment_request.timeline_records.at(-1)
    const lived = new Date(expired.created_at).getTime() - new Date(payment_request.created_at).getTime()
    assert.ok(Math.abs(lived - dayMs) < 30_000, `after ${lived} ms`)
  })

  test('a page opened while the clock is ahead can be paid, and real workers find what is due there', async () => {
    const own = await threeChannels(server)
    await advance(own, { days: 400 })
    const opened = await own.api('POST', '/v1/payment-requests', {
      customer_email: 'ahead@example.com',
      amount: 5000,
      payment_channel: 'stripe',
    })
    assert.equal(opened.status, 201, opened.text)
    await payAtSandbox(server.url, attemptRef(opened), 'success', 'stripe')
    const path = `/v1/payment-requests/retrieve-by-ref/${opened.body.data.payment_request.ref}`
    await until(
      'the payment',
      async () => (await own.api('GET', path)).body.data.payment_request.status === 'successful',
    )
    // A saving sum is due for its refund at once, in the time of the clock: a sweep in real time sends it.
    await saveCard(server, own, 'paystack')
    await until('the refund', async () => {
      const { rows } = await server.ctx.database.pool.query('select 1 from refunds where business_id = $1', [own.id])
      return rows.length > 0
    })
  })

  test('409 while another move is under way: one of them goes, and the order of things holds', async () => {
    const own = await threeChannels(server)
    const plan = await createPlan(own, { interval: 'daily', send_subscription_mails: 0 })
    const { subscription } = await subscribe(server, own, plan)
    const moves = await Promise.all(Array.from({ length: 5 }, () => post(own, { days: 10 })))
    const [done, ...others] = moves.toSorted((a, b) => a.status - b.status)
    assert.equal(done?.status, 201, done?.text)
    for (const one of others) if (one.status !== 201) expectFailure(one, { status: 409, code: '015' })
    const days = 10 * moves.filter((one) => one.status === 201).length
    assert.equal((await periodsOf(server, subscription.uuid)).length, days + 1)
  })

  test('while somebody holds the clock workers leave the mode alone; a holder that died lets go by itself', async () => {
    const own = await threeChannels(server)
    const { subscription } = await subscribe(server, own, await createPlan(own))
    const hold = (until: string) =>
      server.ctx.database.pool.query(
        `update business_modes set clock_holder = gen_random_uuid(), clock_held_until = ${until}
         where business_id = $1 and env_mode = 'test'`,
        [own.id],
      )
    await hold(`now() + interval '1 hour'`)
    await server.ctx.database.pool.query(
      `update subscriptions set next_due_at = now(), current_period_start = now() - interval '2 days',
         current_period_end = now(), anchor_at = now() - interval '30 days' where id = $1`,
      [subscription.uuid],
    )
    // Another business's renewal, due at the same moment, is worked off: then this one's was left alone.
    const other = await subscribe(server, business, await createPlan(business))
    await server.ctx.database.pool.query(
      `update subscriptions set next_due_at = now(), current_period_start = now() - interval '2 days',
         current_period_end = now(), anchor_at = now() - interval '30 days' where id = $1`,
      [other.subscription.uuid],
    )
    await until('the other renewal', async () => (await periodsOf(server, other.subscription.uuid)).length === 2)
    assert.equal((await periodsOf(server, subscription.uuid)).length, 1)
    expectFailure(await post(own, { days: 1 }), { status: 409, code: '015' })
    await hold('now()')
    await until('the renewal', async () => (await periodsOf(server, subscription.uuid)).length === 2)
    assert.equal((await subscriptionOf(own, subscription.uuid)).status, 'active')
  })

  test('503 a move that is too much for one call says how far it came; the next call goes on, and nothing is missing', async () => {
    const own = await threeChannels(server)
    const plan = await createPlan(own, { interval: 'daily', send_subscription_mails: 0 })
    const { subscription } = await subscribe(server, own, plan)
    const caller = await authenticate(server.ctx, 'secret', own.keys.test.secret_key, null, '127.0.0.1')
    const sweeps = createSweeps(server.ctx)
    const stopped = await move(server.ctx, caller, { days: 20 }, sweeps, { workMaxMs: 200, stepsMax: 50_000 }).then(
      () => null,
      (error: ApiError) => error,
    )
    assert.equal(stopped?.row.code, '016')
    const { now, to } = stopped.data as { now: string; to: string }
    assert.ok(new Date(now) < new Date(to), `${now} ${to}`)
    await until('the rest', async () => (await post(own, { to })).status === 201, 120_000)
    const periods = await periodsOf(server, subscription.uuid)
    assertUnbroken(periods)
    assert.equal(periods.length, 21)
    assert.ok(periods.every((one) => one.status === 'paid'))
  })

  test('the same Idempotency-Key moves it once', async () => {
    const own = await threeChannels(server)
    const key = { 'idempotency-key': 'once' }
    const first = await own.api('POST', '/v1/test-clock/advance', { days: 5 }, key)
    const second = await own.api('POST', '/v1/test-clock/advance', { days: 5 }, key)
    assert.equal(second.text, first.text)
    const { offset_seconds } = await clockOf(own)
    assert.ok(offset_seconds <= 5 * 86_400 + 1)
  })
})

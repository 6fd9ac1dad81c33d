import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import pg from 'pg'
import type { Keys } from '../../src/cli/operations.ts'
import { freePort, stopOwnPostgres } from '../support/postgres.ts'
import { type Gate, openWorld, runCommand, type Started, startGate, type World } from '../support/process.ts'
import { type Receiver, startReceiver } from '../support/receiver.ts'
import { type Answer, attemptRef, type Body, call, requestRef } from '../support/server.ts'
import { until } from '../support/wait.ts'

/** Two API and two worker processes over one PostgreSQL, as behind a load balancer. */
describe('two API and two worker processes over one database', () => {
  let world: World
  let apis: Started[]
  let workers: Started[]
  let balancer: Gate
  let keys: Keys
  let receiver: Receiver
  /** The merchant answers when this is over. */
  let held: Promise<void> = Promise.resolve()
  const byApi = new Set<string>()
  before(async () => {
    world = await openWorld('postgres')
    receiver = await startReceiver(async () => {
      await held
      return 200
    })
    let turn = 0
    // The provider's webhooks and the browsers' returns go to either, by turns.
    balancer = await startGate(() => {
      turn += 1
      const chosen = apis[turn % apis.length]
      assert.ok(chosen)
      byApi.add(chosen.url)
      return chosen.url
    })
    const started = await Promise.all(
      (['api', 'api', 'worker', 'worker'] as const).map(async (role) =>
        world.start(role, { PORT: String(await freePort()), BASE_URL: balancer.url }),
      ),
    )
    apis = started.slice(0, 2)
    workers = started.slice(2)
    keys = await world.connect(balancer.url)
    const told = await api(0, 'PUT', '/v1/business', { webhook_url: receiver.url, enabled_webhooks: 1 })
    assert.equal(told.status, 200)
  })
  after(async () => {
    await world.close()
    await balancer?.close()
    await receiver?.close()
    await stopOwnPostgres()
  })

  const api = (nth: number, method: string, path: string, body?: unknown, headers?: Record<string, string>) =>
    call(apis[nth % apis.length]!.url, method, path, body, {
      authentication: `Bearer ${keys.test.secret_key}`,
      ...headers,
    })
  const pay = (reference: string, outcome = 'success') =>
    world.control('POST', '/pay', { channel: 'paystack', reference, outcome })
  const initiate = (nth: number, reference: string) =>
    api(
      nth,
      'POST',
      '/v1/payment-requests',
      { customer_email: `${reference}@example.com`, amount: '100.50', currency: 'NGN', reference },
      { 'idempotency-key': reference },
    )
  const receivedOf = (ref: string) => receiver.received.filter(({ body }) => body.data.ref === ref)
  const query = async (statement: string): Promise<Body[]> => {
    const client = new pg.Client({ connectionString: world.databaseUrl ?? '' })
    await client.connect()
    try {
      return (await client.query(statement)).rows
    } finally {
      await client.end()
    }
  }
  const quiet = () =>
    until('every event to be delivered', async () => {
      const [row] = await query(`select (select count(*) from events where dispatched_at is null)
        + (select count(*) from webhook_deliveries where status <> 'delivered')
        + (select count(*) from hook_inbox where processed_at is null) as open`)
      return row?.open === 0n
    })

  test('four that start at the same moment on an empty database migrate it once', async () => {
    const applied = await query('select name from kysely_migration order by name')
    const files = readdirSync(join(import.meta.dirname, '../../migrations')).filter((name) => name.endsWith('.sql'))
    assert.deepEqual(
      applied.map(({ name }) => name),
      files.sort(),
    )
  })

  test('a key that another process revoked opens nothing at either a second later', async () => {
    const args = ['--mode', 'test', '--label', 'to be revoked', '--json']
    const made = JSON.parse(await runCommand(['keys', 'create', ...args], world.env))
    const ask = (nth: number) =>
      api(nth, 'GET', '/v1/business', undefined, { authentication: `Bearer ${made.key}` }).then(({ status }) => status)
    assert.deepEqual(await Promise.all([ask(0), ask(1)]), [200, 200])
    let isRevoked = false
    // Asked all the while, so that each has it in memory at the moment of the revocation.
    const asking = Promise.all(
      [0, 1].map((nth) => until('the revocation', async () => (await ask(nth)) > 0 && isRevoked, 120_000)),
    )
    await runCommand(['keys', 'revoke', 'to be revoked'], world.env)
    isRevoked = true
    const from = performance.now()
    await asking
    await until('both to refuse', async () => (await ask(0)) === 401 && (await ask(1)) === 401)
    const took = performance.now() - from
    console.log(`revoked by another process, refused after ${Math.round(took)} ms`)
    // The memory is a second; the rest is for a machine that does much else.
    assert.ok(took < 6_000)
  })

  test('requests by turns, webhooks to either: each payment is told once, by one delivery of one event', async () => {
    const opened: Answer[] = []
    for (let nth = 0; nth < 20; nth += 1) opened.push(await initiate(nth, `turn-${nth}`))
    assert.deepEqual(new Set(opened.map(({ status }) => status)), new Set([201]))
    await Promise.all(opened.map((one) => pay(attemptRef(one))))
    // Everybody asks at once: browsers, the merchant at both APIs, and the webhooks' workers.
    await Promise.all(
      opened.map(async (one, nth) => {
        const { uuid } = one.body.data.payment_request.last_transaction
        const [verified, returned] = await Promise.all([
          api(nth + 1, 'PATCH', `/v1/payment-requests/${requestRef(one)}/verify`),
          call(balancer.url, 'GET', `/return/${uuid}`),
        ])
        assert.equal(verified.status, 200)
        assert.equal(returned.status, 200)
      }),
    )
    for (const [nth, one] of opened.entries()) {
      const ref = requestRef(one)
      const path = `/v1/payment-requests/retrieve-by-ref/${ref}`
      const paid = await until('the payment at the other API', async () => {
        const { payment_request } = (await api(nth + 1, 'GET', path)).body.data
        return payment_request.status === 'successful' && payment_request
      })
      assert.deepEqual(
        paid.timeline_records.map((line: Body) => line.summary),
        ['Payment initiated', 'Asyncpay relayed payment to Paystack', 'Paystack confirmed the payment'],
      )
    }
    await quiet()
    for (const one of opened) {
      assert.deepEqual(
        receivedOf(requestRef(one)).map(({ body }) => body.event),
        ['payment.completed.successfully'],
      )
    }
    assert.equal(byApi.size, 2)
  })

  test('twins at both APIs open one page', async () => {
    const twins = await Promise.all(Array.from({ length: 10 }, (_, nth) => initiate(nth, 'twin')))
    const made = twins.filter(({ status }) => status === 201)
    assert.ok(made.length >= 1)
    assert.deepEqual(
      new Set(twins.map(({ status }) => status).filter((status) => status !== 201 && status !== 409)),
      new Set(),
    )
    assert.equal(new Set(made.map(({ text }) => text)).size, 1)
    const checkouts = (await world.control('GET', '/checkouts')).body as Body[]
    assert.equal(checkouts.length, 1)
  })

  test('SIGTERM under load: what was begun is answered, the rest goes to the other API, nothing is lost or doubled', async () => {
    await world.control('POST', '/faults', { kind: 'latency', channel: 'paystack', operation: 'open', ms: 150 })
    const count = 80
    const references = Array.from({ length: count }, (_, nth) => `load-${nth}`)
    const answers: Answer[] = []
    let stopped: Promise<(number | null)[]> | undefined
    // As a client with a list of servers does: no connection or 409/503 → the next one, same key.
    const persist = async (nth: number, reference: string) =>
      until(`an answer for ${reference}`, async () => {
        const answer = await initiate(nth++, reference)
        return answer.status === 201 && answer
      })
    const clients = Array.from({ length: 16 }, async () => {
      for (let reference = references.shift(); reference; reference = references.shift()) {
        answers.push(await persist(answers.length, reference))
        if (answers.length >= count / 4) stopped ??= Promise.all([apis[0]!.stop(), workers[0]!.stop()])
      }
    })
    await Promise.all(clients)
    const codes = await stopped
    apis = [apis[1]!]
    assert.deepEqual(codes, [0, 0])
    assert.equal(answers.length, count)
    assert.equal(new Set(answers.map(requestRef)).size, count)
    // A call that had been cut off would have opened a second page.
    const checkouts = ((await world.control('GET', '/checkouts')).body as Body[]).map(({ reference }) => reference)
    const twin = checkouts.length - count
    assert.equal(twin, 1, 'one page a request, and the twins’ one')
    await world.control('DELETE', '')
  })

  test('SIGTERM while a client keeps its connection: the call is answered, and the stop does not wait for the client', async () => {
    const started = await world.start('api', { PORT: String(await freePort()), BASE_URL: balancer.url })
    await world.control('POST', '/faults', {
      kind: 'latency',
      channel: 'paystack',
      operation: 'open',
      ms: 1_000,
      times: 1,
    })
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    try {
      const answered = keptAlive(agent, `${started.url}/v1/payment-requests`, keys.test.secret_key)
      await until('the call at the provider', async () => (await world.control('GET', '/faults')).body.length === 0)
      const stoppedAt = Date.now()
      const stopped = started.stop()
      assert.equal(await answered, 201)
      assert.equal(await stopped, 0)
      assert.ok(Date.now() - stoppedAt < 20_000)
    } finally {
      agent.destroy()
    }
  })

  test('SIGTERM of a worker amid payments: each is told exactly once by the one that stays', async () => {
    workers[0] = await world.start('worker', { PORT: String(await freePort()), BASE_URL: balancer.url })
    // A busy machine may shed a call; a client sends it again with the same key.
    const kept = (nth: number) =>
      until('the payment request', async () => {
        const answer = await initiate(nth, `drain-${nth}`)
        assert.ok([201, 409, 503].includes(answer.status), answer.text)
        return answer.status === 201 && answer
      })
    const opened = await Promise.all(Array.from({ length: 60 }, (_, nth) => kept(nth)))
    let stopped: Promise<number | null> | undefined
    await Promise.all(
      opened.map(async (one, nth) => {
        assert.equal((await pay(attemptRef(one))).status, 200)
        if (nth === 20) stopped = workers[0]!.stop()
      }),
    )
    assert.equal(await stopped, 0)
    for (const one of opened) await until('the event', () => receivedOf(requestRef(one)).length > 0, 30_000)
    await quiet()
    for (const one of opened) {
      assert.deepEqual(
        receivedOf(requestRef(one)).map(({ body }) => body.event),
        ['payment.completed.successfully'],
      )
    }
  })

  test('SIGTERM of the last worker amid a delivery: the answer is waited for and kept, so nothing is sent again', async () => {
    const opened = await initiate(0, 'last')
    const ref = requestRef(opened)
    let answer = () => {}
    held = new Promise((resolve) => {
      answer = resolve
    })
    await pay(attemptRef(opened))
    await until('the delivery', () => receivedOf(ref).length === 1)
    const stopped = workers[1]!.stop()
    await until('the worker to be stopping', () => workers[1]!.output().includes('"msg":"stopping"'))
    answer()
    assert.equal(await stopped, 0)
    const deliveries = await query(`select d.status, d.attempts, d.locked_until from webhook_deliveries d
      join payment_requests r on r.id = d.object_id where r.ref = '${ref}'`)
    assert.deepEqual(deliveries, [{ status: 'delivered', attempts: 1, locked_until: null }])
  })
})

/** Initiates over a connection that the client would use again; gives the status. */
function keptAlive(agent: Agent, url: string, key: string): Promise<number> {
  const headers = { 'content-type': 'application/json', authentication: `Bearer ${key}` }
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method: 'POST', agent, headers }, (incoming) => {
      incoming.resume().once('end', () => resolve(incoming.statusCode ?? 0))
    })
    outgoing.once('error', reject).end(JSON.stringify({ customer_email: 'kept@example.com', amount: 100 }))
  })
}

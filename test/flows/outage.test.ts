import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import pg from 'pg'
import { expectFailure } from '../support/expect.ts'
import { createDatabase, stopOwnPostgres } from '../support/postgres.ts'
import {
  type Answer,
  attemptRef,
  type Body,
  call,
  payAtSandbox,
  requestRef,
  startTestServer,
  type TestBusiness,
  type TestServer,
} from '../support/server.ts'
import { openTcpLine, type TcpLine } from '../support/tcp-line.ts'
import { until } from '../support/wait.ts'

/** How soon after the database is back the same request must be served. */
const backWithinMs = 5_000
const wish = { customer_email: 'ada@example.com', amount: '100' }
const keyed = (key: string) => ({ 'idempotency-key': key })

describe('the database goes away under a server', () => {
  let database: Awaited<ReturnType<typeof createDatabase>>
  let line: TcpLine
  let server: TestServer
  let other: TestServer
  let business: TestBusiness
  let admin: pg.Client
  let watcher: pg.Client
  before(async () => {
    database = await createDatabase()
    line = await openTcpLine(database.url)
    const env = { STATEMENT_TIMEOUT_MS: '1500', LOCK_TIMEOUT_MS: '1000', JOB_STATEMENT_TIMEOUT_MS: '3000' }
    server = await startTestServer({ databaseUrl: line.url, env })
    other = await startTestServer({ databaseUrl: database.url, role: 'api' })
    business = await server.business()
    admin = new pg.Client(database.url)
    watcher = new pg.Client(database.url)
    await Promise.all([admin.connect(), watcher.connect()])
  })
  afterEach(async () => {
    line.mend()
    await server.call('DELETE', '/sandbox/control/faults')
    await until('the server to be ready', async () => (await server.call('GET', '/health/ready')).status === 200)
  })
  after(async () => {
    await admin?.end()
    await watcher?.end()
    await server?.close()
    await other?.close()
    await line?.close()
    await database?.drop()
    await stopOwnPostgres()
  })

  const post = (body: Body, key: string) => business.api('POST', '/v1/payment-requests', body, keyed(key))
  const postAtOther = (body: Body, key: string) =>
    call(other.url, 'POST', '/v1/payment-requests', body, {
      authentication: `Bearer ${business.keys.test.secret_key}`,
      ...keyed(key),
    })
  const slowOpening = async (ms: number) => {
    const fault = { channel: 'paystack', operation: 'open', kind: 'latency', ms, times: 1 }
    assert.equal((await server.call('POST', '/sandbox/control/faults', fault)).status, 201)
  }
  const opening = () =>
    until(
      'the call at the channel',
      async () => (await server.call('GET', '/sandbox/control/faults')).body.length === 0,
    )
  const pagesOf = async (email: string): Promise<number> => {
    const { rows } = await admin.query(
      `select count(*)::int as n from transactions t join payment_requests r on r.id = t.payment_request_id
        join customers c on c.id = r.customer_id where c.email = $1 and t.checkout_url is not null`,
      [email],
    )
    return rows[0].n
  }
  const requestsOf = async (email: string): Promise<number> =>
    (
      await admin.query(
        'select count(*)::int as n from payment_requests r join customers c on c.id = r.customer_id where c.email = $1',
        [email],
      )
    ).rows[0].n
  const isAway = (answer: Answer) => {
    expectFailure(answer, { status: 503, code: '090' })
    assert.ok(Number(answer.headers.get('retry-after')) > 0)
    assert.ok(answer.headers.get('request-id'))
    assert.ok(!/postgres|127\.0\.0\.1|ECONN|terminated|0800|57P/i.test(answer.text), answer.text)
  }

  test('503 while it is away, as long as it is, on every kind of address; then all is served again by itself', async () => {
    const made = await post(wish, 'before')
    assert.equal(made.status, 201, made.text)
    line.cut()
    const { keys } = business
    const sdk = { authentication: `Bearer ${keys.test.public_key}` }
    isAway(await post(wish, 'meanwhile'))
    isAway(await business.api('GET', '/v1/payment-requests'))
    isAway(await business.api('GET', `/v1/payment-requests/retrieve-by-ref/${requestRef(made)}`))
    isAway(await server.call('POST', '/v1/sdk/initialize-payment-request', wish, sdk))
    isAway(await server.call('POST', '/v1/system/hooks/12345678/paystack', { event: 'x' }))
    assert.equal((await server.call('GET', `/return/${attemptRef(made)}`)).status >= 400, true)
    assert.equal((await server.call('GET', '/health/ready')).status, 503)
    line.mend()
    await until('a payment', async () => (await post(wish, 'meanwhile')).status === 201, backWithinMs)
    await payAtSandbox(server.url, attemptRef(made))
    await until('the worker', async () => {
      const path = `/v1/payment-requests/retrieve-by-ref/${requestRef(made)}`
      return (await business.api('GET', path)).body.data.payment_request.status === 'successful'
    })
  })

  test('all sessions are closed ten times amid payments: nothing ends, and each key makes one request with one page', async () => {
    const email = 'closed@example.com'
    const keys = Array.from({ length: 30 }, (_, n) => `closed ${n}`)
    let closings = 0
    const closing = (async () => {
      while (closings < 10) {
        await admin.query(
          `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name like 'asyncpay%'`,
        )
        closings += 1
        await business.api('GET', '/v1/payment-requests?per_page=1')
      }
    })()
    const persist = (key: string) =>
      until(`an answer for ${key}`, async () => {
        const answer = await post({ ...wish, customer_email: email, reference: key }, key)
        if (answer.status === 201) return answer
        if (answer.status !== 409) isAway(answer)
        else expectFailure(answer, { status: 409, code: '012' })
        throw new Error(answer.text)
      })
    const answers = await Promise.all(keys.map(persist))
    await closing
    assert.equal(closings, 10)
    assert.equal(new Set(answers.map(requestRef)).size, keys.length)
    assert.equal(await requestsOf(email), keys.length)
  })

  test('201 the same key is served within 5 s of the database being back, where it went away during the call', async () => {
    const body = { ...wish, customer_email: 'during@example.com' }
    await slowOpening(600)
    const first = post(body, 'during')
    await opening()
    line.cut()
    isAway(await first)
    line.mend()
    const again = await until(
      'the answer',
      async () => {
        const answer = await post(body, 'during')
        assert.ok([201, 409, 503].includes(answer.status), answer.text)
        return answer.status === 201 && answer
      },
      backWithinMs,
    )
    assert.equal(await requestsOf('during@example.com'), 1)
    assert.equal(await pagesOf('during@example.com'), 1)
    assert.equal((await post(body, 'during')).text, again.text)
  })

  test('201 the same key is served where the database went away while the answer was to be kept', async () => {
    const body = { email: 'keeping@example.com', name: 'K' }
    await admin.query(`create function cut_here() returns trigger language plpgsql as $$
      begin perform pg_terminate_backend(pg_backend_pid()); perform pg_sleep(5); return new; end $$`)
    await admin.query(`create trigger cut_here before update on idempotency_keys for each row
      when (new.response_status is not null) execute function cut_here()`)
    isAway(await business.api('POST', '/v1/customers', body, keyed('keeping')))
    await admin.query('drop trigger cut_here on idempotency_keys')
    const again = await until(
      'the answer',
      async () => {
        const answer = await business.api('POST', '/v1/customers', body, keyed('keeping'))
        return answer.status === 201 && answer
      },
      backWithinMs,
    )
    assert.equal(again.headers.get('idempotent-replayed'), 'true')
    const found = await business.api('GET', '/v1/customers?email=keeping@example.com')
    assert.equal(found.body.data.customers.total, 1)
  })

  test('409 a living holder is never taken over, also by another process after an outage; then its answer is the only one', async () => {
    const body = { ...wish, customer_email: 'living@example.com' }
    await slowOpening(6_000)
    const first = post(body, 'living')
    await opening()
    line.cut()
    line.mend()
    let asked = 0
    for (let twin = await postAtOther(body, 'living'); twin.status !== 201; asked += 1) {
      expectFailure(twin, { status: 409, code: '012' })
      twin = await postAtOther(body, 'living')
    }
    assert.ok(asked > 3)
    const made = await first
    assert.deepEqual([made.status, made.headers.get('idempotent-replayed')], [201, null])
    assert.equal((await postAtOther(body, 'living')).text, made.text)
    assert.equal(await pagesOf('living@example.com'), 1)
  })

  test('201 what a dead process held is taken over within 5 s, and not begun again', async () => {
    const body = { ...wish, customer_email: 'dead@example.com' }
    await slowOpening(20_000)
    void post(body, 'dead').catch(() => {})
    await opening()
    // As if it had died: no sign of life comes from it any more.
    await admin.query(`create function hush() returns trigger language plpgsql as 'begin return null; end'`)
    await admin.query(`create trigger hush before insert on processes for each row
      when (new.id = '${server.ctx.holder.id}') execute function hush()`)
    const made = await until(
      'the taker',
      async () => {
        const answer = await postAtOther(body, 'dead')
        assert.ok([201, 409].includes(answer.status), answer.text)
        return answer.status === 201 && answer
      },
      backWithinMs,
    )
    await admin.query('drop trigger hush on processes')
    assert.equal(await requestsOf('dead@example.com'), 1)
    assert.equal((await postAtOther(body, 'dead')).text, made.text)
  })

  test('one answer where a holder lost the database alone, was taken over, and then came back', async () => {
    const body = { ...wish, customer_email: 'apart@example.com' }
    await slowOpening(5_000)
    const first = post(body, 'apart')
    await opening()
    line.cut()
    const taken = await until('the taker', async () => {
      const answer = await postAtOther(body, 'apart')
      return answer.status === 201 && answer
    })
    line.mend()
    const late = await first
    // Away, busy, or the taker's answer: never another page.
    assert.ok([409, 503].includes(late.status) || late.text === taken.text, late.text)
    assert.equal((await postAtOther(body, 'apart')).text, taken.text)
    assert.equal(await requestsOf('apart@example.com'), 1)
    assert.equal(await pagesOf('apart@example.com'), 1)
  })

  test('409 whoever was taken over makes nothing more under the key, and the same call is served then', async () => {
    const body = { url: 'https://example.com/taken-over' }
    const create = () => business.api('POST', '/v1/webhook-endpoints', body, keyed('taken over'))
    const made = async () =>
      (await admin.query('select count(*)::int as n from webhook_endpoints where url = $1', [body.url])).rows[0].n
    await admin.query(`create function take_over() returns trigger language plpgsql as $$ begin
      update idempotency_keys set token = gen_random_uuid() where key = 'taken over'; return new; end $$`)
    await admin.query(
      'create trigger take_over before insert on webhook_endpoints for each row execute function take_over()',
    )
    expectFailure(await create(), { status: 409, code: '012' })
    assert.equal(await made(), 0)
    await admin.query('drop trigger take_over on webhook_endpoints')
    const created = await create()
    assert.equal(created.status, 201, created.text)
    assert.equal((await create()).text, created.text)
    assert.equal(await made(), 1)
  })

  test('a process that is stopped while the database is away comes to its end', async () => {
    const own = await openTcpLine(database.url)
    const stopped = await startTestServer({ databaseUrl: own.url })
    own.cut()
    assert.equal((await stopped.call('GET', '/health/ready')).status, 503)
    await stopped.close()
    await own.close()
  })

  test('503 a test clock whose mover lost the database is let go within 5 s of its being back', async () => {
    const advance = () => business.api('POST', '/v1/test-clock/advance', { days: 1 }, keyed('advance'))
    await admin.query('begin')
    await admin.query('select 1 from business_modes where business_id = $1 for update', [business.id])
    const first = advance()
    await until('the move to wait', async () => {
      const { rows } = await watcher.query(`select 1 from pg_stat_activity where wait_event_type = 'Lock'
        and datname = current_database() and query like '%clock_held_until%'`)
      return rows.length > 0
    })
    line.cut()
    await admin.query('rollback')
    isAway(await first)
    line.mend()
    await until('the move', async () => (await advance()).status === 201, backWithinMs)
  })

  test('503 a commit that hangs is answered in time, readiness says so, and all goes on when it does', async () => {
    line.silence()
    const [answer, health] = await Promise.all([post(wish, 'silent'), server.call('GET', '/health/ready')])
    isAway(answer)
    assert.equal(health.status, 503)
    line.cut()
    line.mend()
    await until('the answer', async () => (await post(wish, 'silent')).status === 201, backWithinMs)
  })
})

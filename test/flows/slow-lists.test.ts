import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import pg from 'pg'
import type { Caller } from '../../src/domain/businesses/service.ts'
import * as customers from '../../src/domain/customers/service.ts'
import * as paymentRequests from '../../src/domain/payment-requests/service.ts'
import type { Lists } from '../../src/platform/lists.ts'
import { expectFailure } from '../support/expect.ts'
import { createDatabase, stopOwnPostgres } from '../support/postgres.ts'
import {
  attemptRef,
  type Backend,
  payAtSandbox,
  requestRef,
  startTestServer,
  type TestBusiness,
  type TestServer,
} from '../support/server.ts'
import { until } from '../support/wait.ts'

const page = { number: 1, size: 100, offset: 0 }

describe('lists that are slow', () => {
  let database: Awaited<ReturnType<typeof createDatabase>>
  let server: TestServer
  let greedy: TestBusiness
  let other: TestBusiness
  let locker: pg.Client
  /** Apart: what a transaction sees of the sessions stays as it saw it first. */
  let watcher: pg.Client
  before(async () => {
    database = await createDatabase()
    const env = { STATEMENT_TIMEOUT_MS: '60000', LOCK_TIMEOUT_MS: '60000' }
    server = await startTestServer({ databaseUrl: database.url, env })
    greedy = await server.business('Greedy')
    other = await server.business('Other')
    locker = new pg.Client(database.url)
    watcher = new pg.Client(database.url)
    await Promise.all([locker.connect(), watcher.connect()])
  })
  after(async () => {
    await locker?.end()
    await watcher?.end()
    await server?.close()
    await database?.drop()
    await stopOwnPostgres()
  })

  /** A list of a table that no payment needs. */
  const deliveriesOf = async (business: TestBusiness, mode: 'api' | 'live' = 'api') => {
    const { body } = await business[mode]('GET', '/v1/webhook-endpoints')
    return `/v1/webhook-endpoints/${body.data.webhook_endpoints.data[0].uuid}/deliveries`
  }

  test('twenty of one key keep nobody from paying or listing, and no worker from its work', async () => {
    const path = await deliveriesOf(greedy)
    await locker.query('begin')
    await locker.query('lock table webhook_deliveries in access exclusive mode')
    const lists = Array.from({ length: 20 }, () => greedy.api('GET', path))
    await until('the lists to hang', async () => {
      const { rows } = await watcher.query(`select 1 from pg_stat_activity where wait_event_type = 'Lock'
        and datname = current_database() and application_name = 'asyncpay-lists'`)
      return rows.length === 2
    })
    const startedAt = performance.now()
    const wish = { customer_email: 'ada@example.com', amount: '100' }
    const opened = await Promise.all(
      [greedy, other].map(async (business) => {
        const answer = await business.api('POST', '/v1/payment-requests', wish)
        assert.equal(answer.status, 201, answer.text)
        return answer
      }),
    )
    const listed = await other.api('GET', '/v1/payment-requests?search=ada@example.com')
    assert.equal(listed.body?.data.payment_requests.total, 1, listed.text)
    await payAtSandbox(server.url, attemptRef(opened[1]!))
    await until('the payment', async () => {
      const found = await other.api('GET', `/v1/payment-requests/retrieve-by-ref/${requestRef(opened[1]!)}`)
      return found.body.data.payment_request.status === 'successful'
    })
    assert.equal((await server.call('GET', '/health/ready')).status, 200)
    assert.ok(performance.now() - startedAt < 9_000)
    await locker.query('rollback')
    for (const answer of await Promise.all(lists)) assert.equal(answer.status, 200, answer.text)
  })

  test('those of both modes of one business count together: another business lists meanwhile', async () => {
    const [path, livePath] = [await deliveriesOf(greedy), await deliveriesOf(greedy, 'live')]
    await locker.query('begin')
    await locker.query('lock table webhook_deliveries in access exclusive mode')
    const lists = Array.from({ length: 20 }, (_, n) => (n % 2 ? greedy.api('GET', path) : greedy.live('GET', livePath)))
    try {
      await until('the lists to hang', async () => {
        const { rows } = await watcher.query(`select 1 from pg_stat_activity where wait_event_type = 'Lock'
          and datname = current_database() and application_name = 'asyncpay-lists'`)
        return rows.length >= 2
      })
      const listed = await other.api('GET', '/v1/customers')
      assert.equal(listed.status, 200, listed.text)
    } finally {
      await locker.query('rollback')
    }
    for (const answer of await Promise.all(lists)) assert.equal(answer.status, 200, answer.text)
  })

  test('429 of one key more than fifty wait for nobody', async () => {
    const path = await deliveriesOf(greedy)
    await locker.query('begin')
    await locker.query('lock table webhook_deliveries in access exclusive mode')
    const lists = Array.from({ length: 60 }, () => greedy.api('GET', path))
    const refused = await Promise.race(lists)
    expectFailure(refused, { status: 429, code: '009' })
    assert.ok(Number(refused.headers.get('retry-after')) > 0)
    await locker.query('rollback')
    const statuses = (await Promise.all(lists)).map((one) => one.status)
    assert.deepEqual([...new Set(statuses)].sort(), [200, 429])
    assert.ok(statuses.filter((status) => status === 200).length >= 52)
  })
})

for (const backend of ['embedded', 'postgres'] satisfies Backend[]) {
  test(`a search of the embedded database looks through the newest rows alone (${backend})`, async () => {
    const server = await startTestServer({ backend, role: 'api' })
    try {
      const business = await server.business()
      for (const n of [1, 2, 3, 4]) {
        const wish = { customer_email: `payer-${n}@example.com`, amount: '100' }
        assert.equal((await business.api('POST', '/v1/payment-requests', wish)).status, 201)
      }
      const lists: Lists = (_of, read) => read(server.ctx.db, 3)
      const ctx = { ...server.ctx, lists }
      const caller = { businessId: business.id, envMode: 'test' } as Caller
      const search = 'payer'
      for (const { list, rows } of [
        { list: customers.list, rows: (found: { rows: { email?: string }[] }) => found.rows.map((row) => row.email) },
        {
          list: paymentRequests.list,
          rows: (found: { rows: { customer?: { email: string } }[] }) => found.rows.map((row) => row.customer?.email),
        },
      ]) {
        const found = await list(ctx, caller, { search }, page)
        assert.equal(found.total, 3)
        assert.deepEqual(rows(found as never), ['payer-4@example.com', 'payer-3@example.com', 'payer-2@example.com'])
        assert.equal((await list(ctx, caller, {}, page)).total, 4)
      }
    } finally {
      await server.close()
      await stopOwnPostgres()
    }
  })
}

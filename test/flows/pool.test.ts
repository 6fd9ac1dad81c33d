import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import pg from 'pg'
import { call as callChannel, listAccounts } from '../../src/domain/payment-channels/service.ts'
import { assertNoTransaction, inTransaction } from '../../src/platform/db.ts'
import { createDatabase, stopOwnPostgres } from '../support/postgres.ts'
import { type Body, requestRef, startTestServer, type TestBusiness, type TestServer } from '../support/server.ts'
import { until } from '../support/wait.ts'

const poolSize = 4
const latencyMs = 2_000
const callers = 200
/** With a connection held by each call the last four would begin after 200 × 2 s / 4; this is a quarter of that. */
const reachedMaxMs = (callers * latencyMs) / poolSize / 4

describe(`a pool of ${poolSize} and a channel that takes ${latencyMs} ms`, () => {
  let database: Awaited<ReturnType<typeof createDatabase>>
  let server: TestServer
  let business: TestBusiness
  let watcher: pg.Client
  before(async () => {
    database = await createDatabase()
    server = await startTestServer({ databaseUrl: database.url, env: { POOL_SIZE: String(poolSize) } })
    business = await server.business()
    watcher = new pg.Client({ connectionString: database.url, application_name: 'watcher' })
    await watcher.connect()
  })
  after(async () => {
    await watcher?.end()
    await server?.close()
    await database?.drop()
    await stopOwnPostgres()
  })

  /** Connections of the API, and how many of all of ours wait inside a transaction. */
  const connections = async (): Promise<{ count: number; idleInTransaction: number }> => {
    const { rows } = await watcher.query(`select
        (count(*) filter (where application_name = 'asyncpay'))::int as count,
        (count(*) filter (where state like 'idle in transaction%'))::int as idle
      from pg_stat_activity where datname = current_database() and application_name like 'asyncpay%'`)
    return { count: rows[0].count, idleInTransaction: rows[0].idle }
  }

  test(`${callers} initiations at once all reach the channel, none holds a connection, all succeed`, async () => {
    const fault = { kind: 'latency', channel: 'paystack', operation: 'open', ms: latencyMs, times: callers }
    assert.equal((await server.call('POST', '/sandbox/control/faults', fault)).status, 201)
    let answered = 0
    const calls = Promise.all(
      Array.from({ length: callers }, async (_, nth) => {
        const answer = await business.api('POST', '/v1/payment-requests', {
          customer_email: `payer-${nth}@example.com`,
          amount: 100,
        })
        answered += 1
        return answer
      }),
    )
    // Each call at the channel uses up one of the fault's times.
    const all = until(
      `all calls at the channel within ${reachedMaxMs} ms`,
      async () => {
        const faults = (await server.call('GET', '/sandbox/control/faults')).body as Body[]
        return faults.length === 0
      },
      reachedMaxMs,
    )
    let looks = 0
    while (answered < callers) {
      const { count, idleInTransaction } = await connections()
      assert.equal(idleInTransaction, 0)
      assert.ok(count <= poolSize)
      looks += 1
    }
    assert.ok(looks > 0)
    const answers = await calls
    await all
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([201]))
    assert.equal(new Set(answers.map(requestRef)).size, callers)
    const checkouts = (await server.call('GET', '/sandbox/control/checkouts')).body as Body[]
    assert.equal(checkouts.length, callers)
  })

  test('a channel call inside a transaction is our mistake: it throws before anything is sent', async () => {
    const [account] = await listAccounts(server.ctx, { businessId: business.id, envMode: 'test' })
    assert.ok(account)
    const checkouts = async () => (await server.call('GET', '/sandbox/control/checkouts')).body.length
    const before = await checkouts()
    const opening = inTransaction(server.ctx.db, () =>
      callChannel(server.ctx, account, 'open', (channel, credentials, transport) =>
        channel.openCheckout(
          {
            reference: 'AsT-inside',
            amountMinor: 100_00n,
            currency: 'NGN',
            description: 'inside',
            payer: { email: 'a@example.com', firstName: null, lastName: null, fullName: null, phone: null },
            returnUrl: server.url,
            cancelUrl: server.url,
            saveMethod: false,
            expiresAt: new Date(Date.now() + 60_000),
          },
          credentials,
          transport,
        ),
      ),
    )
    // Not a ChannelError: that would be taken for an outage of the channel, and hide the mistake.
    await assert.rejects(opening, { name: 'AssertionError', message: /inside a database transaction/ })
    assert.equal(await checkouts(), before)
  })

  test('the guard knows this transaction from others, and its end', async () => {
    await inTransaction(server.ctx.db, async () => assert.throws(assertNoTransaction, /inside a database transaction/))
    assertNoTransaction()
    await Promise.all([
      inTransaction(server.ctx.db, async () => assert.throws(assertNoTransaction)),
      (async () => assertNoTransaction())(),
    ])
  })
})

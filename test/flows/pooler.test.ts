import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Bouncer, startBouncer } from '../support/pgbouncer.ts'
import { createDatabase, stopOwnPostgres } from '../support/postgres.ts'
import { runCommand } from '../support/process.ts'
import { withPgBouncer } from '../support/programs.ts'
import {
  attemptRef,
  type Body,
  payAtSandbox,
  requestRef,
  startTestServer,
  type TestBusiness,
  type TestServer,
  testMasterKey,
} from '../support/server.ts'
import { until } from '../support/wait.ts'

describe('behind PgBouncer in transaction mode', withPgBouncer, () => {
  let database: Awaited<ReturnType<typeof createDatabase>>
  let bouncer: Bouncer
  let server: TestServer
  let business: TestBusiness
  before(async () => {
    database = await createDatabase()
    bouncer = await startBouncer(database.url)
    server = await startTestServer({ databaseUrl: bouncer.url, env: { POOL_SIZE: '12' } })
    business = await server.business()
  })
  after(async () => {
    await server?.close()
    await bouncer?.stop()
    await database?.drop()
    await stopOwnPostgres()
  })

  test('an empty database was migrated through it, and 60 payments at once are taken, paid and told', async () => {
    const numbers = Array.from({ length: 60 }, (_, nth) => nth)
    const opened = await Promise.all(
      numbers.map((nth) =>
        business.api(
          'POST',
          '/v1/payment-requests',
          { customer_email: `buyer${nth}@example.com`, amount: 1000 + nth, currency: 'NGN', reference: `order-${nth}` },
          { 'idempotency-key': `key-${nth}` },
        ),
      ),
    )
    assert.deepEqual(new Set(opened.map(({ status, text }) => (status === 201 ? 201 : text))), new Set([201]))
    await Promise.all(opened.map((one) => payAtSandbox(server.url, attemptRef(one))))
    for (const one of opened) {
      await until('the payment to be known', async () => {
        const path = `/v1/payment-requests/retrieve-by-ref/${requestRef(one)}`
        const { body } = await business.api('GET', path)
        return body.data.payment_request.status === 'successful'
      })
    }
    const listed = await business.api('GET', '/v1/payment-requests?status=successful&per_page=100')
    assert.equal(listed.body.data.payment_requests.total, 60)
    const hooks = await server.ctx.database.pool.query(
      `select outcome, count(*)::int as n from hook_inbox group by outcome`,
    )
    assert.deepEqual(hooks.rows, [{ outcome: 'asked', n: 60 }])
  })

  test('its sessions hold no statement of ours', async () => {
    const counts: Body[] = []
    for (let nth = 0; nth < 12; nth += 1) {
      counts.push(...(await server.ctx.database.pool.query('select name from pg_prepared_statements')).rows)
    }
    assert.deepEqual(counts, [])
  })

  test('doctor says that there is a pooler, and that it was understood', async () => {
    const env = { DATABASE_URL: bouncer.url, ASYNCPAY_MASTER_KEY: testMasterKey, DATA_DIR: server.config.dataDir }
    assert.match(await runCommand(['doctor'], env), /^ok +database +PostgreSQL \d+ behind a pooler, .*\n/m)
    assert.match(
      await runCommand(['doctor'], { ...env, DATABASE_URL: database.url }),
      /^ok +database +PostgreSQL \d+\n/m,
    )
  })
})

import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import pg from 'pg'
import { sql } from '../../src/platform/db.ts'
import { createDatabase, stopOwnPostgres } from '../support/postgres.ts'
import { runCommand } from '../support/process.ts'
import { attemptRef, payAtSandbox, requestRef, startTestServer, testMasterKey } from '../support/server.ts'
import { until } from '../support/wait.ts'

/** What an administrator may have set for the database; none of it may reach our statements. */
const defaults: [name: string, value: string][][] = [
  [['default_transaction_isolation', "'serializable'"]],
  [['default_transaction_isolation', "'repeatable read'"]],
  [['datestyle', "'SQL, DMY'"]],
  [
    ['default_transaction_read_only', 'on'],
    ['datestyle', "'German'"],
    ['timezone', "'Asia/Kolkata'"],
    ['search_path', 'elsewhere, pg_catalog'],
    ['standard_conforming_strings', 'off'],
    ['bytea_output', "'escape'"],
    ['intervalstyle', "'sql_standard'"],
    // Longer than it takes to tell a session otherwise on a busy machine, shorter than the statement below.
    ['statement_timeout', "'250ms'"],
    ['lock_timeout', "'250ms'"],
  ],
]

describe('the defaults of a database', () => {
  after(stopOwnPostgres)

  const payAll = async (settings: [string, string][]) => {
    const database = await createDatabase()
    const admin = new pg.Client(database.url)
    await admin.connect()
    await admin.query('create schema elsewhere')
    const { rows } = await admin.query('select current_database() as name')
    for (const [name, value] of settings) await admin.query(`alter database ${rows[0].name} set ${name} = ${value}`)
    await admin.end()
    const server = await startTestServer({ databaseUrl: database.url })
    try {
      await sql`select pg_sleep(0.4)`.execute(server.ctx.db)
      const business = await server.business()
      const wish = { customer_email: 'ada@example.com', amount: '100' }
      // Many at once for one new customer, twins among them: every conflict that a create can have.
      const keyed = (n: number) => ({ 'idempotency-key': `default ${n}` })
      const answers = await Promise.all(
        Array.from({ length: 12 }, (_, n) => business.api('POST', '/v1/payment-requests', wish, keyed(n % 8))),
      )
      assert.deepEqual(
        [...new Set(answers.map((one) => one.status))].filter((one) => one !== 409),
        [201],
        answers[0]!.text,
      )
      const opened = answers.filter((one) => one.status === 201)
      await Promise.all(opened.map((one) => payAtSandbox(server.url, attemptRef(one))))
      for (const one of opened) {
        const paid = await until('the payment', async () => {
          const path = `/v1/payment-requests/retrieve-by-ref/${requestRef(one)}`
          const { payment_request } = (await business.api('GET', path)).body.data
          return payment_request.status === 'successful' && payment_request
        })
        assert.match(paid.created_at, /^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/)
        assert.ok(Math.abs(Date.parse(paid.created_at) - Date.now()) < 600_000)
      }
      const listed = await business.api('GET', '/v1/payment-requests?search=ada@example.com')
      assert.equal(listed.body.data.payment_requests.total, 8)
      const schemas = await server.ctx.database.pool.query(
        `select distinct table_schema from information_schema.tables where table_name in ('businesses', 'events')`,
      )
      assert.deepEqual(schemas.rows, [{ table_schema: 'public' }])
    } finally {
      await server.close()
      await database.drop()
    }
  }

  for (const settings of defaults) {
    const names = settings.map(([name, value]) => `${name} = ${value}`).join(', ')
    test(`201 ${names}: changes no answer`, () => payAll(settings))
  }

  test('doctor names what differs, and says what is done about it', async () => {
    const database = await createDatabase()
    const env = { DATABASE_URL: database.url, ASYNCPAY_MASTER_KEY: testMasterKey }
    try {
      assert.match(await runCommand(['doctor'], env), /^ok +defaults +as Asyncpay wants them$/m)
      const admin = new pg.Client(database.url)
      await admin.connect()
      const { rows } = await admin.query('select current_database() as name')
      await admin.query(`alter database ${rows[0].name} set datestyle = 'SQL, DMY'`)
      await admin.query(`alter database ${rows[0].name} set search_path = elsewhere`)
      await admin.end()
      const said = await runCommand(['doctor'], env)
      assert.match(
        said,
        /^ok +defaults +search_path = elsewhere, datestyle = SQL, DMY: each session .* told otherwise$/m,
      )
      assert.match(said, /^ok +connections +a process opens up to 21, the server lets in \d+$/m)
      const many = runCommand(['doctor'], { ...env, POOL_SIZE: '500' })
      await assert.rejects(many, /WRONG +connections +a process opens up to 511, .*: lower POOL_SIZE/)
    } finally {
      await database.drop()
    }
  })
})

import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import pg from 'pg'
import { stopOwnPostgres } from '../../test/support/postgres.ts'
import { startTestServer } from '../../test/support/server.ts'
import { until } from '../../test/support/wait.ts'

describe('health', () => {
  after(stopOwnPostgres)

  test('ready while the database answers; without it 503 that says so and names nothing of it, and still alive', async () => {
    const server = await startTestServer({ backend: 'postgres', role: 'api' })
    try {
      const well = await server.call('GET', '/health/ready')
      assert.deepEqual([well.status, well.body], [200, { status: 'ok', checks: { database: 'ok', jobs: 'ok' } }])
      const name = new URL(server.config.databaseUrl ?? '').pathname.slice(1)
      // Its database goes away under it.
      const url = new URL(server.config.databaseUrl ?? '')
      url.pathname = '/postgres'
      const client = new pg.Client({ connectionString: url.href })
      await client.connect()
      await client.query(`drop database ${name} with (force)`)
      await client.end()
      const ill = await until('it to notice', async () => {
        const answer = await server.call('GET', '/health/ready')
        return answer.status === 503 && answer.body.checks.database === 'cannot be reached' && answer
      })
      assert.equal(ill.body.status, 'unavailable')
      assert.ok(Number(ill.headers.get('retry-after')) > 0)
      assert.ok(!ill.text.includes(name) && !/127\.0\.0\.1|postgres|localhost/.test(ill.text), ill.text)
      assert.deepEqual((await server.call('GET', '/health/live')).body, { status: 'ok' })
    } finally {
      await server.close()
    }
  })

  test('metrics count answers by route pattern and statuses, never by what a stranger sent', async () => {
    const server = await startTestServer({ backend: 'postgres', role: 'api' })
    try {
      await server.call('GET', '/v1/payment-requests/retrieve-by-ref/canary')
      await server.call('GET', '/canary')
      const { text, headers } = await server.call('GET', '/metrics')
      assert.match(headers.get('content-type') ?? '', /^text\/plain/)
      assert.match(
        text,
        /http_request_duration_seconds_count\{method="GET",route="\/v1\/payment-requests\/retrieve-by-ref\/:ref",status="401"\} 1/,
      )
      assert.match(text, /^sql_round_trips_total [1-9]/m)
      assert.match(text, /^sql_pool_waiting 0/m)
      assert.ok(!text.includes('canary'))
    } finally {
      await server.close()
    }
  })
})

import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { stopOwnPostgres } from '../support/postgres.ts'
import { attemptRef, type Body, payAtSandbox, startTestServer, type TestBusiness, type TestServer, threeChannels } from '../support/server.ts'
import { until } from '../support/wait.ts'

describe('renewals', () => {
  let server: TestServer
  let business: TestBusiness
  before(async () => {
    server = await startTestServer({ backend: 'postgres' })
    business = await threeChannels(server)
  })
  after(async () => {
    await server?.close()
    await stopOwnPostgres()
  })

  test('a year', async () => {
    const plan = await business.api('POST', '/v1/subscription-plans', { name: 'Monthly', interval: 'monthly', amount: 5000 })
    assert.equal(plan.status, 201, plan.text)
    const opened = await business.api('POST', '/v1/payment-requests/subscribe-to-plan', { customer_email: 'year@example.com', subscription_plan_uuid: plan.body.data.uuid, is_trial: 1, payment_channel: 'paystack' })
    assert.equal(opened.status, 201, opened.text)
    await payAtSandbox(server.url, attemptRef(opened), 'success', 'paystack')
    await until('sub', async () => (await business.api('GET', '/v1/subscriptions')).body.data.subscriptions.total === 1)
    const at = Date.now()
    const done = await business.api('POST', '/v1/test-clock/advance', { days: 365 })
    console.log(Date.now() - at, 'ms', done.text)
    assert.equal(done.status, 201, done.text)
    const subs = await business.api('GET', '/v1/subscriptions')
    console.log(JSON.stringify(subs.body.data.subscriptions.data[0], null, 1).slice(0, 900))
    const { rows } = await server.ctx.database.pool.query('select number, status, starts_at, ends_at, refusals from subscription_periods order by number')
    console.log(rows.length, rows[0], rows.at(-1))
    const ev = await server.ctx.database.pool.query('select type, count(*)::int as n from events group by 1')
    console.log(ev.rows)
    const mails = await server.ctx.database.pool.query('select template, count(*)::int as n from mails group by 1')
    console.log(mails.rows)
    const ledger = (await server.call('GET', '/sandbox/control/ledger')).body as Body[]
    console.log(ledger.length, ledger[0], ledger.at(-1))
    const t = await server.ctx.database.pool.query('select summary, count(*)::int as n from timeline_records group by 1 order by 2')
    console.log(t.rows)
  })
})

import assert from 'node:assert/strict'
import { after, afterEach, beforeEach, describe, test } from 'node:test'
import { stopOwnPostgres } from '../support/postgres.ts'
import { saveCard } from '../support/saved.ts'
import { type Body, startTestServer, type TestServer, threeChannels } from '../support/server.ts'
import { advance, chargesOf, createPlan, subscribe, subscriptionOf } from '../support/subscriptions.ts'
import { until } from '../support/wait.ts'

/** What is at a provider lives in real time, however far a test clock moves meanwhile. */

after(stopOwnPostgres)

describe('a test clock that moves while something is at the provider', () => {
  let server: TestServer
  beforeEach(async () => {
    server = await startTestServer({ backend: 'postgres' })
  })
  afterEach(() => server?.close())

  const slowly = async (operation: string, ms: number) => {
    const fault = { channel: 'paystack', operation, kind: 'latency', ms, times: 1 }
    assert.equal((await server.call('POST', '/sandbox/control/faults', fault)).status, 201)
  }

  test('a charge that is on its way while the clock moves is waited for: the period is charged once', async () => {
    const own = await threeChannels(server)
    const { subscription, customer } = await subscribe(server, own, await createPlan(own))
    await advance(own, { days: 29 })
    await slowly('charge', 4_000)
    await server.ctx.database.pool.query(
      `update business_modes set clock_offset_seconds = clock_offset_seconds + 86400
       where business_id = $1 and env_mode = 'test'`,
      [own.id],
    )
    const attemptsOfIt = async () => {
      const { rows } = await server.ctx.database.pool.query(
        `select t.status, t.reason from transactions t join payment_requests r on r.id = t.payment_request_id
         where r.subscription_id = $1 order by t.id`,
        [subscription.uuid],
      )
      return rows
    }
    await until('the charge to be on its way', async () => (await attemptsOfIt()).length === 1)
    await advance(own, { days: 3 })
    await until('the charge', async () => (await attemptsOfIt()).some((one) => one.status === 'successful'))
    assert.deepEqual(await attemptsOfIt(), [{ status: 'successful', reason: null }])
    assert.equal((await chargesOf(server, customer)).length, 2)
    assert.equal((await subscriptionOf(own, subscription.uuid)).status, 'active')
  })

  test('a refund that is on its way while the clock moves is not sent again', async () => {
    const own = await threeChannels(server)
    await slowly('refund', 4_000)
    await saveCard(server, own, 'paystack')
    const refunds = async (): Promise<{ status: string; sent_at: Date }[]> =>
      (await server.ctx.database.pool.query('select status, sent_at from refunds where business_id = $1', [own.id]))
        .rows
    await until('the refund to be on its way', async () => (await refunds()).length === 1)
    await advance(own, { days: 3 })
    const back = await until('the money to be back', async () => {
      const ledger = (await server.call('GET', '/sandbox/control/ledger')).body as Body[]
      return ledger.find((row) => row.kind === 'refund' && row.status === 'success')
    })
    const [sent] = await refunds()
    // It was the first call that gave it back: a second one would have been faster.
    assert.ok(sent && Date.parse(back.at) - sent.sent_at.getTime() >= 3_900, back.at)
    await advance(own, { days: 1 })
    await until('the refund to be known', async () => (await refunds())[0]?.status === 'successful')
  })
})

import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { stopOwnPostgres } from '../support/postgres.ts'
import { startReceiver } from '../support/receiver.ts'
import { cards, saveCard } from '../support/saved.ts'
import {
  attemptRef,
  payAtSandbox,
  requestRef,
  startTestServer,
  type TestBusiness,
  type TestServer,
  threeChannels,
} from '../support/server.ts'
import { lockFaults, recordStatements, type Statement, unheldAttempts } from '../support/statements.ts'
import { advance, createPlan, subscribe } from '../support/subscriptions.ts'
import { until } from '../support/wait.ts'

/**
 * Whoever holds several rows takes them in one order, so that two can wait for each other nowhere (I21): the statements of
 * the journeys that touch most are walked as they were sent.
 */

const client = {}
const statement = (text: string, ...values: string[]): Statement => ({ client, text, values })

describe('the guard itself', () => {
  test('names an attempt that is taken before its request, in one statement and in two', () => {
    const one = [statement('with a as (update transactions set x = 1) update payment_requests set y = 2 from a')]
    assert.equal(lockFaults(one).length, 1)
    assert.equal(unheldAttempts(one).length, 1)
    const two = [
      statement('begin'),
      statement('update "transactions" set x = 1 where id = $1', 'a'),
      statement('select * from "payment_requests" where "id" = $1 for no key update', 'b'),
      statement('commit'),
    ]
    assert.equal(lockFaults(two).length, 1)
    assert.equal(unheldAttempts(two).length, 1)
  })

  test('has nothing against the order, nor against rows that the transaction has made', () => {
    const right = [
      statement('begin'),
      statement('select * from "payment_requests" where "id" = $1 for no key update', 'b'),
      statement('update "transactions" set x = 1 where id = $1', 'a'),
      statement('update payment_requests set x = 1 where id = $1', 'b'),
      statement('commit'),
      statement('begin'),
      statement('select id from customers where id = $1 for no key update', 'c'),
      statement('insert into payment_requests (id) values ($1)', 'new'),
      statement('select * from "payment_requests" where "id" = $1 for no key update', 'new'),
      statement('insert into transactions (id) values ($1)', 'new too'),
      statement('update "transactions" set x = 1 where id = $1', 'new too'),
      statement('commit'),
    ]
    assert.deepEqual(lockFaults(right), [])
    assert.deepEqual(unheldAttempts(right), [])
  })
})

test('locks leave foreign keys alone: no plain `for update` but where whoever refers to the row shall wait', () => {
  const root = join(import.meta.dirname, '../..')
  const found = globSync('src/**/*.ts', { cwd: root }).flatMap((file) =>
    readFileSync(join(root, file), 'utf8')
      .split('\n')
      .filter((line) => /\bfor update\b(?!.*skip locked)|\.forUpdate\(/.test(line))
      .map((line) => `${file}: ${line.trim()}`),
  )
  // A subscription that is made to a plan whose price is being changed; a card or a subscription of a customer who is
  // being erased.
  const waited = /^src\/domain\/(subscription-plans|erasures)\/store\.ts/
  assert.deepEqual(
    found.filter((line) => !waited.test(line)),
    [],
  )
})

describe('one order of locks', () => {
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

  const post = async (path: string, body: object) => {
    const answer = await business.api('POST', path, body)
    assert.ok(answer.status < 300, answer.text)
    return answer
  }
  const patch = (path: string) => business.api('PATCH', path)
  const initiate = () => post('/v1/payment-requests', { customer_email: 'ada@example.com', amount: 5000 })

  async function payAndRelay(): Promise<void> {
    const created = await initiate()
    const relay = (slug: string) =>
      post('/v1/payment-requests/relay', { payment_request_ref: requestRef(created), payment_channel: slug })
    await Promise.all(['stripe', 'flutterwave', 'paystack'].map(relay))
    // The page that was given up is paid, and the money goes back.
    await payAtSandbox(server.url, attemptRef(created))
    await patch(`/v1/payment-requests/${requestRef(created)}/verify`)
    await patch(`/v1/payment-requests/${requestRef(created)}/cancel`)
    const refused = { channel: 'paystack', operation: 'open', kind: 'status', status: 500, times: 1 }
    await server.call('POST', '/sandbox/control/faults', refused)
    await initiate()
    await until('the refund', async () => (await server.ctx.db.selectFrom('refunds').select('id').execute()).length > 0)
  }

  async function subscribeAndRenew(): Promise<void> {
    const plan = await createPlan(business, { trial_period: 1 })
    const declined = await subscribe(server, business, plan, { card: 'declines', isTrial: true })
    const paid = await subscribe(server, business, plan)
    await advance(business, { days: 32 })
    const { email } = declined.subscription.customer
    const ahead = { customer_email: email, subscription_plan_uuid: plan.uuid, extend_subscription_by: 2 }
    const opened = await post('/v1/payment-requests', { ...ahead, payment_channel: 'stripe' })
    await payAtSandbox(server.url, attemptRef(opened), 'success', 'stripe')
    await patch(`/v1/payment-requests/${requestRef(opened)}/verify`)
    await advance(business, { days: 9 })
    for (const { subscription } of [declined, paid])
      await patch(`/v1/subscriptions/${subscription.uuid}/cancel?immediately=1`)
    const path = `/v1/customers/${paid.customer}/payment-methods`
    const second = await saveCard(server, business, 'stripe', cards.stripe.pays, paid.subscription.customer.email)
    await patch(`${path}/${second.method}/default`)
    await business.api('DELETE', `${path}/${paid.method}`)
  }

  async function toldByWebhook(): Promise<void> {
    const receiver = await startReceiver()
    const made = await post('/v1/webhook-endpoints', { url: receiver.url })
    const path = `/v1/webhook-endpoints/${made.body.data.uuid}`
    const created = await initiate()
    await patch(`/v1/payment-requests/${requestRef(created)}/cancel`)
    const from = new Date(0).toISOString()
    const to = new Date('2100-01-01').toISOString()
    const answers = await Promise.all([
      ...Array.from({ length: 6 }, (_, nth) => post(`${path}/replay`, nth % 2 ? { failed: true } : { from, to })),
      patch(`${path}/roll-secret`),
      patch(`${path}/roll-secret`),
    ])
    assert.ok(answers.every((one) => one.status < 300))
    await receiver.close()
  }

  test('the statements of payments, refunds, renewals and webhooks, as they were sent', async () => {
    const recorder = recordStatements()
    let statements: Statement[] = []
    try {
      await payAndRelay()
      await subscribeAndRenew()
      await toldByWebhook()
    } finally {
      statements = recorder.stop()
    }
    assert.deepEqual(lockFaults(statements), [])
    assert.deepEqual(unheldAttempts(statements), [])
    const locking = statements.filter(({ text }) => text.includes('for no key update'))
    assert.ok(locking.length > 50, `only ${locking.length} statements took a lock`)
  })
})

import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { dayMs, minuteMs } from '../../src/platform/clock.ts'
import { stopOwnPostgres } from '../support/postgres.ts'
import {
  attemptRef,
  type Backend,
  type Body,
  call,
  payAtSandbox,
  startTestServer,
  type TestBusiness,
  type TestServer,
  threeChannels,
} from '../support/server.ts'
import {
  advance,
  assertUnbroken,
  chargesOf,
  createPlan,
  eventsOf,
  mailsTo,
  periodsOf,
  subscribe,
  subscriptionOf,
} from '../support/subscriptions.ts'
import { until } from '../support/wait.ts'

after(stopOwnPostgres)

const fault = (server: TestServer, body: Body) => server.call('POST', '/sandbox/control/faults', body)
const times = <T>(count: number, one: T): T[] => Array.from({ length: count }, () => one)

for (const backend of ['embedded', 'postgres'] satisfies Backend[]) {
  describe(`a year in seconds, on ${backend}`, () => {
    let server: TestServer
    let business: TestBusiness
    before(async () => {
      server = await startTestServer({ backend })
      business = await threeChannels(server)
    })
    after(() => server?.close())

    test('a monthly plan with a trial: the sandbox’s ledger, the events and the mails agree one to one', async () => {
      const plan = await createPlan(business, { name: 'A year' })
      const opened = await business.api('POST', '/v1/payment-requests/subscribe-to-plan', {
        customer_email: 'year@example.com',
        subscription_plan_uuid: plan.uuid,
        is_trial: 1,
        payment_channel: 'paystack',
      })
      assert.equal(opened.status, 201, opened.text)
      await payAtSandbox(server.url, attemptRef(opened))
      const subscription: Body = await until('the trial', async () => {
        const { data } = (await business.api('GET', '/v1/subscriptions')).body.data.subscriptions
        return data[0]
      })
      assert.equal(subscription.status, 'trialing')
      assert.equal(subscription.trial_ends_at, subscription.current_period_end)

      const startedAt = Date.now()
      await advance(business, { days: 365 })
      console.log(`a year on ${backend}: ${Date.now() - startedAt} ms`)

      const periods = await periodsOf(server, subscription.uuid)
      assertUnbroken(periods)
      assert.equal(periods.length, 12)
      assert.ok(periods.every((one) => one.status === 'paid' && one.request_status === 'successful'))
      assert.equal(periods[0]?.starts_at.getTime(), new Date(subscription.trial_ends_at).getTime())
      for (const { starts_at, ends_at } of periods) assert.equal(ends_at.getTime() - starts_at.getTime(), 30 * dayMs)
      // The trial's least sum, which went back, and twelve periods.
      const charges = await chargesOf(server, subscription.customer.uuid)
      assert.deepEqual(
        charges.map((one) => one.amount_minor),
        [5000, ...times(12, 500_000)],
      )
      const ledger = (await server.call('GET', '/sandbox/control/ledger')).body as Body[]
      assert.deepEqual(
        ledger.filter((row) => row.kind === 'refund').map((row) => [row.reference, row.amount_minor, row.status]),
        [[charges[0]?.reference, 5000, 'success']],
      )
      assert.deepEqual(await eventsOf(server, subscription.uuid), ['created', ...times(12, 'renewed')])
      assert.deepEqual(await mailsTo(server, 'year@example.com'), [
        'welcome',
        ...times(12, ['renewal_coming', 'receipt']).flat(),
      ])
      const mailed = await until('the mails to be sent', async () => {
        const mails = (await server.call('GET', '/sandbox/control/mails')).body as Body[]
        return mails.length >= 25 && mails
      })
      assert.equal(mailed.length, 25)
    })
  })
}

describe('a period that is refused', () => {
  let server: TestServer
  before(async () => {
    server = await startTestServer({ backend: 'postgres' })
  })
  after(() => server?.close())

  test('recovered on the second try: one charge, past_due between, and the next period begins on its day', async () => {
    const business = await threeChannels(server)
    const { subscription, customer } = await subscribe(server, business, await createPlan(business))
    await fault(server, { channel: 'paystack', operation: 'charge', kind: 'status', status: 400, times: 1 })
    await advance(business, { days: 30 })
    const refused = await subscriptionOf(business, subscription.uuid)
    assert.equal(refused.status, 'past_due')
    assert.match(refused.payment_link, /\/pay\/AsP-/)
    await advance(business, { days: 2 })
    const recovered = await subscriptionOf(business, subscription.uuid)
    assert.equal(recovered.status, 'active')
    assert.equal(recovered.payment_link, null)
    const periods = await periodsOf(server, subscription.uuid)
    assertUnbroken(periods)
    assert.deepEqual(
      periods.map((one) => [one.status, one.refusals]),
      [
        ['paid', 0],
        ['paid', 1],
      ],
    )
    assert.equal((await chargesOf(server, customer)).length, 2)
    assert.deepEqual(await eventsOf(server, subscription.uuid), ['created', 'payment_failed', 'renewed'])
    assert.deepEqual(await mailsTo(server, subscription.customer.email), [
      'welcome',
      'receipt',
      'renewal_coming',
      'payment_failed',
      'receipt',
    ])
  })

  test('recovered by the mailed link through another channel, whose card renews from then on', async () => {
    const business = await threeChannels(server)
    const plan = await createPlan(business)
    const { subscription, customer } = await subscribe(server, business, plan, { card: 'declines', isTrial: true })
    await advance(business, { days: 32 })
    const due = await subscriptionOf(business, subscription.uuid)
    assert.equal(due.status, 'past_due')
    const link = await until('the mail with the link', async () => {
      const { body } = await call(server.url, 'GET', `/sandbox/control/mails?to=${subscription.customer.email}`)
      const failed = body.find((mail: Body) => mail.text.includes('/pay/'))
      return /https?:\/\/\S+\/pay\/[\w-]+/.exec(failed?.text ?? '')?.[0]
    })
    assert.equal(link, due.payment_link, 'the mailed link is the one that the subscription shows')
    const shared = await call(server.url, 'GET', new URL(due.payment_link).pathname)
    const token = /\/checkout\/([\w.-]+)/.exec(shared.text + (shared.headers.get('location') ?? ''))?.[1]
    assert.ok(token, shared.text.slice(0, 300))
    const relayed = await call(server.url, 'POST', `/checkout/${token}/relay`, { payment_channel: 'flutterwave' })
    assert.equal(relayed.status, 201, relayed.text)
    const ref = due.payment_link.split('/').at(-1)
    const request = await business.api('GET', `/v1/payment-requests/retrieve-by-ref/${ref}`)
    await payAtSandbox(server.url, attemptRef(request), 'success', 'flutterwave')
    const paid = await until('the recovery', async () => {
      const now = await subscriptionOf(business, subscription.uuid)
      return now.status === 'active' && now
    })
    assert.equal(paid.payment_method.payment_channel_slug, 'flutterwave')
    await advance(business, { days: 30 })
    const periods = await periodsOf(server, subscription.uuid)
    assertUnbroken(periods)
    assert.deepEqual(
      periods.map((one) => one.status),
      ['paid', 'paid'],
    )
    assert.deepEqual(
      (await chargesOf(server, customer)).map((one) => one.channel),
      ['flutterwave', 'flutterwave'],
    )
    assert.deepEqual(await eventsOf(server, subscription.uuid), [
      'created',
      'payment_failed',
      'payment_failed',
      'renewed',
      'renewed',
    ])
  })

  test('never recovered: tried after 1, 3, 5 and 7 days, then expired; events in order, no later charge', async () => {
    const business = await threeChannels(server)
    const plan = await createPlan(business)
    const { subscription, customer } = await subscribe(server, business, plan, { card: 'declines', isTrial: true })
    await advance(business, { days: 90 })
    const over = await subscriptionOf(business, subscription.uuid)
    assert.equal(over.status, 'expired')
    assert.equal(over.payment_link, null)
    const [period] = await periodsOf(server, subscription.uuid)
    assert.deepEqual([period?.status, period?.request_status, period?.refusals], ['unpaid', 'expired', 5])
    const { rows } = await server.ctx.database.pool.query<{ created_at: Date }>(
      `select t.created_at from transactions t join payment_requests r on r.id = t.payment_request_id
       where r.subscription_id = $1 order by t.id`,
      [subscription.uuid],
    )
    const dueAt = new Date(subscription.trial_ends_at).getTime()
    assert.deepEqual(
      rows.map(({ created_at }) => Math.round((created_at.getTime() - dueAt) / dayMs)),
      [0, 1, 3, 5, 7],
    )
    assert.deepEqual(await eventsOf(server, subscription.uuid), ['created', ...times(5, 'payment_failed'), 'expired'])
    assert.deepEqual(await mailsTo(server, subscription.customer.email), [
      'welcome',
      'renewal_coming',
      ...times(4, 'payment_failed'),
      // The last refusal is told with the end.
      'cancelled',
    ])
    assert.equal((await chargesOf(server, customer)).length, 0)
  })

  for (const [card, why] of [
    ['expires', 'a hard decline'],
    ['wantsPayer', 'an issuer that wants the payer'],
  ] as const) {
    test(`${why} is not charged again: the link alone is mailed until the subscription ends`, async () => {
      const business = await threeChannels(server)
      const { subscription } = await subscribe(server, business, await createPlan(business), { card, isTrial: true })
      await advance(business, { days: 60 })
      const { rows } = await server.ctx.database.pool.query<{ n: number }>(
        `select count(*)::int as n from transactions t join payment_requests r on r.id = t.payment_request_id
         where r.subscription_id = $1`,
        [subscription.uuid],
      )
      assert.equal(rows[0]?.n, 1)
      assert.equal((await subscriptionOf(business, subscription.uuid)).status, 'expired')
      const told = await until('the mails', async () => {
        const { body } = await call(server.url, 'GET', `/sandbox/control/mails?to=${subscription.customer.email}`)
        const failed: Body[] = body.filter((mail: Body) => mail.text.includes('/pay/'))
        return failed.length === 4 && failed
      })
      for (const { text } of told) assert.doesNotMatch(text, /try again/i, 'no charge is promised that will not come')
      assert.deepEqual(await eventsOf(server, subscription.uuid), ['created', ...times(5, 'payment_failed'), 'expired'])
    })
  }

  test('without a method a due renewal is past_due, and the link is mailed', async () => {
    const business = await threeChannels(server)
    const { subscription, customer, method } = await subscribe(server, business, await createPlan(business))
    const gone = await business.api('DELETE', `/v1/customers/${customer}/payment-methods/${method}`)
    assert.equal(gone.status, 200, gone.text)
    await advance(business, { days: 30 })
    const due = await subscriptionOf(business, subscription.uuid)
    assert.equal(due.status, 'past_due')
    assert.match(due.payment_link, /\/pay\/AsP-/)
    assert.equal(due.payment_method, null)
  })
})

describe('a charge without an answer', () => {
  let server: TestServer
  before(async () => {
    server = await startTestServer({ backend: 'postgres' })
  })
  after(() => server?.close())

  test('stays unknown and is not repeated while the channel is silent; its word ends it', async () => {
    const business = await threeChannels(server)
    const { subscription, customer } = await subscribe(server, business, await createPlan(business))
    await fault(server, { channel: 'paystack', operation: 'charge', kind: 'drop_after', times: 1 })
    await fault(server, { channel: 'paystack', operation: 'verify', kind: 'drop_before' })
    await fault(server, { channel: 'paystack', kind: 'webhook_lost' })
    await advance(business, { days: 50 })
    const attempts = async () => {
      const { rows } = await server.ctx.database.pool.query<{ status: string }>(
        `select t.status from transactions t join payment_requests r on r.id = t.payment_request_id
         where r.subscription_id = $1 order by t.id`,
        [subscription.uuid],
      )
      return rows.map(({ status }) => status)
    }
    assert.deepEqual(await attempts(), ['unknown'])
    assert.equal((await periodsOf(server, subscription.uuid)).at(-1)?.status, 'open')
    assert.equal((await chargesOf(server, customer)).length, 2)
    await server.call('DELETE', '/sandbox/control/faults')
    await until('the breaker to close', async () => {
      const ref = (await periodsOf(server, subscription.uuid)).at(-1)?.request
      const asked = await business.api('PATCH', `/v1/payment-requests/${ref}/verify`)
      return asked.status === 200
    })
    await advance(business, { days: 1 })
    assert.deepEqual(await attempts(), ['successful'])
    const periods = await periodsOf(server, subscription.uuid)
    assertUnbroken(periods)
    // Its second period is paid, and long over is not the third yet: 51 days of 60.
    assert.deepEqual(
      periods.map((one) => one.status),
      ['paid', 'paid'],
    )
    assert.equal((await chargesOf(server, customer)).length, 2)
    assert.deepEqual(await eventsOf(server, subscription.uuid), ['created', 'renewed'])
  })

  test('that was never received is sent once more, and no failure is told', async () => {
    const business = await threeChannels(server)
    const { subscription, customer } = await subscribe(server, business, await createPlan(business))
    await fault(server, { channel: 'paystack', operation: 'charge', kind: 'drop_before', times: 1 })
    await advance(business, { days: 31 })
    // Its channel's time is the real one, of which hardly any has passed.
    assert.deepEqual(await eventsOf(server, subscription.uuid), ['created'])
    assert.equal((await chargesOf(server, customer)).length, 1)
    server.clock.advance(16 * minuteMs)
    await advance(business, { days: 4 })
    assert.deepEqual(await eventsOf(server, subscription.uuid), ['created', 'renewed'])
    assert.equal((await chargesOf(server, customer)).length, 2)
  })
})

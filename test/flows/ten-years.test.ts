import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { DateTime } from 'luxon'
import { followDue, renewDue } from '../../src/domain/subscriptions/jobs.ts'
import { dayMs } from '../../src/platform/clock.ts'
import { stopOwnPostgres } from '../support/postgres.ts'
import { type Body, startTestServer, type TestBusiness, type TestServer, threeChannels } from '../support/server.ts'
import {
  advance,
  assertUnbroken,
  chargesOf,
  createPlan,
  periodsOf,
  type Subscriber,
  subscribe,
  subscriptionOf,
} from '../support/subscriptions.ts'

after(stopOwnPostgres)

/** Where each period must begin, told by other means than ours: the local date's parts, put together anew. */
function expectedStart(anchor: Date, zone: string, months: number): string {
  const from = DateTime.fromJSDate(anchor, { zone })
  const month = from.month - 1 + months
  const first = { year: from.year + Math.floor(month / 12), month: (month % 12) + 1 }
  const day = Math.min(from.day, new Date(Date.UTC(first.year, first.month, 0)).getUTCDate())
  const { hour, minute, second, millisecond } = from
  return DateTime.fromObject({ ...first, day, hour, minute, second, millisecond }, { zone })
    .toJSDate()
    .toISOString()
}

describe('ten years of billing', () => {
  let server: TestServer
  let business: TestBusiness
  before(async () => {
    server = await startTestServer({ backend: 'postgres', env: { RATE_LIMIT: '100000' } })
    business = await threeChannels(server)
  })
  after(() => server?.close())

  const zones = ['Africa/Lagos', 'America/New_York']
  const silent = { send_subscription_mails: 0 }

  test('anchors 28 to 31 and 29 February, both calendars, two places: every period once, none missing, none overlapping', async () => {
    const calendar = (interval: string, time_zone: string) =>
      createPlan(business, { interval, billing_calendar: 'calendar', time_zone, ...silent })
    const halfYearly = await Promise.all(zones.map((zone) => calendar('biannually', zone)))
    const annually = await Promise.all(zones.map((zone) => calendar('annually', zone)))
    const fixed = await createPlan(business, { interval: 'biannually', ...silent })
    const all: { who: Subscriber; plan: Body }[] = []
    // August, so that every second half year ends in February. 22:30 UTC is the same day in New York and in Lagos.
    for (const day of ['2027-08-28', '2027-08-29', '2027-08-30', '2027-08-31', '2028-02-29']) {
      await advance(business, { to: `${day}T22:30:00Z` })
      const plans = day.endsWith('02-29') ? [...annually, fixed] : [...halfYearly, fixed]
      for (const plan of plans) all.push({ who: await subscribe(server, business, plan), plan })
    }
    // The sandbox's cards expire before.
    await server.ctx.database.pool.query('update payment_methods set exp_year = null')
    const endAt = new Date('2038-03-01T00:00:00Z')
    for (let year = 2029; year <= 2037; year += 1) await advance(business, { to: `${year}-06-15T00:00:00Z` })
    const now = await advance(business, { to: endAt.toISOString() })

    for (const { who, plan } of all) {
      const periods = await periodsOf(server, who.subscription.uuid)
      const [first] = periods
      assert.ok(first)
      assertUnbroken(periods)
      assert.ok(periods.every((one) => one.status === 'paid'))
      // Up to now and not beyond.
      const last = periods.at(-1)
      assert.ok(last && last.starts_at <= now && last.ends_at > now, `${plan.name} ends ${last?.ends_at.toISOString()}`)
      const months = plan.interval === 'annually' ? 12 : 6
      for (const [index, one] of periods.entries()) {
        const expected: string =
          plan.billing_calendar === 'calendar'
            ? expectedStart(first.starts_at, plan.time_zone, months * index)
            : new Date(first.starts_at.getTime() + index * 180 * dayMs).toISOString()
        assert.equal(one.starts_at.toISOString(), expected, `${plan.name} ${plan.time_zone}, period ${one.number}`)
      }
      const charges = await chargesOf(server, who.customer)
      assert.equal(charges.length, periods.length, `charges of ${plan.name}`)
      assert.equal(new Set(charges.map((one) => one.reference)).size, charges.length)
      assert.equal(new Set(periods.map((one) => one.request)).size, periods.length)
    }
  })
})

describe('a worker that was stopped', () => {
  let server: TestServer
  let business: TestBusiness
  before(async () => {
    // No worker: the test alone says when somebody works.
    server = await startTestServer({ backend: 'postgres', role: 'api' })
    business = await threeChannels(server)
  })
  after(() => server?.close())

  const work = async () => {
    while ((await followDue(server.ctx)) + (await renewDue(server.ctx)) > 0);
  }

  test('for 40 days: the missed days are billed one after the other, each once, none missing', async () => {
    const plan = await createPlan(business, { interval: 'daily' })
    const made = await subscribeWithoutWorker(server, business, plan)
    server.clock.advance(40 * dayMs + 1_000)
    await work()
    const periods = await periodsOf(server, made.subscription.uuid)
    assertUnbroken(periods)
    assert.equal(periods.length, 41)
    assert.ok(periods.every((one) => one.status === 'paid'))
    assert.equal((await chargesOf(server, made.customer)).length, 41)
    assert.ok(
      new Date((await subscriptionOf(business, made.subscription.uuid)).current_period_end) > server.clock.now(),
    )
    // Nothing is left, also for whoever looks again.
    await work()
    assert.equal((await periodsOf(server, made.subscription.uuid)).length, 41)
    await business.api('PATCH', `/v1/subscriptions/${made.subscription.uuid}/cancel?immediately=1`)
  })

  test('amid a charge, and ten workers at once afterwards: the open period is gone on with, never billed anew', async () => {
    const plan = await createPlan(business, { interval: 'weekly' })
    const made = await subscribeWithoutWorker(server, business, plan)
    server.clock.advance(7 * dayMs + 1_000)
    // The period and its request are there, and certainly nothing was charged.
    await server.call('POST', '/sandbox/control/faults', {
      channel: 'paystack',
      operation: 'charge',
      kind: 'status',
      status: 429,
      times: 1,
    })
    await work()
    assert.equal((await periodsOf(server, made.subscription.uuid)).at(-1)?.status, 'open')
    server.clock.advance(3_700_000)
    await Promise.all(Array.from({ length: 10 }, work))
    const periods = await periodsOf(server, made.subscription.uuid)
    assert.deepEqual(
      periods.map((one) => one.status),
      ['paid', 'paid'],
    )
    assert.equal((await chargesOf(server, made.customer)).length, 2)
  })

  test('the database refuses a second billing of a period, and a second open one', async () => {
    const plan = await createPlan(business, { interval: 'weekly' })
    const made = await subscribeWithoutWorker(server, business, plan)
    const again = (number: string, startsAt: string, status: string) =>
      server.ctx.database.pool.query(
        `insert into subscription_periods (id, business_id, env_mode, subscription_id, subscription_plan_id, number,
           starts_at, ends_at, currency, amount_minor, status, payment_request_id, paid_transaction_id, created_at, updated_at)
         select gen_random_uuid(), business_id, env_mode, subscription_id, subscription_plan_id, ${number}, ${startsAt},
           ends_at + interval '1 year', currency, amount_minor, $2, payment_request_id,
           case when $2 = 'paid' then paid_transaction_id end, now(), now()
         from subscription_periods where subscription_id = $1 and number = 1`,
        [made.subscription.uuid, status],
      )
    await assert.rejects(again('number', `starts_at + interval '1 day'`, 'paid'), /one_billing_a_period/)
    await assert.rejects(again('number + 1', 'starts_at', 'paid'), /one_period_a_start/)
    await again('number + 1', 'ends_at', 'open')
    await assert.rejects(again('number + 2', `ends_at + interval '1 day'`, 'open'), /one_open_period_a_subscription/)
  })
})

/** The saved card's payment is asked about by hand, as no worker does. */
async function subscribeWithoutWorker(server: TestServer, business: TestBusiness, plan: Body): Promise<Subscriber> {
  const opened = await business.api('POST', '/v1/payment-requests/save-payment-method', {
    customer_email: `${plan.uuid}@example.com`,
    payment_channel: 'paystack',
  })
  assert.equal(opened.status, 201, opened.text)
  const { ref, last_transaction: last, customer } = opened.body.data.payment_request
  const paid = { channel: 'paystack', reference: last.ref, outcome: 'success' }
  await server.call('POST', '/sandbox/control/pay', paid)
  await business.api('PATCH', `/v1/payment-requests/${ref}/verify`)
  const { data } = (await business.api('GET', `/v1/customers/${customer.uuid}/payment-methods`)).body
  const method = data.payment_methods.data[0].uuid
  const made = await business.api('POST', '/v1/subscriptions', {
    customer_uuid: customer.uuid,
    subscription_plan_uuid: plan.uuid,
    payment_method_uuid: method,
  })
  assert.equal(made.status, 201, made.text)
  return { customer: customer.uuid, method, subscription: made.body.data }
}

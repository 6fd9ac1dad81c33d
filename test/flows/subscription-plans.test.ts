import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { dayMs } from '../../src/platform/clock.ts'
import type { Context } from '../../src/platform/context.ts'
import { sql } from '../../src/platform/db.ts'
import { newId } from '../../src/platform/ids.ts'
import { expectFailure } from '../support/expect.ts'
import { stopOwnPostgres } from '../support/postgres.ts'
import { countRows } from '../support/rows.ts'
import { type Body, startTestServer, type TestBusiness, type TestServer } from '../support/server.ts'

after(stopOwnPostgres)

const gold = { name: 'Gold', interval: 'monthly', amount: 200 }

describe('plans', () => {
  let server: TestServer
  let business: TestBusiness
  before(async () => {
    server = await startTestServer({ backend: 'postgres', role: 'api' })
    business = await server.business('Plan Business')
  })
  after(() => server.close())

  const create = async (body: Body): Promise<Body> => {
    const answer = await business.api('POST', '/v1/subscription-plans', body)
    assert.equal(answer.status, 201, answer.text)
    return answer.body.data
  }
  const put = (plan: Body, body: Body) => business.api('PUT', `/v1/subscription-plans/${plan.uuid}`, body)

  test('201 a plan with the least said: active, in the base currency, from one interval to the next', async () => {
    const answer = await business.api('POST', '/v1/subscription-plans', gold)
    assert.equal(answer.status, 201, answer.text)
    assert.equal(answer.body.message, 'Subscription plan created successfully')
    const { uuid, link_id, created_at, updated_at, ...rest } = answer.body.data
    assert.match(link_id, /^[\w-]{8}$/)
    assert.equal(created_at, updated_at)
    assert.match(uuid, /^[0-9a-f-]{36}$/)
    const { amount_to_usd, ...told } = rest
    assert.match(amount_to_usd, /^\d+\.\d\d$/)
    assert.deepEqual(told, {
      env_mode: 'test',
      name: 'Gold',
      tags: null,
      send_subscription_mails: 1,
      initial_amount: null,
      initial_amount_to_usd: '0.00',
      trial_period: null,
      amount: '200',
      currency: 'NGN',
      interval: 'monthly',
      interval_count: null,
      meta_data: null,
      status: 'active',
      deleted_at: null,
      total_subscribers: 0,
      total_subscription_payments: 0,
      number_of_subscription_payments: 0,
      billing_calendar: 'fixed_days',
      time_zone: 'UTC',
    })
  })

  test('201 everything said is kept, and read again by uuid and by link', async () => {
    const plan = await create({
      name: ' Platinum ',
      interval: 'quarterly',
      interval_count: 2,
      amount: '1500.50',
      currency: 'USD',
      initial_amount: 2.5,
      trial_period: 14,
      tags: ['a', 'b'],
      send_subscription_mails: 0,
      metadata: { level: 3 },
      billing_calendar: 'calendar',
      time_zone: 'Africa/Lagos',
      status: 'inactive',
    })
    assert.equal(plan.name, 'Platinum')
    assert.deepEqual([plan.amount, plan.amount_to_usd], ['1500.5', '1500.50'])
    assert.deepEqual([plan.initial_amount, plan.initial_amount_to_usd], ['2.5', '2.50'])
    assert.deepEqual([plan.interval, plan.interval_count, plan.trial_period], ['quarterly', 2, 14])
    assert.deepEqual([plan.tags, plan.send_subscription_mails, plan.meta_data], [['a', 'b'], 0, { level: 3 }])
    assert.deepEqual([plan.status, plan.billing_calendar, plan.time_zone], ['inactive', 'calendar', 'Africa/Lagos'])
    for (const name of [plan.uuid, plan.uuid.toUpperCase(), plan.link_id]) {
      const read = await business.api('GET', `/v1/subscription-plans/${name}`)
      assert.deepEqual(read.body.data, plan)
    }
  })

  test('422 every wrong field at once, whether the schema or the currency finds it', async () => {
    const wrong = {
      name: ' ',
      interval: 'hourly',
      interval_count: 0,
      amount: '10.001',
      initial_amount: -1,
      trial_period: 0,
      tags: 'gold',
      send_subscription_mails: 'yes',
      meta_data: [],
      billing_calendar: 'lunar',
      time_zone: 'Lagos',
      status: 'open',
      currency: 'ngn',
    }
    const answer = await business.api('POST', '/v1/subscription-plans', wrong)
    expectFailure(answer, { status: 422, code: '005', fields: Object.keys(wrong).filter((one) => one !== 'amount') })
    const none = await business.api('POST', '/v1/subscription-plans', {})
    expectFailure(none, { status: 422, code: '005', fields: ['name', 'interval', 'amount'] })
    // The base currency has two digits, which no schema knows.
    const digits = await business.api('POST', '/v1/subscription-plans', {
      ...gold,
      amount: 1.001,
      initial_amount: 1.001,
    })
    expectFailure(digits, { status: 422, code: '005', fields: ['amount', 'initial_amount'] })
    const yen = { ...gold, name: 'Yen', currency: 'JPY', amount: '100.5', initial_amount: '0.5' }
    expectFailure(await business.api('POST', '/v1/subscription-plans', yen), {
      status: 422,
      code: '005',
      fields: ['amount', 'initial_amount'],
    })
    const long = { ...gold, name: 'Long', interval: 'annually', interval_count: 11 }
    expectFailure(await business.api('POST', '/v1/subscription-plans', long), {
      status: 422,
      code: '005',
      fields: ['interval_count'],
    })
    for (const time_zone of ['+01:00', 'Mars/Olympus', '']) {
      const answer = await business.api('POST', '/v1/subscription-plans', { ...gold, time_zone })
      expectFailure(answer, { status: 422, code: '005', fields: ['time_zone'] }, time_zone)
    }
  })

  test('409 a name is one plan’s, in any case and in a race; another business, mode or time may have it', async () => {
    const silver = { ...gold, name: 'Silver' }
    const plan = await create(silver)
    for (const name of ['Silver', 'SILVER', ' silver ']) {
      const answer = await business.api('POST', '/v1/subscription-plans', { ...silver, name })
      expectFailure(answer, { status: 409, code: '050', fields: ['name'] }, name)
    }
    const bronze = await create({ ...gold, name: 'Bronze' })
    expectFailure(await put(bronze, { name: 'sIlver' }), { status: 409, code: '050', fields: ['name'] })
    assert.equal((await put(plan, { name: 'SILVER' })).body.data.name, 'SILVER')

    const racing = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        business.api('POST', '/v1/subscription-plans', { ...gold, name: index % 2 ? 'Racing' : 'rACING' }),
      ),
    )
    assert.deepEqual(racing.map((one) => one.status).sort(), [201, ...Array.from({ length: 19 }, () => 409)])
    const other = await server.business('Other')
    assert.equal((await other.api('POST', '/v1/subscription-plans', silver)).status, 201)
    assert.equal((await business.live('POST', '/v1/subscription-plans', silver)).status, 201)
    await business.api('DELETE', `/v1/subscription-plans/${plan.uuid}`)
    assert.notEqual((await create(silver)).uuid, plan.uuid)
  })

  test('201 the same Idempotency-Key makes one plan', async () => {
    const body = { ...gold, name: 'Once' }
    const headers = { 'idempotency-key': 'plan-once' }
    const first = await business.api('POST', '/v1/subscription-plans', body, headers)
    const before = await countRows(server.ctx)
    const second = await business.api('POST', '/v1/subscription-plans', body, headers)
    assert.equal(first.status, 201)
    assert.equal(second.text, first.text)
    assert.deepEqual(await countRows(server.ctx), before)
  })

  test('200 an update changes what it names, prices with their dollars; the rest stays', async () => {
    const plan = await create({ ...gold, name: 'Changing', currency: 'USD', initial_amount: 5, trial_period: 7 })
    const renamed = await put(plan, { name: 'Changed', meta_data: { a: 1 } })
    assert.equal(renamed.status, 200, renamed.text)
    const { updated_at, ...kept } = renamed.body.data
    assert.ok(updated_at >= plan.updated_at)
    assert.deepEqual({ ...kept, updated_at: plan.updated_at }, { ...plan, name: 'Changed', meta_data: { a: 1 } })

    const priced = (await put(plan, { amount: '12.5', trial_period: 0, initial_amount: '', tags: ['x'] })).body.data
    assert.deepEqual([priced.amount, priced.amount_to_usd], ['12.5', '12.50'])
    assert.deepEqual([priced.initial_amount, priced.initial_amount_to_usd], [null, '0.00'])
    assert.deepEqual([priced.trial_period, priced.tags], [null, ['x']])
    assert.deepEqual((await put(plan, { tags: [] })).body.data.tags, null)
    const first = (await put(plan, { initial_amount: 20 })).body.data
    assert.deepEqual([first.amount, first.initial_amount, first.initial_amount_to_usd], ['12.5', '20', '20.00'])

    const yen = await put(plan, { currency: 'JPY' })
    expectFailure(yen, { status: 422, code: '005', fields: ['amount', 'initial_amount'] })
    const moved = (await put(plan, { currency: 'JPY', amount: 1000, initial_amount: '' })).body.data
    assert.deepEqual([moved.currency, moved.amount, moved.initial_amount], ['JPY', '1000', null])
    expectFailure(await put(plan, { amount: '10.5' }), { status: 422, code: '005', fields: ['amount'] })
    await put(plan, { interval: 'daily', interval_count: 400 })
    expectFailure(await put(plan, { interval: 'weekly', interval_count: 522 }), {
      status: 422,
      code: '005',
      fields: ['interval_count'],
    })
    expectFailure(await put(plan, { interval: 'monthly' }), { status: 422, code: '005', fields: ['interval_count'] })
  })

  test('200 a plan is switched off and on, however often', async () => {
    const plan = await create({ ...gold, name: 'Switched' })
    for (const [verb, status] of [
      ['deactivate', 'inactive'],
      ['deactivate', 'inactive'],
      ['activate', 'active'],
      ['activate', 'active'],
    ]) {
      const answer = await business.api('PATCH', `/v1/subscription-plans/${plan.link_id}/${verb}`)
      assert.deepEqual([answer.status, answer.body.data.status], [200, status], answer.text)
      assert.equal(answer.body.message, `Subscription plan ${verb}d successfully`)
    }
  })

  test('404 a deleted plan is none any more; its row stays', async () => {
    const plan = await create({ ...gold, name: 'Leaving' })
    const before = (await countRows(server.ctx)).subscription_plans
    const removed = await business.api('DELETE', `/v1/subscription-plans/${plan.uuid}`)
    assert.equal(removed.status, 200)
    assert.ok(removed.body.data.deleted_at)
    for (const [method, path, body] of [
      ['GET', `/v1/subscription-plans/${plan.uuid}`],
      ['GET', `/v1/subscription-plans/${plan.link_id}`],
      ['PUT', `/v1/subscription-plans/${plan.uuid}`, { name: 'Back' }],
      ['PATCH', `/v1/subscription-plans/${plan.uuid}/activate`],
      ['DELETE', `/v1/subscription-plans/${plan.uuid}`],
    ] as [string, string, Body?][]) {
      expectFailure(await business.api(method, path, body), { status: 404, code: '007' }, `${method} ${path}`)
    }
    assert.equal((await countRows(server.ctx)).subscription_plans, before)
  })
})

describe('plans with subscribers', () => {
  let server: TestServer
  let business: TestBusiness
  let plan: Body
  let customer: Body
  before(async () => {
    server = await startTestServer({ backend: 'postgres', role: 'api' })
    business = await server.business()
    plan = (await business.api('POST', '/v1/subscription-plans', { ...gold, interval_count: 2 })).body.data
    customer = (await business.api('POST', '/v1/customers', { email: 'ada@example.com', name: 'Ada' })).body.data
    await subscribe(server.ctx, business.id, { planId: plan.uuid, customerId: customer.uuid })
  })
  after(() => server.close())
  const put = (body: Body) => business.api('PUT', `/v1/subscription-plans/${plan.uuid}`, body)

  test('409 what subscribers agreed to does not change: their terms never, their price when it is said', async () => {
    const terms = {
      currency: 'USD',
      interval: 'weekly',
      interval_count: 3,
      billing_calendar: 'calendar',
      time_zone: 'Africa/Lagos',
    }
    const all = await put({ ...terms, amount: 300, name: 'Taken over' })
    expectFailure(all, { status: 409, code: '053', fields: [...Object.keys(terms), 'amount'] })
    for (const [field, value] of Object.entries(terms).filter(([field]) => field !== 'currency')) {
      expectFailure(await put({ [field]: value }), { status: 409, code: '053', fields: [field] }, field)
      const told = await put({ [field]: value, update_existing_subscriptions: 1 })
      expectFailure(told, { status: 409, code: '053', fields: [field] }, field)
    }
    expectFailure(await put({ amount: 300 }), { status: 409, code: '053', fields: ['amount'] })
    expectFailure(await put({ amount: 300, update_existing_subscriptions: 0 }), { status: 409, code: '053' })
    const { data } = (await business.api('GET', `/v1/subscription-plans/${plan.uuid}`)).body
    assert.deepEqual({ ...data, total_subscribers: 0 }, plan)

    // What stays the same is no change, and what concerns new subscribers alone is free.
    const same = { interval: 'monthly', interval_count: 2, amount: '200.00', currency: 'NGN', time_zone: 'UTC' }
    assert.equal((await put(same)).status, 200)
    assert.equal((await put({ name: 'Better gold', initial_amount: 50, trial_period: 3 })).status, 200)
    const raised = await put({ amount: 300, update_existing_subscriptions: 1 })
    assert.deepEqual([raised.status, raised.body.data.amount], [200, '300'])
  })

  test('400 who is subscribed pays for no second subscription, by any way, only for an extension', async () => {
    const ways = ['/v1/payment-requests', '/v1/payment-requests/subscribe-to-plan']
    const names = [
      { customer_uuid: customer.uuid },
      { customer_email: 'ADA@example.com' },
      { customer: { email: 'ada@example.com' } },
    ]
    for (const path of ways) {
      for (const name of names) {
        const body = { ...name, subscription_plan_uuid: plan.uuid }
        const answer = await business.api('POST', path, body)
        expectFailure(answer, { status: 400, code: '021' }, `${path} ${JSON.stringify(name)}`)
        const words = 'This resource requires the customer not to have an active subscription'
        assert.equal(answer.body.error_description, words)
        assert.equal(answer.body.error, 'CUSTOMER_ALREADY_SUBSCRIBED_TO_PLAN')
        const more = await business.api('POST', path, { ...body, extend_subscription_by: 1 })
        assert.equal(more.status, 201, more.text)
      }
    }
    const link = { customer_uuid: customer.uuid, subscription_plan_uuid: plan.uuid }
    expectFailure(await business.api('POST', '/v1/subscriptions/generate-url', link), { status: 400, code: '021' })
    const other = { customer_email: 'eve@example.com', subscription_plan_uuid: plan.uuid }
    assert.equal((await business.api('POST', String(ways[1]), other)).status, 201)
  })

  test('an inactive plan is extended by who is subscribed, and by nobody else', async () => {
    const path = '/v1/payment-requests/subscribe-to-plan'
    await business.api('PATCH', `/v1/subscription-plans/${plan.uuid}/deactivate`)
    const more = { subscription_plan_uuid: plan.uuid, extend_subscription_by: 1 }
    assert.equal((await business.api('POST', path, { ...more, customer_uuid: customer.uuid })).status, 201)
    const other = await business.api('POST', path, { ...more, customer_email: 'eve@example.com' })
    expectFailure(other, { status: 400, code: '052' })
    await business.api('PATCH', `/v1/subscription-plans/${plan.uuid}/activate`)
  })

  test('counters tell subscribers of now, and what paid periods brought', async () => {
    const counting = (await business.api('POST', '/v1/subscription-plans', { ...gold, name: 'Counting' })).body.data
    const counters = async () => {
      const { data } = (await business.api('GET', '/v1/subscription-plans?search=Counting')).body.data
        .subscription_plans
      const { total_subscribers, total_subscription_payments, number_of_subscription_payments } = data[0]
      return [total_subscribers, total_subscription_payments, number_of_subscription_payments]
    }
    const paying = { customer_uuid: customer.uuid, subscription_plan_uuid: counting.uuid }
    const request = await business.api('POST', '/v1/payment-requests', paying)
    const id = request.body.data.payment_request.uuid.replace('eric-', '')
    const subscription = { planId: counting.uuid, customerId: customer.uuid }
    const { end } = await subscribe(server.ctx, business.id, { ...subscription, paid: [{ id, periods: 2 }] })
    assert.deepEqual(await counters(), [1, 400.5, 1])
    await end()
    assert.deepEqual(await counters(), [0, 400.5, 1])
    assert.equal((await business.api('POST', '/v1/payment-requests', paying)).status, 201)
  })
})

/** A subscription as its rows are, with periods of 200.25 that the payment requests have paid. */
async function subscribe(
  ctx: Context,
  businessId: string,
  wish: { planId: string; customerId: string; paid?: { id: string; periods: number }[] },
) {
  const id = newId()
  const now = ctx.clock.now()
  const later = (days: number) => new Date(now.getTime() + days * dayMs)
  await sql`insert into subscriptions (id, business_id, env_mode, customer_id, subscription_plan_id, status, anchor_at,
      anchor_number, "interval", interval_count, billing_calendar, time_zone, current_period_start, current_period_end,
      created_at, updated_at)
    values (${id}, ${businessId}, 'test', ${wish.customerId}, ${wish.planId}, 'active', ${now}, 1, 'monthly', 2,
      'fixed_days', 'UTC', ${now}, ${later(60)}, ${now}, ${now})`.execute(ctx.db)
  let number = 0
  for (const { id: requestId, periods } of wish.paid ?? []) {
    for (let period = 0; period < periods; period += 1) {
      number += 1
      await sql`insert into subscription_periods (id, business_id, env_mode, subscription_id, subscription_plan_id, number,
          starts_at, ends_at, currency, amount_minor, status, payment_request_id, paid_transaction_id, created_at, updated_at)
        values (${newId()}, ${businessId}, 'test', ${id}, ${wish.planId}, ${number}, ${later(number)}, ${later(number + 1)},
          'NGN', 20025, 'paid', ${requestId}, (select id from transactions where payment_request_id = ${requestId} limit 1),
          ${now}, ${now})`.execute(ctx.db)
    }
  }
  const end = () =>
    sql`update subscriptions set status = 'cancelled', ended_at = ${now} where id = ${id}`.execute(ctx.db)
  return { end }
}

describe('the list of plans', () => {
  let server: TestServer
  let business: TestBusiness
  before(async () => {
    server = await startTestServer({ backend: 'postgres', role: 'api' })
    business = await server.business()
    const wishes = [
      { ...gold, name: '100% Gold' },
      { ...gold, name: '100 per cent', currency: 'USD', status: 'inactive' },
      { ...gold, name: 'Silver_1', currency: 'USD' },
      { ...gold, name: 'SilverX1' },
    ]
    for (const wish of wishes) await business.api('POST', '/v1/subscription-plans', wish)
  })
  after(() => server.close())

  const names = async (query: string): Promise<string[]> => {
    const answer = await business.api('GET', `/v1/subscription-plans?${query}`)
    assert.equal(answer.status, 200, answer.text)
    return answer.body.data.subscription_plans.data.map((one: Body) => one.name)
  }

  test('200 newest first, by status, currency and name, in pages', async () => {
    assert.deepEqual(await names(''), ['SilverX1', 'Silver_1', '100 per cent', '100% Gold'])
    assert.deepEqual(await names('status=inactive'), ['100 per cent'])
    assert.deepEqual(await names('currency=USD&status=active'), ['Silver_1'])
    assert.deepEqual(await names('search=silver_'), ['Silver_1'])
    assert.deepEqual(await names(`search=${encodeURIComponent('100%')}`), ['100% Gold'])
    assert.deepEqual(await names('per_page=3&page=2'), ['100% Gold'])
    const answer = await business.api('GET', '/v1/subscription-plans?per_page=3&currency=NGN')
    assert.equal(answer.body.data.subscription_plans.total, 2)
    assert.match(answer.body.data.subscription_plans.first_page_url, /currency=NGN/)
  })

  test('422 a filter that makes no sense is named', async () => {
    const answer = await business.api('GET', '/v1/subscription-plans?status=open&currency=xx&page=0')
    expectFailure(answer, { status: 422, code: '005', fields: ['status', 'currency'] })
  })
})

import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { minuteMs } from '../../src/platform/clock.ts'
import { expectFailure } from '../support/expect.ts'
import { stopOwnPostgres } from '../support/postgres.ts'
import { countRows } from '../support/rows.ts'
import {
  attemptRef,
  type Body,
  payAtSandbox,
  requestRef,
  startTestServer,
  type TestBusiness,
  type TestServer,
} from '../support/server.ts'

after(stopOwnPostgres)

describe('lists of payment requests', () => {
  let server: TestServer
  let business: TestBusiness
  /** In the order in which they were made, a minute apart. */
  let made: Body[]
  let ada: string
  before(async () => {
    server = await startTestServer({ backend: 'postgres', role: 'api' })
    business = await server.business()
    ada = (await business.api('POST', '/v1/customers', { email: 'ada_1@example.com', name: 'Ada' })).body.data.uuid
    const wishes: Body[] = [
      { customer_uuid: ada, amount: 100, reference: '100%_sure' },
      { customer_uuid: ada, amount: 200, reference: 'Order-2' },
      { customer_email: 'bob@example.com', amount: 300, reference: '100 per cent sure' },
      { customer_email: 'adaX1@example.com', amount: 400, reference: 'back\\slash' },
      { customer_email: 'bob@example.com', amount: 500 },
    ]
    made = []
    for (const wish of wishes) {
      const opened = await business.api('POST', '/v1/payment-requests', wish)
      assert.equal(opened.status, 201, opened.text)
      made.push({ ...opened.body.data.payment_request, attempt: attemptRef(opened) })
      server.clock.advance(minuteMs)
    }
    await payAtSandbox(server.url, made[1].attempt)
    await business.api('PATCH', `/v1/payment-requests/${made[1].ref}/verify`)
    await business.api('PATCH', `/v1/payment-requests/${made[4].ref}/cancel`)
  })
  after(() => server.close())

  /** The positions in `made` of what the list gives, in its order. */
  async function found(query: Record<string, string>): Promise<number[]> {
    const answer = await business.api('GET', `/v1/payment-requests?${new URLSearchParams(query)}`)
    assert.equal(answer.status, 200, answer.text)
    const { data, total } = answer.body.data.payment_requests
    assert.equal(total, data.length)
    return data.map((one: Body) => made.findIndex((other) => other.ref === one.ref))
  }

  test('newest first', async () => assert.deepEqual(await found({}), [4, 3, 2, 1, 0]))

  test('by status', async () => {
    assert.deepEqual(await found({ status: 'open' }), [3, 2, 0])
    assert.deepEqual(await found({ status: 'successful' }), [1])
    assert.deepEqual(await found({ status: 'cancelled' }), [4])
    assert.deepEqual(await found({ status: 'expired' }), [])
  })

  test('by customer', async () => {
    assert.deepEqual(await found({ customer_uuid: ada }), [1, 0])
    assert.deepEqual(await found({ customer_uuid: ada.toUpperCase() }), [1, 0])
    assert.deepEqual(await found({ customer_uuid: made[2].customer.uuid }), [4, 2])
    assert.deepEqual(await found({ customer_uuid: '00000000-0000-7000-8000-000000000000' }), [])
  })

  test('by channel and by intent', async () => {
    assert.deepEqual(await found({ payment_channel: 'paystack' }), [4, 3, 2, 1, 0])
    assert.deepEqual(await found({ payment_channel: 'stripe' }), [])
    assert.deepEqual(await found({ intent: 'make_payment' }), [4, 3, 2, 1, 0])
    assert.deepEqual(await found({ intent: 'subscription' }), [])
  })

  test('filters add up', async () => {
    assert.deepEqual(await found({ status: 'open', customer_uuid: ada, search: '100' }), [0])
    assert.deepEqual(await found({ status: 'successful', search: 'bob@example.com' }), [])
  })

  test('from and to include the moments that they name', async () => {
    const [first, second, third] = made.map((one) => one.created_at as string)
    assert.deepEqual(await found({ from: String(second), to: String(third) }), [2, 1])
    assert.deepEqual(await found({ from: String(second), to: String(second) }), [1])
    assert.deepEqual(await found({ to: String(first) }), [0])
    const justAfter = new Date(Date.parse(String(first)) + 1).toISOString()
    assert.deepEqual(await found({ from: justAfter, to: String(second) }), [1])
    assert.deepEqual(await found({ from: String(third), to: String(second) }), [])
  })

  test('a time in another zone is the same moment, and one without a zone is UTC', async () => {
    const [, second] = made.map((one) => one.created_at as string)
    const shifted = new Date(Date.parse(String(second)) + 2 * 60 * minuteMs).toISOString().replace('Z', '+02:00')
    assert.deepEqual(await found({ from: shifted, to: shifted }), [1])
    const bare = String(second).replace('Z', '')
    const zone = process.env.TZ
    try {
      process.env.TZ = 'Pacific/Kiritimati'
      assert.deepEqual(await found({ from: bare, to: bare }), [1])
    } finally {
      if (zone === undefined) delete process.env.TZ
      else process.env.TZ = zone
    }
  })

  test('a bare date is the whole day, at both ends', async () => {
    const [first, last] = [made[0], made[4]].map((one) => String(one.created_at).slice(0, 10))
    assert.deepEqual(await found({ from: String(first), to: String(last) }), [4, 3, 2, 1, 0])
    assert.deepEqual(await found({ to: '2000-01-01' }), [])
    assert.deepEqual(await found({ from: '2100-01-01' }), [])
    assert.deepEqual(await found({ from: '0000-01-01', to: '9999-12-31' }), [4, 3, 2, 1, 0])
  })

  test('search finds ref, reference and e-mail, in any case, by a part of them', async () => {
    assert.deepEqual(await found({ search: made[3].ref }), [3])
    assert.deepEqual(await found({ search: made[3].ref.toUpperCase() }), [3])
    assert.deepEqual(await found({ search: 'order-' }), [1])
    assert.deepEqual(await found({ search: 'BOB@' }), [4, 2])
    assert.deepEqual(await found({ search: 'nothing like it' }), [])
  })

  test('search takes %, _ and backslash as plain characters', async () => {
    assert.deepEqual(await found({ search: '100%' }), [0])
    assert.deepEqual(await found({ search: '%' }), [0])
    assert.deepEqual(await found({ search: 'ada_1' }), [1, 0])
    assert.deepEqual(await found({ search: '_' }), [1, 0])
    assert.deepEqual(await found({ search: '\\' }), [3])
    assert.deepEqual(await found({ search: "'" }), [])
  })

  test('200 a request is found by uuid with and without eric-, by ref and by reference', async () => {
    const { uuid, ref } = made[0]
    for (const name of [uuid, uuid.replace('eric-', ''), ref, '100%_sure', uuid.replace('eric-', '').toUpperCase()]) {
      const path = `/v1/payment-requests/retrieve-by-ref/${encodeURIComponent(name)}`
      const answer = await business.api('GET', path)
      assert.equal(answer.status, 200, name)
      assert.equal(answer.body.data.payment_request.ref, ref)
    }
    const missing = await business.api('GET', '/v1/payment-requests/retrieve-by-ref/order-2')
    expectFailure(missing, { status: 404, code: '007' })
    assert.match(missing.body.message, /payment request/)
  })

  test('200 its own ref goes before a reference that looks like it', async () => {
    const wish = { customer_uuid: ada, amount: 600, reference: made[0].ref }
    const imposter = await business.api('POST', '/v1/payment-requests', wish)
    assert.equal(imposter.status, 201)
    made.push(imposter.body.data.payment_request)
    const answer = await business.api('GET', `/v1/payment-requests/retrieve-by-ref/${made[0].ref}`)
    assert.equal(answer.body.data.payment_request.uuid, made[0].uuid)
  })

  test('409 a reference that was used makes no request, opens nothing and leaves the first as it was', async () => {
    const path = `/v1/payment-requests/retrieve-by-ref/${made[1].ref}`
    const [rows, first] = [await countRows(server.ctx), (await business.api('GET', path)).text]
    const pages = (await server.call('GET', '/sandbox/control/checkouts')).text
    const wish = { customer_email: 'never-seen@example.com', amount: 999, reference: 'Order-2' }
    const refused = await business.api('POST', '/v1/payment-requests', wish)
    expectFailure(refused, { status: 409, code: '010', fields: ['reference'] })
    assert.deepEqual(await countRows(server.ctx), rows)
    assert.equal((await business.api('GET', path)).text, first)
    assert.equal((await server.call('GET', '/sandbox/control/checkouts')).text, pages)
  })

  test('409 of 20 parallel requests with one reference, one is made', async () => {
    const wish = { customer_email: 'race@example.com', amount: 700, reference: 'race' }
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => business.api('POST', '/v1/payment-requests', wish)),
    )
    const [won, ...more] = answers.filter((answer) => answer.status === 201)
    assert.ok(won && more.length === 0)
    for (const answer of answers) if (answer !== won) expectFailure(answer, { status: 409, code: '010' })
    const found = await business.api('GET', '/v1/payment-requests/retrieve-by-ref/race')
    assert.equal(found.body.data.payment_request.ref, requestRef(won))
  })
})

describe('lists of events', () => {
  let server: TestServer
  let business: TestBusiness
  let events: Body[]
  before(async () => {
    server = await startTestServer({ backend: 'postgres', role: 'api' })
    business = await server.business()
    for (const amount of [100, 200]) {
      const opened = await business.api('POST', '/v1/payment-requests', { customer_email: 'e@example.com', amount })
      await business.api('PATCH', `/v1/payment-requests/${requestRef(opened)}/cancel`)
      server.clock.advance(minuteMs)
    }
    const paid = await business.api('POST', '/v1/payment-requests', { customer_email: 'e@example.com', amount: 300 })
    await payAtSandbox(server.url, attemptRef(paid))
    await business.api('PATCH', `/v1/payment-requests/${requestRef(paid)}/verify`)
    events = (await business.api('GET', '/v1/events')).body.data.events.data
  })
  after(() => server.close())

  const found = async (query: Record<string, string>) =>
    (await business.api('GET', `/v1/events?${new URLSearchParams(query)}`)).body.data.events.data.map((one: Body) =>
      events.findIndex((other) => other.uuid === one.uuid),
    )

  test('newest first, each as it was sent', () => {
    assert.deepEqual(
      events.map((one) => one.event),
      ['payment.completed.successfully', 'payment.cancelled', 'payment.cancelled'],
    )
    assert.equal(events[0].data.status, 'successful')
    assert.equal(events[2].data.amount, '100')
  })

  test('by name, and by time with both ends included, a bare date as its whole day', async () => {
    assert.deepEqual(await found({ event: 'payment.cancelled' }), [1, 2])
    assert.deepEqual(await found({ event: 'payment.canc' }), [])
    const { created_at } = events[1]
    assert.deepEqual(await found({ from: created_at, to: created_at }), [1])
    assert.deepEqual(await found({ from: created_at.slice(0, 10), to: events[0].created_at.slice(0, 10) }), [0, 1, 2])
  })

  test('201 a replayed range takes a bare date as its whole day', async () => {
    const endpoint = await business.api('POST', '/v1/webhook-endpoints', { url: 'http://127.0.0.1:9/hook' })
    const path = `/v1/webhook-endpoints/${endpoint.body.data.uuid}/replay`
    const range = { from: events[2].created_at.slice(0, 10), to: events[0].created_at.slice(0, 10) }
    assert.equal((await business.api('POST', path, range)).body.data.replayed, 3)
    const exact = { from: events[1].created_at, to: events[1].created_at }
    assert.equal((await business.api('POST', path, exact)).body.data.replayed, 1)
  })
})

describe('customers', () => {
  let server: TestServer
  let business: TestBusiness
  before(async () => {
    server = await startTestServer({ backend: 'postgres', role: 'api' })
    business = await server.business()
    for (const [email, first_name, last_name] of [
      ['grace@example.com', 'Grace', 'Hopper'],
      ['alan@example.com', 'Alan', 'Tu%ring'],
      ['under_score@example.com', 'Under', 'Score'],
    ]) {
      await business.api('POST', '/v1/customers', { email, first_name, last_name })
    }
  })
  after(() => server.close())

  const emails = async (query: Record<string, string>): Promise<string[]> => {
    const answer = await business.api('GET', `/v1/customers?${new URLSearchParams(query)}`)
    assert.equal(answer.status, 200, answer.text)
    return answer.body.data.customers.data.map((one: Body) => one.email)
  }

  test('newest first; search finds names, e-mail and customer id, % and _ are plain', async () => {
    assert.deepEqual(await emails({}), ['under_score@example.com', 'alan@example.com', 'grace@example.com'])
    assert.deepEqual(await emails({ search: 'hopp' }), ['grace@example.com'])
    assert.deepEqual(await emails({ search: 'ALAN@' }), ['alan@example.com'])
    assert.deepEqual(await emails({ search: '%' }), ['alan@example.com'])
    assert.deepEqual(await emails({ search: '_' }), ['under_score@example.com'])
    const { data } = (await business.api('GET', '/v1/customers?search=grace')).body.data.customers
    assert.deepEqual(await emails({ search: data[0].customer_id }), ['grace@example.com'])
  })

  test('the email filter is the whole address in any case', async () => {
    assert.deepEqual(await emails({ email: 'Grace@Example.COM' }), ['grace@example.com'])
    assert.deepEqual(await emails({ email: 'grace' }), [])
    await business.api('POST', '/v1/customers', { email: 'elan@ÉLAN.example', name: 'Élan' })
    assert.deepEqual(await emails({ email: 'ELAN@élan.example' }), ['elan@ÉLAN.example'])
  })

  test('409 an e-mail belongs to one customer, in any case; the answer names who has it and nothing changes', async () => {
    const before = await countRows(server.ctx)
    for (const email of ['grace@example.com', 'GRACE@EXAMPLE.com', 'elan@ÉLAN.example']) {
      const refused = await business.api('POST', '/v1/customers', { email, name: 'Other' })
      expectFailure(refused, { status: 409, code: '020', fields: ['email'] }, email)
      const known = await business.api('GET', `/v1/customers/${refused.body.error_data.customer_uuid}`)
      assert.equal(known.body.data.email.toLowerCase(), email.toLowerCase())
      assert.notEqual(known.body.data.name, 'Other')
    }
    assert.deepEqual(await countRows(server.ctx), before)
  })

  test('409 an e-mail cannot be changed to one that is taken; its own may be sent again', async () => {
    const [grace] = (await business.api('GET', '/v1/customers?email=grace@example.com')).body.data.customers.data
    const refused = await business.api('PUT', `/v1/customers/${grace.uuid}`, { email: 'Alan@example.com', name: 'X' })
    expectFailure(refused, { status: 409, code: '020', fields: ['email'] })
    const path = `/v1/customers/${grace.uuid}`
    assert.deepEqual((await business.api('GET', path)).body.data, grace)
    const kept = await business.api('PUT', path, { email: 'Grace@example.com', city: 'Arlington' })
    assert.deepEqual([kept.status, kept.body.data.email, kept.body.data.city], [200, 'Grace@example.com', 'Arlington'])
    assert.equal(kept.body.data.first_name, 'Grace')
  })

  test('201 a checkout takes the customer it knows, in any case, and does not change them', async () => {
    const before = (await business.api('GET', '/v1/customers?email=alan@example.com')).body.data.customers.data[0]
    for (const wish of [
      { customer_email: 'ALAN@example.com' },
      { customer: { email: 'Alan@Example.com', first_name: 'Mallory' } },
    ]) {
      const opened = await business.api('POST', '/v1/payment-requests', { ...wish, amount: 100 })
      assert.deepEqual(opened.body.data.payment_request.customer, before)
    }
  })

  test('201 a checkout makes the customer it does not know, with all that it says', async () => {
    const customer = {
      email: 'new@example.com',
      name: 'New Person',
      phone_code: '+234',
      phone_number: '81',
      meta_data: { a: 1 },
    }
    const opened = await business.api('POST', '/v1/payment-requests', { customer, amount: 100 })
    const { uuid, ...made } = opened.body.data.payment_request.customer
    assert.deepEqual((await business.api('GET', `/v1/customers/${uuid}`)).body.data, { uuid, ...made })
    for (const [field, value] of Object.entries(customer)) assert.deepEqual(made[field], value)
    const plain = await business.api('POST', '/v1/payment-requests', {
      customer_email: 'mail@example.com',
      amount: 100,
    })
    assert.equal(plain.body.data.payment_request.customer.full_name, null)
  })

  test('200 a deleted customer is gone from everywhere but its payments, and its e-mail is free', async () => {
    const opened = await business.api('POST', '/v1/payment-requests', {
      customer_email: 'gone@example.com',
      amount: 100,
    })
    const { uuid } = opened.body.data.payment_request.customer
    const deleted = await business.api('DELETE', `/v1/customers/${uuid}`)
    assert.equal(deleted.status, 200)
    assert.match(deleted.body.data.deleted_at, /Z$/)
    const path = `/v1/customers/${uuid}`
    for (const [method, at, body] of [
      ['GET', path, undefined],
      ['PUT', path, { name: 'Back' }],
      ['DELETE', path, undefined],
      ['GET', `${path}/payment-methods`, undefined],
    ] as const) {
      expectFailure(await business.api(method, at, body), { status: 404, code: '007' }, `${method} ${at}`)
    }
    assert.deepEqual(await emails({ search: 'gone@' }), [])
    const again = await business.api('POST', '/v1/payment-requests', { customer_uuid: uuid, amount: 100 })
    expectFailure(again, { status: 404, code: '007', fields: ['customer_uuid'] })
    const kept = await business.api('GET', `/v1/payment-requests/retrieve-by-ref/${requestRef(opened)}`)
    assert.equal(kept.body.data.payment_request.customer.uuid, uuid)
    const fresh = await business.api('POST', '/v1/customers', { email: 'gone@example.com', name: 'Fresh' })
    assert.equal(fresh.status, 201)
    assert.notEqual(fresh.body.data.uuid, uuid)
    const next = await business.api('POST', '/v1/payment-requests', { customer_email: 'Gone@example.com', amount: 100 })
    assert.equal(next.body.data.payment_request.customer.uuid, fresh.body.data.uuid)
  })
})

describe('webhook endpoints', () => {
  let server: TestServer
  let business: TestBusiness
  before(async () => {
    server = await startTestServer({ backend: 'postgres', role: 'api' })
    business = await server.business()
  })
  after(() => server.close())

  test('newest first, the business’s own among them; one that is deleted is gone', async () => {
    const urls = ['https://example.com/1', 'https://example.com/2']
    const made: string[] = []
    for (const url of urls) made.push((await business.api('POST', '/v1/webhook-endpoints', { url })).body.data.uuid)
    const listed = async () => (await business.api('GET', '/v1/webhook-endpoints')).body.data.webhook_endpoints.data
    const own = (await listed()).filter((one: Body) => one.is_default === 1)
    assert.equal(own.length, 1)
    const others = (await listed()).filter((one: Body) => one.is_default === 0)
    assert.deepEqual(
      others.map((one: Body) => one.uuid),
      made.toReversed(),
    )
    const deleted = await business.api('DELETE', `/v1/webhook-endpoints/${made[0]}`)
    assert.deepEqual([deleted.status, deleted.body.data.is_enabled], [200, 0])
    assert.ok(deleted.body.data.deleted_at)
    expectFailure(await business.api('GET', `/v1/webhook-endpoints/${made[0]}`), { status: 404, code: '007' })
    expectFailure(await business.api('DELETE', `/v1/webhook-endpoints/${made[0]}`), { status: 404, code: '007' })
    assert.equal((await listed()).length, 2)
  })

  test('200 deleting the business’s own takes address and switch away and leaves the endpoint', async () => {
    await business.api('PUT', '/v1/business', { webhook_url: 'https://example.com/own', enabled_webhooks: true })
    const listed = (await business.api('GET', '/v1/webhook-endpoints')).body.data.webhook_endpoints.data
    const own = listed.find((one: Body) => one.is_default === 1)
    assert.deepEqual([own.url, own.is_enabled], ['https://example.com/own', 1])
    const deleted = await business.api('DELETE', `/v1/webhook-endpoints/${own.uuid}`)
    assert.deepEqual(
      [deleted.body.data.url, deleted.body.data.is_enabled, deleted.body.data.deleted_at],
      [null, 0, null],
    )
    assert.equal((await business.api('GET', '/v1/business')).body.data.webhook_url, null)
  })
})

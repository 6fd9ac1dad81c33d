import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { expectFailure } from '../support/expect.ts'
import { stopOwnPostgres } from '../support/postgres.ts'
import { type Receiver, startReceiver } from '../support/receiver.ts'
import { attemptRef, call, payAtSandbox, requestRef, startTestServer, type TestServer } from '../support/server.ts'
import { until } from '../support/wait.ts'

after(stopOwnPostgres)

/** Numbers that a double does not hold, or prints otherwise; the keys stand in an order that no index would keep. */
const exact =
  '{"z":9007199254740993,"order_id":-123456789012345678901234567890,"price":1.10,"huge":1e400,"huger":-2E200000,' +
  '"tiny":1e-400,"zero":-0,"float":0.30000000000000000001,"nested":{"list":[1.0,[100.00,{"deep":12345678901234567.5}]]},"a":1}'
const wish = (more: string) => `{"customer_email":"ada@example.com","amount":"100","meta_data":${exact}${more}}`

for (const backend of ['postgres', 'embedded'] as const) {
  describe(`numbers of meta_data on ${backend}`, () => {
    let server: TestServer
    let business: Awaited<ReturnType<TestServer['business']>>
    let receiver: Receiver
    before(async () => {
      server = await startTestServer({ backend })
      business = await server.business()
      receiver = await startReceiver()
      await business.api('PUT', '/v1/business', { webhook_url: receiver.url, enabled_webhooks: 1 })
    })
    after(async () => {
      await receiver.close()
      await server.close()
    })
    const holds = (text: string, where: string) =>
      assert.ok(text.includes(`"meta_data":${exact}`), `${where}: ${text.slice(0, 2_000)}`)

    test('a payment request gives the same digits in every answer, list, replay, event and webhook', async () => {
      const key = { 'idempotency-key': 'digits' }
      const opened = await business.api('POST', '/v1/payment-requests', wish(',"reference":"digits"'), key)
      assert.equal(opened.status, 201, opened.text)
      holds(opened.text, 'initiate')
      const again = await business.api('POST', '/v1/payment-requests', wish(',"reference":"digits"'), key)
      assert.equal(again.headers.get('idempotent-replayed'), 'true')
      assert.equal(again.text, opened.text)
      const ref = requestRef(opened)
      holds((await business.api('GET', `/v1/payment-requests/retrieve-by-ref/${ref}`)).text, 'retrieve')
      holds((await business.api('GET', '/v1/payment-requests')).text, 'list')
      const relay = { payment_request_ref: ref, payment_channel: 'paystack' }
      const relayed = await business.api('POST', '/v1/payment-requests/relay', relay)
      holds(relayed.text, 'relay')
      await payAtSandbox(server.url, attemptRef(relayed))
      const isPaid = async () => (await business.api('GET', '/v1/events')).body.data.events.total > 0
      await until('the event of the payment', isPaid)
      holds((await business.api('GET', '/v1/events')).text, 'events')
      const delivered = await until('the webhook', () => receiver.received[0])
      holds(delivered.text, 'webhook')
      const cancelled = await business.api('POST', '/v1/payment-requests', wish(''))
      holds((await business.api('PATCH', `/v1/payment-requests/${requestRef(cancelled)}/cancel`)).text, 'cancel')
    })

    test('a request from the SDK, of a saved method, and what the checkout shows', async () => {
      const headers = { authentication: `Bearer ${business.keys.test.public_key}` }
      const path = '/v1/sdk/initialize-payment-request'
      const opened = await call(server.url, 'POST', path, wish(''), headers)
      assert.equal(opened.status, 201, opened.text)
      holds(opened.text, 'sdk')
      const { checkout_url, ref } = opened.body.data.payment_request
      const { pathname } = new URL(checkout_url)
      const relay = { payment_request_ref: ref, payment_channel: 'paystack' }
      const relayed = await business.api('POST', '/v1/payment-requests/relay', relay)
      await payAtSandbox(server.url, attemptRef(relayed))
      await server.call('POST', `${pathname}/check`)
      holds((await server.call('GET', `${pathname}/state`)).text, 'state of the checkout')
      const body = `{"customer_email":"ada@example.com","metadata":${exact}}`
      holds((await business.api('POST', '/v1/payment-requests/save-payment-method', body)).text, 'save-payment-method')
    })

    test('a customer, a customer made by a payment, and a plan', async () => {
      const created = await business.api(
        'POST',
        '/v1/customers',
        `{"email":"b@example.com","name":"B","meta_data":${exact}}`,
      )
      assert.equal(created.status, 201, created.text)
      holds(created.text, 'create a customer')
      holds((await business.api('GET', `/v1/customers/${created.body.data.uuid}`)).text, 'retrieve a customer')
      holds((await business.api('GET', '/v1/customers?email=b@example.com')).text, 'list customers')
      const changed = await business.api('PUT', `/v1/customers/${created.body.data.uuid}`, `{"metadata":${exact}}`)
      holds(changed.text, 'change a customer')
      const customer = `{"customer":{"email":"c@example.com","meta_data":${exact}},"amount":100}`
      holds((await business.api('POST', '/v1/payment-requests', customer)).text, 'a customer made by a payment')
      const plan = await business.api(
        'POST',
        '/v1/subscription-plans',
        `{"name":"P","interval":"monthly","amount":100,"meta_data":${exact}}`,
      )
      assert.equal(plan.status, 201, plan.text)
      holds(plan.text, 'create a plan')
      holds((await business.api('GET', '/v1/subscription-plans')).text, 'list plans')
      const { uuid } = plan.body.data
      holds(
        (await business.api('PUT', `/v1/subscription-plans/${uuid}`, `{"meta_data":${exact}}`)).text,
        'change a plan',
      )
      const body = `{"customer_email":"d@example.com","subscription_plan_uuid":"${uuid}"}`
      holds((await business.api('POST', '/v1/payment-requests/subscribe-to-plan', body)).text, 'subscribe')
    })

    test('the depth and the size that metadata may have stay as they were', async () => {
      const deep = `${'{"a":'.repeat(15)}1.10${'}'.repeat(15)}`
      const body = (meta: string) => `{"email":"${crypto.randomUUID()}@example.com","name":"D","meta_data":${meta}}`
      assert.equal((await business.api('POST', '/v1/customers', body(deep))).status, 201)
      const wide = `{"a":${'1'.repeat(17_000)}}`
      expectFailure(await business.api('POST', '/v1/customers', body(wide)), {
        status: 422,
        code: '005',
        fields: ['meta_data'],
      })
    })
  })
}

describe('numbers that we calculate with are judged from their text', () => {
  let server: TestServer
  let business: Awaited<ReturnType<TestServer['business']>>
  before(async () => {
    server = await startTestServer({ backend: 'postgres', role: 'api' })
    business = await server.business()
  })
  after(() => server.close())
  const pay = (amount: string, currency = 'NGN') =>
    business.api(
      'POST',
      '/v1/payment-requests',
      `{"customer_email":"a@example.com","amount":${amount},"currency":"${currency}"}`,
    )
  const plan = (more: string) =>
    business.api('POST', '/v1/subscription-plans', `{"name":"${crypto.randomUUID()}","interval":"daily",${more}}`)

  test('422 digits that a double drops are digits beyond the exponent all the same', async () => {
    const wrong = ['99999999999.999999', '99999999999.9950000001', '100.00000000000000000001', '1e-400', '1e400', '-0']
    for (const amount of [...wrong, '0.1e-30', '1.0000000000000000000001e2', '9007199254740993.001']) {
      expectFailure(await pay(amount), { status: 422, code: '005', fields: ['amount'] }, amount)
      expectFailure(await plan(`"amount":${amount}`), { status: 422, code: '005', fields: ['amount'] }, amount)
      const initial = `"amount":100,"initial_amount":${amount}`
      expectFailure(await plan(initial), { status: 422, code: '005', fields: ['initial_amount'] }, amount)
    }
  })

  test('201 the same number in another form is the same amount', async () => {
    for (const amount of ['100.50', '100.500', '1005e-1', '1.005E+2', '0.1005e3']) {
      const answer = await pay(amount)
      assert.equal(answer.status, 201, answer.text)
      assert.equal(answer.body.data.payment_request.amount, '100.5', amount)
    }
  })

  test('whole numbers: 2.0 and 2e0 are 2, and what only a double takes for 2 is refused', async () => {
    for (const count of ['2.0', '2e0', '20e-1']) {
      const answer = await plan(`"amount":100,"interval_count":${count}`)
      assert.equal(answer.status, 201, answer.text)
      assert.equal(answer.body.data.interval_count, 2)
    }
    for (const count of ['2.00000000000000000001', '1.5', '1e400', '9007199254740993']) {
      const answer = await plan(`"amount":100,"interval_count":${count}`)
      expectFailure(answer, { status: 422, code: '005', fields: ['interval_count'] }, count)
    }
    const flag = await plan('"amount":100,"send_subscription_mails":1.00000000000000000001')
    expectFailure(flag, { status: 422, code: '005', fields: ['send_subscription_mails'] })
    assert.equal((await plan('"amount":100,"send_subscription_mails":1.0')).status, 201)
    const extended = `{"customer_email":"a@example.com","subscription_plan_uuid":"${crypto.randomUUID()}","extend_subscription_by":1.00000000000000000001}`
    const answer = await business.api('POST', '/v1/payment-requests/subscribe-to-plan', extended)
    expectFailure(answer, { status: 422, code: '005', fields: ['extend_subscription_by'] })
  })

  test('422 a number stays no text, however long it is', async () => {
    const body = '{"customer_email":"a@example.com","amount":100,"description":12345678901234567890}'
    const answer = await business.api('POST', '/v1/payment-requests', body)
    expectFailure(answer, { status: 422, code: '005', fields: ['description'] })
  })
})

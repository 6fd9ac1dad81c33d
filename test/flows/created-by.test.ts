import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { portalOf, postForm } from '../support/portal.ts'
import { stopOwnPostgres } from '../support/postgres.ts'
import { saveCard } from '../support/saved.ts'
import {
  type Answer,
  attemptRef,
  type Body,
  payAtSandbox,
  startTestServer,
  type TestBusiness,
  type TestServer,
  threeChannels,
} from '../support/server.ts'
import { advance, createPlan, periodsOf, subscribe } from '../support/subscriptions.ts'
import { until } from '../support/wait.ts'

after(stopOwnPostgres)

const lastKeys = ['created_by', 'reference']

describe('who made a payment request, and under which reference', () => {
  let server: TestServer
  let business: TestBusiness
  before(async () => {
    server = await startTestServer({ backend: 'postgres' })
    business = await threeChannels(server)
  })
  after(() => server.close())

  const retrieve = async (ref: string): Promise<Body> =>
    (await business.api('GET', `/v1/payment-requests/retrieve-by-ref/${ref}`)).body.data.payment_request
  const sdk = (body: object): Promise<Answer> =>
    server.call('POST', '/v1/sdk/initialize-payment-request', body, {
      authentication: `Bearer ${business.keys.test.public_key}`,
    })

  /** The request of an answer; its last two keys are these, with these values. */
  function expectEnd(answer: Answer, createdBy: string, reference: string | null): Body {
    const request = answer.body.data?.payment_request ?? answer.body.data?.payment_requests?.data[0]
    assert.ok(request, answer.text)
    assert.deepEqual(Object.keys(request).slice(-2), lastKeys, answer.text)
    assert.deepEqual([request.created_by, request.reference], [createdBy, reference])
    return request
  }

  test('every answer of the API ends a payment request with created_by and reference', async () => {
    const body = { customer_email: 'ada@example.com', amount: 100 }
    const made = await business.api('POST', '/v1/payment-requests', { ...body, reference: 'order-1' })
    const { ref } = expectEnd(made, 'secret', 'order-1')
    expectEnd(await business.api('POST', '/v1/payment-requests', body), 'secret', null)
    const relay = { payment_request_ref: ref, payment_channel: 'flutterwave' }
    expectEnd(await business.api('POST', '/v1/payment-requests/relay', relay), 'secret', 'order-1')
    for (const path of ['order-1', ref]) {
      const found = await business.api('GET', `/v1/payment-requests/retrieve-by-ref/${path}`)
      expectEnd(found, 'secret', 'order-1')
    }
    expectEnd(await business.api('GET', '/v1/payment-requests?search=order-1'), 'secret', 'order-1')
    expectEnd(await business.api('PATCH', `/v1/payment-requests/${ref}/verify`), 'secret', 'order-1')
    expectEnd(await business.api('PATCH', `/v1/payment-requests/${ref}/cancel`), 'secret', 'order-1')
    const saving = { customer_email: 'ada@example.com', reference: 'save-1' }
    expectEnd(await business.api('POST', '/v1/payment-requests/save-payment-method', saving), 'secret', 'save-1')
    const plan = await createPlan(business)
    const subscribing = { customer_email: 'sub@example.com', subscription_plan_uuid: plan.uuid, reference: 'sub-1' }
    expectEnd(await business.api('POST', '/v1/payment-requests/subscribe-to-plan', subscribing), 'secret', 'sub-1')
  })

  test('a charge of a saved method has its own intent, and ends alike', async () => {
    const { customer, method } = await saveCard(server, business, 'paystack')
    const charge = { customer_uuid: customer, payment_method_uuid: method, amount: 100, reference: 'charge-1' }
    const charged = await business.api('POST', '/v1/payment-requests/charge-payment-method', charge)
    assert.equal(expectEnd(charged, 'secret', 'charge-1').intent, 'charge_payment_method')
  })

  test('events carry both, the reference at the top', async () => {
    const body = { customer_email: 'ada@example.com', amount: 100, reference: 'told-1' }
    const made = await business.api('POST', '/v1/payment-requests', body)
    await payAtSandbox(server.url, attemptRef(made))
    await until('the event', async () => (await retrieve('told-1')).status === 'successful')
    const { events } = (await business.api('GET', '/v1/events?per_page=100')).body.data
    const { data } = events.data.find((one: Body) => one.data.reference === 'told-1')
    const keys = Object.keys(data)
    assert.deepEqual([keys[0], keys.at(-1)], ['reference', 'created_by'])
    assert.equal(data.created_by, 'secret')
  })

  test('a public key is told so, with and without a channel, and the page hands on the same', async () => {
    const body = { customer_email: 'ada@example.com', amount: 100 }
    const opened = await sdk({ ...body, reference: 'cart-1' })
    const request = expectEnd(opened, 'public', 'cart-1')
    expectEnd(await sdk({ ...body, reference: 'cart-2', payment_channel: 'paystack' }), 'public', 'cart-2')
    const path = new URL(request.checkout_url).pathname
    await server.call('POST', `${path}/relay`, { payment_channel: 'paystack' })
    await payAtSandbox(server.url, (await retrieve('cart-1')).last_transaction.ref)
    await until('the payment', async () => (await retrieve('cart-1')).status === 'successful')
    const { paymentRequest } = (await server.call('GET', `${path}/state`)).body
    assert.deepEqual(Object.keys(paymentRequest).slice(-2), lastKeys)
    assert.deepEqual([paymentRequest.created_by, paymentRequest.reference], ['public', 'cart-1'])
  })

  test('what a public page makes is of a link; what renews by itself is a renewal', async () => {
    const plan = await createPlan(business)
    const refBehind = async (answer: Answer) => {
      assert.equal(answer.status, 303, answer.text)
      const page = await server.call('GET', new URL(answer.headers.get('location') ?? '', server.url).pathname)
      return /AsP-[0-9a-f]{13}/.exec(page.text)?.[0] ?? ''
    }
    const followed = await postForm(server, `/subscribe/${plan.link_id}`, { email: 'linked@example.com' })
    assert.equal((await retrieve(await refBehind(followed))).created_by, 'link')

    const { customer, subscription } = await subscribe(server, business, plan)
    const portal = await portalOf(business, customer)
    assert.equal((await retrieve(await refBehind(await postForm(server, `${portal}/cards`)))).created_by, 'link')

    const first = await periodsOf(server, subscription.uuid)
    assert.equal((await retrieve(first[0]?.request ?? '')).created_by, 'secret')
    await advance(business, { days: 31 })
    const renewed = await retrieve((await periodsOf(server, subscription.uuid))[1]?.request ?? '')
    assert.deepEqual(Object.keys(renewed).slice(-2), lastKeys)
    assert.deepEqual([renewed.created_by, renewed.reference], ['renewal', null])
  })
})

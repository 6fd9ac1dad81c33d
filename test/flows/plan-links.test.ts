import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { expectFailure } from '../support/expect.ts'
import { stopOwnPostgres } from '../support/postgres.ts'
import { type Answer, type Body, call, startTestServer, type TestBusiness, type TestServer } from '../support/server.ts'

after(stopOwnPostgres)

describe('plans from a browser', () => {
  let server: TestServer
  let business: TestBusiness
  let plan: Body
  let customer: Body
  before(async () => {
    server = await startTestServer({ backend: 'postgres', role: 'api' })
    business = await server.business()
    const gold = { name: 'Gold', interval: 'monthly', amount: 200 }
    plan = (await business.api('POST', '/v1/subscription-plans', gold)).body.data
    customer = (await business.api('POST', '/v1/customers', { email: 'ada@example.com', name: 'Ada' })).body.data
  })
  after(() => server.close())

  const sdk = (path: string, body: Body): Promise<Answer> =>
    call(server.url, 'POST', `/v1/sdk/${path}`, body, { authentication: `Bearer ${business.keys.test.public_key}` })

  test('201 the SDK names a plan by uuid, link_id or link; the plan says what is paid', async () => {
    const ways = [
      { subscription_plan_uuid: plan.uuid },
      { subscription_plan_link: plan.link_id },
      { subscription_plan_link: `${server.url}/subscribe/${plan.link_id}` },
      { subscription_plan_link: `https://pay.example.com/subscribe/${plan.link_id}/?customer=x&public_key=y` },
      { subscription_plan_uuid: plan.uuid, subscription_plan_link: 'ignored' },
    ]
    for (const way of ways) {
      const answer = await sdk('initialize-payment-request', {
        customer_email: 'sdk@example.com',
        amount: null,
        ...way,
      })
      assert.equal(answer.status, 201, answer.text)
      const { intent, amount, currency, description } = answer.body.data.payment_request
      assert.deepEqual(
        [intent, amount, currency, description],
        ['subscription', '200', 'NGN', 'Subscription to Gold'],
        JSON.stringify(way),
      )
      assert.equal(answer.body.data.should_redirect, false)
    }
    const more = { customer_email: 'sdk@example.com', subscription_plan_link: plan.link_id, extend_subscription_by: 2 }
    assert.equal((await sdk('initialize-payment-request', more)).body.data.payment_request.amount, '400')
  })

  test('404 a link to no plan of this business; 422 what is wrong beside it', async () => {
    const other = await server.business('Other')
    const theirs = (await other.api('POST', '/v1/subscription-plans', { ...plan, name: 'Theirs' })).body.data
    for (const link of [theirs.link_id, 'aaaaaaaa', 'https://example.com/', `/subscribe/${theirs.link_id}`, 'x']) {
      const body = { customer_email: 'sdk@example.com', subscription_plan_link: link }
      const answer = await sdk('initialize-payment-request', body)
      expectFailure(answer, { status: 404, code: '007', fields: ['subscription_plan_link'] }, link)
    }
    const wrong = { customer_email: 'sdk@example.com', subscription_plan_link: plan.link_id, amount: -5 }
    expectFailure(await sdk('initialize-payment-request', wrong), { status: 422, code: '005', fields: ['amount'] })
    const none = { customer_email: 'sdk@example.com', extend_subscription_by: 2, amount: 5 }
    const answer = await sdk('initialize-payment-request', none)
    expectFailure(answer, { status: 422, code: '005', fields: ['subscription_plan_uuid'] })
  })

  test('201 a customer’s link already holds a question mark, from either key', async () => {
    const body = { customer_uuid: customer.uuid, subscription_plan_uuid: plan.uuid }
    const answers = [
      await business.api('POST', '/v1/subscriptions/generate-url', body),
      await sdk('generate-subscription-url', body),
    ]
    for (const answer of answers) {
      assert.equal(answer.status, 201, answer.text)
      assert.equal(answer.body.message, 'Subscription URL generated successfully')
      assert.deepEqual(Object.keys(answer.body.data), ['link'])
      const { link } = answer.body.data
      assert.ok(link.startsWith(`${server.url}/subscribe/${plan.link_id}?customer=`), link)
      assert.ok(!link.includes(customer.uuid))
    }
  })

  test('404 and 400 no link for what is not there, or takes nobody', async () => {
    const right = { customer_uuid: customer.uuid, subscription_plan_uuid: plan.uuid }
    const nobody = '00000000-0000-7000-8000-000000000000'
    for (const field of Object.keys(right)) {
      const answer = await sdk('generate-subscription-url', { ...right, [field]: nobody })
      expectFailure(answer, { status: 404, code: '007', fields: [field] }, field)
    }
    expectFailure(await sdk('generate-subscription-url', {}), {
      status: 422,
      code: '005',
      fields: ['customer_uuid', 'subscription_plan_uuid'],
    })
    const closed = { name: 'Closed', interval: 'weekly', amount: 100, status: 'inactive' }
    const { uuid } = (await business.api('POST', '/v1/subscription-plans', closed)).body.data
    const answer = await sdk('generate-subscription-url', { ...right, subscription_plan_uuid: uuid })
    expectFailure(answer, { status: 400, code: '052' })
  })
})

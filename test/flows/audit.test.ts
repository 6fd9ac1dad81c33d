import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import * as businesses from '../../src/domain/businesses/service.ts'
import { stopOwnPostgres } from '../support/postgres.ts'
import { saveCard } from '../support/saved.ts'
import { type Answer, type Body, startTestServer, type TestBusiness, type TestServer } from '../support/server.ts'
import { until } from '../support/wait.ts'

after(stopOwnPostgres)

/** Who changed what: a row in the transaction of the change, without the person whom it concerns. */
describe('the audit log', () => {
  let server: TestServer
  let business: TestBusiness
  before(async () => {
    server = await startTestServer({ backend: 'postgres' })
    business = await server.business()
  })
  after(() => server.close())

  const rows = () =>
    server.ctx.db.selectFrom('audit_log').selectAll().where('business_id', '=', business.id).orderBy('id').execute()
  /** What one call left there; it must have succeeded. */
  const leftBy = async (call: () => Promise<Answer>): Promise<Body[]> => {
    const known = new Set((await rows()).map((one) => one.id))
    const answer = await call()
    assert.ok(answer.status < 300, answer.text)
    return (await rows()).filter((one) => !known.has(one.id))
  }
  const expectOne = async (action: string, call: () => Promise<Answer>): Promise<Body> => {
    const left = await leftBy(call)
    assert.deepEqual(
      left.map((one) => one.action),
      [action],
    )
    assert.match(left[0].actor, /^key:/, action)
    assert.equal(left[0].env_mode, 'test')
    return left[0].detail
  }
  const { api } = { api: (...args: Parameters<TestBusiness['api']>) => business.api(...args) }

  test('endpoints: made, changed with before and after, rolled, deleted', async () => {
    const made = await api('POST', '/v1/webhook-endpoints', { url: 'http://shop.example/a' })
    const path = `/v1/webhook-endpoints/${made.body.data.uuid}`
    const detail = await expectOne('webhook_endpoint.updated', () =>
      api('PUT', path, { url: 'http://shop.example/b', is_enabled: 0 }),
    )
    assert.deepEqual([detail.before.url, detail.after.url], ['http://shop.example/a', 'http://shop.example/b'])
    assert.deepEqual([detail.before.is_enabled, detail.after.is_enabled], [true, false])
    await expectOne('webhook_endpoint.secret_rolled', () => api('PATCH', `${path}/roll-secret`))
    await expectOne('webhook_endpoint.deleted', () => api('DELETE', path))
    const own = (await api('GET', '/v1/webhook-endpoints')).body.data.webhook_endpoints.data[0].uuid
    await expectOne('business.updated', () =>
      api('PUT', `/v1/webhook-endpoints/${own}`, { url: 'http://shop.example/own' }),
    )
  })

  test('customers: which fields, never what they say', async () => {
    const person = { email: 'canary-ada@example.com', name: 'Canary Ada' }
    const made = await api('POST', '/v1/customers', person)
    const path = `/v1/customers/${made.body.data.uuid}`
    const changed = await expectOne('customer.updated', () =>
      api('PUT', path, { phone_number: '8031234567', 'Canary Ada': 1 }),
    )
    assert.deepEqual(changed, { id: made.body.data.uuid, fields: ['phone_number'] })
    await expectOne('customer.deleted', () => api('DELETE', path))
    const kept = (await rows()).map((one) => JSON.stringify(one.detail)).join()
    assert.ok(!kept.toLowerCase().includes('canary'))
  })

  test('money: a charge of a saved method, a cancelled request', async () => {
    const saved = await saveCard(server, business, 'paystack')
    const charge = { customer_uuid: saved.customer, payment_method_uuid: saved.method, amount: 100 }
    const path = '/v1/payment-requests/charge-payment-method'
    const detail = await expectOne('payment_method.charged', () => api('POST', path, charge))
    assert.deepEqual([detail.amount, detail.currency], ['100', 'NGN'])
    const opened = await api('POST', '/v1/payment-requests', { customer_email: 'b@example.com', amount: 200 })
    const { ref } = opened.body.data.payment_request
    const cancelled = await expectOne('payment_request.cancelled', () =>
      api('PATCH', `/v1/payment-requests/${ref}/cancel`),
    )
    assert.equal(cancelled.ref, ref)
    assert.deepEqual(await leftBy(() => api('PATCH', `/v1/payment-requests/${ref}/cancel`)), [], 'twice is once')
  })

  test('plans, subscriptions and saved methods: each change of them', async () => {
    const wish = { name: 'Audited', interval: 'monthly', amount: 200 }
    const plan = (await api('POST', '/v1/subscription-plans', wish)).body.data.uuid
    const planPath = `/v1/subscription-plans/${plan}`
    const detail = await expectOne('subscription_plan.updated', () => api('PUT', planPath, { amount: 300 }))
    assert.deepEqual([detail.before.amount_minor, detail.after.amount_minor], ['20000', '30000'])
    const saved = await saveCard(server, business, 'paystack')
    const held = { customer_uuid: saved.customer, payment_method_uuid: saved.method }
    const begun = await api('POST', '/v1/subscriptions', { ...held, subscription_plan_uuid: plan, is_trial: true })
    const path = `/v1/subscriptions/${begun.body.data.uuid}`
    await expectOne('subscription.paused', () => api('PATCH', `${path}/pause`))
    await expectOne('subscription.resumed', () => api('PATCH', `${path}/resume`))
    await expectOne('subscription.cancelled', () => api('PATCH', `${path}/cancel?immediately=1`))
    await expectOne('subscription_plan.updated', () => api('PATCH', `${planPath}/deactivate`))
    await expectOne('subscription_plan.deleted', () => api('DELETE', planPath))
    const methods = `/v1/customers/${saved.customer}/payment-methods`
    await expectOne('payment_method.deleted', () => api('DELETE', `${methods}/${saved.method}`))
  })

  test('a worker seals what was written by itself', async () => {
    await api('PUT', '/v1/business', { name: 'Sealed' })
    const isSealed = async () => (await businesses.verify(server.ctx, null)).unsealed === 0
    await until('the seal', isSealed, 60_000)
    assert.deepEqual((await businesses.verify(server.ctx, null)).breaks, [])
  })

  test('what fails leaves no row', async () => {
    const before = (await rows()).length
    const none = '01a220c4-7e28-7468-9b11-54a91ebed9e2'
    for (const path of [`/v1/customers/${none}`, `/v1/webhook-endpoints/${none}`, `/v1/subscription-plans/${none}`]) {
      assert.equal((await api('DELETE', path)).status, 404)
    }
    assert.equal((await rows()).length, before)
  })
})

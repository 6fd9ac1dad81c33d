import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { expectFailure } from '../support/expect.ts'
import { stopOwnPostgres } from '../support/postgres.ts'
import { countRows } from '../support/rows.ts'
import { call, startTestServer, type TestBusiness, type TestServer } from '../support/server.ts'

after(stopOwnPostgres)

describe('card numbers', () => {
  let server: TestServer
  let business: TestBusiness
  before(async () => {
    server = await startTestServer({ backend: 'postgres', role: 'api' })
    business = await server.business()
  })
  after(() => server.close())

  test('422 in descriptions, names and metadata, by any key and verb, and nothing is kept; ids and references pass', async () => {
    const email = 'ada@example.com'
    const pay = { customer_email: email, amount: 100 }
    const { uuid } = (await business.api('POST', '/v1/customers', { email, name: 'Ada' })).body.data
    const before = await countRows(server.ctx)
    const card = '4242 4242 4242 4242'
    const sdk = (_method: string, path: string, body: object) =>
      call(server.url, 'POST', path, body, { authentication: `Bearer ${business.keys.test.public_key}` })
    const wrong: [typeof business.api | typeof sdk, string, string, object, string][] = [
      [business.api, 'POST', '/v1/payment-requests', { ...pay, description: `Card ${card}` }, 'description'],
      [business.api, 'POST', '/v1/payment-requests', { ...pay, meta_data: { a: [{ b: card }] } }, 'meta_data'],
      [business.api, 'POST', '/v1/payment-requests', { ...pay, metadata: { [card]: 1 } }, 'metadata'],
      [business.api, 'POST', '/v1/customers', { email: 'b@example.com', name: card }, 'name'],
      [business.api, 'PUT', `/v1/customers/${uuid}`, { address_line_1: card }, 'address_line_1'],
      [business.api, 'POST', '/v1/subscription-plans', { name: card, interval: 'daily', amount: 1 }, 'name'],
      [sdk, 'POST', '/v1/sdk/initialize-payment-request', { amount: 100, customer: { email, name: card } }, 'customer'],
    ]
    for (const [send, method, path, body, field] of wrong) {
      const answer = await send(method, path, body)
      expectFailure(answer, { status: 422, code: '005', fields: [field] })
      assert.match(answer.body.error_data[field][0], /looks like a card number/)
      assert.ok(!answer.text.includes(card), 'the answer repeats it')
    }
    assert.deepEqual(await countRows(server.ctx), before)
    const number = card.replaceAll(' ', '')
    const fine = { ...pay, reference: number, meta_data: { transaction_id: Number(number) } }
    const answer = await business.api('POST', '/v1/payment-requests', fine)
    assert.equal(answer.status, 201, answer.text)
  })
})

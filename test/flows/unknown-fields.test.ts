import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { stopOwnPostgres } from '../support/postgres.ts'
import { type Answer, type Body, startTestServer, type TestBusiness, type TestServer } from '../support/server.ts'

after(stopOwnPostgres)

const payment = { customer_email: 'ada@example.com', amount: '100' }
const named = (answer: Answer) => answer.headers.get('asyncpay-unknown-fields')

describe('fields that nobody reads', () => {
  let server: TestServer
  let business: TestBusiness
  before(async () => {
    server = await startTestServer({ role: 'api' })
    business = await server.business()
  })
  after(() => server?.close())

  const initiate = (body: Body, headers?: Record<string, string>) =>
    business.api('POST', '/v1/payment-requests', { ...payment, ...body }, headers)

  test('201 they are ignored, and named in Asyncpay-Unknown-Fields with the field that was meant', async () => {
    const answer = await initiate({ callback_url: 'https://shop.example/thanks', colour: 'red' })
    assert.equal(answer.status, 201, answer.text)
    assert.equal(named(answer), 'callback_url (did you mean success_redirect_url?), colour')
    assert.equal(named(await initiate({})), null)
  })

  const meant: [string, string | null][] = [
    ['tx_ref', 'reference'],
    ['email', 'customer_email'],
    ['customerEmail', 'customer_email'],
    ['refrence', 'reference'],
    ['ammount', 'amount'],
    ['cancel_url', 'failure_redirect_url'],
    ['zzzz', null],
    ['constructor', null],
    ['toString', null],
  ]
  for (const [name, field] of meant) {
    test(`201 ${name}: ${field ?? 'nothing near it'}`, async () => {
      const expected = field === null ? name : `${name} (did you mean ${field}?)`
      assert.equal(named(await initiate({ [name]: 'x' })), expected)
    })
  }

  test('201 inside an object that is described, with the object’s name; whatever stands in meta_data is the merchant’s', async () => {
    const answer = await business.api('POST', '/v1/payment-requests', {
      amount: 100,
      customer: { email: 'ada@example.com', first_nam: 'Ada' },
      meta_data: { callback_url: 'theirs' },
    })
    assert.equal(answer.status, 201, answer.text)
    assert.equal(named(answer), 'customer.first_nam (did you mean customer.first_name?)')
  })

  test('422 error_data names them beside the wrong fields', async () => {
    const answer = await initiate({ amount: '-1', callback_url: 'https://shop.example/thanks', colour: 'red' })
    assert.equal(answer.status, 422)
    assert.deepEqual(answer.body.error_data, {
      amount: ['The amount must be a plain decimal number such as "100.50".'],
      callback_url: ['There is no field of this name here, so it was ignored. Did you mean success_redirect_url?'],
      colour: ['There is no field of this name here, so it was ignored.'],
    })
  })

  test('a refusal of another kind has the header too', async () => {
    const answer = await initiate({ customer_uuid: '01890000-0000-7000-8000-000000000000', chanel: 'paystack' })
    assert.equal(answer.status, 404)
    assert.match(String(named(answer)), /^chanel/)
  })

  test('a replayed answer has it as the first one had', async () => {
    const twice = [1, 2].map(() => () => initiate({ colour: 'red' }, { 'idempotency-key': 'unknown-1' }))
    const [first, second] = [await twice[0]!(), await twice[1]!()]
    assert.equal(second.headers.get('idempotent-replayed'), 'true')
    assert.deepEqual([named(first), named(second)], ['colour', 'colour'])
  })

  test('live answers do not have it', async () => {
    const answer = await business.live('POST', '/v1/customers', { email: 'a@example.com', name: 'A', colour: 'red' })
    assert.equal(answer.status, 201, answer.text)
    assert.equal(named(answer), null)
  })

  test('a name may hold anything: what a header may not hold is written otherwise, and there are ten at most', async () => {
    const odd = await initiate({ 'a\r\nset-cookie: b': 1, 'é💥': 1, '\ud800': 1 })
    assert.equal(odd.status, 201, odd.text)
    assert.equal(named(odd), 'a%0D%0Aset-cookie%3A%20b, %C3%A9%F0%9F%92%A5, %EF%BF%BD')
    const many = Object.fromEntries(Array.from({ length: 5_000 }, (_, index) => [`field_${index}`, 1]))
    assert.equal(named(await initiate(many))?.split(', ').length, 10)
  })

  test('a public key is told too, and the browser may read it', async () => {
    const { public_key: key } = business.keys.test
    const headers = { authentication: `Bearer ${key}`, origin: 'https://shop.example' }
    const body = { ...payment, onSuccess: 'x' }
    const answer = await server.call('POST', '/v1/sdk/initialize-payment-request', body, headers)
    assert.equal(answer.status, 201, answer.text)
    assert.equal(named(answer), 'onSuccess')
    assert.match(String(answer.headers.get('access-control-expose-headers')), /asyncpay-unknown-fields/)
  })
})

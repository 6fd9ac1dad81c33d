import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, afterEach, describe, test } from 'node:test'
import { expectFailure } from '../support/expect.ts'
import { stopOwnPostgres } from '../support/postgres.ts'
import {
  type Answer,
  attemptRef,
  payAtSandbox,
  startTestServer,
  type TestBusiness,
  type TestServer,
} from '../support/server.ts'
import { recordStatements } from '../support/statements.ts'
import { createPlan } from '../support/subscriptions.ts'

/** Whoever tries stolen cards with a public key, and the honest buyers beside them. Each begins with nothing counted. */
describe('card testing', { concurrency: false }, () => {
  let server: TestServer
  let business: TestBusiness
  const start = async (env: Record<string, string>) => {
    server = await startTestServer({ backend: 'postgres', role: 'api', env })
    business = await server.business()
  }
  afterEach(async () => {
    await server?.close()
  })
  after(stopOwnPostgres)

  const begin = (customer: object, more: { at?: TestServer; from?: string; key?: string; channel?: string } = {}) =>
    (more.at ?? server).call(
      'POST',
      '/v1/sdk/initialize-payment-request',
      { ...customer, amount: 500, currency: 'NGN', ...(more.channel && { payment_channel: more.channel }) },
      {
        authentication: `Bearer ${business.keys.test.public_key}`,
        ...(more.from && { 'x-forwarded-for': more.from }),
        ...(more.key && { 'idempotency-key': more.key }),
      },
    )
  const of = (email: string) => ({ customer_email: email })
  const expectTooMany = (answer: Answer, secondsMax = 3_600) => {
    expectFailure(answer, { status: 429, code: '009' })
    const seconds = Number(answer.headers.get('retry-after'))
    assert.ok(seconds >= 1 && seconds <= secondsMax, `Retry-After ${seconds}`)
  }
  /** Begun, opened at the channel, and ended there. */
  const end = async (email: string, outcome: 'success' | 'failed', from?: string) => {
    const created = await begin(of(email), { channel: 'paystack', ...(from && { from }) })
    assert.equal(created.status, 201, created.text)
    await payAtSandbox(server.url, attemptRef(created), outcome)
    await server.call('GET', `/return/${created.body.data.payment_request.last_transaction.uuid}`)
  }

  test('429 the 31st attempt of a customer in an hour, however they are named; other buyers of that address pay', async () => {
    await start({ LIMIT_CUSTOMER_ATTEMPTS: '30' })
    for (let n = 0; n < 30; n += 1) {
      const email = ['eve@example.com', 'EVE@Example.com'][n % 2] ?? ''
      assert.equal((await begin(n % 3 ? of(email) : { customer: { email } })).status, 201, String(n))
    }
    expectTooMany(await begin(of('eve@example.com')))
    expectTooMany(await begin(of('eve@example.com'), { from: '192.0.2.7' }))
    assert.equal((await begin(of('ada@example.com'))).status, 201)
    const own = await business.api('POST', '/v1/payment-requests', { customer_email: 'eve@example.com', amount: 500 })
    assert.equal(own.status, 201, 'a secret key bounds its buyers itself')
    server.clock.advance(3_601_000)
    assert.equal((await begin(of('eve@example.com'))).status, 201)
  })

  test('a replay is no attempt, and comes also beyond the limit; an honest buyer costs no statement', async () => {
    await start({ LIMIT_CUSTOMER_ATTEMPTS: '3', LIMIT_CUSTOMER_DECLINES: '10', LIMIT_ADDRESS_DECLINES: '30' })
    const recorder = recordStatements()
    const first = await begin(of('eve@example.com'), { key: 'once' })
    assert.equal(recorder.stop().filter(({ text }) => text.includes("t.status = 'failed'")).length, 0)
    for (let n = 0; n < 5; n += 1) {
      const again = await begin(of('eve@example.com'), { key: 'once' })
      assert.deepEqual([again.status, again.text], [201, first.text])
    }
    assert.equal((await begin(of('eve@example.com'))).status, 201)
    assert.equal((await begin(of('eve@example.com'))).status, 201)
    expectTooMany(await begin(of('eve@example.com')))
    assert.equal((await begin(of('eve@example.com'), { key: 'once' })).text, first.text)
  })

  test('the checkout and the plan’s page count for the same customer', async () => {
    await start({ LIMIT_CUSTOMER_ATTEMPTS: '3' })
    const plan = await createPlan(business)
    const subscribe = (email: string) =>
      fetch(`${server.url}/subscribe/${plan.link_id}`, {
        method: 'POST',
        body: new URLSearchParams({ email }),
        redirect: 'manual',
      })
    const choose = (created: Answer) =>
      server.call('POST', `${new URL(created.body.data.payment_request.checkout_url).pathname}/relay`, {
        payment_channel: 'paystack',
      })
    const created = await begin(of('eve@example.com'))
    const honest = await begin(of('ada@example.com'))
    assert.equal((await choose(created)).status, 201)
    assert.equal((await subscribe('eve@example.com')).status, 303)
    expectTooMany(await choose(created))
    const page = await subscribe('eve@example.com')
    assert.equal(page.status, 429)
    assert.match(String(page.headers.get('content-type')), /html/)
    assert.ok(Number(page.headers.get('retry-after')) >= 1)
    assert.equal((await choose(honest)).status, 201)
    assert.equal((await subscribe('bob@example.com')).status, 303)
  })

  test('429 after ten declines of a customer in an hour, at another process too; another customer pays', async () => {
    await start({ LIMIT_CUSTOMER_DECLINES: '10' })
    for (let n = 0; n < 10; n += 1) await end('eve@example.com', 'failed')
    expectTooMany(await begin(of('Eve@example.com')))
    await end('ada@example.com', 'success')
    const other = await startTestServer({
      backend: 'postgres',
      role: 'api',
      databaseUrl: server.config.databaseUrl ?? '',
      env: { LIMIT_CUSTOMER_DECLINES: '10' },
    })
    try {
      // It looks declines up from a quarter of them on.
      for (let n = 0; n < 2; n += 1) await begin(of('eve@example.com'), { at: other })
      expectTooMany(await begin(of('eve@example.com'), { at: other }))
      assert.equal((await begin(of('ada@example.com'), { at: other })).status, 201)
    } finally {
      await other.close()
    }
    server.clock.advance(3_601_000)
    await end('eve@example.com', 'success')
  })

  test('429 an address whose buyers, ever new ones, are all declined; one where some pay goes on, and so do others', async () => {
    await start({ LIMIT_ADDRESS_DECLINES: '4', LIMIT_ADDRESS_ATTEMPTS: '20' })
    const [tester, network] = ['2001:db8:0:1::', '192.0.2.2']
    for (let n = 0; n < 4; n += 1) await end(`${randomUUID()}@example.com`, 'failed', `${tester}${n}`)
    expectTooMany(await begin(of('new@example.com'), { from: `${tester}ffff` }))
    assert.equal((await begin(of('new@example.com'), { from: '2001:db8:0:2::1' })).status, 201)
    for (let n = 0; n < 2; n += 1) await end(`paid${n}@example.com`, 'success', network)
    for (let n = 0; n < 5; n += 1) await end(`buyer${n}@example.com`, 'failed', network)
  })

  test('429 the 21st attempt of an address at one business; another business is asked from there', async () => {
    await start({ LIMIT_ADDRESS_ATTEMPTS: '20' })
    for (let n = 0; n < 20; n += 1) assert.equal((await begin(of(`${n}@example.com`))).status, 201)
    expectTooMany(await begin(of('new@example.com')))
    business = await server.business()
    assert.equal((await begin(of('new@example.com'))).status, 201)
  })
})

import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { find } from '../../src/domain/businesses/service.ts'
import { newId } from '../../src/platform/ids.ts'
import { stopOwnPostgres } from '../support/postgres.ts'
import {
  type Answer,
  attemptRef,
  call,
  payAtSandbox,
  requestRef,
  startTestServer,
  type TestBusiness,
  type TestServer,
  threeChannels,
} from '../support/server.ts'
import { recordStatements } from '../support/statements.ts'
import { until } from '../support/wait.ts'

after(stopOwnPostgres)

/** What a stranger may ask for, and that an honest caller from the same address goes on meanwhile. */
describe('limits that a stranger meets', () => {
  let server: TestServer
  let business: TestBusiness
  const asked: string[] = []
  before(async () => {
    server = await startTestServer({ backend: 'postgres', role: 'api' })
    business = await threeChannels(server)
    server.server.app?.server.on('request', ({ url }) => {
      if (/^\/sandbox\/(paystack|flutterwave|stripe)/.test(url ?? '')) asked.push(String(url))
    })
  })
  after(() => server.close())

  const open = async (): Promise<Answer> => {
    const answer = await business.api('POST', '/v1/payment-requests', { customer_email: 'a@b.example', amount: 500 })
    assert.equal(answer.status, 201, answer.text)
    return answer
  }
  const hookPath = async (): Promise<string> => {
    const { hookToken } = await find(server.ctx, business.id, 'test')
    return `/v1/system/hooks/${hookToken}/paystack`
  }
  const comeBack = (created: Answer) =>
    call(server.url, 'GET', `/return/${created.body.data.payment_request.last_transaction.uuid}`)
  const payAndComeBack = async (created: Answer) => {
    await payAtSandbox(server.url, attemptRef(created))
    const answer = await comeBack(created)
    assert.match(answer.text, /Payment received/, String(answer.status))
  }
  const expectLimit = (answer: Answer, secondsMax: number) => {
    assert.equal(answer.status, 429, answer.text)
    assert.equal(answer.body.error, 'TOO_MANY_REQUESTS')
    const seconds = Number(answer.headers.get('retry-after'))
    assert.ok(seconds >= 1 && seconds <= secondsMax, String(seconds))
  }

  test('429 the 61st return of a minute; the channel is asked once in 3 s; another buyer of that address pays', async (t) => {
    const created = await open()
    const honest = await open()
    asked.length = 0
    const recorder = recordStatements()
    const answers: Answer[] = []
    for (let n = 0; n < 200; n += 1) answers.push(await comeBack(created))
    const statements = recorder.stop().length
    t.diagnostic(`200 returns: ${asked.length} calls to the channel, ${statements} statements`)
    assert.equal(answers.filter(({ status }) => status === 200).length, 60)
    expectLimit(answers[60] as Answer, 60)
    assert.ok(asked.length < 60, `${asked.length} calls`)
    await payAndComeBack(honest)
    // A browser is told in words.
    const link = `/return/${created.body.data.payment_request.last_transaction.uuid}`
    const page = await call(server.url, 'GET', link, undefined, { accept: 'text/html,*/*;q=0.8' })
    assert.equal(page.status, 429)
    assert.match(String(page.headers.get('content-type')), /^text\/html/)
    assert.match(page.text, /wait a little/)
    assert.ok(Number(page.headers.get('retry-after')) >= 1)
    server.clock.advance(61_000)
    await payAndComeBack(created)
  })

  test('429 the 21st relay of one request; its last page is paid all the same, and others are relayed', async (t) => {
    const created = await open()
    const honest = await open()
    const relay = (of: Answer, n: number) =>
      business.api('POST', '/v1/payment-requests/relay', {
        payment_request_ref: requestRef(of),
        payment_channel: n % 2 ? 'paystack' : 'flutterwave',
      })
    asked.length = 0
    let last = created
    for (let n = 0; n < 20; n += 1) {
      last = await relay(created, n)
      assert.equal(last.status, 201, last.text)
    }
    const before = asked.length
    for (let n = 0; n < 100; n += 1) expectLimit(await relay(created, n), 86_400)
    t.diagnostic(`120 relays: ${asked.length} calls to channels`)
    assert.equal(asked.length, before, 'what is refused asks no channel')
    assert.equal((await relay(honest, 0)).status, 201)
    await payAndComeBack(last)
  })

  test('relays at once pass the limit by none, and what failing over made is no relay', async () => {
    const fault = { channel: 'paystack', operation: 'open', kind: 'status', status: 500, times: 1 }
    assert.equal((await call(server.url, 'POST', '/sandbox/control/faults', fault)).status, 201)
    const created = await open()
    const countAttempts = async (): Promise<number> => {
      const { rows } = await server.ctx.database.pool.query(
        'select 1 from transactions t join payment_requests r on r.id = t.payment_request_id where r.ref = $1',
        [requestRef(created)],
      )
      return rows.length
    }
    assert.equal(await countAttempts(), 2, 'it failed over')
    const slugs = ['paystack', 'flutterwave'] as const
    const relay = (n: number) =>
      business.api('POST', '/v1/payment-requests/relay', {
        payment_request_ref: requestRef(created),
        payment_channel: slugs[n % slugs.length],
      })
    for (let n = 0; n < 17; n += 1) assert.equal((await relay(n)).status, 201, String(n))
    const answers = await Promise.all(Array.from({ length: 30 }, (_, n) => relay(n)))
    for (const answer of answers.filter(({ status }) => status !== 201)) expectLimit(answer, 86_400)
    assert.equal(await countAttempts(), 2 + 20)
  })

  test('429 the 121st webhook of a minute with a wrong signature; a right one of the same token passes', async () => {
    const path = await hookPath()
    const post = (headers: Record<string, string>) => call(server.url, 'POST', path, { event: newId() }, headers)
    for (let n = 0; n < 120; n += 1) assert.equal((await post({ 'x-paystack-signature': 'wrong' })).status, 401)
    expectLimit(await post({ 'x-paystack-signature': 'wrong' }), 60)
    expectLimit(await post({}), 60)
    const created = await open()
    const statuses: number[] = []
    server.server.app?.server.on('request', ({ url }, response) => {
      if (url === path) response.once('finish', () => statuses.push(response.statusCode))
    })
    await payAtSandbox(server.url, attemptRef(created))
    await until('the webhook', async () => statuses.length > 0)
    assert.deepEqual([...new Set(statuses)], [200])
  })
})

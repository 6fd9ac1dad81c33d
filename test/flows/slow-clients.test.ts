import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { expectFailure } from '../support/expect.ts'
import { stopOwnPostgres } from '../support/postgres.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { until } from '../support/wait.ts'

const env = { REQUEST_TIMEOUT_MS: '500', CONNECTIONS_MAX: '40', LIMIT_LINK_STREAMS: '2', LIMIT_ADDRESS_STREAMS: '3' }

describe('slow clients and far pages', () => {
  let server: TestServer
  before(async () => {
    server = await startTestServer({ backend: 'postgres', role: 'api', env })
  })
  after(async () => {
    await server?.close()
    await stopOwnPostgres()
  })

  test('408 a head that never ends; others are served', async () => {
    const socket = connect(server.config.port, '127.0.0.1')
    socket.write('POST /v1/customers HTTP/1.1\r\nhost: x\r\n')
    let answered = ''
    for await (const chunk of socket) answered += chunk
    assert.match(answered, /^HTTP\/1\.1 408/)
    assert.equal((await server.call('GET', '/health/live')).status, 200)
  })

  test('408 a body that never ends, of one who has a key', async () => {
    const business = await server.business()
    const socket = connect(server.config.port, '127.0.0.1')
    socket.write(
      `POST /v1/customers HTTP/1.1\r\nhost: x\r\nauthentication: Bearer ${business.keys.test.secret_key}\r\n` +
        'content-type: application/json\r\ncontent-length: 9\r\n\r\n{',
    )
    let answered = ''
    for await (const chunk of socket) answered += chunk
    assert.match(answered, /^HTTP\/1\.1 408/)
  })

  test('connections beyond CONNECTIONS_MAX are closed at once; when some have gone, others are served', async () => {
    const sockets = Array.from({ length: 80 }, () => connect(server.config.port, '127.0.0.1'))
    const gone = new Set<unknown>()
    for (const socket of sockets) for (const end of ['close', 'error']) socket.on(end, () => gone.add(socket))
    await until('the others are closed', async () => gone.size >= 40)
    for (const socket of sockets) socket.destroy()
    await until('served again', async () => {
      const answer = await server.call('GET', '/health/live').catch(() => null)
      return answer?.status === 200
    })
  })

  test('429 the third stream of one checkout and the fourth of one address; whoever goes makes room', async () => {
    const business = await server.business()
    const begin = async () => {
      const body = { customer_email: 'ada@example.com', amount: 500, currency: 'NGN' }
      const headers = { authentication: `Bearer ${business.keys.test.public_key}` }
      const { body: made } = await server.call('POST', '/v1/sdk/initialize-payment-request', body, headers)
      return `${made.data.payment_request.checkout_url}/events`
    }
    const open = async (url: string, signal: AbortSignal) => {
      const response = await fetch(url, { signal })
      if (response.ok) return response
      const { status, headers } = response
      assert.ok(Number(headers.get('retry-after')) >= 1, 'Retry-After')
      await response.text()
      return { status }
    }
    const [one, other] = [await begin(), await begin()]
    const [staying, going] = [new AbortController(), new AbortController()]
    assert.equal((await open(one, going.signal)).status, 200)
    const lasting = await open(one, staying.signal)
    assert.equal((await open(one, staying.signal)).status, 429)
    assert.equal((await open(other, staying.signal)).status, 200)
    assert.equal((await open(other, staying.signal)).status, 429)
    going.abort()
    await until('there is room', async () => (await open(other, staying.signal)).status === 200)
    // Slow by nature, and no slow client: it outlives REQUEST_TIMEOUT_MS.
    const reader = lasting instanceof Response ? lasting.body?.getReader() : undefined
    assert.equal((await reader?.read())?.done, false)
    staying.abort()
    assert.equal((await server.call('GET', '/health/live')).status, 200)
  })

  test('the longest REQUEST_TIMEOUT_MS starts a server too', async () => {
    const patient = await startTestServer({
      backend: 'postgres',
      role: 'api',
      env: { REQUEST_TIMEOUT_MS: '600000' },
    })
    assert.equal((await patient.call('GET', '/health/live')).status, 200)
    await patient.close()
  })

  test('422 a page further back than 10,000 rows', async () => {
    const business = await server.business()
    for (const path of ['payment-requests', 'customers', 'subscription-plans', 'subscriptions', 'events']) {
      assert.equal((await business.api('GET', `/v1/${path}?page=101&per_page=100`)).status, 200, path)
      const beyond = await business.api('GET', `/v1/${path}?page=102&per_page=100`)
      expectFailure(beyond, { status: 422, code: '005' }, path)
    }
  })
})

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { startTestServer, type TestBusiness, type TestServer } from '../support/server.ts'
import { until } from '../support/wait.ts'

describe('while the server stops', () => {
  let server: TestServer
  let business: TestBusiness
  before(async () => {
    server = await startTestServer({ backend: 'embedded' })
    business = await server.business()
  })
  after(() => server.close())

  const connectionsOf = () =>
    new Promise<number>((resolve) => server.server.app?.server.getConnections((_error, count) => resolve(count)))

  /** A connection that was open before the stop, and has sent nothing yet. */
  async function openConnection() {
    const { port, hostname } = new URL(server.url)
    const before = await connectionsOf()
    const socket = connect(Number(port), hostname)
    await once(socket, 'connect')
    await until('the server to know it', async () => (await connectionsOf()) > before)
    return async (method: string, path: string, body: object | null) => {
      const text = body ? JSON.stringify(body) : ''
      const head = [
        `${method} ${path} HTTP/1.1`,
        `host: ${hostname}`,
        `authentication: Bearer ${business.keys.test.secret_key}`,
        'content-type: application/json',
        `content-length: ${text.length}`,
        'connection: keep-alive',
      ]
      socket.write(`${head.join('\r\n')}\r\n\r\n${text}`)
      let answer = ''
      // Until the server ends it.
      for await (const chunk of socket.setEncoding('utf8')) answer += chunk
      return answer
    }
  }

  test('what was begun is answered, what comes is 090 with all its headers, and either ends its connection', async () => {
    const fault = { channel: 'paystack', operation: 'open', kind: 'latency', ms: 1_500, times: 1 }
    assert.equal((await server.call('POST', '/sandbox/control/faults', fault)).status, 201)
    const first = await openConnection()
    const late = await Promise.all([openConnection(), openConnection(), openConnection()])
    const begun = first('POST', '/v1/payment-requests', { customer_email: 'ada@example.com', amount: '100' })
    await until('the call', async () => (await server.call('GET', '/sandbox/control/faults')).body.length === 0)
    const closing = server.close()
    await until('the stop', async () => (await fetch(`${server.url}/health/live`).catch(() => null)) === null)
    const refused = await Promise.all([
      late[0]!('POST', '/v1/payment-requests', { customer_email: 'late@example.com', amount: '100' }),
      late[1]!('GET', '/health/ready', null),
      late[2]!('GET', '/nowhere', null),
    ])
    for (const answer of refused) {
      const [head = '', body = ''] = answer.split('\r\n\r\n')
      assert.match(head, /^HTTP\/1\.1 503 /)
      assert.match(head, /\r\nretry-after: [1-9]/i)
      assert.match(head, /\r\nrequest-id: \S+/i)
      assert.match(head, /\r\nconnection: close/i)
      const { status, error, error_code } = JSON.parse(body)
      assert.deepEqual([status, error, error_code], ['failed', 'SERVICE_UNAVAILABLE', '090'])
    }
    assert.match(await begun, /^HTTP\/1\.1 201 /)
    assert.match(await begun, /\r\nconnection: close/i)
    await closing
  })

  test('a client that has sent nothing, half a head or half a body does not hold it up for longer than a request may take', async () => {
    const slow = await startTestServer({ backend: 'embedded', env: { REQUEST_TIMEOUT_MS: '500' } })
    const { keys } = await slow.business()
    const head =
      `POST /v1/customers HTTP/1.1\r\nhost: x\r\nauthentication: Bearer ${keys.test.secret_key}\r\n` +
      'content-type: application/json\r\ncontent-length: 9\r\n'
    const sockets = await Promise.all(
      ['', head, `${head}\r\n{`].map(async (words) => {
        const socket = connect(slow.config.port, '127.0.0.1').on('error', () => {})
        await once(socket, 'connect')
        if (words) socket.write(words)
        return socket.resume()
      }),
    )
    await slow.call('GET', '/health/live')
    await slow.close()
    for (const socket of sockets) socket.destroy()
  })
})

import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { expectFailure } from '../support/expect.ts'
import { stopOwnPostgres } from '../support/postgres.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

describe('slow clients and far pages', () => {
  let server: TestServer
  before(async () => {
    server = await startTestServer({ backend: 'postgres', role: 'api', env: { REQUEST_TIMEOUT_MS: '500' } })
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

  test('422 a page further back than 10,000 rows', async () => {
    const business = await server.business()
    for (const path of ['payment-requests', 'customers', 'subscription-plans', 'subscriptions', 'events']) {
      assert.equal((await business.api('GET', `/v1/${path}?page=101&per_page=100`)).status, 200, path)
      const beyond = await business.api('GET', `/v1/${path}?page=102&per_page=100`)
      expectFailure(beyond, { status: 422, code: '005' }, path)
    }
  })
})

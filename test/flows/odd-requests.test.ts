import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { failureKeys } from '../support/expect.ts'
import { stopOwnPostgres } from '../support/postgres.ts'
import { startTestServer, type TestBusiness, type TestServer } from '../support/server.ts'

after(stopOwnPostgres)

const tooBig = Buffer.alloc(16 * 1024 * 1024, 'a')

describe('requests that are odd before anybody reads them', () => {
  let server: TestServer
  let business: TestBusiness
  before(async () => {
    server = await startTestServer({ backend: 'postgres', role: 'api' })
    business = await server.business()
  })
  after(() => server.close())

  /** What a client gets that sends everything before it reads, as many do; the connection must not break meanwhile. */
  function exchange(
    head: string,
    ...parts: (string | Buffer)[]
  ): Promise<{ status: number; head: string; body: Record<string, unknown> }> {
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk
      if (isWhole(text)) socket.end()
    })
    socket.on('error', reject)
    socket.on('close', () => resolve(text))
    socket.write(`${head}\r\nhost: test\r\nauthentication: Bearer ${business.keys.test.secret_key}\r\n`)
    for (const part of parts) socket.write(part)
    return promise.then((answer) => {
      const [top = '', body = ''] = answer.split('\r\n\r\n')
      return { status: Number(top.split(' ')[1]), head: top, body: JSON.parse(body || '{}') }
    })
  }
  const isWhole = (text: string) => {
    const [top = '', body] = text.split('\r\n\r\n')
    return body !== undefined && Buffer.byteLength(body) >= Number(/content-length: (\d+)/i.exec(top)?.[1] ?? 0)
  }
  const json = 'content-type: application/json\r\n'
  const told = (
    answer: { status: number; head: string; body: Record<string, unknown> },
    status: number,
    code: string,
  ) => {
    assert.deepEqual([answer.status, answer.body.error_code], [status, code], answer.head)
    assert.deepEqual(Object.keys(answer.body), failureKeys)
    assert.match(answer.head, /request-id: \S{36}/i)
  }

  const sized = `content-length: ${tooBig.length}\r\n\r\n`
  const piece = `transfer-encoding: chunked\r\n\r\n${tooBig.length.toString(16)}\r\n`
  for (const path of [
    '/v1/customers',
    '/v1/payment-requests/',
    '/checkout/x/relay',
    '/v1/system/hooks/abcdefgh/paystack',
  ]) {
    test(`413 POST ${path} with 16 MiB is answered, not cut off`, async () => {
      told(await exchange(`POST ${path} HTTP/1.1`, json, sized, tooBig), 413, '006')
      told(await exchange(`POST ${path} HTTP/1.1`, json, piece, tooBig, '\r\n0\r\n\r\n'), 413, '006')
    })
  }

  test('404 and 401 with 16 MiB are answered, not cut off', async () => {
    told(await exchange('POST /v1/nothing HTTP/1.1', json, sized, tooBig), 404, '007')
    told(await exchange('POST /v1/customers HTTP/1.1', 'authentication: none\r\n', json, sized, tooBig), 401, '001')
  })

  test('405 a verb that an address does not have, with whatever body', async () => {
    for (const verb of ['QUERY', 'SEARCH', 'PATCH', 'DELETE', 'PURGE', 'PROPFIND', 'PUT']) {
      for (const type of [json, 'content-type: text/strange\r\n', '']) {
        for (const body of ['{"a":1}', '{nonsense', '']) {
          const answer = await exchange(
            `${verb} /v1/customers HTTP/1.1`,
            type,
            `content-length: ${body.length}\r\n\r\n${body}`,
          )
          told(answer, 405, '008')
          assert.match(answer.head, /\nallow: GET, POST/i)
        }
      }
    }
    const strange = await server.call('POST', '/sandbox/paystack/nothing', {})
    assert.equal(strange.body.message, 'Route not found', strange.text)
    assert.equal((await server.call('GET', '/v1/nothing')).body.error_code, '007')
    told(await exchange('QUERY /v1/nothing HTTP/1.1', 'content-length: 2\r\n\r\n{}'), 404, '007')
  })

  test('400 what is no HTTP, and 431 what has too much of it, are told in our words', async () => {
    told(await exchange('NONSENSE /v1/customers HTTP/1.1', 'content-length: 2\r\n\r\n{}'), 400, '006')
    told(await exchange('GET /v1/customers HTTP/1.1', `x: ${'y'.repeat(20_000)}\r\n\r\n`), 431, '006')
  })

  test('a trailing slash is no other request under an Idempotency-Key', async () => {
    const body = { email: 'slash@example.com', name: 'S' }
    const key = { 'idempotency-key': 'slash' }
    const first = await business.api('POST', '/v1/customers', body, key)
    assert.equal(first.status, 201)
    const again = await business.api('POST', '/v1/customers/', body, key)
    assert.equal(again.text, first.text)
    assert.equal(again.headers.get('idempotent-replayed'), 'true')
    const wish = { customer_email: 'slash@example.com', amount: 100 }
    const opened = await business.api('POST', '/v1/payment-requests/?x=1', wish, { 'idempotency-key': 'other' })
    assert.equal(opened.status, 201)
    assert.equal(
      (await business.api('POST', '/v1/payment-requests?x=1', wish, { 'idempotency-key': 'other' })).text,
      opened.text,
    )
    const other = await business.api('POST', '/v1/payment-requests?x=2', wish, { 'idempotency-key': 'other' })
    assert.equal(other.body.error_code, '011')
  })
})

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, describe, test } from 'node:test'
import { type CallCause, causeOf } from '../../platform/causes.ts'
import { createProviderFetch } from '../../platform/outgoing.ts'
import { ChannelError } from '../channel.ts'
import { exchange } from './exchange.ts'

/** Every way in which a provider may fail to answer, on real sockets: each says by its cause what to look at. */

const call = { method: 'GET', path: '/x', headers: {}, moves: true, provider: 'Acme', secrets: [] } as const
const provider = createProviderFetch({ name: 'Acme', timeoutMs: 400 })
const closings: (() => Promise<unknown>)[] = [() => provider.close()]
after(async () => {
  for (const close of closings) await close()
})

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  closings.push(() => {
    server.closeAllConnections()
    return new Promise((resolve) => server.close(resolve))
  })
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function closedPort(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return `127.0.0.1:${port}`
}

async function causeAt(baseUrl: string): Promise<ChannelError> {
  const transport = { baseUrl, fetch: provider.fetch }
  const error: unknown = await exchange(transport, call).then(
    () => assert.fail('it was answered'),
    (failure: unknown) => failure,
  )
  assert.ok(error instanceof ChannelError, String(error))
  return error
}

describe('the cause of a failure', () => {
  const answers: [string, CallCause, RequestListener][] = [
    ['a server that cuts the connection', 'reset', (request) => request.socket.destroy()],
    ['a server that never answers', 'timeout', () => undefined],
    ['503', 'status', (_, response) => response.writeHead(503).end('{}')],
    ['429', 'status', (_, response) => response.writeHead(429).end('{}')],
    ['401', 'status', (_, response) => response.writeHead(401).end('{}')],
    ['a page instead of JSON', 'unreadable', (_, response) => response.end('<html>')],
    ['a redirect', 'unreadable', (_, response) => response.writeHead(302, { location: '/' }).end()],
    ['no HTTP at all', 'unreadable', (request) => request.socket.end('SSH-2.0-OpenSSH\r\n\r\n')],
  ]
  for (const [title, cause, listener] of answers) {
    test(`${title}: ${cause}`, async () => {
      assert.equal((await causeAt(`http://${await serve(listener)}`)).failure, cause)
    })
  }

  test('nobody listens: refused', async () => {
    const error = await causeAt(`http://${await closedPort()}`)
    assert.deepEqual([error.failure, error.outcome, error.code], ['refused', 'rejected', 'ECONNREFUSED'])
  })

  test('a name that does not exist: dns', async () => {
    const error = await causeAt('http://nobody.invalid')
    assert.deepEqual([error.failure, error.outcome], ['dns', 'rejected'])
  })

  test('no TLS where it should be: tls', async () => {
    const plain = await serve((_, response) => response.end('{}'))
    assert.equal((await causeAt(`https://${plain}`)).failure, 'tls')
  })

  test('certificates that are not believed are tls, by the words of their codes', () => {
    const failed = (code: string) =>
      causeOf(new TypeError('fetch failed', { cause: Object.assign(new Error('no'), { code }) }))
    for (const code of [
      'CERT_HAS_EXPIRED',
      'DEPTH_ZERO_SELF_SIGNED_CERT',
      'SELF_SIGNED_CERT_IN_CHAIN',
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
      'ERR_TLS_CERT_ALTNAME_INVALID',
      'ERR_SSL_WRONG_VERSION_NUMBER',
    ]) {
      assert.equal(failed(code), 'tls', code)
    }
    assert.equal(failed('ENETUNREACH'), 'unreachable')
    assert.equal(failed('EVERYTHING_ELSE'), 'other')
    assert.equal(causeOf('no error at all'), 'other')
  })
})

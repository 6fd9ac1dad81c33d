import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import Fastify, { type FastifyInstance } from 'fastify'
import { until } from '../test/support/wait.ts'
import { createSandbox } from './index.ts'

const token = 'a-token-of-sixteen-or-more'

describe('a sandbox with a token', () => {
  const paths: { method: string; url: string; isApi: boolean }[] = []
  let app: FastifyInstance
  let sandbox: ReturnType<typeof createSandbox>
  before(async () => {
    app = Fastify()
    app.addHook('onRoute', ({ method, url, config }) => {
      const isApi = (config as { isApi?: boolean } | undefined)?.isApi === true
      for (const one of [method].flat()) paths.push({ method: one, url, isApi })
    })
    sandbox = createSandbox({ publicUrl: 'https://pay.example/sandbox', token, allowPrivateWebhooks: false })
    await app.register(sandbox.register, { prefix: '/sandbox' })
    await app.ready()
  })
  after(async () => {
    await app.close()
    await sandbox.close()
  })

  test('401 every control call and page without it or with another; a provider’s API asks for its own keys', async () => {
    assert.ok(paths.filter((one) => !one.isApi).length >= 20, 'control calls, mailbox and pages')
    for (const { method, url } of paths) {
      for (const headers of [{}, { authorization: 'Bearer another-token-of-that-length' }]) {
        const path = url.replaceAll(/:\w+/g, 'x')
        const answer = await app.inject({ method: method as 'GET', url: path, headers })
        assert.ok([400, 401].includes(answer.statusCode), `${method} ${url}: ${answer.statusCode}`)
      }
    }
  })

  test('200 with it as a header; a browser gets a cookie for it, and an address without it', async () => {
    const get = (url: string, headers: Record<string, string> = {}) => app.inject({ method: 'GET', url, headers })
    assert.equal((await get('/sandbox/control/ledger', { authorization: `Bearer ${token}` })).statusCode, 200)
    const opened = await get(`/sandbox/mailbox?token=${token}&a=1`)
    assert.deepEqual([opened.statusCode, opened.headers.location], [303, '/sandbox/mailbox?a=1'])
    const cookie = String(opened.headers['set-cookie'])
    assert.match(cookie, /^sandbox_token=[0-9a-f]{64}; HttpOnly; SameSite=Lax; Path=\/sandbox; Secure$/)
    assert.ok(!cookie.includes(token))
    assert.equal((await get('/sandbox/mailbox', { cookie: cookie.split(';')[0] ?? '' })).statusCode, 200)
    assert.equal((await get('/sandbox/mailbox', { cookie: `sandbox_token=${'0'.repeat(64)}` })).statusCode, 401)
    assert.equal((await get('/sandbox/mailbox?token=another-token-of-that-length')).statusCode, 401)
    const asked = await get('/sandbox/', { accept: 'text/html' })
    assert.deepEqual([asked.statusCode, asked.body.includes('This sandbox is locked')], [401, true])
  })

  test('a webhook address that leads into a private network is not called; the server’s own is', async () => {
    const calls: string[] = []
    const receiver = createServer((request, response) => {
      calls.push(String(request.url))
      response.end()
    })
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve))
    const origin = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`
    const options = { publicUrl: `${origin}/sandbox`, allowPrivateWebhooks: false, webhookRetryDelaysMs: [] }
    const one = createSandbox(options)
    const host = Fastify()
    await host.register(one.register, { prefix: '/sandbox' })
    const post = (url: string, payload: object, more: Record<string, string> = {}) =>
      host.inject({ method: 'POST', url, headers: { 'content-type': 'application/json', ...more }, payload })
    const payAt = async (nth: number, webhookUrl: string): Promise<void> => {
      const secretKey = `sk_test_sandbox_0123456789abcdef${nth}`
      one.setAccount({ channel: 'paystack', secretKey, webhookUrl })
      const wish = { email: 'ada@example.com', amount: '5000' }
      const bearer = { authorization: `Bearer ${secretKey}` }
      const { reference } = (await post('/sandbox/paystack/transaction/initialize', wish, bearer)).json().data
      const paid = await post('/sandbox/control/pay', { channel: 'paystack', reference, outcome: 'success' })
      assert.equal(paid.statusCode, 200, paid.body)
    }
    // The same receiver by another name; what is sent first arrives first.
    await payAt(1, `${origin.replace('127.0.0.1', 'localhost')}/other`)
    await payAt(2, `${origin}/own`)
    await until('the webhook', async () => calls.includes('/own'))
    await host.close()
    await one.close()
    receiver.close()
    receiver.closeAllConnections()
    assert.deepEqual(calls, ['/own'])
  })
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import Fastify from 'fastify'
import { createSandbox } from './index.ts'
import { call, openCheckout, payCheckout, sandboxFor } from './testing.ts'

test('pay needs no key, moves money once and shows it in the ledger', async (t) => {
  const { url } = await sandboxFor(t)
  await openCheckout(url, 'order-1', { callback_url: 'https://shop.example/back' })
  const open = await call('GET', `${url}/control/checkouts`, undefined, null)
  assert.equal(open.body.length, 1)
  assert.equal(open.body[0].reference, 'order-1')
  const paid = await payCheckout(url, 'order-1')
  assert.equal(paid.status, 200)
  assert.equal(paid.body.status, 'success')
  assert.equal(paid.body.redirect_url, 'https://shop.example/back?trxref=order-1&reference=order-1')
  const { body: rows } = await call('GET', `${url}/control/ledger`, undefined, null)
  const { at, ...row } = rows[0]
  assert.ok(Date.parse(at) > 0)
  assert.deepEqual(row, {
    ...{ channel: 'paystack', kind: 'charge', reference: 'order-1' },
    ...{ amount_minor: 150_000, currency: 'NGN', status: 'success' },
  })
  assert.equal(rows.length, 1)
  assert.equal((await payCheckout(url, 'order-1')).status, 409)
  assert.equal((await payCheckout(url, 'nobody')).status, 404)
})

test('the ledger counts in ISO minor units where Paystack counts hundredths of a franc', async (t) => {
  const { url } = await sandboxFor(t)
  await openCheckout(url, 'cfa', { amount: 500_000, currency: 'XOF' })
  await payCheckout(url, 'cfa')
  const { body: rows } = await call('GET', `${url}/control/ledger`, undefined, null)
  assert.equal(rows[0].amount_minor, 5000)
})

test('abandon leaves the checkout open, failed can still be paid later', async (t) => {
  const { url } = await sandboxFor(t)
  await openCheckout(url, 'later')
  assert.equal((await payCheckout(url, 'later', { outcome: 'abandon' })).body.status, 'abandoned')
  assert.equal((await payCheckout(url, 'later', { outcome: 'failed' })).body.status, 'failed')
  assert.equal((await payCheckout(url, 'later')).body.status, 'success')
})

test('422 names the field for everything that makes no sense', async (t) => {
  const { url } = await sandboxFor(t)
  const wrong: [path: string, body: unknown, field: string | null][] = [
    ['faults', { kind: 'nonsense' }, 'kind'],
    ['faults', { kind: 'status', status: 42 }, 'status'],
    ['faults', { kind: 'latency', ms: -1 }, 'ms'],
    ['faults', { kind: 'latency', rate: 2 }, 'rate'],
    ['faults', { kind: 'latency', times: 0.5 }, 'times'],
    ['faults', { kind: 'latency', operation: 'dance' }, 'operation'],
    ['faults', { kind: 'latency', channel: 'nobody' }, 'channel'],
    ['faults', [], null],
    ['pay', { channel: 'paystack', reference: 'a', outcome: 'maybe' }, 'outcome'],
    ['pay', { channel: 'paystack', outcome: 'success' }, 'reference'],
    ['accounts', { channel: 'paystack', secret_key: 'sk_live_abc', webhook_url: null }, 'secret_key'],
    ['accounts', { channel: 'paystack', secret_key: 'sk_test_abc', webhook_url: 'ftp://x' }, 'webhook_url'],
  ]
  for (const [path, body, field] of wrong) {
    const answer = await call('POST', `${url}/control/${path}`, body, null)
    assert.equal(answer.status, 422, JSON.stringify(body))
    assert.equal(answer.body.field, field, JSON.stringify(body))
  }
})

test('DELETE forgets faults, ledger and open checkouts, and keeps what was paid', async (t) => {
  const { url } = await sandboxFor(t)
  await openCheckout(url, 'paid')
  await payCheckout(url, 'paid')
  await openCheckout(url, 'open')
  await call('POST', `${url}/control/faults`, { kind: 'latency', ms: 1 }, null)
  assert.equal((await call('DELETE', `${url}/control`, undefined, null)).status, 204)
  for (const path of ['ledger', 'checkouts', 'faults']) {
    assert.deepEqual((await call('GET', `${url}/control/${path}`, undefined, null)).body, [])
  }
  assert.equal((await call('GET', `${url}/paystack/transaction/verify/paid`)).status, 200)
  assert.equal((await call('GET', `${url}/paystack/transaction/verify/open`)).status, 404)
})

test('mounted in a larger app it changes nothing of it', async (t) => {
  const sandbox = createSandbox({ publicUrl: 'http://host.example/sandbox' })
  const app = Fastify()
  t.after(async () => {
    await app.close()
    await sandbox.close()
  })
  app.setErrorHandler((_error, _request, reply) => reply.code(499).send('the app’s own'))
  app.setNotFoundHandler((_request, reply) => reply.code(404).send('the app’s own'))
  app.post('/own', () => 'fine')
  await app.register(sandbox.register, { prefix: '/sandbox' })
  const form = { 'content-type': 'application/x-www-form-urlencoded' }
  assert.equal((await app.inject({ method: 'POST', url: '/own', headers: form, payload: 'a=b' })).statusCode, 499)
  assert.equal((await app.inject('/nowhere')).body, 'the app’s own')
  const unknown = await app.inject('/sandbox/paystack/nowhere')
  assert.deepEqual(unknown.json(), { status: false, message: 'Route not found' })
  sandbox.setAccount({ channel: 'paystack', secretKey: 'sk_test_a', webhookUrl: null })
  assert.throws(() => sandbox.setAccount({ channel: 'paystack', secretKey: 'sk_live_a', webhookUrl: null }))
  const opened = await app.inject({
    ...{ method: 'POST', url: '/sandbox/paystack/transaction/initialize', payload: 'email=a@b.co&amount=5000' },
    headers: { ...form, authorization: 'Bearer sk_test_a' },
  })
  assert.match(opened.json().data.authorization_url, /^http:\/\/host\.example\/sandbox\/paystack\/checkout\/[a-z0-9]+$/)
})

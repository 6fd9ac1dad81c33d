import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'
import {
  call,
  KEY,
  merchantFor,
  openCheckout,
  payCheckout,
  type Received,
  sandboxFor,
  until,
  verify,
} from './testing.ts'

async function fault(url: string, body: Record<string, unknown>): Promise<void> {
  assert.equal((await call('POST', `${url}/control/faults`, body, null)).status, 201)
}

function isSigned({ raw, headers }: Received): boolean {
  return headers['x-paystack-signature'] === createHmac('sha512', KEY).update(raw).digest('hex')
}

test('latency answers after its time, and only at its operation', async (t) => {
  const { url } = await sandboxFor(t)
  await fault(url, { kind: 'latency', operation: 'verify', ms: 150, times: 1 })
  await openCheckout(url, 'slow')
  const before = performance.now()
  assert.equal((await verify(url, 'slow')).status, 200)
  assert.ok(performance.now() - before >= 140)
})

test('status answers in the provider’s envelope without doing the work, so often as it says', async (t) => {
  const { url } = await sandboxFor(t)
  await fault(url, { kind: 'status', channel: 'paystack', operation: 'open', times: 2 })
  await fault(url, { kind: 'status', operation: 'open', status: 429, rate: 0 })
  assert.equal((await openCheckout(url, 'busy')).status, 503)
  const second = await openCheckout(url, 'busy')
  assert.equal(second.status, 503)
  assert.equal(second.body.status, false)
  assert.equal((await verify(url, 'busy')).status, 404)
  assert.equal((await openCheckout(url, 'busy')).status, 200)
})

test('a call with a bad key uses up no fault', async (t) => {
  const { url } = await sandboxFor(t)
  await fault(url, { kind: 'status', times: 1 })
  assert.equal((await call('GET', `${url}/paystack/transaction/verify/x`, undefined, 'sk_live_x')).status, 401)
  assert.equal((await verify(url, 'x')).status, 503)
})

test('drop_before cuts the socket and nothing was done', async (t) => {
  const { url } = await sandboxFor(t)
  await fault(url, { kind: 'drop_before', operation: 'open', times: 1 })
  await assert.rejects(openCheckout(url, 'cut'), TypeError)
  assert.equal((await verify(url, 'cut')).status, 404)
})

test('drop_after does the work and cuts the socket', async (t) => {
  const { url } = await sandboxFor(t)
  await fault(url, { kind: 'drop_after', operation: 'open', times: 1 })
  await assert.rejects(openCheckout(url, 'done'), TypeError)
  assert.equal((await verify(url, 'done')).body.data.status, 'abandoned')
})

test('webhook_lost is never sent, webhook_twice is sent two times', async (t) => {
  const { url, sandbox } = await sandboxFor(t)
  const merchant = await merchantFor(t)
  sandbox.setAccount({ channel: 'paystack', secretKey: KEY, webhookUrl: merchant.url })
  await fault(url, { kind: 'webhook_lost', times: 1 })
  await openCheckout(url, 'lost')
  await payCheckout(url, 'lost')
  await fault(url, { kind: 'webhook_twice', operation: 'charge', times: 1 })
  await openCheckout(url, 'twice')
  await payCheckout(url, 'twice')
  await until('two webhooks', () => merchant.received.length >= 2)
  assert.deepEqual(
    merchant.received.map(({ body }) => body.data.reference),
    ['twice', 'twice'],
  )
  assert.equal(merchant.received[0]!.raw, merchant.received[1]!.raw)
})

test('webhook_late comes after its time', async (t) => {
  const { url, sandbox } = await sandboxFor(t)
  const merchant = await merchantFor(t)
  sandbox.setAccount({ channel: 'paystack', secretKey: KEY, webhookUrl: merchant.url })
  await fault(url, { kind: 'webhook_late', ms: 150, times: 1 })
  await openCheckout(url, 'late')
  const before = performance.now()
  await payCheckout(url, 'late')
  await until('the webhook', () => merchant.received.length === 1)
  assert.ok(performance.now() - before >= 140)
})

test('webhook_forged adds an altered copy with a wrong signature', async (t) => {
  const { url, sandbox } = await sandboxFor(t)
  const merchant = await merchantFor(t)
  sandbox.setAccount({ channel: 'paystack', secretKey: KEY, webhookUrl: merchant.url })
  merchant.answers.push(401, 200)
  await fault(url, { kind: 'webhook_forged', times: 1 })
  await openCheckout(url, 'forged')
  await payCheckout(url, 'forged')
  await until('a good one', () => merchant.received.some((one) => isSigned(one)))
  const forged = merchant.received.find((one) => !isSigned(one))!
  assert.equal(forged.body.data.amount, 1_500_000)
})

test('webhook_shuffled holds back and sends all of them', async (t) => {
  const { url, sandbox } = await sandboxFor(t)
  const merchant = await merchantFor(t)
  sandbox.setAccount({ channel: 'paystack', secretKey: KEY, webhookUrl: merchant.url })
  await fault(url, { kind: 'webhook_shuffled', ms: 300 })
  const references = ['s1', 's2', 's3', 's4', 's5', 's6', 's7', 's8']
  for (const reference of references) {
    await openCheckout(url, reference)
    await payCheckout(url, reference)
  }
  await until('eight webhooks', () => merchant.received.length === 8)
  assert.deepEqual(merchant.received.map(({ body }) => body.data.reference).sort(), references)
})

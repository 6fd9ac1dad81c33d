import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import Stripe from 'stripe'
import { call, KEY, type Merchant, merchantFor, type Received, until } from '../testing.ts'
import { benchFor, pageParams, payPage, SECRET } from './testing.ts'

const eventOf = ({ raw, headers }: Received, secret = SECRET): Stripe.Event =>
  Stripe.webhooks.constructEvent(raw, String(headers['stripe-signature']), secret)
const typesOf = ({ received }: Merchant) => received.map(({ body }) => body.type).sort()

test('a paid page sends its events, signed and dated, with the whole object', async (t) => {
  const { client, url, running } = await benchFor(t)
  const merchant = await merchantFor(t)
  running.sandbox.setAccount({ channel: 'stripe', secretKey: KEY, webhookUrl: merchant.url, webhookSecret: SECRET })
  const { id } = await client.checkout.sessions.create(pageParams('w-1'))
  await payPage(url, 'w-1')
  await until('four events', () => merchant.received.length === 4)
  assert.deepEqual(typesOf(merchant), [
    ...['charge.succeeded', 'checkout.session.completed', 'payment_intent.created', 'payment_intent.succeeded'],
  ])
  const events = merchant.received.map((one) => eventOf(one))
  const completed = events.find(({ type }) => type === 'checkout.session.completed')!
  assert.match(completed.id, /^evt_\w{24}$/)
  assert.equal(completed.api_version, Stripe.API_VERSION)
  assert.deepEqual(completed.data.object, JSON.parse(JSON.stringify(await client.checkout.sessions.retrieve(id))))
  assert.deepEqual(JSON.parse(JSON.stringify(await client.events.retrieve(completed.id))), completed)
})

test('a refused attempt sends payment_failed, the end of a page expired', async (t) => {
  const { client, url, running } = await benchFor(t)
  const merchant = await merchantFor(t)
  running.sandbox.setAccount({ channel: 'stripe', secretKey: KEY, webhookUrl: merchant.url, webhookSecret: SECRET })
  const { id } = await client.checkout.sessions.create(pageParams('w-2'))
  await payPage(url, 'w-2', { outcome: 'failed' })
  await until('three events', () => merchant.received.length === 3)
  assert.deepEqual(typesOf(merchant), ['charge.failed', 'payment_intent.created', 'payment_intent.payment_failed'])
  await client.checkout.sessions.expire(id)
  await until('the end', () => merchant.received.length === 5)
  assert.deepEqual(
    typesOf(merchant).filter((type) => /expired|canceled/.test(type)),
    ['checkout.session.expired', 'payment_intent.canceled'],
  )
})

test('any 2xx acknowledges; anything else is sent again, newly dated, with the same bytes', async (t) => {
  const { client, running } = await benchFor(t)
  const merchant = await merchantFor(t)
  merchant.answers.push(500, 302, 204)
  running.sandbox.setAccount({ channel: 'stripe', secretKey: KEY, webhookUrl: merchant.url, webhookSecret: SECRET })
  await client.paymentIntents.create({ amount: 2000, currency: 'usd' })
  await until('three tries', () => merchant.received.length === 3)
  assert.equal(new Set(merchant.received.map(({ raw }) => raw)).size, 1)
  for (const one of merchant.received) assert.equal(eventOf(one).type, 'payment_intent.created')
})

test('an account whose secret nobody set signs with the documented one', async (t) => {
  const { client, running } = await benchFor(t)
  const merchant = await merchantFor(t)
  running.sandbox.setAccount({ channel: 'stripe', secretKey: KEY, webhookUrl: merchant.url })
  await client.paymentIntents.create({ amount: 2000, currency: 'usd' })
  await until('the event', () => merchant.received.length === 1)
  assert.ok(eventOf(merchant.received[0]!, 'whsec_sandbox'))
})

test('an endpoint made through the API gets a secret of its own and the events that it chose', async (t) => {
  const { client, url } = await benchFor(t)
  const merchant = await merchantFor(t)
  const endpoint = await client.webhookEndpoints.create({
    url: merchant.url,
    enabled_events: ['checkout.session.completed'],
  })
  assert.match(endpoint.secret ?? '', /^whsec_\w{32}$/)
  assert.equal((await client.webhookEndpoints.retrieve(endpoint.id)).secret, undefined)
  await client.checkout.sessions.create(pageParams('w-3'))
  await payPage(url, 'w-3')
  await until('the event', () => merchant.received.length === 1)
  assert.equal(eventOf(merchant.received[0]!, endpoint.secret!).type, 'checkout.session.completed')
  await client.webhookEndpoints.del(endpoint.id)
  assert.equal((await client.webhookEndpoints.list()).data.length, 0)
})

test('a forged copy promises more and is signed by somebody else', async (t) => {
  const { client, url, running } = await benchFor(t)
  const merchant = await merchantFor(t)
  merchant.answers.push(401)
  running.sandbox.setAccount({ channel: 'stripe', secretKey: KEY, webhookUrl: merchant.url, webhookSecret: SECRET })
  await call('POST', `${url}/control/faults`, { kind: 'webhook_forged', channel: 'stripe', times: 1 }, null)
  await client.paymentIntents.create({ amount: 2000, currency: 'usd' })
  await until('both', () => merchant.received.length >= 2)
  const forged = merchant.received.find(({ body }) => body.data.object.amount === 20_000)!
  assert.throws(() => eventOf(forged), Stripe.errors.StripeSignatureVerificationError)
})

test('pages, cards, keys and what is under way survive a restart', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sandbox-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const dataFile = join(folder, 'journal.jsonl')
  const before = await benchFor(t, { dataFile })
  const open = await before.client.checkout.sessions.create(pageParams('k-1'), { idempotencyKey: 'k-1' })
  const slow = await before.client.checkout.sessions.create(
    pageParams('k-2', {}, { currency: 'usd', unit_amount: 14_008 }),
  )
  await payPage(before.url, 'k-2')
  const paid = await before.client.checkout.sessions.create(pageParams('k-3'))
  await payPage(before.url, 'k-3', { card: '4000000000007726' })
  const { payment_intent } = await before.client.checkout.sessions.retrieve(paid.id)
  const refund = await before.client.refunds.create({ payment_intent: String(payment_intent) })
  await before.running.close()
  const { client, url } = await benchFor(t, { dataFile })
  const again = await client.checkout.sessions.create(pageParams('k-1'), { idempotencyKey: 'k-1' })
  assert.equal(again.id, open.id)
  assert.equal((await payPage(url, 'k-1')).status, 200)
  await until('the refund', async () => (await client.refunds.retrieve(refund.id)).status === 'succeeded')
  await until('the slow payment', async () => {
    const { data } = await client.events.list({ type: 'checkout.session.async_payment_succeeded' })
    return data.some(({ data: { object } }) => 'id' in object && object.id === slow.id)
  })
})

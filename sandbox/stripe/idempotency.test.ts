import assert from 'node:assert/strict'
import { test } from 'node:test'
import Stripe from 'stripe'
import { call } from '../testing.ts'
import { benchFor, clientFor, ledgerOf, pageParams, refusalOf } from './testing.ts'

/** With its fetch client the package hands the whole `Response` on. */
const headerOf = ({ lastResponse }: { lastResponse: unknown }, name: string) =>
  (lastResponse as Response).headers.get(name)

const money = { amount: 2000, currency: 'usd', payment_method: 'pm_card_visa', confirm: true } as const

test('the same key and parameters give the first answer again, and no second effect', async (t) => {
  const { client, url } = await benchFor(t)
  const idempotencyKey = 'key-1'
  const first = await client.paymentIntents.create(money, { idempotencyKey })
  const again = await client.paymentIntents.create(money, { idempotencyKey })
  assert.deepEqual(again, first)
  assert.equal(headerOf(first, 'idempotent-replayed'), null)
  assert.equal(headerOf(again, 'idempotent-replayed'), 'true')
  assert.equal(headerOf(again, 'original-request'), first.lastResponse.requestId)
  assert.equal((await ledgerOf(url)).length, 1)
  const stranger = await clientFor(url, 'sk_test_other').paymentIntents.create(money, { idempotencyKey })
  assert.notEqual(stranger.id, first.id)
})

test('the same key with other parameters, or at another path, is 400 idempotency_error', async (t) => {
  const { client } = await benchFor(t)
  const idempotencyKey = 'key-2'
  await client.paymentIntents.create(money, { idempotencyKey })
  for (const promise of [
    client.paymentIntents.create({ ...money, amount: 2001 }, { idempotencyKey }),
    client.customers.create({}, { idempotencyKey }),
  ]) {
    const error = await refusalOf(promise)
    assert.ok(error instanceof Stripe.errors.StripeIdempotencyError)
    assert.equal(error.statusCode, 400)
  }
})

test('a refused charge is given again, a request that was no good is not', async (t) => {
  const { client } = await benchFor(t)
  const declined = { ...money, payment_method: 'pm_card_chargeDeclined' }
  const errors = [
    await refusalOf(client.paymentIntents.create(declined, { idempotencyKey: 'key-3' })),
    await refusalOf(client.paymentIntents.create(declined, { idempotencyKey: 'key-3' })),
  ] as const
  assert.equal(errors[0].payment_intent?.id, errors[1].payment_intent?.id)
  assert.equal(errors[1].headers?.['idempotent-replayed'], 'true')
  await refusalOf(client.paymentIntents.create({ ...money, amount: 1 }, { idempotencyKey: 'key-4' }))
  const mended = await client.paymentIntents.create(money, { idempotencyKey: 'key-4' })
  assert.equal(mended.status, 'succeeded')
})

test('a twin that comes while the first is at work is 409', async (t) => {
  const { client, url } = await benchFor(t)
  await call(
    'POST',
    `${url}/control/faults`,
    { kind: 'latency', channel: 'stripe', operation: 'charge', ms: 300 },
    null,
  )
  const twins = [1, 2].map(() => client.paymentIntents.create(money, { idempotencyKey: 'key-5' }))
  const settled = await Promise.allSettled(twins)
  const refused = settled.find((one) => one.status === 'rejected')
  assert.equal((refused!.reason as Stripe.errors.StripeError).statusCode, 409)
  assert.equal(settled.filter(({ status }) => status === 'fulfilled').length, 1)
  assert.equal((await ledgerOf(url)).length, 1)
})

test('a call whose answer was cut off is found again by its key', async (t) => {
  const { client, url } = await benchFor(t)
  await call('POST', `${url}/control/faults`, { kind: 'drop_after', operation: 'open', times: 1 }, null)
  const params = pageParams('cut')
  const lost = await refusalOf(client.checkout.sessions.create(params, { idempotencyKey: 'key-6' }))
  assert.ok(lost instanceof Stripe.errors.StripeConnectionError)
  const session = await client.checkout.sessions.create(params, { idempotencyKey: 'key-6' })
  assert.equal(headerOf(session, 'idempotent-replayed'), 'true')
  assert.equal((await client.checkout.sessions.list()).data.length, 1)
})

test('a key is free again after a day', async (t) => {
  const { client } = await benchFor(t)
  const first = await client.customers.create({}, { idempotencyKey: 'key-7' })
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 25 * 60 * 60 * 1000 })
  const second = await client.customers.create({}, { idempotencyKey: 'key-7' })
  assert.notEqual(second.id, first.id)
})

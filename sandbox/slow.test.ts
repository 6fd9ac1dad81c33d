import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FLW_KEY, flwCall, openLink, payLink, verifyLink } from './flutterwave/testing.ts'
import { clientFor, ledgerOf, pageParams, payPage } from './stripe/testing.ts'
import { call, KEY, merchantFor, openCheckout, payCheckout, sandboxFor, until, verify } from './testing.ts'

/** Money that takes its time, other sums than asked, further payments, and answers that lag behind the webhook. */

const fault = async (url: string, body: Record<string, unknown>) =>
  assert.equal((await call('POST', `${url}/control/faults`, body, null)).status, 201)

test('Paystack: a transfer is pending until a later payment ends it, and no webhook comes before', async (t) => {
  const { url, sandbox } = await sandboxFor(t)
  const merchant = await merchantFor(t)
  sandbox.setAccount({ channel: 'paystack', secretKey: KEY, webhookUrl: merchant.url })
  for (const [reference, outcome] of Object.entries({ good: 'success', bad: 'failed' })) {
    await openCheckout(url, reference)
    assert.equal((await payCheckout(url, reference, { outcome: 'processing' })).body.status, 'pending')
    const waiting = (await verify(url, reference)).body.data
    assert.deepEqual([waiting.status, waiting.channel, waiting.paid_at], ['pending', 'bank_transfer', null])
    assert.equal((await payCheckout(url, reference, { outcome: 'processing' })).status, 409)
    assert.equal((await payCheckout(url, reference, { outcome })).body.status, outcome)
  }
  const { data } = (await verify(url, 'good')).body
  assert.deepEqual([data.channel, data.authorization.reusable], ['bank_transfer', false])
  await until('the success', () => merchant.received.length > 0)
  assert.deepEqual(
    merchant.received.map(({ body }) => [body.event, body.data.reference, body.data.channel]),
    [['charge.success', 'good', 'bank_transfer']],
  )
  assert.deepEqual(
    (await ledgerOf(url)).map(({ reference, status }) => [reference, status]),
    [
      ['good', 'success'],
      ['bad', 'failed'],
    ],
  )
  await openCheckout(url, 'debit')
  assert.equal(
    (await payCheckout(url, 'debit', { outcome: 'processing', method: 'direct_debit' })).body.status,
    'processing',
  )
})

test('Paystack: fees on top are told beside what was asked, another sum is told without fees', async (t) => {
  const { url } = await sandboxFor(t)
  const paid = async (reference: string, more: Record<string, unknown>) => {
    await openCheckout(url, reference, { amount: 100_000 })
    await payCheckout(url, reference, { method: 'bank_transfer', ...more })
    const { amount, requested_amount, fees } = (await verify(url, reference)).body.data
    return [amount, requested_amount, fees]
  }
  assert.deepEqual(await paid('fee', { fee_minor: 1500 }), [101_500, 100_000, 1500])
  assert.deepEqual(await paid('duty', { fee_minor: 1500, amount_minor: 106_500 }), [106_500, 100_000, 1500])
  assert.deepEqual(await paid('more', { amount_minor: 150_000 }), [150_000, 100_000, null])
  assert.deepEqual(await paid('less', { amount_minor: 40_000 }), [40_000, 100_000, null])
  assert.deepEqual(
    (await ledgerOf(url)).map(({ amount_minor }) => amount_minor),
    [101_500, 106_500, 150_000, 40_000],
  )
  assert.equal((await payCheckout(url, 'fee', { again: true })).status, 409)
})

test('Flutterwave: pending by transfer, then its end; fees on top; a second success under one tx_ref', async (t) => {
  const { url, sandbox } = await sandboxFor(t)
  const merchant = await merchantFor(t)
  sandbox.setAccount({ channel: 'flutterwave', secretKey: FLW_KEY, webhookUrl: merchant.url })
  await openLink(url, 'slow')
  assert.equal((await payLink(url, 'slow', { outcome: 'processing', method: 'mobilemoneygh' })).body.status, 'pending')
  const waiting = (await verifyLink(url, 'slow')).body.data
  assert.deepEqual([waiting.status, waiting.payment_type, waiting.card], ['pending', 'mobilemoneygh', undefined])
  assert.equal((await payLink(url, 'slow')).body.status, 'successful')
  assert.equal((await verifyLink(url, 'slow')).body.data.payment_type, 'mobilemoneygh')
  assert.equal((await payLink(url, 'slow')).status, 409)
  assert.equal((await payLink(url, 'slow', { again: true, fee_minor: 2100 })).body.status, 'successful')
  const list = await flwCall('GET', `${url}/flutterwave/v3/transactions?tx_ref=slow&status=successful`)
  assert.deepEqual(
    list.body.data.map((row: Record<string, unknown>) => [row.amount, row.charged_amount, row.app_fee]),
    [
      [1500, 1521, 21],
      [1500, 1500, 21],
    ],
  )
  await until('both webhooks', () => merchant.received.length === 2)
  assert.equal(new Set(merchant.received.map(({ body }) => body.data.id)).size, 2)
  await openLink(url, 'bad')
  await payLink(url, 'bad', { outcome: 'processing' })
  assert.equal((await payLink(url, 'bad', { outcome: 'failed' })).body.status, 'failed')
  await openLink(url, 'less')
  await payLink(url, 'less', { method: 'banktransfer', amount_minor: 100_000 })
  assert.deepEqual((await verifyLink(url, 'less')).body.data.amount, 1000)
})

test('Stripe: a debit completes the session unpaid; success, failure and cancelling end it', async (t) => {
  const { url, sandbox } = await sandboxFor(t)
  const merchant = await merchantFor(t)
  sandbox.setAccount({ channel: 'stripe', secretKey: KEY, webhookUrl: merchant.url })
  const client = clientFor(url)
  const ends: unknown[] = []
  for (const outcome of ['success', 'failed', 'canceled']) {
    const { id } = await client.checkout.sessions.create(pageParams(outcome))
    await payPage(url, outcome, { outcome: 'processing', method: 'us_bank_account' })
    const expand = ['payment_intent.latest_charge']
    const waiting = await client.checkout.sessions.retrieve(id, { expand })
    const intent = waiting.payment_intent as { status: string; latest_charge: { status: string } }
    const seen = [waiting.status, waiting.payment_status, intent.status, intent.latest_charge.status]
    assert.deepEqual(seen, ['complete', 'unpaid', 'processing', 'pending'])
    await payPage(url, outcome, { outcome })
    const ended = await client.checkout.sessions.retrieve(id, { expand })
    ends.push([outcome, ended.status, ended.payment_status, (ended.payment_intent as { status: string }).status])
  }
  assert.deepEqual(ends, [
    ['success', 'complete', 'paid', 'succeeded'],
    ['failed', 'complete', 'unpaid', 'requires_payment_method'],
    ['canceled', 'complete', 'unpaid', 'canceled'],
  ])
  const types = () => merchant.received.map(({ body }) => body.type)
  await until('the ends', () => types().includes('payment_intent.canceled'))
  for (const type of [
    'checkout.session.async_payment_succeeded',
    'checkout.session.async_payment_failed',
    'charge.pending',
  ]) {
    assert.ok(types().includes(type), type)
  }
  assert.deepEqual(
    (await ledgerOf(url)).map(({ status }) => status),
    ['success', 'failed', 'failed'],
  )
  assert.equal((await payPage(url, 'success', { again: true })).status, 409)
  assert.equal((await payPage(url, 'success', { fee_minor: 5 })).status, 422)
})

test('Stripe: another sum than asked is what was received', async (t) => {
  const { url } = await sandboxFor(t)
  const client = clientFor(url)
  const { id } = await client.checkout.sessions.create(pageParams('more'))
  await payPage(url, 'more', { method: 'customer_balance', amount_minor: 7000 })
  const session = await client.checkout.sessions.retrieve(id, { expand: ['payment_intent'] })
  const intent = session.payment_intent as { amount: number; amount_received: number }
  assert.deepEqual([session.amount_total, intent.amount, intent.amount_received], [5000, 5000, 7000])
})

test('api_behind: the webhook is there and the answers tell what was before, so many times', async (t) => {
  const { url, sandbox } = await sandboxFor(t)
  const merchant = await merchantFor(t)
  sandbox.setAccount({ channel: 'paystack', secretKey: KEY, webhookUrl: merchant.url })
  await fault(url, { kind: 'api_behind', channel: 'paystack', times: 2 })
  await openCheckout(url, 'early')
  // Nothing was paid: there is nothing to be behind of.
  assert.equal((await verify(url, 'early')).body.data.status, 'abandoned')
  await payCheckout(url, 'early')
  await until('the webhook', () => merchant.received.length === 1)
  assert.equal(merchant.received[0]?.body.data.status, 'success')
  const seen = []
  for (let ask = 0; ask < 3; ask++) seen.push((await verify(url, 'early')).body.data.status)
  assert.deepEqual(seen, ['ongoing', 'ongoing', 'success'])

  await fault(url, { kind: 'api_behind', channel: 'flutterwave', times: 2 })
  await openLink(url, 'early')
  await payLink(url, 'early')
  assert.equal((await verifyLink(url, 'early')).body.data.status, 'pending')
  const list = () => flwCall('GET', `${url}/flutterwave/v3/transactions?tx_ref=early&status=successful`)
  assert.equal((await list()).body.data.length, 0)
  assert.equal((await list()).body.data.length, 1)

  const client = clientFor(url)
  const ask = async (id: string) => {
    const session = await client.checkout.sessions.retrieve(id, { expand: ['payment_intent.latest_charge'] })
    return [session.status, session.payment_status, (session.payment_intent as { status: string } | null)?.status]
  }
  await fault(url, { kind: 'api_behind', channel: 'stripe', times: 2 })
  const card = await client.checkout.sessions.create(pageParams('card'))
  await payPage(url, 'card')
  assert.deepEqual(await ask(card.id), ['open', 'unpaid', undefined])
  const debit = await client.checkout.sessions.create(pageParams('debit'))
  await payPage(url, 'debit', { outcome: 'processing' })
  await payPage(url, 'debit')
  assert.deepEqual(await ask(debit.id), ['complete', 'unpaid', 'processing'])
  assert.deepEqual(await ask(debit.id), ['complete', 'paid', 'succeeded'])
})

test('api_behind: for so long after the success', async (t) => {
  const { url } = await sandboxFor(t)
  await fault(url, { kind: 'api_behind', ms: 600_000 })
  await openCheckout(url, 'soon')
  await payCheckout(url, 'soon')
  assert.equal((await verify(url, 'soon')).body.data.status, 'ongoing')
  await call('DELETE', `${url}/control/faults`, undefined, null)
  await fault(url, { kind: 'api_behind', ms: 0 })
  assert.equal((await verify(url, 'soon')).body.data.status, 'success')
})

test('422 for what a provider cannot do', async (t) => {
  const { url } = await sandboxFor(t)
  await openCheckout(url, 'a')
  const wrong: [more: Record<string, unknown>, field: string][] = [
    [{ outcome: 'processing', method: 'card' }, 'method'],
    [{ method: 'carrier_pigeon' }, 'method'],
    [{ method: 'ussd', card: '4084084084084081' }, 'card'],
    [{ outcome: 'canceled' }, 'outcome'],
    [{ amount_minor: 0.5 }, 'amount_minor'],
  ]
  for (const [more, field] of wrong) {
    const { status, body } = await payCheckout(url, 'a', more)
    assert.deepEqual([status, body.field], [422, field], JSON.stringify(more))
  }
})

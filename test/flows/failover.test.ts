import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import {
  type Answer,
  attemptRef,
  type Body,
  payAtSandbox,
  requestRef,
  startTestServer,
  type TestBusiness,
  type TestServer,
  threeChannels,
} from '../support/server.ts'
import { until } from '../support/wait.ts'

describe('failover while opening', () => {
  let server: TestServer
  let business: TestBusiness
  before(async () => {
    server = await startTestServer({ backend: 'embedded' })
  })
  after(() => server.close())

  const fault = (body: object) => server.call('POST', '/sandbox/control/faults', { operation: 'open', ...body })
  const noFaults = () => server.call('DELETE', '/sandbox/control/faults')
  const initiate = (body: object = {}) =>
    business.api('POST', '/v1/payment-requests', { customer_email: 'f@example.com', amount: 5000, ...body })
  const retrieve = async (ref: string) =>
    (await business.api('GET', `/v1/payment-requests/retrieve-by-ref/${ref}`)).body.data.payment_request
  const summaries = (request: { timeline_records: { summary: string }[] }) =>
    request.timeline_records.map((line) => line.summary)
  const channelOf = (answer: Answer) => answer.body.data.payment_request.payment_channel.slug

  const kinds: [string, object][] = [
    ['503', { kind: 'status', status: 503 }],
    ['500', { kind: 'status', status: 500 }],
    ['429', { kind: 'status', status: 429 }],
    ['a socket cut before the work', { kind: 'drop_before' }],
    ['a socket cut after the work', { kind: 'drop_after' }],
  ]
  for (const [what, kind] of kinds) {
    test(`201 the default channel answers ${what}: the next one takes it, and the timeline says so`, async () => {
      business = await threeChannels(server)
      await fault({ channel: 'paystack', ...kind })
      const created = await initiate()
      await noFaults()
      assert.equal(created.status, 201, created.text)
      assert.equal(channelOf(created), 'flutterwave')
      const now = await retrieve(requestRef(created))
      assert.deepEqual(summaries(now), [
        'Payment initiated',
        'Paystack did not answer when the payment was relayed',
        'Asyncpay relayed payment to Flutterwave',
      ])
      await payAtSandbox(server.url, attemptRef(created), 'success', 'flutterwave')
      await until('the payment', async () => (await retrieve(requestRef(created))).status === 'successful')
    })
  }

  test('201 the first two are down: the third takes it', async () => {
    business = await threeChannels(server)
    await fault({ channel: 'paystack', kind: 'status', status: 503 })
    await fault({ channel: 'flutterwave', kind: 'drop_before' })
    const created = await initiate()
    await noFaults()
    assert.equal(created.status, 201, created.text)
    assert.equal(channelOf(created), 'stripe')
  })

  test('503 all are down: the request is kept new, Retry-After says when, and a later relay works', async () => {
    business = await threeChannels(server)
    await fault({ kind: 'status', status: 503 })
    const created = await initiate({ reference: 'all-down' })
    await noFaults()
    assert.equal(created.status, 503, created.text)
    assert.equal(created.body.error, 'PAYMENT_CHANNEL_UNAVAILABLE')
    assert.match(created.headers.get('retry-after') ?? '', /^\d+$/)
    const tried = created.body.error_data.channels.map((one: Body) => [one.payment_channel, one.error, one.cause])
    const away = 'PAYMENT_CHANNEL_UNAVAILABLE'
    assert.deepEqual(tried, [
      ['paystack', away, 'status'],
      ['flutterwave', away, 'status'],
      ['stripe', away, 'status'],
    ])
    assert.match(created.body.message, /Paystack.*Flutterwave.*Stripe/)
    const kept = await retrieve('all-down')
    assert.equal(kept.status, 'new')
    assert.equal(kept.ref, created.body.error_data.payment_request_ref)
    const relayed = await business.api('POST', '/v1/payment-requests/relay', {
      payment_request_ref: kept.ref,
      payment_channel: 'flutterwave',
    })
    assert.equal(relayed.status, 201, relayed.text)
    assert.equal(relayed.body.data.payment_request.status, 'open')
  })

  test('503 a channel that was named is never replaced by another', async () => {
    business = await threeChannels(server)
    await fault({ channel: 'paystack', kind: 'status', status: 503 })
    const created = await initiate({ payment_channel: 'paystack' })
    await noFaults()
    assert.equal(created.status, 503)
    const { payment_channel, cause, channels } = created.body.error_data
    assert.deepEqual([payment_channel, cause, channels], ['paystack', 'status', undefined])
    assert.match(
      await server.ctx.metrics.registry.metrics(),
      /channel_call_duration_seconds_count\{channel="paystack",operation="open",outcome="unavailable",cause="status"\}/,
    )
    const { rows } = await server.ctx.database.pool.query(
      'select distinct payment_channel_slug as slug from transactions where business_id = $1',
      [business.id],
    )
    assert.deepEqual(rows, [{ slug: 'paystack' }])
  })

  test('a channel that keeps failing is not called any more: its breaker is open and it comes last', async () => {
    business = await threeChannels(server)
    await fault({ channel: 'paystack', kind: 'status', status: 503 })
    for (let calls = 0; calls < 5; calls += 1) assert.equal((await initiate()).status, 201)
    await noFaults()
    const route = await business.api('GET', '/v1/payment-channels/route?amount=5000&currency=NGN')
    assert.equal(route.status, 200, route.text)
    const [first, , last] = route.body.data.channels
    assert.equal(first.payment_channel, 'flutterwave')
    assert.deepEqual([last.payment_channel, last.reason], ['paystack', 'has not answered lately, so it comes last'])
    assert.equal(channelOf(await initiate()), 'flutterwave')
  })
})

describe('routing', () => {
  let server: TestServer
  let business: TestBusiness
  before(async () => {
    server = await startTestServer({ backend: 'embedded' })
    business = await threeChannels(server)
  })
  after(() => server.close())

  test('200 the capability table is read off the adapters and says how each is connected', async () => {
    const listed = await business.api('GET', '/v1/payment-channels')
    assert.equal(listed.status, 200)
    const channels = listed.body.data.payment_channels.data
    assert.deepEqual(
      channels.map(
        (one: { slug: string; is_connected: number; is_default: number; can_void: number; can_refund: number }) => [
          one.slug,
          one.is_connected,
          one.is_default,
          one.can_void,
          one.can_refund,
        ],
      ),
      [
        ['paystack', 1, 1, 0, 1],
        ['flutterwave', 1, 0, 1, 1],
        ['stripe', 1, 0, 1, 1],
      ],
    )
    const naira = channels[0].currencies.find((one: { currency: string }) => one.currency === 'NGN')
    assert.equal(naira.minimum, '50')
  })

  test('the dry run explains who takes it, who does not, and why', async () => {
    const answer = await business.api('GET', '/v1/payment-channels/route?amount=20&currency=EUR')
    assert.equal(answer.body.data.route_by, 'default_first')
    const byChannel = Object.fromEntries(
      answer.body.data.channels.map((one: { payment_channel: string; usable: number; reason: string }) => [
        one.payment_channel,
        one,
      ]),
    )
    assert.deepEqual([byChannel.paystack.usable, byChannel.paystack.reason], [0, 'Paystack does not take EUR'])
    assert.equal(byChannel.stripe.usable, 1)
    assert.equal((await business.api('GET', '/v1/payment-channels/route?amount=x')).status, 422)
  })

  test('with success_rate the channel with the better record goes first', async () => {
    assert.equal((await business.api('PUT', '/v1/payment-channels/route', { route_by: 'success_rate' })).status, 200)
    for (let paid = 0; paid < 3; paid += 1) {
      const body = { customer_email: 's@example.com', amount: 5000, payment_channel: 'stripe' }
      const created = await business.api('POST', '/v1/payment-requests', body)
      await payAtSandbox(server.url, attemptRef(created), 'success', 'stripe')
      await until('the payment', async () => {
        const answer = await business.api('PATCH', `/v1/payment-requests/${requestRef(created)}/verify`)
        return answer.body.data.payment_request.status === 'successful'
      })
    }
    const route = await business.api('GET', '/v1/payment-channels/route?amount=5000&currency=NGN')
    assert.equal(route.body.data.channels[0].payment_channel, 'stripe')
    assert.equal(route.body.data.channels[0].reason, '3 of its last 3 attempts were successful')
  })

  const sums: Record<string, string[]> = {
    NGN: ['2000', '2000.5', '12345.67'],
    USD: ['2', '19.99', '9999.99'],
    KES: ['200', '150.25'],
    XOF: ['700', '12345'],
    JPY: ['100', '98765'],
    KWD: ['1', '12.34', '999.99'],
  }
  for (const [currency, amounts] of Object.entries(sums)) {
    test(`${currency} survives the round trip through every channel that takes it, exactly`, async () => {
      const listed = (await business.api('GET', '/v1/payment-channels')).body.data.payment_channels.data
      const taking = listed.filter((one: { currencies: { currency: string }[] }) =>
        one.currencies.some((c) => c.currency === currency),
      )
      assert.ok(taking.length > 0, `no channel takes ${currency}`)
      for (const { slug } of taking) for (const amount of amounts) await roundTrip(slug, currency, amount)
    })
  }

  async function roundTrip(payment_channel: string, currency: string, amount: string): Promise<void> {
    const what = `${payment_channel} ${currency} ${amount}`
    const body = { customer_email: 'm@example.com', amount, currency, payment_channel }
    const created = await business.api('POST', '/v1/payment-requests', body)
    assert.equal(created.status, 201, `${what}: ${created.text}`)
    assert.equal(created.body.data.payment_request.amount, amount)
    await payAtSandbox(server.url, attemptRef(created), 'success', payment_channel)
    await until(`${what} to be paid`, async () => {
      const answer = await business.api('PATCH', `/v1/payment-requests/${requestRef(created)}/verify`)
      return answer.body.data.payment_request.status === 'successful'
    })
    const ledger = (await server.call('GET', '/sandbox/control/ledger')).body
    const row = ledger.find((one: { reference: string }) => one.reference === attemptRef(created))
    const { rows } = await server.ctx.database.pool.query(
      'select amount_minor::text as n from transactions where ref = $1',
      [attemptRef(created)],
    )
    assert.deepEqual([String(row.amount_minor), row.currency], [rows[0].n, currency], what)
  }
})

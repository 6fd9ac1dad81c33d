import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Receiver, startReceiver } from '../support/receiver.ts'
import {
  type Answer,
  attemptRef,
  payAtSandbox,
  requestRef,
  startTestServer,
  type TestBusiness,
  type TestServer,
  threeChannels,
} from '../support/server.ts'
import { until } from '../support/wait.ts'

type Ledger = {
  channel: string
  kind: string
  reference: string
  amount_minor: number
  currency: string
  status: string
}[]

describe('relay', () => {
  let server: TestServer
  let business: TestBusiness
  let receiver: Receiver
  before(async () => {
    server = await startTestServer({ backend: 'embedded' })
    business = await threeChannels(server)
    receiver = await startReceiver()
    await business.api('PUT', '/v1/business', { webhook_url: receiver.url, enabled_webhooks: 1 })
  })
  after(async () => {
    await receiver.close()
    await server.close()
  })

  const relay = (ref: string, payment_channel: string) =>
    business.api('POST', '/v1/payment-requests/relay', { payment_request_ref: ref, payment_channel })
  const retrieve = async (ref: string) =>
    (await business.api('GET', `/v1/payment-requests/retrieve-by-ref/${ref}`)).body.data.payment_request
  const ledger = async (): Promise<Ledger> => (await server.call('GET', '/sandbox/control/ledger')).body
  const initiate = (body: object = {}) =>
    business.api('POST', '/v1/payment-requests', {
      customer_email: 'r@example.com',
      amount: 5000,
      currency: 'NGN',
      ...body,
    })

  test('one request goes Paystack → Flutterwave → Stripe → Paystack and is paid once; the ledgers agree', async () => {
    const created = await initiate({ description: 'Testing payments' })
    const ref = requestRef(created)
    const refs: [string, string][] = [['paystack', attemptRef(created)]]
    let last: Answer = created
    for (const channel of ['flutterwave', 'stripe', 'paystack']) {
      last = await relay(ref, channel)
      assert.equal(last.status, 201, last.text)
      refs.push([channel, attemptRef(last)])
    }
    const [channel, reference] = refs.at(-1) ?? ['', '']
    await payAtSandbox(server.url, reference, 'success', channel)
    const paid = await until('the payment', async () => {
      const now = await retrieve(ref)
      return now.status === 'successful' && now
    })
    assert.deepEqual(
      paid.timeline_records.map((line: { summary: string }) => line.summary),
      [
        'Payment initiated',
        'Asyncpay relayed payment to Paystack',
        'Asyncpay voided payment request with Paystack',
        'Asyncpay relayed payment to Flutterwave',
        'Asyncpay voided payment request with Flutterwave',
        'Asyncpay relayed payment to Stripe',
        'Asyncpay voided payment request with Stripe',
        'Asyncpay relayed payment to Paystack',
        'Paystack confirmed the payment',
      ],
    )
    const charged = (await ledger()).filter((row) => row.kind === 'charge' && row.status === 'success')
    assert.deepEqual(
      charged.filter((row) => refs.some(([, one]) => one === row.reference)).map((row) => row.reference),
      [reference],
    )
  })

  test('a voided page that is paid all the same is excess, refunded by itself, told on the timeline and as events', async () => {
    const created = await initiate({ reference: 'late-1' })
    const ref = requestRef(created)
    const paystackRef = attemptRef(created)
    const relayed = await relay(ref, 'flutterwave')
    // Paystack cannot close a page: its payer may still pay there.
    await payAtSandbox(server.url, paystackRef, 'success', 'paystack')
    await until('the excess event', () =>
      receiver.received.some((one) => one.body.event === 'payment.excess' && one.body.data.reference === 'late-1'),
    )
    await payAtSandbox(server.url, attemptRef(relayed), 'success', 'flutterwave')
    // Paystack takes a second to pay a refund out; it is asked again half a minute after the sending.
    await until('the refund to be accepted', async () =>
      (await ledger()).some(
        (row) => row.kind === 'refund' && row.status === 'success' && row.reference === paystackRef,
      ),
    )
    server.clock.advance(31_000)
    const done = await until(
      'payment and refund',
      async () => {
        const now = await retrieve(ref)
        const lines = now.timeline_records.map((line: { summary: string }) => line.summary)
        return now.status === 'successful' && lines.includes('Asyncpay refunded NGN 5000') && now
      },
      40_000,
    )
    assert.equal(done.last_transaction.payment_channel_slug, 'flutterwave')
    await until('the refund event', () =>
      receiver.received.some((one) => one.body.event === 'refund.completed' && one.body.data.reference === 'late-1'),
    )
    const rows = (await ledger()).filter((row) => row.reference === paystackRef)
    assert.deepEqual(rows.map((row) => [row.kind, row.amount_minor]).sort(), [
      ['charge', 500_000],
      ['refund', 500_000],
    ])
  })

  test('a page that was closed at its channel cannot be paid any more', async () => {
    const created = await initiate({ payment_channel: 'stripe', currency: 'USD', amount: 20 })
    await relay(requestRef(created), 'flutterwave')
    const late = await payAtSandbox(server.url, attemptRef(created), 'success', 'stripe')
    assert.ok(late.status === 404 || late.status === 409, late.text)
    assert.ok(!(await ledger()).some((row) => row.reference === attemptRef(created)))
  })

  test('409 a payment that is already in wins over a relay', async () => {
    const created = await initiate()
    await server.call('POST', '/sandbox/control/faults', { channel: 'paystack', kind: 'webhook_lost', times: 1 })
    await payAtSandbox(server.url, attemptRef(created), 'success', 'paystack')
    const relayed = await relay(requestRef(created), 'flutterwave')
    assert.equal(relayed.status, 409)
    assert.equal(relayed.body.error, 'PAYMENT_REQUEST_NOT_RELAYABLE')
    assert.equal((await retrieve(requestRef(created))).status, 'successful')
  })

  test('declined at one channel, paid at the next', async () => {
    const created = await initiate()
    await payAtSandbox(server.url, attemptRef(created), 'failed', 'paystack')
    const relayed = await relay(requestRef(created), 'stripe')
    assert.equal(relayed.status, 201)
    await payAtSandbox(server.url, attemptRef(relayed), 'success', 'stripe')
    await until('the payment', async () => (await retrieve(requestRef(created))).status === 'successful')
  })

  const refusals: [string, object, number, string][] = [
    ['an unknown channel', { payment_channel: 'nopay' }, 400, 'PAYMENT_CHANNEL_NOT_CONNECTED'],
    ['no channel', {}, 422, 'VALIDATION_FAILED'],
    [
      'an unknown request',
      { payment_request_ref: 'AsP-0000000000000', payment_channel: 'stripe' },
      404,
      'RESOURCE_NOT_FOUND',
    ],
    [
      'a currency that the channel does not take',
      { payment_channel: 'paystack', currency: 'EUR' },
      400,
      'CURRENCY_NOT_SUPPORTED',
    ],
  ]
  for (const [what, body, status, error] of refusals) {
    test(`${status} ${what} changes nothing`, async () => {
      const { currency = 'NGN', ...rest } = body as { currency?: string }
      const created = await initiate({
        currency,
        amount: 5000,
        ...(currency !== 'NGN' && { payment_channel: 'stripe' }),
      })
      const answer = await business.api('POST', '/v1/payment-requests/relay', {
        payment_request_ref: requestRef(created),
        ...rest,
      })
      assert.equal(answer.status, status, answer.text)
      assert.equal(answer.body.error, error)
      assert.equal((await retrieve(requestRef(created))).last_transaction.ref, attemptRef(created))
    })
  }

  test('409 a cancelled or expired request cannot be relayed', async () => {
    const created = await initiate()
    await business.api('PATCH', `/v1/payment-requests/${requestRef(created)}/cancel`)
    assert.equal((await relay(requestRef(created), 'stripe')).status, 409)
  })

  test('50 parallel relays leave one pending attempt', async () => {
    const created = await initiate()
    const ref = requestRef(created)
    await Promise.all(
      Array.from({ length: 50 }, (_, index) => relay(ref, ['paystack', 'flutterwave', 'stripe'][index % 3] ?? '')),
    )
    const { rows } = await server.ctx.database.pool.query(
      `select count(*)::int as n from transactions t join payment_requests r on r.id = t.payment_request_id where r.ref = $1 and t.status = 'pending'`,
      [ref],
    )
    assert.equal(rows[0].n, 1)
  })
})

import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { expire } from '../../src/domain/attempts/end.ts'
import { checkoutToken } from '../../src/domain/payment-requests/link.ts'
import type { RequestRow } from '../../src/domain/payment-requests/schema.ts'
import { stopOwnPostgres } from '../support/postgres.ts'
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

/** Several relays of one request, or a relay beside something else, at the same moment, on PostgreSQL (I21). */

const slugs = ['paystack', 'flutterwave', 'stripe'] as const

describe('relays of one request at once', () => {
  let server: TestServer
  let business: TestBusiness
  before(async () => {
    server = await startTestServer({ backend: 'postgres', role: 'api' })
    business = await threeChannels(server)
  })
  after(async () => {
    await server?.close()
    await stopOwnPostgres()
  })

  const initiate = async (): Promise<Answer> => {
    const wish = { customer_email: 'ada@example.com', amount: 5000, payment_channel: 'paystack' }
    const created = await business.api('POST', '/v1/payment-requests', wish)
    assert.equal(created.status, 201, created.text)
    return created
  }
  const relay = (created: Answer, slug: string, key?: string): Promise<Answer> =>
    business.api(
      'POST',
      '/v1/payment-requests/relay',
      { payment_request_ref: requestRef(created), payment_channel: slug },
      key === undefined ? {} : { 'idempotency-key': key },
    )
  /** The next page there opens late. */
  const slowDown = async (ms: number) => {
    const fault = { channel: 'flutterwave', operation: 'open', kind: 'latency', ms, times: 1 }
    assert.equal((await server.call('POST', '/sandbox/control/faults', fault)).status, 201)
  }
  const cancel = (created: Answer) => business.api('PATCH', `/v1/payment-requests/${requestRef(created)}/cancel`)
  const verify = (created: Answer) => business.api('PATCH', `/v1/payment-requests/${requestRef(created)}/verify`)
  const retrieve = async (created: Answer): Promise<Body> =>
    (await business.api('GET', `/v1/payment-requests/retrieve-by-ref/${requestRef(created)}`)).body.data.payment_request
  const attemptsOf = async (created: Answer): Promise<Body[]> =>
    await server.ctx.db
      .selectFrom('transactions')
      .selectAll()
      .where('payment_request_id', '=', created.body.data.payment_request.uuid.replace('eric-', ''))
      .orderBy('id')
      .execute()
  const linesOf = ({ timeline_records: lines }: Body): string[] => lines.map((line: Body) => line.summary)

  test('2 to 50 to one channel: one page for all of them, opened once', async () => {
    for (const count of [2, 10, 50]) {
      const created = await initiate()
      // Long enough for all of them to come before the page does.
      await slowDown(3_000)
      const answers = await Promise.all(Array.from({ length: count }, () => relay(created, 'flutterwave')))
      assert.deepEqual(new Set(answers.map((one) => one.status)), new Set([201]), answers.map((one) => one.text).join())
      assert.equal(new Set(answers.map((one) => one.body.data.action)).size, 1)
      const now = await retrieve(created)
      assert.deepEqual(linesOf(now), [
        'Payment initiated',
        'Asyncpay relayed payment to Paystack',
        'Asyncpay voided payment request with Paystack',
        'Asyncpay relayed payment to Flutterwave',
      ])
      assert.equal((await attemptsOf(created)).length, 2)
      assert.equal(now.last_transaction.ref, attemptRef(answers[0] as Answer))
    }
  })

  test('a relay that comes later opens a page of its own, as ever', async () => {
    const created = await initiate()
    const first = await relay(created, 'flutterwave')
    const second = await relay(created, 'flutterwave')
    assert.notEqual(first.body.data.action, second.body.data.action)
  })

  test('to three channels: each was opened before it was voided, and the last one opened is the one that is shown', async () => {
    for (const count of [2, 6, 12]) {
      const created = await initiate()
      const wished = Array.from({ length: count }, (_, nth) => slugs[nth % slugs.length] ?? 'paystack')
      const answers = await Promise.all(wished.map((slug) => relay(created, slug)))
      for (const one of answers) assert.equal(one.status, 201, one.text)
      for (const [nth, one] of answers.entries()) {
        assert.equal(one.body.data.payment_request.status, 'open')
        const opened = (await attemptsOf(created)).find((attempt) => attempt.checkout_url === one.body.data.action)
        assert.equal(opened?.payment_channel_slug, wished[nth])
      }
      const attempts = await attemptsOf(created)
      const current = attempts.filter((attempt) => attempt.status === 'pending')
      assert.equal(current.length, 1)
      const now = await retrieve(created)
      assert.equal(now.last_transaction.ref, current[0]?.ref)
      const lines = linesOf(now)
      const voided = lines.filter((line) => line.includes('voided'))
      assert.equal(voided.length, lines.filter((line) => line.includes('relayed')).length - 1, lines.join('\n'))
    }
  })

  /** 040 is said only of a request that has ended; what ended nothing is not refused. */
  const assertTrue = (answer: Answer, status: string) => {
    if (answer.status === 201 || answer.status === 200) return
    assert.equal(answer.status, 409, answer.text)
    assert.equal(answer.body.error_code, '040', answer.text)
    assert.ok(['cancelled', 'successful', 'expired'].includes(status), `${status}: ${answer.text}`)
  }

  test('beside a cancellation: it is cancelled, a refusal is true, and nobody fails', async () => {
    for (let round = 0; round < 12; round += 1) {
      const created = await initiate()
      const answers = await Promise.all(
        Array.from({ length: 4 + round }, (_, nth) =>
          nth % 2 ? cancel(created) : relay(created, slugs[nth % 3] ?? 'stripe'),
        ),
      )
      const now = await retrieve(created)
      assert.equal(now.status, 'cancelled')
      for (const one of answers) assertTrue(one, now.status)
      const lines = linesOf(now)
      assert.equal(lines.filter((line) => line === 'Payment cancelled').length, 1)
      assert.equal(
        lines.filter((line) => line.includes('voided')).length,
        lines.filter((line) => line.includes('relayed')).length,
        lines.join('\n'),
      )
      assert.ok((await attemptsOf(created)).every((attempt) => attempt.status === 'voided'))
    }
  })

  test('beside a payment that is found: it counts once, whoever asks', async () => {
    for (let round = 0; round < 8; round += 1) {
      const created = await initiate()
      await payAtSandbox(server.url, attemptRef(created))
      const answers = await Promise.all(
        Array.from({ length: 6 }, (_, nth) => (nth % 2 ? verify(created) : relay(created, 'stripe'))),
      )
      const now = await retrieve(created)
      assert.equal(now.status, 'successful')
      assert.equal(now.last_transaction.status, 'successful')
      for (const one of answers) assertTrue(one, now.status)
    }
  })

  test('beside expiry: ended once, and told truly', async () => {
    for (let round = 0; round < 8; round += 1) {
      const created = await initiate()
      const uuid = created.body.data.payment_request.uuid.replace('eric-', '')
      const request = (await server.ctx.db
        .selectFrom('payment_requests')
        .selectAll()
        .where('id', '=', uuid)
        .executeTakeFirstOrThrow()) as RequestRow
      const [, ...answers] = await Promise.all([
        expire(server.ctx, request),
        relay(created, 'stripe'),
        relay(created, 'flutterwave'),
      ])
      const now = await retrieve(created)
      assert.equal(now.status, 'expired')
      for (const one of answers) assertTrue(one, now.status)
    }
  })

  test('the same key again after the race: the same answer, and never a refusal that was not true', async () => {
    const created = await initiate()
    const first = await Promise.all(Array.from({ length: 6 }, (_, nth) => relay(created, 'stripe', `key-${nth}`)))
    const again = await Promise.all(Array.from({ length: 6 }, (_, nth) => relay(created, 'stripe', `key-${nth}`)))
    for (const [nth, one] of again.entries()) {
      assert.equal(one.status, 201, one.text)
      assert.equal(one.text, first[nth]?.text)
    }
  })

  test('the buyer’s page: two clicks on one channel give one page', async () => {
    const created = await initiate()
    const token = checkoutToken(server.ctx, created.body.data.payment_request.uuid.replace('eric-', ''))
    const click = () => server.call('POST', `/checkout/${token}/relay`, { payment_channel: 'flutterwave', via: 'page' })
    const answers = await Promise.all([click(), click(), click()])
    assert.deepEqual(new Set(answers.map((one) => one.text)).size, 1, answers.map((one) => one.text).join('\n'))
    assert.ok(
      answers.every((one) => one.status < 400),
      answers.map((one) => one.text).join('\n'),
    )
  })

  test('a channel that is slow: those who wait hold no connection, and get its page', async () => {
    const created = await initiate()
    await slowDown(3_000)
    const slow = Array.from({ length: 30 }, () => relay(created, 'flutterwave'))
    const beside = await Promise.all(Array.from({ length: 10 }, () => initiate()))
    assert.equal(beside.length, 10)
    const answers = await Promise.all(slow)
    assert.deepEqual(new Set(answers.map((one) => one.status)), new Set([201]))
    assert.equal(new Set(answers.map((one) => one.body.data.action)).size, 1)
  })
})

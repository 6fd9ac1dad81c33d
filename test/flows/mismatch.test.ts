import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { minuteMs, secondMs } from '../../src/platform/clock.ts'
import { formatAmount } from '../../src/platform/money.ts'
import { stopOwnPostgres } from '../support/postgres.ts'
import { type Receiver, startReceiver } from '../support/receiver.ts'
import {
  type Answer,
  attemptRef,
  type Body,
  payAtSandbox,
  requestRef,
  startTestServer,
  type TestBusiness,
  type TestServer,
} from '../support/server.ts'
import { until } from '../support/wait.ts'

describe('what the provider reports is compared with what was asked', () => {
  let server: TestServer
  let business: TestBusiness
  let receiver: Receiver
  before(async () => {
    server = await startTestServer()
    business = await server.business()
    receiver = await startReceiver()
    await business.api('PUT', '/v1/business', { webhook_url: receiver.url, enabled_webhooks: 1 })
  })
  after(async () => {
    await receiver?.close()
    await server?.close()
    await stopOwnPostgres()
  })

  const retrieve = async (created: Answer): Promise<Body> =>
    (await business.api('GET', `/v1/payment-requests/retrieve-by-ref/${requestRef(created)}`)).body.data.payment_request
  const initiate = async (amount: string, currency: string): Promise<Answer> => {
    const body = { customer_email: 'a@example.com', amount, currency }
    const created = await business.api('POST', '/v1/payment-requests', body)
    assert.equal(created.status, 201, created.text)
    return created
  }
  /** As often as anybody may: the merchant, the browser, and the janitor a minute later. */
  const askAgain = async (created: Answer) => {
    for (let nth = 0; nth < 3; nth += 1) {
      const verified = await business.api('PATCH', `/v1/payment-requests/${requestRef(created)}/verify`)
      assert.equal(verified.status, 200)
      const { uuid } = created.body.data.payment_request.last_transaction
      assert.equal((await server.call('GET', `/return/${uuid}`)).status, 200)
    }
    server.clock.advance(2 * minuteMs)
  }
  const eventsOf = (created: Answer): string[] =>
    receiver.received
      .filter(({ body }) => body.data.ref === requestRef(created) && body.event.startsWith('payment.'))
      .map(({ body }) => body.event)
  const receivedOf = (created: Answer) =>
    server.ctx.db
      .selectFrom('transactions')
      .select(['status', 'received_amount_minor', 'received_currency'])
      .where('ref', '=', attemptRef(created))
      .executeTakeFirstOrThrow()

  for (const [what, amount, currency, received] of [
    ['another currency', '199.03', 'NGN', ['19903', 'USD']],
    ['another currency', '99.03', 'USD', ['9903', 'NGN']],
  ] as const) {
    test(`${what} than ${amount} ${currency}: never a success; kept as excess, told once, and the request stays payable`, async () => {
      const created = await initiate(amount, currency)
      assert.equal((await payAtSandbox(server.url, attemptRef(created))).status, 200)
      await until('the excess', async () => (await retrieve(created)).last_transaction.status === 'excess')
      await askAgain(created)
      await until('the event', () => eventsOf(created).length > 0)
      const now = await retrieve(created)
      assert.equal(now.status, 'open')
      assert.equal(now.timeline_records.filter((line: Body) => line.status === 'excess').length, 1)
      assert.equal(now.timeline_records.filter((line: Body) => line.status === 'successful').length, 0)
      const row = await receivedOf(created)
      assert.deepEqual([String(row.received_amount_minor), row.received_currency], received)
      // Nobody else's end was decided by it: the merchant may still end the request.
      const cancelled = await business.api('PATCH', `/v1/payment-requests/${requestRef(created)}/cancel`)
      assert.equal(cancelled.body.data.payment_request.status, 'cancelled')
      await until('the cancellation', () => eventsOf(created).length === 2)
      assert.deepEqual(eventsOf(created), ['payment.excess', 'payment.cancelled'])
    })
  }

  test('an answer for another reference: nobody’s state changes, told on the timeline once', async () => {
    const created = await initiate('199.04', 'NGN')
    assert.equal((await payAtSandbox(server.url, attemptRef(created))).status, 200)
    await askAgain(created)
    const now = await until('the line', async () => {
      const payment = await retrieve(created)
      return payment.timeline_records.length === 3 && payment
    })
    assert.equal(now.status, 'open')
    assert.equal(now.last_transaction.status, 'pending')
    assert.match(now.timeline_records[2].summary, /another reference/)
    server.clock.advance(minuteMs)
    await askAgain(created)
    assert.equal((await retrieve(created)).timeline_records.length, 3)
    assert.deepEqual(eventsOf(created), [])
  })
})

/** Numbers from a seed (mulberry32), so that a run can be repeated. */
function random(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

describe('money adds up', () => {
  let server: TestServer
  let business: TestBusiness
  before(async () => {
    server = await startTestServer({ backend: 'postgres' })
    business = await server.business()
  })
  after(async () => {
    await server?.close()
    await stopOwnPostgres()
  })

  const seed = Number(process.env.SEED ?? Date.now() % 1_000_000)
  const sumsOf = (rows: { currency: string; amount: bigint }[]): Record<string, string> => {
    const sums = new Map<string, bigint>()
    for (const { currency, amount } of rows) sums.set(currency, (sums.get(currency) ?? 0n) + amount)
    return Object.fromEntries([...sums].sort().map(([currency, sum]) => [currency, String(sum)]))
  }

  test(`after a random run in six currencies our sums equal the provider’s ledger (SEED=${seed})`, async () => {
    const below = random(seed)
    const currencies = ['NGN', 'USD', 'GHS', 'ZAR', 'KES', 'XOF']
    // The last four digits decide at the sandbox; 0000 stands for any that decide nothing.
    const endings = [9901n, 9902n, 9903n, 4002n, 0n, 0n, 0n, 0n]
    const one = async (nth: number) => {
      const currency = currencies[below(currencies.length)]!
      const ending = endings[below(endings.length)]!
      const minor = BigInt(1 + below(500)) * 10_000n + (ending === 0n ? BigInt(below(4_000)) : ending)
      const outcome = (['success', 'success', 'success', 'failed', 'abandon'] as const)[below(5)]!
      const [cancelFirst, payAgain, asks] = [below(6) === 0, below(2) === 0, below(3)]
      const created = await business.api('POST', '/v1/payment-requests', {
        customer_email: `payer-${nth % 7}@example.com`,
        amount: formatAmount(minor, currency),
        currency,
      })
      assert.equal(created.status, 201, created.text)
      const path = `/v1/payment-requests/${requestRef(created)}`
      if (cancelFirst) await business.api('PATCH', `${path}/cancel`)
      await payAtSandbox(server.url, attemptRef(created), outcome)
      if (outcome !== 'success' && payAgain) await payAtSandbox(server.url, attemptRef(created))
      for (let asked = 0; asked < asks; asked += 1) await business.api('PATCH', `${path}/verify`)
    }
    const lost = { kind: 'webhook_lost', channel: 'paystack', operation: 'charge', rate: 0.2 }
    await server.call('POST', '/sandbox/control/faults', lost)
    const order = Array.from({ length: 150 }, (_, nth) => nth)
    for (let at = 0; at < order.length; at += 10) await Promise.all(order.slice(at, at + 10).map(one))

    const provider = async () =>
      sumsOf(
        ((await server.call('GET', '/sandbox/control/ledger')).body as Body[])
          // What came in excess may have gone back by now, and was moved all the same.
          .filter(({ kind, status }) => kind === 'charge' && ['success', 'reversed'].includes(status))
          .map((row) => ({ currency: row.currency, amount: BigInt(row.amount_minor) })),
      )
    const ours = async () =>
      sumsOf(
        (
          await server.ctx.db
            .selectFrom('transactions')
            .select(['status', 'currency', 'amount_minor', 'received_currency', 'received_amount_minor'])
            .where('status', 'in', ['successful', 'excess'])
            .execute()
        ).map((row) => ({
          currency: row.received_currency ?? row.currency,
          amount: row.received_amount_minor ?? row.amount_minor,
        })),
      )
    // Whose webhook was lost is found by the janitor.
    server.clock.advance(15 * secondMs)
    const expected = await provider()
    assert.equal(Object.keys(expected).length, currencies.length)
    await until('the janitor', async () => JSON.stringify(await ours()) === JSON.stringify(expected)).catch(() => {})
    assert.deepEqual(await ours(), expected)
    const doubled = await server.ctx.db
      .selectFrom('transactions')
      .select('payment_request_id')
      .where('status', '=', 'successful')
      .groupBy('payment_request_id')
      .having((row) => row.fn.countAll(), '>', 1)
      .execute()
    assert.deepEqual(doubled, [])
  })
})

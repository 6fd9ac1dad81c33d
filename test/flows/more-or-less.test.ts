import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { checkDueRefunds, refundDueExcess } from '../../src/domain/refunds/jobs.ts'
import { hourMs, minuteMs } from '../../src/platform/clock.ts'
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
  threeChannels,
} from '../support/server.ts'
import { until } from '../support/wait.ts'
import { attemptRow, hear } from '../support/word.ts'

after(stopOwnPostgres)

describe('more or less than asked', () => {
  let server: TestServer
  let business: TestBusiness
  let receiver: Receiver
  before(async () => {
    server = await startTestServer({ backend: 'postgres' })
    business = await threeChannels(server)
    receiver = await startReceiver()
    await business.api('PUT', '/v1/business', { webhook_url: receiver.url, enabled_webhooks: 1 })
  })
  beforeEach(() => settings({ on_overpayment: 'keep', on_underpayment: 'refund' }))
  after(async () => {
    await receiver?.close()
    await server?.close()
  })

  const settings = async (body: Body): Promise<Body> => {
    const answer = await business.api('PUT', '/v1/business', body)
    assert.equal(answer.status, 200, answer.text)
    return answer.body.data
  }
  const initiate = async (fields: Body = {}): Promise<Answer> => {
    const body = { customer_email: 'ada@example.com', amount: '1000', currency: 'NGN', ...fields }
    const created = await business.api('POST', '/v1/payment-requests', body)
    assert.equal(created.status, 201, created.text)
    return created
  }
  const retrieve = async (ref: string): Promise<Body> =>
    (await business.api('GET', `/v1/payment-requests/retrieve-by-ref/${ref}`)).body.data.payment_request
  const summaries = (request: Body): string[] => request.timeline_records.map((line: Body) => line.summary)
  const eventsOf = (ref: string): string[] =>
    receiver.received.filter(({ body }) => body.data.ref === ref).map(({ body }) => body.event)
  const refundsOf = async (ref: string) => {
    const { id } = await attemptRow(server, ref)
    const rows = await server.ctx.db
      .selectFrom('refunds')
      .select(['origin', 'amount_minor', 'status'])
      .where('transaction_id', '=', id)
      .orderBy('id')
      .execute()
    return rows.map(({ origin, amount_minor }) => [origin, String(amount_minor)])
  }
  const ledgerOf = async (ref: string): Promise<Body[]> =>
    ((await server.call('GET', '/sandbox/control/ledger')).body as Body[]).filter((row) => row.reference === ref)

  test('the settings stand after the documented keys of the business, and only their words are taken', async () => {
    const keys = Object.keys(await settings({}))
    assert.ok(keys.indexOf('on_overpayment') > keys.indexOf('refund_save_charges'))
    assert.equal(keys.indexOf('on_underpayment'), keys.indexOf('on_overpayment') + 1)
    const wrong = await business.api('PUT', '/v1/business', { on_overpayment: 'burn', on_underpayment: 1 })
    assert.equal(wrong.status, 422)
    assert.deepEqual(Object.keys(wrong.body.error_data).sort(), ['on_overpayment', 'on_underpayment'])
    const changed = await settings({ on_overpayment: 'refund', on_underpayment: 'keep' })
    assert.equal(changed.on_overpayment, 'refund')
    assert.equal(changed.on_underpayment, 'keep')
  })

  test('more: paid, what arrived stands beside the amount, told once, and kept', async () => {
    const created = await initiate()
    assert.equal(created.body.data.payment_request.last_transaction.received_amount, null)
    const [ref, attempt] = [requestRef(created), attemptRef(created)]
    for (let nth = 0; nth < 3; nth += 1) await hear(server, attempt, { status: 'successful', amountMinor: 150_000n })
    const paid = await retrieve(ref)
    assert.equal(paid.status, 'successful')
    const keys = Object.keys(paid.last_transaction)
    assert.equal(keys.indexOf('received_amount'), keys.indexOf('amount') + 1)
    assert.equal(paid.last_transaction.amount, '1000')
    assert.equal(paid.last_transaction.received_amount, '1500')
    assert.ok(summaries(paid).includes('Paystack received NGN 500 more than was asked; it is kept'))
    await until('the events', () => eventsOf(ref).length === 2)
    assert.deepEqual(eventsOf(ref), ['payment.completed.successfully', 'payment.overpaid'])
    await refundDueExcess(server.ctx)
    assert.deepEqual(await refundsOf(attempt), [])
  })

  test('a fee that the payer bore is no overpayment; exactly as asked is what it always was', async () => {
    for (const word of [{ amountMinor: 101_500n, payerFeeMinor: 1_500n }, { amountMinor: 100_000n }]) {
      const created = await initiate()
      await hear(server, attemptRef(created), { status: 'successful', ...word })
      const paid = await retrieve(requestRef(created))
      assert.equal(paid.status, 'successful')
      assert.equal(paid.last_transaction.received_amount, '1000')
      await until('the event', () => eventsOf(requestRef(created)).length === 1)
      assert.deepEqual(eventsOf(requestRef(created)), ['payment.completed.successfully'])
    }
  })

  for (const channel of ['paystack', 'flutterwave', 'stripe'] as const) {
    test(`${channel}: what is over goes back by itself where the business says so, and that part alone`, async () => {
      await settings({ on_overpayment: 'refund' })
      const created = await initiate({ payment_channel: channel, amount: '2000' })
      const [ref, attempt] = [requestRef(created), attemptRef(created)]
      assert.equal((await payAtSandbox(server.url, attempt, 'success', channel)).status, 200)
      await until('the payment', async () => (await retrieve(ref)).status === 'successful')
      // As if 300 of what the sandbox took had been more than was asked.
      await server.ctx.database.pool.query(
        `update transactions set amount_minor = amount_minor - 30000, refund_due_at = now(), refund_due_origin = 'overpayment' where ref = $1`,
        [attempt],
      )
      await refundDueExcess(server.ctx)
      await until('the refund', async () => (await refundsOf(attempt)).length === 1)
      assert.deepEqual(await refundsOf(attempt), [['overpayment', '30000']])
      const back = await until('it in the ledger', async () =>
        (await ledgerOf(attempt)).find((row) => row.kind === 'refund'),
      )
      assert.equal(Number(back.amount_minor), 30_000)
    })
  }

  test('more, and given back: told so, due once, and the payment stays', async () => {
    await settings({ on_overpayment: 'refund' })
    const created = await initiate()
    await hear(server, attemptRef(created), { status: 'successful', amountMinor: 150_000n })
    const paid = await retrieve(requestRef(created))
    assert.equal(paid.status, 'successful')
    assert.ok(summaries(paid).includes('Paystack received NGN 500 more than was asked; it is given back'))
    await until('the refund', async () => (await refundsOf(attemptRef(created))).length === 1)
    await refundDueExcess(server.ctx)
    assert.deepEqual(await refundsOf(attemptRef(created)), [['overpayment', '50000']])
  })

  test('a part whose refund the channel does not know is never sent again; a whole one is', async () => {
    await settings({ on_overpayment: 'refund' })
    const sent = async (over: bigint) => {
      const drop = { channel: 'paystack', operation: 'refund', kind: 'drop_before', times: 1 }
      const created = await initiate()
      const [ref, attempt] = [requestRef(created), attemptRef(created)]
      assert.equal((await payAtSandbox(server.url, attempt)).status, 200)
      await until('the payment', async () => (await retrieve(ref)).status === 'successful')
      assert.equal((await server.call('POST', '/sandbox/control/faults', drop)).status, 201)
      // Null: all of it goes back, for it bought nothing.
      await server.ctx.database.pool.query(
        `update transactions set amount_minor = amount_minor - $2, refund_due_at = now(), refund_due_origin = $3 where ref = $1`,
        [attempt, String(over), over > 0n ? 'overpayment' : null],
      )
      await until('the refund', async () => {
        await refundDueExcess(server.ctx)
        return (await refundsOf(attempt)).length === 1
      })
      for (let look = 0; look < 4; look += 1) {
        server.clock.advance(look === 0 ? 6 * minuteMs : hourMs)
        await checkDueRefunds(server.ctx)
      }
      return { ref, attempt }
    }
    const part = await sent(20_000n)
    const whole = await sent(0n)
    const back = async (ref: string) => (await ledgerOf(ref)).filter((row) => row.kind === 'refund').length
    await until('the whole one', async () => (await back(whole.attempt)) === 1)
    assert.equal(await back(part.attempt), 0)
    const told = summaries(await retrieve(part.ref)).filter((line) => /does not know the refund of NGN 200/.test(line))
    assert.equal(told.length, 1)
  })

  test('less: no success, told once, given back, and the request stays payable in full', async () => {
    const created = await initiate()
    const [ref, attempt] = [requestRef(created), attemptRef(created)]
    for (let nth = 0; nth < 3; nth += 1) await hear(server, attempt, { status: 'successful', amountMinor: 40_000n })
    const now = await retrieve(ref)
    assert.equal(now.status, 'open')
    assert.equal(now.last_transaction.status, 'excess')
    assert.equal(now.last_transaction.received_amount, '400')
    assert.ok(summaries(now).includes('Paystack received NGN 400 where NGN 1000 was asked; it is given back'))
    await until('the refund', async () => (await refundsOf(attempt)).length === 1)
    assert.deepEqual(await refundsOf(attempt), [['excess', '40000']])
    const relayed = await business.api('POST', '/v1/payment-requests/relay', {
      payment_request_ref: ref,
      payment_channel: 'flutterwave',
    })
    assert.equal(relayed.body.data.payment_request.last_transaction.amount, '1000')
    await until('the event', () => eventsOf(ref).length === 1)
    assert.deepEqual(eventsOf(ref), ['payment.underpaid'])
  })

  test('less, and kept: the next page asks for the rest alone, and with it the request is paid', async () => {
    await settings({ on_underpayment: 'keep' })
    const created = await initiate()
    const [ref, attempt] = [requestRef(created), attemptRef(created)]
    await hear(server, attempt, { status: 'successful', amountMinor: 40_000n })
    assert.equal(
      summaries(await retrieve(ref)).at(-1),
      'Paystack received NGN 400 where NGN 1000 was asked; it is kept until the rest is paid',
    )
    const page = await server.call('GET', `/pay/${ref}`)
    assert.match(page.text, /600/)
    const relayed = await business.api('POST', '/v1/payment-requests/relay', {
      payment_request_ref: ref,
      payment_channel: 'flutterwave',
    })
    assert.equal(relayed.status, 201, relayed.text)
    const rest = relayed.body.data.payment_request.last_transaction
    assert.equal(rest.amount, '600')
    assert.notEqual(rest.amount_to_usd, relayed.body.data.payment_request.amount_to_usd)
    assert.equal((await payAtSandbox(server.url, rest.ref, 'success', 'flutterwave')).status, 200)
    await until('the payment', async () => (await retrieve(ref)).status === 'successful')
    const [charged] = await ledgerOf(rest.ref)
    assert.equal(Number(charged.amount_minor), 60_000)
    await refundDueExcess(server.ctx)
    assert.deepEqual(await refundsOf(attempt), [])
    await until('the events', () => eventsOf(ref).length === 2)
    assert.deepEqual(eventsOf(ref), ['payment.underpaid', 'payment.completed.successfully'])
  })

  test('a part that was kept goes back when its request is cancelled', async () => {
    await settings({ on_underpayment: 'keep' })
    const created = await initiate()
    const [ref, attempt] = [requestRef(created), attemptRef(created)]
    await hear(server, attempt, { status: 'successful', amountMinor: 40_000n })
    await refundDueExcess(server.ctx)
    assert.deepEqual(await refundsOf(attempt), [])
    assert.equal((await business.api('PATCH', `/v1/payment-requests/${ref}/cancel`)).status, 200)
    await until('the refund', async () => (await refundsOf(attempt)).length === 1)
    assert.deepEqual(await refundsOf(attempt), [['excess', '40000']])
  })
})

import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { FurtherPayment } from '../../src/channels/channel.ts'
import { refreshByReference } from '../../src/domain/attempts/ask.ts'
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

describe('further payments on one page', () => {
  let server: TestServer
  let business: TestBusiness
  let receiver: Receiver
  before(async () => {
    server = await startTestServer({ backend: 'postgres' })
    business = await threeChannels(server)
    receiver = await startReceiver()
    await business.api('PUT', '/v1/business', { webhook_url: receiver.url, enabled_webhooks: 1 })
  })
  after(async () => {
    await receiver?.close()
    await server?.close()
  })

  const initiate = async (): Promise<Answer> => {
    const body = { customer_email: 'ada@example.com', amount: '2000', payment_channel: 'flutterwave' }
    const created = await business.api('POST', '/v1/payment-requests', body)
    assert.equal(created.status, 201, created.text)
    return created
  }
  const retrieve = async (ref: string): Promise<Body> =>
    (await business.api('GET', `/v1/payment-requests/retrieve-by-ref/${ref}`)).body.data.payment_request
  const eventsOf = (ref: string): string[] =>
    receiver.received.filter(({ body }) => body.data.ref === ref).map(({ body }) => body.event)
  const rowsOf = async (attempt: string) => {
    const { payment_request_id } = await attemptRow(server, attempt)
    return await server.ctx.db
      .selectFrom('transactions')
      .select(['status', 'channel_transaction_id', 'received_amount_minor', 'further_of', 'refund_due_at'])
      .where('payment_request_id', '=', payment_request_id)
      .orderBy('id')
      .execute()
  }
  const another = (id: string, amountMinor = 200_000n): FurtherPayment => ({
    channelTransactionId: id,
    amountMinor,
    currency: 'NGN',
    paymentMethod: 'Card',
    paidAt: null,
  })

  test('the first counts, each other one is recorded once as excess, told, and due to go back', async () => {
    const created = await initiate()
    const [ref, attempt] = [requestRef(created), attemptRef(created)]
    const word = { status: 'successful', channelTransactionId: 'T1' } as const
    await hear(server, attempt, { ...word, further: [another('T2'), another('T3', 150_000n)] })
    // Told again, in another order, led by another of them, and one more.
    await hear(server, attempt, { ...word, further: [another('T3', 150_000n), another('T2')] })
    await hear(server, attempt, { ...word, channelTransactionId: 'T2', further: [another('T1')] })
    await hear(server, attempt, { ...word, channelTransactionId: 'T4' })
    const rows = await rowsOf(attempt)
    assert.deepEqual(
      rows.map((row) => [row.status, row.channel_transaction_id, String(row.received_amount_minor)]),
      [
        ['successful', 'T1', '200000'],
        ['excess', 'T2', '200000'],
        ['excess', 'T3', '150000'],
        ['excess', 'T4', '200000'],
      ],
    )
    const paid = await retrieve(ref)
    assert.equal(paid.status, 'successful')
    assert.equal(paid.last_transaction.ref, attempt)
    const told = paid.timeline_records.map((line: Body) => line.summary)
    assert.equal(told.filter((line: string) => /received a further payment/.test(line)).length, 3)
    await until('the events', () => eventsOf(ref).length === 4)
    assert.deepEqual(eventsOf(ref), ['payment.completed.successfully', ...Array(3).fill('payment.excess')])
  })

  test('twenty at once with the same further payment: one row, one event', async () => {
    const created = await initiate()
    const [ref, attempt] = [requestRef(created), attemptRef(created)]
    const word = { status: 'successful', channelTransactionId: 'U1', further: [another('U2')] } as const
    await Promise.all(Array.from({ length: 20 }, () => hear(server, attempt, word)))
    assert.equal((await rowsOf(attempt)).length, 2)
    await until('the events', () => eventsOf(ref).length === 2)
  })

  test('what succeeded beside a payment that did not is the one that counts; on a page given up all of them are excess', async () => {
    const created = await initiate()
    const attempt = attemptRef(created)
    await hear(server, attempt, {
      status: 'failed',
      channelTransactionId: 'V0',
      further: [another('V1'), another('V2')],
    })
    assert.deepEqual(
      (await rowsOf(attempt)).map((row) => [row.status, row.channel_transaction_id]),
      [
        ['successful', 'V1'],
        ['excess', 'V2'],
      ],
    )
    const other = await initiate()
    const voided = attemptRef(other)
    const relayed = await business.api('POST', '/v1/payment-requests/relay', {
      payment_request_ref: requestRef(other),
      payment_channel: 'paystack',
    })
    assert.equal(relayed.status, 201)
    await hear(server, voided, { status: 'successful', channelTransactionId: 'W1', further: [another('W2')] })
    const given = (await rowsOf(voided)).filter((row) => row.channel_transaction_id !== null)
    assert.deepEqual(
      given.map((row) => row.status),
      ['excess', 'excess'],
    )
    assert.equal((await retrieve(requestRef(other))).last_transaction.payment_channel_slug, 'paystack')
  })

  test('a payment that was counted without an id of its own is not taken for a further one later', async () => {
    const created = await initiate()
    const attempt = attemptRef(created)
    await hear(server, attempt, { status: 'successful', channelTransactionId: null })
    await hear(server, attempt, { status: 'successful', channelTransactionId: 'X1' })
    const rows = await rowsOf(attempt)
    assert.deepEqual(
      rows.map((row) => [row.status, row.channel_transaction_id]),
      [['successful', 'X1']],
    )
  })

  test('a webhook that names a recorded payment of a settled attempt asks nobody; an unknown one does', async () => {
    const created = await initiate()
    const attempt = attemptRef(created)
    assert.equal((await payAtSandbox(server.url, attempt, 'success', 'flutterwave')).status, 200)
    await until('the payment', async () => (await retrieve(requestRef(created))).status === 'successful')
    const { channel_transaction_id: known, business_id: businessId } = await attemptRow(server, attempt)
    const owner = { businessId, envMode: 'test' } as const
    const away = { channel: 'flutterwave', operation: 'verify', kind: 'status', status: 500 }
    assert.equal((await server.call('POST', '/sandbox/control/faults', away)).status, 201)
    const ask = (channelTransactionId: string | null) =>
      refreshByReference(server.ctx, owner, 'flutterwave', {
        reference: attempt,
        channelReference: null,
        channelTransactionId,
      })
    assert.equal((await ask(known))?.status, 'successful')
    await assert.rejects(ask('999'), { name: 'ChannelError' })
    await assert.rejects(ask(null), { name: 'ChannelError' })
    await server.call('DELETE', '/sandbox/control/faults')
  })

  test('the small story: a Flutterwave link paid twice, both told by webhook; one counts, the other goes back by its own id', async () => {
    const created = await initiate()
    const [ref, attempt] = [requestRef(created), attemptRef(created)]
    for (const again of [false, true]) {
      const body = { channel: 'flutterwave', reference: attempt, outcome: 'success', again }
      assert.equal((await server.call('POST', '/sandbox/control/pay', body)).status, 200)
    }
    const ledger = async () =>
      ((await server.call('GET', '/sandbox/control/ledger')).body as Body[])
        .filter((row) => row.reference === attempt)
        .map(({ kind, status, amount_minor }) => `${kind} ${status} ${amount_minor}`)
    await until('the refund', async () => (await ledger()).length === 3)
    assert.equal((await retrieve(ref)).status, 'successful')
    assert.deepEqual(
      (await ledger()).filter((row) => row.startsWith('refund')).map((row) => row.split(' ')[2]),
      ['200000'],
    )
    const [counted, further, ...others] = await rowsOf(attempt)
    assert.deepEqual([counted?.status, further?.status, others.length], ['successful', 'excess', 0])
    assert.notEqual(further?.channel_transaction_id, counted?.channel_transaction_id)
    const refunds = await server.ctx.db
      .selectFrom('refunds as r')
      .innerJoin('transactions as t', 't.id', 'r.transaction_id')
      .select(['r.origin', 't.channel_transaction_id'])
      .where('r.payment_request_id', '=', (await attemptRow(server, attempt)).payment_request_id)
      .execute()
    assert.deepEqual(refunds, [{ origin: 'excess', channel_transaction_id: further?.channel_transaction_id }])
    await until('the events', () => eventsOf(ref).length === 2)
    assert.deepEqual(eventsOf(ref), ['payment.completed.successfully', 'payment.excess'])
  })
})

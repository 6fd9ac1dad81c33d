import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { expireDueRequests } from '../../src/domain/attempts/jobs.ts'
import { checkoutUrl } from '../../src/domain/payment-requests/link.ts'
import { dayMs, hourMs } from '../../src/platform/clock.ts'
import { expectFailure } from '../support/expect.ts'
import { stopOwnPostgres } from '../support/postgres.ts'
import { type Receiver, startReceiver } from '../support/receiver.ts'
import { saveCard } from '../support/saved.ts'
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
import { createPlan, periodsOf, subscribe } from '../support/subscriptions.ts'
import { until } from '../support/wait.ts'
import { attemptRow, hear } from '../support/word.ts'

after(stopOwnPostgres)

describe('money on its way', () => {
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

  const initiate = async (fields: Body = {}): Promise<Answer> => {
    const body = { customer_email: 'ada@example.com', amount: '5000', currency: 'NGN', ...fields }
    const created = await business.api('POST', '/v1/payment-requests', body)
    assert.equal(created.status, 201, created.text)
    return created
  }
  const retrieve = async (ref: string): Promise<Body> =>
    (await business.api('GET', `/v1/payment-requests/retrieve-by-ref/${ref}`)).body.data.payment_request
  const summaries = (request: Body): string[] => request.timeline_records.map((line: Body) => line.summary)
  const eventsOf = (ref: string): string[] =>
    receiver.received.filter(({ body }) => body.data.ref === ref).map(({ body }) => body.event)
  const relay = (ref: string, channel: string) =>
    business.api('POST', '/v1/payment-requests/relay', { payment_request_ref: ref, payment_channel: channel })
  const processing = async (fields?: Body): Promise<{ ref: string; attempt: string; uuid: string }> => {
    const created = await initiate(fields)
    const attempt = attemptRef(created)
    await hear(server, attempt, { status: 'processing' })
    return { ref: requestRef(created), attempt, uuid: created.body.data.payment_request.last_transaction.uuid }
  }

  test('is told once, keeps its request open past its 24 hours, and counts when it lands', async () => {
    const { ref, attempt } = await processing()
    for (let again = 0; again < 3; again += 1) await hear(server, attempt, { status: 'processing' })
    // Whatever else the channel says meanwhile: only an end is an end.
    await hear(server, attempt, { status: 'pending' })
    const now = await retrieve(ref)
    assert.equal(now.status, 'open')
    assert.equal(now.last_transaction.status, 'processing')
    assert.equal(now.last_transaction.payment_method, 'Bank Transfer')
    assert.equal(summaries(now).at(-1), 'Paystack is processing the payment')
    await until('the event', () => eventsOf(ref).length === 1)

    server.clock.advance(2 * dayMs)
    await expireDueRequests(server.ctx)
    assert.equal((await retrieve(ref)).status, 'open')
    assert.equal((await payAtSandbox(server.url, attempt)).status, 200)
    assert.equal((await business.api('PATCH', `/v1/payment-requests/${ref}/verify`)).status, 200)
    const paid = await retrieve(ref)
    assert.equal(paid.status, 'successful')
    assert.equal(paid.last_transaction.status, 'successful')
    await until('both events', () => eventsOf(ref).length === 2)
    assert.deepEqual(eventsOf(ref), ['payment.processing', 'payment.completed.successfully'])
  })

  test('409 relay and cancel are refused, change nothing, and are taken again once it has come to nothing', async () => {
    const { ref, attempt } = await processing()
    for (const answer of [
      await relay(ref, 'flutterwave'),
      await relay(ref, 'paystack'),
      await business.api('PATCH', `/v1/payment-requests/${ref}/cancel`),
    ]) {
      expectFailure(answer, { status: 409, code: '045' })
    }
    assert.equal((await attemptRow(server, attempt)).status, 'processing')
    assert.equal(summaries(await retrieve(ref)).length, 3)
    await hear(server, attempt, { status: 'failed', reason: 'The transfer was sent back' })
    const open = await retrieve(ref)
    assert.equal(open.status, 'open')
    assert.equal(summaries(open).at(-1), 'Paystack declined the payment: The transfer was sent back')
    assert.equal((await relay(ref, 'flutterwave')).status, 201)
    assert.equal((await business.api('PATCH', `/v1/payment-requests/${ref}/cancel`)).status, 200)
  })

  test('what comes to nothing after the time of its request ends it at once; a closed page does too', async () => {
    for (const word of ['failed', 'closed'] as const) {
      const { ref, attempt } = await processing()
      server.clock.advance(25 * hourMs)
      await expireDueRequests(server.ctx)
      expectFailure(await relay(ref, 'stripe'), { status: 409, code: '045' })
      await hear(server, attempt, { status: word, reason: 'sent back' })
      await expireDueRequests(server.ctx)
      assert.equal((await retrieve(ref)).status, 'expired')
      assert.equal((await attemptRow(server, attempt)).status, 'failed')
      await until('the events', () => eventsOf(ref).length === 2)
      assert.deepEqual(eventsOf(ref), ['payment.processing', 'payment.expired'])
    }
  })

  test('a page that its channel speaks of no more waits again when the time for it is over, and may end', async () => {
    const { ref, attempt } = await processing()
    server.clock.advance(6 * dayMs)
    await hear(server, attempt, { status: 'pending', channelStatus: 'abandoned' })
    assert.equal((await attemptRow(server, attempt)).status, 'processing')
    server.clock.advance(2 * dayMs)
    await hear(server, attempt, { status: 'pending', channelStatus: 'abandoned' })
    await expireDueRequests(server.ctx)
    assert.equal((await retrieve(ref)).status, 'expired')
    assert.equal((await attemptRow(server, attempt)).status, 'expired')
  })

  test('a longer time that the channel’s documents give is waited for', async () => {
    const created = await initiate()
    await hear(server, attemptRef(created), { status: 'processing', processingMaxMs: 14 * dayMs })
    const { processing_until, check_count } = await attemptRow(server, attemptRef(created))
    const days = (processing_until!.getTime() - server.ctx.clock.now().getTime()) / dayMs
    assert.ok(days > 13.9 && days <= 14, String(days))
    assert.equal(check_count, 0)
  })

  test('on a page that was given up it is told once, looked after, and given back when it is there', async () => {
    const created = await initiate()
    const [ref, attempt] = [requestRef(created), attemptRef(created)]
    assert.equal((await relay(ref, 'flutterwave')).status, 201)
    const lines = summaries(await retrieve(ref)).length
    for (let nth = 0; nth < 3; nth += 1) await hear(server, attempt, { status: 'processing' })
    const now = await retrieve(ref)
    assert.equal(now.status, 'open')
    assert.equal(now.last_transaction.payment_channel_slug, 'flutterwave')
    assert.equal(summaries(now).length, lines + 1)
    assert.match(summaries(now).at(-1)!, /^Paystack is processing a further payment of NGN 5000/)
    const row = await attemptRow(server, attempt)
    assert.equal(row.status, 'voided')
    assert.ok(row.processing_until! > server.ctx.clock.now())
    // Nothing of it stands in the way of the page that is open.
    assert.equal((await relay(ref, 'stripe')).status, 201)
    assert.equal((await payAtSandbox(server.url, attempt)).status, 200)
    await until('the refund', async () => {
      const refund = await server.ctx.db
        .selectFrom('refunds')
        .selectAll()
        .where('transaction_id', '=', row.id)
        .execute()
      return refund[0]?.origin === 'excess'
    })
    assert.equal((await retrieve(ref)).status, 'open')
  })

  test('after a refusal on the same page it counts, and the page elsewhere that is paid first makes it excess', async () => {
    const created = await initiate()
    const [ref, attempt] = [requestRef(created), attemptRef(created)]
    await hear(server, attempt, { status: 'failed', reason: 'no' })
    const relayed = await relay(ref, 'flutterwave')
    assert.equal(relayed.status, 201)
    await hear(server, attempt, { status: 'processing' })
    assert.equal((await retrieve(ref)).last_transaction.ref, attempt, 'what is on its way is the one that is shown')
    assert.equal((await payAtSandbox(server.url, attemptRef(relayed), 'success', 'flutterwave')).status, 200)
    await until('the success', async () => (await retrieve(ref)).status === 'successful')
    assert.equal((await attemptRow(server, attempt)).status, 'processing')
    assert.equal((await payAtSandbox(server.url, attempt)).status, 200)
    await until('the excess', async () => (await attemptRow(server, attempt)).status === 'excess')
    await until('the events', () => eventsOf(ref).length === 3)
    assert.deepEqual(eventsOf(ref), ['payment.processing', 'payment.completed.successfully', 'payment.excess'])
  })

  test('the checkout, its message pages and the return say that the payment is on its way, and offer nothing else', async () => {
    const { ref, uuid, attempt } = await processing({ success_redirect_url: 'https://shop.example/thanks' })
    const { payment_request_id } = await attemptRow(server, attempt)
    const checkout = new URL(checkoutUrl(server.ctx, payment_request_id)).pathname
    assert.match((await server.call('GET', `/pay/${ref}`)).text, /Your payment is on its way/)
    const state = await server.call('GET', `${checkout}/state`)
    assert.equal(state.body.attempt.status, 'processing')
    assert.equal(state.body.attempt.action, null)
    for (const path of [checkout, `${checkout}/returned`, `/return/${uuid}`, `/return/${uuid}?cancelled=1`]) {
      const page = await server.call('GET', path)
      assert.equal(page.status, 200, path)
      assert.match(page.text, /Your payment is on its way/, path)
    }
    const page = await server.call('GET', checkout)
    assert.match(page.text, /<form id="channels"[^>]* hidden>/)
    assert.match((await server.call('GET', `/return/${uuid}`)).text, /href="https:\/\/shop\.example\/thanks\?/)
    const relayed = await server.call('POST', `${checkout}/relay`, { payment_channel: 'stripe' })
    expectFailure(relayed, { status: 409, code: '045' })
    expectFailure(await server.call('POST', `${checkout}/cancel`), { status: 409, code: '045' })
  })

  test('a charge of a saved method that is on its way is asked about, never sent again, and ends its request when refused', async () => {
    const saved = await saveCard(server, business, 'paystack')
    const fault = { channel: 'paystack', operation: 'charge', kind: 'drop_before', times: 1 }
    assert.equal((await server.call('POST', '/sandbox/control/faults', fault)).status, 201)
    const answer = await business.api('POST', '/v1/payment-requests/charge-payment-method', {
      customer_uuid: saved.customer,
      payment_method_uuid: saved.method,
      amount: '5000',
    })
    assert.equal(answer.status, 202, answer.text)
    const { ref, last_transaction } = answer.body.data.payment_request
    await hear(server, last_transaction.ref, { status: 'processing' })
    assert.equal((await retrieve(ref)).last_transaction.status, 'processing')
    expectFailure(await relay(ref, 'stripe'), { status: 409, code: '045' })
    await hear(server, last_transaction.ref, { status: 'failed', reason: 'Insufficient funds' })
    assert.equal((await retrieve(ref)).status, 'failed')
    await until('the events', () => eventsOf(ref).length === 2)
    assert.deepEqual(eventsOf(ref), ['payment.processing', 'payment.failed'])
  })

  test('a renewal whose charge is on its way waits: nothing is charged again, and it is paid when it lands', async () => {
    const plan = await createPlan(business, { interval: 'daily' })
    const { subscription } = await subscribe(server, business, plan, { card: 'pays' })
    const fault = { channel: 'paystack', operation: 'charge', kind: 'drop_before', times: 1 }
    assert.equal((await server.call('POST', '/sandbox/control/faults', fault)).status, 201)
    server.clock.advance(dayMs + hourMs)
    const second = await until('the period', async () => (await periodsOf(server, subscription.uuid))[1])
    const attempt = await until(
      'its charge',
      async () => (await retrieve(second.request)).last_transaction ?? undefined,
    )
    await hear(server, attempt.ref, { status: 'processing' })
    for (let day = 0; day < 9; day += 1) {
      server.clock.advance(dayMs)
      await expireDueRequests(server.ctx)
    }
    const { rows } = await server.ctx.database.pool.query(
      'select t.status from transactions t join payment_requests r on r.id = t.payment_request_id where r.ref = $1',
      [second.request],
    )
    assert.deepEqual(
      rows.map((row) => row.status),
      ['processing'],
    )
    await hear(server, attempt.ref, { status: 'successful', paymentMethod: 'Card' })
    await until('the period paid', async () => (await periodsOf(server, subscription.uuid))[1]?.status === 'paid')
  })
})

import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import { dayMs, minuteMs } from '../../src/platform/clock.ts'
import { expectFailure } from '../support/expect.ts'
import { stopOwnPostgres } from '../support/postgres.ts'
import { type Receiver, startReceiver } from '../support/receiver.ts'
import { cards, methodsOf, type SavedCard, type Slug, saveCard, slugs } from '../support/saved.ts'
import {
  type Answer,
  type Body,
  payAtSandbox,
  startTestServer,
  type TestBusiness,
  type TestServer,
  threeChannels,
} from '../support/server.ts'
import { until } from '../support/wait.ts'

after(stopOwnPostgres)

describe('charging a saved method', () => {
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
  afterEach(() => server.call('DELETE', '/sandbox/control/faults'))

  const charge = (saved: SavedCard, body: Body = {}, headers?: Record<string, string>) =>
    business.api(
      'POST',
      '/v1/payment-requests/charge-payment-method',
      { customer_uuid: saved.customer, payment_method_uuid: saved.method, amount: '5000', currency: 'NGN', ...body },
      headers,
    )
  const retrieve = async (ref: string): Promise<Body> =>
    (await business.api('GET', `/v1/payment-requests/retrieve-by-ref/${ref}`)).body.data.payment_request
  const fault = (body: Body) => server.call('POST', '/sandbox/control/faults', { operation: 'charge', ...body })
  /** Money that a channel moved under the references of a request's attempts. */
  const moved = async (ref: string): Promise<Body[]> => {
    const attempts = await server.ctx.db
      .selectFrom('transactions as t')
      .innerJoin('payment_requests as r', 'r.id', 't.payment_request_id')
      .select('t.ref')
      .where('r.ref', '=', ref)
      .execute()
    const ledger = (await server.call('GET', '/sandbox/control/ledger')).body as Body[]
    return ledger.filter(
      (row) =>
        row.kind === 'charge' &&
        ['success', 'reversed'].includes(row.status) &&
        attempts.some((attempt) => attempt.ref === row.reference),
    )
  }
  const eventsOf = (ref: string): string[] =>
    receiver.received.filter(({ body }) => body.data.ref === ref).map(({ body }) => body.event)
  const refIn = (answer: Answer): string =>
    answer.body.data?.payment_request.ref ?? answer.body.error_data.payment_request_ref
  const settled = (ref: string, status: string) =>
    until(`${ref} to be ${status}`, async () => {
      const request = await retrieve(ref)
      return request.status === status && request
    })
  const summaries = (request: Body): string[] => request.timeline_records.map((line: Body) => line.summary)

  for (const channel of slugs) {
    test(`201 ${channel}: charged once, the money is in, one event`, async () => {
      const saved = await saveCard(server, business, channel)
      const answer = await charge(saved, { reference: `order-${channel}`, description: 'Socks', meta_data: { a: 1 } })
      assert.equal(answer.status, 201, answer.text)
      assert.equal(answer.body.message, 'Payment method charged successfully')
      const request = answer.body.data.payment_request
      assert.deepEqual(
        [request.status, request.intent, request.description, request.meta_data, request.payment_method],
        ['successful', 'charge_payment_method', 'Socks', { a: 1 }, 'Card'],
      )
      assert.deepEqual([request.last_transaction.mode, request.last_transaction.status], ['saved', 'successful'])
      assert.equal((await moved(request.ref)).length, 1)
      await until('the event', () => eventsOf(request.ref).length === 1)
      assert.deepEqual(eventsOf(request.ref), ['payment.completed.successfully'])
    })

    test(`402 ${channel}: a decline says why, ends its request and tells so; the method may be tried again`, async () => {
      const saved = await saveCard(server, business, channel, cards[channel].declines)
      const answer = await charge(saved)
      expectFailure(answer, { status: 402, code: '041' })
      assert.ok(answer.body.error_data.reason.length > 3, answer.text)
      const request = await retrieve(refIn(answer))
      assert.deepEqual([request.status, request.last_transaction.status], ['failed', 'failed'])
      assert.deepEqual(await moved(request.ref), [])
      await until('the event', () => eventsOf(request.ref).length === 1)
      assert.deepEqual(eventsOf(request.ref), ['payment.failed'])
      assert.equal((await methodsOf(business, saved.customer))[0].status, 'active')
    })

    test(`402 ${channel}: a hard decline makes the method unusable, and no channel is called again`, async () => {
      const saved = await saveCard(server, business, channel, cards[channel].expires)
      expectFailure(await charge(saved), { status: 402, code: '041' })
      assert.equal((await methodsOf(business, saved.customer))[0].status, 'unusable')
      expectFailure(await charge(saved), { status: 400, code: '043', fields: ['payment_method_uuid'] })
    })

    test(`402 ${channel}: a payer who is wanted back gets a page, and paying it pays the request`, async () => {
      const saved = await saveCard(server, business, channel, cards[channel].wantsPayer)
      const answer = await charge(saved)
      expectFailure(answer, { status: 402, code: '042' })
      const { action } = answer.body.error_data
      assert.match(action, /^http:\/\/localhost:\d+\/sandbox\//)
      const request = await retrieve(refIn(answer))
      assert.deepEqual([request.status, request.last_transaction.status], ['open', 'pending'])
      assert.deepEqual(await moved(request.ref), [])
      const paid = await payAtSandbox(
        server.url,
        request.last_transaction.ref,
        'success',
        channel,
        cards[channel].wantsPayer,
      )
      assert.equal(paid.status, 200, paid.text)
      await business.api('PATCH', `/v1/payment-requests/${request.ref}/verify`)
      assert.equal((await retrieve(request.ref)).status, 'successful')
      assert.equal((await moved(request.ref)).length, 1)
    })

    test(`402 ${channel}: an amount that wants the payer back does so whatever the card`, async () => {
      const saved = await saveCard(server, business, channel)
      expectFailure(await charge(saved, { amount: '5040.03' }), { status: 402, code: '042' })
    })

    for (const kind of ['drop_before', 'drop_after'] as const) {
      test(`202 ${channel} ${kind}: unknown, never sent again, and the provider's word decides`, async () => {
        const saved = await saveCard(server, business, channel)
        await fault({ channel, kind, times: 1 })
        // Nobody tells us: only asking can.
        await fault({ channel, kind: 'webhook_lost' })
        const answer = await charge(saved)
        assert.equal(answer.status, 202, answer.text)
        assert.deepEqual([answer.body.status, answer.body.message], ['success', 'Payment is being confirmed'])
        const ref = refIn(answer)
        assert.deepEqual(
          [answer.body.data.payment_request.status, answer.body.data.payment_request.last_transaction.status],
          ['open', 'unknown'],
        )
        assert.equal((await moved(ref)).length, kind === 'drop_after' ? 1 : 0)
        if (kind === 'drop_before') {
          server.clock.advance(5 * minuteMs)
          await business.api('PATCH', `/v1/payment-requests/${ref}/verify`)
          assert.equal((await retrieve(ref)).last_transaction.status, 'unknown')
        }
        server.clock.advance(11 * minuteMs)
        const request = await settled(ref, kind === 'drop_after' ? 'successful' : 'failed')
        assert.equal((await moved(ref)).length, kind === 'drop_after' ? 1 : 0)
        if (kind === 'drop_before') assert.match(summaries(request).at(-1) ?? '', /never received/)
        await until('the event', () => eventsOf(ref).length === 1)
        assert.deepEqual(eventsOf(ref), [kind === 'drop_after' ? 'payment.completed.successfully' : 'payment.failed'])
      })
    }

    test(`202 ${channel}: money that is undecided counts when the provider says so`, async () => {
      const saved = await saveCard(server, business, channel)
      const answer = await charge(saved, { amount: '5040.08' })
      assert.equal(answer.status, 202, answer.text)
      await until('the provider to decide', async () => (await moved(refIn(answer))).length === 1)
      server.clock.advance(minuteMs)
      await settled(refIn(answer), 'successful')
    })

    for (const [amount, what, event] of [
      ['5099.01', 'less', 'payment.underpaid'],
      ['5099.03', 'another currency', 'payment.excess'],
    ] as const) {
      test(`402 ${channel}: ${what} than asked is no success; it goes back, and the request has failed`, async () => {
        const saved = await saveCard(server, business, channel)
        const answer = await charge(saved, { amount })
        expectFailure(answer, { status: 402, code: '041' })
        const request = await retrieve(refIn(answer))
        assert.deepEqual([request.status, request.last_transaction.status], ['failed', 'excess'])
        await until('the refund', async () => /refund/i.test(summaries(await retrieve(request.ref)).join()))
        await until('the events', () => eventsOf(request.ref).length === 2)
        assert.deepEqual(eventsOf(request.ref), [event, 'payment.failed'])
      })
    }

    test(`201 ${channel}: more than asked is paid, and what is over is told`, async () => {
      const saved = await saveCard(server, business, channel)
      const answer = await charge(saved, { amount: '5099.02' })
      assert.equal(answer.status, 201, answer.text)
      const request = await retrieve(refIn(answer))
      assert.deepEqual([request.status, request.last_transaction.status], ['successful', 'successful'])
      assert.ok(Number(request.last_transaction.received_amount) > 5099.02)
      await until('the events', () => eventsOf(request.ref).length === 2)
      assert.deepEqual(eventsOf(request.ref).sort(), ['payment.completed.successfully', 'payment.overpaid'])
    })

    test(`202 ${channel}: an answer for another reference changes nobody's state`, async () => {
      const saved = await saveCard(server, business, channel)
      const answer = await charge(saved, { amount: '5099.04' })
      assert.equal(answer.status, 202, answer.text)
      assert.equal((await retrieve(refIn(answer))).last_transaction.status, 'unknown')
    })
  }

  const twins = async (channel: Slug, spoil: Body | null) => {
    const saved = await saveCard(server, business, channel)
    if (spoil) await fault({ channel, ...spoil })
    const key = { 'idempotency-key': `twins-${channel}-${JSON.stringify(spoil)}` }
    const answers = await Promise.all(Array.from({ length: 50 }, () => charge(saved, {}, key)))
    const last = await until('the first answer', async () => {
      const answer = await charge(saved, {}, key)
      return answer.status !== 409 && answer
    })
    for (const answer of answers) assert.ok([last.status, 409].includes(answer.status), answer.text)
    assert.ok(answers.filter(({ status }) => status === last.status).every(({ text }) => text === last.text))
    const requests = await server.ctx.db
      .selectFrom('payment_requests')
      .select('ref')
      .where('customer_id', '=', saved.customer)
      .where('intent', '=', 'charge_payment_method')
      .execute()
    assert.equal(requests.length, 1)
    return { last, money: await moved(String(requests[0]?.ref)) }
  }

  for (const channel of slugs) {
    test(`50 parallel charges of one Idempotency-Key are one charge at ${channel}`, async () => {
      const { last, money } = await twins(channel, null)
      assert.equal(last.status, 201, last.text)
      assert.equal(money.length, 1)
    })
  }

  test('50 parallel charges whose answer was lost are one charge, and each is told that it is being confirmed', async () => {
    const { last, money } = await twins('paystack', { kind: 'drop_after' })
    assert.equal(last.status, 202, last.text)
    assert.equal(money.length, 1)
  })

  test('while a charge is unknown, relay and cancel are refused and the expiry waits; nothing else is charged', async () => {
    const saved = await saveCard(server, business, 'paystack')
    await fault({ channel: 'paystack', kind: 'drop_after', times: 1 })
    await fault({ channel: 'paystack', operation: 'verify', kind: 'drop_before' })
    await fault({ channel: 'paystack', kind: 'webhook_lost' })
    const ref = refIn(await charge(saved))
    const relay = { payment_request_ref: ref, payment_channel: 'stripe' }
    expectFailure(await business.api('POST', '/v1/payment-requests/relay', relay), { status: 409, code: '046' })
    expectFailure(await business.api('PATCH', `/v1/payment-requests/${ref}/cancel`), { status: 409, code: '046' })
    server.clock.advance(3 * dayMs)
    await until('the expiry to have looked', async () => {
      const row = await server.ctx.db
        .selectFrom('payment_requests')
        .select('expiry_check_at')
        .where('ref', '=', ref)
        .executeTakeFirstOrThrow()
      return (row.expiry_check_at ?? new Date(0)).getTime() > server.clock.now().getTime()
    })
    assert.equal((await retrieve(ref)).status, 'open')
    await server.call('DELETE', '/sandbox/control/faults')
    // The breaker that opened meanwhile lets a call through after ten seconds.
    await until('the channel to answer', async () => {
      const verified = await business.api('PATCH', `/v1/payment-requests/${ref}/verify`)
      return verified.body.data?.payment_request.status === 'successful'
    })
    assert.equal((await moved(ref)).length, 1)
  })

  test('money that comes after a decline word is excess and goes back; the request stays failed', async () => {
    const saved = await saveCard(server, business, 'paystack')
    await fault({ channel: 'paystack', kind: 'webhook_lost' })
    // The provider is slow: it knows nothing for longer than we believe it, and then has the money.
    await fault({ channel: 'paystack', kind: 'drop_after', times: 1 })
    const ref = refIn(await charge(saved))
    const attempt = await server.ctx.db
      .selectFrom('transactions as t')
      .innerJoin('payment_requests as r', 'r.id', 't.payment_request_id')
      .select(['t.id', 'r.id as request'])
      .where('r.ref', '=', ref)
      .executeTakeFirstOrThrow()
    // As a decline word leaves them.
    await server.ctx.db
      .updateTable('transactions')
      .set({ status: 'failed', reason: 'declined' })
      .where('id', '=', attempt.id)
      .execute()
    await server.ctx.db
      .updateTable('payment_requests')
      .set({ status: 'failed' })
      .where('id', '=', attempt.request)
      .execute()
    await business.api('PATCH', `/v1/payment-requests/${ref}/verify`)
    const request = await retrieve(ref)
    assert.deepEqual([request.status, request.last_transaction.status], ['failed', 'excess'])
    await until('the refund', async () => /refund/i.test(summaries(await retrieve(ref)).join()))
  })

  test('503 while the channel is away nothing is charged; the same request later goes on', async () => {
    const saved = await saveCard(server, business, 'flutterwave')
    await fault({ channel: 'flutterwave', kind: 'status', status: 429, times: 1 })
    const key = { 'idempotency-key': 'away' }
    const away = await charge(saved, {}, key)
    expectFailure(away, { status: 503, code: '035' })
    assert.ok(away.headers.get('retry-after'))
    assert.equal((await retrieve(refIn(away))).status, 'open')
    const again = await charge(saved, {}, key)
    assert.equal(again.status, 201, again.text)
    assert.equal(refIn(again), refIn(away))
    assert.equal((await moved(refIn(away))).length, 1)
  })

  test('404 names the field: no such customer, no such method, a method of another customer, business or mode', async () => {
    const saved = await saveCard(server, business, 'paystack')
    const other = await saveCard(server, business, 'paystack')
    const nobody = '00000000-0000-7000-8000-000000000000'
    const none = { status: 404, code: '007' }
    expectFailure(await charge({ ...saved, customer: nobody }), { ...none, fields: ['customer_uuid'] })
    const byEmail = { customer_uuid: null, customer_email: 'nobody@example.com' }
    expectFailure(await charge(saved, byEmail), { ...none, fields: ['customer_email'] })
    expectFailure(await charge({ ...saved, method: nobody }), { ...none, fields: ['payment_method_uuid'] })
    expectFailure(await charge({ ...saved, method: other.method }), { ...none, fields: ['payment_method_uuid'] })
    const stranger = await threeChannels(server, 'Stranger')
    const mine = await stranger.api('POST', '/v1/customers', { email: 'm@example.com', name: 'M' })
    const body = { payment_method_uuid: saved.method, amount: 5000, currency: 'NGN' }
    const path = '/v1/payment-requests/charge-payment-method'
    const theirs = await stranger.api('POST', path, { ...body, customer_uuid: mine.body.data.uuid })
    expectFailure(theirs, { ...none, fields: ['payment_method_uuid'] })
    const wrongMode = await business.live('POST', path, { ...body, customer_uuid: saved.customer })
    expectFailure(wrongMode, { ...none, fields: ['customer_uuid'] })
  })

  test('400 an expired card is refused before any channel is called', async () => {
    const saved = await saveCard(server, business, 'paystack')
    await server.ctx.db
      .updateTable('payment_methods')
      .set({ exp_year: 2020, exp_month: 2 })
      .where('id', '=', saved.method)
      .execute()
    // The sum that saved it may go back meanwhile.
    const charged = async () =>
      (await server.call('GET', '/sandbox/control/ledger')).body.filter((row: Body) => row.kind === 'charge').length
    const before = await charged()
    const answer = await charge(saved)
    expectFailure(answer, { status: 400, code: '043', fields: ['payment_method_uuid'] })
    assert.match(answer.body.message, /expired/)
    assert.equal((await methodsOf(business, saved.customer))[0].status, 'expired')
    assert.equal(await charged(), before)
  })

  test('409 a reference that was used charges nothing', async () => {
    const saved = await saveCard(server, business, 'paystack')
    const first = await charge(saved, { reference: 'once' })
    assert.equal(first.status, 201)
    const { customer, method } = saved
    expectFailure(await charge({ ...saved, customer, method }, { reference: 'once' }), { status: 409, code: '010' })
    assert.equal((await moved(refIn(first))).length, 1)
  })

  test('a method that is deleted while it is charged: whoever is first at the channel wins, the books agree, the next is refused', async () => {
    const saved = await saveCard(server, business, 'stripe')
    await fault({ channel: 'stripe', kind: 'latency', ms: 700, times: 1 })
    const charging = charge(saved)
    await until('the intent', async () => (await countUnknown(saved.customer)) > 0)
    const deleted = await business.api('DELETE', `/v1/customers/${saved.customer}/payment-methods/${saved.method}`)
    assert.equal(deleted.status, 200, deleted.text)
    const answer = await charging
    assert.ok([201, 402].includes(answer.status), answer.text)
    const paid = answer.status === 201
    assert.equal((await retrieve(refIn(answer))).status, paid ? 'successful' : 'failed')
    assert.equal((await moved(refIn(answer))).length, paid ? 1 : 0)
    expectFailure(await charge(saved), { status: 404, code: '007', fields: ['payment_method_uuid'] })
  })

  const countUnknown = async (customer: string) => {
    const row = await server.ctx.db
      .selectFrom('transactions as t')
      .innerJoin('payment_requests as r', 'r.id', 't.payment_request_id')
      .select((of) => of.fn.countAll<bigint>().as('rows'))
      .where('r.customer_id', '=', customer)
      .where('t.status', '=', 'unknown')
      .executeTakeFirstOrThrow()
    return Number(row.rows)
  }

  test('a charge whose method was deleted is still asked about, at the channel that needs the owner of its token too', async () => {
    const saved = await saveCard(server, business, 'stripe')
    await fault({ channel: 'stripe', kind: 'drop_after', times: 1 })
    await fault({ channel: 'stripe', kind: 'webhook_lost' })
    const ref = refIn(await charge(saved))
    await business.api('DELETE', `/v1/customers/${saved.customer}/payment-methods/${saved.method}`)
    server.clock.advance(minuteMs)
    await settled(ref, 'successful')
  })

  test('two charges of one request at once: one is sent', async () => {
    const saved = await saveCard(server, business, 'paystack')
    await fault({ channel: 'paystack', kind: 'latency', ms: 400 })
    const opened = await business.api('POST', '/v1/payment-requests', {
      customer_uuid: saved.customer,
      amount: 5000,
      currency: 'NGN',
    })
    const ref = refIn(opened)
    const { id } = await server.ctx.db
      .selectFrom('payment_requests')
      .select('id')
      .where('ref', '=', ref)
      .executeTakeFirstOrThrow()
    const { chargeRequest } = await import('../../src/domain/attempts/service.ts')
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, () => chargeRequest(server.ctx, id, saved.method, { keepOpen: true })),
    )
    assert.equal(outcomes.filter(({ kind }) => kind === 'successful').length, 1)
    assert.equal(outcomes.filter(({ kind }) => kind === 'not_chargeable').length, 19)
    assert.equal((await moved(ref)).length, 1)
    // The page that was open for it is void.
    assert.ok(summaries(await retrieve(ref)).includes('Asyncpay voided payment request with Paystack'))
  })

  test('a decline that keeps the request open leaves it to another try, or another way to pay', async () => {
    const saved = await saveCard(server, business, 'paystack', cards.paystack.declines)
    const good = await saveCard(server, business, 'flutterwave', cards.flutterwave.pays, 'keep@example.com')
    const opened = await business.api('POST', '/v1/payment-requests', {
      customer_uuid: saved.customer,
      amount: 5000,
      currency: 'NGN',
    })
    const ref = refIn(opened)
    const { id } = await server.ctx.db
      .selectFrom('payment_requests')
      .select('id')
      .where('ref', '=', ref)
      .executeTakeFirstOrThrow()
    const { chargeRequest } = await import('../../src/domain/attempts/service.ts')
    for (let tries = 0; tries < 2; tries += 1) {
      const outcome = await chargeRequest(server.ctx, id, saved.method, { keepOpen: true })
      assert.equal(outcome.kind, 'declined')
      assert.equal((await retrieve(ref)).status, 'open')
    }
    const foreign = await chargeRequest(server.ctx, id, good.method, { keepOpen: true })
    assert.equal(foreign.kind, 'not_chargeable')
    const relay = { payment_request_ref: ref, payment_channel: 'flutterwave' }
    const relayed = await business.api('POST', '/v1/payment-requests/relay', relay)
    assert.equal(relayed.status, 201, relayed.text)
    await payAtSandbox(server.url, relayed.body.data.payment_request.last_transaction.ref, 'success', 'flutterwave')
    await settled(ref, 'successful')
    assert.equal((await moved(ref)).length, 1)
  })
})

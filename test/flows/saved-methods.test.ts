import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import { methodTypes } from '../../src/channels/channel.ts'
import { statusOf } from '../../src/domain/payment-methods/schema.ts'
import { keep } from '../../src/domain/payment-methods/service.ts'
import { minuteMs, secondMs } from '../../src/platform/clock.ts'
import { inTransaction } from '../../src/platform/db.ts'
import { expectFailure } from '../support/expect.ts'
import { stopOwnPostgres } from '../support/postgres.ts'
import { type Receiver, startReceiver } from '../support/receiver.ts'
import { cards, methodsOf, type Slug, saveCard, slugs } from '../support/saved.ts'
import {
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

after(stopOwnPostgres)

describe('saved methods', () => {
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
  afterEach(async () => {
    await server.call('DELETE', '/sandbox/control/faults')
    await business.api('PUT', '/v1/business', { refund_save_charges: 1 })
  })

  const save = (body: Body, api = business.api) => api('POST', '/v1/payment-requests/save-payment-method', body)
  const retrieve = async (ref: string): Promise<Body> =>
    (await business.api('GET', `/v1/payment-requests/retrieve-by-ref/${ref}`)).body.data.payment_request
  const summaries = (request: Body): string[] => request.timeline_records.map((line: Body) => line.summary)
  const ledgerOf = async (reference: string): Promise<Body[]> =>
    ((await server.call('GET', '/sandbox/control/ledger')).body as Body[]).filter((row) => row.reference === reference)
  /** Pays a page and asks until it counts. */
  const pay = async (opened: Body, channel: Slug, card: string) => {
    const ref = requestRef(opened)
    assert.equal((await payAtSandbox(server.url, attemptRef(opened), 'success', channel, card)).status, 200)
    await until('the payment', async () => {
      const verified = await business.api('PATCH', `/v1/payment-requests/${ref}/verify`)
      assert.ok(verified.status < 500, verified.text)
      return verified.body.data?.payment_request.status === 'successful'
    })
  }
  const methodPath = (customer: string, method: string) => `/v1/customers/${customer}/payment-methods/${method}`

  for (const channel of slugs) {
    test(`${channel}: the least sum leaves a method, told once with all that the API shows, and goes back by itself`, async () => {
      const { customer, method, opened } = await saveCard(server, business, channel)
      const [shown, ...others] = await methodsOf(business, customer)
      assert.deepEqual(others, [])
      assert.deepEqual(Object.keys(shown), [
        ...['uuid', 'env_mode', 'payment_channel_slug', 'type', 'brand', 'bank', 'last4', 'exp_month', 'exp_year'],
        ...['reusable', 'is_default', 'status', 'created_at', 'updated_at', 'deleted_at', 'payment_channel'],
      ])
      assert.deepEqual(
        [shown.uuid, shown.payment_channel_slug, shown.type, shown.reusable, shown.is_default, shown.status],
        [method, channel, 'card', 1, 1, 'active'],
      )
      assert.equal(shown.last4, cards[channel].pays.slice(-4))
      assert.equal(shown.payment_channel.slug, channel)
      const event = await until('the event', () =>
        receiver.received.find(({ body }) => body.event === 'payment_method.saved' && body.data.uuid === method),
      )
      const { reference, ...data } = event.body.data
      assert.deepEqual([reference, data], [null, shown])
      assert.equal(Object.keys(event.body.data)[0], 'reference')
      const refunded = await until('the refund', async () => {
        // The sandbox takes a second; we ask about it half a minute later.
        server.clock.advance(5 * secondMs)
        const request = await retrieve(opened.ref)
        return request.timeline_records.some((line: Body) => line.status === 'refunded') && request
      })
      assert.equal(refunded.status, 'successful')
      assert.ok(summaries(refunded).includes('Asyncpay saved the payment method'))
      const rows = await server.ctx.db
        .selectFrom('refunds')
        .select(['origin', 'status', 'amount_minor'])
        .where('payment_request_id', '=', opened.uuid.replace('eric-', ''))
        .execute()
      assert.equal(rows.length, 1)
      assert.deepEqual([rows[0]?.origin, rows[0]?.status], ['saved_method', 'successful'])
      const [charge] = await ledgerOf(opened.last_transaction.ref)
      assert.equal(BigInt(charge.amount_minor), rows[0]?.amount_minor)
    })
  }

  test('a trial takes the least sum, keeps the method, and gives the sum back; a plan that is paid for is not given back', async () => {
    const plan = await business.api('POST', '/v1/subscription-plans', {
      name: 'Tried',
      interval: 'monthly',
      amount: 5000,
    })
    assert.equal(plan.status, 201, plan.text)
    const subscribe = (email: string, body: Body) =>
      business.api('POST', '/v1/payment-requests/subscribe-to-plan', {
        ...{ customer_email: email, subscription_plan_uuid: plan.body.data.uuid, payment_channel: 'paystack' },
        ...body,
      })
    const dueOf = async (opened: Body) => {
      const [row] = await server.ctx.db
        .selectFrom('transactions as t')
        .leftJoin('refunds as r', 'r.transaction_id', 't.id')
        .select(['t.refund_due_at as due', 'r.origin'])
        .where('t.ref', '=', attemptRef(opened))
        .execute()
      return row?.origin ?? row?.due ?? null
    }
    const trial = await subscribe('trial@example.com', { is_trial: true })
    assert.equal(trial.status, 201, trial.text)
    assert.equal(trial.body.data.payment_request.amount, '50')
    await pay(trial, 'paystack', cards.paystack.pays)
    assert.equal((await methodsOf(business, trial.body.data.payment_request.customer.uuid)).length, 1)
    await until('the refund', async () => (await dueOf(trial)) === 'saved_method')
    const paid = await subscribe('paid@example.com', {})
    await pay(paid, 'paystack', cards.paystack.pays)
    assert.equal((await methodsOf(business, paid.body.data.payment_request.customer.uuid)).length, 1)
    assert.equal(await dueOf(paid), null)
  })

  test('a business that keeps saving sums gets no refund; its own endpoint alone shows the setting', async () => {
    const told = await business.api('PUT', '/v1/business', { refund_save_charges: 0 })
    assert.equal(told.body.data.refund_save_charges, 0)
    const { opened } = await saveCard(server, business, 'paystack')
    const { due } = await server.ctx.db
      .selectFrom('transactions')
      .select('refund_due_at as due')
      .where('ref', '=', opened.last_transaction.ref)
      .executeTakeFirstOrThrow()
    assert.equal(due, null)
    assert.ok(!('refund_save_charges' in opened.business))
  })

  test('the sum is the least that the named channel, else the first in order, needs', async () => {
    const asked = async (body: Body) => {
      const opened = await save({ customer_email: 'sums@example.com', ...body })
      assert.equal(opened.status, 201, opened.text)
      const { amount, currency, description, intent } = opened.body.data.payment_request
      assert.deepEqual([description, intent], ['Save new payment method', 'save_payment_method'])
      return `${currency} ${amount}`
    }
    assert.equal(await asked({ payment_channel: 'paystack' }), 'NGN 50')
    assert.equal(await asked({ payment_channel: 'flutterwave' }), 'NGN 100')
    assert.equal(await asked({ payment_channel: 'stripe' }), 'NGN 1500')
    assert.equal(await asked({}), 'NGN 50')
    assert.equal(await asked({ currency: 'USD' }), 'USD 2')
    assert.equal(await asked({ currency: 'JPY' }), 'JPY 50')
  })

  test('4xx what cannot save is refused before any channel is called', async () => {
    const body = { customer_email: 'refused@example.com' }
    expectFailure(await save({ ...body, payment_channel: 'paypal' }), { status: 400, code: '031' })
    const yen = { ...body, payment_channel: 'paystack', currency: 'JPY' }
    expectFailure(await save(yen), { status: 400, code: '032' })
    expectFailure(await save({ ...body, currency: 'PGK' }), { status: 400, code: '030' })
    expectFailure(await save(body, business.live), { status: 400, code: '030' })
    expectFailure(await save({}), { status: 422, code: '005', fields: ['customer_uuid'] })
    const nobody = { customer_uuid: '00000000-0000-7000-8000-000000000000' }
    expectFailure(await save(nobody), { status: 404, code: '007', fields: ['customer_uuid'] })
  })

  test('an ordinary payment leaves its method only when asked to, and only one that can be charged again', async () => {
    const initiate = (body: Body) =>
      business.api('POST', '/v1/payment-requests', { customer_email: 'buyer@example.com', amount: 5000, ...body })
    const plain = await initiate({})
    const customer = plain.body.data.payment_request.customer.uuid
    await pay(plain, 'paystack', cards.paystack.pays)
    assert.deepEqual(await methodsOf(business, customer), [])
    await pay(await initiate({ save_payment_method: true }), 'paystack', '507850785078507812')
    assert.deepEqual(await methodsOf(business, customer), [])
    const kept = await initiate({ save_payment_method: true, reference: 'kept' })
    await pay(kept, 'paystack', cards.paystack.pays)
    const [method] = await methodsOf(business, customer)
    assert.equal(method.last4, '4081')
    const event = await until('the event', () => receiver.received.find(({ body }) => body.data.uuid === method.uuid))
    assert.equal(event.body.data.reference, 'kept')
    // The payment itself was no saving sum.
    const due = await server.ctx.db
      .selectFrom('transactions')
      .select('refund_due_at')
      .where('ref', '=', attemptRef(kept))
      .executeTakeFirstOrThrow()
    assert.equal(due.refund_due_at, null)
  })

  test('the same card again is the same method with its newest token; another card is another, and not the default', async () => {
    const first = await saveCard(server, business, 'paystack', cards.paystack.pays, 'twice@example.com')
    const sealed = async () =>
      await server.ctx.db
        .selectFrom('payment_methods')
        .select('token_sealed')
        .where('id', '=', first.method)
        .executeTakeFirstOrThrow()
    const before = await sealed()
    const again = await saveCard(server, business, 'paystack', cards.paystack.pays, 'twice@example.com')
    assert.equal(again.method, first.method)
    assert.ok(!(await sealed()).token_sealed.equals(before.token_sealed))
    const events = () => receiver.received.filter(({ body }) => body.data.uuid === first.method)
    await until('both events', () => events().length === 2)
    await saveCard(server, business, 'paystack', '5192602720584796', 'twice@example.com')
    await saveCard(server, business, 'stripe', cards.stripe.pays, 'twice@example.com')
    const methods = await methodsOf(business, first.customer)
    assert.deepEqual(
      methods.map((one) => [one.payment_channel_slug, one.last4, one.is_default]),
      [
        ['stripe', '4242', 0],
        ['paystack', '4796', 0],
        ['paystack', '4081', 1],
      ],
    )
    const page = await business.api('GET', `/v1/customers/${first.customer}/payment-methods?per_page=2&page=2`)
    assert.deepEqual(
      page.body.data.payment_methods.data.map((one: Body) => one.last4),
      ['4081'],
    )
  })

  const crowd = {
    token: 'AUTH_crowd',
    tokenOwner: null,
    email: 'crowd@example.com',
    type: 'card' as const,
    brand: 'visa',
    bank: null,
    last4: '4081',
    expMonth: 1,
    expYear: 2090,
    reusable: true,
  }

  test('a method is of any kind that channels have, and says which', async () => {
    const made = await business.api('POST', '/v1/customers', { email: 'kinds@example.com', name: 'Kinds' })
    const [customerId, owner] = [made.body.data.uuid, { businessId: business.id, envMode: 'test' as const }]
    for (const type of methodTypes) {
      const method = { ...crowd, type, expMonth: null, expYear: null, signature: `SIG_${type}` }
      const kept = { customerId, slug: 'paystack', method, reference: null, now: server.clock.now() }
      await inTransaction(server.ctx.db, (tx) => keep(server.ctx, tx, owner, kept))
    }
    const shown = await methodsOf(business, customerId)
    assert.deepEqual(new Set(shown.map((one) => one.type)), new Set(methodTypes))
    assert.ok(shown.every((one) => one.status === 'active'))
  })

  test('20 outcomes at once that leave five cards of one customer: none fails, each card is kept once, one is the default', async () => {
    const made = await business.api('POST', '/v1/customers', { email: 'crowd@example.com', name: 'Crowd' })
    const customerId = made.body.data.uuid
    const owner = { businessId: business.id, envMode: 'test' as const }
    await Promise.all(
      Array.from({ length: 20 }, (_, nth) =>
        inTransaction(server.ctx.db, (tx) =>
          keep(server.ctx, tx, owner, {
            customerId,
            slug: 'paystack',
            method: { ...crowd, signature: `SIG_${nth % 5}` },
            reference: null,
            now: server.clock.now(),
          }),
        ),
      ),
    )
    const methods = await methodsOf(business, customerId)
    assert.equal(methods.length, 5)
    assert.equal(methods.filter((one) => one.is_default === 1).length, 1)
  })

  test('the default moves to the one that is named, and to the newest left when it is deleted', async () => {
    const first = await saveCard(server, business, 'paystack', cards.paystack.pays, 'default@example.com')
    const second = await saveCard(server, business, 'flutterwave', cards.flutterwave.pays, 'default@example.com')
    const moved = await business.api('PATCH', `${methodPath(first.customer, second.method)}/default`)
    assert.deepEqual([moved.status, moved.body.data.uuid, moved.body.data.is_default], [200, second.method, 1])
    const defaults = async () =>
      (await methodsOf(business, first.customer)).filter((one) => one.is_default).map((one) => one.uuid)
    assert.deepEqual(await defaults(), [second.method])
    const again = await business.api('PATCH', `${methodPath(first.customer, second.method)}/default`)
    assert.equal(again.status, 200)
    const deleted = await business.api('DELETE', methodPath(first.customer, second.method))
    assert.equal(deleted.status, 200, deleted.text)
    assert.match(deleted.body.data.deleted_at, /Z$/)
    assert.deepEqual(await defaults(), [first.method])
    const gone = await business.api('DELETE', methodPath(first.customer, second.method))
    expectFailure(gone, { status: 404, code: '007' })
  })

  test('404 a method of another customer, business or mode looks like none', async () => {
    const mine = await saveCard(server, business, 'paystack')
    const other = await saveCard(server, business, 'paystack')
    const stranger = await threeChannels(server, 'Stranger')
    const theirs = await stranger.api('POST', '/v1/customers', { email: 's@example.com', name: 'S' })
    for (const [method, suffix] of [
      ['DELETE', ''],
      ['PATCH', '/default'],
    ] as const) {
      for (const [api, customer] of [
        [business.api, other.customer],
        [business.live, mine.customer],
        [stranger.api, mine.customer],
        [stranger.api, theirs.body.data.uuid],
      ] as const) {
        const answer = await api(method, methodPath(customer, mine.method) + suffix)
        expectFailure(answer, { status: 404, code: '007' })
      }
    }
    assert.equal((await methodsOf(business, mine.customer)).length, 1)
  })

  test('a deleted method is gone here at once, whatever its channel says; it is asked until it forgets', async () => {
    const saved = await saveCard(server, business, 'paystack')
    await server.call('POST', '/sandbox/control/faults', { channel: 'paystack', kind: 'drop_before' })
    const deleted = await business.api('DELETE', methodPath(saved.customer, saved.method))
    assert.equal(deleted.status, 200, deleted.text)
    assert.deepEqual(await methodsOf(business, saved.customer), [])
    const row = () =>
      server.ctx.db
        .selectFrom('payment_methods')
        .select(['forget_due_at', 'token_sealed'])
        .where('id', '=', saved.method)
        .executeTakeFirstOrThrow()
    const waiting = await row()
    assert.ok(waiting.forget_due_at)
    await server.call('DELETE', '/sandbox/control/faults')
    server.clock.advance(2 * minuteMs)
    await until(
      'the channel to forget it',
      async () => {
        const { forget_due_at } = await row()
        if (forget_due_at !== null) server.clock.advance(60 * minuteMs)
        return forget_due_at === null
      },
      30_000,
    )
    const dropped = await row()
    assert.ok(!dropped.token_sealed.equals(waiting.token_sealed))
    const plain = JSON.parse(server.ctx.secrets.open(dropped.token_sealed, `payment_methods/${saved.method}`))
    assert.equal(plain.token, null)
  })

  test('a token that was copied to another row does not open', async () => {
    const one = await saveCard(server, business, 'paystack')
    const other = await saveCard(server, business, 'paystack')
    const { token_sealed } = await server.ctx.db
      .selectFrom('payment_methods')
      .select('token_sealed')
      .where('id', '=', one.method)
      .executeTakeFirstOrThrow()
    assert.match(server.ctx.secrets.open(token_sealed, `payment_methods/${one.method}`), /AUTH_/)
    assert.throws(() => server.ctx.secrets.open(token_sealed, `payment_methods/${other.method}`))
  })

  test('200 the same Idempotency-Key opens one page', async () => {
    const key = { 'idempotency-key': 'saving' }
    const body = { customer_email: 'once@example.com' }
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => business.api('POST', '/v1/payment-requests/save-payment-method', body, key)),
    )
    const made = answers.filter(({ status }) => status === 201)
    assert.ok(made.length >= 1)
    assert.equal(new Set(made.map(({ text }) => text)).size, 1)
    assert.ok(answers.every(({ status }) => [201, 409].includes(status)))
  })
})

test('a card is good until its month has ended everywhere', () => {
  const card = { status: 'active', exp_month: 2, exp_year: 2028 } as Parameters<typeof statusOf>[0]
  assert.equal(statusOf(card, new Date('2028-03-01T11:59:59Z')), 'active')
  assert.equal(statusOf(card, new Date('2028-03-01T12:00:00Z')), 'expired')
  assert.equal(statusOf({ ...card, exp_month: 12 }, new Date('2028-12-31T23:59:59Z')), 'active')
  assert.equal(statusOf({ ...card, exp_month: 12 }, new Date('2029-01-02T00:00:00Z')), 'expired')
  assert.equal(statusOf({ ...card, exp_year: null }, new Date('2099-01-01T00:00:00Z')), 'active')
  assert.equal(statusOf({ ...card, status: 'unusable' }, new Date('2020-01-01T00:00:00Z')), 'unusable')
})

import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { dayMs } from '../../src/platform/clock.ts'
import { expectFailure } from '../support/expect.ts'
import { stopOwnPostgres } from '../support/postgres.ts'
import { cards, saveCard } from '../support/saved.ts'
import {
  attemptRef,
  type Body,
  payAtSandbox,
  startTestServer,
  type TestBusiness,
  type TestServer,
  threeChannels,
} from '../support/server.ts'
import {
  advance,
  chargesOf,
  createPlan,
  eventsOf,
  mailsTo,
  periodsOf,
  subscribe,
  subscriptionOf,
} from '../support/subscriptions.ts'
import { until } from '../support/wait.ts'

after(stopOwnPostgres)

const at = (text: string) => new Date(text).getTime()

describe('subscriptions', () => {
  let server: TestServer
  let business: TestBusiness
  before(async () => {
    server = await startTestServer({ backend: 'postgres' })
    business = await threeChannels(server)
  })
  after(() => server?.close())

  const patch = (uuid: string, verb: string) => business.api('PATCH', `/v1/subscriptions/${uuid}/${verb}`)
  const subscriptionsOf = async (customer: string): Promise<Body[]> =>
    (await business.api('GET', `/v1/subscriptions?customer_uuid=${customer}`)).body.data.subscriptions.data
  const begun = (customer: string, count = 1) =>
    until('the subscription', async () => {
      const found = await subscriptionsOf(customer)
      return found.length === count && found
    })

  describe('ways to begin', () => {
    test('20 at once without a key: one charge, one subscription; the others are told that it is being paid', async () => {
      const plan = await createPlan(business)
      const { customer, method } = await saveCard(server, business, 'paystack', cards.paystack.pays)
      const wish = { customer_uuid: customer, subscription_plan_uuid: plan.uuid, payment_method_uuid: method }
      const answers = await Promise.all(
        Array.from({ length: 20 }, () => business.api('POST', '/v1/subscriptions', wish)),
      )
      assert.equal(answers.filter((one) => one.status === 201).length, 1)
      for (const one of answers.filter(({ status }) => status !== 201)) {
        assert.ok(['021', '054'].includes(one.body.error_code), one.text)
      }
      assert.equal((await chargesOf(server, customer)).length, 1)
      assert.equal((await subscriptionsOf(customer)).length, 1)
    })

    test('while nobody knows of the first charge, a second one is refused; the plan is paid once', async () => {
      const plan = await createPlan(business)
      const { customer, method } = await saveCard(server, business, 'paystack', cards.paystack.pays)
      const wish = { customer_uuid: customer, subscription_plan_uuid: plan.uuid, payment_method_uuid: method }
      const fault = { kind: 'drop_after', channel: 'paystack', operation: 'charge', times: 1 }
      await server.call('POST', '/sandbox/control/faults', fault)
      const first = await business.api('POST', '/v1/subscriptions', wish)
      assert.equal(first.status, 202, first.text)
      const again = await business.api('POST', '/v1/subscriptions', wish)
      expectFailure(again, { status: 409, code: '054' })
      const elsewhere = await business.api('POST', '/v1/payment-requests/charge-payment-method', wish)
      expectFailure(elsewhere, { status: 409, code: '054' })
      await business.api('PATCH', `/v1/payment-requests/${first.body.data.payment_request.ref}/verify`)
      await begun(customer)
      expectFailure(await business.api('POST', '/v1/subscriptions', wish), { status: 400, code: '021' })
      assert.equal((await chargesOf(server, customer)).length, 1)
    })

    test('201 by a saved method: charged now, and the answer is the subscription', async () => {
      const plan = await createPlan(business, { initial_amount: 1000 })
      const { subscription, customer, method } = await subscribe(server, business, plan)
      assert.deepEqual(Object.keys(subscription), [
        'uuid',
        'env_mode',
        'status',
        'current_period_start',
        'current_period_end',
        'next_billing_at',
        'trial_ends_at',
        'cancels_at',
        'cancelled_at',
        'paused_at',
        'ended_at',
        'payment_link',
        'created_at',
        'updated_at',
        'deleted_at',
        'customer',
        'subscription_plan',
        'payment_method',
      ])
      assert.equal(subscription.status, 'active')
      assert.equal(subscription.payment_method.uuid, method)
      assert.equal(at(subscription.current_period_end) - at(subscription.current_period_start), 30 * dayMs)
      assert.equal(subscription.next_billing_at, subscription.current_period_end)
      // The first charge is the plan's initial amount.
      assert.deepEqual(
        (await chargesOf(server, customer)).map((one) => one.amount_minor),
        [100_000],
      )
      assert.deepEqual(await subscriptionOf(business, subscription.uuid), subscription)
    })

    for (const [channel, slug] of [
      ['Paystack', 'paystack'],
      ['Flutterwave', 'flutterwave'],
      ['Stripe', 'stripe'],
    ] as const) {
      test(`a payment on ${channel}’s page begins it, and the card that paid is kept for renewals`, async () => {
        const plan = await createPlan(business)
        const opened = await business.api('POST', '/v1/payment-requests', {
          customer_email: `page-${slug}@example.com`,
          subscription_plan_uuid: plan.uuid,
          payment_channel: slug,
        })
        assert.equal(opened.status, 201, opened.text)
        await payAtSandbox(server.url, attemptRef(opened), 'success', slug, cards[slug].pays)
        const [subscription] = await begun(opened.body.data.payment_request.customer.uuid)
        assert.equal(subscription.status, 'active')
        assert.equal(subscription.payment_method.payment_channel_slug, slug)
      })
    }

    test('a charge of a saved method with a plan begins it', async () => {
      const plan = await createPlan(business)
      const { customer, method } = await saveCard(server, business, 'paystack')
      const charged = await business.api('POST', '/v1/payment-requests/charge-payment-method', {
        customer_uuid: customer,
        payment_method_uuid: method,
        subscription_plan_uuid: plan.uuid,
      })
      assert.equal(charged.status, 201, charged.text)
      const [subscription] = await begun(customer)
      assert.equal(subscription.payment_method.uuid, method)
      assert.equal(subscription.subscription_plan.uuid, plan.uuid)
    })

    test('the SDK’s payment begins it', async () => {
      const plan = await createPlan(business)
      const opened = await server.call(
        'POST',
        '/v1/sdk/initialize-payment-request',
        { customer_email: 'sdk@example.com', subscription_plan_uuid: plan.uuid, payment_channel: 'paystack' },
        { authentication: `Bearer ${business.keys.test.public_key}` },
      )
      assert.equal(opened.status, 201, opened.text)
      await payAtSandbox(server.url, attemptRef(opened))
      // A public key is not told who the customer is.
      const found = await business.api('GET', '/v1/customers?email=sdk@example.com')
      await begun(found.body.data.customers.data[0].uuid)
    })

    test('402 a decline and a payer who is needed begin nothing; 202 without an answer, and it begins when the channel says', async () => {
      const plan = await createPlan(business)
      const bodyOf = async (card: string) => {
        const { customer, method } = await saveCard(server, business, 'paystack', card)
        return { customer_uuid: customer, subscription_plan_uuid: plan.uuid, payment_method_uuid: method }
      }
      const declined = await bodyOf(cards.paystack.declines)
      expectFailure(await business.api('POST', '/v1/subscriptions', declined), { status: 402, code: '041' })
      const wanted = await business.api('POST', '/v1/subscriptions', await bodyOf(cards.paystack.wantsPayer))
      expectFailure(wanted, { status: 402, code: '042' })
      assert.match(wanted.body.error_data.action, /^http/)
      assert.deepEqual(await subscriptionsOf(declined.customer_uuid), [])
      const silent = await bodyOf(cards.paystack.pays)
      const fault = { channel: 'paystack', operation: 'charge', kind: 'drop_after', times: 1 }
      await server.call('POST', '/sandbox/control/faults', fault)
      const answer = await business.api('POST', '/v1/subscriptions', silent)
      assert.equal(answer.status, 202, answer.text)
      assert.equal(answer.body.message, 'Payment is being confirmed')
      await business.api('PATCH', `/v1/payment-requests/${answer.body.data.payment_request.ref}/verify`)
      await begun(silent.customer_uuid)
      assert.equal((await chargesOf(server, silent.customer_uuid)).length, 1)
    })

    test('a trial by a saved method charges nothing until it ends, then the plan’s price', async () => {
      const own = await threeChannels(server)
      const plan = await createPlan(own, { trial_period: 10, initial_amount: 1000 })
      const { subscription, customer } = await subscribe(server, own, plan, { isTrial: true })
      assert.equal(subscription.status, 'trialing')
      assert.equal(at(subscription.trial_ends_at) - at(subscription.created_at), 10 * dayMs)
      assert.equal((await chargesOf(server, customer)).length, 0)
      await advance(own, { days: 11 })
      assert.equal((await subscriptionOf(own, subscription.uuid)).status, 'active')
      assert.deepEqual(
        (await chargesOf(server, customer)).map((one) => one.amount_minor),
        [500_000],
      )
    })

    test('400 one subscription a customer and plan; 404 and 400 for what cannot be subscribed', async () => {
      const plan = await createPlan(business)
      const { customer, method } = await subscribe(server, business, plan)
      const body = { customer_uuid: customer, subscription_plan_uuid: plan.uuid, payment_method_uuid: method }
      const again = await business.api('POST', '/v1/subscriptions', body)
      expectFailure(again, { status: 400, code: '021' })
      const trial = await business.api('POST', '/v1/subscriptions', { ...body, is_trial: 1 })
      expectFailure(trial, { status: 400, code: '021' })
      assert.equal((await chargesOf(server, customer)).length, 1)
      const nobody = '00000000-0000-7000-8000-000000000000'
      const other = { ...body, subscription_plan_uuid: (await createPlan(business)).uuid }
      for (const field of Object.keys(body)) {
        for (const is_trial of [0, 1]) {
          const answer = await business.api('POST', '/v1/subscriptions', { ...other, [field]: nobody, is_trial })
          expectFailure(answer, { status: 404, code: '007', fields: [field] }, field)
        }
      }
    })

    test('two payments for one plan: one is the subscription, the other goes back and its timeline says why', async () => {
      const plan = await createPlan(business)
      const open = () =>
        business.api('POST', '/v1/payment-requests/subscribe-to-plan', {
          customer_email: 'twice@example.com',
          subscription_plan_uuid: plan.uuid,
          payment_channel: 'paystack',
        })
      const opened = [await open(), await open()]
      await Promise.all(opened.map((one) => payAtSandbox(server.url, attemptRef(one))))
      const customer = opened[0]?.body.data.payment_request.customer.uuid
      await begun(customer)
      const refunds = await until('the refund', async () => {
        const ledger = (await server.call('GET', '/sandbox/control/ledger')).body as Body[]
        const refs = opened.map(attemptRef)
        const back = ledger.filter((row) => row.kind === 'refund' && refs.includes(row.reference))
        return back.length > 0 && back
      })
      assert.equal(refunds.length, 1)
      assert.equal(refunds[0].amount_minor, 500_000)
      const requests = await Promise.all(
        opened.map((one) =>
          business.api('GET', `/v1/payment-requests/retrieve-by-ref/${one.body.data.payment_request.ref}`),
        ),
      )
      const told = requests.filter((one) => /subscribed to .* already/.test(one.text))
      assert.equal(told.length, 1)
      assert.equal((await subscriptionsOf(customer)).length, 1)
    })

    test('extend_subscription_by pays so many periods now and moves the end on by as many', async () => {
      const plan = await createPlan(business)
      const { subscription, customer } = await subscribe(server, business, plan)
      const opened = await business.api('POST', '/v1/payment-requests/subscribe-to-plan', {
        customer_uuid: customer,
        subscription_plan_uuid: plan.uuid,
        extend_subscription_by: 3,
        payment_channel: 'paystack',
      })
      assert.equal(opened.status, 201, opened.text)
      assert.equal(opened.body.data.payment_request.amount, '15000')
      await payAtSandbox(server.url, attemptRef(opened))
      const extended = await until('the extension', async () => {
        const now = await subscriptionOf(business, subscription.uuid)
        return now.current_period_end !== subscription.current_period_end && now
      })
      assert.equal(at(extended.current_period_end) - at(subscription.current_period_end), 90 * dayMs)
      const periods = await periodsOf(server, subscription.uuid)
      assert.deepEqual(
        periods.map((one) => [one.number, one.status, one.amount_minor]),
        [1, 2, 3, 4].map((number) => [number, 'paid', 500_000n]),
      )
      assert.deepEqual(await eventsOf(server, subscription.uuid), ['created', 'renewed'])
    })
  })

  describe('changes', () => {
    test('200 cancel: active until the paid period ends, then cancelled and never charged again', async () => {
      const own = await threeChannels(server)
      const { subscription, customer } = await subscribe(server, own, await createPlan(own))
      const path = `/v1/subscriptions/${subscription.uuid}`
      const cancelled = await own.api('PATCH', `${path}/cancel`)
      assert.equal(cancelled.status, 200, cancelled.text)
      assert.equal(cancelled.body.data.status, 'active')
      assert.equal(cancelled.body.data.cancels_at, subscription.current_period_end)
      assert.equal(cancelled.body.data.next_billing_at, null)
      // Asking again changes nothing; what ends cannot be paused.
      assert.equal((await own.api('PATCH', `${path}/cancel`)).body.data.cancels_at, subscription.current_period_end)
      expectFailure(await own.api('PATCH', `${path}/pause`), { status: 409, code: '051' })
      await advance(own, { days: 40 })
      const over = await subscriptionOf(own, subscription.uuid)
      assert.equal(over.status, 'cancelled')
      assert.equal((await chargesOf(server, customer)).length, 1)
      assert.deepEqual(await eventsOf(server, subscription.uuid), ['created', 'cancelled'])
      assert.deepEqual(await mailsTo(server, subscription.customer.email), ['welcome', 'receipt', 'cancelled'])
      expectFailure(await own.api('PATCH', `${path}/cancel`), { status: 409, code: '051' })
      // The plan is free again for this customer.
      const { payment_method } = over
      const body = { customer_uuid: customer, payment_method_uuid: payment_method.uuid }
      const again = await own.api('POST', '/v1/subscriptions', {
        ...body,
        subscription_plan_uuid: subscription.subscription_plan.uuid,
      })
      assert.equal(again.status, 201, again.text)
    })

    test('200 cancel at once with immediately=1', async () => {
      const { subscription } = await subscribe(server, business, await createPlan(business))
      const over = await patch(subscription.uuid, 'cancel?immediately=1')
      assert.equal(over.status, 200, over.text)
      assert.equal(over.body.data.status, 'cancelled')
      assert.ok(over.body.data.ended_at)
      for (const verb of ['pause', 'resume', 'cancel']) {
        expectFailure(await patch(subscription.uuid, verb), { status: 409, code: '051' })
      }
      assert.deepEqual(await eventsOf(server, subscription.uuid), ['created', 'cancelled'])
    })

    test('cancelled while past due: the link dies, and money that comes all the same goes back', async () => {
      const own = await threeChannels(server)
      const { subscription } = await subscribe(server, own, await createPlan(own), { card: 'declines', isTrial: true })
      await advance(own, { days: 31 })
      const due = await subscriptionOf(own, subscription.uuid)
      const ref = due.payment_link.split('/').at(-1)
      const relayed = await own.api('POST', '/v1/payment-requests/relay', {
        payment_request_ref: ref,
        payment_channel: 'paystack',
      })
      assert.equal(relayed.status, 201, relayed.text)
      await server.call('POST', '/sandbox/control/faults', { channel: 'paystack', kind: 'webhook_lost' })
      await payAtSandbox(server.url, attemptRef(relayed))
      const over = await own.api('PATCH', `/v1/subscriptions/${subscription.uuid}/cancel`)
      assert.equal(over.body.data.status, 'cancelled')
      await advance(own, { days: 2 })
      await server.call('DELETE', '/sandbox/control/faults')
      const ledger = (await server.call('GET', '/sandbox/control/ledger')).body as Body[]
      const rows = ledger.filter((row) => row.reference === attemptRef(relayed))
      assert.deepEqual(
        rows.map((row) => row.kind),
        ['charge', 'refund'],
      )
      assert.equal((await subscriptionOf(own, subscription.uuid)).status, 'cancelled')
      assert.deepEqual(await eventsOf(server, subscription.uuid), [
        'created',
        // When it fell due, and on the day after.
        'payment_failed',
        'payment_failed',
        'cancelled',
      ])
    })

    test('200 pause charges nothing; resume goes on, or bills at once when a period was missed', async () => {
      const own = await threeChannels(server)
      const { subscription, customer } = await subscribe(server, own, await createPlan(own))
      const path = `/v1/subscriptions/${subscription.uuid}`
      expectFailure(await own.api('PATCH', `${path}/resume`), { status: 409, code: '051' })
      const paused = await own.api('PATCH', `${path}/pause`)
      assert.equal(paused.body.data.status, 'paused')
      assert.equal(paused.body.data.next_billing_at, null)
      expectFailure(await own.api('PATCH', `${path}/pause`), { status: 409, code: '051' })
      await advance(own, { days: 10 })
      const soon = await own.api('PATCH', `${path}/resume`)
      assert.equal(soon.body.data.status, 'active')
      assert.equal(soon.body.data.current_period_end, subscription.current_period_end)
      assert.equal((await chargesOf(server, customer)).length, 1)
      await own.api('PATCH', `${path}/pause`)
      const now = await advance(own, { days: 100 })
      assert.equal((await chargesOf(server, customer)).length, 1)
      const late = await own.api('PATCH', `${path}/resume`)
      assert.equal(late.status, 200, late.text)
      assert.equal(late.body.data.status, 'active')
      assert.ok(Math.abs(at(late.body.data.current_period_start) - now.getTime()) < 60_000)
      assert.equal((await chargesOf(server, customer)).length, 2)
      await advance(own, { days: 29 })
      assert.equal((await chargesOf(server, customer)).length, 2)
      await advance(own, { days: 2 })
      assert.equal((await chargesOf(server, customer)).length, 3)
    })

    test('a customer who was deleted is never charged again: the subscription ends with what was paid', async () => {
      const own = await threeChannels(server)
      const { subscription, customer } = await subscribe(server, own, await createPlan(own))
      assert.equal((await own.api('DELETE', `/v1/customers/${customer}`)).status, 200)
      await advance(own, { days: 40 })
      assert.equal((await subscriptionOf(own, subscription.uuid)).status, 'cancelled')
      assert.equal((await chargesOf(server, customer)).length, 1)
      assert.deepEqual(await eventsOf(server, subscription.uuid), ['created', 'cancelled'])
    })

    test('200 another plan counts from the next period on', async () => {
      const own = await threeChannels(server)
      const [small, large] = [await createPlan(own), await createPlan(own, { amount: 9000, interval: 'weekly' })]
      const { subscription, customer } = await subscribe(server, own, small)
      const path = `/v1/subscriptions/${subscription.uuid}`
      const changed = await own.api('PUT', path, { subscription_plan_uuid: large.uuid })
      assert.equal(changed.status, 200, changed.text)
      assert.equal(changed.body.data.subscription_plan.uuid, large.uuid)
      assert.equal(changed.body.data.current_period_end, subscription.current_period_end)
      await advance(own, { days: 38 })
      const periods = await periodsOf(server, subscription.uuid)
      assert.deepEqual(
        periods.map((one) => [(one.ends_at.getTime() - one.starts_at.getTime()) / dayMs, one.amount_minor]),
        [
          [30, 500_000n],
          [7, 900_000n],
          [7, 900_000n],
        ],
      )
      assert.deepEqual(
        (await chargesOf(server, customer)).map((one) => one.amount_minor),
        [500_000, 900_000, 900_000],
      )
      // A plan that the customer has already is no change.
      const other = await own.api('POST', '/v1/subscriptions', {
        customer_uuid: customer,
        subscription_plan_uuid: small.uuid,
        payment_method_uuid: subscription.payment_method.uuid,
      })
      assert.equal(other.status, 201, other.text)
      const refused = await own.api('PUT', path, { subscription_plan_uuid: small.uuid })
      expectFailure(refused, { status: 400, code: '021' })
    })

    test('200 another method pays a period that is past due at once', async () => {
      const own = await threeChannels(server)
      const { subscription, customer } = await subscribe(server, own, await createPlan(own), {
        card: 'declines',
        isTrial: true,
      })
      await advance(own, { days: 31 })
      const path = `/v1/subscriptions/${subscription.uuid}`
      assert.equal((await subscriptionOf(own, subscription.uuid)).status, 'past_due')
      const good = await saveCard(server, own, 'flutterwave', cards.flutterwave.pays, subscription.customer.email)
      assert.equal(good.customer, customer)
      const changed = await own.api('PUT', path, { payment_method_uuid: good.method })
      assert.equal(changed.status, 200, changed.text)
      assert.equal(changed.body.data.status, 'active')
      assert.equal(changed.body.data.payment_method.uuid, good.method)
      const stranger = await saveCard(server, own, 'paystack')
      const refused = await own.api('PUT', path, { payment_method_uuid: stranger.method })
      expectFailure(refused, { status: 404, code: '007', fields: ['payment_method_uuid'] })
    })
  })

  test('200 the list by status, customer and plan; newest first', async () => {
    const own = await threeChannels(server)
    const plans = [await createPlan(own), await createPlan(own)] as const
    const first = await subscribe(server, own, plans[0])
    const second = await subscribe(server, own, plans[1], { isTrial: true })
    const listed = async (query: string) => {
      const answer = await own.api('GET', `/v1/subscriptions?${query}`)
      assert.equal(answer.status, 200, answer.text)
      return answer.body.data.subscriptions.data.map((one: Body) => one.uuid)
    }
    const [a, b] = [first.subscription.uuid, second.subscription.uuid]
    assert.deepEqual(await listed(''), [b, a])
    assert.deepEqual(await listed('status=active'), [a])
    assert.deepEqual(await listed('status=trialing'), [b])
    assert.deepEqual(await listed(`customer_uuid=${second.customer}`), [b])
    assert.deepEqual(await listed(`subscription_plan_uuid=${plans[0].uuid}`), [a])
    expectFailure(await own.api('GET', '/v1/subscriptions?status=open'), { status: 422, code: '005' })
  })

  test('mails only where plan and business want them', async () => {
    const own = await threeChannels(server)
    const quiet = await subscribe(server, own, await createPlan(own, { send_subscription_mails: 0 }))
    assert.deepEqual(await mailsTo(server, quiet.subscription.customer.email), [])
    await own.api('PUT', '/v1/business', { send_subscription_mails: 0 })
    const quieter = await subscribe(server, own, await createPlan(own))
    assert.deepEqual(await mailsTo(server, quieter.subscription.customer.email), [])
  })
})

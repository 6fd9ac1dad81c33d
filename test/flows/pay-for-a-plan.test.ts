import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { find } from '../../src/domain/businesses/service.ts'
import { create } from '../../src/domain/payments/service.ts'
import { sql } from '../../src/platform/db.ts'
import { expectFailure } from '../support/expect.ts'
import { stopOwnPostgres } from '../support/postgres.ts'
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

after(stopOwnPostgres)

const ways = ['/v1/payment-requests', '/v1/payment-requests/subscribe-to-plan']

for (const backend of ['postgres', 'embedded'] as const) {
  describe(`paying for a plan, ${backend}`, () => {
    let server: TestServer
    let business: TestBusiness
    let counter = 0
    before(async () => {
      server = await startTestServer({ backend, role: 'api' })
      business = await threeChannels(server, 'Plan Business')
    })
    after(() => server.close())

    const plan = async (body: Body = {}): Promise<Body> => {
      counter += 1
      const wish = { name: `Plan ${counter}`, interval: 'monthly', amount: 200, ...body }
      const answer = await business.api('POST', '/v1/subscription-plans', wish)
      assert.equal(answer.status, 201, answer.text)
      return answer.body.data
    }
    const pay = (uuid: string, body: Body = {}, path = ways[1]): Promise<Answer> => {
      counter += 1
      const wish = { customer_email: `payer${counter}@example.com`, subscription_plan_uuid: uuid, ...body }
      return business.api('POST', String(path), wish)
    }
    /** The amount that was asked; the request and its attempt agree on it. */
    const asked = (answer: Answer): string => {
      assert.equal(answer.status, 201, answer.text)
      const { amount, currency, last_transaction: last } = answer.body.data.payment_request
      assert.deepEqual([last.amount, last.currency], [amount, currency])
      return `${amount} ${currency}`
    }
    const kept = async (answer: Answer): Promise<Body> => {
      const { rows } =
        await sql<Body>`select subscription_plan_id, extend_subscription_by, is_trial, save_payment_method
        from payment_requests where ref = ${requestRef(answer)}`.execute(server.ctx.db)
      return rows[0]
    }

    test('201 the plan says amount, currency and description; the method is to be kept; paid, it is successful', async () => {
      const gold = await plan({ name: 'Gold', currency: 'USD', amount: '20.5' })
      for (const path of ways) {
        const answer = await pay(gold.uuid, {}, path)
        assert.equal(asked(answer), '20.5 USD')
        const { intent, description, subscription_plan } = answer.body.data.payment_request
        assert.deepEqual([intent, description], ['subscription', 'Subscription to Gold'])
        assert.equal(subscription_plan?.uuid, path === ways[1] ? gold.uuid : undefined)
        assert.deepEqual(await kept(answer), {
          subscription_plan_id: gold.uuid,
          extend_subscription_by: null,
          is_trial: false,
          save_payment_method: true,
        })
        await payAtSandbox(server.url, attemptRef(answer))
        const verified = await business.api('PATCH', `/v1/payment-requests/${requestRef(answer)}/verify`)
        assert.equal(verified.body.data.payment_request.status, 'successful')
        assert.ok(!('subscription_plan' in verified.body.data.payment_request))
      }
      const told = await pay(gold.uuid, { description: 'My words' })
      assert.equal(told.body.data.payment_request.description, 'My words')
    })

    test('201 the first charge is the initial amount; an extension costs the price as often as it says', async () => {
      const { uuid } = await plan({ initial_amount: '350.25' })
      assert.equal(asked(await pay(uuid)), '350.25 NGN')
      const extended = await pay(uuid, { extend_subscription_by: 3 })
      assert.equal(asked(extended), '600 NGN')
      assert.equal((await kept(extended)).extend_subscription_by, 3)
    })

    test('422 an amount or currency beside the plan may only agree with it', async () => {
      const { uuid } = await plan({ initial_amount: 150 })
      for (const right of [
        { amount: 150 },
        { amount: '150.00', currency: 'NGN' },
        { amount: 600, extend_subscription_by: 3 },
      ]) {
        assert.equal((await pay(uuid, right)).status, 201, JSON.stringify(right))
      }
      for (const path of ways) {
        for (const amount of ['200', 149.99, 1, '15000']) {
          expectFailure(
            await pay(uuid, { amount }, path),
            { status: 422, code: '005', fields: ['amount'] },
            String(amount),
          )
        }
        const both = await pay(uuid, { amount: 5, currency: 'USD' }, path)
        expectFailure(both, { status: 422, code: '005', fields: ['amount', 'currency'] })
      }
    })

    test('201 a trial asks the smallest sum that keeps a method at the channel that takes it', async () => {
      const { uuid } = await plan()
      const trial = { is_trial: true }
      const sums: [string, string][] = [
        ['paystack', '50 NGN'],
        ['flutterwave', '100 NGN'],
        ['stripe', '1500 NGN'],
      ]
      for (const [payment_channel, sum] of sums) {
        const answer = await pay(uuid, { ...trial, payment_channel })
        assert.equal(asked(answer), sum, payment_channel)
        assert.equal((await kept(answer)).is_trial, true)
      }
      assert.equal(asked(await pay(uuid, trial)), '50 NGN')
      // Whoever sends the plan's price with a trial means the plan.
      assert.equal(asked(await pay(uuid, { ...trial, amount: 200, payment_channel: 'paystack' })), '50 NGN')
      expectFailure(await pay(uuid, { ...trial, amount: 51 }), { status: 422, code: '005', fields: ['amount'] })
    })

    test('a trial whose channel the payer chooses later asks what any of them can take', async () => {
      const { uuid } = await plan()
      const own = await find(server.ctx, business.id, 'test')
      const caller = {
        actor: { kind: 'secret' as const, name: 'key:test', address: null },
        businessId: own.id,
        envMode: own.envMode,
        business: own,
      }
      const body = { customer_email: 'later@example.com', subscription_plan_uuid: uuid, is_trial: true }
      const { request } = await create(server.ctx, caller, body, null)
      assert.equal(request.amount_minor, 1_500_00n)
    })

    test('400 with no channel for the plan’s currency, trial or not, the answer says so', async () => {
      const { uuid } = await plan({ currency: 'XPF', amount: 500 })
      for (const is_trial of [true, false]) {
        expectFailure(await pay(uuid, { is_trial }), { status: 400, code: '030' })
        const named = await pay(uuid, { is_trial, payment_channel: 'paystack' })
        expectFailure(named, { status: 400, code: '032', fields: ['currency'] })
        expectFailure(await pay(uuid, { is_trial, payment_channel: 'nobody' }), { status: 400, code: '031' })
      }
    })

    test('422 an extension without a plan, or of a trial, is refused', async () => {
      const { uuid } = await plan()
      const without = { customer_email: 'a@example.com', amount: 100, extend_subscription_by: 1 }
      const answer = await business.api('POST', '/v1/payment-requests', without)
      expectFailure(answer, { status: 422, code: '005', fields: ['subscription_plan_uuid'] })
      const both = await pay(uuid, { extend_subscription_by: 1, is_trial: true })
      expectFailure(both, { status: 422, code: '005', fields: ['is_trial'] })
    })

    test('400 an inactive plan takes nobody; 404 a deleted one is none; the field is named', async () => {
      const { uuid } = await plan({ status: 'inactive' })
      for (const path of ways) expectFailure(await pay(uuid, {}, path), { status: 400, code: '052' })
      await business.api('PATCH', `/v1/subscription-plans/${uuid}/activate`)
      assert.equal((await pay(uuid)).status, 201)
      await business.api('DELETE', `/v1/subscription-plans/${uuid}`)
      for (const path of ways) {
        expectFailure(await pay(uuid, {}, path), { status: 404, code: '007', fields: ['subscription_plan_uuid'] })
      }
    })

    test('201 the same Idempotency-Key pays once', async () => {
      const { uuid } = await plan()
      const body = { customer_email: 'once@example.com', subscription_plan_uuid: uuid }
      const send = () => business.api('POST', String(ways[1]), body, { 'idempotency-key': `plan ${uuid}` })
      const [first, ...others] = [await send(), await send(), await send()]
      assert.equal(first?.status, 201)
      for (const other of others) assert.equal(other.text, first?.text)
    })
  })
}

describe('paying for a plan with a saved method', () => {
  let server: TestServer
  let business: TestBusiness
  let plan: Body
  before(async () => {
    server = await startTestServer({ backend: 'postgres' })
    business = await threeChannels(server)
    const gold = { name: 'Gold', interval: 'monthly', amount: 2000, initial_amount: 2500 }
    plan = (await business.api('POST', '/v1/subscription-plans', gold)).body.data
  })
  after(() => server.close())

  test('201 it charges what the plan says, a trial the least of the method’s own channel', async () => {
    for (const [channel, least] of [
      ['paystack', '50'],
      ['flutterwave', '100'],
      ['stripe', '1500'],
    ] as const) {
      const saved = await saveCard(server, business, channel)
      const charge = (body: Body) =>
        business.api('POST', '/v1/payment-requests/charge-payment-method', {
          customer_uuid: saved.customer,
          payment_method_uuid: saved.method,
          subscription_plan_uuid: plan.uuid,
          ...body,
        })
      const wrong = await charge({ amount: 1, currency: 'USD' })
      expectFailure(wrong, { status: 422, code: '005', fields: ['amount', 'currency'] })
      const trial = await charge({ is_trial: true })
      assert.equal(trial.status, 201, trial.text)
      assert.equal(trial.body.data.payment_request.amount, least)
      const { rows } = await sql<Body>`select subscription_plan_id, is_trial from payment_requests
        where ref = ${requestRef(trial)}`.execute(server.ctx.db)
      assert.deepEqual(rows, [{ subscription_plan_id: plan.uuid, is_trial: true }])
      const { intent, description, status } = trial.body.data.payment_request
      assert.deepEqual([intent, description, status], ['subscription', 'Subscription to Gold', 'successful'])
      const extended = await charge({ extend_subscription_by: 2 })
      assert.equal(extended.body.data.payment_request.amount, '4000')
      expectFailure(await charge({ subscription_plan_uuid: saved.method }), {
        status: 404,
        code: '007',
        fields: ['subscription_plan_uuid'],
      })
    }
  })
})

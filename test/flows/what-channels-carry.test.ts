import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { expectFailure } from '../support/expect.ts'
import { stopOwnPostgres } from '../support/postgres.ts'
import { countRows } from '../support/rows.ts'
import {
  type Answer,
  call,
  connectSandbox,
  requestRef,
  startTestServer,
  type TestBusiness,
  type TestServer,
} from '../support/server.ts'

after(stopOwnPostgres)

/** What ISO 4217 allows and Stripe cannot say, or does not take: currency, amount, status, error. */
const uncarried = [
  ['KWD', '10.505', 422, '005'],
  ['MGA', '5000.2', 422, '005'],
  ['JPY', '100000000', 400, '037'],
  ['EUR', '1000000', 400, '037'],
  ['EUR', '0.01', 400, '033'],
] as const
const carried = [
  ['KWD', '10.51'],
  ['MGA', '5000'],
  ['JPY', '99999999'],
] as const

describe('an amount that no channel carries', () => {
  let server: TestServer
  let business: TestBusiness
  before(async () => {
    server = await startTestServer({ backend: 'postgres', role: 'api' })
    business = await server.business()
    await connectSandbox(server.ctx, business.id, 'stripe')
  })
  after(() => server.close())

  const post = (path: string, body: object) => business.api('POST', `/v1/${path}`, body)
  const ledger = async () => (await server.call('GET', '/sandbox/control/ledger')).text
  const unchanged = async (
    what: string,
    expected: { status: number; code: string },
    field: string,
    send: () => Promise<Answer>,
  ) => {
    const [rows, moved] = [await countRows(server.ctx), await ledger()]
    expectFailure(await send(), { ...expected, fields: [field] }, what)
    assert.deepEqual([await countRows(server.ctx), await ledger()], [rows, moved], what)
  }
  const payer = { customer_email: 'a@example.com' }
  const ways: [string, (body: object) => Promise<Answer>][] = [
    ['initiate', (body) => post('payment-requests', { ...payer, ...body })],
    ['initiate, Stripe named', (body) => post('payment-requests', { ...payer, ...body, payment_channel: 'stripe' })],
    ['initiate and save', (body) => post('payment-requests', { ...payer, ...body, save_payment_method: 1 })],
    ...([{}, { payment_channel: 'stripe' }] as const).map((named): [string, (body: object) => Promise<Answer>] => [
      `sdk ${JSON.stringify(named)}`,
      (body) =>
        call(
          server.url,
          'POST',
          '/v1/sdk/initialize-payment-request',
          { ...payer, ...body, ...named },
          {
            authentication: `Bearer ${business.keys.test.public_key}`,
          },
        ),
    ]),
  ]
  for (const [currency, amount, status, code] of uncarried) {
    for (const [way, send] of ways) {
      test(`${status} ${way}: ${amount} ${currency} writes no row and asks nobody`, () =>
        unchanged(way, { status, code }, 'amount', () => send({ currency, amount })))
    }

    test(`422 no plan has a price of ${amount} ${currency}`, async () => {
      const wish = { name: `P ${currency} ${amount}`, interval: 'monthly', currency }
      const expected = { status: 422, code: '005' }
      await unchanged('amount', expected, 'amount', () => post('subscription-plans', { ...wish, amount }))
      const [, right = '100'] = carried.find(([one]) => one === currency) ?? []
      const initial = { ...wish, amount: right, initial_amount: amount }
      await unchanged('initial', expected, 'initial_amount', () => post('subscription-plans', initial))
      const made = await post('subscription-plans', { ...wish, amount: right })
      assert.equal(made.status, 201, made.text)
      const { uuid } = made.body.data
      const put = (body: object) => business.api('PUT', `/v1/subscription-plans/${uuid}`, body)
      await unchanged('PUT amount', expected, 'amount', () => put({ amount }))
      await unchanged('PUT initial', expected, 'initial_amount', () => put({ initial_amount: amount }))
      const kept = (await business.api('GET', `/v1/subscription-plans/${uuid}`)).body.data
      assert.deepEqual([kept.amount, kept.initial_amount], [right, null])
    })
  }

  for (const [currency, amount] of carried) {
    test(`201 ${amount} ${currency} is carried, also as the price of a plan`, async () => {
      assert.equal(
        (await post('payment-requests', { ...payer, currency, amount, payment_channel: 'stripe' })).status,
        201,
      )
      const plan = { name: `Right ${currency}`, interval: 'monthly', currency, amount }
      assert.equal((await post('subscription-plans', plan)).status, 201)
    })
  }

  test('a relay to a channel that cannot carry it leaves the request as it was', async () => {
    const opened = await post('payment-requests', {
      ...payer,
      amount: '100',
      currency: 'NGN',
      payment_channel: 'paystack',
    })
    const relay = { payment_request_ref: requestRef(opened), payment_channel: 'stripe' }
    await unchanged('relay', { status: 400, code: '033' }, 'amount', () => post('payment-requests/relay', relay))
  })

  test('a plan of what one of the channels carries is a plan; its name changes whatever channels say later', async () => {
    // Stripe asks for NGN 1500 at least, Paystack for less.
    const made = await post('subscription-plans', { name: 'Small', interval: 'daily', amount: '100', currency: 'NGN' })
    assert.equal(made.status, 201, made.text)
    const other = await server.business('Later')
    const early = (body: object) => other.api('POST', '/v1/subscription-plans', { interval: 'daily', ...body })
    // Nothing that takes it is connected yet: nobody knows what will be.
    const kwd = await early({ name: 'Early', amount: '10.505', currency: 'KWD' })
    assert.equal(kwd.status, 201, kwd.text)
    await connectSandbox(server.ctx, other.id, 'stripe')
    const path = `/v1/subscription-plans/${kwd.body.data.uuid}`
    assert.equal((await other.api('PUT', path, { name: 'Late' })).status, 200)
    expectFailure(await other.api('PUT', path, { amount: '10.507' }), { status: 422, code: '005', fields: ['amount'] })
  })

  test('what was made before a limit is refused at each way to subscribe, and writes no row', async () => {
    const made = await post('subscription-plans', { name: 'Old', interval: 'daily', amount: '10.5', currency: 'KWD' })
    const { uuid, link_id } = made.body.data
    await server.ctx.db
      .updateTable('subscription_plans')
      .set({ amount_minor: 10_505n })
      .where('id', '=', uuid)
      .execute()
    const expected = { status: 422, code: '005' }
    const body = { ...payer, subscription_plan_uuid: uuid }
    await unchanged('subscribe', expected, 'amount', () => post('payment-requests/subscribe-to-plan', body))
    await unchanged('initiate', expected, 'amount', () => post('payment-requests', body))
    const rows = await countRows(server.ctx)
    const form = { method: 'POST', body: new URLSearchParams({ email: 'a@example.com' }), redirect: 'manual' } as const
    const page = await fetch(`${server.url}/subscribe/${link_id}`, form)
    assert.equal(page.status, 422)
    assert.match(page.headers.get('content-type') ?? '', /html/)
    assert.deepEqual(await countRows(server.ctx), rows)
  })
})

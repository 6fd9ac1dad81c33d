import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { ChannelError, CredentialsError } from '../channel.ts'
import { FakeProvider, type ProviderAnswer } from '../contract/fake-provider.ts'
import { findChannel } from '../index.ts'
import { fixture } from './fixtures.ts'
import { stripe } from './index.ts'

const keys = { secret_key: 'sk_test_1', webhook_secret: 'whsec_1' }
const credentials = stripe.parseCredentials(keys)
const lookup = { reference: 'AsT-68a1b2c3d4e5f', channelReference: 'cs_test_a1FixtureSession0001' }
const page = { ...lookup, url: 'https://checkout.stripe.com/c/pay/cs_test_a1FixtureSession0001' }
const refund = { ...lookup, reference: 'AsR-1', payment: lookup, channelTransactionId: null }
const money = { amountMinor: 5001n, currency: 'USD', reason: null }
const provider = new FakeProvider()
before(() => provider.start())
after(() => provider.stop())

const answering = (...answers: ProviderAnswer[]) => {
  provider.play(() => answers.shift() ?? { status: 500, body: 'asked too often' })
  return provider.transport()
}
const json = (status: number, body: unknown): ProviderAnswer => ({ status, body: JSON.stringify(body) })
const error = (status: number, fields: object) => json(status, { error: { type: 'invalid_request_error', ...fields } })
const fails = (fields: Partial<ChannelError>) => (thrown: unknown) => {
  assert.ok(thrown instanceof ChannelError)
  for (const [name, value] of Object.entries(fields)) assert.deepEqual(thrown[name as keyof ChannelError], value, name)
  return true
}
const paths = () => provider.requests.map(({ method, path }) => `${method} ${path.split('?')[0]}`)

const checkout = {
  reference: 'AsT-68a1b2c3d4e5f',
  amountMinor: 5001n,
  currency: 'USD',
  description: 'Order 7',
  payer: { email: 'ada@example.com', firstName: null, lastName: null, fullName: null, phone: null },
  returnUrl: 'https://shop.example/return',
  cancelUrl: 'https://shop.example/cancel',
  saveMethod: false,
  expiresAt: new Date('2026-11-21T10:00:00Z'),
}

describe('Stripe', () => {
  it('is found by its slug', () => {
    assert.equal(findChannel('stripe'), stripe)
  })

  it('a key tells its mode; a key of another kind, or a pair of two modes, is refused beside its field', () => {
    assert.equal(stripe.modeOf?.(credentials), 'test')
    assert.equal(stripe.modeOf?.(stripe.parseCredentials({ ...keys, secret_key: ' rk_live_x ' })), 'live')
    const refused: [object, string][] = [
      [{ secret_key: 'pk_test_1' }, 'secret_key'],
      [{ secret_key: 'sk_test_' }, 'secret_key'],
      [{ secret_key: 'sk_prod_1' }, 'secret_key'],
      [{ secret_key: 'sk_test_1\r\nx-evil: 1' }, 'secret_key'],
      [{ webhook_secret: 'sk_test_1' }, 'webhook_secret'],
      [{ webhook_secret: 'whsec_ ' }, 'webhook_secret'],
      [{ publishable_key: 'sk_test_1' }, 'publishable_key'],
      [{ publishable_key: 'pk_live_1' }, 'publishable_key'],
    ]
    for (const [input, field] of refused) {
      assert.throws(
        () => stripe.parseCredentials({ ...keys, ...input }),
        (thrown) => thrown instanceof CredentialsError && Object.keys(thrown.fields).join() === field,
      )
    }
  })

  it('a call carries the key, the API version of the package, and our own idempotency key', async () => {
    await stripe.openCheckout(checkout, credentials, answering(json(200, fixture('session-open'))))
    const [{ headers, method, path } = assert.fail()] = provider.requests
    assert.equal(`${method} ${path}`, 'POST /v1/checkout/sessions')
    assert.equal(headers.authorization, 'Bearer sk_test_1')
    assert.equal(headers['stripe-version'], '2026-10-28.endive')
    assert.equal(headers['idempotency-key'], 'open-AsT-68a1b2c3d4e5f')
    assert.equal(headers['content-type'], 'application/x-www-form-urlencoded')
    assert.equal(headers['x-stripe-client-telemetry'], undefined)
  })

  it('a base address with a path keeps it', async () => {
    const transport = answering(json(200, fixture('session-open')))
    const prefixed = { ...transport, baseUrl: `${transport.baseUrl}/sandbox/stripe` }
    await stripe.fetchPayment(lookup, credentials, prefixed)
    assert.deepEqual(paths(), ['GET /sandbox/stripe/v1/checkout/sessions/cs_test_a1FixtureSession0001'])
  })

  it('a lost page is not found without asking: nobody has its address', async () => {
    const transport = answering()
    const payment = await stripe.fetchPayment({ ...lookup, channelReference: null }, credentials, transport)
    assert.deepEqual([payment.status, payment.channelStatus], ['pending', 'not_found'])
    await stripe.voidCheckout!({ ...page, channelReference: null }, credentials, transport)
    assert.deepEqual(paths(), [])
  })

  it('a session that Stripe does not have is pending, any other refusal is an error', async () => {
    const gone = answering(json(404, fixture('error-missing')))
    const payment = await stripe.fetchPayment(lookup, credentials, gone)
    assert.deepEqual([payment.status, payment.channelStatus], ['pending', 'not_found'])
    await assert.rejects(
      stripe.fetchPayment(lookup, credentials, answering(error(404, { message: 'Unrecognized request URL' }))),
      fails({ reason: 'refused', status: 404, outcome: 'rejected' }),
    )
  })

  it('a page for another reference or amount is garbage', async () => {
    for (const change of [{ client_reference_id: 'AsT-0' }, { amount_total: 1 }]) {
      await assert.rejects(
        stripe.openCheckout(checkout, credentials, answering(json(200, { ...fixture('session-open'), ...change }))),
        fails({ reason: 'garbage', outcome: 'rejected' }),
      )
    }
  })

  it('what its errors mean for a refund', async () => {
    const table: [ProviderAnswer, Partial<ChannelError>][] = [
      [error(400, { code: 'charge_already_refunded' }), { reason: 'refused', outcome: 'rejected' }],
      [error(402, { type: 'card_error' }), { reason: 'refused', outcome: 'rejected' }],
      [error(400, { type: 'idempotency_error' }), { reason: 'refused', outcome: 'unknown' }],
      [error(400, { code: 'rate_limit' }), { reason: 'rate_limited', outcome: 'rejected' }],
      [error(403, {}), { reason: 'unauthorised', outcome: 'rejected' }],
      [error(409, { type: 'idempotency_error' }), { reason: 'unavailable', outcome: 'unknown' }],
      [error(424, { type: 'api_error' }), { reason: 'unavailable', outcome: 'unknown' }],
      [error(200, {}), { reason: 'garbage', outcome: 'unknown' }],
      [json(400, { error: 'text' }), { reason: 'garbage', outcome: 'unknown' }],
      [json(400, { message: 'no envelope' }), { reason: 'garbage', outcome: 'unknown' }],
    ]
    for (const [answer, expected] of table) {
      const request = { ...refund, ...money, channelTransactionId: 'pi_1' }
      await assert.rejects(stripe.refund!(request, credentials, answering(answer)), fails(expected))
      assert.equal(provider.requests.length, 1)
      assert.equal(provider.requests[0]?.headers['idempotency-key'], 'refund-AsR-1')
    }
  })

  it('a refund finds the payment by its session when the payment id is not known', async () => {
    const transport = answering(json(200, fixture('session-paid')), json(200, fixture('refund')))
    const made = await stripe.refund!({ ...refund, ...money }, credentials, transport)
    assert.equal(made.status, 'successful')
    assert.equal(new URLSearchParams(provider.requests[1]?.body).get('payment_intent'), 'pi_fixture0001')
  })

  it('no refund of a payment that was never begun', async () => {
    await assert.rejects(
      stripe.refund!({ ...refund, ...money }, credentials, answering(json(200, fixture('session-open')))),
      fails({ reason: 'refused', outcome: 'rejected' }),
    )
    const lost = { ...refund, channelReference: null }
    const found = await stripe.fetchRefund!(lost, credentials, answering(json(200, fixture('session-open'))))
    assert.deepEqual([found.status, found.channelStatus], ['pending', 'not_found'])
  })
})

describe('voiding a Stripe page', () => {
  const expired = { ...fixture('session-open'), status: 'expired', url: null }

  it('expires the session, with a key of ours', async () => {
    await stripe.voidCheckout!(page, credentials, answering(json(200, expired)))
    assert.deepEqual(paths(), ['POST /v1/checkout/sessions/cs_test_a1FixtureSession0001/expire'])
    assert.equal(provider.requests[0]?.headers['idempotency-key'], 'void-AsT-68a1b2c3d4e5f')
  })

  it('a session that is expired already is void', async () => {
    await stripe.voidCheckout!(page, credentials, answering(json(400, fixture('error-not-open')), json(200, expired)))
  })

  it('a session that is paid, or still being paid, is not', async () => {
    for (const now of [fixture('session-paid'), { ...fixture('session-paid'), payment_status: 'unpaid' }]) {
      await assert.rejects(
        stripe.voidCheckout!(page, credentials, answering(json(400, fixture('error-not-open')), json(200, now))),
        fails({ reason: 'refused', outcome: 'rejected', status: 400 }),
      )
    }
  })

  it('an answer that does not say expired is no void, and silence is none', async () => {
    await assert.rejects(
      stripe.voidCheckout!(page, credentials, answering(json(200, fixture('session-open')))),
      fails({ reason: 'garbage' }),
    )
    await assert.rejects(stripe.voidCheckout!(page, credentials, answering('drop')), fails({ reason: 'unavailable' }))
    await assert.rejects(
      stripe.voidCheckout!(page, credentials, answering(json(404, fixture('error-missing')))),
      fails({ reason: 'refused', status: 404 }),
    )
  })
})

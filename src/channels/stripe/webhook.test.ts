import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { describe, it } from 'node:test'
import Stripe from 'stripe'
import { WebhookSignatureError } from '../channel.ts'
import { fixtureText } from './fixtures.ts'
import { readStripeWebhook } from './webhook.ts'

const credentials = { secret_key: 'sk_test_1', webhook_secret: 'whsec_1', publishable_key: null }
const at = new Date('2026-11-20T10:00:00Z')
const seconds = at.getTime() / 1000

const headerOf = (payload: string, timestamp = seconds, secret = 'whsec_1') =>
  Stripe.webhooks.generateTestHeaderString({ payload, secret, timestamp })
const read = (text: string, signature = headerOf(text)) =>
  readStripeWebhook(
    { headers: { 'stripe-signature': signature }, body: Buffer.from(text), receivedAt: at },
    credentials,
  )
const event = (type: string, object: object) => read(JSON.stringify({ id: 'evt_1', type, data: { object } })).subject

const metadata = { asyncpay_reference: 'AsT-1' }

describe('a Stripe webhook', () => {
  it('checkout.session.completed: ask about the payment, by our reference and by the session', () => {
    assert.deepEqual(read(fixtureText('session-completed.webhook')), {
      eventId: 'evt_fixture00000000000001',
      type: 'checkout.session.completed',
      claims: 'success',
      subject: {
        ...{ kind: 'payment', reference: 'AsT-68a1b2c3d4e5f', channelReference: 'cs_test_a1FixtureSession0001' },
        channelTransactionId: 'pi_fixture0001',
      },
    })
  })

  it('what it claims became of a payment: a completed session only where it is paid', () => {
    const claimOf = (type: string, object: object = {}) =>
      read(JSON.stringify({ id: 'evt_1', type, data: { object: { id: 'x_1', metadata, ...object } } })).claims
    assert.equal(claimOf('checkout.session.completed', { payment_status: 'paid' }), 'success')
    assert.equal(claimOf('checkout.session.completed', { payment_status: 'unpaid' }), undefined)
    for (const type of ['checkout.session.async_payment_succeeded', 'payment_intent.succeeded', 'charge.succeeded'])
      assert.equal(claimOf(type), 'success', type)
    for (const type of ['checkout.session.expired', 'payment_intent.canceled', 'charge.failed'])
      assert.equal(claimOf(type), 'failure', type)
    for (const type of ['payment_intent.created', 'payment_intent.processing', 'charge.refunded', 'constructor'])
      assert.equal(claimOf(type), undefined, type)
  })

  it('every event of a session, a payment intent and a charge asks about the payment', () => {
    for (const type of ['completed', 'expired', 'async_payment_succeeded', 'async_payment_failed']) {
      assert.deepEqual(event(`checkout.session.${type}`, { id: 'cs_1', client_reference_id: 'AsT-1' }), {
        kind: 'payment',
        reference: 'AsT-1',
        channelReference: 'cs_1',
      })
    }
    const subject = { kind: 'payment', reference: 'AsT-1', channelReference: null }
    for (const type of ['payment_intent.succeeded', 'payment_intent.payment_failed']) {
      assert.deepEqual(event(type, { id: 'pi_1', metadata }), { ...subject, channelTransactionId: 'pi_1' }, type)
    }
    assert.deepEqual(event('charge.failed', { id: 'ch_1', metadata }), subject)
  })

  it('a refund is named by itself and by its payment, a refunded charge by its payment', () => {
    const own = { asyncpay_reference: 'AsR-1', asyncpay_payment_reference: 'AsT-1' }
    const refund = { kind: 'refund', reference: 'AsR-1', channelReference: 're_1', paymentReference: 'AsT-1' }
    for (const type of ['refund.created', 'refund.updated', 'refund.failed', 'charge.refund.updated']) {
      assert.deepEqual(event(type, { id: 're_1', metadata: own }), refund, type)
    }
    assert.deepEqual(event('charge.refunded', { id: 'ch_1', metadata }), {
      kind: 'refund',
      reference: null,
      channelReference: null,
      paymentReference: 'AsT-1',
    })
    const stranger = { kind: 'refund', reference: null, channelReference: 're_2', paymentReference: null }
    assert.deepEqual(event('refund.created', { id: 're_2', metadata: {} }), stranger)
  })

  it('a payout asks about the payout', () => {
    const payout = { kind: 'payout', reference: 'AsP-1', channelReference: 'po_1' }
    assert.deepEqual(event('payout.paid', { id: 'po_1', metadata: { asyncpay_reference: 'AsP-1' } }), payout)
  })

  it('any other event, and one that does not name us, concerns nobody', () => {
    for (const type of ['payment_intent.succeeded', 'charge.refunded', 'charge.succeeded', 'charge.dispute.created']) {
      assert.equal(event(type, { id: 'x_1', metadata: {} }), null, type)
    }
    for (const type of ['customer.created', 'invoice.paid', 'brand.new', 'toString']) {
      assert.equal(event(type, { id: 'x_1', metadata }), null, type)
    }
  })

  it('a signature is good for five minutes, and only with the secret of the endpoint', () => {
    const text = fixtureText('session-completed.webhook')
    assert.ok(read(text, headerOf(text, seconds - 300)))
    const refused = [
      headerOf(text, seconds - 301),
      headerOf(text, seconds, 'whsec_2'),
      headerOf(text).replace('v1=', 'v0='),
      headerOf(text).replace(/t=\d+/, 't=0'),
      `t=${seconds},v1=`,
      'v1',
    ]
    for (const header of refused) assert.throws(() => read(text, header), WebhookSignatureError, header)
  })

  it('while a secret is being changed, one right signature of two is enough', () => {
    const text = fixtureText('session-completed.webhook')
    assert.ok(read(text, `${headerOf(text, seconds, 'whsec_old')},${headerOf(text).split(',')[1]}`))
  })

  it('a signed event without an id, a type or an object is kept as what it is', () => {
    const good = { id: 'evt_1', type: 'payout.paid', data: { object: { id: 'po_1' } } }
    for (const [change, type, isNamed] of [
      [{ id: undefined }, 'payout.paid', true],
      [{ type: 7 }, 'unknown', false],
      [{ data: {} }, 'payout.paid', false],
      [{ data: { object: 'po_1' } }, 'payout.paid', false],
      [{ data: { object: [{ id: 'po_1' }] } }, 'payout.paid', true],
    ] as const) {
      const event = read(JSON.stringify({ ...good, ...change }))
      assert.deepEqual([event.type, event.subject !== null], [type, isNamed], JSON.stringify(change))
      assert.ok(event.eventId)
    }
  })

  it('a thin event of v2 is proven by the same signature, and names its object', () => {
    const thin = (related: object) =>
      JSON.stringify({
        id: 'evt_v2',
        object: 'v2.core.event',
        type: 'v2.core.x',
        created: 'x',
        related_object: related,
      })
    const meter = read(thin({ id: 'mtr_1', type: 'billing.meter', url: '/v1/billing/meters/mtr_1' }))
    assert.deepEqual(meter, { eventId: 'evt_v2', type: 'v2.core.x', subject: null })
    assert.deepEqual(read(thin({ id: 'cs_1', type: 'checkout.session' })).subject, {
      ...{ kind: 'payment', reference: null, channelReference: 'cs_1' },
    })
    assert.throws(() => read(thin({}), headerOf('{}')), WebhookSignatureError)
  })

  it('the signature is over the bytes: with a byte order mark, of an empty body, and in a header that came twice', () => {
    const text = `\ufeff${fixtureText('session-completed.webhook')}`
    const sign = (body: string) =>
      `t=${seconds},v1=${createHmac('sha256', 'whsec_1').update(`${seconds}.${body}`).digest('hex')}`
    assert.equal(read(text, sign(text)).type, 'checkout.session.completed')
    assert.equal(read('', sign('')).subject, null)
    assert.equal(read(text, `${sign(text)}, ${sign(text)}`).type, 'checkout.session.completed')
  })

  it('the PaymentIntent is named where the event names it', () => {
    const idOf = (type: string, object: object) => {
      const subject = event(type, object)
      return subject?.kind === 'payment' ? subject.channelTransactionId : subject
    }
    assert.equal(idOf('payment_intent.succeeded', { id: 'pi_1', metadata }), 'pi_1')
    assert.equal(idOf('charge.succeeded', { id: 'ch_1', payment_intent: 'pi_1', metadata }), 'pi_1')
    assert.equal(idOf('charge.succeeded', { id: 'ch_1', payment_intent: { id: 'pi_1' }, metadata }), 'pi_1')
    assert.equal(idOf('checkout.session.completed', { id: 'cs_1', payment_intent: 'pi_1' }), 'pi_1')
    assert.equal(idOf('checkout.session.expired', { id: 'cs_1', payment_intent: null }), undefined)
  })
})

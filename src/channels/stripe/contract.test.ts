import Stripe from 'stripe'
import {
  type ChannelHarness,
  type ChargeFacts,
  channelContract,
  type PaymentFacts,
  type RefundFacts,
} from '../contract/contract.ts'
import type { StripeCredentials } from './api.ts'
import { fixture, part } from './fixtures.ts'
import { stripe } from './index.ts'

const secretKey = 'sk_test_canary4d5e6f7a8b9c'
const webhookSecret = 'whsec_canary0a1b2c3d4e5f'
const cardToken = 'pm_canary8x7y6z5w4v'

/** Stripe's wire by hand, apart from the adapter's own conversion: what one ISO minor unit is on the wire. */
const perMinor: Readonly<Record<string, [multiply: bigint, divide: bigint]>> = {
  ISK: [100n, 1n],
  UGX: [100n, 1n],
  MGA: [1n, 100n],
}
const toWire = (amountMinor: bigint, currency: string) => {
  const [multiply, divide] = perMinor[currency] ?? [1n, 1n]
  return Number((amountMinor * multiply) / divide)
}
const fromWire = (amount: bigint, currency: string) => {
  const [multiply, divide] = perMinor[currency] ?? [1n, 1n]
  return (amount * divide) / multiply
}

const ok = (body: unknown) => ({ status: 200, body: JSON.stringify(body) })

const sessionOf = ({ state, reference, amountMinor, currency }: PaymentFacts) => {
  const names = { untouched: 'session-open', successful: 'session-paid', declined: 'session-declined' }
  const session = fixture(state === 'strange' ? 'session-open' : names[state])
  const money = { amount: toWire(amountMinor, currency), currency: currency.toLowerCase() }
  Object.assign(session, { amount_total: money.amount, amount_subtotal: money.amount, currency: money.currency })
  Object.assign(session, { client_reference_id: reference })
  if (state === 'strange') Object.assign(session, { status: 'teleported', payment_status: 'teleported' })
  if (state === 'successful') {
    Object.assign(part(session, 'payment_intent'), { ...money, amount_received: money.amount })
    Object.assign(part(session, 'payment_intent', 'latest_charge'), { ...money, amount_captured: money.amount })
  }
  return session
}

const refundOf = ({ state, request, channelReference }: RefundFacts) => {
  const status = { pending: 'pending', successful: 'succeeded', failed: 'failed', strange: 'teleported' }[state]
  const currency = request.currency.toLowerCase()
  return {
    ...fixture('refund'),
    id: channelReference,
    status,
    amount: toWire(request.amountMinor, request.currency),
    currency,
  }
}

/** A stand-alone intent, or the 402 that holds it. */
const charged = ({ state, ...facts }: ChargeFacts) => {
  const isRefused = state !== 'successful' && state !== 'strange'
  const session = sessionOf({ ...facts, state: isRefused ? 'declined' : 'successful' })
  const intent = part(session, 'payment_intent')
  const money = { amount: toWire(facts.amountMinor, facts.currency), currency: facts.currency.toLowerCase() }
  Object.assign(intent, { ...money, metadata: { asyncpay_reference: facts.reference }, setup_future_usage: null })
  if (state === 'strange') Object.assign(intent, { status: 'teleported', latest_charge: null })
  if (!isRefused) return ok(intent)
  const codes = {
    declined: {},
    closed: { decline_code: 'stolen_card', advice_code: null },
    payer: { code: 'authentication_required', decline_code: 'authentication_required' },
  }[state as 'declined' | 'closed' | 'payer']
  const error = Object.assign(part(intent, 'last_payment_error'), codes)
  return { status: 402, body: JSON.stringify({ error: { ...error, payment_intent: intent } }) }
}

const harness: ChannelHarness<StripeCredentials> = {
  channel: stripe,
  fields: { secret_key: secretKey, webhook_secret: webhookSecret, publishable_key: 'pk_test_0123456789' },
  secrets: [secretKey, webhookSecret, cardToken],
  opened: ({ reference, amountMinor, currency }) => {
    const session = sessionOf({ state: 'untouched', reference, amountMinor, currency })
    return () => ok(session)
  },
  asked: (requests) => {
    const form = new URLSearchParams(requests[0]!.body)
    const currency = form.get('line_items[0][price_data][currency]')!.toUpperCase()
    const amount = BigInt(form.get('line_items[0][price_data][unit_amount]')!)
    return { reference: form.get('client_reference_id')!, amountMinor: fromWire(amount, currency), currency }
  },
  payment: (facts) => () => ok(sessionOf(facts)),
  refunded: (facts) => (request) => {
    const refund = refundOf(facts)
    const list = {
      object: 'list',
      data: [{ id: 're_1', object: 'refund' }, refund],
      has_more: false,
      url: '/v1/refunds',
    }
    return ok(request.path.startsWith('/v1/refunds?') ? list : refund)
  },
  saved: {
    method: { token: cardToken, tokenOwner: 'cus_fixture01', email: 'ada@example.com' },
    charged: (facts) => () => charged(facts),
    asked: (requests) => {
      const form = new URLSearchParams(requests[0]!.body)
      const currency = form.get('currency')!.toUpperCase()
      const amountMinor = fromWire(BigInt(form.get('amount')!), currency)
      return { reference: form.get('metadata[asyncpay_reference]')!, amountMinor, currency }
    },
    gone: {
      status: 400,
      body: JSON.stringify({
        error: {
          type: 'invalid_request_error',
          message: `The provided PaymentMethod was detached from a Customer. It may not be used again: ${cardToken}`,
          param: 'payment_method',
        },
      }),
    },
    forgotten: [
      ok({ id: cardToken, object: 'payment_method', customer: null }),
      {
        status: 400,
        body: '{"error":{"type":"invalid_request_error","message":"The payment method you provided is not attached to a customer so detachment is impossible."}}',
      },
      { status: 404, body: '{"error":{"type":"invalid_request_error","code":"resource_missing","message":"None"}}' },
    ],
    hasPage: false,
  },
  wrongKey: {
    status: 401,
    body: '{"error":{"message":"Invalid API Key provided: sk_test_********8b9c","type":"invalid_request_error"}}',
  },
  refusal: {
    status: 400,
    body: JSON.stringify({
      error: {
        type: 'invalid_request_error',
        code: 'parameter_invalid',
        message: `No payment with ${cardToken} by ${secretKey}, ${webhookSecret}`,
        payment_intent: { id: 'pi_1', client_secret: `pi_1_secret_x`, payment_method: { id: cardToken } },
        list: [cardToken],
        [secretKey]: 1,
      },
    }),
  },
  event: (reference) => {
    const event = fixture('session-completed.webhook')
    event.id = `evt_${Buffer.from(reference).toString('hex')}`
    Object.assign(part(event, 'data', 'object'), { client_reference_id: reference })
    return JSON.stringify(event)
  },
  sign: (body, at) => ({
    'stripe-signature': Stripe.webhooks.generateTestHeaderString({
      payload: body.toString('utf8'),
      secret: webhookSecret,
      timestamp: Math.floor(at.getTime() / 1000),
    }),
  }),
  signsBody: true,
}

channelContract('Stripe', harness)

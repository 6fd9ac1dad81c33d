import { createHmac } from 'node:crypto'
import {
  type ChannelHarness,
  type ChargeFacts,
  channelContract,
  type PaymentFacts,
  type RefundFacts,
} from '../contract/contract.ts'
import type { PaystackCredentials } from './api.ts'
import { fixture } from './fixtures.ts'
import { paystack } from './index.ts'

const secretKey = 'sk_test_canary4d5e6f7a8b9c'
const cardToken = 'AUTH_canary8x7y6z'

/** Paystack's wire by hand, apart from the adapter's own conversion: XOF has no minor unit, the others have two digits. */
const toWire = (amountMinor: bigint, currency: string) => Number(currency === 'XOF' ? amountMinor * 100n : amountMinor)
const fromWire = (amount: number, currency: string) => BigInt(currency === 'XOF' ? amount / 100 : amount)

const ok = (body: unknown) => ({ status: 200, body: JSON.stringify(body) })

const verified = ({ state, reference, amountMinor, currency }: PaymentFacts) => {
  const answer = state === 'untouched' ? fixture('verify-abandoned') : fixture('verify-success')
  const amount = toWire(amountMinor, currency)
  const changes = {
    untouched: {},
    successful: {},
    declined: { status: 'failed', gateway_response: 'Insufficient Funds', paid_at: null },
    strange: { status: 'teleported', paid_at: null },
  }[state]
  Object.assign(answer.data, { reference, amount, currency, requested_amount: amount, ...changes })
  return answer
}

const refunded = ({ state, request, channelReference }: RefundFacts) => {
  const answer = fixture('refund-created')
  const status = { pending: 'processing', successful: 'processed', failed: 'failed', strange: 'teleported' }[state]
  const amount = toWire(request.amountMinor, request.currency)
  Object.assign(answer.data, { status, amount, currency: request.currency, id: channelReference })
  return answer
}

const charged = ({ state, ...facts }: ChargeFacts) => {
  if (state === 'payer') {
    const answer = fixture('charge-paused')
    Object.assign(answer.data, { reference: facts.reference })
    return answer
  }
  const answer = verified({ ...facts, state: state === 'closed' ? 'declined' : state })
  if (state === 'closed') Object.assign(answer.data, { gateway_response: 'Pick up card' })
  return answer
}

const harness: ChannelHarness<PaystackCredentials> = {
  channel: paystack,
  fields: { secret_key: secretKey, public_key: 'pk_test_0123456789' },
  secrets: [secretKey, cardToken],
  opened: ({ reference }) => {
    const answer = fixture('initialize')
    Object.assign(answer.data, { reference })
    return () => ok(answer)
  },
  asked: (requests) => {
    const { reference, amount, currency } = JSON.parse(requests[0]!.body)
    return { reference, amountMinor: fromWire(amount, currency), currency }
  },
  payment: (facts) => () => ok(verified(facts)),
  refunded: (facts) => (request) => {
    const answer = refunded(facts)
    return ok(request.path.startsWith('/refund?') ? { ...answer, data: [{ id: 1 }, answer.data] } : answer)
  },
  saved: {
    method: { token: cardToken, tokenOwner: null, email: 'ada@example.com' },
    charged: (facts) => () => ok(charged(facts)),
    asked: (requests) => {
      const { reference, amount, currency } = JSON.parse(requests[0]!.body)
      return { reference, amountMinor: fromWire(amount, currency), currency }
    },
    gone: {
      status: 400,
      body: JSON.stringify({
        status: false,
        message: 'Authorization code does not exist or has been deactivated',
        type: 'validation_error',
      }),
    },
    forgotten: [
      ok({ status: true, message: 'Authorization has been deactivated' }),
      { status: 404, body: '{"status":false,"message":"Authorization code not found."}' },
    ],
    hasPage: true,
  },
  wrongKey: { status: 401, body: '{"status":false,"message":"Invalid key"}' },
  refusal: {
    status: 400,
    body: JSON.stringify({
      status: false,
      message: `No charge with ${cardToken} by ${secretKey}`,
      meta: { nextStep: `Ask the holder of ${secretKey}`, header: `Bearer ${secretKey}` },
      type: 'validation_error',
      code: 'invalid_params',
      data: { authorization: { authorization_code: cardToken }, list: [cardToken], [secretKey]: 1 },
    }),
  },
  event: (reference) => {
    const event = fixture('charge-success.webhook')
    // Another payment has another id.
    Object.assign(event.data, { reference, id: BigInt(`0x${Buffer.from(reference).toString('hex')}`).toString() })
    return JSON.stringify(event)
  },
  sign: (body) => ({ 'x-paystack-signature': createHmac('sha512', secretKey).update(body).digest('hex') }),
  signsBody: true,
}

channelContract('Paystack', harness)

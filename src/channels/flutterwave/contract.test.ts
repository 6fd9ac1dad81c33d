import { createHmac } from 'node:crypto'
import {
  type ChannelHarness,
  type ChargeFacts,
  channelContract,
  type PaymentFacts,
  type RefundFacts,
} from '../contract/contract.ts'
import type { FlutterwaveCredentials } from './api.ts'
import { fixture } from './fixtures.ts'
import { flutterwave } from './index.ts'

const secretKey = 'FLWSECK_TEST-canary4d5e6f7a8b9c-X'
const secretHash = 'canary-hash-0f1e2d3c'
const cardToken = 'flw-t1nf-canary8x7y6z-m03k'

/** Flutterwave's wire by hand, apart from the adapter's own conversion: whole units, and cents where a currency has them. */
const hasCents = (currency: string) => !['XAF', 'XOF', 'UGX', 'RWF'].includes(currency)
const toMajor = (amountMinor: bigint, currency: string) =>
  hasCents(currency) ? `${amountMinor / 100n}.${String(amountMinor % 100n).padStart(2, '0')}` : String(amountMinor)
function fromMajor(amount: string | number, currency: string): bigint {
  const [whole, cents = ''] = String(amount).split('.') as [string, string?]
  return hasCents(currency) ? BigInt(whole) * 100n + BigInt(cents.padEnd(2, '0')) : BigInt(String(amount))
}

/** Amounts as bare JSON numbers, written digit by digit: `JSON.stringify` of a number would be a float's word for it. */
const ok = (body: unknown) => ({
  status: 200,
  body: JSON.stringify(body).replaceAll(/"number:([\d.]+)"/g, '$1'),
})
const none = { status: 400, body: JSON.stringify(fixture('verify-none')) }

const verified = ({ state, reference, amountMinor, currency }: PaymentFacts) => {
  const answer = fixture('verify-success')
  const amount = `number:${toMajor(amountMinor, currency)}`
  const changes = {
    untouched: {},
    successful: {},
    declined: { status: 'failed', processor_response: 'Insufficient Funds' },
    strange: { status: 'teleported' },
  }[state]
  Object.assign(answer.data, { tx_ref: reference, amount, charged_amount: amount, currency, ...changes })
  return answer
}

const refunded = ({ state, request, channelReference }: RefundFacts, isFetched: boolean) => {
  const answer = fixture(isFetched ? 'refund-fetched' : 'refund-created')
  const status = { pending: 'completed', successful: 'completed-mpgs', failed: 'failed', strange: 'teleported' }[state]
  const amount = `number:${toMajor(request.amountMinor, request.currency)}`
  Object.assign(answer.data, { status, amount_refunded: amount, id: channelReference })
  return answer
}

const charged = ({ state, ...facts }: ChargeFacts) => {
  const known = { successful: state, declined: state, strange: state, closed: 'declined', payer: 'successful' } as const
  const answer = verified({ ...facts, state: known[state] as PaymentFacts['state'] })
  if (state === 'closed') Object.assign(answer.data, { processor_response: 'Expired Card' })
  if (state !== 'payer') return answer
  const redirect = 'https://checkout.flutterwave.com/v3/hosted/pay/flwlnk-1'
  const meta = { authorization: { mode: 'redirect', redirect } }
  Object.assign(answer.data, { status: 'pending', processor_response: 'Transaction in progress', meta })
  return answer
}

const harness: ChannelHarness<FlutterwaveCredentials> = {
  channel: flutterwave,
  fields: { secret_key: secretKey, secret_hash: secretHash, public_key: 'FLWPUBK_TEST-0123456789-X' },
  secrets: [secretKey, secretHash, cardToken],
  opened: () => () => ok(fixture('payments')),
  asked: (requests) => {
    const { tx_ref, amount, currency } = JSON.parse(requests[0]!.body)
    return { reference: tx_ref, amountMinor: fromMajor(amount, currency), currency }
  },
  payment: (facts) => (request) => {
    if (facts.state === 'untouched') return none
    return request.path.startsWith('/v3/transactions?') ? ok({ ...verified(facts), data: [] }) : ok(verified(facts))
  },
  refunded: (facts) => (request) => {
    const { reference } = facts.request.payment
    if (request.path.startsWith('/v3/transactions/') && request.method === 'GET') {
      return ok(verified({ ...facts.request, state: 'successful', reference }))
    }
    const answer = refunded(facts, request.method === 'GET')
    return ok(request.path.startsWith('/v3/refunds?') ? { ...answer, data: [{ id: 1 }, answer.data] } : answer)
  },
  saved: {
    method: { token: cardToken, tokenOwner: null, email: 'ada@example.com' },
    charged: (facts) => () => ok(charged(facts)),
    asked: (requests) => {
      const { tx_ref, amount, currency } = JSON.parse(requests[0]!.body)
      return { reference: tx_ref, amountMinor: fromMajor(amount, currency), currency }
    },
    gone: { status: 400, body: '{"status":"error","message":"Wrong token or email passed","data":null}' },
    hasPage: true,
  },
  wrongKey: { status: 401, body: '{"status":"error","message":"merchant secret key required","data":null}' },
  refusal: {
    status: 400,
    body: JSON.stringify({
      status: 'error',
      message: `No charge with ${cardToken} by ${secretKey} and ${secretHash}`,
      data: {
        card: { token: cardToken },
        header: `Bearer ${secretKey}`,
        list: [cardToken, secretHash],
        [secretKey]: 1,
      },
    }),
  },
  event: (reference) => {
    const event = fixture('charge-completed.webhook')
    // Another payment has another id.
    const id = BigInt(`0x${Buffer.from(reference).toString('hex')}`).toString()
    Object.assign(event.data, { tx_ref: reference, id })
    return JSON.stringify(event)
  },
  sign: () => ({ 'verif-hash': secretHash }),
  signsBody: false,
}

channelContract('Flutterwave', harness)
channelContract('Flutterwave with signed bodies', {
  ...harness,
  sign: (body) => ({ 'flutterwave-signature': createHmac('sha256', secretHash).update(body).digest('base64') }),
  signsBody: true,
})

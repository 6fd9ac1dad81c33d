import { createHmac } from 'node:crypto'
import { type ChannelHarness, channelContract, type PaymentFacts } from '../src/channels/contract/contract.ts'
import type { ToyCredentials } from './support/toy-channel/api.ts'
import { toy } from './support/toy-channel/index.ts'

/** The suite that every channel passes, for one with a login. */

const secret = 'canary-of-the-toy-4d5e6f'
const token = 'canary-token-7a8b9c'

const answer = (status: number, body: unknown) => ({ status, body: JSON.stringify(body) })

/** By hand, apart from the adapter's own conversion. */
const major = (amountMinor: bigint, currency: string) =>
  currency === 'XOF' ? String(amountMinor) : `${amountMinor / 100n}.${String(amountMinor % 100n).padStart(2, '0')}`

const shown = ({ state, reference, amountMinor, currency }: PaymentFacts) => ({
  ...{ id: '9007199254740993', reference, amount: major(amountMinor, currency), currency },
  status: { untouched: 'WAITING', successful: 'PAID', declined: 'REFUSED', strange: 'TELEPORTED' }[state],
  paid_at: '2026-11-20T10:00:00Z',
})

const harness: ChannelHarness<ToyCredentials> = {
  channel: toy,
  fields: { api_key: 'toy_test_0123456789', api_secret: secret },
  secrets: [secret, token],
  login: ({ path }) => (path === '/login' ? answer(200, { ok: true, result: { token, expires_in: 3600 } }) : null),
  opened: () => () => answer(200, { ok: true, result: { page: 'https://pay.toy.invalid/1' } }),
  asked: (requests) => {
    const { reference, amount, currency } = JSON.parse(requests[0]!.body)
    const minor = currency === 'XOF' ? BigInt(amount) : BigInt(Math.round(Number(amount) * 100))
    return { reference, amountMinor: minor, currency }
  },
  payment: (facts) => () => answer(200, { ok: true, result: shown(facts) }),
  wrongKey: answer(401, { ok: false, message: 'Unknown token' }),
  refusal: answer(400, { ok: false, message: `No ${token} by ${secret}`, list: [secret, { deep: token }] }),
  event: (reference) => JSON.stringify({ event: 'payment', payment: { reference, status: 'PAID' } }),
  sign: (body) => ({ 'x-toy-signature': createHmac('sha256', secret).update(body).digest('hex') }),
  signsBody: true,
}

channelContract('Toy Pay', harness)

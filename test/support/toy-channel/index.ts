import { createHmac } from 'node:crypto'
import {
  type Channel,
  ChannelError,
  type ChannelEvent,
  type ChannelPayment,
  type OpenCheckout,
  type OpenedCheckout,
  type RawWebhook,
  WebhookSignatureError,
} from '../../../src/channels/channel.ts'
import { unknownPayment } from '../../../src/channels/kit/answers.ts'
import { credentialsBy } from '../../../src/channels/kit/credentials.ts'
import { orUnknown } from '../../../src/channels/kit/envelope.ts'
import { type Json, objectOf } from '../../../src/channels/kit/exchange.ts'
import { fromMajor, toMajor } from '../../../src/channels/kit/money.ts'
import { isSame, proofsIn } from '../../../src/channels/kit/proof.ts'
import { digestOf, partOf, readEvent, subjectIn, unknownType } from '../../../src/channels/kit/webhook-body.ts'
import { currencyOf, dateOf, idOf, meaningOf, textOf, webAddressOf, wordOf } from '../../../src/channels/kit/words.ts'
import { callToy, credentialFields, type ToyCredentials } from './api.ts'

/**
 * A channel that does not exist: what adding one takes, and no more. It opens pages and is asked about them; like several
 * real ones it wants a login first.
 */
export const toy: Channel<ToyCredentials> = {
  slug: 'toy',
  displayName: 'Toy-Pay 2',
  themeColor: '#7FD1AE',
  liveUrl: 'https://api.toy.invalid',
  testUrl: 'https://sandbox.toy.invalid',
  summary: 'Cards and wallets of a town that children built.',
  limits: {
    currencies: {
      NGN: { payMinor: 50_00n, tokenizeMinor: 50_00n, payMaxMinor: null },
      XOF: { payMinor: 1n, tokenizeMinor: 1n, payMaxMinor: null },
    },
    source: 'Made up, 2026-11-28',
  },
  ...credentialsBy(credentialFields),
  async openCheckout(request, credentials, transport) {
    const call = { method: 'POST', path: '/payments', body: toPaymentBody(request), moves: false } as const
    return (await callToy(transport, credentials, call)).read((result) => toOpened(result, request.reference))
  },
  async fetchPayment({ reference }, credentials, transport) {
    const path = `/payments/${encodeURIComponent(reference)}`
    const answer = callToy(transport, credentials, { method: 'GET', path, moves: false })
    return orUnknown(
      answer.then(({ read }) => read(toPayment)),
      isUnknown,
      unknownPayment,
    )
  },
  readWebhook,
}

const isUnknown = (error: unknown): boolean =>
  error instanceof ChannelError && error.reason === 'refused' && error.status === 404

const toPaymentBody = ({ reference, amountMinor, currency, payer, returnUrl }: OpenCheckout): Json => ({
  reference,
  amount: toMajor(amountMinor, currency),
  currency,
  email: payer.email,
  return_url: returnUrl,
})

function toOpened(result: unknown, reference: string): OpenedCheckout | null {
  const url = webAddressOf(objectOf(result)?.page)
  return url === null ? null : { url, channelReference: reference }
}

const statuses: Readonly<Record<string, ChannelPayment['status']>> = {
  waiting: 'pending',
  paid: 'successful',
  refused: 'failed',
}

function toPayment(result: unknown): ChannelPayment | null {
  const payment = objectOf(result)
  const channelStatus = wordOf(payment?.status)
  if (!payment || channelStatus === null) return null
  const status = meaningOf(statuses, channelStatus) ?? 'pending'
  return {
    ...unknownPayment,
    status,
    channelStatus,
    reference: textOf(payment.reference),
    amountMinor: fromMajor(payment.amount, payment.currency),
    currency: currencyOf(payment.currency),
    channelTransactionId: idOf(payment.id),
    paymentMethod: status === 'pending' ? 'Unknown' : 'Toy Wallet',
    reason: status === 'failed' ? (textOf(payment.reason) ?? 'Toy Pay gave no reason.') : null,
    paidAt: status === 'successful' ? dateOf(payment.paid_at) : null,
  }
}

function readWebhook({ headers, body }: RawWebhook, { api_secret }: ToyCredentials): ChannelEvent {
  const right = createHmac('sha256', api_secret).update(body).digest('hex')
  if (!proofsIn(headers['x-toy-signature'] ?? '').some((given) => isSame(given, right))) {
    throw new WebhookSignatureError('x-toy-signature does not fit the body and the secret.')
  }
  const event = readEvent(body)
  const type = textOf(event.event) ?? unknownType
  const payment = type === 'payment' ? partOf(event.payment) : null
  const reference = textOf(payment?.reference)
  const subject =
    reference === null ? subjectIn(event) : ({ kind: 'payment', reference, channelReference: reference } as const)
  return { eventId: `${type}:${digestOf(body)}`, type, subject }
}

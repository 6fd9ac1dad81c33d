import type {
  Channel,
  ChannelLimits,
  ChannelPayment,
  ChannelRefund,
  ChannelTransport,
  OpenCheckout,
  OpenedCheckout,
  PaymentLookup,
  RefundLookup,
  RefundRequest,
} from '../channel.ts'
import { unknownPayment, unknownRefund } from '../kit/answers.ts'
import { credentialsBy } from '../kit/credentials.ts'
import { orUnknown } from '../kit/envelope.ts'
import { namedBeside, withFurther } from '../kit/further.ts'
import { callPaystack, credentialFields, isUnknownReference, type PaystackCredentials } from './api.ts'
import { chargeSaved, forgetSaved } from './saved.ts'
import { isOurRefund, toInitialize, toOpened, toPayment, toRefund, toRefundBody } from './translate.ts'
import { readPaystackWebhook } from './webhook.ts'

/** No `voidCheckout`: Paystack has no call for it. Money that arrives after our own voiding is the domain's to give back. */
export const paystack: Channel<PaystackCredentials> = {
  slug: 'paystack',
  displayName: 'Paystack',
  themeColor: '#66B5FF',
  liveUrl: 'https://api.paystack.co',
  summary:
    'Cards, bank transfers, USSD and mobile money for buyers in Nigeria, Ghana, Kenya, South Africa and Côte d’Ivoire.',
  limits: limits(),
  ...credentialsBy(credentialFields),
  openCheckout,
  fetchPayment,
  readWebhook: readPaystackWebhook,
  chargeSaved,
  forgetSaved,
  refund,
  fetchRefund,
}

/**
 * ISO minor units; XOF has none, so 1n is one franc. Tokenising: the larger of the general and the recommended minimum.
 * Greatest: ten million of the currency, whichever it is.
 */
function limits(): ChannelLimits {
  const from = (payMinor: bigint, unitMinor = 100n) => ({
    ...{ payMinor, tokenizeMinor: payMinor },
    payMaxMinor: 10_000_000n * unitMinor,
  })
  return {
    currencies: {
      ...{ NGN: from(50_00n), USD: from(2_00n), GHS: from(10n), ZAR: from(1_00n), KES: from(3_00n) },
      XOF: from(1n, 1n),
    },
    source:
      'Paystack API documentation (supported currencies), "Recurring charges" and the transaction error reference, read 2026-11-20',
  }
}

/** A reference that was used before is refused (`code: "duplicate_reference"` in the error's answer). */
async function openCheckout(
  request: OpenCheckout,
  credentials: PaystackCredentials,
  transport: ChannelTransport,
): Promise<OpenedCheckout> {
  const body = toInitialize(request)
  const call = { method: 'POST', path: '/transaction/initialize', body, moves: false } as const
  const answer = await callPaystack(transport, credentials, call)
  return answer.read((data) => toOpened(data, request.reference))
}

/**
 * Paystack has one transaction per reference, and a list that cannot be filtered by it. So what is asked about besides is
 * the transaction that a webhook named: another success under our reference is further money.
 */
async function fetchPayment(
  lookup: PaymentLookup,
  credentials: PaystackCredentials,
  transport: ChannelTransport,
): Promise<ChannelPayment> {
  const path = `/transaction/verify/${encodeURIComponent(lookup.reference)}`
  const shown = await ask(path, credentials, transport)
  const named = namedBeside(lookup, shown, /^\d+$/)
  if (named === null) return shown
  return withFurther(shown, [await ask(`/transaction/${named}`, credentials, transport)], lookup.reference)
}

async function ask(
  path: string,
  credentials: PaystackCredentials,
  transport: ChannelTransport,
): Promise<ChannelPayment> {
  const answer = callPaystack(transport, credentials, { method: 'GET', path, moves: false })
  return orUnknown(
    answer.then(({ read }) => read(toPayment)),
    isUnknownReference,
    unknownPayment,
  )
}

/** Paystack has no key against a second refund: send once, and ask with `fetchRefund` when no answer comes. */
async function refund(
  request: RefundRequest,
  credentials: PaystackCredentials,
  transport: ChannelTransport,
): Promise<ChannelRefund> {
  const call = { method: 'POST', path: '/refund', body: toRefundBody(request), moves: true } as const
  return (await callPaystack(transport, credentials, call)).read(toRefund)
}

/** By its id; without one (the answer to `refund` was lost) among the payment's refunds by our ref in the note. */
async function fetchRefund(
  lookup: RefundLookup,
  credentials: PaystackCredentials,
  transport: ChannelTransport,
): Promise<ChannelRefund> {
  if (lookup.channelReference === null) return findRefund(lookup, credentials, transport)
  const path = `/refund/${encodeURIComponent(lookup.channelReference)}`
  return (await callPaystack(transport, credentials, { method: 'GET', path, moves: false })).read(toRefund)
}

/** The list is filtered by Paystack's own transaction id. One page of 100: more refunds of one payment are not ours. */
async function findRefund(
  lookup: RefundLookup,
  credentials: PaystackCredentials,
  transport: ChannelTransport,
): Promise<ChannelRefund> {
  const transactionId =
    lookup.channelTransactionId ?? (await fetchPayment(lookup.payment, credentials, transport)).channelTransactionId
  if (transactionId === null) return unknownRefund
  const path = `/refund?transaction=${encodeURIComponent(transactionId)}&perPage=100`
  const answer = await callPaystack(transport, credentials, { method: 'GET', path, moves: false })
  if (!Array.isArray(answer.data)) throw answer.garbage()
  const row = answer.data.find((data: unknown) => isOurRefund(data, lookup.reference))
  return row === undefined ? unknownRefund : answer.read(() => toRefund(row))
}

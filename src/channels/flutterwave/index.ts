import {
  type Channel,
  ChannelError,
  type ChannelLimits,
  type ChannelPayment,
  type ChannelRefund,
  type ChannelTransport,
  type OpenCheckout,
  type OpenedCheckout,
  type PaymentLookup,
  type RefundLookup,
  type RefundRequest,
} from '../channel.ts'
import { unknownPayment, unknownRefund } from '../kit/answers.ts'
import { credentialsBy } from '../kit/credentials.ts'
import { orUnknown } from '../kit/envelope.ts'
import { namedBeside, withFurther } from '../kit/further.ts'
import {
  callFlutterwave,
  credentialFields,
  type FlutterwaveCredentials,
  isInactiveLink,
  isUnknownTransaction,
} from './api.ts'
import { chargeSaved } from './saved.ts'
import {
  isOurRefund,
  toListed,
  toOpened,
  toPayment,
  toPaymentBody,
  toRefund,
  toRefundBody,
  transactionIdOf,
} from './translate.ts'
import { readFlutterwaveWebhook } from './webhook.ts'

/**
 * Flutterwave's v3 API; v4 has other hosts, other keys and another shape. No `forgetSaved`: a token cannot be
 * taken back, it dies after a year.
 */
export const flutterwave: Channel<FlutterwaveCredentials> = {
  slug: 'flutterwave',
  displayName: 'Flutterwave',
  themeColor: '#FFC366',
  liveUrl: 'https://api.flutterwave.com',
  summary:
    'Cards, bank transfers, USSD and mobile money in thirteen currencies, for buyers across Africa and in Europe and the United States.',
  limits: limits(),
  ...credentialsBy(credentialFields),
  openCheckout,
  fetchPayment,
  readWebhook: readFlutterwaveWebhook,
  voidCheckout,
  chargeSaved: (charge, credentials, transport) =>
    chargeSaved(charge, credentials, transport, () =>
      fetchPayment(
        { reference: charge.reference, channelReference: null, charged: { tokenOwner: null } },
        credentials,
        transport,
      ),
    ),
  refund,
  fetchRefund,
}

/**
 * ISO minor units. Flutterwave publishes no least amounts. Paying: the least unit, because a floor of our own would turn
 * away what Flutterwave takes, and what it does not take it refuses itself. Tokenising: what we charge of our own accord
 * to save a card, so cautious round sums of our own, about what a card network lets pass.
 */
function limits(): ChannelLimits {
  const least = (tokenizeMinor: bigint) => ({ payMinor: 1n, tokenizeMinor, payMaxMinor: null })
  return {
    currencies: {
      NGN: least(100_00n),
      USD: least(1_00n),
      EUR: least(1_00n),
      GBP: least(1_00n),
      GHS: least(1_00n),
      XAF: least(100n),
      XOF: least(100n),
      ZAR: least(5_00n),
      MWK: least(200_00n),
      KES: least(10_00n),
      UGX: least(500n),
      RWF: least(200n),
      TZS: least(500_00n),
    },
    source:
      'Currencies: Flutterwave v3 documentation, "Payment methods", read 2026-11-20. Least and greatest amounts are not published (the greatest is the account’s own): the least unit for paying, cautious sums of our own for tokenising.',
  }
}

/** Flutterwave gives no id but the link itself, and does not echo our reference; payments are found by `tx_ref`. */
async function openCheckout(
  request: OpenCheckout,
  credentials: FlutterwaveCredentials,
  transport: ChannelTransport,
): Promise<OpenedCheckout> {
  const call = { method: 'POST', path: '/v3/payments', body: toPaymentBody(request), moves: false } as const
  const answer = await callFlutterwave(transport, credentials, call)
  return answer.read((data) => toOpened(data, request.reference))
}

/**
 * Every attempt on one link is a transaction of its own, and nothing published says which of several is shown for a
 * `tx_ref`. So the list is asked as well: for all successes, of which the first is the payment and the others are further
 * money; and where none is, for an attempt whose money is on its way behind one that was refused. A webhook's transaction
 * is asked about too, which the list may not show yet.
 */
async function fetchPayment(
  lookup: PaymentLookup,
  credentials: FlutterwaveCredentials,
  transport: ChannelTransport,
): Promise<ChannelPayment> {
  const { reference } = lookup
  const path = `/v3/transactions/verify_by_reference?tx_ref=${encodeURIComponent(reference)}`
  const shown = await verify(path, credentials, transport)
  const named = await verifyNamed(lookup, shown, credentials, transport)
  if (shown === unknownPayment && named.length === 0) return shown
  const listed = await list(reference, 'successful', shown, credentials, transport)
  const payment = withFurther(shown, [...named, ...listed], reference)
  if (payment.status === 'successful') return await inFull(payment, [shown, ...named], credentials, transport)
  // A token is charged once per reference: nothing waits behind its refusal.
  if (payment.status !== 'failed' || lookup.charged) return payment
  const waiting = await list(reference, 'pending', shown, credentials, transport)
  return waiting.find(({ status }) => status === 'processing') ?? payment
}

/** A row of the list lacks the card, so it is verified by id; further money is none of a transaction's own. */
async function inFull(
  payment: ChannelPayment,
  verified: readonly ChannelPayment[],
  credentials: FlutterwaveCredentials,
  transport: ChannelTransport,
): Promise<ChannelPayment> {
  const id = payment.channelTransactionId
  if (id === null || verified.some((one) => one.channelTransactionId === id)) return payment
  const { further } = payment
  const full = await verify(`/v3/transactions/${id}/verify`, credentials, transport)
  return { ...full, ...(further && { further }) }
}

async function verifyNamed(
  lookup: PaymentLookup,
  shown: ChannelPayment,
  credentials: FlutterwaveCredentials,
  transport: ChannelTransport,
): Promise<ChannelPayment[]> {
  const id = namedBeside(lookup, shown, /^\d+$/)
  return id === null ? [] : [await verify(`/v3/transactions/${id}/verify`, credentials, transport)]
}

async function verify(
  path: string,
  credentials: FlutterwaveCredentials,
  transport: ChannelTransport,
): Promise<ChannelPayment> {
  const answer = callFlutterwave(transport, credentials, { method: 'GET', path, moves: false })
  return orUnknown(
    answer.then(({ read }) => read(toPayment)),
    isUnknownTransaction,
    unknownPayment,
  )
}

/**
 * The transactions of this reference with this status, newest first; its first page is enough. Where a success is known
 * already, a list that cannot be had does not hold it up: further money is told of by its own webhook, too.
 */
async function list(
  reference: string,
  status: 'successful' | 'pending',
  shown: ChannelPayment,
  credentials: FlutterwaveCredentials,
  transport: ChannelTransport,
): Promise<ChannelPayment[]> {
  const path = `/v3/transactions?tx_ref=${encodeURIComponent(reference)}&status=${status}`
  try {
    const answer = await callFlutterwave(transport, credentials, { method: 'GET', path, moves: false })
    if (!Array.isArray(answer.data)) throw answer.garbage()
    return answer.data.flatMap((row: unknown) => toListed(row, reference) ?? [])
  } catch (error) {
    if (isUnknownTransaction(error)) return []
    if (error instanceof ChannelError && shown.status === 'successful') return []
    throw error
  }
}

/**
 * Done when the link takes no money: also when it did not before. Money may still have been faster, so the caller asks
 * once more afterwards. Without a URL opening got no answer and nobody has the link.
 */
async function voidCheckout(
  lookup: PaymentLookup & { url: string | null },
  credentials: FlutterwaveCredentials,
  transport: ChannelTransport,
): Promise<void> {
  if (lookup.url === null) return
  const call = { method: 'POST', path: '/v3/payments/link/disable', body: { link: lookup.url }, moves: false } as const
  try {
    await callFlutterwave(transport, credentials, call)
  } catch (error) {
    if (!isInactiveLink(error)) throw error
  }
}

/** Flutterwave has no key against a second refund: send once, and ask with `fetchRefund` when no answer comes. */
async function refund(
  request: RefundRequest,
  credentials: FlutterwaveCredentials,
  transport: ChannelTransport,
): Promise<ChannelRefund> {
  const id = await transactionIdFor(request, credentials, transport)
  if (id === null) {
    throw new ChannelError('Flutterwave knows no transaction of this payment that could be refunded.', {
      outcome: 'rejected',
      reason: 'refused',
    })
  }
  const path = `/v3/transactions/${encodeURIComponent(id)}/refund`
  const call = { method: 'POST', path, body: toRefundBody(request), moves: true } as const
  const answer = await callFlutterwave(transport, credentials, call)
  return answer.read((data) => toRefund(data, request.currency))
}

/** By its id; without one (the answer to `refund` was lost) among the payment's refunds by our ref in the comment. */
async function fetchRefund(
  lookup: RefundLookup,
  credentials: FlutterwaveCredentials,
  transport: ChannelTransport,
): Promise<ChannelRefund> {
  if (lookup.channelReference === null) return findRefund(lookup, credentials, transport)
  const path = `/v3/refunds/${encodeURIComponent(lookup.channelReference)}`
  const answer = await callFlutterwave(transport, credentials, { method: 'GET', path, moves: false })
  const currency = await currencyOf(answer.data, lookup, credentials, transport)
  return answer.read((data) => toRefund(data, currency))
}

/** The list is filtered by the refunded transaction's id ("Get all refunds", read 2026-11-20); its first page is enough. */
async function findRefund(
  lookup: RefundLookup,
  credentials: FlutterwaveCredentials,
  transport: ChannelTransport,
): Promise<ChannelRefund> {
  const id = await transactionIdFor(lookup, credentials, transport)
  if (id === null) return unknownRefund
  const path = `/v3/refunds?id=${encodeURIComponent(id)}`
  const answer = await callFlutterwave(transport, credentials, { method: 'GET', path, moves: false })
  if (!Array.isArray(answer.data)) throw answer.garbage()
  const row = answer.data.find((data: unknown) => isOurRefund(data, lookup.reference))
  if (row === undefined) return unknownRefund
  const currency = await currencyOf(row, lookup, credentials, transport)
  return answer.read(() => toRefund(row, currency))
}

/** Refunds go by Flutterwave's own transaction id; where we have none, the payment tells it. */
async function transactionIdFor(
  { payment, channelTransactionId }: Pick<RefundLookup, 'payment' | 'channelTransactionId'>,
  credentials: FlutterwaveCredentials,
  transport: ChannelTransport,
): Promise<string | null> {
  return channelTransactionId ?? (await fetchPayment(payment, credentials, transport)).channelTransactionId
}

/** A refund names no currency: it is that of the transaction that it gives back. */
async function currencyOf(
  refunded: unknown,
  { payment, channelTransactionId }: RefundLookup,
  credentials: FlutterwaveCredentials,
  transport: ChannelTransport,
): Promise<string | null> {
  const id = transactionIdOf(refunded) ?? channelTransactionId
  const found = id
    ? await verify(`/v3/transactions/${encodeURIComponent(id)}/verify`, credentials, transport)
    : await fetchPayment(payment, credentials, transport)
  return found.currency
}

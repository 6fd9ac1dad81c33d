import type { ChannelPayment } from '../../channels/channel.ts'
import { findChannel } from '../../channels/index.ts'
import { newId, newRef } from '../../platform/ids.ts'
import { addTimelineEntry } from '../payment-requests/held.ts'
import type { TransactionRow } from '../payment-requests/schema.ts'
import { isSettled, money } from '../payment-requests/states.ts'
import type { JudgedState } from './judge.ts'
import * as store from './store-received.ts'
import type { RequestChange } from './with-request.ts'

/** Money under one reference: parts that wait for the rest, and further payments beside the one that was judged. */

interface Received {
  readonly channelTransactionId: string
  readonly amountMinor: bigint | null
  readonly currency: string | null
  readonly paymentMethod: string
}

/** Every success in an answer that has an id of its own. */
export function successesIn(answer: ChannelPayment): Received[] {
  const { channelTransactionId } = answer
  const main =
    answer.status === 'successful' && channelTransactionId !== null ? [{ ...answer, channelTransactionId }] : []
  return [...main, ...(answer.further ?? [])]
}

/** An answer that leads with what did not succeed, and names a success beside it, is about that success. */
export function leadBySuccess(answer: ChannelPayment): ChannelPayment {
  const [first, ...further] = answer.further ?? []
  if (answer.status === 'successful' || !first) return answer
  return { ...answer, ...first, status: 'successful', channelStatus: 'successful', reason: null, further }
}

/**
 * Each success that is recorded nowhere yet becomes a transaction of its own, excess from the start and due to go back.
 * `attempt` is the row as it is after the judgement. Gives how many were new.
 */
export async function recordFurther(
  change: RequestChange,
  attempt: TransactionRow,
  before: JudgedState['attemptStatus'],
  answer: ChannelPayment,
): Promise<number> {
  const { tx, request, attempts, now } = change
  if (!isSettled(attempt.status)) return 0
  const known = new Set(attempts.map((one) => one.channel_transaction_id))
  known.add(attempt.channel_transaction_id)
  const own = answer.status === 'successful' ? answer.channelTransactionId : null
  if (isSettled(before) && attempt.channel_transaction_id === null && own !== null) {
    // Counted when the channel did not say which payment it was: it was this one.
    await store.noteChannelTransaction(tx, attempt.id, own)
    known.add(own)
  }
  let found = 0
  for (const one of successesIn(answer)) {
    if (known.has(one.channelTransactionId)) continue
    known.add(one.channelTransactionId)
    const words = `received a further payment of ${one.amountMinor === null ? 'an amount that cannot be read' : money(one.amountMinor, one.currency)}; it is kept apart as excess`
    const further = { ...one, id: newId(), ref: newRef('AsT-'), reason: words.slice(0, 300), now }
    if (!(await store.insertFurther(tx, attempt.id, further))) continue
    found += 1
    const summary = `${findChannel(attempt.payment_channel_slug).displayName} ${words}`
    const line = { requestId: request.id, transactionId: further.id, paymentMethod: one.paymentMethod, summary, now }
    await addTimelineEntry(tx, { ...line, status: 'excess' })
    await change.emit('payment.excess')
  }
  return found
}

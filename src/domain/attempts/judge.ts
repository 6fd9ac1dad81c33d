import type { ChannelPayment } from '../../channels/channel.ts'
import { minuteMs } from '../../platform/clock.ts'
import {
  isPayable,
  isSettled,
  isUndecided,
  money,
  type RequestStatus,
  type TransactionStatus,
} from '../payment-requests/states.ts'

/** What a channel’s word means. Pure. */

export interface JudgedState {
  readonly requestStatus: RequestStatus
  readonly attemptStatus: TransactionStatus
  /** What we asked for. */
  readonly reference: string
  readonly amountMinor: bigint
  readonly currency: string
  /** How long ago, in real time, a charge of a saved method was about to be sent; null for a page. */
  readonly chargedAgoMs: number | null
  /** The time that money on its way may take is over. */
  readonly isOverdue: boolean
}

/**
 * A charge that its channel still does not know after this was never received: the call was over after 20 s, and no
 * provider takes minutes to find its own payment.
 */
const notReceivedAfterMs = 15 * minuteMs

/**
 * What a channel's word about one attempt means.
 * `excess`: money came that does not count, because it is further money or not the money that was asked for.
 * `foreign`: the channel spoke of something else; nobody's state changes.
 * `late`: money is on its way that will not count; nobody's state changes until it is there.
 * `idle`: the channel speaks of no money on a page any more, and the time that it may take is over.
 */
export type Verdict =
  | { readonly kind: 'nothing' }
  /** `overMinor`: what came beyond what was asked and the fee that the payer bore. */
  | { readonly kind: 'success'; readonly overMinor: bigint }
  | { readonly kind: 'underpaid'; readonly words: string }
  /** `reason`: ours, where the channel's own word gives none. Lost: it was never received, so nobody declined it. */
  | { readonly kind: 'refused'; readonly reason: string | null; readonly isLost: boolean }
  | { readonly kind: 'closed' }
  | { readonly kind: 'processing' }
  | { readonly kind: 'late'; readonly words: string }
  | { readonly kind: 'idle' }
  | { readonly kind: 'excess'; readonly words: string }
  | { readonly kind: 'foreign'; readonly words: string }

/**
 * Every outcome of every origin (webhook, return, janitor, verify, cancel, expiry) is judged here and nowhere else.
 *
 * | the channel says | attempt pending, unknown, processing | failed | voided, expired | successful, excess |
 * | --- | --- | --- | --- | --- |
 * | successful, what was asked or more, request payable | success | success | excess | nothing |
 * | successful, less than asked, request payable | underpaid | underpaid | excess | nothing |
 * | successful, request ended | excess | excess | excess | nothing |
 * | successful, another currency or an amount that cannot be read | excess | excess | excess | nothing |
 * | processing, request payable | processing | processing | late | nothing |
 * | processing, request ended | late | late | late | nothing |
 * | failed | refused | nothing | nothing | nothing |
 * | closed | closed | nothing | nothing | nothing |
 * | pending | nothing | nothing | nothing | nothing |
 * | pending, because it does not know a charge that is 15 minutes old | unknown: refused | nothing | nothing | nothing |
 * | pending, and it knows the payment, whose time on its way is over | processing: idle | nothing | nothing | nothing |
 */
export function judge(standing: JudgedState, answer: ChannelPayment): Verdict {
  if (isSettled(standing.attemptStatus)) return { kind: 'nothing' }
  if (answer.reference !== null && answer.reference !== standing.reference) {
    return {
      kind: 'foreign',
      words: `answered for another reference (${answer.reference.slice(0, 100)}); it does not count`,
    }
  }
  if (answer.status === 'successful') return judgeSuccess(standing, answer)
  if (answer.status === 'processing') return judgeProcessing(standing)
  if (!isUndecided(standing.attemptStatus)) return { kind: 'nothing' }
  if (answer.status === 'failed') return { kind: 'refused', reason: answer.reason, isLost: false }
  if (answer.status === 'closed') return { kind: 'closed' }
  if (standing.attemptStatus === 'processing') {
    return standing.isOverdue && standing.chargedAgoMs === null && answer.channelStatus !== notFound
      ? { kind: 'idle' }
      : { kind: 'nothing' }
  }
  return wasNeverReceived(standing, answer)
    ? { kind: 'refused', reason: 'the charge was never received', isLost: true }
    : { kind: 'nothing' }
}

const wasNeverReceived = ({ attemptStatus, chargedAgoMs }: JudgedState, answer: ChannelPayment): boolean =>
  attemptStatus === 'unknown' &&
  chargedAgoMs !== null &&
  chargedAgoMs > notReceivedAfterMs &&
  answer.channelStatus === notFound

/** What adapters say of a payment that the channel does not know. */
const notFound = 'not_found'

/** What comes now counts: somebody waits for it, and we have not given its page up. */
const mayCount = ({ requestStatus, attemptStatus }: JudgedState): boolean =>
  isPayable(requestStatus) && attemptStatus !== 'voided' && attemptStatus !== 'expired'

function judgeProcessing(standing: JudgedState): Verdict {
  if (mayCount(standing)) return { kind: standing.attemptStatus === 'processing' ? 'nothing' : 'processing' }
  const sum = money(standing.amountMinor, standing.currency)
  return { kind: 'late', words: `is processing a further payment of ${sum}; it will be kept apart as excess` }
}

function judgeSuccess(standing: JudgedState, answer: ChannelPayment): Verdict {
  const { amountMinor } = answer
  const asked = money(standing.amountMinor, standing.currency)
  if (amountMinor === null || answer.currency !== standing.currency) {
    const got = amountMinor === null ? 'an amount that cannot be read' : money(amountMinor, answer.currency)
    return { kind: 'excess', words: `reported ${got} where ${asked} was asked; it does not count as paid` }
  }
  const got = money(amountMinor, answer.currency)
  if (!mayCount(standing)) {
    return { kind: 'excess', words: `received a further payment of ${got}; it is kept apart as excess` }
  }
  if (amountMinor < standing.amountMinor)
    return { kind: 'underpaid', words: `received ${got} where ${asked} was asked` }
  const overMinor = amountMinor - standing.amountMinor - (answer.payerFeeMinor ?? 0n)
  return { kind: 'success', overMinor: overMinor > 0n ? overMinor : 0n }
}

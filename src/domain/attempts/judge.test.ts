import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ChannelPayment } from '../../channels/channel.ts'
import { minuteMs } from '../../platform/clock.ts'
import type { RequestStatus, TransactionStatus } from '../payment-requests/states.ts'
import { type JudgedState, judge } from './judge.ts'

const attemptStatuses = [
  'pending',
  'unknown',
  'processing',
  'failed',
  'voided',
  'expired',
  'successful',
  'excess',
] as const
const requestStatuses = ['new', 'open', 'successful', 'failed', 'expired', 'cancelled'] as const

const standing = (attemptStatus: TransactionStatus, requestStatus: RequestStatus = 'open'): JudgedState => ({
  requestStatus,
  attemptStatus,
  reference: 'AsT-1',
  amountMinor: 500_000n,
  currency: 'NGN',
  chargedAgoMs: null,
  isOverdue: false,
})
const says = (status: ChannelPayment['status'], changes: Partial<ChannelPayment> = {}): ChannelPayment => ({
  status,
  channelStatus: status,
  reference: 'AsT-1',
  amountMinor: 500_000n,
  currency: 'NGN',
  channelTransactionId: '1',
  paymentMethod: 'Card',
  reason: null,
  paidAt: null,
  savedMethod: null,
  ...changes,
})
const verdicts = (answer: ChannelPayment, requestStatus: RequestStatus = 'open') =>
  attemptStatuses.map((status) => judge(standing(status, requestStatus), answer).kind)

test('the judge is its table, for every state of the attempt', () => {
  const ended = ['nothing', 'nothing'] as const
  const paid = ['success', 'success', 'success', 'success', 'excess', 'excess', ...ended]
  const further = ['excess', 'excess', 'excess', 'excess', 'excess', 'excess', ...ended]
  const rest = ['nothing', 'nothing', 'nothing', ...ended]
  const late = ['late', 'late', 'late', 'late', 'late', 'late', ...ended]
  for (const requestStatus of requestStatuses) {
    const payable = requestStatus === 'new' || requestStatus === 'open'
    assert.deepEqual(verdicts(says('successful'), requestStatus), payable ? paid : further)
    const less = ['underpaid', 'underpaid', 'underpaid', 'underpaid', 'excess', 'excess', ...ended]
    assert.deepEqual(verdicts(says('successful', { amountMinor: 499_900n }), requestStatus), payable ? less : further)
    assert.deepEqual(verdicts(says('successful', { amountMinor: 500_100n }), requestStatus), payable ? paid : further)
    const withFee = says('successful', { amountMinor: 500_000n + 7_500n, payerFeeMinor: 7_500n })
    assert.deepEqual(verdicts(withFee, requestStatus), payable ? paid : further)
    assert.deepEqual(verdicts(says('successful', { amountMinor: null }), requestStatus), further)
    assert.deepEqual(verdicts(says('successful', { currency: 'USD' }), requestStatus), further)
    const onItsWay = ['processing', 'processing', 'nothing', 'processing', 'late', 'late', ...ended]
    assert.deepEqual(verdicts(says('processing'), requestStatus), payable ? onItsWay : late)
    assert.deepEqual(verdicts(says('failed'), requestStatus), ['refused', 'refused', 'refused', ...rest])
    assert.deepEqual(verdicts(says('closed'), requestStatus), ['closed', 'closed', 'closed', ...rest])
    assert.deepEqual(verdicts(says('pending'), requestStatus), ['nothing', 'nothing', 'nothing', ...rest])
    for (const status of ['successful', 'processing', 'failed', 'closed', 'pending'] as const) {
      const foreign = Array.from({ length: 6 }, () => 'foreign')
      assert.deepEqual(verdicts(says(status, { reference: 'AsT-2' }), requestStatus), [...foreign, ...ended])
    }
  }
})

test('what is over is what came beyond the amount and the fee that the payer bore, and a fee alone is nothing over', () => {
  const over = (amountMinor: bigint, payerFeeMinor?: bigint | null) =>
    judge(standing('pending'), says('successful', { amountMinor, payerFeeMinor: payerFeeMinor ?? null }))
  assert.deepEqual(over(500_000n), { kind: 'success', overMinor: 0n })
  assert.deepEqual(over(507_500n, 7_500n), { kind: 'success', overMinor: 0n })
  assert.deepEqual(over(507_500n), { kind: 'success', overMinor: 7_500n })
  assert.deepEqual(over(600_000n, 7_500n), { kind: 'success', overMinor: 92_500n })
  // All of it is there, whatever part the provider calls a fee.
  assert.deepEqual(over(500_000n, 7_500n), { kind: 'success', overMinor: 0n })
  assert.equal(over(499_999n, 0n).kind, 'underpaid')
})

test('money on its way ends by the channel’s word alone; a page that it does not speak of any more waits again, late', () => {
  const at = (changes: Partial<JudgedState>, answer: ChannelPayment) =>
    judge({ ...standing('processing'), ...changes }, answer).kind
  const ongoing = says('pending', { channelStatus: 'ongoing' })
  assert.equal(at({}, ongoing), 'nothing')
  assert.equal(at({ isOverdue: true }, ongoing), 'idle')
  assert.equal(at({ isOverdue: true }, says('processing')), 'nothing')
  // Not known is no word about the money, and a charge without a page has nothing to go back to.
  assert.equal(at({ isOverdue: true }, says('pending', { channelStatus: 'not_found' })), 'nothing')
  assert.equal(at({ isOverdue: true, chargedAgoMs: 60 * minuteMs }, ongoing), 'nothing')
  assert.equal(at({ isOverdue: true }, says('successful')), 'success')
})

test('a charge that its channel does not know is refused after 15 minutes, and only then, and only while it is unknown', () => {
  const notFound = says('pending', { channelStatus: 'not_found', reference: null, amountMinor: null, currency: null })
  const at = (attemptStatus: TransactionStatus, chargedAgoMs: number | null, answer = notFound) =>
    judge({ ...standing(attemptStatus), chargedAgoMs }, answer)
  assert.equal(at('unknown', 15 * minuteMs).kind, 'nothing')
  assert.deepEqual(at('unknown', 15 * minuteMs + 1), {
    kind: 'refused',
    reason: 'the charge was never received',
    isLost: true,
  })
  // A page that nobody has opened is not known either, however old.
  assert.equal(at('unknown', null).kind, 'nothing')
  assert.equal(at('pending', 60 * minuteMs).kind, 'nothing')
  for (const status of ['processing', 'failed', 'voided', 'expired', 'successful', 'excess'] as const) {
    assert.equal(at(status, 60 * minuteMs).kind, 'nothing')
  }
  // Pending is the channel's own word: it has the charge.
  assert.equal(at('unknown', 60 * minuteMs, says('pending', { channelStatus: 'ongoing' })).kind, 'nothing')
})

import { ChannelError, type ChannelRefund } from '../../channels/channel.ts'
import type { EventType } from '../../events/catalogue.ts'
import { dispatchQueue, record } from '../../events/outbox.ts'
import { after, dayMs, hourMs, minuteMs, secondMs } from '../../platform/clock.ts'
import type { Context } from '../../platform/context.ts'
import { inTransaction, type Tx } from '../../platform/db.ts'
import { newId, newRef } from '../../platform/ids.ts'
import { formatAmount } from '../../platform/money.ts'
import { move } from '../../platform/states.ts'
import * as dueRefunds from '../attempts/due-refunds.ts'
import * as attempts from '../attempts/service.ts'
import type { EnvMode } from '../businesses/schema.ts'
import { findNow } from '../businesses/service.ts'
import { type ChannelAccount, call, findMaybeAccount } from '../payment-channels/service.ts'
import * as held from '../payment-requests/held.ts'
import type { TransactionRow } from '../payment-requests/schema.ts'
import { presentRefund, type RefundRow } from './schema.ts'
import { refundMachine } from './states.ts'
import type { Owner } from './store.ts'
import * as store from './store.ts'

/**
 * Money that does not count, or was charged only to save a method, goes back by itself where the channel can: intent (a
 * row that says "about to be sent"), call with nothing open, outcome. A refund without an answer is only asked about.
 */

/** When a refund on its way is asked about, counted from its sending; then daily. */
const checkDelaysMs = [30 * secondMs, 5 * minuteMs, hourMs]
/** 90 days. Counted in asks, so that a test clock that jumps a year does not use them up. */
const asksMax = checkDelaysMs.length + 90
/** As often while a test clock is being moved: that moves our clock and not the provider's. */
const asksOnTheWayMax = 12
/** Real time: a refund that the channel still does not know after this was never received, and may be sent again. */
const notReceivedAfterMs = 5 * minuteMs

/** `until`: where a test clock is being moved to. There the asking begins anew: the provider's time has hardly passed. */
function nextCheck(count: number, now: Date, until?: Date): { at: Date | null; isAnew: boolean } {
  if (count > asksMax) return { at: null, isAnew: false }
  const next = after(now, checkDelaysMs[count] ?? dayMs)
  const isLeft = until !== undefined && count >= asksOnTheWayMax && next < until
  return { at: isLeft ? until : next, isAnew: isLeft }
}

/** Sends back what is due to go back. Safe to repeat; throws nothing that a channel says. */
export async function refundDue(ctx: Context, attempt: TransactionRow): Promise<void> {
  const account = await accountOf(ctx, attempt)
  const { amountMinor, currency, origin } = await dueOf(ctx, attempt)
  if (!account) return await dueRefunds.postponeExcess(ctx, attempt, after(await nowFor(ctx, attempt), hourMs))
  // All of it went back before.
  if (attempt.status === 'successful' && amountMinor === 0n) {
    return await inTransaction(ctx.db, (tx) => dueRefunds.settleExcess(tx, attempt))
  }
  if (!account.channel.refund || amountMinor === null || currency === null || amountMinor <= 0n) {
    return await leaveToPerson(ctx, attempt, account)
  }
  const refund = await recordRefund(ctx, attempt, { amountMinor, currency, origin })
  if (refund) await send(ctx, account, refund, attempt)
}

/**
 * What does not count goes back whole. Of what counts: what is over, where that alone is due; else what has not gone back
 * yet, where it was charged for nothing but saving a method, or bought nothing.
 */
async function dueOf(ctx: Context, attempt: TransactionRow) {
  const { currency, amount_minor, refund_due_origin: part } = attempt
  if (attempt.status !== 'successful') {
    const { received_amount_minor: amountMinor, received_currency } = attempt
    return { amountMinor, currency: received_currency, origin: 'excess' as const }
  }
  const received = attempt.received_amount_minor ?? amount_minor
  if (part === 'overpayment') return { amountMinor: received - amount_minor, currency, origin: part }
  const origin = (await dueRefunds.isSavingSum(ctx, attempt)) ? ('saved_method' as const) : ('not_owed' as const)
  return { amountMinor: received - (await store.sumRefunds(ctx.db, attempt.id)), currency, origin }
}

const reasons = {
  excess: 'Excess payment',
  saved_method: 'Charged to save a payment method',
  not_owed: 'Paid for nothing',
  overpayment: 'More than was asked',
} as const

const nowFor = (ctx: Context, row: { business_id: string; env_mode: EnvMode }) =>
  findNow(ctx, { businessId: row.business_id, envMode: row.env_mode })

const accountOf = (ctx: Context, attempt: TransactionRow) =>
  findMaybeAccount(ctx, { businessId: attempt.business_id, envMode: attempt.env_mode }, attempt.payment_channel_slug)

async function leaveToPerson(ctx: Context, attempt: TransactionRow, account: ChannelAccount): Promise<void> {
  const now = await nowFor(ctx, attempt)
  await inTransaction(ctx.db, async (tx) => {
    await dueRefunds.settleExcess(tx, attempt)
    const summary = `${account.channel.displayName} cannot be asked to refund this; please refund it by hand`
    await tellOf(tx, attempt, summary, null, now)
  })
}

/** Undefined: there is one already, its own checks go on. */
async function recordRefund(
  ctx: Context,
  attempt: TransactionRow,
  due: { amountMinor: bigint; currency: string; origin: RefundRow['origin'] },
): Promise<RefundRow | undefined> {
  const now = await nowFor(ctx, attempt)
  const { amountMinor, currency, origin } = due
  const row = { id: newId(), ref: newRef('AsR-'), transactionId: attempt.id, ...due, now }
  const made = await inTransaction(ctx.db, async (tx) => {
    await dueRefunds.settleExcess(tx, attempt)
    const isNew = await store.insertOnce(tx, {
      ...row,
      reason: reasons[origin],
      checkAt: after(now, checkDelaysMs[0] ?? 0),
      sentAt: ctx.clock.now(),
    })
    if (isNew)
      await tellOf(tx, attempt, `Asyncpay is refunding ${currency} ${formatAmount(amountMinor, currency)}`, null, now)
    return isNew
  })
  return made ? await store.findByTransaction(ctx.db, attempt.id, origin) : undefined
}

async function send(ctx: Context, account: ChannelAccount, refund: RefundRow, attempt: TransactionRow): Promise<void> {
  const { refund: sendRefund } = account.channel
  if (!sendRefund) return
  try {
    const payment = await attempts.lookupOf(ctx, attempt)
    const answer = await call(ctx, account, 'refund', (channel, credentials, transport) =>
      sendRefund.call(
        channel,
        {
          reference: refund.ref,
          payment,
          channelTransactionId: attempt.channel_transaction_id,
          amountMinor: refund.amount_minor,
          currency: refund.currency,
          reason: refund.reason,
        },
        credentials,
        transport,
      ),
    )
    await apply(ctx, refund, attempt, answer)
  } catch (error) {
    if (!(error instanceof ChannelError)) throw error
    await recordSilence(ctx, account, refund, attempt, error)
  }
}

/** `rejected` and away: certainly not sent, `pending` again. Refused: the channel may have it already; else it has failed. */
async function recordSilence(
  ctx: Context,
  account: ChannelAccount,
  refund: RefundRow,
  attempt: TransactionRow,
  error: ChannelError,
): Promise<void> {
  if (error.outcome === 'unknown') return
  if (error.reason !== 'refused') return void (await setStatus(ctx, refund, attempt, 'pending', {}))
  const known = await ask(ctx, account, refund, attempt)
  if (known && known.channelStatus !== 'not_found') return await apply(ctx, refund, attempt, known)
  await setStatus(ctx, refund, attempt, 'failed', { failure_reason: error.message.slice(0, 300) })
}

/** Null: the channel cannot be asked, or did not answer. */
async function ask(
  ctx: Context,
  account: ChannelAccount,
  refund: RefundRow,
  attempt: TransactionRow,
): Promise<ChannelRefund | null> {
  const { fetchRefund } = account.channel
  if (!fetchRefund) return null
  const lookup = {
    reference: refund.ref,
    channelReference: refund.channel_reference,
    payment: await attempts.lookupOf(ctx, attempt),
    channelTransactionId: attempt.channel_transaction_id,
  }
  try {
    return await call(ctx, account, 'fetch_refund', (channel, credentials, transport) =>
      fetchRefund.call(channel, lookup, credentials, transport),
    )
  } catch (error) {
    if (error instanceof ChannelError) return null
    throw error
  }
}

async function apply(ctx: Context, refund: RefundRow, attempt: TransactionRow, answer: ChannelRefund): Promise<void> {
  if (answer.channelStatus === 'not_found') return
  const columns = { channel_reference: answer.channelReference ?? refund.channel_reference }
  if (answer.status === 'failed') {
    const reason = answer.reason?.slice(0, 300) ?? answer.channelStatus
    await setStatus(ctx, refund, attempt, 'failed', { ...columns, failure_reason: reason })
    return
  }
  await setStatus(ctx, refund, attempt, answer.status, columns)
}

/** Outcome: state, timeline and event in one transaction. False: it was not where it would have moved from. */
async function setStatus(
  ctx: Context,
  refund: RefundRow,
  attempt: TransactionRow,
  to: RefundRow['status'],
  columns: Record<string, unknown>,
): Promise<boolean> {
  const reference = await dueRefunds.referenceOf(ctx, refund.payment_request_id)
  const isFinal = to === 'successful' || to === 'failed'
  const now = await nowFor(ctx, refund)
  const moved = await inTransaction(ctx.db, async (tx) => {
    const current = await store.lock(tx, refund.id)
    if (current.status === to || !refundMachine.moves[current.status].includes(to)) return false
    const final = isFinal ? { check_at: null } : {}
    await move(tx, refundMachine, refund.id, current.status, to, { ...columns, ...final, updated_at: now })
    if (isFinal) await tellAndEmit(ctx, tx, { ...current, ...columns, status: to, updated_at: now }, attempt, reference)
    return true
  })
  if (moved && isFinal) ctx.queue.wake(dispatchQueue)
  return moved
}

async function tellAndEmit(ctx: Context, tx: Tx, refund: RefundRow, attempt: TransactionRow, reference: string | null) {
  const sum = `${refund.currency} ${formatAmount(refund.amount_minor, refund.currency)}`
  const done = refund.status === 'successful'
  const summary = done
    ? `Asyncpay refunded ${sum}`
    : `The refund of ${sum} failed: ${refund.failure_reason}; please refund it by hand`
  await tellOf(tx, attempt, summary, done ? 'refunded' : 'refund_failed', refund.updated_at)
  const type: EventType = done ? 'refund.completed' : 'refund.failed'
  await record(tx, ctx.queue, {
    businessId: refund.business_id,
    envMode: refund.env_mode,
    type,
    objectType: 'refund',
    objectId: refund.id,
    data: { reference, ...presentRefund(refund, attempt) },
    now: refund.updated_at,
  })
}

const tellOf = (tx: Tx, attempt: TransactionRow, summary: string, status: string | null, now: Date) =>
  held.addTimelineEntry(tx, { requestId: attempt.payment_request_id, transactionId: attempt.id, summary, status, now })

/** Looks again at a refund on its way. */
export async function refreshRefund(ctx: Context, refund: RefundRow, until?: Date): Promise<void> {
  const attempt = await dueRefunds.findTransaction(ctx, refund.transaction_id)
  const account = await accountOf(ctx, attempt)
  if (account) await lookAgain(ctx, account, refund, attempt)
  const now = await nowFor(ctx, refund)
  await store.setCheck(ctx.db, refund.id, nextCheck(refund.check_count, now, until))
}

async function lookAgain(
  ctx: Context,
  account: ChannelAccount,
  refund: RefundRow,
  attempt: TransactionRow,
): Promise<void> {
  if (refund.status === 'pending' && refund.channel_reference === null) {
    // Certainly not accepted so far. From here on nobody knows until the channel says.
    const isOurs = await setStatus(ctx, refund, attempt, 'unknown', {})
    // Else somebody else has just sent it.
    if (!isOurs) return
    return await send(ctx, account, { ...refund, status: 'unknown' }, attempt)
  }
  const answer = await ask(ctx, account, refund, attempt)
  if (!answer) return
  const sinceMs = refund.sent_at
    ? ctx.clock.now().getTime() - refund.sent_at.getTime()
    : (await nowFor(ctx, refund)).getTime() - refund.created_at.getTime()
  if (answer.channelStatus === 'not_found' && sinceMs > notReceivedAfterMs) {
    // All of a payment can be refunded once only, so a second sending cannot give it back twice. A part could be.
    if (!isWhole(refund, attempt)) return await leavePartToPerson(ctx, account, refund, attempt)
    const isOurs = await store.takeSending(ctx.db, refund, ctx.clock.now())
    if (isOurs) await send(ctx, account, refund, attempt)
    return
  }
  await apply(ctx, refund, attempt, answer)
}

/** A fee that the payer bore is not in what was received, and is far less than it: also then twice is more than there is. */
const isWhole = (refund: RefundRow, attempt: TransactionRow): boolean =>
  refund.amount_minor === (attempt.received_amount_minor ?? attempt.amount_minor)

/** Told once. The channel goes on being asked: it may know the refund later. */
async function leavePartToPerson(ctx: Context, account: ChannelAccount, refund: RefundRow, attempt: TransactionRow) {
  const now = await nowFor(ctx, refund)
  const sum = `${refund.currency} ${formatAmount(refund.amount_minor, refund.currency)}`
  const summary = `${account.channel.displayName} does not know the refund of ${sum}; please look at it by hand`
  await inTransaction(ctx.db, async (tx) => {
    const isNew = await store.noteTrouble(tx, refund.id, 'the payment channel does not know this refund')
    if (isNew) await tellOf(tx, attempt, summary, null, now)
  })
}

/** The names by which a provider's webhook tells of a refund. */
export interface NamedRefund {
  reference: string | null
  channelReference: string | null
  /** Our reference of the payment that goes back. */
  paymentReference: string | null
}

/** Refunds that are under way and bear these names are asked about in the next round. False: there is none. */
export async function askSoon(ctx: Context, owner: Owner, slug: string, names: NamedRefund): Promise<boolean> {
  return await store.setCheckNow(ctx.db, owner, { slug, ...names, now: await findNow(ctx, owner) })
}

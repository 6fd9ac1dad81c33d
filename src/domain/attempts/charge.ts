import { ChannelError, type ChargedSaved } from '../../channels/channel.ts'
import { findChannel } from '../../channels/index.ts'
import { after, secondMs } from '../../platform/clock.ts'
import type { Context } from '../../platform/context.ts'
import { inTransaction, type Tx } from '../../platform/db.ts'
import { ApiError } from '../../platform/errors.ts'
import { move } from '../../platform/states.ts'
import { findNow } from '../businesses/service.ts'
import { channelErrors } from '../payment-channels/errors.ts'
import { type ChannelAccount, call, findMaybeAccount, publicError } from '../payment-channels/service.ts'
import { paymentMethodErrors } from '../payment-methods/errors.ts'
import * as paymentMethods from '../payment-methods/service.ts'
import * as held from '../payment-requests/held.ts'
import { addTimelineEntry, followLater } from '../payment-requests/held.ts'
import type { FullRequest, RequestRow, TransactionRow } from '../payment-requests/schema.ts'
import { load, type Owner } from '../payment-requests/service.ts'
import { requestMachine, restOf, transactionMachine } from '../payment-requests/states.ts'
import { apply, closePage, refreshRequest } from './ask.ts'
import { newTransaction, payerOf, requireFree, voidAttempt } from './open.ts'
import * as store from './store.ts'
import { withRequest } from './with-request.ts'

/**
 * Charging a saved method, the payer absent: intent (an attempt that is `unknown` from the start, committed), call
 * (nothing open), outcome (through the same judge as everything). Nothing is ever sent twice: whoever finds an attempt
 * that is unknown asks the channel.
 */

/**
 * `payer_needed`: `action` is the channel's page for it; null where there is none. `not_sent`: certainly nothing moved,
 * because the channel is away or refused the call itself; the request stays open. `not_chargeable`: no channel was called.
 */
export type ChargeOutcome =
  | { readonly kind: 'successful' }
  | { readonly kind: 'declined'; readonly reason: string; readonly isHard: boolean }
  | { readonly kind: 'payer_needed'; readonly action: string | null }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'not_sent'; readonly error: ApiError }
  | { readonly kind: 'not_chargeable'; readonly error: ApiError }

export interface ChargeOptions {
  /** A decline leaves the request open, for another try or another way to pay. */
  keepOpen: boolean
}

/**
 * Intent, call, outcome of one charge. A page that is open for the request is asked about, closed and voided first; an
 * attempt that is unknown forbids it. Throws nothing that a channel says.
 */
export async function chargeRequest(
  ctx: Context,
  requestId: string,
  methodId: string,
  { keepOpen }: ChargeOptions,
): Promise<ChargeOutcome> {
  const full = await load(ctx, requestId)
  try {
    const ready = await prepare(ctx, full.request, methodId)
    if (full.lastTransaction) await settlePages(ctx, requestId)
    const now = await findNow(ctx, ownerOf(full.request))
    const at = { now, sentAt: ctx.clock.now() }
    const attempt = await inTransaction(ctx.db, (tx) => recordCharge(tx, requestId, ready, !keepOpen, at))
    return await sendCharge(ctx, full, ready, attempt)
  } catch (error) {
    if (error instanceof ApiError) return { kind: 'not_chargeable', error }
    throw error
  }
}

const ownerOf = (request: Pick<RequestRow, 'business_id' | 'env_mode'>): Owner => ({
  businessId: request.business_id,
  envMode: request.env_mode,
})

/** The method, opened, and its channel's account. Never logged. */
export interface Ready {
  methodId: string
  account: ChannelAccount
  chargeSaved: NonNullable<ChannelAccount['channel']['chargeSaved']>
  secret: NonNullable<Awaited<ReturnType<typeof paymentMethods.findMaybeCharging>>>['secret']
}

/**
 * Everything that can be refused without calling anybody. Throws `PAYMENT_CHANNEL_NOT_CONNECTED`,
 * `OPERATION_NOT_SUPPORTED_BY_CHANNEL`, `PAYMENT_METHOD_NOT_REUSABLE`.
 */
export async function prepare(
  ctx: Context,
  request: Pick<RequestRow, 'business_id' | 'env_mode' | 'customer_id'>,
  methodId: string,
): Promise<Ready> {
  const owner = ownerOf(request)
  const found = await paymentMethods.findMaybeCharging(ctx, methodId)
  if (found?.method.customer_id !== request.customer_id) throw new ApiError(paymentMethodErrors.notReusable)
  paymentMethods.requireChargeable(found.method, await findNow(ctx, owner))
  const account = await findMaybeAccount(ctx, owner, found.method.payment_channel_slug)
  if (!account?.isEnabled) throw new ApiError(channelErrors.notConnected)
  const { chargeSaved } = account.channel
  if (!chargeSaved) throw new ApiError(channelErrors.operationNotSupported)
  return { methodId, account, chargeSaved, secret: found.secret }
}

/** Money that is in counts; what is still open is closed at its channel where that can be done. */
async function settlePages(ctx: Context, requestId: string): Promise<void> {
  await refreshRequest(ctx, requestId)
  const attempts = await store.listTransactions(ctx.db, requestId)
  for (const attempt of attempts) if (attempt.status === 'pending') await closePage(ctx, attempt)
}

/** The janitor's first question, should this process die before the answer: the call is over by then. */
const firstCheckMs = 30 * secondMs

/**
 * Intent. Throws `PAYMENT_REQUEST_NOT_RELAYABLE` when the request cannot be paid, `PAYMENT_PROCESSING` while money is
 * on its way, `PAYMENT_BEING_CONFIRMED` while an attempt is unknown.
 */
export async function recordCharge(
  tx: Tx,
  requestId: string,
  { account, methodId }: Pick<Ready, 'account' | 'methodId'>,
  endsRequest: boolean,
  /** The time of the business, and real time. */
  { now, sentAt }: { now: Date; sentAt: Date },
): Promise<TransactionRow> {
  const request = await held.lock(tx, requestId)
  const attempts = await store.listTransactions(tx, requestId)
  requireFree(request, attempts)
  for (const one of attempts) if (one.status === 'pending') await voidAttempt(tx, one, now)
  if (request.status === 'new') await move(tx, requestMachine, requestId, 'new', 'open', { updated_at: now })
  const amountMinor = restOf(request, attempts)
  const charge = {
    ...newTransaction(account.slug),
    amountMinor,
    methodId,
    endsRequest,
    checkAt: after(now, firstCheckMs),
    sentAt,
  }
  const attempt = await store.insertCharge(tx, request, charge, now)
  const summary = `Asyncpay charged the saved payment method with ${account.channel.displayName}`
  await addTimelineEntry(tx, { requestId, transactionId: attempt.id, summary, status: null, now })
  return attempt
}

/** Call and outcome. */
export async function sendCharge(
  ctx: Context,
  { request, customer }: Pick<FullRequest, 'request' | 'customer'>,
  { account, chargeSaved, secret }: Ready,
  attempt: TransactionRow,
): Promise<ChargeOutcome> {
  let answer: ChargedSaved
  try {
    answer = await call(ctx, account, 'charge', (channel, credentials, transport) =>
      chargeSaved.call(
        channel,
        {
          reference: attempt.ref,
          amountMinor: attempt.amount_minor,
          currency: attempt.currency,
          description: request.description ?? `Payment ${request.ref}`,
          payer: payerOf(customer),
          method: secret,
          returnUrl: `${ctx.baseUrl}/return/${attempt.id}`,
        },
        credentials,
        transport,
      ),
    )
  } catch (error) {
    if (!(error instanceof ChannelError)) throw error
    if (error.outcome === 'unknown') return { kind: 'unknown' }
    await recordUnsent(ctx, attempt, error)
    return { kind: 'not_sent', error: publicError(account, error, { payment_request_ref: request.ref }) }
  }
  return await settle(ctx, attempt, answer)
}

/** Certainly nothing moved: the attempt is over, and the request can be charged again. */
async function recordUnsent(ctx: Context, attempt: TransactionRow, error: ChannelError): Promise<void> {
  const refused = error.reason === 'refused' || error.reason === 'unauthorised'
  const reason = refused ? error.message.slice(0, 300) : 'no answer'
  const name = findChannel(attempt.payment_channel_slug).displayName
  const summary = refused ? `${name} refused the charge: ${reason}` : `${name} could not be reached for the charge`
  await endUnknown(ctx, attempt, { reason, summary, refusal: refused ? 'soft' : null })
}

async function endUnknown(
  ctx: Context,
  attempt: TransactionRow,
  { reason, summary, refusal }: { reason: string; summary: string; refusal: TransactionRow['refusal'] },
) {
  await withRequest(ctx, attempt.payment_request_id, async ({ tx, request, attempts, now }) => {
    if (attempts.find((one) => one.id === attempt.id)?.status !== 'unknown') return
    const columns = { reason, refusal, check_at: null, updated_at: now }
    await move(tx, transactionMachine, attempt.id, 'unknown', 'failed', columns)
    await addTimelineEntry(tx, { requestId: request.id, transactionId: attempt.id, summary, status: 'failed', now })
    await followLater(tx, request, now)
  })
}

async function settle(ctx: Context, attempt: TransactionRow, answer: ChargedSaved): Promise<ChargeOutcome> {
  await store.noteChannelReference(ctx.db, attempt.id, answer.channelReference)
  if (answer.payerNeeded) await recordPayerNeeded(ctx, attempt, answer.actionUrl)
  else await apply(ctx, attempt, answer.payment, answer.isHardDecline)
  const outcome = await outcomeOf(ctx, attempt.id)
  if (outcome.kind !== 'declined') return outcome
  return answer.payerNeeded ? { kind: 'payer_needed', action: null } : { ...outcome, isHard: answer.isHardDecline }
}

/**
 * Nothing moves until the payer came, by the channel's word: on its own page the attempt waits for them; without one it
 * is over, and they pay on another.
 */
async function recordPayerNeeded(ctx: Context, attempt: TransactionRow, actionUrl: string | null): Promise<void> {
  const name = findChannel(attempt.payment_channel_slug).displayName
  const summary = `${name} wants the payer to confirm the payment`
  if (actionUrl === null) {
    return await endUnknown(ctx, attempt, { reason: 'the payer must be present', summary, refusal: 'payer' })
  }
  await withRequest(ctx, attempt.payment_request_id, async ({ tx, request, attempts, now }) => {
    if (attempts.find((one) => one.id === attempt.id)?.status !== 'unknown') return
    const columns = { checkout_url: actionUrl, refusal: 'payer', updated_at: now }
    await move(tx, transactionMachine, attempt.id, 'unknown', 'pending', columns)
    await addTimelineEntry(tx, { requestId: request.id, transactionId: attempt.id, summary, status: null, now })
    await followLater(tx, request, now)
  })
}

/** What became of an attempt, by its row. */
export async function outcomeOf(ctx: Context, attemptId: string): Promise<ChargeOutcome> {
  const attempt = await store.findMaybeTransactionById(ctx.db, attemptId)
  switch (attempt?.status) {
    case 'successful':
      return { kind: 'successful' }
    case 'unknown':
    case 'processing':
      return { kind: 'unknown' }
    case 'pending':
      return { kind: 'payer_needed', action: attempt.checkout_url }
    default:
      return { kind: 'declined', reason: attempt?.reason ?? 'no reason given', isHard: false }
  }
}

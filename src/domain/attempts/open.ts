import { ChannelError, type OpenCheckout, type Payer } from '../../channels/channel.ts'
import { findChannel } from '../../channels/index.ts'
import { after, secondMs } from '../../platform/clock.ts'
import type { Context } from '../../platform/context.ts'
import { inTransaction, type Tx } from '../../platform/db.ts'
import { toAsciiEmail } from '../../platform/emails.ts'
import { ApiError } from '../../platform/errors.ts'
import { newId, newRef } from '../../platform/ids.ts'
import { e164Of } from '../../platform/phones.ts'
import { move } from '../../platform/states.ts'
import type { Business } from '../businesses/schema.ts'
import { isStranger, nowOf } from '../businesses/service.ts'
import { type Customer, fullName } from '../customers/schema.ts'
import { type ChannelAccount, call, publicError } from '../payment-channels/service.ts'
import { paymentRequestErrors } from '../payment-requests/errors.ts'
import * as held from '../payment-requests/held.ts'
import { addTimelineEntry } from '../payment-requests/held.ts'
import type { RequestRow, TransactionRow } from '../payment-requests/schema.ts'
import { load, type NewTransaction } from '../payment-requests/service.ts'
import { isPayable, restOf, transactionMachine } from '../payment-requests/states.ts'
import * as store from './store.ts'
import { type OpenedRows, recordOpened } from './store-open.ts'

/** Opening a payment at a channel: intent (a pending transaction), call (nothing open), outcome. */

export const newTransaction = (slug: string): NewTransaction => ({ id: newId(), ref: newRef('AsT-'), slug })

/** The janitor's first look at a page that was just opened. */
const firstCheckMs = 15 * secondMs

export interface Opening {
  /** Whose request it is: its time is stamped. */
  business: Business
  request: RequestRow
  customer: Customer
  /** In the order in which they are tried. */
  accounts: readonly ChannelAccount[]
  /** The intent of the first account, when it is written already. */
  attempt: NewTransaction | null
  /** Opened from the hosted checkout: the payer comes back to it, in the same tab or in a window of its own. */
  via?: ReturnVia
}

export type ReturnVia = 'page' | 'window'

/**
 * Opens at the first account that will; an open page that got no answer moved no money, so the next may be tried.
 * Gives the provider's page and the rows as they are then. Throws what the last channel said; the request is kept and
 * can be relayed.
 */
export async function openAtFirst(ctx: Context, opening: Opening): Promise<OpenedRows & { action: string }> {
  let attempt = opening.attempt
  const failures: ApiError[] = []
  for (const account of opening.accounts) {
    attempt ??= await recordAttempt(ctx, opening, account.slug)
    try {
      return await openAt(ctx, opening, account, attempt)
    } catch (error) {
      if (!(error instanceof ChannelError)) throw error
      await recordFailure(ctx, opening, account, attempt, error)
      failures.push(publicError(account, error, { payment_request_ref: opening.request.ref }))
      attempt = null
    }
  }
  throw eachNamed(failures)
}

/** The last one's error; where several failed, it names each in the order in which they were tried. */
function eachNamed(failures: readonly ApiError[]): Error {
  const last = failures.at(-1)
  if (!last || failures.length === 1) return last ?? new Error('no channel was handed in')
  const channels = failures.map(({ row, message, data }) => {
    const { payment_channel, cause } = data as { payment_channel: string; cause: string }
    return { payment_channel, error: row.name, cause, message }
  })
  const message = failures.map((one) => one.message).join('; ')
  return new ApiError(last.row, { message, data: { ...(last.data as object), channels }, headers: last.headers })
}

/** Intent: a pending transaction at the next channel. */
async function recordAttempt(ctx: Context, { business, request }: Opening, slug: string): Promise<NewTransaction> {
  return await inTransaction(ctx.db, async (tx) => {
    const current = await held.lock(tx, request.id)
    const attempts = await store.listTransactions(tx, request.id)
    requireFree(current, attempts)
    const attempt = { ...newTransaction(slug), amountMinor: restOf(current, attempts) }
    await store.insertTransaction(tx, current, attempt, nowOf(ctx, business))
    return attempt
  })
}

/**
 * Throws `PAYMENT_REQUEST_NOT_RELAYABLE` for a request that has ended, `PAYMENT_PROCESSING` while money is on its way,
 * `PAYMENT_BEING_CONFIRMED` while a charge is unknown.
 */
export function requireFree(
  request: RequestRow | undefined,
  attempts: readonly TransactionRow[],
): asserts request is RequestRow {
  if (!request || !isPayable(request.status)) throw new ApiError(paymentRequestErrors.notRelayable)
  if (attempts.some((one) => one.status === 'processing')) throw new ApiError(paymentRequestErrors.processing)
  if (attempts.some((one) => one.status === 'unknown')) throw new ApiError(paymentRequestErrors.beingConfirmed)
}

/** Call and outcome. Throws `ChannelError`. */
async function openAt(
  ctx: Context,
  opening: Opening,
  account: ChannelAccount,
  attempt: NewTransaction,
): Promise<OpenedRows & { action: string }> {
  const checkout = checkoutOf(ctx, opening, attempt)
  const opened = await call(ctx, account, 'open', (channel, credentials, transport) =>
    channel.openCheckout(checkout, credentials, transport),
  )
  const now = nowOf(ctx, opening.business)
  const ids = { requestId: opening.request.id, attemptId: attempt.id }
  const kept = await recordOpened(ctx.db, ids, {
    checkoutUrl: opened.url,
    channelReference: opened.channelReference,
    checkAt: after(now, firstCheckMs),
    now,
    timeline: { id: newId(), summary: `Asyncpay relayed payment to ${account.channel.displayName}` },
  })
  // Given up while the channel was opening it: nobody has seen the page, and it stays unseen.
  if (!kept) throw await refusalOf(ctx, opening.request.id)
  return { ...kept, action: opened.url }
}

/** Why nothing can be opened for a request now, in words that are true of it. */
async function refusalOf(ctx: Context, requestId: string): Promise<ApiError> {
  const attempts = await store.listTransactions(ctx.db, requestId)
  const { request } = await load(ctx, requestId)
  try {
    requireFree(request, attempts)
  } catch (error) {
    if (error instanceof ApiError) return error
    throw error
  }
  return new ApiError(paymentRequestErrors.busy, { headers: { 'retry-after': '1' } })
}

function checkoutOf(ctx: Context, opening: Opening, attempt: NewTransaction): OpenCheckout {
  const { business, request, customer, via } = opening
  const returnUrl = `${ctx.baseUrl}/return/${attempt.id}${via ? `?via=${via}` : ''}`
  return {
    reference: attempt.ref,
    amountMinor: attempt.amountMinor ?? request.amount_minor,
    currency: request.currency,
    description: request.description ?? `Payment ${request.ref}`,
    payer: payerOf(shownOf(request, customer)),
    returnUrl,
    cancelUrl: `${returnUrl}${via ? '&' : '?'}cancelled=1`,
    saveMethod: request.save_payment_method,
    // It is the provider's page that dies, and its clock is the real one.
    expiresAt: after(request.expires_at, -business.clockOffsetMs),
  }
}

type Known = Pick<Customer, 'email' | 'first_name' | 'last_name' | 'name' | 'phone_code' | 'phone_number'>

/** A provider's page shows whom it is told of: of a customer whom a stranger named, only what the stranger said. */
function shownOf(request: RequestRow, customer: Customer): Known {
  const { sent_customer: sent, created_by } = request
  if (!isStranger(created_by) || sent?.email === undefined) return customer
  const { email, first_name = null, last_name = null, name = null, phone_code = null, phone_number = null } = sent
  return { email, first_name, last_name, name, phone_code, phone_number }
}

/** The customer as channels are told. */
export function payerOf(customer: Known): Payer {
  return {
    email: toAsciiEmail(customer.email),
    firstName: customer.first_name,
    lastName: customer.last_name,
    fullName: fullName(customer),
    phone: e164Of(customer.phone_code, customer.phone_number),
  }
}

/** Outcome of an opening that failed: the attempt is over, and the timeline says why. */
async function recordFailure(
  ctx: Context,
  { business, request }: Opening,
  account: ChannelAccount,
  attempt: NewTransaction,
  error: ChannelError,
): Promise<void> {
  const refused = error.reason === 'refused' || error.reason === 'unauthorised'
  const reason = refused ? error.message.slice(0, 300) : 'no answer'
  const name = account.channel.displayName
  const summary = refused
    ? `${name} refused the payment: ${reason}`
    : `${name} did not answer when the payment was relayed`
  await inTransaction(ctx.db, (tx) =>
    endAttempt(tx, request.id, attempt.id, { reason, summary, now: nowOf(ctx, business) }),
  )
}

async function endAttempt(
  tx: Tx,
  requestId: string,
  attemptId: string,
  end: { reason: string; summary: string; now: Date },
) {
  await held.lock(tx, requestId)
  const current = (await store.listTransactions(tx, requestId)).find((one) => one.id === attemptId)
  if (current?.status !== 'pending') return
  // The page may exist at the channel although its answer was lost; nobody knows its address, so no money can come.
  await move(tx, transactionMachine, attemptId, 'pending', 'failed', {
    reason: end.reason,
    check_at: null,
    updated_at: end.now,
  })
  await addTimelineEntry(tx, {
    requestId,
    transactionId: attemptId,
    summary: end.summary,
    status: 'failed',
    now: end.now,
  })
}

/** The process died between intent and outcome of this attempt; its page, if there is one, was never seen. */
export async function giveUpUnseen(ctx: Context, requestId: string, attempt: TransactionRow, now: Date): Promise<void> {
  await inTransaction(ctx.db, async (tx) => {
    await held.lock(tx, requestId)
    const current = (await store.listTransactions(tx, requestId)).find((one) => one.id === attempt.id)
    if (current?.status === 'pending' && !current.checkout_url) await voidAttempt(tx, current, now)
  })
}

/** Our own guard for every channel: money that comes on a voided attempt does not count. */
export async function voidAttempt(tx: Tx, attempt: TransactionRow, now: Date): Promise<void> {
  await move(tx, transactionMachine, attempt.id, attempt.status, 'voided', { updated_at: now })
  // What was never relayed is not told of.
  if (attempt.opened_at === null) return
  const name = findChannel(attempt.payment_channel_slug).displayName
  const summary = `Asyncpay voided payment request with ${name}`
  await addTimelineEntry(tx, {
    requestId: attempt.payment_request_id,
    transactionId: attempt.id,
    summary,
    status: null,
    now,
  })
}

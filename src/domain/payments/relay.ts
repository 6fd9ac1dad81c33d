import type { Context } from '../../platform/context.ts'
import { inTransaction } from '../../platform/db.ts'
import { ApiError } from '../../platform/errors.ts'
import { tooMany } from '../../platform/limits.ts'
import {
  closePage,
  insertTransaction,
  listTransactions,
  newTransaction,
  openAtFirst,
  type ReturnVia,
  refreshRequest,
  requireFree,
  voidAttempt,
} from '../attempts/service.ts'
import { auditBy, type Caller, nowOf } from '../businesses/service.ts'
import { paymentRequestErrors } from '../payment-requests/errors.ts'
import * as held from '../payment-requests/held.ts'
import type { FullRequest, RequestRow, TransactionRow } from '../payment-requests/schema.ts'
import { findId, load, type NewTransaction } from '../payment-requests/service.ts'
import { isPayable, restOf } from '../payment-requests/states.ts'
import { choose } from './choose.ts'
import type { Initiated } from './initiate.ts'
import type { Relay } from './schema.ts'
import { noteRelay } from './store.ts'
import { busy, inTurn } from './turn.ts'

/**
 * Moves a request to the channel that is named: what is pending elsewhere is asked about (money that is in counts),
 * closed at its channel where that can be done, voided here, and a new attempt is opened. One relay of a request goes
 * after the other; who asks for the channel that was opened meanwhile gets that page. Throws
 * `PAYMENT_REQUEST_NOT_RELAYABLE` when the request can no longer be paid, `TOO_MANY_REQUESTS` when it was relayed too
 * often, `PAYMENT_PROCESSING` and `PAYMENT_BEING_CONFIRMED` while a payment is under way, `PAYMENT_REQUEST_BUSY` when
 * the others take too long, what routing refuses when the channel cannot take it.
 */
export async function relay(ctx: Context, caller: Caller, body: Relay, via?: ReturnVia): Promise<Initiated> {
  const requestId = await findId(ctx, caller, body.payment_request_ref, 'payment_request_ref')
  const attempts = await listTransactions(ctx.db, requestId)
  const known = new Set(attempts.filter(isOpened).map((one) => one.id))
  const { request, restMinor } = await relayable(ctx, caller, requestId)
  const now = nowOf(ctx, caller.business)
  requireFew(ctx, request, request.relays, now)
  const wish = { currency: request.currency, amountMinor: restMinor, tokenize: request.save_payment_method }
  const accounts = await choose(ctx, caller, { ...wish, named: body.payment_channel })
  const [account] = accounts
  if (!account) throw new Error('routing chose no channel')
  const action = await inTurn(ctx, requestId, async (holder, relays) => {
    const page = await findMaybePage(ctx, requestId, account.slug, known)
    if (page) return page
    // Again: those who came first have relayed it meanwhile. Nothing is asked of a channel before.
    requireFew(ctx, request, relays, now)
    await refreshRequest(ctx, requestId)
    await closePages(ctx, requestId)
    const { customer } = await relayable(ctx, caller, requestId)
    const { slug } = account
    const attempt = await replaceAttempt(ctx, caller, requestId, { slug, holder, now: nowOf(ctx, caller.business) })
    const opening = { business: caller.business, request, customer, accounts, attempt, ...(via && { via }) }
    return (await openAtFirst(ctx, opening)).action
  })
  return { full: await load(ctx, requestId), action }
}

const isOpened = (one: TransactionRow) => one.opened_at !== null

/**
 * Each relay asks about every attempt before it: their number is bounded. The page that was opened last stays. Throws
 * `TOO_MANY_REQUESTS`; it has no better time to name than the one when the request ends.
 */
function requireFew(ctx: Context, request: RequestRow, relays: number, now: Date): void {
  const { relaysMax } = ctx.limits
  if (relays < relaysMax) return
  const words = `This payment request was relayed ${relaysMax} times: go on with its last page, or initiate another`
  throw tooMany(request.expires_at.getTime() - now.getTime(), words)
}

/** Somebody opened the same channel while this relay waited for its turn: that page is the answer to both. */
async function findMaybePage(
  ctx: Context,
  requestId: string,
  slug: string,
  known: ReadonlySet<string>,
): Promise<string | null> {
  const attempts = await listTransactions(ctx.db, requestId)
  const current = attempts.find((one) => one.status === 'pending' && one.payment_channel_slug === slug)
  return current && !known.has(current.id) ? current.checkout_url : null
}

/** Throws `PAYMENT_REQUEST_NOT_RELAYABLE` unless the request can still be paid. */
async function relayable(ctx: Context, caller: Caller, requestId: string): Promise<FullRequest> {
  const full = await load(ctx, requestId)
  const { status, expires_at } = full.request
  // Its time may be over: the money on its way keeps it.
  if (isPayable(status) && full.lastTransaction?.status === 'processing')
    throw new ApiError(paymentRequestErrors.processing)
  if (!isPayable(status) || expires_at <= nowOf(ctx, caller.business))
    throw new ApiError(paymentRequestErrors.notRelayable)
  return full
}

/** At the channels that can; a page that was paid at the last moment is found out here. */
async function closePages(ctx: Context, requestId: string): Promise<void> {
  const attempts = await listTransactions(ctx.db, requestId)
  for (const attempt of attempts) if (attempt.status === 'pending') await closePage(ctx, attempt)
}

/** Our own guard, in one transaction with the intent of the new attempt. */
async function replaceAttempt(
  ctx: Context,
  caller: Caller,
  requestId: string,
  { slug, holder, now }: { slug: string; holder: string; now: Date },
): Promise<NewTransaction> {
  return await inTransaction(ctx.db, async (tx) => {
    const request = await held.lock(tx, requestId)
    // Its channels took longer than a turn, and somebody else has begun.
    if (request && request.relay_holder !== holder) throw busy()
    const attempts = await listTransactions(tx, requestId)
    requireFree(request, attempts)
    for (const one of attempts) if (one.status === 'pending') await voidAttempt(tx, one, now)
    const attempt = { ...newTransaction(slug), amountMinor: restOf(request, attempts) }
    await insertTransaction(tx, request, attempt, now)
    await noteRelay(tx, requestId)
    const { id, ref, customer_id: customerId } = request
    const detail = { id, ref, payment_channel: slug, transaction_ref: attempt.ref }
    await auditBy(tx, caller, 'payment_request.relayed', detail, ctx.clock.now(), customerId)
    return attempt
  })
}

import type { Context } from '../../platform/context.ts'
import { inTransaction } from '../../platform/db.ts'
import { ApiError } from '../../platform/errors.ts'
import { type Caller, nowOf } from '../businesses/service.ts'
import { closePage, refreshRequest } from './ask.ts'
import { choose } from './choose.ts'
import { paymentRequestErrors } from './errors.ts'
import { findId, load } from './find.ts'
import type { Initiated } from './initiate.ts'
import { newTransaction, openAtFirst, type ReturnVia, requireFree, voidAttempt } from './open.ts'
import type { FullRequest, Relay } from './schema.ts'
import { isPayable } from './states.ts'
import type { NewTransaction } from './store.ts'
import * as store from './store.ts'

/**
 * Moves a request to the channel that is named: what is pending elsewhere is asked about (money that is in counts),
 * closed at its channel where that can be done, voided here, and a new attempt is opened. Throws 040 when the request
 * can no longer be paid, 045 while money is on its way, 031 to 033 when the channel cannot take it.
 */
export async function relay(ctx: Context, caller: Caller, body: Relay, via?: ReturnVia): Promise<Initiated> {
  const requestId = await findId(ctx, caller, body.payment_request_ref, 'payment_request_ref')
  const { request } = await relayable(ctx, caller, requestId)
  const wish = { currency: request.currency, amountMinor: request.amount_minor, tokenize: request.save_payment_method }
  const accounts = await choose(ctx, caller, { ...wish, named: body.payment_channel })
  const [account] = accounts
  if (!account) throw new Error('routing chose no channel')
  await refreshRequest(ctx, requestId)
  await closePages(ctx, requestId)
  const { customer } = await relayable(ctx, caller, requestId)
  const attempt = newTransaction(account.slug)
  await replaceAttempt(ctx, requestId, attempt, nowOf(ctx, caller.business))
  const { action } = await openAtFirst(ctx, {
    business: caller.business,
    request,
    customer,
    accounts,
    attempt,
    ...(via && { via }),
  })
  return { full: await load(ctx, requestId), action }
}

/** Throws 040 unless the request can still be paid. */
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
  const attempts = await store.listTransactions(ctx.db, requestId)
  for (const attempt of attempts) if (attempt.status === 'pending') await closePage(ctx, attempt)
}

/** Our own guard, in one transaction with the intent of the new attempt. */
async function replaceAttempt(ctx: Context, requestId: string, attempt: NewTransaction, now: Date): Promise<void> {
  await inTransaction(ctx.db, async (tx) => {
    const request = await store.lock(tx, requestId)
    const attempts = await store.listTransactions(tx, requestId)
    requireFree(request, attempts)
    for (const one of attempts) if (one.status === 'pending') await voidAttempt(tx, one, now)
    await store.insertTransaction(tx, request, attempt, now)
  })
}

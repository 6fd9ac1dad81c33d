import type { Context } from '../../platform/context.ts'
import { ApiError } from '../../platform/errors.ts'
import { type IdempotencyClaim, runOrReplay } from '../../platform/idempotency.ts'
import { newTransaction, openAtFirst } from '../attempts/service.ts'
import type { Caller } from '../businesses/service.ts'
import * as rates from '../exchange-rates/service.ts'
import { channelErrors } from '../payment-channels/errors.ts'
import { type ChannelAccount, listAccounts } from '../payment-channels/service.ts'
import type { FullRequest } from '../payment-requests/schema.ts'
import { insert } from '../payment-requests/service.ts'
import { choose } from './choose.ts'
import { firstOf, type Initiated, newRequest, resume } from './initiate.ts'
import type { Opens } from './plan.ts'
import type { SaveMethod } from './schema-saved.ts'

/** A payment of the least sum that leaves a saved method; what it is for, nobody but the channel decides. */

const canCharge = (account: ChannelAccount): boolean => account.channel.chargeSaved !== undefined

/** Initiates and relays to the chosen channel, which must be able to charge what it saves. */
export const saveMethod = (
  ctx: Context,
  caller: Caller,
  body: SaveMethod,
  claim: IdempotencyClaim | null,
): Promise<Initiated> =>
  runOrReplay(ctx.db, claim, async () => {
    if (claim?.resumes) return await resume(ctx, caller, claim.resumes, body.payment_channel ?? null)
    const { wish, accounts } = await readTerms(ctx, caller, body, 'now')
    const attempt = newTransaction(firstOf(accounts).slug)
    const row = { ...newRequest(ctx, caller, body, wish, attempt, claim), ...purpose }
    const { request, customer } = await insert(ctx, caller, row)
    const opened = await openAtFirst(ctx, { business: caller.business, request, customer, accounts, attempt })
    // This answer does not show the timeline; it is not read for it.
    const { amount_minor: restMinor } = request
    const full = { request: opened.request, restMinor, customer, lastTransaction: opened.attempt, timeline: [] }
    return { full, action: opened.action }
  })

/**
 * The same for a page of ours, on which the customer chooses the channel: none has seen it yet. Throws what routing
 * refuses, and `OPERATION_NOT_SUPPORTED_BY_CHANNEL`.
 */
export async function createSaveMethod(ctx: Context, caller: Caller, body: SaveMethod): Promise<FullRequest> {
  const { wish } = await readTerms(ctx, caller, body, 'later')
  const made = await insert(ctx, caller, { ...newRequest(ctx, caller, body, wish, null, null), ...purpose })
  return { ...made, restMinor: made.request.amount_minor, lastTransaction: null, timeline: [] }
}

const purpose = { intent: 'save_payment_method', description: 'Save new payment method' } as const

async function readTerms(ctx: Context, caller: Caller, body: SaveMethod, opens: Opens) {
  const currency = body.currency ?? caller.business.baseCurrency
  const { amountMinor, accounts } = await savingAt(ctx, caller, currency, body.payment_channel ?? null, opens)
  const usdPerUnit = await rates.findMaybeRate(ctx, currency)
  if (usdPerUnit === null) throw new ApiError(channelErrors.noPaymentChannel)
  return { wish: { currency, amountMinor, usdPerUnit, savePaymentMethod: true, plan: null, isTrial: false }, accounts }
}

/**
 * The least sum that leaves a method at the first channel in order, or later at each of them, and the channels that may
 * be tried with it: those that need no more. Throws what routing refuses where no channel takes the currency,
 * `OPERATION_NOT_SUPPORTED_BY_CHANNEL` where none that does can charge saved methods.
 */
async function savingAt(
  ctx: Context,
  caller: Caller,
  currency: string,
  named: string | null,
  opens: Opens,
): Promise<{ amountMinor: bigint; accounts: ChannelAccount[] }> {
  const taking = (await listAccounts(ctx, caller)).filter(
    (one) => one.channel.limits.currencies[currency] !== undefined,
  )
  // Enough for every one of them: what is refused then is refused for another reason.
  const enough = taking.map((one) => leastSumOf(one, currency)).reduce((a, b) => (b > a ? b : a), 1n)
  const chosen = await choose(ctx, caller, { currency, amountMinor: enough, named, tokenize: true })
  const able = chosen.filter(canCharge)
  const [first] = able
  if (!first) {
    const words = 'No connected payment channel that takes this currency can charge saved methods.'
    throw new ApiError(channelErrors.operationNotSupported, { data: { payment_channel: [words] } })
  }
  const sums = able.map((one) => leastSumOf(one, currency))
  const amountMinor = opens === 'now' ? leastSumOf(first, currency) : sums.reduce((a, b) => (b > a ? b : a))
  return { amountMinor, accounts: able.filter((one) => leastSumOf(one, currency) <= amountMinor) }
}

function leastSumOf(account: ChannelAccount, currency: string): bigint {
  const { payMinor = 0n, tokenizeMinor = 0n } = account.channel.limits.currencies[currency] ?? {}
  return tokenizeMinor > payMinor ? tokenizeMinor : payMinor
}

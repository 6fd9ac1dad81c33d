import type { Context } from '../../platform/context.ts'
import { ApiError } from '../../platform/errors.ts'
import { type IdempotencyClaim, runOrReplay } from '../../platform/idempotency.ts'
import type { Caller } from '../businesses/service.ts'
import * as rates from '../exchange-rates/service.ts'
import { channelErrors } from '../payment-channels/errors.ts'
import { type ChannelAccount, listAccounts } from '../payment-channels/service.ts'
import { choose } from './choose.ts'
import { firstOf, type Initiated, insert, newRequest, resume } from './initiate.ts'
import { newTransaction, openAtFirst } from './open.ts'
import type { FullRequest, SaveMethod } from './schema.ts'

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
    const { wish, accounts } = await readWish(ctx, caller, body)
    const attempt = newTransaction(firstOf(accounts).slug)
    const row = { ...newRequest(ctx, caller, body, wish, attempt, claim), ...purpose }
    const { request, customer } = await insert(ctx, caller, row)
    const opened = await openAtFirst(ctx, { business: caller.business, request, customer, accounts, attempt })
    // This answer does not show the timeline; it is not read for it.
    const full = { request: opened.request, customer, lastTransaction: opened.attempt, timeline: [] }
    return { full, action: opened.action }
  })

/** The same for a page of ours, on which the customer chooses the channel: none has seen it yet. Throws 030 to 036. */
export async function createSaveMethod(ctx: Context, caller: Caller, body: SaveMethod): Promise<FullRequest> {
  const { wish } = await readWish(ctx, caller, body)
  const made = await insert(ctx, caller, { ...newRequest(ctx, caller, body, wish, null, null), ...purpose })
  return { ...made, lastTransaction: null, timeline: [] }
}

const purpose = { intent: 'save_payment_method', description: 'Save new payment method' } as const

async function readWish(ctx: Context, caller: Caller, body: SaveMethod) {
  const named = body.payment_channel ?? null
  const currency = body.currency ?? caller.business.baseCurrency
  const amountMinor = await savingSumOf(ctx, caller, currency, named)
  const accounts = (await choose(ctx, caller, { currency, amountMinor, named, tokenize: true })).filter(canCharge)
  const usdPerUnit = await rates.findMaybeRate(ctx, currency)
  if (usdPerUnit === null) throw new ApiError(channelErrors.noPaymentChannel)
  return { wish: { currency, amountMinor, usdPerUnit, savePaymentMethod: true, plan: null }, accounts }
}

/**
 * The least sum whose payment leaves a method that can be charged again: at the channel that is named, else enough for
 * each of those that may be tried. Throws 030 to 032 where no channel takes the currency, 036 where none that does can
 * charge saved methods.
 */
export async function savingSumOf(
  ctx: Context,
  caller: Caller,
  currency: string,
  named: string | null,
): Promise<bigint> {
  const accounts = await listAccounts(ctx, caller)
  const taking = accounts.filter(
    (account) =>
      account.isEnabled &&
      (named === null || account.slug === named) &&
      account.channel.limits.currencies[currency] !== undefined,
  )
  const [leastOfAll, ...sums] = taking.filter(canCharge).map((account) => leastSumOf(account, currency))
  if (leastOfAll !== undefined) return sums.reduce((most, sum) => (sum > most ? sum : most), leastOfAll)
  // Says why no channel takes it; where one does, it is this that it cannot do.
  await choose(ctx, caller, { currency, amountMinor: 1n, named, tokenize: false }).catch((error: unknown) => {
    if (taking.length === 0) throw error
  })
  const words = 'No connected payment channel that takes this currency can charge saved methods.'
  throw new ApiError(channelErrors.operationNotSupported, { data: { payment_channel: [words] } })
}

function leastSumOf(account: ChannelAccount, currency: string): bigint {
  const { payMinor = 0n, tokenizeMinor = 0n } = account.channel.limits.currencies[currency] ?? {}
  return tokenizeMinor > payMinor ? tokenizeMinor : payMinor
}

import { dayMs, secondMs } from '../../platform/clock.ts'
import type { Context } from '../../platform/context.ts'
import type { Database } from '../../platform/db.ts'
import { countOutcomes } from '../attempts/service.ts'
import { type Caller, nowOf } from '../businesses/service.ts'
import { type ChannelAccount, isHealthy, listAccounts } from '../payment-channels/service.ts'
import {
  chooseChannels,
  leastToTokenize,
  type Record24h,
  type RoutingCriteria,
  type Weighed,
  weigh,
} from '../routing/service.ts'

/** What routing decides by, gathered: accounts, their health, and their record where the business routes by it. */

export type ChannelCriteria = Pick<RoutingCriteria, 'currency' | 'amountMinor' | 'named' | 'tokenize'>

/** The window that success rates are counted over, and the most attempts of it. */
const windowMs = dayMs

const attemptsMax = 1_000

/** Rates move slowly; counting them again for every payment would cost more than it tells. */
const recordsCacheMs = 30 * secondMs

const recordsCacheMax = 10_000

const recordsCaches = new WeakMap<Database, Map<string, { records: ReadonlyMap<string, Record24h>; until: number }>>()

/** The channels that may take it, in the order in which they are tried. Throws what routing refuses. */
export async function choose(ctx: Context, caller: Caller, wish: ChannelCriteria): Promise<ChannelAccount[]> {
  const accounts = await listAccounts(ctx, caller)
  return chooseChannels(accounts, await informed(ctx, caller, accounts, wish, Math.random()))
}

/** What each channel that may take it needs to keep a method, in the order in which they are tried. */
export async function leastToSave(
  ctx: Context,
  caller: Caller,
  wish: Pick<ChannelCriteria, 'currency' | 'named'>,
): Promise<bigint[]> {
  const accounts = await listAccounts(ctx, caller)
  // There is no sum yet, and nothing is explored.
  const unpriced = { ...wish, amountMinor: 0n, tokenize: true }
  return leastToTokenize(accounts, await informed(ctx, caller, accounts, unpriced, 1))
}

/** A dry run: every account with its place and the reason for it; nothing is explored. */
export async function explain(ctx: Context, caller: Caller, wish: ChannelCriteria): Promise<Weighed<ChannelAccount>[]> {
  const accounts = await listAccounts(ctx, caller)
  return weigh(accounts, await informed(ctx, caller, accounts, wish, 1))
}

async function informed(
  ctx: Context,
  caller: Caller,
  accounts: readonly ChannelAccount[],
  wish: ChannelCriteria,
  random: number,
): Promise<RoutingCriteria> {
  const unhealthy = new Set(accounts.filter((account) => !isHealthy(account)).map((account) => account.slug))
  if (wish.named !== null || caller.business.routeBy !== 'success_rate') return { ...wish, unhealthy }
  return { ...wish, unhealthy, random, records: await recordsOf(ctx, caller) }
}

async function recordsOf(ctx: Context, caller: Caller): Promise<ReadonlyMap<string, Record24h>> {
  let cache = recordsCaches.get(ctx.database)
  if (!cache || cache.size > recordsCacheMax) {
    cache = new Map()
    recordsCaches.set(ctx.database, cache)
  }
  const key = `${caller.businessId}/${caller.envMode}`
  const cached = cache.get(key)
  if (cached && cached.until > Date.now()) return cached.records
  const since = new Date(nowOf(ctx, caller.business).getTime() - windowMs)
  const records = await countOutcomes(ctx.db, caller, since, attemptsMax)
  cache.set(key, { records, until: Date.now() + recordsCacheMs })
  return records
}

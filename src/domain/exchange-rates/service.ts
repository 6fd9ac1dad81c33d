import { minuteMs } from '../../platform/clock.ts'
import type { Context } from '../../platform/context.ts'
import type { Database } from '../../platform/db.ts'
import { exponentOf, formatScaled } from '../../platform/money.ts'
import type { Rate } from './store.ts'
import * as store from './store.ts'
import { bundledDate, unitsPerUsd } from './tables.ts'

const cacheMs = 5 * minuteMs
const caches = new WeakMap<Database, { rates: Map<string, string>; until: number }>()

/** US dollars for one major unit as decimal text; null for a currency without a rate. */
export async function findMaybeRate(ctx: Context, currency: string): Promise<string | null> {
  let cache = caches.get(ctx.database)
  if (!cache || cache.until < Date.now()) {
    const rates = new Map((await store.list(ctx.db)).map((rate) => [rate.currency, rate.usdPerUnit]))
    cache = { rates, until: Date.now() + cacheMs }
    caches.set(ctx.database, cache)
  }
  return cache.rates.get(currency) ?? null
}

/** Called at every start: a rate that is there already stays. */
export async function seedBundledRates(ctx: Context): Promise<void> {
  await store.save(ctx.db, invert(unitsPerUsd), bundledDate, 'bundled', ctx.clock.now(), true)
}

const answerMaxBytes = 1024 * 1024
const fetchTimeoutMs = 20_000

/**
 * Reads `{"base":"USD","date":"YYYY-MM-DD","rates":{"NGN":1590.1,…}}` from `url`. Throws on any other answer;
 * the rates there are stay.
 */
export async function refreshRates(ctx: Context, url: string): Promise<number> {
  const response = await ctx.providerFetch('exchange-rates')(url, { signal: AbortSignal.timeout(fetchTimeoutMs) })
  const text = await response.text()
  if (!response.ok || text.length > answerMaxBytes) throw new Error(`exchange rates: HTTP ${response.status}`)
  const answer = JSON.parse(text) as { base?: unknown; date?: unknown; rates?: Record<string, unknown> }
  if (answer.base !== 'USD' || !/^\d{4}-\d{2}-\d{2}$/.test(String(answer.date)) || typeof answer.rates !== 'object') {
    throw new Error('exchange rates: expected {"base":"USD","date":"YYYY-MM-DD","rates":{…}}')
  }
  const units: Record<string, string> = {}
  for (const [currency, value] of Object.entries(answer.rates ?? {})) {
    if (exponentOf(currency) !== null && typeof value === 'number' && value > 0 && Number.isFinite(value)) {
      units[currency] = value.toFixed(8)
    }
  }
  const rates = invert(units)
  if (rates.length > 0) await store.save(ctx.db, rates, String(answer.date), new URL(url).host, ctx.clock.now(), false)
  caches.delete(ctx.database)
  return rates.length
}

/** Units for a dollar → dollars for a unit, twelve digits after the point. */
export function invert(units: Readonly<Record<string, string>>): Rate[] {
  return Object.entries(units).map(([currency, text]) => {
    const [whole = '0', fraction = ''] = text.split('.')
    const divisor = BigInt(whole + fraction)
    return { currency, usdPerUnit: formatScaled(10n ** BigInt(12 + fraction.length) / divisor, 12) }
  })
}

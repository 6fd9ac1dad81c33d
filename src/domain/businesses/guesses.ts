import { setTimeout as sleep } from 'node:timers/promises'
import { addressGroup } from '../../platform/addresses.ts'
import type { Context } from '../../platform/context.ts'
import type { Database } from '../../platform/db.ts'
import type { KeyKind } from './schema.ts'
import * as store from './store-keys.ts'

/**
 * Keys that open nothing are counted by the address they come from, before the database is asked. Behind one address there
 * may be a guesser and an honest shop (an office, a mobile network). So beyond the limit a key is still looked for, but
 * together with all that came meanwhile: a flood costs a statement each `gatherMs`, however large it is and however new
 * this process, and the shop waits a moment.
 */

/** At most five statements a second; nobody notices the wait. */
const gatherMs = 200
/** In one statement. Whoever comes beyond is refused unseen: 5,000 different keys a second are no neighbourhood. */
const keysMax = 1_000

interface Look {
  readonly hashes: Buffer[]
  keys: number
  readonly opening: Promise<ReadonlySet<string>>
}
const looks = { secret: new WeakMap<Database, Look>(), public: new WeakMap<Database, Look>() }

/**
 * Counts a key as a guess; `key` is null where it has not even the form of one. Gives what takes that back, for one
 * that proves right. Throws `TOO_MANY_REQUESTS` beyond the limit, unless the key opens something.
 */
export async function countGuess(
  ctx: Context,
  kind: KeyKind,
  key: string | null,
  address: string,
): Promise<() => void> {
  const name = addressGroup(address)
  try {
    ctx.limits.wrongKeys.take(name)
  } catch (error) {
    if (key === null || !(await opensSomething(ctx, kind, key))) throw error
  }
  return () => ctx.limits.wrongKeys.giveBack(name)
}

async function opensSomething(ctx: Context, kind: KeyKind, key: string): Promise<boolean> {
  const look = looks[kind].get(ctx.database) ?? gather(ctx, kind)
  if (look.keys >= keysMax) return false
  look.keys += 1
  const hashes = ctx.secrets.hashes(key)
  look.hashes.push(...hashes)
  const opening = await look.opening
  return hashes.some((hash) => opening.has(hash.toString('hex')))
}

function gather(ctx: Context, kind: KeyKind): Look {
  const hashes: Buffer[] = []
  const find = async () => {
    await sleep(gatherMs)
    looks[kind].delete(ctx.database)
    const opening = await store.listOpening(ctx.db, kind, hashes, ctx.clock.now())
    return new Set(opening.map((hash) => hash.toString('hex')))
  }
  const look = { hashes, keys: 0, opening: find() }
  looks[kind].set(ctx.database, look)
  return look
}

import { setTimeout as sleep } from 'node:timers/promises'
import { after, secondMs } from '../../platform/clock.ts'
import type { Context } from '../../platform/context.ts'
import { ApiError } from '../../platform/errors.ts'
import { newId } from '../../platform/ids.ts'
import { paymentRequestErrors } from '../payment-requests/errors.ts'
import * as store from './store.ts'

/**
 * Relays of one request go one after the other: whoever relays holds a lease in its row, and whoever comes meanwhile
 * waits with no connection and no lock. A process that dies lets go by itself.
 */

/** Longer than a relay takes whose channels answer: asking, closing and opening end within 20 s each. */
export const turnMs = 60 * secondMs

/** Who waits for longer is told to come again: the channel of the one before is slow. */
const waitMaxMs = 25 * secondMs

/** Between two looks; they grow, so that many who wait cost little. */
const [pauseMinMs, pauseMaxMs] = [20, 400]

/** `work` is told how often the request was relayed before. */
export async function inTurn<T>(
  ctx: Context,
  requestId: string,
  work: (holder: string, relays: number) => Promise<T>,
): Promise<T> {
  const holder = newId()
  const relays = await take(ctx, requestId, holder)
  try {
    return await work(holder, relays)
  } finally {
    await store.endTurn(ctx.db, requestId, holder)
  }
}

/** Throws `PAYMENT_REQUEST_BUSY` when it took too long. */
async function take(ctx: Context, requestId: string, holder: string): Promise<number> {
  const giveUpAt = Date.now() + waitMaxMs
  for (let pauseMs = pauseMinMs; ; pauseMs = Math.min(pauseMs * 2, pauseMaxMs)) {
    const now = ctx.clock.now()
    const relays = await store.takeTurn(ctx.db, requestId, { holder, now, until: after(now, turnMs) })
    if (relays !== null) return relays
    if (Date.now() > giveUpAt) throw busy()
    await sleep(pauseMs)
  }
}

/** The request is open, and somebody else is at work on it. */
export const busy = (): ApiError => new ApiError(paymentRequestErrors.busy, { headers: { 'retry-after': '1' } })

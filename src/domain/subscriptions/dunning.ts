import { after, dayMs, hourMs } from '../../platform/clock.ts'
import type { LockedRequest } from '../attempts/follow-up.ts'
import * as followUps from '../attempts/follow-up.ts'
import { mailPaymentFailed } from './mails.ts'
import type { PeriodRow } from './schema.ts'
import * as store from './store.ts'
import { type LockedSubscription, transition } from './with-subscription.ts'

/** What happens while a period is not paid. */

/** Days after its first charge on which a refused period is tried again; the refusal after the last ends it. */
export const retryDays = [1, 3, 5, 7] as const
/** A try that comes late (nobody worked meanwhile) is followed by the next after so long at least. */
const retryGapMs = dayMs
/** The link can be used so long after the last try that is planned. */
const graceMs = dayMs
/** Its payment request ends then by itself. */
export const dunningMs = 7 * dayMs + graceMs

/**
 * When a period is tried again after its `refusals`th refusal; null: never. The schedule goes by its days, not by the
 * number of refusals: a customer who tries three cards in a row does not use it up. Where nobody worked on those days, the
 * places that are left are used a day apart.
 */
export function nextRetry(firstTriedAt: Date, refusals: number, now: Date): Date | null {
  const planned = retryDays.map((days) => after(firstTriedAt, days * dayMs)).find((day) => day > now)
  if (planned) return planned
  return refusals <= retryDays.length ? after(now, retryGapMs) : null
}

/**
 * A try failed, or there was nothing to charge: told once by event and mail. `transactionId`: the attempt that was
 * refused. After the last place in the schedule the request ends, and with it the subscription.
 */
export async function noteFailure(
  change: LockedSubscription,
  period: PeriodRow,
  standing: LockedRequest,
  reason: string,
  transactionId: string | null,
): Promise<void> {
  const { tx, now, subscription } = change
  await store.noteRefusal(tx, period, transactionId, now)
  const retryAt = nextRetry(period.created_at, period.refusals + 1, now)
  // The request ends after the last try; until then it is looked at again, should nobody work for a while.
  await transition(change, 'past_due', { next_due_at: retryAt ?? after(now, dayMs), remind_at: null })
  if (retryAt) await followUps.keepUntil(tx, standing, after(retryAt, graceMs))
  else await followUps.endSoon(tx, standing, now)
  const full = await change.emit(subscription.id, 'subscription.payment_failed')
  const { request } = standing
  if (retryAt) {
    const endsAt = lastTryAt(period, retryAt)
    // A card that is refused for good, or wants the payer, is not charged then: only paying helps.
    const refusal = standing.attempts.find((one) => one.id === transactionId)?.refusal
    const isCharged = transactionId !== null && refusal !== 'hard' && refusal !== 'payer'
    await mailPaymentFailed(change, full, { period, request, reason, retryAt: isCharged ? retryAt : null, endsAt })
  }
}

/** When the subscription ends unless it is paid. */
export const lastTryAt = (period: PeriodRow, retryAt: Date): Date => {
  const planned = after(period.created_at, (retryDays.at(-1) ?? 0) * dayMs)
  return planned > retryAt ? planned : retryAt
}

/** A channel that could not be reached is tried again after this; after a day of it, it counts as a refusal. */
const unsentRetryMs = hourMs
const unsentTriesMax = 24

/** Nothing was charged and nobody refused: the channel was away. */
export async function waitForChannel(
  change: LockedSubscription,
  period: PeriodRow,
  standing: LockedRequest,
): Promise<void> {
  const sinceRefused = standing.attempts.slice(
    standing.attempts.findIndex((one) => one.id === period.refused_transaction_id) + 1,
  )
  const unsent = sinceRefused.filter((one) => one.mode === 'saved' && one.status === 'failed')
  const last = unsent.at(-1)
  if (last && unsent.length % unsentTriesMax === 0) {
    return await noteFailure(change, period, standing, 'The payment provider did not answer', last.id)
  }
  await transition(change, change.subscription.status, { next_due_at: after(change.now, unsentRetryMs) })
}

import { ChannelError, type ChannelEvent } from '../../channels/channel.ts'
import { after, minuteMs, secondMs } from '../../platform/clock.ts'
import type { Context } from '../../platform/context.ts'
import { inTransaction } from '../../platform/db.ts'
import { notFound } from '../../platform/errors.ts'
import { newId } from '../../platform/ids.ts'
import { findMaybeByHookToken } from '../businesses/service.ts'
import { type ChannelAccount, findMaybeAccount } from '../payment-channels/service.ts'
import { refreshByReference } from '../payment-requests/service.ts'
import type { HookRow } from './store.ts'
import * as store from './store.ts'

/** The job that acts on a stored webhook. */
export const hookQueue = 'hooks.act'

export interface HookJob {
  hook_id: string
}

/** The account that a webhook's address names. Throws 404. */
export async function findReceiver(ctx: Context, token: string, slug: string): Promise<ChannelAccount> {
  const business = /^[\w-]{8}$/.test(token) ? await findMaybeByHookToken(ctx, token) : undefined
  const account =
    business && (await findMaybeAccount(ctx, { businessId: business.id, envMode: business.envMode }, slug))
  if (!account) throw notFound('webhook address')
  return account
}

/** Keeps a verified webhook once, together with the job that acts on it. False: seen before. */
export async function keep(ctx: Context, account: ChannelAccount, event: ChannelEvent, body: Buffer): Promise<boolean> {
  const id = newId()
  const kept = await inTransaction(ctx.db, async (tx) => {
    const isNew = await store.insert(tx, {
      id,
      businessId: account.businessId,
      envMode: account.envMode,
      slug: account.slug,
      eventKey: storable(event.eventId, 300),
      eventType: storable(event.type, 100),
      subject: subjectOf(event),
      body,
      now: ctx.clock.now(),
    })
    const job: HookJob = { hook_id: id }
    if (isNew) await ctx.queue.send(tx, hookQueue, job)
    return isNew
  })
  if (kept) ctx.queue.wake(hookQueue)
  return kept
}

/** A provider's words as the database can hold them, whatever a form of theirs puts there. */
const storable = (text: string, lengthMax: number): string =>
  text
    .replaceAll(/\p{Cc}/gu, ' ')
    .slice(0, lengthMax)
    .toWellFormed()

/** A name with a character that no reference can hold names nothing of ours. */
function subjectOf({ subject }: ChannelEvent): ChannelEvent['subject'] {
  const names = Object.values(subject ?? {}).filter((name) => name !== null)
  return names.every((name) => name === storable(name, name.length)) ? subject : null
}

/** After these waits; then the janitor's own rounds are enough. */
const retryDelaysMs = [5 * secondMs, 30 * secondMs, 2 * minuteMs, 10 * minuteMs, 60 * minuteMs]
/** Longer than a channel may take to answer. */
const leaseMs = minuteMs

/** Acts on one stored webhook, unless somebody else does or has done. */
export async function actOn(ctx: Context, hookId: string): Promise<void> {
  const now = ctx.clock.now()
  const rows = await store.claim(ctx.db, { dueBy: now, id: hookId }, after(now, leaseMs), 1)
  for (const row of rows) await act(ctx, row)
}

/** Acts on those that are due (their job was lost, or the channel did not answer); gives their number. */
export async function actOnDue(ctx: Context, limit: number): Promise<number> {
  const now = ctx.clock.now()
  const rows = await store.claim(ctx.db, { dueBy: now }, after(now, leaseMs), limit)
  await Promise.all(rows.map((row) => act(ctx, row)))
  return rows.length
}

/** A webhook only makes us ask; what it claims is never written anywhere. */
async function act(ctx: Context, hook: HookRow): Promise<void> {
  try {
    await store.finish(ctx.db, hook.id, await ask(ctx, hook), ctx.clock.now())
  } catch (error) {
    if (!(error instanceof ChannelError)) throw error
    const delayMs = retryDelaysMs[hook.attempts - 1]
    const next = delayMs === undefined ? null : after(ctx.clock.now(), delayMs)
    await store.postpone(ctx.db, hook.id, `no answer: ${error.reason}`, next)
  }
}

async function ask(ctx: Context, hook: HookRow): Promise<string> {
  const { subject } = hook
  if (subject === null) return 'ignored: nothing that concerns us'
  if (subject.kind !== 'payment') return `ignored: ${subject.kind}`
  const known = await refreshByReference(ctx, hook, hook.slug, subject)
  return known ? 'asked' : 'ignored: none of our payments'
}

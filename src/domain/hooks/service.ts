import { ChannelError, type ChannelEvent } from '../../channels/channel.ts'
import { after, minuteMs, secondMs } from '../../platform/clock.ts'
import type { Context } from '../../platform/context.ts'
import { inTransaction } from '../../platform/db.ts'
import { notFound } from '../../platform/errors.ts'
import { newId } from '../../platform/ids.ts'
import { findMaybeByHookToken } from '../businesses/service.ts'
import { type ChannelAccount, findMaybeAccount } from '../payment-channels/service.ts'
import { type Acted, handlerOf } from './handlers.ts'
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

/**
 * Keeps a verified webhook once, together with the job that acts on it. False: seen before; then it asks once more, where
 * what it tells of is not settled: a provider that repeats itself has been heard too early.
 */
export async function keep(ctx: Context, account: ChannelAccount, event: ChannelEvent, body: Buffer): Promise<boolean> {
  const hook = hookOf(ctx, account, event, body)
  const isNew = await inTransaction(ctx.db, async (tx) => {
    const isNew = await store.insert(tx, hook)
    const job: HookJob = { hook_id: hook.id }
    if (isNew) await ctx.queue.send(tx, hookQueue, job)
    return isNew
  })
  const isAwake = isNew || (await askOnceMore(ctx, hook))
  if (isAwake) ctx.queue.wake(hookQueue)
  return isNew
}

function hookOf(ctx: Context, account: ChannelAccount, event: ChannelEvent, body: Buffer): store.NewHook {
  const id = newId()
  return { id, ...namesOf(account, event), bodySealed: sealBody(ctx, id, body), now: ctx.clock.now() }
}

/** The bytes as they came, for whoever must prove what a provider said: nothing of ours reads them again. */
const sealBody = ({ secrets }: Context, id: string, body: Buffer): Buffer =>
  secrets.seal(body.toString('base64'), `hook_inbox/${id}`)

/** Seals what came before bodies were; gives how many. */
export const sealBodies = (ctx: Context, limit: number): Promise<number> =>
  inTransaction(ctx.db, async (tx) => {
    const rows = await store.lockInClear(tx, limit)
    for (const { id, body } of rows) await store.setSealed(tx, id, sealBody(ctx, id, body))
    return rows.length
  })

const namesOf = (account: ChannelAccount, event: ChannelEvent) => ({
  businessId: account.businessId,
  envMode: account.envMode,
  slug: account.slug,
  eventKey: storable(event.eventId, 300),
  eventType: storable(event.type, 100),
  subject: subjectOf(event),
})

/** A provider's words as the database can hold them, whatever a form of theirs puts there. */
const storable = (text: string, lengthMax: number): string =>
  text
    .replaceAll(/\p{Cc}/gu, ' ')
    .slice(0, lengthMax)
    .toWellFormed()

/** A name with a character that no reference can hold names nothing of ours. */
function subjectOf({ subject, claims }: ChannelEvent): store.HookSubject {
  const names = Object.values(subject ?? {}).filter((name) => name !== null)
  const isStorable = names.every((name) => name === storable(name, name.length))
  return subject && isStorable ? { ...subject, ...(claims && { claims }) } : null
}

/** A repeat within this of the last asking brings nothing: the provider sent it twice at once. */
const repeatGapMs = 3 * secondMs
/** Who repeats more often than any provider does is not listened to. */
const attemptsMax = 100

async function askOnceMore(ctx: Context, hook: store.NewHook): Promise<boolean> {
  const { subject, now } = hook
  if (subject === null || !(await handlerOf(subject.kind).isUnsettled(ctx, hook, subject))) return false
  const times = { now, askedBefore: after(now, -repeatGapMs), soon: after(now, repeatGapMs), attemptsMax }
  return await inTransaction(ctx.db, async (tx) => {
    const id = await store.wakeAgain(tx, hook, times)
    const job: HookJob | null = id === null ? null : { hook_id: id }
    if (job) await ctx.queue.send(tx, hookQueue, job)
    return job !== null
  })
}

/** Where the channel does not answer, or does not say yet what its webhook says; then the janitor's own rounds are enough. */
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
    const { outcome, isAnswered } = await ask(ctx, hook)
    const next = isAnswered ? null : nextTry(ctx, hook)
    if (next === null) await store.finish(ctx.db, hook.id, outcome, ctx.clock.now())
    else await store.postpone(ctx.db, hook.id, outcome, next)
  } catch (error) {
    if (!(error instanceof ChannelError)) throw error
    await store.postpone(ctx.db, hook.id, `no answer: ${error.reason}`, nextTry(ctx, hook))
  }
}

function nextTry(ctx: Context, hook: HookRow): Date | null {
  const delayMs = retryDelaysMs[hook.attempts - 1]
  return delayMs === undefined ? null : after(ctx.clock.now(), delayMs)
}

async function ask(ctx: Context, hook: HookRow): Promise<Acted> {
  const { subject } = hook
  if (subject === null) return { outcome: 'ignored: nothing that concerns us', isAnswered: true }
  return await handlerOf(subject.kind).act(ctx, hook, subject)
}

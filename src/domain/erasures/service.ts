import { after, dayMs, hourMs, minuteMs } from '../../platform/clock.ts'
import type { Context } from '../../platform/context.ts'
import { inTransaction } from '../../platform/db.ts'
import { ApiError, notFound } from '../../platform/errors.ts'
import { keptMs, rewriteAnswers } from '../../platform/idempotency.ts'
import { isUuid } from '../../platform/ids.ts'
import { parseExactly } from '../../platform/json.ts'
import { auditBy, type Caller, nowOf } from '../businesses/service.ts'
import { type Customer, presentCustomer } from '../customers/schema.ts'
import * as customers from '../customers/service.ts'
import { erasureErrors } from './errors.ts'
import { type Export, erasedEmail, withoutPerson } from './schema.ts'
import * as store from './store.ts'

/** What we keep of one customer: given out whole, or without the person. What the law wants kept names nobody then. */

const rowsMax = 1_000

/** Everything of a customer, the newest 1,000 of each kind. Throws 404. */
export async function exportAll(ctx: Context, caller: Caller, uuid: string): Promise<Export> {
  const customer = await customers.find(ctx, caller, uuid)
  const lists: Record<string, Record<string, unknown>[]> = {}
  for (const list of Object.keys(store.exported) as (keyof typeof store.exported)[]) {
    lists[list] = await ctx.lists(caller, (db) => store.listExported(db, list, customer.id, rowsMax + 1))
  }
  const truncated = Object.keys(lists).filter((list) => (lists[list]?.length ?? 0) > rowsMax)
  const shown = Object.entries(lists).map(([list, rows]) => [list, rows.slice(0, rowsMax)])
  return { customer: presentCustomer(customer), ...Object.fromEntries(shown), truncated } as Export
}

/**
 * Later rounds find what came in while the first was at work: answers that were kept then, and what providers told late.
 * The third is after the last kept answer is gone, the fourth after the last webhook body is.
 */
const roundDelaysMs = [hourMs, keptMs + hourMs, 31 * dayMs]
const leaseMs = 10 * minuteMs

/**
 * Blanks the person: the customer and their cards at once, then, before this answers, every other row. A process that
 * dies between leaves a row that says so, and the sweep goes on. Asking twice changes nothing. Throws 404, and 409 while
 * anything of theirs is under way.
 */
export async function erase(ctx: Context, caller: Caller, uuid: string): Promise<Customer> {
  if (!isUuid(uuid)) throw notFound('customer')
  const [now, realNow] = [nowOf(ctx, caller.business), ctx.clock.now()]
  const { was, customer } = await inTransaction(ctx.db, async (tx) => {
    const found = await store.lockCustomer(tx, caller, uuid)
    if (!found) throw notFound('customer')
    const underWay = await store.listUnderWay(tx, uuid)
    if (underWay.length > 0) {
      throw new ApiError(erasureErrors.stillActive, { data: namesOf(underWay) })
    }
    const isFirst = await store.insert(tx, caller, uuid, realNow, after(realNow, leaseMs))
    if (!isFirst) return { was: found.email, customer: found }
    await store.blankMethods(tx, uuid, now, realNow)
    const blank = await store.blankCustomer(tx, uuid, erasedEmail(uuid), now)
    await store.blankRows(tx, caller, uuid, { was: found.email, erased: blank.email })
    await auditBy(tx, caller, 'customer.erased', { customer_uuid: uuid }, realNow, uuid)
    return { was: found.email, customer: blank }
  })
  await blankBodies(ctx, uuid)
  if (was !== customer.email) await store.finishRound(ctx.db, uuid, after(realNow, roundDelaysMs[0] ?? 0))
  return customer
}

const namesOf = (underWay: readonly store.UnderWay[]) =>
  Object.fromEntries(
    [...new Set(underWay.map(({ kind }) => kind))].map((kind) => [
      kind,
      underWay.filter((one) => one.kind === kind).map(({ name }) => name),
    ]),
  )

const eventsAtOnce = 200

/** Events and kept answers, a bounded piece at a time. What is blank already stays as it is. */
async function blankBodies(ctx: Context, customerId: string): Promise<void> {
  const blank = (text: string) => JSON.stringify(withoutPerson(parseExactly(text)))
  let afterId = '00000000-0000-0000-0000-000000000000'
  for (let isMore = true; isMore; ) {
    const events = await store.listEvents(ctx.db, customerId, afterId, eventsAtOnce)
    const blanked = events.map(({ id, body }) => ({ id, body: blank(body) }))
    const changed = blanked.filter(({ body }, index) => body !== events[index]?.body)
    if (changed.length > 0) await store.setEventBodies(ctx.db, changed)
    afterId = events.at(-1)?.id ?? afterId
    isMore = events.length === eventsAtOnce
  }
  const objects = await store.listObjects(ctx.db, customerId)
  for (let from = 0; from < objects.length; from += eventsAtOnce) {
    await rewriteAnswers(ctx.db, ctx.secrets, objects.slice(from, from + eventsAtOnce), blank)
  }
}

/** The rounds that are due; gives their number. */
export async function goOn(ctx: Context, limit: number): Promise<number> {
  const now = ctx.clock.now()
  const due = await store.claimDue(ctx.db, now, after(now, leaseMs), limit)
  for (const one of due) {
    const erased = erasedEmail(one.customerId)
    await inTransaction(ctx.db, async (tx) => {
      await store.blankMethods(tx, one.customerId, now, now)
      await store.blankRows(tx, one, one.customerId, { was: erased, erased })
    })
    await blankBodies(ctx, one.customerId)
    const delayMs = roundDelaysMs[one.rounds]
    await store.finishRound(ctx.db, one.customerId, delayMs === undefined ? null : after(now, delayMs))
  }
  return due.length
}

/** For whoever must prove what a provider said; afterwards the row says enough. */
const hookBodiesKeptMs = 30 * dayMs

export const dropHookBodies = (ctx: Context, limit: number): Promise<number> =>
  store.dropHookBodies(ctx.db, after(ctx.clock.now(), -hookBodiesKeptMs), limit)

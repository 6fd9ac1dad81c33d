import { addressGroup } from '../../platform/addresses.ts'
import { after, hourMs } from '../../platform/clock.ts'
import type { Context } from '../../platform/context.ts'
import { emailKeyOf } from '../../platform/emails.ts'
import { type IdempotencyClaim, runOrReplay, StoredAnswer } from '../../platform/idempotency.ts'
import { tooMany } from '../../platform/limits.ts'
import { type Caller, nowOf } from '../businesses/service.ts'
import * as store from './store-velocity.ts'

/**
 * Whoever tries stolen cards tries many: what strangers begin (public keys, links, the checkout) is bounded by the customer
 * they name and by their address. Attempts are counted in this process; declines are read from what is stored, whichever
 * process wrote it. An honest buyer is asked for nothing, and costs no statement.
 */

export interface Stranger {
  /** What the request says of the customer: an e-mail, or a uuid. */
  readonly customer: { readonly email: string } | { readonly id: string }
  readonly address: string
}

const words = 'Too many payments were tried in a short time'

/**
 * Counts the work as an attempt of the stranger; null: no stranger is at work. A replay is the answer from before, and
 * is no attempt. Throws `TOO_MANY_REQUESTS` where there were too many, or too many were declined, in an hour.
 */
export async function runWithin<T>(
  ctx: Context,
  { caller, stranger, claim }: { caller: Caller; stranger: Stranger | null; claim: IdempotencyClaim | null },
  work: () => Promise<T>,
  requestIdOf: (made: T) => string,
): Promise<T> {
  if (!stranger) return await runOrReplay(ctx.db, claim, work)
  const names = namesOf(caller, stranger)
  try {
    return await runOrReplay(ctx.db, claim, async () => {
      if (!claim?.resumes) await requireFew(ctx, caller, stranger, names)
      const made = await work()
      ctx.limits.addressTrail.add(names.address, requestIdOf(made))
      return made
    })
  } catch (error) {
    if (error instanceof StoredAnswer) {
      ctx.limits.customerAttempts.giveBack(names.customer)
      ctx.limits.addressAttempts.giveBack(names.address)
    }
    throw error
  }
}

interface Names {
  readonly customer: string
  readonly address: string
}

/** One business's flood is not another's. */
function namesOf({ businessId, envMode }: Caller, { customer, address }: Stranger): Names {
  const who = 'email' in customer ? emailKeyOf(customer.email) : customer.id.toLowerCase()
  return { customer: `${businessId}/${envMode}/${who}`, address: `${businessId}/${envMode}/${addressGroup(address)}` }
}

/**
 * Among so many processes the declines that refuse one more may be spread: each looks them up from its share of attempts on,
 * so that the first ones of a buyer cost nothing.
 */
const processesLikely = 4

async function requireFew(ctx: Context, caller: Caller, stranger: Stranger, names: Names): Promise<void> {
  const { customerDeclinesAnHour, addressDeclinesAnHour, customerAttempts, addressAttempts, addressTrail } = ctx.limits
  const ofCustomer = customerAttempts.take(names.customer)
  const ofAddress = addressAttempts.take(names.address)
  const now = nowOf(ctx, caller.business)
  const since = after(now, -hourMs)
  if (ofCustomer * processesLikely >= customerDeclinesAnHour) {
    const declines = await store.listDeclinesOf(ctx.db, caller, stranger.customer, since, customerDeclinesAnHour)
    refuseFrom(declines, customerDeclinesAnHour, now)
  }
  if (ofAddress * processesLikely < addressDeclinesAnHour) return
  const begun = addressTrail.list(names.address)
  const { declines, paid } = await store.findOutcomes(ctx.db, begun, since, addressDeclinesAnHour)
  // Behind one address may be a whole mobile network: where one of four pays, they are buyers.
  if (declines.length > paid * 3) refuseFrom(declines, addressDeclinesAnHour, now)
}

/** Newest first. The next is let through when the oldest of the last `most` is an hour old. */
function refuseFrom(declines: readonly Date[], most: number, now: Date): void {
  const oldest = declines[most - 1]
  if (oldest) throw tooMany(oldest.getTime() + hourMs - now.getTime(), words)
}

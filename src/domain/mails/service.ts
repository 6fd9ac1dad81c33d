import { after, hourMs, minuteMs, secondMs } from '../../platform/clock.ts'
import type { Context } from '../../platform/context.ts'
import type { Tx } from '../../platform/db.ts'
import { newId } from '../../platform/ids.ts'
import { type MailOutcome, sendMaxMs } from '../../platform/mail.ts'
import { Places, type Work } from '../../platform/places.ts'
import type { Secrets } from '../../platform/secrets.ts'
import * as businesses from '../businesses/service.ts'
import { render } from './render.ts'
import type { MailRow, MailStatus, NewMail, SealedMailRow } from './schema.ts'
import * as store from './store.ts'

/**
 * Writes a mail in the state change's own transaction: both or neither. A second call with the same key does nothing, so
 * whatever is repeated is told once; false says so. Whether the business and the plan want mails is for the caller to ask.
 */
export async function queueMail(tx: Tx, secrets: Secrets, mail: NewMail): Promise<boolean> {
  const id = newId()
  return await store.insert(tx, id, mail, secrets.seal(JSON.stringify(mail.data), boundTo(id)))
}

const boundTo = (id: string) => `mails/${id}`

/** After each try that failed; then the mail is `failed`: six tries in about a day. */
const retryDelaysMs = [minuteMs, 10 * minuteMs, hourMs, 6 * hourMs, 17 * hourMs]
const triesMax = retryDelaysMs.length + 1
/** Longer than a try may take. */
const leaseMs = sendMaxMs + 15 * secondMs
/** Mails on their way at once in a process, and those of one business: what is slow about one's keeps no other's waiting. */
const shares = { altogether: 20, ofBusiness: 5 }

/** One a process: API and worker have the same mailer. */
const places = new WeakMap<Context['mailer'], Places<SealedMailRow>>()

/**
 * A worker holds a mail by a lease; one that dies between sending and marking lets it be sent again with the same
 * Message-ID.
 */
function placesOf(ctx: Context): Places<SealedMailRow> {
  const found = places.get(ctx.mailer)
  if (found) return found
  const work: Work<SealedMailRow> = {
    name: 'mails.send',
    placesMax: shares.altogether,
    claim: async ({ free, running }) => {
      const now = ctx.clock.now()
      const { ofBusiness } = shares
      return await store.claimDue(ctx.db, now, after(now, leaseMs), { free, running, ofBusiness })
    },
    ownerOf: (mail) => mail.businessId,
    run: async (mail) => await send(ctx, opened(ctx, mail), mail.leasedUntil),
  }
  const made = new Places(work, ctx.queue, ctx.log)
  places.set(ctx.mailer, made)
  return made
}

/** Begins what is due and has a place. */
export const beginDue = (ctx: Context): Promise<void> => placesOf(ctx).fill()

/** Works off what is due until nothing is under way; gives the number of tries. */
export const sendDue = (ctx: Context): Promise<number> => placesOf(ctx).settle()

function opened({ secrets }: Context, { dataSealed, leasedUntil: _, ...mail }: SealedMailRow): MailRow {
  return { ...mail, data: JSON.parse(secrets.open(dataSealed, boundTo(mail.id))) } as MailRow
}

async function send(ctx: Context, mail: MailRow, leasedUntil: Date): Promise<void> {
  const outcome = await tryOnce(ctx, mail)
  const now = ctx.clock.now()
  const delayMs = outcome.kind === 'failed' ? retryDelaysMs[mail.attempts - 1] : undefined
  const status = statusAfter(outcome, delayMs)
  if (status !== 'sent')
    ctx.log.warn({ mail: mail.id, template: mail.template, attempt: mail.attempts, status }, 'mail')
  await store.recordTry(ctx.db, {
    id: mail.id,
    leasedUntil,
    status,
    nextAttemptAt: delayMs === undefined ? now : after(now, delayMs),
    error: outcome.kind === 'sent' ? null : outcome.reason,
    now,
  })
}

async function tryOnce(ctx: Context, mail: MailRow): Promise<MailOutcome> {
  // Counted when taken: a mail whose sending ends its worker each time is not tried for ever.
  if (mail.attempts > triesMax) return { kind: 'refused', reason: 'the worker did not come back from the last try' }
  const business = await businesses.findMaybe(ctx, mail.businessId, mail.envMode)
  if (!business) return { kind: 'refused', reason: 'the business is gone' }
  // Sent raw it would be a mail server's guess whom it is for.
  if (/[^\0-\x7f].*@/.test(mail.recipient))
    return { kind: 'refused', reason: 'the address has more than ASCII before its @' }
  const rendered = render(mail, { name: business.name, logo: business.logo, isTest: mail.envMode === 'test' })
  return await ctx.mailer.send({
    messageId: `${mail.id}@${ctx.mailer.domain}`,
    fromName: business.name,
    to: mail.recipient,
    isTest: mail.envMode === 'test',
    ...rendered,
  })
}

function statusAfter(outcome: MailOutcome, delayMs: number | undefined): MailStatus {
  if (outcome.kind === 'sent') return 'sent'
  if (outcome.kind === 'no_way') return 'not_sent'
  return delayMs === undefined ? 'failed' : 'queued'
}

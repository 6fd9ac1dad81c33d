import type { ChannelEvent } from '../../channels/channel.ts'
import type { Context } from '../../platform/context.ts'
import * as attempts from '../attempts/service.ts'
import type { EnvMode } from '../businesses/schema.ts'
import { isSettled, isUndecided } from '../payment-requests/states.ts'
import * as refunds from '../refunds/service.ts'

/** What is done with news of each kind. A webhook only makes us ask; what it claims is never written anywhere. */

type Subject = NonNullable<ChannelEvent['subject']>
type Kind = Subject['kind']

/** Of a webhook, what a handler needs. */
interface News {
  businessId: string
  envMode: EnvMode
  slug: string
}

export interface Acted {
  /** For whoever reads the inbox. */
  outcome: string
  /** False: the channel does not say yet what its webhook says; it is asked again. */
  isAnswered: boolean
}

interface Handler<Of extends Kind = Kind> {
  /** Throws `ChannelError` when the channel does not answer. */
  act(ctx: Context, news: News, subject: Extract<Subject, { kind: Of }> & Claims): Promise<Acted>
  /** Whether a provider that repeats its news may have been heard too early. */
  isUnsettled(ctx: Context, news: News, subject: Extract<Subject, { kind: Of }>): Promise<boolean>
}
type Claims = Pick<ChannelEvent, 'claims'>

const payment: Handler<'payment'> = {
  async act(ctx, news, subject) {
    const named = await attempts.refreshByReference(ctx, news, news.slug, subject)
    if (!named) return { outcome: 'ignored: none of our payments', isAnswered: true }
    if (agrees(subject.claims, named)) return { outcome: 'asked', isAnswered: true }
    return { outcome: 'asked: the channel does not say so yet', isAnswered: false }
  },
  async isUnsettled(ctx, news, subject) {
    const named = await attempts.findMaybeNamed(ctx, news, news.slug, subject)
    return named !== undefined && !(isSettled(named.status) && named.isRecorded)
  },
}

/**
 * | the webhook says | the channel's word is in when |
 * | --- | --- |
 * | success | that very payment is recorded, counted or as excess |
 * | failure | the attempt is decided, whichever way |
 * | neither | always |
 */
function agrees(claims: Claims['claims'], named: attempts.Named): boolean {
  if (claims === undefined) return true
  if (claims === 'failure') return !isUndecided(named.status)
  return isSettled(named.status) && named.isRecorded
}

/** Its own rounds ask and write; they come by now instead of in their time. */
const refund: Handler<'refund'> = {
  async act(ctx, news, subject) {
    const isOurs = await refunds.askSoon(ctx, news, news.slug, subject)
    return { outcome: isOurs ? 'asked soon' : 'ignored: no refund of ours that is under way', isAnswered: true }
  },
  isUnsettled: async () => true,
}

/** Kinds that the log has named since this process began. */
const named = new Set<string>()

const kept = <Of extends Kind>(kind: Of): Handler<Of> => ({
  async act(ctx, { slug }) {
    if (!named.has(kind)) ctx.log.warn({ kind, channel: slug }, 'webhooks of this kind are kept; nothing acts on them')
    named.add(kind)
    return { outcome: `kept: nothing acts on a ${kind} yet`, isAnswered: true }
  },
  isUnsettled: async () => false,
})

const handlers: { readonly [Of in Kind]: Handler<Of> } = { payment, refund, payout: kept('payout') }

/** The handler of a kind, which a newer version may have kept; its subject is of that kind. */
export const handlerOf = (kind: Kind): Handler => (handlers[kind] as Handler | undefined) ?? kept(kind)

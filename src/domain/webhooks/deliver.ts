import { after, hourMs, minuteMs, secondMs } from '../../platform/clock.ts'
import type { Context } from '../../platform/context.ts'
import { inTransaction } from '../../platform/db.ts'
import { newId } from '../../platform/ids.ts'
import type { WebhookAnswer } from '../../platform/outgoing.ts'
import { Places, type Work } from '../../platform/places.ts'
import type { Endpoint } from './schema.ts'
import { compatSecretOf, headersOf, type Signing } from './sign.ts'
import type { DueDelivery } from './store.ts'
import * as store from './store.ts'

/**
 * An event becomes deliveries, a delivery is tried until it is acknowledged (any 2xx) or its tries end: at once, four
 * times 5 minutes apart, four times 6 hours apart. A worker holds a delivery by a lease; one that dies between sending
 * and marking lets it be sent again: at least once, never lost.
 */
const retryDelaysMs = [...Array<number>(4).fill(5 * minuteMs), ...Array<number>(4).fill(6 * hourMs)]
/** Longer than a try may take. */
const leaseMs = 60 * secondMs

/** Makes the deliveries of an event, after those of earlier events of its object. Safe to repeat. */
export async function dispatch(ctx: Context, eventId: string): Promise<void> {
  await inTransaction(ctx.db, async (tx) => {
    const now = ctx.clock.now()
    for (const event of await store.lockUndispatched(tx, eventId)) {
      const endpoints = await store.listSubscribed(tx, event, event.type)
      const rows = endpoints.map((endpoint) => ({
        id: newId(),
        endpointId: endpoint.id,
        eventId: event.id,
        objectId: event.object_id,
        sequence: event.sequence,
      }))
      await store.insertDeliveries(tx, rows, now)
      await store.markDispatched(tx, event.id, now)
    }
  })
}

/**
 * What is under way at once in a process: altogether, at one endpoint, at all endpoints of a business, and at those that
 * did not answer the last time. So a receiver that answers nobody takes up few places, and half of all are left to those
 * that answer, however many are silent.
 */
const shares = { altogether: 100, ofEndpoint: 10, ofBusiness: 30, ofSilent: 50 }
/** More endpoints than that are not remembered as silent. */
const silentMax = 10_000

/** One a process: API and worker have the same sender. */
const places = new WeakMap<Context['webhookSender'], Places<DueDelivery>>()

function placesOf(given: Context): Places<DueDelivery> {
  const found = places.get(given.webhookSender)
  if (found) return found
  const ctx = { ...given, db: given.database.jobs }
  /** Endpoints whose last try here brought no answer. */
  const silent = new Set<string>()
  const work: Work<DueDelivery> = {
    name: 'webhooks.deliver',
    placesMax: shares.altogether,
    claim: async ({ free, running }) => {
      const now = ctx.clock.now()
      return await store.claimDue(ctx.db, now, after(now, leaseMs), { ...shares, free, running, silent })
    },
    ownerOf: (delivery) => delivery.endpointId,
    run: (delivery) => deliver(ctx, delivery, silent),
  }
  const made = new Places(work, ctx.queue, ctx.log)
  places.set(ctx.webhookSender, made)
  return made
}

/** Begins what is due and has a place. */
export const beginDue = (ctx: Context): Promise<void> => placesOf(ctx).fill()

/** The same, without making the caller wait. */
export function deliverSoon(ctx: Context): void {
  beginDue(ctx).catch((error: unknown) => {
    ctx.log.error({ error: String(error) }, 'deliveries failed; the sweep goes on')
  })
}

/** Works off what is due until nothing is under way; gives the number of tries. */
export const deliverDue = (ctx: Context): Promise<number> => placesOf(ctx).settle()

async function deliver(ctx: Context, delivery: DueDelivery, silent: Set<string>): Promise<void> {
  const endpoint = await store.findEndpointById(ctx.db, delivery.endpointId)
  const attemptedAt = ctx.clock.now()
  const answer = await post(ctx, endpoint, delivery)
  if (answer.kind === 'answered') silent.delete(delivery.endpointId)
  else if (answer.kind === 'failed' && silent.size < silentMax) silent.add(delivery.endpointId)
  const acknowledged = answer.kind === 'answered' && answer.status >= 200 && answer.status < 300
  const delayMs = endpoint?.isEnabled ? retryDelaysMs[delivery.attempts] : undefined
  const status = acknowledged ? 'delivered' : delayMs === undefined ? 'exhausted' : 'pending'
  ctx.metrics.webhookDeliveries.inc({ outcome: status })
  await store.recordTry(ctx.db, {
    deliveryId: delivery.id,
    lockedUntil: delivery.lockedUntil,
    status,
    nextAttemptAt: status === 'pending' && delayMs !== undefined ? after(ctx.clock.now(), delayMs) : null,
    attemptedAt,
    durationMs: answer.kind === 'blocked' ? 0 : Math.round(answer.durationMs),
    responseStatus: answer.kind === 'answered' ? answer.status : null,
    responseExcerpt: answer.kind === 'answered' ? answer.excerpt.replaceAll('\0', '') : null,
    error: answer.kind === 'answered' ? null : answer.reason,
  })
}

async function post(ctx: Context, endpoint: Endpoint | undefined, delivery: DueDelivery): Promise<WebhookAnswer> {
  if (!endpoint?.isEnabled || endpoint.url === null) return { kind: 'blocked', reason: 'the endpoint is switched off' }
  // Real time, also when a test clock is ahead: receivers refuse timestamps far from their own clock.
  const atSeconds = Math.floor(Date.now() / 1000)
  const signing = signingOf(ctx, endpoint)
  const headers = headersOf(signing, delivery.eventId, atSeconds, delivery.body)
  const answer = await ctx.webhookSender.post(endpoint.url, headers, delivery.body)
  return answer.kind === 'answered'
    ? { ...answer, excerpt: [...signing.secrets, signing.compat].reduce(withoutSecret, answer.excerpt) }
    : answer
}

/**
 * A receiver that echoes our headers must not put the secret into the log of deliveries. Its first twelve characters
 * find it (72 bits, nobody else's), also where the excerpt breaks off or JSON wrote `/` as `\/`.
 */
function withoutSecret(excerpt: string, secret: string): string {
  const start = [...secret.replace(/^[a-z]+_/, '').slice(0, 12)].map((one) => RegExp.escape(one)).join('\\\\?')
  return excerpt.replaceAll(new RegExp(`${start}[\\w+/=\\\\]*`, 'g'), '[cut]')
}

function signingOf(ctx: Context, endpoint: Endpoint): Signing {
  const secrets = secretsOf(ctx, endpoint)
  return { secrets, compat: endpoint.hasCompatSecret ? compatSecretOf(secrets[0]) : secrets[0] }
}

/** The current secret first; after a roll the old one too, until it ends. */
export function secretsOf(ctx: Context, endpoint: Endpoint): [string, ...string[]] {
  const boundTo = `webhook_endpoints/${endpoint.id}`
  const current = ctx.secrets.open(endpoint.secretSealed, boundTo)
  const previousEnds = endpoint.previousSecretExpiresAt
  if (!endpoint.previousSecretSealed || !previousEnds || previousEnds <= ctx.clock.now()) return [current]
  return [current, ctx.secrets.open(endpoint.previousSecretSealed, boundTo)]
}

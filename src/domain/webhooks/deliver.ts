import { after, hourMs, minuteMs, secondMs } from '../../platform/clock.ts'
import type { Context } from '../../platform/context.ts'
import { type Database, inTransaction } from '../../platform/db.ts'
import { newId } from '../../platform/ids.ts'
import type { WebhookAnswer } from '../../platform/outgoing.ts'
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
const batch = 20

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

/** One round of due deliveries, each at most once; gives their number. */
export async function deliverDue(ctx: Context): Promise<number> {
  const now = ctx.clock.now()
  const lockedUntil = after(now, leaseMs)
  const due = await store.claimDue(ctx.db, now, lockedUntil, batch)
  await Promise.all(due.map((delivery) => deliver(ctx, delivery, lockedUntil)))
  return due.length
}

const busy = new WeakSet<Database>()

/** Works off what is due now without making the caller wait; one such loop a process. */
export function deliverSoon(ctx: Context): void {
  if (busy.has(ctx.database)) return
  busy.add(ctx.database)
  const loop = async () => {
    try {
      await ctx.queue.repeat(() => deliverDue(ctx))
    } catch (error) {
      ctx.log.error({ error: String(error) }, 'deliveries failed; the sweep goes on')
    } finally {
      busy.delete(ctx.database)
    }
  }
  void loop()
}

async function deliver(ctx: Context, delivery: DueDelivery, lockedUntil: Date): Promise<void> {
  const endpoint = await store.findEndpointById(ctx.db, delivery.endpointId)
  const attemptedAt = ctx.clock.now()
  const answer = await post(ctx, endpoint, delivery)
  const acknowledged = answer.kind === 'answered' && answer.status >= 200 && answer.status < 300
  const delayMs = endpoint?.isEnabled ? retryDelaysMs[delivery.attempts] : undefined
  const status = acknowledged ? 'delivered' : delayMs === undefined ? 'exhausted' : 'pending'
  ctx.metrics.webhookDeliveries.inc({ outcome: status })
  await store.recordTry(ctx.db, {
    deliveryId: delivery.id,
    lockedUntil,
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

import { after, dayMs } from '../../platform/clock.ts'
import type { Context } from '../../platform/context.ts'
import { inTransaction } from '../../platform/db.ts'
import { notFound } from '../../platform/errors.ts'
import { type IdempotencyClaim, noteMade } from '../../platform/idempotency.ts'
import { isUuid, newId } from '../../platform/ids.ts'
import type { Page } from '../../platform/pagination.ts'
import { readTime } from '../../platform/validation.ts'
import {
  audit,
  auditBy,
  type Caller,
  changesOf,
  requireWebhookAddress,
  system,
  update as updateBusiness,
} from '../businesses/service.ts'
import { deliverSoon, secretsOf } from './deliver.ts'
import type { CreateEndpoint, Endpoint, Replay, UpdateEndpoint } from './schema.ts'
import { compatSecretOf, newSecret } from './sign.ts'
import type { Owner, ReplayWish } from './store.ts'
import * as store from './store.ts'

export { dispatch } from './deliver.ts'

/** After a roll both secrets sign for this long. */
const overlapMs = dayMs
/** Deliveries that one replay schedules; more take a further call. */
const replayMax = 10_000

const boundTo = (endpointId: string) => `webhook_endpoints/${endpointId}`

export interface EndpointWithSecret {
  endpoint: Endpoint
  /** Signs. */
  secret: string
  /** What the header `AsyncPay-Secret` holds. */
  compatSecret: string
}

function withSecret(ctx: Context, endpoint: Endpoint): EndpointWithSecret {
  const secret = ctx.secrets.open(endpoint.secretSealed, boundTo(endpoint.id))
  return { endpoint, secret, compatSecret: endpoint.hasCompatSecret ? compatSecretOf(secret) : secret }
}

/** The endpoint of the business's own `webhook_url`; made at first need, so that its secret exists. */
export async function ensureBusinessEndpoint(ctx: Context, owner: Owner): Promise<EndpointWithSecret> {
  let endpoint = await store.findMaybeBusinessEndpoint(ctx.db, owner)
  if (!endpoint) {
    const id = newId()
    const secretSealed = ctx.secrets.seal(newSecret(), boundTo(id))
    const now = ctx.clock.now()
    await inTransaction(ctx.db, async (tx) => {
      const isNew = await store.insertEndpoint(tx, owner, {
        id,
        kind: 'business',
        url: null,
        events: null,
        secretSealed,
        now,
      })
      const made = { ...owner, actor: system, action: 'webhook_endpoint.created', detail: { id }, now }
      if (isNew) await audit(tx, made)
    })
    endpoint = await store.findMaybeBusinessEndpoint(ctx.db, owner)
  }
  if (!endpoint) throw new Error('the endpoint of the business was not made')
  return withSecret(ctx, endpoint)
}

/** The secrets of the business's own endpoint that are valid now, the current one first. */
export const secretsOfBusiness = async (ctx: Context, owner: Owner): Promise<readonly string[]> =>
  secretsOf(ctx, (await ensureBusinessEndpoint(ctx, owner)).endpoint)

export async function list(ctx: Context, caller: Caller, page: Page) {
  await ensureBusinessEndpoint(ctx, caller)
  return await ctx.lists(caller, (db) => store.listEndpoints(db, caller, page))
}

export async function find(ctx: Context, caller: Caller, uuid: string): Promise<Endpoint> {
  const endpoint = isUuid(uuid) ? await store.findMaybeEndpoint(ctx.db, caller, uuid) : undefined
  if (!endpoint) throw notFound('webhook endpoint')
  return endpoint
}

export async function create(
  ctx: Context,
  caller: Caller,
  body: CreateEndpoint,
  claim: IdempotencyClaim | null,
): Promise<EndpointWithSecret> {
  if (claim?.resumes) return withSecret(ctx, await find(ctx, caller, claim.resumes))
  requireWebhookAddress(caller, 'url', body.url)
  const id = newId()
  const secret = newSecret()
  const now = ctx.clock.now()
  await inTransaction(ctx.db, async (tx) => {
    const secretSealed = ctx.secrets.seal(secret, boundTo(id))
    await store.insertEndpoint(tx, caller, {
      id,
      kind: 'endpoint',
      url: body.url,
      events: body.events ?? null,
      secretSealed,
      now,
    })
    await noteMade(tx, claim, id)
    const detail = { id, url: body.url }
    await auditBy(tx, caller, 'webhook_endpoint.created', detail, now)
  })
  return withSecret(ctx, await find(ctx, caller, id))
}

export async function update(ctx: Context, caller: Caller, uuid: string, body: UpdateEndpoint): Promise<Endpoint> {
  requireWebhookAddress(caller, 'url', body.url)
  const endpoint = await find(ctx, caller, uuid)
  const isBusinesss = endpoint.kind === 'business'
  if (isBusinesss && (body.url !== undefined || body.is_enabled !== undefined)) {
    await updateBusiness(ctx, caller, {
      ...(body.url !== undefined && { webhook_url: body.url }),
      ...(body.is_enabled !== undefined && { enabled_webhooks: body.is_enabled }),
    })
  }
  const changes = {
    ...(body.events && { events: body.events }),
    ...(!isBusinesss && body.url !== undefined && { url: body.url }),
    ...(!isBusinesss && body.is_enabled !== undefined && { is_enabled: Boolean(body.is_enabled) }),
  }
  const now = ctx.clock.now()
  await inTransaction(ctx.db, async (tx) => {
    await store.updateEndpoint(tx, endpoint.id, changes, now)
    const before = { url: endpoint.url, events: endpoint.events, is_enabled: endpoint.isEnabled }
    const detail = { id: endpoint.id, ...changesOf(before, changes) }
    // Address and switch of the business's own endpoint are settings of the business, and told as such.
    if (Object.keys(changes).length > 0) await auditBy(tx, caller, 'webhook_endpoint.updated', detail, now)
  })
  return await find(ctx, caller, uuid)
}

/** The business's own endpoint stays, without address and switched off. */
export async function remove(ctx: Context, caller: Caller, uuid: string): Promise<Endpoint> {
  const endpoint = await find(ctx, caller, uuid)
  if (endpoint.kind === 'business') {
    await updateBusiness(ctx, caller, { webhook_url: '', enabled_webhooks: 0 })
    return await find(ctx, caller, uuid)
  }
  const now = ctx.clock.now()
  await inTransaction(ctx.db, async (tx) => {
    await store.updateEndpoint(tx, endpoint.id, { deleted_at: now, is_enabled: false }, now)
    await auditBy(tx, caller, 'webhook_endpoint.deleted', { id: endpoint.id, url: endpoint.url }, now)
  })
  return { ...endpoint, isEnabled: false, deletedAt: now, updatedAt: now }
}

export async function rollSecret(
  ctx: Context,
  caller: Caller,
  uuid: string,
): Promise<EndpointWithSecret & { previousExpiresAt: Date }> {
  const endpoint = await find(ctx, caller, uuid)
  const secret = newSecret()
  const now = ctx.clock.now()
  const previousExpiresAt = after(now, overlapMs)
  await inTransaction(ctx.db, async (tx) => {
    await store.updateEndpoint(
      tx,
      endpoint.id,
      {
        secret_sealed: ctx.secrets.seal(secret, boundTo(endpoint.id)),
        previous_secret_expires_at: previousExpiresAt,
        // What it is then: two rolls at once leave both new secrets valid.
        keeps_secret: true,
        has_compat_secret: true,
      },
      now,
    )
    const detail = { id: endpoint.id }
    await auditBy(tx, caller, 'webhook_endpoint.secret_rolled', detail, now)
  })
  const endpointNow = await find(ctx, caller, uuid)
  return { endpoint: endpointNow, secret, compatSecret: compatSecretOf(secret), previousExpiresAt }
}

/** Gives how many deliveries were scheduled again. */
export async function replay(ctx: Context, caller: Caller, uuid: string, body: Replay): Promise<number> {
  const endpoint = await find(ctx, caller, uuid)
  const wish: ReplayWish = body.event_uuid
    ? { eventId: body.event_uuid }
    : body.failed
      ? { failed: true }
      : { from: readTime(body.from ?? '', 'from'), to: readTime(body.to ?? '', 'to') }
  const now = ctx.clock.now()
  const replayed = await inTransaction(ctx.db, async (tx) => {
    const count = await store.replay(tx, endpoint, wish, replayMax, now)
    const detail = { id: endpoint.id, ...wish, count }
    if (count > 0 || !body.event_uuid) await auditBy(tx, caller, 'webhook_endpoint.replayed', detail, now)
    return count
  })
  if (replayed === 0 && body.event_uuid) throw notFound('event', 'event_uuid')
  deliverSoon(ctx)
  return replayed
}

export async function listDeliveries(
  ctx: Context,
  caller: Caller,
  uuid: string,
  status: string | undefined,
  page: Page,
) {
  const endpoint = await find(ctx, caller, uuid)
  return await ctx.lists(caller, async (db) => {
    const found = await store.listDeliveries(db, endpoint.id, status, page)
    const ids = found.rows.map((row) => row.id)
    return { ...found, tries: await store.listTries(db, ids) }
  })
}

export const listEvents = (
  ctx: Context,
  caller: Caller,
  filter: { type?: string; from?: Date; to?: Date },
  page: Page,
) => ctx.lists(caller, (db) => store.listEvents(db, caller, filter, page))

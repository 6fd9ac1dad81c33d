import { type Db, sql, type Tx } from '../../platform/db.ts'
import { type Found, findPage } from '../../platform/keyset.ts'
import type { Page } from '../../platform/pagination.ts'
import type { EnvMode } from '../businesses/schema.ts'
import type { AttemptRow, DeliveryRow, Endpoint, EventRow } from './schema.ts'

export interface Owner {
  businessId: string
  envMode: EnvMode
}

/** The business's own endpoint takes address and switch from the business's settings. */
const endpointSelect = sql`select e.id, e.business_id as "businessId", e.env_mode as "envMode", e.kind, e.events,
    case when e.kind = 'business' then m.webhook_url else e.url end as url,
    case when e.kind = 'business' then m.enabled_webhooks and m.webhook_url is not null else e.is_enabled end as "isEnabled",
    e.secret_sealed as "secretSealed", e.has_compat_secret as "hasCompatSecret", e.previous_secret_sealed as "previousSecretSealed",
    e.previous_secret_expires_at as "previousSecretExpiresAt", e.created_at as "createdAt", e.updated_at as "updatedAt",
    e.deleted_at as "deletedAt"
  from webhook_endpoints e join business_modes m on m.business_id = e.business_id and m.env_mode = e.env_mode`

export interface NewEndpoint {
  id: string
  kind: 'business' | 'endpoint'
  url: string | null
  events: string[] | null
  secretSealed: Buffer
  now: Date
}

/** A second endpoint of kind `business` is not made. */
/** False: the business has its own one already. */
export async function insertEndpoint(db: Db | Tx, owner: Owner, row: NewEndpoint): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await db
    .insertInto('webhook_endpoints')
    .values({
      id: row.id,
      business_id: owner.businessId,
      env_mode: owner.envMode,
      kind: row.kind,
      url: row.url,
      events: row.events,
      secret_sealed: row.secretSealed,
      // `keys` shows the business's own secret alone: it gets the other value when it is rolled, which shows both.
      has_compat_secret: row.kind === 'endpoint',
      created_at: row.now,
      updated_at: row.now,
    })
    .onConflict((conflict) => conflict.columns(['business_id', 'env_mode']).where('kind', '=', 'business').doNothing())
    .executeTakeFirst()
  return numInsertedOrUpdatedRows === 1n
}

export async function findMaybeEndpoint(db: Db | Tx, owner: Owner, id: string): Promise<Endpoint | undefined> {
  const { rows } = await sql<Endpoint>`${endpointSelect} where e.id = ${id} and e.business_id = ${owner.businessId}
    and e.env_mode = ${owner.envMode} and e.deleted_at is null`.execute(db)
  return rows[0]
}

export async function findMaybeBusinessEndpoint(db: Db | Tx, owner: Owner): Promise<Endpoint | undefined> {
  const { rows } = await sql<Endpoint>`${endpointSelect} where e.business_id = ${owner.businessId}
    and e.env_mode = ${owner.envMode} and e.kind = 'business'`.execute(db)
  return rows[0]
}

export async function findEndpointById(db: Db, id: string): Promise<Endpoint | undefined> {
  const { rows } = await sql<Endpoint>`/* hot */ ${endpointSelect} where e.id = ${id}`.execute(db)
  return rows[0]
}

export const listEndpoints = (db: Db, owner: Owner, page: Page): Promise<Found<Endpoint>> =>
  findPage(db, page, {
    select: endpointSelect,
    counted: sql`webhook_endpoints e`,
    where: [sql`e.business_id = ${owner.businessId}`, sql`e.env_mode = ${owner.envMode}`, sql`e.deleted_at is null`],
    id: sql`e.id`,
    table: 'webhook_endpoints',
    owned: sql`business_id = ${owner.businessId} and env_mode = ${owner.envMode}`,
  })

export interface EndpointChanges {
  url?: string
  events?: string[]
  is_enabled?: boolean
  secret_sealed?: Buffer
  has_compat_secret?: true
  /** The secret that it has becomes the previous one. */
  keeps_secret?: boolean
  previous_secret_expires_at?: Date
  deleted_at?: Date
}

export async function updateEndpoint(tx: Tx, id: string, changes: EndpointChanges, now: Date): Promise<void> {
  const { keeps_secret: keepsSecret, ...columns } = changes
  await tx
    .updateTable('webhook_endpoints')
    .set({ ...columns, ...(keepsSecret && { previous_secret_sealed: sql`secret_sealed` }), updated_at: now })
    .where('id', '=', id)
    .execute()
}

export interface UndispatchedEvent extends Owner {
  id: string
  type: string
  object_id: string
  sequence: number
}

/** The event and every earlier one of its object that waits: made into deliveries together, so that order holds. */
export async function lockUndispatched(tx: Tx, eventId: string): Promise<UndispatchedEvent[]> {
  const { rows } =
    await sql<UndispatchedEvent>`select e.id, e.type, e.object_id, e.sequence, e.business_id as "businessId",
      e.env_mode as "envMode"
    from events e join events wanted on wanted.id = ${eventId} and e.object_id = wanted.object_id and e.sequence <= wanted.sequence
    where e.dispatched_at is null order by e.sequence limit 1000 for no key update of e`.execute(tx)
  return rows
}

/** Events whose deliveries should have been made by then. They are stamped in their mode's own time, which may be ahead. */
export async function listUndispatched(db: Db, before: Date, limit: number): Promise<(Owner & { id: string })[]> {
  const { rows } = await sql<Owner & { id: string }>`select e.id, e.business_id as "businessId", e.env_mode as "envMode"
    from events e join business_modes m using (business_id, env_mode)
    where e.dispatched_at is null
      and e.created_at < ${before}::timestamptz + make_interval(secs => m.clock_offset_seconds)
    order by e.id limit ${limit}`.execute(db)
  return rows
}

/** Endpoints that want an event of this type now. */
export async function listSubscribed(tx: Tx, owner: Owner, type: string): Promise<{ id: string }[]> {
  const { rows } = await sql<{ id: string }>`select e.id from webhook_endpoints e
    join business_modes m on m.business_id = e.business_id and m.env_mode = e.env_mode
    where e.business_id = ${owner.businessId} and e.env_mode = ${owner.envMode} and e.deleted_at is null
      and (e.events is null or ${type} = any(e.events))
      and case when e.kind = 'business' then m.enabled_webhooks and m.webhook_url is not null else e.is_enabled end
    order by e.id limit 1000`.execute(tx)
  return rows
}

export interface NewDelivery {
  id: string
  endpointId: string
  eventId: string
  objectId: string
  sequence: number
}

export async function insertDeliveries(tx: Tx, rows: NewDelivery[], now: Date): Promise<void> {
  if (rows.length === 0) return
  await tx
    .insertInto('webhook_deliveries')
    .values(
      rows.map((row) => ({
        id: row.id,
        webhook_endpoint_id: row.endpointId,
        event_id: row.eventId,
        object_id: row.objectId,
        sequence: row.sequence,
        status: 'pending',
        next_attempt_at: now,
        created_at: now,
        updated_at: now,
      })),
    )
    .onConflict((conflict) => conflict.columns(['webhook_endpoint_id', 'event_id']).doNothing())
    .execute()
}

export async function markDispatched(tx: Tx, eventId: string, now: Date): Promise<void> {
  await tx.updateTable('events').set({ dispatched_at: now }).where('id', '=', eventId).execute()
}

export interface DueDelivery {
  id: string
  endpointId: string
  eventId: string
  eventType: string
  body: string
  attempts: number
  /** The hold under which it is tried. */
  lockedUntil: Date
}

export interface Shares {
  /** Places that may be taken now, and what there may be at once of one endpoint, of one business, of the silent ones. */
  readonly free: number
  readonly ofEndpoint: number
  readonly ofBusiness: number
  readonly ofSilent: number
  /** Tries under way, by their endpoint. */
  readonly running: ReadonlyMap<string, number>
  /** Endpoints that did not answer the last time: one try at once each. */
  readonly silent: ReadonlySet<string>
}

/**
 * Takes due deliveries for one try each, within the shares: those first of whose business least is under way. While an
 * earlier event of the same object waits at the same endpoint, the later ones wait behind it. The endpoints are found by
 * walking the index from one to the next, so that what waits at one costs nothing to find what is due at another.
 */
export async function claimDue(db: Db, now: Date, lockedUntil: Date, shares: Shares): Promise<DueDelivery[]> {
  const { free, ofEndpoint, ofBusiness, ofSilent, running, silent } = shares
  const known = [...new Set([...running.keys(), ...silent])]
  const due = sql`d.status = 'pending' and d.next_attempt_at <= ${now}
    and (d.locked_until is null or d.locked_until <= ${now})`
  const { rows } = await sql<DueDelivery>`/* hot */ with recursive known as (
      select * from unnest(${known}::uuid[], ${known.map((id) => running.get(id) ?? 0)}::int[],
        ${known.map((id) => silent.has(id))}::bool[]) known(id, running, is_silent)
    ), walk as (
      (select webhook_endpoint_id as id from webhook_deliveries where status = 'pending'
        order by webhook_endpoint_id limit 1)
      union all
      select (select d.webhook_endpoint_id from webhook_deliveries d where d.status = 'pending'
        and d.webhook_endpoint_id > walk.id order by d.webhook_endpoint_id limit 1) from walk where walk.id is not null
    ), endpoint as (
      select e.id, e.business_id, coalesce(known.running, 0) as running, coalesce(known.is_silent, false) as is_silent,
        case when known.is_silent then 1 else ${ofEndpoint}::int end as most,
        sum(known.running) over (partition by e.business_id) as running_of_business
      from webhook_endpoints e left join known using (id)
      where e.id in (select id from walk) or known.running > 0
    ), candidate as (
      select d.delivery_id, d.next_attempt_at, endpoint.*, running + row_number() over (
          partition by endpoint.id order by d.next_attempt_at) as nth
      from endpoint cross join lateral (select d.id, d.next_attempt_at from webhook_deliveries d
        where d.webhook_endpoint_id = endpoint.id and ${due}
          and not exists (select 1 from webhook_deliveries earlier where earlier.status = 'pending'
            and earlier.webhook_endpoint_id = d.webhook_endpoint_id and earlier.object_id = d.object_id
            and earlier.sequence < d.sequence)
        order by d.next_attempt_at limit greatest(0, most - running)) d (delivery_id, next_attempt_at)
    ), fair as (
      select delivery_id, next_attempt_at,
        coalesce(running_of_business, 0) + row_number() over (partition by business_id order by nth, next_attempt_at)
          as nth_of_business,
        case when is_silent then (select count(*) from known where is_silent and running > 0)
          + row_number() over (partition by is_silent order by next_attempt_at) else 0 end as nth_of_silent
      from candidate
    ), chosen as (
      select delivery_id from fair where nth_of_business <= ${ofBusiness} and nth_of_silent <= ${ofSilent}
      order by nth_of_business, next_attempt_at limit ${free}
    ), due as (
      select d.id from webhook_deliveries d where d.id in (select delivery_id from chosen) and ${due}
      for update of d skip locked
    )
    update webhook_deliveries d set locked_until = ${lockedUntil} from due, events e
    where d.id = due.id and e.id = d.event_id
    returning d.id, d.webhook_endpoint_id as "endpointId", d.event_id as "eventId", e.type as "eventType", e.body,
      d.attempts, d.locked_until as "lockedUntil"`.execute(db)
  return rows
}

export interface TryOutcome {
  deliveryId: string
  /** The hold under which the try was made; somebody else's outcome is not overwritten. */
  lockedUntil: Date
  status: 'pending' | 'delivered' | 'exhausted'
  nextAttemptAt: Date | null
  attemptedAt: Date
  durationMs: number
  responseStatus: number | null
  responseExcerpt: string | null
  error: string | null
}

export async function recordTry(db: Db, outcome: TryOutcome): Promise<void> {
  await sql`/* hot */ with delivery as (
      update webhook_deliveries set status = ${outcome.status}, attempts = attempts + 1, next_attempt_at = ${outcome.nextAttemptAt},
        locked_until = null, updated_at = ${outcome.attemptedAt},
        delivered_at = case when ${outcome.status} = 'delivered' then ${outcome.attemptedAt}::timestamptz else delivered_at end
      where id = ${outcome.deliveryId} and locked_until = ${outcome.lockedUntil} returning id
    )
    insert into webhook_attempts (webhook_delivery_id, attempted_at, duration_ms, response_status, response_excerpt, error)
    select id, ${outcome.attemptedAt}, ${outcome.durationMs}, ${outcome.responseStatus}, ${outcome.responseExcerpt}, ${outcome.error}
    from delivery`.execute(db)
}

export async function listDeliveries(
  db: Db,
  endpointId: string,
  status: string | undefined,
  page: Page,
): Promise<Found<DeliveryRow>> {
  const where = [sql`d.webhook_endpoint_id = ${endpointId}`]
  if (status) where.push(sql`d.status = ${status}`)
  return await findPage(db, page, {
    select: sql`select d.id, d.event_id, e.type as event_type, d.status, d.attempts, d.next_attempt_at, d.delivered_at,
      d.created_at, d.updated_at from webhook_deliveries d join events e on e.id = d.event_id`,
    counted: sql`webhook_deliveries d`,
    where,
    id: sql`d.id`,
    table: 'webhook_deliveries',
    owned: sql`webhook_endpoint_id = ${endpointId}`,
  })
}

/** All tries of one page of deliveries; each delivery has a bounded number of them between replays. */
export async function listTries(db: Db, deliveryIds: string[]): Promise<AttemptRow[]> {
  if (deliveryIds.length === 0) return []
  return await db
    .selectFrom('webhook_attempts')
    .select(['webhook_delivery_id', 'attempted_at', 'duration_ms', 'response_status', 'response_excerpt', 'error'])
    .where('webhook_delivery_id', 'in', deliveryIds)
    .orderBy('id')
    .limit(5_000)
    .execute()
}

export async function listEvents(
  db: Db,
  owner: Owner,
  filter: { type?: string; from?: Date; to?: Date },
  page: Page,
): Promise<Found<EventRow>> {
  const owned = sql`business_id = ${owner.businessId} and env_mode = ${owner.envMode}`
  const where = [owned]
  if (filter.type) where.push(sql`type = ${filter.type}`)
  if (filter.from) where.push(sql`created_at >= ${filter.from}`)
  if (filter.to) where.push(sql`created_at <= ${filter.to}`)
  const [table, select] = ['events', sql`select id, env_mode, type, body, created_at from events`]
  return await findPage(db, page, { select, counted: sql.table(table), where, id: sql`id`, table, owned })
}

export type ReplayWish = { eventId: string } | { from: Date; to: Date } | { failed: true }

/** Schedules again: as if for the first time, at once. Gives the number of deliveries. */
export async function replay(tx: Tx, endpoint: Endpoint, wish: ReplayWish, limit: number, now: Date): Promise<number> {
  // One replay of an endpoint after the other: each takes many deliveries, in whatever order they are found.
  await sql`select id from webhook_endpoints where id = ${endpoint.id} for no key update`.execute(tx)
  if ('failed' in wish) {
    const { numAffectedRows } = await sql`update webhook_deliveries set status = 'pending', attempts = 0,
        next_attempt_at = ${now}, updated_at = ${now}
      where id in (select id from webhook_deliveries where webhook_endpoint_id = ${endpoint.id}
        and (status = 'exhausted' or (status = 'pending' and attempts > 0)) order by id limit ${limit})`.execute(tx)
    return Number(numAffectedRows ?? 0n)
  }
  const which =
    'eventId' in wish ? sql`e.id = ${wish.eventId}` : sql`e.created_at >= ${wish.from} and e.created_at <= ${wish.to}`
  const types =
    'eventId' in wish ? sql`true` : sql`(${endpoint.events}::text[] is null or e.type = any(${endpoint.events}))`
  const { numAffectedRows } =
    await sql`insert into webhook_deliveries (id, webhook_endpoint_id, event_id, object_id, sequence,
      status, next_attempt_at, created_at, updated_at)
    select gen_random_uuid(), ${endpoint.id}, e.id, e.object_id, e.sequence, 'pending', ${now}, ${now}, ${now} from events e
    where e.business_id = ${endpoint.businessId} and e.env_mode = ${endpoint.envMode} and ${which} and ${types}
    order by e.id limit ${limit}
    on conflict (webhook_endpoint_id, event_id) do update set status = 'pending', attempts = 0,
      next_attempt_at = ${now}, updated_at = ${now}`.execute(tx)
  return Number(numAffectedRows ?? 0n)
}

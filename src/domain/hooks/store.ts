import type { ChannelEvent } from '../../channels/channel.ts'
import { type Db, sql, type Tx } from '../../platform/db.ts'
import type { EnvMode } from '../businesses/schema.ts'

/** What to ask about, and what the webhook claims became of it. */
export type HookSubject = (NonNullable<ChannelEvent['subject']> & Pick<ChannelEvent, 'claims'>) | null

export interface NewHook {
  id: string
  businessId: string
  envMode: EnvMode
  slug: string
  eventKey: string
  eventType: string
  subject: HookSubject
  bodySealed: Buffer
  now: Date
}

/** False: kept before. */
export async function insert(tx: Tx, hook: NewHook): Promise<boolean> {
  const { rows } =
    await sql`/* hot */ insert into hook_inbox (id, business_id, env_mode, payment_channel_slug, event_key,
      event_type, subject, body_sealed, received_at, next_attempt_at)
    values (${hook.id}, ${hook.businessId}, ${hook.envMode}, ${hook.slug}, ${hook.eventKey}, ${hook.eventType},
      ${hook.subject && JSON.stringify(hook.subject)}::jsonb, ${hook.bodySealed},
      ${hook.now}, ${hook.now})
    on conflict (business_id, env_mode, payment_channel_slug, event_key) do nothing returning id`.execute(tx)
  return rows.length === 1
}

/** A webhook that came before asks once more, now. Null: it does so in a moment anyhow, or has asked often enough. */
export async function wakeAgain(
  tx: Tx,
  hook: Pick<NewHook, 'businessId' | 'envMode' | 'slug' | 'eventKey'>,
  times: { now: Date; askedBefore: Date; soon: Date; attemptsMax: number },
): Promise<string | null> {
  const { rows } = await sql<{ id: string }>`update hook_inbox set processed_at = null, next_attempt_at = ${times.now}
    where business_id = ${hook.businessId} and env_mode = ${hook.envMode} and payment_channel_slug = ${hook.slug}
      and event_key = ${hook.eventKey} and attempts < ${times.attemptsMax}
      and (processed_at <= ${times.askedBefore} or (processed_at is null and
        (next_attempt_at is null or next_attempt_at > ${times.soon})))
    returning id`.execute(tx)
  return rows[0]?.id ?? null
}

export interface HookRow {
  id: string
  businessId: string
  envMode: EnvMode
  slug: string
  subject: HookSubject
  attempts: number
}

/** Takes up to `limit` that are due (`id`: that one alone), for one try each. A try that dies is due again at `nextAttemptAt`. */
export async function claim(
  db: Db,
  which: { dueBy: Date; id?: string },
  nextAttemptAt: Date,
  limit: number,
): Promise<HookRow[]> {
  const condition = which.id === undefined ? sql`true` : sql`id = ${which.id}`
  const { rows } =
    await sql<HookRow>`/* hot */ update hook_inbox set attempts = attempts + 1, next_attempt_at = ${nextAttemptAt}
    where id in (select id from hook_inbox where processed_at is null and next_attempt_at <= ${which.dueBy} and ${condition}
      order by next_attempt_at limit ${limit} for update skip locked)
    returning id, business_id as "businessId", env_mode as "envMode", payment_channel_slug as slug, subject, attempts`.execute(
      db,
    )
  return rows
}

export async function finish(db: Db, id: string, outcome: string, now: Date): Promise<void> {
  await db
    .updateTable('hook_inbox')
    .set({ processed_at: now, next_attempt_at: null, outcome })
    .where('id', '=', id)
    .execute()
}

/** `nextAttemptAt` null: given up; the janitor still asks about the payment itself. */
export async function postpone(db: Db, id: string, outcome: string, nextAttemptAt: Date | null): Promise<void> {
  await db.updateTable('hook_inbox').set({ outcome, next_attempt_at: nextAttemptAt }).where('id', '=', id).execute()
}

/** Bodies that lie in clear, from before they were sealed; each is held until `tx` ends. */
export async function lockInClear(tx: Tx, limit: number): Promise<{ id: string; body: Buffer }[]> {
  const { rows } = await sql<{ id: string; body: Buffer }>`select id, body from hook_inbox where body is not null
    order by id limit ${limit} for update skip locked`.execute(tx)
  return rows
}

export async function setSealed(tx: Tx, id: string, bodySealed: Buffer): Promise<void> {
  await tx.updateTable('hook_inbox').set({ body: null, body_sealed: bodySealed }).where('id', '=', id).execute()
}

import { type Db, sql, type Tx } from '../../platform/db.ts'
import type { MailStatus, NewMail, SealedMailRow } from './schema.ts'

/** A second mail with the same key is not made: false. */
export async function insert(tx: Tx, id: string, mail: NewMail, dataSealed: Buffer): Promise<boolean> {
  const made = await tx
    .insertInto('mails')
    .values({
      id,
      business_id: mail.businessId,
      env_mode: mail.envMode,
      dedupe_key: mail.dedupeKey,
      template: mail.template,
      recipient: mail.to,
      customer_id: mail.customerId ?? null,
      data_sealed: dataSealed,
      created_at: mail.now,
      updated_at: mail.now,
    })
    .onConflict((conflict) => conflict.columns(['business_id', 'env_mode', 'dedupe_key']).doNothing())
    .executeTakeFirst()
  return made.numInsertedOrUpdatedRows === 1n
}

export interface Shares {
  readonly free: number
  readonly ofBusiness: number
  /** Mails under way, by their business. */
  readonly running: ReadonlyMap<string, number>
}

/**
 * Takes due mails for one try each, and counts it: their time moves to `leasedUntil`. Looked at are some of the
 * oldest; who has his share already is left out, so that the next look finds the others.
 */
export async function claimDue(db: Db, now: Date, leasedUntil: Date, shares: Shares): Promise<SealedMailRow[]> {
  const { free, ofBusiness, running } = shares
  const full = [...running.keys()].filter((id) => (running.get(id) ?? 0) >= ofBusiness)
  const { rows } = await sql<SealedMailRow>`/* hot */ with known as (
      select * from unnest(${[...running.keys()]}::uuid[], ${[...running.values()]}::int[]) known(business_id, running)
    ), candidate as (
      select id, business_id, next_attempt_at from mails where status = 'queued' and next_attempt_at <= ${now}
        and business_id <> all (${full}::uuid[]) order by next_attempt_at limit ${free * 10}
    ), fair as (
      select id, next_attempt_at, coalesce(running, 0)
        + row_number() over (partition by business_id order by next_attempt_at) as nth
      from candidate left join known using (business_id)
    ), chosen as (
      select id from fair where nth <= ${ofBusiness} order by nth, next_attempt_at limit ${free}
    )
    update mails set next_attempt_at = ${leasedUntil}, attempts = attempts + 1, last_error = null, updated_at = ${now}
    where id in (select id from mails where status = 'queued' and next_attempt_at <= ${now}
      and id in (select id from chosen) for update skip locked)
    returning id, business_id as "businessId", env_mode as "envMode", recipient, template, data_sealed as "dataSealed",
      attempts, next_attempt_at as "leasedUntil"`.execute(db)
  return rows
}

export interface Try {
  id: string
  leasedUntil: Date
  status: MailStatus
  nextAttemptAt: Date
  error: string | null
  now: Date
}

/** Only while the lease is still ours. What the mail showed is forgotten with its end. */
export async function recordTry(db: Db, one: Try): Promise<void> {
  await sql`update mails set status = ${one.status}, next_attempt_at = ${one.nextAttemptAt}, last_error = ${one.error},
      data_sealed = case when ${one.status} = 'queued' then data_sealed end,
      sent_at = case when ${one.status} = 'sent' then ${one.now}::timestamptz end, updated_at = ${one.now}
    where id = ${one.id} and status = 'queued' and next_attempt_at = ${one.leasedUntil}`.execute(db)
}

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

/** Takes due mails for one try each, and counts it: their time moves to `leasedUntil`. */
export async function claimDue(db: Db, now: Date, leasedUntil: Date, limit: number): Promise<SealedMailRow[]> {
  const { rows } = await sql<SealedMailRow>`/* hot */ update mails
    set next_attempt_at = ${leasedUntil}, attempts = attempts + 1, last_error = null, updated_at = ${now}
    where id in (select id from mails where status = 'queued' and next_attempt_at <= ${now}
      order by next_attempt_at limit ${limit} for update skip locked)
    returning id, business_id as "businessId", env_mode as "envMode", recipient, template, data_sealed as "dataSealed",
      attempts`.execute(db)
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

import type { Tx } from '../../platform/db.ts'
import type { NewMail } from './schema.ts'

/** A second mail with the same key is not made. */
export async function insert(tx: Tx, id: string, mail: NewMail): Promise<void> {
  await tx
    .insertInto('mails')
    .values({
      id,
      business_id: mail.businessId,
      env_mode: mail.envMode,
      dedupe_key: mail.dedupeKey,
      template: mail.template,
      recipient: mail.to,
      data: JSON.stringify(mail.data),
      created_at: mail.now,
      updated_at: mail.now,
    })
    .onConflict((conflict) => conflict.columns(['business_id', 'env_mode', 'dedupe_key']).doNothing())
    .execute()
}

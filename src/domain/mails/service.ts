import type { Tx } from '../../platform/db.ts'
import { newId } from '../../platform/ids.ts'
import type { NewMail } from './schema.ts'
import * as store from './store.ts'

/**
 * Writes a mail in the state change's own transaction: both or neither. A second call with the same key does nothing, so
 * whatever is repeated is told once. Whether the business and the plan want mails is for the caller to ask.
 */
export async function queueMail(tx: Tx, mail: NewMail): Promise<void> {
  await store.insert(tx, newId(), mail)
}

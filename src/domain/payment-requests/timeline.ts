import type { Tx } from '../../platform/db.ts'
import { newId } from '../../platform/ids.ts'
import * as store from './store.ts'

/** One more line on the timeline. */
export async function addTimelineEntry(
  tx: Tx,
  line: Omit<store.NewLine, 'id' | 'paymentMethod'> & { paymentMethod?: string },
): Promise<void> {
  await store.insertLine(tx, { paymentMethod: null, ...line, id: newId() })
}

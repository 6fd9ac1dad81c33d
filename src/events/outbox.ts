import { sql, type Tx } from '../platform/db.ts'
import { newId } from '../platform/ids.ts'
import type { Queue } from '../platform/queue.ts'
import type { EventType } from './catalogue.ts'

/** The job that makes an event's deliveries. */
export const dispatchQueue = 'events.dispatch'

export interface DispatchJob {
  event_id: string
  business_id: string
  env_mode: string
}

export interface NewEvent {
  readonly businessId: string
  readonly envMode: string
  readonly type: EventType
  readonly objectType: string
  readonly objectId: string
  /** The object as the API gives it at this moment, `reference` at its top. */
  readonly data: object
  readonly now: Date
}

/**
 * Writes the event and its delivery job in the state change's own transaction: both or neither. The caller holds the
 * object's row lock, so the sequence counts without gaps. After the commit: `queue.wake(dispatchQueue)`.
 */
export async function record(tx: Tx, queue: Queue, event: NewEvent): Promise<void> {
  const id = newId()
  const body = JSON.stringify({ event: event.type, data: event.data })
  await sql`insert into events (id, business_id, env_mode, type, object_type, object_id, sequence, body, created_at)
    select ${id}, ${event.businessId}, ${event.envMode}, ${event.type}, ${event.objectType}, ${event.objectId},
      coalesce(max(sequence), 0) + 1, ${body}, ${event.now} from events where object_id = ${event.objectId}`.execute(tx)
  const job: DispatchJob = { event_id: id, business_id: event.businessId, env_mode: event.envMode }
  await queue.send(tx, dispatchQueue, job)
}

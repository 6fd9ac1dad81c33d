import { type Db, sql } from '../../platform/db.ts'
import { revive } from '../../platform/rows.ts'
import type { RequestRow, TransactionRow } from '../payment-requests/schema.ts'

/** What a channel has opened. */

export interface OpenedRows {
  request: RequestRow
  attempt: TransactionRow
}

export interface Opened {
  checkoutUrl: string
  channelReference: string
  checkAt: Date
  now: Date
  timeline: { id: string; summary: string }
}

/**
 * The channel has opened its page: kept in one statement, if the attempt is still pending (a relay or a cancellation
 * may have come meanwhile). Undefined: it is not.
 */
export async function recordOpened(
  db: Db,
  { requestId, attemptId }: { requestId: string; attemptId: string },
  opened: Opened,
): Promise<OpenedRows | undefined> {
  // The request is locked before its attempt, as everywhere.
  const { rows } = await sql<OpenedRows>`/* hot */ with held as (
      select id from payment_requests where id = ${requestId} for no key update
    ), attempt as (
      update transactions t set checkout_url = ${opened.checkoutUrl}, channel_reference = ${opened.channelReference},
        opened_at = ${opened.now}, check_at = ${opened.checkAt}, updated_at = ${opened.now}
      from held where t.id = ${attemptId} and t.payment_request_id = held.id and t.status = 'pending' returning t.*
    ), request as (
      update payment_requests r set status = 'open', updated_at = ${opened.now} from attempt
      where r.id = attempt.payment_request_id and r.status in ('new', 'open') returning r.*
    ), line as (
      insert into timeline_records (id, payment_request_id, transaction_id, summary, created_at, updated_at)
      select ${opened.timeline.id}, payment_request_id, id, ${opened.timeline.summary}, ${opened.now}, ${opened.now} from attempt
    )
    select to_jsonb(request) as request, to_jsonb(attempt) as attempt from request, attempt`.execute(db)
  const [row] = rows
  return row && { request: revive(row.request), attempt: revive(row.attempt) }
}

import { type Db, sql, type Tx } from '../../platform/db.ts'
import { revive } from '../../platform/rows.ts'
import type { RequestRow, TransactionRow } from './schema.ts'

/** Opening a page at a channel: whose turn it is to relay a request, and what was opened. */

/** Real times. Gives how often the request was relayed; null: it is somebody else's turn. */
export async function takeTurn(
  db: Db,
  requestId: string,
  { holder, now, until }: { holder: string; now: Date; until: Date },
): Promise<number | null> {
  const { rows } = await sql<{ relays: number }>`update payment_requests
    set relay_holder = ${holder}, relaying_until = ${until}
    where id = ${requestId} and (relaying_until is null or relaying_until <= ${now}) returning relays`.execute(db)
  return rows[0]?.relays ?? null
}

/** Of a request that `tx` has locked. */
export async function noteRelay(tx: Tx, requestId: string): Promise<void> {
  await sql`update payment_requests set relays = relays + 1 where id = ${requestId}`.execute(tx)
}

export async function endTurn(db: Db, requestId: string, holder: string): Promise<void> {
  await sql`update payment_requests set relay_holder = null, relaying_until = null
    where id = ${requestId} and relay_holder = ${holder}`.execute(db)
}

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

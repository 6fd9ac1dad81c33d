import { type Db, sql, type Tx } from '../../platform/db.ts'

/** Whose turn it is to relay a request, in the request’s own row. */

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

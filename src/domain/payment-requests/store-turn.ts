import { type Db, sql } from '../../platform/db.ts'

/** Whose turn it is to relay a request. */

/** Real times. False: it is somebody else's turn. */
export async function takeTurn(
  db: Db,
  requestId: string,
  { holder, now, until }: { holder: string; now: Date; until: Date },
): Promise<boolean> {
  const { rows } = await sql`update payment_requests set relay_holder = ${holder}, relaying_until = ${until}
    where id = ${requestId} and (relaying_until is null or relaying_until <= ${now}) returning id`.execute(db)
  return rows.length === 1
}

export async function endTurn(db: Db, requestId: string, holder: string): Promise<void> {
  await sql`update payment_requests set relay_holder = null, relaying_until = null
    where id = ${requestId} and relay_holder = ${holder}`.execute(db)
}

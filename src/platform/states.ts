import { sql, type Tx } from './db.ts'

/** A state machine is a table: status → where it may go. */
export interface Machine<Status extends string> {
  /** With the columns `id`, `status` and `updated_at`. */
  readonly table: string
  readonly moves: Readonly<Record<Status, readonly Status[]>>
}

/**
 * The one way a status changes: compare and set. Throws when the move is not in the table, or when somebody else was
 * faster (the caller did not hold the lock: a mistake of ours).
 */
export async function move<Status extends string>(
  tx: Tx,
  machine: Machine<Status>,
  id: string,
  from: Status,
  to: Status,
  columns: Readonly<Record<string, unknown>> & { updated_at: Date },
): Promise<void> {
  if (!machine.moves[from].includes(to)) throw new Error(`${machine.table}: no move from ${from} to ${to}`)
  const sets = Object.entries(columns).map(([column, value]) => sql`${sql.ref(column)} = ${value}`)
  const { numAffectedRows } = await sql`update ${sql.table(machine.table)} set status = ${to}, ${sql.join(sets)}
    where id = ${id} and status = ${from}`.execute(tx)
  if (numAffectedRows !== 1n) throw new Error(`${machine.table} ${id} was no longer ${from}`)
}

/**
 * What our statements depend on, whatever the server, the database or the role has as its default. A session is told
 * when it is opened. Behind a pooler the session may be another one every time: there each transaction is told again, by
 * the text that begins it. Neither costs a statement a round trip.
 */

/** How long a statement may take, and how long it may wait for another's lock. */
export interface Bounds {
  readonly statementMs: number
  readonly lockMs: number
}

/** Null: no bounds, also where the server has some. */
const settingsOf = (bounds: Bounds | null) => ({
  search_path: 'public',
  datestyle: 'ISO, MDY',
  timezone: 'UTC',
  standard_conforming_strings: 'on',
  client_encoding: 'UTF8',
  statement_timeout: String(bounds?.statementMs ?? 0),
  lock_timeout: String(bounds?.lockMs ?? 0),
  // A transaction of ours never waits for anything but the database.
  idle_in_transaction_session_timeout: String(bounds?.statementMs ?? 0),
})

/** One statement that tells a new session, and asks which server process it is. */
export function sessionText(bounds: Bounds | null): string {
  const settings = {
    ...settingsOf(bounds),
    default_transaction_isolation: 'read committed',
    default_transaction_read_only: 'off',
  }
  const calls = Object.entries(settings).map(([name, value]) => `set_config('${name}', '${value}', false)`)
  return `select pg_backend_pid() as pid, ${calls.join(', ')}`
}

/** Begins a transaction in a session that was told. */
export const beginText = 'begin isolation level read committed read write'

/** Begins one in a session that may be anybody's. */
export function pooledBeginText(bounds: Bounds | null): string {
  const told = Object.entries(settingsOf(bounds)).map(
    ([name, value]) => `set local ${name} = ${valueText(name, value)}`,
  )
  return [beginText, ...told].join('; ')
}

/** Quoted, a list of names would be one name. */
const valueText = (name: string, value: string) => (name === 'search_path' ? value : `'${value}'`)

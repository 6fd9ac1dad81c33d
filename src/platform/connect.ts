import pg from 'pg'
import { type DatabaseAddress, type DatabaseServer, readDatabaseUrl } from './database-url.ts'

/**
 * How a pool reaches its server: which of several hosts, and whether a pooler is in between. Nothing but a name is sent
 * at the start of a session (PgBouncer 1.18 refuses what else there is).
 */

/** `auto` finds out; `transaction`: any transaction may meet another session; `none`: sessions are the server's. */
export type Pooler = 'auto' | 'transaction' | 'none'

/** A connection may break at any time, also while it is lent out: without a listener that would end the process. */
export class ListeningClient extends pg.Client {
  /** Of the server process, as the connection was told when it was opened. Not in the package's types. */
  declare readonly processID: number | null
  constructor(config?: string | pg.ClientConfig) {
    super(config)
    // Whoever waits for an answer is told by the answer's own error.
    this.on('error', () => {})
  }
}

/** `name` is what the server's list of sessions shows, unless the address has one; it then stands before the last part. */
export function connectionOf(url: string, { name, timeoutMs }: { name: string; timeoutMs: number }): pg.PoolConfig {
  const address = readDatabaseUrl(url)
  const shown = address.connection.application_name
  return {
    ...address.connection,
    // No caller waits longer than its work may take; an address may say less.
    connectionTimeoutMillis: Math.min(timeoutMs, address.connection.connectionTimeoutMillis ?? timeoutMs),
    application_name: shown ? name.replace(/^[^-]*/, () => shown) : name,
    ...(address.asksForWrites
      ? { Client: clientThatChooses(address) as unknown as new () => pg.ClientBase }
      : { ...address.servers[0], Client: ListeningClient }),
  }
}

const behindPooler = new WeakSet<pg.ClientBase>()

/**
 * What a session was told, or given a name, stays in that session of the server. Behind a pooler the next transaction may
 * be in another one, which knows nothing of it.
 */
export const isBehindPooler = (client: pg.ClientBase): boolean => behindPooler.has(client)

/** A pooler greets with a number of its own making; a server with that of the process that answers. */
export function notePooler(client: pg.ClientBase, answeredBy: number | undefined, pooler: Pooler = 'auto'): void {
  const isPooled = answeredBy !== (client as ListeningClient).processID
  if (pooler === 'transaction' || (pooler === 'auto' && isPooled)) behindPooler.add(client)
}

/** For asking one server, or all at once, whether it takes writes. */
const probeTimeoutMs = 3_000

/**
 * A client that connects to whichever server takes writes now. The server that did last is asked first, and alone, so
 * that one which comes back beside its successor is not written to by turns.
 */
function clientThatChooses({ servers, connection }: DatabaseAddress) {
  let last: DatabaseServer | undefined
  const takesWrites = (server: DatabaseServer) => probe({ ...connection, ...server })
  const choose = async (): Promise<DatabaseServer> => {
    if (last && (await takesWrites(last)) === true) return last
    const answers = await Promise.all(servers.map(takesWrites))
    last = servers.find((_, index) => answers[index] === true)
    if (last) return last
    throw answers.find((answer) => answer instanceof Error) ?? allStandbys()
  }
  type Done = ((error: Error) => void) | ((error: null, client: pg.Client) => void)
  return class extends ListeningClient {
    override connect(): Promise<pg.Client>
    override connect(done: Done): void
    override connect(done?: Done): Promise<pg.Client> | undefined {
      const connected = choose().then((server) => {
        Object.assign(this, server)
        return super.connect()
      })
      if (!done) return connected
      const tell = done as (error: Error | null, client?: pg.Client) => void
      connected.then((client) => tell(null, client), tell)
      return undefined
    }
  }
}

/** As PostgreSQL says it of a statement that cannot be done there: whoever knows that code knows this error. */
const allStandbys = () =>
  Object.assign(new Error('each host of the address is a standby, none takes writes'), { code: '25006' })

/** Whether a server takes writes; the error where it could not be asked. */
async function probe(config: pg.ClientConfig): Promise<boolean | Error> {
  const bounds = { connectionTimeoutMillis: probeTimeoutMs, query_timeout: probeTimeoutMs }
  const client = new ListeningClient({ ...config, ...bounds, application_name: 'asyncpay-probe' })
  try {
    await client.connect()
    const { rows } = await client.query<{ is: boolean }>('select pg_is_in_recovery() as is')
    return rows[0]?.is === false
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  } finally {
    client.end().catch(() => {})
  }
}

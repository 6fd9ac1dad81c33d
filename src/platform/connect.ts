import pg from 'pg'
import { type DatabaseAddress, type DatabaseServer, readDatabaseUrl } from './database-url.ts'

/**
 * How a pool reaches its server: which of several hosts, and whether a pooler is in between. Everything that is sent at
 * the start of a session is what a pooler takes (PgBouncer 1.18 refuses all others).
 */

/** `auto` finds out; `transaction`: any statement of ours may meet another session; `none`: sessions are the server's. */
export type Pooler = 'auto' | 'transaction' | 'none'

/** A pool that cannot give a connection within this time means overload: the caller answers 503. */
const connectTimeoutMs = 10_000

export function connectionOf(url: string, pooler: Pooler = 'auto'): pg.PoolConfig {
  const address = readDatabaseUrl(url)
  const assumed = address.saysPooled ? 'transaction' : pooler
  const connection = { connectionTimeoutMillis: connectTimeoutMs, ...address.connection }
  return {
    ...connection,
    ...(address.asksForWrites
      ? { Client: clientThatChooses({ ...address, connection }) as unknown as new () => pg.ClientBase }
      : address.servers[0]),
    onConnect: (client) => notePooler(client, assumed),
  }
}

const behindPooler = new WeakSet<pg.ClientBase>()

/**
 * A statement that was given a name stays in one session of the server. Behind a pooler the next transaction may be in
 * another one, which does not know the name.
 */
export const isBehindPooler = (client: pg.ClientBase): boolean => behindPooler.has(client)

/** A pooler makes up the process number that it greets with; a server's greeting names the process that answers. */
async function notePooler(client: pg.ClientBase, pooler: Pooler): Promise<void> {
  if (pooler === 'none') return
  const greeted = (client as unknown as { processID: number | null }).processID
  const isPooled = pooler === 'transaction' || (await processOf(client)) !== greeted
  if (isPooled) behindPooler.add(client)
}

async function processOf(client: pg.ClientBase): Promise<number | undefined> {
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
  return rows[0]?.pid
}

/** Of the whole time for a connection: the server that was used last is asked first, then all others at once. */
const probesShare = 3

/**
 * A client that connects to whichever server takes writes now. The server that did last is asked first, and alone, so
 * that one which comes back beside its successor is not written to by turns.
 */
function clientThatChooses({ servers, connection }: DatabaseAddress) {
  const timeoutMs = (connection.connectionTimeoutMillis ?? connectTimeoutMs) / probesShare
  let last: DatabaseServer | undefined
  const takesWrites = (server: DatabaseServer) => probe({ ...connection, ...server }, timeoutMs)
  const choose = async (): Promise<DatabaseServer> => {
    if (last && (await takesWrites(last)) === true) return last
    const answers = await Promise.all(servers.map(takesWrites))
    last = servers.find((_, index) => answers[index] === true)
    if (last) return last
    throw answers.find((answer) => answer instanceof Error) ?? readOnly()
  }
  type Done = ((error: Error) => void) | ((error: null, client: pg.Client) => void)
  return class extends pg.Client {
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

/** As PostgreSQL says it of a statement: whoever knows that code knows this error. */
const readOnly = () =>
  Object.assign(new Error('no server of the address takes writes: each is a standby'), { code: '25006' })

/** Whether a server takes writes; the error where it could not be asked. */
async function probe(config: pg.ClientConfig, timeoutMs: number): Promise<boolean | Error> {
  const client = new pg.Client({ ...config, connectionTimeoutMillis: timeoutMs, query_timeout: timeoutMs })
  // One that breaks while it is asked fails the question too.
  client.on('error', () => {})
  try {
    await client.connect()
    const { rows } = await client.query<{ transaction_read_only: string }>('show transaction_read_only')
    return rows[0]?.transaction_read_only === 'off'
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  } finally {
    client.end().catch(() => {})
  }
}

import { join } from 'node:path'
import pg from 'pg'
import { freePort } from './postgres.ts'
import { launch, openFolder, type Running, runProgram } from './programs.ts'
import { until } from './wait.ts'

/**
 * A PostgreSQL that can be stopped, killed and started again, and a standby that follows it and can be promoted. A
 * commit is answered when the standby has it too, so that a failover loses nothing that was answered.
 */
export interface Node {
  readonly port: number
  /** To the maintenance database. */
  readonly url: string
  start(): Promise<void>
  /** Ends its sessions, as a restart for a new setting does. */
  stop(): Promise<void>
  /** As a machine that is gone. */
  kill(): Promise<void>
  query(statement: string): Promise<void>
}

export interface Cluster {
  readonly primary: Node
  readonly standby: Node
  /** Resolves when a commit gets through, at the standby too. */
  commits(node: Node): Promise<void>
  /** Makes the standby the primary; resolves when it takes writes. */
  promote(): Promise<void>
  close(): Promise<void>
}

const quick = ['-c', 'fsync=off', '-c', 'max_connections=100', '-c', 'listen_addresses=127.0.0.1']
/** Sockets only on the network: no folder of the system is written to. A standby looks for its primary often. */
const settings = [...quick, '-c', 'unix_socket_directories=', '-c', 'wal_retrieve_retry_interval=100ms']

export async function openCluster(): Promise<Cluster> {
  const folder = openFolder('asyncpay-cluster-')
  const primary = await makeNode(join(folder.path, 'primary'))
  const standby = await makeNode(join(folder.path, 'standby'))
  const close = async () => {
    await Promise.all([primary.kill(), standby.kill()])
    folder.remove()
  }
  try {
    const initial = ['--username=postgres', '--auth=trust', '--encoding=UTF8', '--locale=C', '--no-sync']
    await runProgram('initdb', [...initial, `--pgdata=${join(folder.path, 'primary')}`])
    await primary.start()
    const from = ['--host=127.0.0.1', `--port=${primary.port}`, '--username=postgres', '--no-sync']
    const copy = ['--write-recovery-conf', '--checkpoint=fast', `--pgdata=${join(folder.path, 'standby')}`]
    await runProgram('pg_basebackup', [...from, ...copy])
    await standby.start()
    // Set after the copy was taken: once promoted, the standby has nobody to wait for.
    await primary.query(`alter system set synchronous_standby_names = '*'`)
    await primary.query('select pg_reload_conf()')
  } catch (error) {
    await close()
    throw error
  }
  const promote = async () => {
    await standby.query('select pg_promote(true, 60)')
  }
  const commits = (node: Node) =>
    until('a commit to get through', async () => {
      await node.query(`select pg_logical_emit_message(true, 'drill', 'a commit')`)
      return true
    }).then(() => {})
  return { primary, standby, commits, promote, close }
}

async function makeNode(dataDir: string): Promise<Node> {
  const port = await freePort()
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`
  let running: Running | undefined
  const query = (statement: string) => queryAt(url, statement)
  const end = async (signal: NodeJS.Signals) => {
    await running?.end(signal)
    running = undefined
  }
  return {
    port,
    url,
    query,
    async start() {
      const started = launch('postgres', ['-D', dataDir, '-p', String(port), ...settings])
      running = started
      const isUp = async () => {
        if (started.exitCode() !== null) return true
        await query('select 1')
        return true
      }
      await until('PostgreSQL to answer', isUp, 60_000)
      if (started.exitCode() !== null) throw new Error(`PostgreSQL did not start: ${started.output()}`)
    },
    stop: () => end('SIGINT'),
    kill: () => end('SIGKILL'),
  }
}

async function queryAt(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 })
  // A server that is killed meanwhile is told by the statement that fails.
  client.on('error', () => {})
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}

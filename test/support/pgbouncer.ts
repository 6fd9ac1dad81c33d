import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { freePort } from './postgres.ts'
import { launch, openFolder } from './programs.ts'
import { until } from './wait.ts'

export interface Bouncer {
  /** The same database, through the pooler. */
  readonly url: string
  stop(): Promise<void>
}

/**
 * PgBouncer in front of `url`'s server. In transaction mode it gives each transaction any of its few sessions, so that
 * whatever belongs to a session is soon found at another.
 */
export async function startBouncer(url: string, mode: 'transaction' | 'session' = 'transaction'): Promise<Bouncer> {
  const target = new URL(url)
  const port = await freePort()
  const folder = openFolder('asyncpay-bouncer-')
  const file = join(folder.path, 'pgbouncer.ini')
  const login = `user=${target.username}${target.password && ` password=${target.password}`}`
  writeFileSync(
    file,
    `[databases]
* = host=${target.hostname} port=${target.port} ${login}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = ${mode}
default_pool_size = 6
max_client_conn = 200
`,
    { mode: 0o644 },
  )
  const bouncer = launch('pgbouncer', [file])
  const through = new URL(url)
  through.port = String(port)
  const isUp = async () => {
    if (bouncer.exitCode() !== null) return true
    const client = new pg.Client({ connectionString: through.href })
    await client.connect()
    await client.end()
    return true
  }
  await until('PgBouncer to answer', isUp, 30_000)
  if (bouncer.exitCode() !== null) throw new Error(`PgBouncer did not start: ${bouncer.output()}`)
  return {
    url: through.href,
    async stop() {
      await bouncer.end('SIGTERM')
      folder.remove()
    },
  }
}

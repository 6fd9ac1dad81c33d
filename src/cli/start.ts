import type { Server as SocketServer } from 'node:http'
import { flushCompileCache } from 'node:module'
import type { Config } from '../config.ts'
import { faultOf } from '../platform/faults.ts'
import type { Logger } from '../platform/log.ts'
import { prepareServer, type Role, type Server } from '../server.ts'
import { createDemo, introduceAccounts } from './demo.ts'
import { lockDataDir } from './lock.ts'
import { type Keys, readKeys } from './operations.ts'
import { serveSocket, socketPath, wordsOf } from './socket.ts'
import { UsageError } from './usage.ts'

/** A drain that takes longer is cut off, so that a stuck provider never keeps a deployment waiting. */
const shutdownMaxMs = 40_000

/** Runs until SIGTERM or SIGINT. */
export async function start(config: Config, role: Role): Promise<void> {
  if (role !== 'all' && config.databaseUrl === null) {
    throw new UsageError(`--role ${role} needs DATABASE_URL: the embedded database belongs to one process`)
  }
  // Its path may be too long: said before anything is opened.
  if (config.databaseUrl === null) socketPath(config.dataDir)
  const unlock = config.databaseUrl === null ? lockDataDir(config.dataDir) : () => {}
  const { server, socket } = await openServer(config, role).catch((error: unknown) => {
    unlock()
    throw error
  })
  const { ctx } = server.runtime
  surviveOutages(ctx.log)
  onceAskedToStop(async () => {
    ctx.log.info('stopping')
    socket?.close()
    await server.close()
    unlock()
  })
  if (role !== 'worker') await printWelcome(server, config)
  ctx.log.info({ role, database: config.databaseUrl ? 'postgresql' : 'embedded' }, 'ready')
  // The next start is faster for it, also when this process is killed. Does nothing where no cache is set.
  flushCompileCache()
}

/** Whoever is told that it is ready finds everything: the demo, and the socket for commands, are there before it listens. */
async function openServer(config: Config, role: Role): Promise<{ server: Server; socket: SocketServer | null }> {
  const server = await prepareServer(config, role)
  let socket: SocketServer | null = null
  try {
    if (config.sandbox && role !== 'worker') await openDemo(server)
    if (config.databaseUrl === null) {
      socket = await serveSocket(server.runtime.ctx, config.dataDir, () => refresh(server))
    }
    await server.open()
    return { server, socket }
  } catch (error) {
    socket?.close()
    await server.close()
    throw error
  }
}

async function openDemo(server: Server): Promise<void> {
  await createDemo(server.runtime.ctx)
  await refresh(server)
}

async function refresh(server: Server): Promise<void> {
  if (server.sandbox) await introduceAccounts(server.runtime.ctx, server.sandbox)
}

/**
 * The last net. What the database does to a connection, or a promise that nobody waited for, is told and no reason to
 * end: everything that must survive is a row. Whatever else nobody caught ends the process, and its supervisor starts
 * another.
 */
function surviveOutages(log: Logger): void {
  process.on('unhandledRejection', (error) => log.error({ error: wordsOf(error) }, 'nobody waited for this'))
  process.on('uncaughtException', (error) => {
    log.fatal({ error: error.stack }, 'nobody caught this')
    if (faultOf(error) === null) process.exit(1)
  })
}

function onceAskedToStop(stop: () => Promise<void>): void {
  let stopping = false
  const handle = () => {
    if (stopping) return
    stopping = true
    setTimeout(() => process.exit(1), shutdownMaxMs).unref()
    stop().then(
      () => process.exit(0),
      (error: unknown) => {
        console.error(error)
        process.exit(1)
      },
    )
  }
  process.on('SIGTERM', handle)
  process.on('SIGINT', handle)
}

/** Test keys and one command; never a live secret. */
async function printWelcome({ runtime: { ctx } }: Server, config: Config): Promise<void> {
  const lines = [`Asyncpay is ready at ${config.baseUrl}`, '', `  API reference     ${config.baseUrl}/docs`]
  const keys = await readKeys(ctx, null).catch(() => null)
  if (keys && config.sandbox) lines.push(...keyLines(keys, config.baseUrl))
  else lines.push('', 'Keys: npx asyncpay keys')
  console.log(`\n${lines.join('\n')}\n`)
}

const keyLines = ({ test }: Keys, baseUrl: string): string[] => [
  `  Test secret key   ${test.secret_key}`,
  `  Test public key   ${test.public_key}`,
  `  Webhook secret    ${test.webhook_secret}`,
  `  Mails             ${baseUrl}/sandbox/mailbox`,
  '',
  'Take a first payment (then open the "action" of the answer in a browser and pay):',
  '',
  `  curl -s ${baseUrl}/v1/payment-requests \\`,
  `    -H 'Authentication: Bearer ${test.secret_key}' \\`,
  `    -H 'Content-Type: application/json' \\`,
  `    -d '{"customer_email":"ada@example.com","amount":"100","currency":"NGN","description":"My first payment"}'`,
  '',
  'Watch the signed webhooks arrive, in a second terminal:',
  '',
  '  npx asyncpay listen',
]

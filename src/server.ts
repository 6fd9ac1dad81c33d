import { join } from 'node:path'
import { createSandbox, type Sandbox } from '../sandbox/index.ts'
import { createApp } from './app.ts'
import { themeColors } from './channels/index.ts'
import { type Config, makeDataDir } from './config.ts'
import type { Clock } from './platform/clock.ts'
import type { Http } from './platform/http.ts'
import { openRuntime, type Runtime } from './runtime.ts'

export type Role = 'all' | 'api' | 'worker'

export interface Server {
  readonly runtime: Runtime
  /** Null in a worker. */
  readonly app: Http | null
  /** Null where it is switched off. */
  readonly sandbox: Sandbox | null
  /** Stops accepting, finishes what runs, drains the jobs, closes. */
  close(): Promise<void>
}

/** A server that listens to nobody yet. */
export interface PreparedServer extends Server {
  /** Listens, and works off jobs. */
  open(): Promise<void>
}

/** One process: API, worker, or both; with the sandbox mounted where it is on. */
export async function startServer(config: Config, role: Role = 'all', clock?: Clock): Promise<Server> {
  const server = await prepareServer(config, role, clock)
  try {
    await server.open()
    return server
  } catch (error) {
    await server.close()
    throw error
  }
}

/** The same, for whoever has more to make ready before the first request comes. */
export async function prepareServer(config: Config, role: Role, clock?: Clock): Promise<PreparedServer> {
  const runtime = await openRuntime(config, clock)
  try {
    const sandbox = config.sandbox && role !== 'worker' ? openSandbox(config) : null
    const app = role === 'worker' ? null : await makeApp(runtime, sandbox)
    const open = async () => {
      await app?.listen({ port: config.port, host: config.host })
      if (role !== 'api') await runtime.startWorker()
    }
    const close = async () => {
      if (app) await closeApp(app)
      await sandbox?.close()
      await runtime.close()
    }
    return { runtime, app, sandbox, open, close }
  } catch (error) {
    await runtime.close()
    throw error
  }
}

function openSandbox(config: Config): Sandbox {
  makeDataDir(config.dataDir)
  return createSandbox({
    publicUrl: `${config.baseUrl}/sandbox`,
    themes: themeColors(),
    dataFile: join(config.dataDir, 'sandbox.jsonl'),
    allowPrivateWebhooks: config.allowPrivateWebhooks,
    ...(config.sandboxToken !== null && { token: config.sandboxToken }),
  })
}

/** How often connections are looked for that fell idle after the server began to stop. */
const idleSweepMs = 100

/** Finishes what runs; a client that keeps its connection and sends nothing more does not hold it up. */
async function closeApp(app: Http): Promise<void> {
  const sweep = setInterval(() => app.server.closeIdleConnections(), idleSweepMs)
  try {
    await app.close()
  } finally {
    clearInterval(sweep)
  }
}

async function makeApp({ ctx, config }: Runtime, sandbox: Sandbox | null): Promise<Http> {
  await ctx.holder.start()
  return await createApp(ctx, {
    rateLimit: config.rateLimit,
    http: config,
    ...(sandbox && { mount: { prefix: '/sandbox', register: sandbox.register as never } }),
  })
}

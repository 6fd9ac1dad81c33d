import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startSandbox } from '../../sandbox/server.ts'
import type { Keys } from '../../src/cli/operations.ts'
import { randomHex } from '../../src/platform/ids.ts'
import type { Role } from '../../src/server.ts'
import { createDatabase, freePort } from './postgres.ts'
import { type Backend, call, testMasterKey } from './server.ts'
import { until } from './wait.ts'

/** Servers as processes of their own, which can be killed; the sandbox stays outside and keeps the truth. */

const root = join(import.meta.dirname, '../..')
const main = join(root, 'src/cli/main.ts')
const children = new Set<ChildProcess>()
// Whatever ends this file ends what it started, also when a test failed or the runner's time was up.
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL')
})
process.once('SIGTERM', () => process.exit(143))

type Env = Readonly<Record<string, string>>

function spawnMain(
  args: string[],
  env: Env,
  aheadMs: number,
  input?: string,
): { child: ChildProcess; output: () => string } {
  const flags = aheadMs > 0 ? [`--import=data:text/javascript,${encodeURIComponent(clockAhead(aheadMs))}`] : []
  const child = spawn(process.execPath, [...flags, main, ...args], {
    cwd: root,
    env: { PATH: process.env.PATH ?? '', ...env },
    stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  })
  child.stdin?.end(input)
  children.add(child)
  child.once('exit', () => children.delete(child))
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  return { child, output: () => output }
}

/** The machine's clock as the process sees it, ahead by what the process was down: leases end without waiting for them. */
const clockAhead = (ms: number) => `const now = Date.now
const ahead = () => now() + ${ms}
globalThis.Date = new Proxy(Date, {
  construct: (date, given) => new date(...(given.length > 0 ? given : [ahead()])),
  get: (date, name) => (name === 'now' ? ahead : date[name]),
})`

/** A command of the command line, with `input` on its standard input; gives what it printed. Throws when it failed. */
export async function runCommand(args: string[], env: Env, input?: string): Promise<string> {
  const { child, output } = spawnMain(args, { LOG_LEVEL: 'silent', ...env }, 0, input)
  const code = await new Promise((resolve) => child.once('close', resolve))
  if (code !== 0) throw new Error(`asyncpay ${args.join(' ')} ended with ${code}: ${output()}`)
  return output()
}

/** A command that the test looks at while it runs, and may kill. */
export function startCommand(args: string[], env: Env): { output(): string; kill(): Promise<void> } {
  const { child, output } = spawnMain(args, { LOG_LEVEL: 'silent', ...env }, 0)
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  return {
    output,
    async kill() {
      child.kill('SIGKILL')
      await gone
    },
  }
}

export interface Started {
  readonly url: string
  readonly pid: number
  isRunning(): boolean
  /** `kill -9`; resolves when the process is gone. */
  kill(): Promise<void>
  /** SIGTERM; gives the exit code. */
  stop(): Promise<number | null>
  output(): string
}

/** Resolves when the process says that it is ready. */
export async function startProcess(role: Role, env: Env, aheadMs = 0): Promise<Started> {
  const { child, output } = spawnMain(['start', '--role', role], { LOG_LEVEL: 'info', ...env }, aheadMs)
  const gone = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)))
  const ready = () => output().includes('"msg":"ready"')
  const ended = () => child.exitCode !== null || child.signalCode !== null
  await until(`${role} to be ready`, () => ready() || ended(), 60_000).catch(() => child.kill('SIGKILL'))
  if (!ready() || ended()) throw new Error(`${role} did not start: ${output()}`)
  return {
    url: `http://127.0.0.1:${env.PORT}`,
    pid: child.pid ?? 0,
    isRunning: () => !ended(),
    output,
    async kill() {
      child.kill('SIGKILL')
      await gone
    },
    async stop() {
      child.kill('SIGTERM')
      return await gone
    },
  }
}

/** `cut` closes the caller's socket instead of going on. */
type Step = (path: string) => Promise<'cut' | undefined> | 'cut' | undefined

/** A line between two servers that a test can stop at: before the call goes on, or before its answer comes back. */
export interface Gate {
  readonly url: string
  before: Step
  after: Step
  /** Lets everything through again. */
  open(): void
  close(): Promise<void>
}

/** Passes each call to `target()`, an origin such as `http://127.0.0.1:8080`. */
export async function startGate(target: () => string): Promise<Gate> {
  const through: Step = () => undefined
  const server = createServer(async (incoming, outgoing) => {
    const path = incoming.url ?? '/'
    try {
      if ((await gate.before(path)) === 'cut') return void incoming.socket.destroy()
      const answer = await pass(target(), path, incoming)
      if ((await gate.after(path)) === 'cut') return void incoming.socket.destroy()
      outgoing.writeHead(answer.status, answer.headers).end(answer.body)
    } catch {
      incoming.socket.destroy()
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const gate: Gate = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    before: through,
    after: through,
    open() {
      gate.before = through
      gate.after = through
    },
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return gate
}

async function pass(target: string, path: string, incoming: IncomingMessage) {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk as Buffer)
  const { host: _, connection: __, 'content-length': ___, ...headers } = incoming.headers
  const method = incoming.method ?? 'GET'
  const response = await fetch(target + path, {
    method,
    headers: headers as Record<string, string>,
    ...(method !== 'GET' && { body: Buffer.concat(chunks) }),
    redirect: 'manual',
  })
  const kept = [...response.headers].filter(([name]) => !/^(content-(length|encoding)|connection|transfer-)/.test(name))
  return { status: response.status, headers: Object.fromEntries(kept), body: Buffer.from(await response.arrayBuffer()) }
}

/** Longer than every lease there is (90 s for an idempotency key). */
const downForMs = 180_000

export interface WorldOptions {
  /** A database that somebody else made and drops. */
  databaseUrl?: string
  /** When the sandbox sends a webhook again that was not acknowledged. */
  webhookRetryDelaysMs?: number[]
}

/**
 * A sandbox, a database or its folder, and the environment of the processes that share them. Provider calls go through
 * `provider`, so that a test can stop them; the account's key is no sandbox key, as at a real provider.
 */
export async function openWorld(backend: Backend, given: WorldOptions = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'asyncpay-world-'))
  const isOwn = backend === 'postgres' && !given.databaseUrl
  const database = isOwn ? await createDatabase(process.env.TEST_TEMPLATE) : null
  const databaseUrl = given.databaseUrl ?? database?.url ?? null
  // Unless told otherwise sent once: what the server was told and did not keep is not told again.
  const sandbox = await startSandbox({ port: 0, webhookRetryDelaysMs: given.webhookRetryDelaysMs ?? [] })
  const provider = await startGate(() => new URL(sandbox.url).origin)
  const port = await freePort()
  const env: Record<string, string> = {
    PORT: String(port),
    BASE_URL: `http://127.0.0.1:${port}`,
    DATA_DIR: folder,
    SANDBOX: '0',
    ALLOW_PRIVATE_WEBHOOKS: '1',
    PAYSTACK_API_URL: `${provider.url}/sandbox/paystack`,
    ...(databaseUrl && { DATABASE_URL: databaseUrl, ASYNCPAY_MASTER_KEY: testMasterKey }),
  }
  const started = new Set<Started>()
  let aheadMs = 0
  const start = async (role: Role = 'all', more: Env = {}) => {
    const one = await startProcess(role, { ...env, ...more }, aheadMs)
    started.add(one)
    return one
  }
  return {
    sandbox,
    provider,
    env,
    databaseUrl,
    start,
    /** Processes that start from now on live so much later. */
    later: (ms: number) => {
      aheadMs += ms
    },
    /** As a supervisor would, some minutes after the crash. */
    restart: (downMs = downForMs) => {
      aheadMs += downMs
      return start()
    },
    /** A business with Paystack connected, through the command line. */
    connect: (webhookOrigin = env.BASE_URL ?? '') => connect(env, sandbox.sandbox, webhookOrigin),
    control: (method: string, path: string, body?: unknown) =>
      call(new URL(sandbox.url).origin, method, `/sandbox/control${path}`, body),
    async close() {
      await Promise.all([...started].map((one) => one.kill()))
      await provider.close()
      await sandbox.close()
      await database?.drop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
export type World = Awaited<ReturnType<typeof openWorld>>

async function connect(
  env: Env,
  sandbox: Awaited<ReturnType<typeof startSandbox>>['sandbox'],
  webhookOrigin: string,
): Promise<Keys> {
  const secretKey = `sk_test_${randomHex(20)}`
  await runCommand(['business', 'create', 'World'], env)
  const args = ['channels', 'connect', 'paystack', '-', '--mode', 'test', '--default']
  const connected = JSON.parse(await runCommand(args, env, JSON.stringify({ secret_key: secretKey }))) as {
    webhook_url: string
  }
  const webhookUrl = webhookOrigin + new URL(connected.webhook_url).pathname
  sandbox.setAccount({ channel: 'paystack', secretKey, webhookUrl })
  return JSON.parse(await runCommand(['keys', '--json'], env)) as Keys
}

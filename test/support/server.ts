import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findChannel, sandboxCredentials } from '../../src/channels/index.ts'
import { introduceAccounts } from '../../src/cli/demo.ts'
import { readKeys } from '../../src/cli/operations.ts'
import { readConfig } from '../../src/config.ts'
import type { EnvMode } from '../../src/domain/businesses/schema.ts'
import * as businesses from '../../src/domain/businesses/service.ts'
import { commandLine } from '../../src/domain/businesses/service.ts'
import { connect } from '../../src/domain/payment-channels/service.ts'
import { AdvancingClock } from '../../src/platform/clock.ts'
import type { Context } from '../../src/platform/context.ts'
import { type Role, type Server, startServer } from '../../src/server.ts'
import { createDatabase, freePort } from './postgres.ts'
import { copyEmbedded } from './template.ts'

// biome-ignore lint/suspicious/noExplicitAny: bodies are looked at as a client would
export type Body = any
export interface Answer {
  status: number
  body: Body
  text: string
  headers: Headers
}

export type Backend = 'embedded' | 'postgres'

export interface TestServerOptions {
  backend?: Backend
  /** More environment, e.g. `{ POOL_SIZE: '4' }`. */
  env?: Record<string, string>
  role?: Role
  /** An existing database, so that several servers share it. */
  databaseUrl?: string
  masterKey?: string
}

export const testMasterKey = '11'.repeat(32)

/** A whole server in this process, with sandbox and worker, on a database of its own. */
export async function startTestServer(options: TestServerOptions = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'asyncpay-test-'))
  const database =
    options.backend === 'postgres' && !options.databaseUrl ? await createDatabase(process.env.TEST_TEMPLATE) : null
  const databaseUrl = options.databaseUrl ?? database?.url
  if (!databaseUrl) await copyEmbedded(folder)
  const clock = new AdvancingClock()
  const config = readConfig({
    PORT: String(await freePort()),
    DATA_DIR: folder,
    LOG_LEVEL: 'silent',
    SANDBOX: '1',
    ALLOW_PRIVATE_WEBHOOKS: '1',
    // All tests come from one address, and many of them with wrong keys. Those of the limits set their own.
    LIMIT_WRONG_KEYS: '1000000',
    LIMIT_CUSTOMER_ATTEMPTS: '1000000',
    LIMIT_CUSTOMER_DECLINES: '1000000',
    LIMIT_ADDRESS_ATTEMPTS: '1000000',
    LIMIT_ADDRESS_DECLINES: '1000000',
    ...(databaseUrl && { DATABASE_URL: databaseUrl, ASYNCPAY_MASTER_KEY: options.masterKey ?? testMasterKey }),
    ...options.env,
  })
  const server: Server = await startServer(config, options.role ?? 'all', clock)
  const { ctx } = server.runtime
  return {
    server,
    ctx,
    clock,
    config,
    url: config.baseUrl,
    /** Plain HTTP, no key. */
    call: (method: string, path: string, body?: unknown, headers?: Record<string, string>) =>
      call(config.baseUrl, method, path, body, headers),
    business: (name?: string) => createBusiness(server, config.baseUrl, name),
    async close() {
      await server.close()
      await database?.drop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
export type TestServer = Awaited<ReturnType<typeof startTestServer>>

export async function call(
  baseUrl: string,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const response = await fetch(baseUrl + path, {
    method,
    headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
    ...(body !== undefined && { body: text }),
    redirect: 'manual',
  })
  const answered = await response.text()
  let parsed: Body
  try {
    parsed = JSON.parse(answered)
  } catch {
    parsed = undefined
  }
  return { status: response.status, body: parsed, text: answered, headers: response.headers }
}

/** A business with every channel of the sandbox connected in test mode, Paystack the default, and its client. */
export async function createBusiness(server: Server, baseUrl: string, name = 'Test Business') {
  const { ctx } = server.runtime
  const id = await businesses.create(ctx, name, 'NGN', businesses.commandLine)
  await connectSandbox(ctx, id, 'paystack', true)
  if (server.sandbox) await introduceAccounts(ctx, server.sandbox)
  const keys = await readKeys(ctx, id)
  const api = (mode: EnvMode) => (method: string, path: string, body?: unknown, headers?: Record<string, string>) =>
    call(baseUrl, method, path, body, { authentication: `Bearer ${keys[mode].secret_key}`, ...headers })
  return { id, keys, api: api('test'), live: api('live') }
}
export type TestBusiness = Awaited<ReturnType<typeof createBusiness>>

export async function connectSandbox(
  ctx: Context,
  businessId: string,
  slug: string,
  makeDefault = false,
): Promise<void> {
  const fields = sandboxCredentials(findChannel(slug))
  await connect(ctx, { businessId, envMode: 'test', slug, fields, makeDefault, actor: commandLine })
}

/** A business with every channel of the sandbox, Paystack the default. */
export async function threeChannels(server: TestServer, name?: string): Promise<TestBusiness> {
  const business = await server.business(name)
  for (const slug of ['flutterwave', 'stripe']) await connectSandbox(server.ctx, business.id, slug)
  if (server.server.sandbox) await introduceAccounts(server.ctx, server.server.sandbox)
  return business
}

/** The reference under which the channel knows the last attempt. */
export const attemptRef = (answer: Answer): string => answer.body.data.payment_request.last_transaction.ref
export const requestRef = (answer: Answer): string => answer.body.data.payment_request.ref

/** Pays (or declines, or abandons) at the sandbox as its page would. */
export const payAtSandbox = (
  url: string,
  reference: string,
  outcome: 'success' | 'failed' | 'abandon' = 'success',
  channel = 'paystack',
  card?: string,
) => call(url, 'POST', '/sandbox/control/pay', { channel, reference, outcome, ...(card && { card }) })

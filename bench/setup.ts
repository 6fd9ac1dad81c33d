import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import * as operations from '../src/cli/operations.ts'
import { readConfig } from '../src/config.ts'
import * as businesses from '../src/domain/businesses/service.ts'
import { connect } from '../src/domain/payment-channels/service.ts'
import { openRuntime } from '../src/runtime.ts'
import { freePort, startPostgres } from '../test/support/postgres.ts'
import { type Running, startProgram } from './processes.ts'
import { findPostmaster, type Watched } from './resources.ts'
import { customerEmail, customers, type Target } from './subjects.ts'

/** A database with one business on it, and the processes that a measurement may start. */

/** Connections to PostgreSQL, of the server and of the floor alike: on two cores more only wait for each other. */
export const poolSize = 8
export const connections = 16

export interface Bench {
  readonly databaseUrl: string
  readonly businessId: string
  readonly target: Target
  readonly postgres: Watched[]
  readonly providerPort: number
  readonly sandboxPort: number
  /** The environment of every process of ours. */
  env(more?: Record<string, string>): Record<string, string>
  startServer(more?: Record<string, string>, nodeArgs?: string[]): Promise<Running>
  stop(): Promise<void>
}

export async function openBench(): Promise<Bench> {
  const server = await startPostgres()
  const folder = mkdtempSync(join(tmpdir(), 'asyncpay-bench-'))
  const stop = async () => {
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    const databaseUrl = await createDatabase(server.url)
    const [port, providerPort, sandboxPort] = [await freePort(), await freePort(), await freePort()]
    const masterKey = randomBytes(32).toString('hex')
    const env = (more: Record<string, string> = {}) => ({
      DATABASE_URL: databaseUrl,
      ASYNCPAY_MASTER_KEY: masterKey,
      DATA_DIR: folder,
      PORT: String(port),
      BASE_URL: `http://127.0.0.1:${port}`,
      LOG_LEVEL: 'silent',
      RATE_LIMIT: '10000000',
      // A thousand customers, and one address for all of them.
      LIMIT_CUSTOMER_ATTEMPTS: '10000000',
      LIMIT_CUSTOMER_DECLINES: '10000000',
      LIMIT_ADDRESS_ATTEMPTS: '10000000',
      LIMIT_ADDRESS_DECLINES: '10000000',
      POOL_SIZE: String(poolSize),
      ALLOW_PRIVATE_WEBHOOKS: '1',
      PAYSTACK_API_URL: `http://127.0.0.1:${providerPort}`,
      ...more,
    })
    const { businessId, target } = await createBusiness(env())
    await createCustomers(databaseUrl, businessId)
    const postmaster = await findPostmaster(databaseUrl)
    const startServer = (more?: Record<string, string>, nodeArgs: string[] = []) =>
      startProgram({
        name: 'the server',
        file: 'src/cli/main.ts',
        args: ['start', '--role', 'api'],
        env: env(more),
        nodeArgs,
        readyUrl: `${target.url}/health/live`,
      })
    return {
      ...{ databaseUrl, businessId, target, providerPort, sandboxPort, env, startServer, stop },
      postgres: postmaster === null ? [] : [{ name: 'postgres', pid: postmaster, family: true }],
    }
  } catch (error) {
    await stop()
    throw error
  }
}

async function createDatabase(adminUrl: string): Promise<string> {
  const client = new pg.Client({ connectionString: adminUrl })
  await client.connect()
  await client.query('create database bench')
  await client.end()
  const url = new URL(adminUrl)
  url.pathname = '/bench'
  return url.href
}

/** Paystack is connected with a key that is not the sandbox's, so that its calls go to `PAYSTACK_API_URL`. */
async function createBusiness(env: Record<string, string>): Promise<{ businessId: string; target: Target }> {
  const config = readConfig(env)
  const runtime = await openRuntime(config)
  try {
    const { ctx } = runtime
    const businessId = await businesses.create(ctx, 'Bench', 'NGN', businesses.commandLine)
    const channelSecret = `sk_test_${randomBytes(20).toString('hex')}`
    const owner = { businessId, envMode: 'test' } as const
    const fields = { secret_key: channelSecret }
    await connect(ctx, { ...owner, slug: 'paystack', fields, makeDefault: true, actor: businesses.commandLine })
    const { hookToken } = await businesses.find(ctx, businessId, 'test')
    const { test } = await operations.readKeys(ctx, businessId)
    const target: Target = {
      url: config.baseUrl,
      secretKey: test.secret_key,
      publicKey: test.public_key,
      hookPath: `/v1/system/hooks/${hookToken}/paystack`,
      channelSecret,
      run: randomBytes(4).toString('hex'),
      stored: 0,
      customerIds: [],
    }
    return { businessId, target }
  } finally {
    await runtime.close()
  }
}

/** Those whom the creates are for: a merchant's payers come back. */
async function createCustomers(url: string, businessId: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const emails = Array.from({ length: customers }, (_, n) => customerEmail(n))
    await client.query(
      `insert into customers (id, business_id, env_mode, customer_id, email, email_key, created_at, updated_at)
       select gen_random_uuid(), $1, 'test', 'payer-' || n, email, email, now(), now()
       from unnest($2::text[]) with ordinality as given (email, n)`,
      [businessId, emails],
    )
    await client.query('vacuum analyze')
  } finally {
    await client.end()
  }
}

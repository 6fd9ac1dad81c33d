import { join } from 'node:path'
import { type Config, ConfigError } from './config.ts'
import { seedBundledRates } from './domain/exchange-rates/service.ts'
import { createJobs, createSweeps } from './jobs.ts'
import { type Clock, systemClock } from './platform/clock.ts'
import type { Context } from './platform/context.ts'
import { assertNoTransaction, type Database, openEmbedded, openPostgres } from './platform/db.ts'
import { Holder } from './platform/holder.ts'
import { releaseClaims } from './platform/idempotency.ts'
import { createLimits } from './platform/limits.ts'
import { createLists } from './platform/lists.ts'
import { createLog } from './platform/log.ts'
import { createMailer } from './platform/mail.ts'
import { followMasterKey } from './platform/master-key.ts'
import { createMetrics } from './platform/metrics.ts'
import { migrate } from './platform/migrate.ts'
import { createProviderFetch, createWebhookSender, type ProviderFetch } from './platform/outgoing.ts'
import { createQueue } from './platform/queue.ts'
import { createSecrets, type Secrets } from './platform/secrets.ts'

/** What every process of ours needs: database, queue, and the context that services get. */
export interface Runtime {
  readonly ctx: Context
  readonly config: Config
  /** Works off jobs and sweeps in this process too. */
  startWorker(): Promise<void>
  /** Drains and closes; safe to call twice. */
  close(): Promise<void>
}

const migrationsFolder = join(import.meta.dirname, '../migrations')

/** Opens and migrates the database, starts the queue. Throws when the database is away. */
export async function openRuntime(config: Config, clock: Clock = systemClock): Promise<Runtime> {
  const metrics = createMetrics()
  const log = createLog(config.logLevel)
  const database = await openDatabase(config, () => metrics.sqlStatements.inc())
  try {
    await migrate(database, migrationsFolder)
    const queue = createQueue(database, log)
    const secrets = await openSecrets(config, database)
    const holder = new Holder(database, log, secrets)
    const fetches = new Map<string, ProviderFetch>()
    const webhookSender = createWebhookSender({ allowPrivate: config.allowPrivateWebhooks })
    const ctx: Context = {
      db: database.db,
      lists: createLists(database, config.lists),
      limits: createLimits(config.limits, clock),
      database,
      queue,
      holder,
      clock,
      log,
      metrics,
      webhookSender,
      mailer: createMailer({
        smtpUrl: config.smtpUrl,
        from: config.mailFrom,
        mailbox: config.sandbox ? { url: `${config.baseUrl}/sandbox/control/mails`, token: config.sandboxToken } : null,
      }),
      secrets,
      baseUrl: config.baseUrl,
      sandbox: config.sandbox,
      allowPrivateWebhooks: config.allowPrivateWebhooks,
      channelUrl: (slug) => config.channelUrls[slug] ?? null,
      providerFetch: (slug) => fetchOf(fetches, slug),
    }
    const ofJobs: Context = { ...ctx, db: database.jobs }
    const jobs = createJobs(ofJobs, config.exchangeRatesUrl)
    await queue.start(jobs.map((job) => job.name))
    await seedBundledRates(ctx)
    // One process alone has the embedded database: whoever held a claim before this start is dead.
    if (database.embedded) await releaseClaims(ctx.db, clock.now())
    let closing: Promise<void> | undefined
    const close = async () => {
      await queue.stop()
      await Promise.all([webhookSender.close(), ...[...fetches.values()].map((one) => one.close())])
      await holder.stop()
      await database.close()
    }
    return {
      ctx,
      config,
      startWorker: () => queue.work(jobs, createSweeps(ofJobs)),
      close: () => {
        closing ??= close()
        return closing
      },
    }
  } catch (error) {
    await database.close()
    throw error
  }
}

/** The keys of the configuration, sealing with the one that the database says is current. */
async function openSecrets(config: Config, database: Database): Promise<Secrets> {
  const secrets = createSecrets(config.masterKey, config.otherMasterKeys)
  if (await followMasterKey(database.db, secrets)) return secrets
  throw new ConfigError(
    'the database is sealed with another master key, or its key was changed: ASYNCPAY_MASTER_KEY is not the one',
  )
}

async function openDatabase(config: Config, onStatement: () => void): Promise<Database> {
  if (config.databaseUrl === null) return await openEmbedded(join(config.dataDir, 'postgres'), { onStatement })
  const database = openPostgres(config.databaseUrl, {
    onStatement,
    pooler: config.databasePooler,
    sizes: {
      api: config.poolSize,
      lists: config.listPoolSize,
      clocks: config.clockPoolSize,
      jobs: config.jobPoolSize,
    },
    bounds: {
      statementMs: config.statementTimeoutMs,
      jobStatementMs: config.jobStatementTimeoutMs,
      lockMs: config.lockTimeoutMs,
    },
  })
  try {
    // The first connection: whatever keeps it from being made is for the person who starts us, in one line.
    await database.pool.query('select 1')
    return database
  } catch (error) {
    await database.close()
    const words = error instanceof Error ? error.message || String((error as NodeJS.ErrnoException).code) : error
    throw new ConfigError(`the database of DATABASE_URL cannot be reached: ${words}`)
  }
}

function fetchOf(fetches: Map<string, ProviderFetch>, slug: string): typeof globalThis.fetch {
  let found = fetches.get(slug)
  if (!found) {
    found = createProviderFetch({ name: slug, onCall: assertNoTransaction })
    fetches.set(slug, found)
  }
  return found.fetch
}

import { fromKysely, PgBoss } from 'pg-boss'
import { brokenConstraint, type Database, type Tx } from './db.ts'
import type { Logger } from './log.ts'

/** One kind of work. Handlers must be safe to run twice: a job is done at least once. */
export interface Job<Data extends object> {
  readonly name: string
  readonly handle: (data: Data) => Promise<void>
  /** Jobs of this kind at once in this process. */
  readonly concurrency: number
  /** Cron text (UTC) for work that comes by itself; absent: only when sent. */
  readonly every?: string
}

/** Work that is due by a time in our own rows; called again and again, each call does a bounded piece. */
export interface Sweep {
  readonly name: string
  readonly everyMs: number
  /** Resolves to the number of rows worked on; a full batch is followed by the next at once. */
  readonly run: () => Promise<number>
}

export interface Queue {
  /** Adds a job inside `tx`: it exists if and only if the transaction commits. */
  send(tx: Tx, name: string, data: object): Promise<void>
  /** After the commit: workers of this process look now instead of at their next poll. */
  wake(name: string): void
  start(names: readonly string[]): Promise<void>
  work(jobs: readonly Job<never>[], sweeps: readonly Sweep[]): Promise<void>
  /** Work that began elsewhere: `stop` waits for it. */
  track<T>(promise: Promise<T>): Promise<T>
  /** No new work is begun any more. */
  readonly isStopping: boolean
  /** Takes no new work, waits for what runs (bounded), stops. */
  stop(): Promise<void>
}

/** Kept short: what must not be lost is a row of ours, the job only says "now". */
const jobOptions = { retryLimit: 5, retryDelay: 1, retryBackoff: true, retryDelayMax: 60, expireInSeconds: 120 }
const keepFinishedSeconds = 3_600
const drainTimeoutMs = 25_000

export const createQueue = (database: Database, log: Logger): Queue => new BossQueue(database, log)

class BossQueue implements Queue {
  readonly #boss: PgBoss
  readonly #log: Logger
  readonly #workerIds = new Map<string, string[]>()
  readonly #timers = new Set<NodeJS.Timeout>()
  readonly #running = new Set<Promise<unknown>>()
  #stopping = false

  constructor(database: Database, log: Logger) {
    this.#log = log
    this.#boss = new PgBoss({
      db: {
        executeSql: (text: string, values?: unknown[]) => database.run(text, values),
      },
      backend: database.embedded ? 'pglite' : 'postgres',
      schema: 'jobs',
      useListenNotify: false,
      clockMonitorIntervalSeconds: 600,
    })
    this.#boss.on('error', (error) => log.error({ queue: queueOf(error), error: describe(error) }, 'queue error'))
    this.#boss.on('warning', (warning) => log.warn({ warning: warning.message }, 'queue warning'))
  }

  async send(tx: Tx, name: string, data: object): Promise<void> {
    await this.#boss.send(name, data, { db: fromKysely(tx) })
  }

  wake(name: string): void {
    for (const id of this.#workerIds.get(name) ?? []) this.#boss.notifyWorker(id)
  }

  async start(names: readonly string[]): Promise<void> {
    await this.#startBoss()
    for (const name of names) {
      await this.#boss.createQueue(name, { ...jobOptions, deleteAfterSeconds: keepFinishedSeconds })
      // Warms the queue cache: a first `send` inside a transaction would otherwise ask the pool and, with one
      // connection, wait for itself.
      await this.#boss.findJobs(name, { id: '00000000-0000-0000-0000-000000000000' })
    }
  }

  /**
   * Where several start at once on an empty database, pg-boss's own lock does not keep the later ones from failing at
   * `create schema`: their session remembers that there was none. By then it is there, and a second start finds it.
   */
  async #startBoss(): Promise<void> {
    try {
      await this.#boss.start()
    } catch (error) {
      if (brokenConstraint(error) !== 'pg_namespace_nspname_index') throw error
      await this.#boss.start()
    }
  }

  async work(jobs: readonly Job<never>[], sweeps: readonly Sweep[]): Promise<void> {
    for (const job of jobs) await this.#startWorker(job)
    for (const sweep of sweeps) void this.#sweepRound(sweep)
  }

  track<T>(promise: Promise<T>): Promise<T> {
    this.#running.add(promise)
    return promise.finally(() => this.#running.delete(promise))
  }

  get isStopping(): boolean {
    return this.#stopping
  }

  async stop(): Promise<void> {
    this.#stopping = true
    for (const timer of this.#timers) clearTimeout(timer)
    try {
      await this.#boss.stop({ graceful: true, timeout: drainTimeoutMs, close: false })
    } catch (error) {
      // With the database away it cannot say what it leaves: those jobs come again when their time is up.
      this.#log.warn({ error: describe(error) }, 'the queue stopped without its last word')
    }
    const limit = new Promise((resolve) => setTimeout(resolve, drainTimeoutMs).unref())
    await Promise.race([Promise.allSettled([...this.#running]), limit])
  }

  async #startWorker(job: Job<never>): Promise<void> {
    const options = {
      // Two loops: one slow provider never holds up the whole queue of this process.
      localConcurrency: 2,
      batchSize: Math.max(1, Math.ceil(job.concurrency / 2)),
      pollingIntervalSeconds: 0.5,
      burstWhenBatchFull: true,
      perJobResults: true,
    } as const
    const id = await this.#boss.work<never>(job.name, options, (batch) =>
      Promise.all(batch.map((one) => this.#settle(job, one))),
    )
    this.#workerIds.set(job.name, [...(this.#workerIds.get(job.name) ?? []), id])
    if (job.every) await this.#boss.schedule(job.name, job.every, {}, { singletonSeconds: 30 })
  }

  async #settle(job: Job<never>, one: { id: string; data: never }) {
    try {
      await this.track(job.handle(one.data))
      return { id: one.id, status: 'completed' as const }
    } catch (error) {
      this.#log.error({ queue: job.name, job: one.id, error: describe(error) }, 'job failed')
      return { id: one.id, status: 'failed' as const, output: { error: String(error) } }
    }
  }

  async #sweepRound(sweep: Sweep): Promise<void> {
    if (this.#stopping) return
    let worked = 0
    try {
      worked = await this.track(sweep.run())
    } catch (error) {
      this.#log.error({ sweep: sweep.name, error: describe(error) }, 'sweep failed')
    }
    if (this.#stopping) return
    const again = () => {
      this.#timers.delete(timer)
      void this.#sweepRound(sweep)
    }
    const timer = setTimeout(again, worked > 0 ? 0 : sweep.everyMs)
    this.#timers.add(timer)
  }
}

/** The library's errors are plain objects as well as errors: the driver's, with the words and the queue beside them. */
function describe(error: unknown): string {
  if (error instanceof Error && !('code' in error)) return error.stack ?? error.message
  const { code, message, stack } = Object(error) as { code?: unknown; message?: unknown; stack?: unknown }
  const words = String(stack ?? message ?? (typeof error === 'object' ? JSON.stringify(error) : error))
  return code === undefined ? words : `${code}: ${words}`
}

function queueOf(error: unknown): string | undefined {
  const { queue } = Object(error) as { queue?: unknown }
  return typeof queue === 'string' ? queue : undefined
}

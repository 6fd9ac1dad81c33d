import { setTimeout as sleep } from 'node:timers/promises'
import { dayMs, secondMs } from './clock.ts'
import { type Database, type Db, sql } from './db.ts'
import { faultOf } from './faults.ts'
import { newId } from './ids.ts'
import type { Logger } from './log.ts'
import type { Secrets } from './secrets.ts'

/**
 * This process as the holder of claims. It gives a sign of life in the database, so that others know what it holds from
 * what a dead process left behind; it knows what is really at work here; and what it owes the database while that is
 * away, it brings when it is back.
 */

const beatEveryMs = 500
/** While the database is away; also between two tries of what is owed to it. */
const againEveryMs = 250
/** A process that gave no sign for so long is dead. Longer than a beat may take, hung connection and all. */
const deadAfterMs = 2_500
/** What is owed beyond this many is let go: its claim is taken over here, or when this process has ended. */
const owedMax = 10_000
/** How long a caller waits for what it owes. */
const patienceMs = secondMs / 2

export class Holder {
  readonly id = newId()
  readonly #db: Db
  readonly #embedded: boolean
  readonly #log: Logger
  readonly #secrets: Secrets
  readonly #running = new Set<string>()
  readonly #stopping = new AbortController()
  #owed = 0
  #queue = Promise.resolve()
  #beating: Promise<void> | undefined
  /** Since when every beat came through; null: the last one did not. */
  #steadySince: number | null = null

  constructor(database: Database, log: Logger, secrets: Secrets) {
    this.#db = database.pulse
    this.#embedded = database.embedded
    this.#log = log
    this.#secrets = secrets
  }

  /** Before the first claim. The embedded database belongs to one process: nobody else asks. */
  async start(): Promise<void> {
    if (this.#embedded || this.#beating !== undefined) return
    await this.beat()
    this.#steadySince = performance.now()
    this.#beating = this.#keepBeating()
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    if (!this.#beating) return
    await this.#beating
    await sql`delete from processes where id = ${this.id}`.execute(this.#db).catch((error: unknown) => {
      this.#log.warn({ error: String(error) }, 'the last sign of life could not be taken back')
    })
  }

  /** `token` is at work here from now on. */
  begin(token: string): void {
    this.#running.add(token)
  }

  end(token: string): void {
    this.#running.delete(token)
  }

  /** Whether the holder of a claim is at work no more. `silentMs`: since its last sign; null: it gave none. */
  isGone(processId: string, token: string | null, silentMs: number | null): boolean {
    if (processId === this.id) return token === null || !this.#running.has(token)
    if (this.#embedded) return true
    // After an outage everybody was silent: only who has seen the database for a while can call another dead.
    const steadyMs = this.#steadySince === null ? 0 : performance.now() - this.#steadySince
    return steadyMs > deadAfterMs && (silentMs === null || silentMs > deadAfterMs)
  }

  /**
   * Does `work`, and while the database is away tries again until it is done; one after the other, over the connection
   * whose waits are short. `end` follows however it ended. Resolves then, or soon: what is left goes on by itself.
   */
  async untilDone(what: string, work: (db: Db) => Promise<unknown>, end: () => void): Promise<void> {
    this.#owed += 1
    const done = this.#queue.then(() => this.#tryUntilDone(what, work))
    this.#queue = done.finally(() => {
      this.#owed -= 1
      end()
    })
    await Promise.race([this.#queue, sleep(patienceMs, undefined, { ref: false })])
  }

  async #tryUntilDone(what: string, work: (db: Db) => Promise<unknown>): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      try {
        return void (await work(this.#db))
      } catch (error) {
        const isAway = faultOf(error) !== null
        if (!isAway) return void this.#log.error({ what, error: String(error) }, 'could not be done')
        if (this.#owed > owedMax) return void this.#log.error({ what }, 'too much is owed to the database')
      }
      await this.#pause(againEveryMs)
    }
  }

  async #keepBeating(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      try {
        await this.beat()
        this.#steadySince ??= performance.now()
        await this.#pause(beatEveryMs)
      } catch (error) {
        if (this.#steadySince !== null) this.#log.warn({ error: String(error) }, 'no sign of life gets through')
        this.#steadySince = null
        await this.#pause(againEveryMs)
      }
    }
  }

  /**
   * A sign of life: one row, written and committed. It says which master keys are known here, and hears which one seals
   * from now on: what is followed by one beat is told by the next.
   */
  async beat(db: Db = this.#db): Promise<void> {
    const heads = this.#secrets.knownHeads()
    const { rows } = await sql<{ head: Buffer }>`/* hot */ with beat as (
        insert into processes (id, started_at, beat_at, known_heads, current_head)
        values (${this.id}, clock_timestamp(), clock_timestamp(), ${heads}::bytea[], ${this.#secrets.sealedHead()})
        on conflict (id) do update set beat_at = clock_timestamp(), known_heads = excluded.known_heads,
          current_head = excluded.current_head)
      select current_head as head from master_keys`.execute(db)
    const head = rows[0]?.head
    if (head && !this.#secrets.follow(head)) this.#log.error('the master key was changed to one unknown here: restart')
  }

  async #pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#stopping.signal, ref: false }).catch(() => {})
  }
}

/** Drops processes that were silent for a day. */
export async function forgetDeadProcesses(db: Db): Promise<number> {
  await sql`delete from processes where beat_at < clock_timestamp() - make_interval(secs => ${dayMs / secondMs})`.execute(
    db,
  )
  return 0
}

import assert from 'node:assert/strict'
import pg from 'pg'
import { type Cluster, openCluster } from '../test/support/cluster.ts'
import { expectFailure } from '../test/support/expect.ts'
import { openWorld, type Started, type World } from '../test/support/process.ts'
import { type Receiver, startReceiver } from '../test/support/receiver.ts'
import { type Answer, attemptRef, type Body, call, requestRef } from '../test/support/server.ts'
import { openTcpLine, type TcpLine } from '../test/support/tcp-line.ts'
import { until } from '../test/support/wait.ts'
import { type Random, seeded } from './random.ts'

/**
 * The ground moves under payments (I7, I20): all sessions of the database are ended, its server is restarted, at last
 * the primary is killed and its standby promoted, while clients go on with the same keys. An API reaches the database
 * through an address that moves with the primary, a worker through an address with both hosts. No process ends, every
 * answer is ours, and at the end the provider's ledger, the database and the merchant's webhooks agree.
 */

export interface Outages {
  /** How often all sessions are ended. */
  readonly terminations: number
  readonly restarts: number
  readonly clients: number
  /** Payments taken between one outage and the next. */
  readonly paymentsBetween: number
}

export interface OutageProof {
  readonly payments: number
  /** Answers that said "not now". */
  readonly refusals: number
  /** The longest that a call waited after the database was back. */
  readonly longestMs: number
}

/** The bar: a call that an outage refused is served so soon after it. */
const servedWithinMs = 5_000
/** Longer than every lease there is; a worker that starts so much later finds all of them over. */
const leasesOverMs = 180_000
const amountNgn = 120.5

interface Drill {
  readonly world: World
  readonly cluster: Cluster
  readonly line: TcpLine
  readonly receiver: Receiver
  readonly api: Started
  readonly worker: Started
  readonly secretKey: string
  readonly seed: number
  readonly log: CallLog
}

export async function proveOutages(
  seed: number,
  outages: Outages,
  tell: (line: string) => void = () => {},
): Promise<OutageProof> {
  const cluster = await openCluster()
  const line = await openTcpLine(cluster.primary.url)
  const receiver = await startReceiver()
  const world = await openWorld('postgres', {
    databaseUrl: line.url,
    webhookRetryDelaysMs: [100, 300, 1_000, 2_000, 4_000, 8_000],
  })
  try {
    const drill = await begin(seed, { world, cluster, line, receiver })
    await runOutages(drill, outages, tell)
    await settle(drill)
    const payments = await compare(drill)
    return { payments, refusals: drill.log.refusals, longestMs: drill.log.longestMs }
  } finally {
    await world.close()
    await Promise.all([line.close(), receiver.close()])
    await cluster.close()
  }
}

const bothHosts = ({ primary, standby }: Cluster) =>
  `postgres://postgres@127.0.0.1:${standby.port},127.0.0.1:${primary.port}/postgres`

async function begin(seed: number, parts: Pick<Drill, 'world' | 'cluster' | 'line' | 'receiver'>): Promise<Drill> {
  const { world, cluster, receiver } = parts
  const api = await world.start('api', { RATE_LIMIT: '10000000' })
  const worker = await world.start('worker', { DATABASE_URL: bothHosts(cluster) })
  const keys = await world.connect()
  const drill = { ...parts, api, worker, secretKey: keys.test.secret_key, seed, log: new CallLog() }
  const told = await ask(drill, 'PUT', '/v1/business', { webhook_url: receiver.url, enabled_webhooks: 1 })
  assert.equal(told.status, 200, told.text)
  return drill
}

const ask = (drill: Drill, method: string, path: string, body?: unknown, key?: string): Promise<Answer> =>
  call(drill.api.url, method, path, body, {
    authentication: `Bearer ${drill.secretKey}`,
    ...(key && { 'idempotency-key': key }),
  })

/** When the database was away, and how long calls took to be served after it. */
class CallLog {
  refusals = 0
  longestMs = 0
  /** The longest call before the first outage: how slow the machine is by itself. */
  calmMs = 0
  #isAway = false
  #backAt = 0

  away(): void {
    this.#isAway = true
  }

  back(): void {
    this.#isAway = false
    this.#backAt = performance.now()
  }

  served(what: string, startedAt: number): void {
    if (this.#isAway) return
    const now = performance.now()
    if (this.#backAt === 0) {
      this.calmMs = Math.max(this.calmMs, now - startedAt)
      return
    }
    const tookMs = now - Math.max(startedAt, this.#backAt)
    this.longestMs = Math.max(this.longestMs, Math.round(tookMs))
    const limitMs = servedWithinMs + this.calmMs
    assert.ok(tookMs <= limitMs, `${what} was served ${Math.round(tookMs)} ms after the database was back`)
  }
}

/** Asks, as clients do, until it is served. Every other answer must be ours and say when to come back. */
async function served(drill: Drill, what: string, asks: () => Promise<Answer>): Promise<Answer> {
  const startedAt = performance.now()
  const found: { wrong?: Error } = {}
  const answer = await until(
    `${what} to be served`,
    async () => {
      const one = await asks().catch((error: unknown) => {
        found.wrong = new Error(`${what} got no answer`, { cause: error })
      })
      if (!one) return true
      if (one.status === 200 || one.status === 201) return one
      drill.log.refusals += 1
      try {
        expectRefusal(one, what)
      } catch (error) {
        found.wrong = error as Error
        return true
      }
      return false
    },
    60_000,
  )
  if (found.wrong || answer === true) throw found.wrong ?? new Error(what)
  drill.log.served(what, startedAt)
  return answer
}

function expectRefusal(answer: Answer, what: string): void {
  // A twin whose end nobody has heard of yet: said to the client, and over with the outage.
  const isTwin = answer.status === 409
  expectFailure(answer, isTwin ? { status: 409, code: '012' } : { status: 503, code: '090' }, what)
  assert.ok(isTwin || Number(answer.headers.get('retry-after')) > 0, `${what}: 503 without Retry-After`)
}

/** One client's life: payments, one after the other, each asked for until it is served, some looked at, some repeated. */
async function takePayments(drill: Drill, random: Random, load: Load): Promise<void> {
  while (!load.isOver) {
    load.begun += 1
    const name = `drill-${drill.seed}-${load.begun}`
    const body = { customer_email: `${name}@example.com`, amount: amountNgn, currency: 'NGN', reference: name }
    const create = () => ask(drill, 'POST', '/v1/payment-requests', body, name)
    const opened = await served(drill, `creating ${name}`, create)
    const ref = requestRef(opened)
    const outcome = random.chance(0.9) ? 'success' : 'failed'
    const paid = await drill.world.control('POST', '/pay', {
      channel: 'paystack',
      reference: attemptRef(opened),
      outcome,
    })
    assert.ok(paid.status < 300, paid.text)
    if (outcome === 'success') load.paid.add(attemptRef(opened))
    const path = `/v1/payment-requests/${ref}/verify`
    if (random.chance(0.3)) await served(drill, `verifying ${name}`, () => ask(drill, 'PATCH', path))
    if (random.chance(0.3)) {
      const again = await served(drill, `repeating ${name}`, create)
      assert.equal(again.text, opened.text, `${name} was answered otherwise under its key`)
    }
    load.done += 1
  }
}

interface Load {
  isOver: boolean
  begun: number
  done: number
  readonly paid: Set<string>
}

async function runOutages(drill: Drill, outages: Outages, tell: (line: string) => void): Promise<void> {
  const random = seeded(drill.seed)
  const load: Load = { isOver: false, begun: 0, done: 0, paid: new Set() }
  const clients = Array.from({ length: outages.clients }, (_, nth) =>
    takePayments(drill, seeded(drill.seed * 1_000 + nth), load),
  )
  const failed = Promise.all(clients).then(() => 'over' as const)
  try {
    const further = (count: number) => {
      const goal = load.done + count
      const wait = until(`${count} further payments`, () => load.isOver || load.done >= goal, 120_000)
      return Promise.race([wait, failed])
    }
    await further(outages.paymentsBetween)
    const kinds = shuffle(random, [
      ...Array.from({ length: outages.terminations }, () => 'sessions ended' as const),
      ...Array.from({ length: outages.restarts }, () => 'server restarted' as const),
    ])
    for (const kind of [...kinds, 'standby promoted' as const]) {
      drill.log.away()
      await strike[kind](drill)
      drill.log.back()
      await further(outages.paymentsBetween)
      for (const one of [drill.api, drill.worker])
        assert.ok(one.isRunning(), `${kind} ended a process:\n${one.output()}`)
      await until('it to say that it is ready', async () => (await ask(drill, 'GET', '/health/ready')).status === 200)
      tell(`seed ${drill.seed}: ${kind}, ${load.done} payments, ${drill.log.refusals} times "not now"`)
    }
  } finally {
    load.isOver = true
  }
  await failed
}

function shuffle<T>(random: Random, list: readonly T[]): T[] {
  const rest = [...list]
  return list.map(() => rest.splice(random.below(rest.length), 1)[0] as T)
}

const strike = {
  async 'sessions ended'({ cluster }: Drill) {
    await cluster.primary.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where backend_type = 'client backend' and pid <> pg_backend_pid()`,
    )
  },
  async 'server restarted'({ cluster }: Drill) {
    await cluster.primary.stop()
    await cluster.primary.start()
    await cluster.commits(cluster.primary)
  },
  async 'standby promoted'({ cluster, line }: Drill) {
    await cluster.primary.kill()
    await cluster.promote()
    line.lead(cluster.standby.url)
    await cluster.commits(cluster.standby)
  },
}

/** Both end as asked; a worker in whose time every lease is over does what they left. */
async function settle(drill: Drill): Promise<void> {
  assert.deepEqual([await drill.worker.stop(), await drill.api.stop()], [0, 0])
  drill.world.later(leasesOverMs)
  await drill.world.start('all')
  await until(
    'every hook, event and delivery to be done',
    async () => {
      const [row] = await query(
        drill,
        `select (select count(*) from events where dispatched_at is null)
           + (select count(*) from webhook_deliveries where status <> 'delivered')
           + (select count(*) from hook_inbox where processed_at is null) as open`,
      )
      return row?.open === '0'
    },
    60_000,
  )
}

async function query(drill: Drill, statement: string): Promise<Body[]> {
  const client = new pg.Client({
    connectionString: drill.cluster.standby.url,
    types: { getTypeParser: () => (text: string) => text } as never,
  })
  await client.connect()
  try {
    return (await client.query(statement)).rows
  } finally {
    await client.end()
  }
}

/** Ledger = database = webhooks, to the last payment. Gives how many were paid. */
async function compare(drill: Drill): Promise<number> {
  const words = `seed ${drill.seed}`
  const ledger = (await drill.world.control('GET', '/ledger')).body as Body[]
  const charged = ledger.filter((row) => row.kind === 'charge' && row.status === 'success')
  const refunds = ledger.filter((row) => row.kind === 'refund')
  assert.deepEqual(refunds, [], `${words}: nothing is given back`)
  const kept = await query(
    drill,
    `select t.ref, t.amount_minor as amount, r.ref as request, r.status,
       (select count(*) from events e where e.type = 'payment.completed.successfully'
          and e.object_id = r.id) as told
     from transactions t join payment_requests r on r.id = t.payment_request_id where t.status = 'successful'`,
  )
  assert.deepEqual(
    new Map(kept.map((row) => [row.ref, row.amount])),
    new Map(charged.map((row) => [row.reference, String(row.amount_minor)])),
    `${words}: the ledger and the database`,
  )
  assert.deepEqual(new Set(kept.map((row) => `${row.status} ${row.told}`)), new Set(['successful 1']), words)
  const [counted] = await query(
    drill,
    `select count(*) as requests, count(distinct reference) as names from payment_requests`,
  )
  assert.equal(counted?.requests, counted?.names, `${words}: one request a key`)
  const events = await query(drill, 'select id from events')
  for (const { id } of events) {
    const copies = drill.receiver.received.filter(({ headers }) => headers['webhook-id'] === id)
    assert.ok(copies.length > 0, `${words}: event ${id} was never received`)
    assert.equal(new Set(copies.map(({ text }) => text)).size, 1, `${words}: event ${id} came in two forms`)
  }
  const told = drill.receiver.received.filter(({ body }) => body.event === 'payment.completed.successfully')
  assert.deepEqual(new Set(told.map(({ body }) => body.data.ref)), new Set(kept.map((row) => row.request)), words)
  return kept.length
}

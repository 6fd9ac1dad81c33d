import assert from 'node:assert/strict'
import pg from 'pg'
import { boundary } from '../src/domain/subscriptions/periods.ts'
import { dayMs, hourMs, minuteMs } from '../src/platform/clock.ts'
import { freePort } from '../test/support/postgres.ts'
import { openWorld, type Started, type World } from '../test/support/process.ts'
import { startReceiver } from '../test/support/receiver.ts'
import { type Body, call } from '../test/support/server.ts'
import { until } from '../test/support/wait.ts'
import { seeded } from './random.ts'

/**
 * Renewals by worker processes that are killed: many due at once, and ten years with downtime. Afterwards each period
 * is billed exactly once: numbers without gaps, each beginning where the one before it ended, one successful payment
 * each, and the sandbox's ledger holds these charges and no other (I3, I7, I12).
 */

interface Stage {
  world: World
  query: (text: string, values?: unknown[]) => Promise<Body[]>
  api: (method: string, path: string, body?: unknown) => Promise<Body>
  /** The customer and the saved card that everything is charged to. */
  customer: string
  method: string
  close: () => Promise<void>
}

async function openStage(): Promise<Stage> {
  const world = await openWorld('postgres')
  const client = new pg.Pool({ connectionString: world.databaseUrl ?? '', max: 2 })
  try {
    const server = await startRole(world, 'api')
    const keys = await world.connect(server.url)
    const api = async (method: string, path: string, body?: unknown) => {
      const answer = await call(server.url, method, path, body, { authentication: `Bearer ${keys.test.secret_key}` })
      assert.ok(answer.status < 300, answer.text)
      return answer.body.data
    }
    const wish = { customer_email: 'renews@example.com', payment_channel: 'paystack' }
    const { payment_request: opened } = await api('POST', '/v1/payment-requests/save-payment-method', wish)
    const paid = { channel: 'paystack', reference: opened.last_transaction.ref, outcome: 'success' }
    await world.control('POST', '/pay', paid)
    await api('PATCH', `/v1/payment-requests/${opened.ref}/verify`)
    const customer = opened.customer.uuid
    const methods = await api('GET', `/v1/customers/${customer}/payment-methods`)
    return {
      world,
      query: async (text, values) => (await client.query(text, values)).rows,
      api,
      customer,
      method: methods.payment_methods.data[0].uuid,
      close: async () => {
        await client.end()
        await world.close()
      },
    }
  } catch (error) {
    await client.end()
    await world.close()
    throw error
  }
}

const startRole = async (world: World, role: 'api' | 'worker'): Promise<Started> => {
  const port = String(await freePort())
  // What the provider is told to call is nobody: renewals are asked for, and found, by the workers alone.
  return await world.start(role, { PORT: port, BASE_URL: `http://127.0.0.1:${port}` })
}

async function startTrial(stage: Stage, plan: Record<string, unknown>): Promise<Body> {
  const made = await stage.api('POST', '/v1/subscription-plans', plan)
  return await stage.api('POST', '/v1/subscriptions', {
    customer_uuid: stage.customer,
    subscription_plan_uuid: made.uuid,
    payment_method_uuid: stage.method,
    is_trial: 1,
  })
}

/** Each subscription's periods as they should be, and the ledger's charges one to one with them. */
async function assertBilledOnce(stage: Stage): Promise<number> {
  const wrong = await stage.query(`select p.subscription_id, p.number, p.status, r.status as request,
      (select count(*)::int from transactions t where t.payment_request_id = r.id and t.status = 'successful') as paid
    from subscription_periods p join payment_requests r on r.id = p.payment_request_id
    left join subscription_periods before on before.subscription_id = p.subscription_id and before.number = p.number - 1
    where p.status <> 'paid' or r.status <> 'successful' or r.subscription_id <> p.subscription_id
      or (p.number > 1 and before.ends_at is distinct from p.starts_at)
      or 1 <> (select count(*) from transactions t where t.payment_request_id = r.id and t.status = 'successful')`)
  assert.deepEqual(wrong, [])
  const ours = await stage.query(`select t.ref from subscription_periods p
    join transactions t on t.payment_request_id = p.payment_request_id and t.status = 'successful'`)
  const ledger = (await stage.world.control('GET', '/ledger')).body as Body[]
  const saving =
    await stage.query(`select t.ref from transactions t join payment_requests r on r.id = t.payment_request_id
    where r.intent = 'save_payment_method'`)
  const charged = ledger.filter((row) => row.kind === 'charge' && row.status === 'success').map((row) => row.reference)
  const expected = [...ours, ...saving].map((row) => row.ref)
  assert.deepEqual([...charged].sort(), [...expected].sort())
  assert.equal(new Set(expected).size, expected.length)
  return ours.length
}

export interface AtOnce {
  renewals: number
  seconds: number
  /** From an event of something else, made while the renewals were worked off, to its webhook; milliseconds. */
  webhookP50Ms: number
  webhookMaxMs: number
}

/** Longer than a killed worker holds a delivery. */
const probeMaxMs = 150_000

/** Cancels one payment request after the other, and notes how long each takes to be told. `stop` gives the times, sorted. */
async function probeWebhooks(stage: Stage): Promise<{ stop: () => Promise<number[]> }> {
  const receiver = await startReceiver()
  await stage.api('POST', '/v1/webhook-endpoints', { url: receiver.url, events: ['payment.cancelled'] })
  const times: number[] = []
  let stopped = false
  const once = async () => {
    const wish = { customer_email: 'else@example.com', amount: 5000, payment_channel: 'paystack' }
    const { payment_request: made } = await stage.api('POST', '/v1/payment-requests', wish)
    const startedAt = Date.now()
    await stage.api('PATCH', `/v1/payment-requests/${made.ref}/cancel`)
    await until('its webhook', () => receiver.received.some((one) => one.body.data.ref === made.ref), probeMaxMs)
    times.push(Date.now() - startedAt)
  }
  const run = async () => {
    while (!stopped) await once()
  }
  const running = run()
  // A failure is thrown where it is waited for.
  running.catch(() => {})
  return {
    stop: async () => {
      stopped = true
      await running.finally(() => receiver.close())
      return times.sort((a, b) => a - b)
    },
  }
}

/** Nothing more comes for now when nothing has come for so long. */
const restMs = 15_000

/** Until all are paid, or no more come for a while; gives the time of the last. */
async function untilAtRest(paid: () => Promise<number>, count: number): Promise<number> {
  let [last, at] = [-1, Date.now()]
  const isAtRest = async () => {
    const now = await paid()
    if (now !== last) [last, at] = [now, Date.now()]
    return now === count || Date.now() - at > restMs
  }
  await until('the renewals to come to rest', isAtRest, 1_800_000)
  return at
}

/** `count` renewals due at the same moment, two workers, one of them killed when a third is done. */
export async function proveAtOnce(count: number, tell: (line: string) => void = () => {}): Promise<AtOnce> {
  const stage = await openStage()
  try {
    await startTrial(stage, { name: 'The first', interval: 'monthly', amount: 5000, send_subscription_mails: 0 })
    await stage.query(
      `insert into subscription_plans select (jsonb_populate_record(p, jsonb_build_object('id', gen_random_uuid(),
         'name', 'Copy ' || n, 'link_id', lpad(to_hex(n), 8, '0')))).*
       from subscription_plans p, generate_series(2, $1::int) n`,
      [count],
    )
    await stage.query(`insert into subscriptions select (jsonb_populate_record(s, jsonb_build_object('id',
        gen_random_uuid(), 'subscription_plan_id', p.id))).*
      from subscriptions s, subscription_plans p where p.name like 'Copy %'`)
    await stage.query(`update subscriptions set anchor_at = now(), next_due_at = now(), trial_ends_at = now(),
      current_period_start = now() - interval '30 days', current_period_end = now(), remind_at = null`)
    const paid = async () =>
      (await stage.query(`select count(*)::int as n from subscription_periods where status = 'paid'`))[0].n
    const probe = await probeWebhooks(stage)
    const startedAt = Date.now()
    const workers = await Promise.all([startRole(stage.world, 'worker'), startRole(stage.world, 'worker')])
    await until('a third to be paid', async () => (await paid()) >= count / 3, 600_000)
    await workers[0]?.kill()
    tell(`renewals at once: one of two workers killed after ${await paid()} of ${count}`)
    // What it held is let go by its leases; a third worker comes when they have ended.
    stage.world.later(3 * minuteMs)
    let third = await startRole(stage.world, 'worker')
    const seconds = ((await untilAtRest(paid, count)) - startedAt) / 1000
    const times = await probe.stop()
    assert.ok(times.length > 0, 'no webhook of anything else was waited for')
    // What the killed worker never sent is known after a quarter of an hour, and tried again an hour later.
    for (let looks = 1; (await paid()) < count; looks += 1) {
      assert.ok(looks < looksMax, `still not billed: ${JSON.stringify(await openAt(stage, new Date()))}`)
      tell(`renewals at once: ${count - (await paid())} were never sent by the killed worker; two hours later`)
      await third.kill()
      stage.world.later(2 * hourMs)
      third = await startRole(stage.world, 'worker')
      await untilAtRest(paid, count)
    }
    assert.equal(await assertBilledOnce(stage), count)
    assert.equal((await stage.query(`select 1 from subscriptions where status <> 'active'`)).length, 0)
    const [webhookP50Ms, webhookMaxMs] = [times[Math.floor(times.length / 2)] ?? 0, times.at(-1) ?? 0]
    return { renewals: count, seconds, webhookP50Ms, webhookMaxMs }
  } finally {
    await stage.close()
  }
}

const places = ['Africa/Lagos', 'America/New_York']

/** Plans and the day on which their first period begins. */
function* schedules(): Generator<[plan: Record<string, unknown>, firstAt: string]> {
  for (const day of ['2026-12-28', '2026-12-29', '2026-12-30', '2026-12-31']) {
    for (const time_zone of places) yield [{ interval: 'monthly', billing_calendar: 'calendar', time_zone }, day]
    yield [{ interval: 'monthly' }, day]
  }
  for (const time_zone of places)
    yield [{ interval: 'annually', billing_calendar: 'calendar', time_zone }, '2028-02-29']
}

export interface Years {
  periods: number
  kills: number
}

/** Times that a last worker comes, two hours apart. */
const looksMax = 8

/** What fell due until then and is not billed, and how its newest attempt stands. */
const openAt = (stage: Stage, at: Date): Promise<Body[]> =>
  stage.query(
    `select s.id, s.status, s.next_due_at, s.current_period_end, p.number, p.refusals, r.status as request, t.status as attempt,
       t.reason
     from subscriptions s
     left join subscription_periods p on p.subscription_id = s.id and p.status = 'open'
     left join payment_requests r on r.id = p.payment_request_id
     left join lateral (select * from transactions where payment_request_id = r.id order by id desc limit 1) t on true
     where (s.status not in ('cancelled', 'expired') and s.current_period_end <= $1) or p.id is not null`,
    [at],
  )

/**
 * `days` of billing by workers that are killed at a random moment and come back after up to `awayDays` days, 40 at the
 * least once. The clock of each worker is ahead by what has passed.
 */
export async function proveYears(seed: number, days: number, awayDays: number): Promise<Years> {
  const random = seeded(seed)
  const stage = await openStage()
  let passed = 0
  let kills = 0
  const away = (atLeast = 1) => {
    const went = Math.max(atLeast, 1 + random.below(awayDays))
    stage.world.later(went * dayMs)
    passed += went
  }
  try {
    for (const [plan, firstAt] of schedules()) {
      const name = JSON.stringify([plan, firstAt])
      const { uuid } = await startTrial(stage, { amount: 5000, send_subscription_mails: 0, ...plan, name })
      await stage.query(
        `update subscriptions set anchor_at = $2, next_due_at = $2, trial_ends_at = $2, current_period_end = $2,
           remind_at = null where id = $1`,
        [uuid, `${firstAt}T22:30:00Z`],
      )
    }
    // The sandbox's cards expire before.
    await stage.query('update payment_methods set exp_year = null')
    away(40)
    while (passed < days) {
      const worker = await startRole(stage.world, 'worker')
      await new Promise((resolve) => setTimeout(resolve, random.below(2_500)))
      await worker.kill()
      kills += 1
      away()
    }
    const nowAt = () => new Date(Date.now() + passed * dayMs)
    // A charge that a killed worker never sent is tried again an hour after that is known: so more than one look.
    for (let looks = 1; ; looks += 1) {
      const worker = await startRole(stage.world, 'worker')
      const left = await until('everything that fell due to be billed', async () => {
        return (await openAt(stage, nowAt())).length === 0
      }).then(
        () => [],
        () => openAt(stage, nowAt()),
      )
      if (left.length === 0) break
      assert.ok(looks < looksMax, `seed ${seed}: still not billed: ${JSON.stringify(left)}`)
      await worker.kill()
      stage.world.later(2 * hourMs)
      passed += 2 / 24
    }
    return { periods: await assertYears(stage, nowAt(), seed), kills }
  } finally {
    await stage.close()
  }
}

async function assertYears(stage: Stage, now: Date, seed: number): Promise<number> {
  const rows = await stage.query(`select s.id, s.interval, s.interval_count, s.billing_calendar,
      s.time_zone, s.status, s.trial_ends_at, array_agg(p.starts_at order by p.number) as starts
    from subscriptions s left join subscription_periods p on p.subscription_id = s.id group by s.id`)
  for (const row of rows) {
    const terms = {
      interval: row.interval,
      intervalCount: row.interval_count,
      billingCalendar: row.billing_calendar,
      timeZone: row.time_zone,
    }
    assert.ok(['active', 'trialing'].includes(row.status), `seed ${seed}: ${row.status}`)
    const expected: string[] = []
    for (let nth = 0; boundary(row.trial_ends_at, terms, nth) <= now; nth += 1) {
      expected.push(boundary(row.trial_ends_at, terms, nth).toISOString())
    }
    const starts = row.starts.filter((one: Date | null) => one !== null).map((one: Date) => one.toISOString())
    assert.deepEqual(starts, expected, `seed ${seed}: ${row.interval} ${row.billing_calendar} ${row.time_zone}`)
  }
  return await assertBilledOnce(stage)
}

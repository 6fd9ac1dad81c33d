import { freePort } from '../test/support/postgres.ts'
import { median, percentile, pooled, ratioOf } from './arithmetic.ts'
import type { FlowJob, FlowResult, PayJob } from './flow.ts'
import type { LoadJob, LoadResult } from './load.ts'
import { type Hand, type Running, startHand, startProgram } from './processes.ts'
import { atLeast, below, type Report, type Row } from './report.ts'
import { residentMb, saturating, type Usage, type Watched, watch } from './resources.ts'
import { type Bench, connections, poolSize } from './setup.ts'
import { storeRequests } from './store.ts'
import { createSubjects, listSubjects, type SubjectName, type Target } from './subjects.ts'

/** The measurements, in the order in which they run. Each adds its rows to the report. */

export interface Size {
  /** Before the rounds: cold code runs ten times slower, and only what has run some thousand times is compiled. */
  warmUpSeconds: number
  rounds: number
  roundSeconds: number
  /** Of a measurement that is no round. */
  seconds: number
  /** Of one kind of list. */
  listSeconds: number
  stored: number
  flow: { warmUpSeconds: number; ratePerSecond: number; seconds: number }
  starts: number
}

export interface Run {
  bench: Bench
  size: Size
  report: Report
  load: Hand<LoadJob, LoadResult>
  /** Says how far the phase is, on its one line. */
  say: (words: string) => void
  /** Number of the next request. */
  next: number
}

/** Rate of the latency measurements: the design's for "what we add", well below what saturates. */
const calmPerSecond = 100
/** Whole payments a second that any machine keeps. */
const calmFlowPerSecond = 10

const add = (run: Run, phase: string, rows: Omit<Row, 'phase'>[]) =>
  run.report.rows.push(...rows.map((row) => ({ phase, ...row })))

const watched = (run: Run, more: Watched[]): Watched[] => [
  ...more,
  ...run.bench.postgres,
  { name: 'load', pid: run.load.pid },
]

interface Asked {
  connections?: number
  seconds: number
  ratePerSecond?: number
  target?: Target
}

/** One load; whatever was no 2xx is noted as broken. */
async function offer(run: Run, subject: SubjectName, asked: Asked): Promise<LoadResult> {
  const { ratePerSecond, seconds } = asked
  const job: LoadJob = {
    target: asked.target ?? run.bench.target,
    subject,
    connections: asked.connections ?? connections,
    seconds,
    ...(ratePerSecond && { ratePerSecond }),
    first: run.next,
  }
  const result = await run.load.run(job, seconds * 1000 + 60_000)
  run.next += result.requests + 1_000
  noteFailures(run, subject, result)
  return result
}

function noteFailures(run: Run, what: string, result: Pick<LoadResult, 'failures' | 'firstFailure'>): void {
  const failures = Object.entries(result.failures).map(([kind, times]) => `${times} × ${kind}`)
  if (failures.length > 0) run.report.broken.push(`${what}: ${failures.join(', ')}; first: ${result.firstFailure}`)
}

const perSecond = (result: LoadResult): number => result.requests / result.seconds
const p = (results: LoadResult[], share: number): number => percentile(pooled(results), share)

/** Creates against the floor, in turns. */
export async function measureCreates(run: Run, server: Running): Promise<void> {
  for (const { name, title } of createSubjects) {
    run.say('warming up')
    const { answerBytes } = await offer(run, name, { seconds: run.size.warmUpSeconds })
    const floorPort = await freePort()
    const floorUrl = `http://127.0.0.1:${floorPort}`
    const floor = await startProgram({
      name: 'the floor',
      file: 'bench/floor.ts',
      args: [String(floorPort), run.bench.databaseUrl, String(poolSize), String(answerBytes)],
      env: {},
      readyUrl: floorUrl,
    })
    try {
      const target = { ...run.bench.target, url: floorUrl }
      await offer(run, 'floor', { seconds: run.size.warmUpSeconds / 2, target })
      await measureInTurns(run, { name, title, target }, server, floor)
    } finally {
      await floor.stop()
    }
    await measureCalm(run, name)
  }
}

interface Turns {
  name: SubjectName
  title: string
  /** The floor's. */
  target: Target
}

/** One round of one side. */
interface Round {
  result: LoadResult
  usage: Usage
  trips: number
}

async function playRound(run: Run, subject: SubjectName, asked: Asked, process: Watched): Promise<Round> {
  const before = await sqlRoundTrips(run)
  const end = watch(watched(run, [process]))
  const result = await offer(run, subject, asked)
  const usage = end()
  return { result, usage, trips: (await sqlRoundTrips(run)) - before }
}

async function measureInTurns(run: Run, { name, title, target }: Turns, server: Running, floor: Running) {
  const { rounds, roundSeconds: seconds } = run.size
  const ours: Round[] = []
  const floors: Round[] = []
  for (let round = 1; round <= rounds; round += 1) {
    run.say(`round ${round} of ${rounds}`)
    floors.push(await playRound(run, 'floor', { seconds, target }, { name: 'floor', pid: floor.pid }))
    ours.push(await playRound(run, name, { seconds }, { name: 'server', pid: server.pid }))
  }
  const phase = `create (${title})`
  addRates(run, phase, ours, floors)
  addCosts(run, phase, ours, floors)
  run.report.saturated[phase] = saturating((ours.at(-1) as Round).usage)
  run.report.saturated.floor = saturating((floors.at(-1) as Round).usage)
}

function addRates(run: Run, phase: string, ours: Round[], floors: Round[]): void {
  const pairs = ours.map((one, round) => ({
    subject: perSecond(one.result),
    floor: perSecond((floors[round] as Round).result),
  }))
  const ratio = ratioOf(pairs)
  const percent = (value: number) => Math.round(value * 100)
  const beside = (share: number) => `floor ${p(floors.map(resultOf), share).toFixed(1)}`
  add(run, phase, [
    {
      what: `of the floor, ${connections} connections`,
      value: ratio.value * 100,
      unit: '%',
      bar: atLeast(40, '%'),
      note: `rounds ${percent(ratio.least)}–${percent(ratio.greatest)} %`,
    },
    { what: 'rate', value: median(pairs.map((pair) => pair.subject)), unit: '/s' },
    { what: "the floor's rate", value: median(pairs.map((pair) => pair.floor)), unit: '/s' },
    { what: 'p50', value: p(ours.map(resultOf), 0.5), unit: 'ms', note: beside(0.5) },
    { what: 'p99', value: p(ours.map(resultOf), 0.99), unit: 'ms', bar: below(30, 'ms'), note: beside(0.99) },
  ])
}

/** Processor time a request hardly depends on what else the machine does: the number to compare between runs. */
function addCosts(run: Run, phase: string, ours: Round[], floors: Round[]): void {
  const cost = (rounds: Round[], name: string) => {
    const seconds = rounds.reduce((sum, { usage }) => sum + (usage.shares[name] ?? Number.NaN) * usage.seconds, 0)
    return (seconds * 1000) / requestsOf(rounds)
  }
  const trips = ours.reduce((sum, one) => sum + one.trips, 0)
  const floorCosts = [cost(floors, 'floor'), cost(floors, 'postgres')] as const
  add(run, phase, [
    { what: 'SQL round trips', value: trips / requestsOf(ours), unit: 'each' },
    { what: 'server CPU', value: cost(ours, 'server'), unit: 'ms each', note: `floor ${floorCosts[0].toFixed(2)}` },
    {
      what: 'PostgreSQL CPU',
      value: cost(ours, 'postgres'),
      unit: 'ms each',
      note: `floor ${floorCosts[1].toFixed(2)}`,
    },
  ])
}

const resultOf = (round: Round): LoadResult => round.result
const requestsOf = (rounds: Round[]): number => rounds.reduce((sum, { result }) => sum + result.requests, 0)

/** What we add to a provider's call: its answer takes no time, so all of it is ours. */
async function measureCalm(run: Run, name: SubjectName): Promise<void> {
  run.say(`${calmPerSecond} a second`)
  const calm = await offer(run, name, { seconds: run.size.seconds, ratePerSecond: calmPerSecond })
  add(run, `added to a provider's call at ${calmPerSecond}/s`, [
    { what: 'p50', value: p([calm], 0.5), unit: 'ms' },
    { what: 'p99', value: p([calm], 0.99), unit: 'ms', bar: below(15, 'ms') },
  ])
}

/** The counter `sql_round_trips_total`. */
async function sqlRoundTrips(run: Run): Promise<number> {
  const text = await (await fetch(`${run.bench.target.url}/metrics`)).text()
  return Number(/^sql_round_trips_total (\d+)/m.exec(text)?.[1])
}

export async function store(run: Run): Promise<void> {
  const { databaseUrl, businessId, target } = run.bench
  const { stored } = run.size
  const onProgress = (count: number) => run.say(`${count} of ${stored}`)
  target.customerIds = await storeRequests({ url: databaseUrl, businessId, count: stored, onProgress })
  target.stored = stored
}

export async function measureReads(run: Run, server: Running): Promise<void> {
  const phase = `retrieve-by-ref of ${run.bench.target.stored}`
  await measureCalmAndFlatOut(run, 'retrieve', { phase, bar: below(10, 'ms'), server })
  for (const name of listSubjects) {
    run.say(name)
    // Two connections, flat out: the time of the query itself, not of a queue before it.
    const end = watch(watched(run, [{ name: 'server', pid: server.pid }]))
    const result = await offer(run, name, { seconds: run.size.listSeconds, connections: 2 })
    run.report.saturated[name] = saturating(end())
    const note = `p50 ${percentile(result.latenciesMs, 0.5).toFixed(1)}, ${result.requests} requests, 2 connections`
    add(run, name, [{ what: 'page 1, p99', value: p([result], 0.99), unit: 'ms', bar: below(50, 'ms'), note }])
  }
}

export const measureHooks = (run: Run, server: Running) =>
  measureCalmAndFlatOut(run, 'hook', { phase: 'provider webhook acknowledged', bar: below(20, 'ms'), server })

interface Measured {
  phase: string
  bar: Row['bar'] & object
  server: Running
}

/** The latency at a calm rate has the bar; the rate at 16 connections is told beside it. */
async function measureCalmAndFlatOut(run: Run, name: SubjectName, { phase, bar, server }: Measured): Promise<void> {
  await offer(run, name, { seconds: 1 })
  run.say(`${calmPerSecond} a second`)
  const calm = await offer(run, name, { seconds: run.size.seconds, ratePerSecond: calmPerSecond })
  run.say('flat out')
  const end = watch(watched(run, [{ name: 'server', pid: server.pid }]))
  const flatOut = await offer(run, name, { seconds: run.size.seconds })
  run.report.saturated[phase] = saturating(end())
  add(run, phase, [
    { what: `p50 at ${calmPerSecond}/s`, value: p([calm], 0.5), unit: 'ms' },
    { what: `p99 at ${calmPerSecond}/s`, value: p([calm], 0.99), unit: 'ms', bar },
    { what: `p99, ${connections} connections flat out`, value: p([flatOut], 0.99), unit: 'ms' },
    { what: 'rate', value: perSecond(flatOut), unit: '/s' },
  ])
}

export function measureMemory(run: Run, server: Running, atStartMb: number): void {
  add(run, 'server', [
    {
      what: 'memory after the load',
      value: residentMb(server.pid),
      unit: 'MB',
      bar: below(200, 'MB'),
      note: `${atStartMb.toFixed(0)} at its start`,
    },
  ])
}

/** With everything stored. Leaves no server running. */
export async function measureStarts(run: Run): Promise<void> {
  const times: number[] = []
  for (let count = 1; count <= run.size.starts; count += 1) {
    run.say(`start ${count} of ${run.size.starts}`)
    const server = await run.bench.startServer()
    times.push(server.startedMs)
    await server.stop()
  }
  const note = times.map((ms) => (ms / 1000).toFixed(2)).join(', ')
  add(run, 'server', [
    { what: 'start with an existing database', value: median(times) / 1000, unit: 's', bar: below(2, 's'), note },
  ])
}

/** Whole payments at a provider that takes its time: API and worker each in a process of their own. */
export async function measurePayments(run: Run): Promise<void> {
  const { bench } = run
  const { ratePerSecond, seconds } = run.size.flow
  const started: { stop(): Promise<void> }[] = []
  const keep = <T extends { stop(): Promise<void> }>(one: T): T => {
    started.unshift(one)
    return one
  }
  try {
    const hand = keep(startHand<FlowJob, FlowResult>('bench/flow.ts'))
    const sandboxUrl = `http://127.0.0.1:${bench.sandboxPort}`
    const hookUrl = bench.target.url + bench.target.hookPath
    const args = [String(bench.sandboxPort), bench.target.channelSecret, hookUrl]
    const sandbox = keep(
      await startProgram({ name: 'the sandbox', file: 'bench/sandbox.ts', args, env: {}, readyUrl: sandboxUrl }),
    )
    const env = { PAYSTACK_API_URL: `${sandboxUrl}/sandbox/paystack` }
    const server = keep(await bench.startServer(env))
    const worker = keep(await startWorker(bench, env))
    const { webhookUrl } = await hand.run({ kind: 'listen' }, 10_000)
    await receiveWebhooks(bench, webhookUrl)
    // A worker has no address to ask; the first payments that come through say that all are up, and warm.
    run.say('warming up')
    const calm: PayJob = {
      kind: 'pay',
      ...{ target: bench.target, sandboxUrl },
      ...{ ratePerSecond: calmFlowPerSecond, seconds: run.size.flow.warmUpSeconds, first: run.next },
    }
    noteFailures(run, 'the first whole payments', await hand.run(calm, calm.seconds * 1000 + 60_000))
    run.next += calmFlowPerSecond * calm.seconds
    run.say(`${ratePerSecond} a second for ${seconds} s`)
    const end = watch([
      ...[server, worker, sandbox].map(({ pid }, index) => ({
        name: ['server', 'worker', 'sandbox'][index] ?? '',
        pid,
      })),
      ...bench.postgres,
      { name: 'merchant', pid: hand.pid },
    ])
    const job: PayJob = { kind: 'pay', target: bench.target, sandboxUrl, ratePerSecond, seconds, first: run.next }
    const result = await hand.run(job, seconds * 1000 + 90_000)
    addPayments(run, result, saturating(end()))
  } finally {
    for (const one of started) await one.stop()
  }
}

function addPayments(run: Run, result: FlowResult, used: string): void {
  const { ratePerSecond } = run.size.flow
  const phase = `whole payments, ${ratePerSecond}/s offered`
  noteFailures(run, phase, result)
  run.report.saturated[phase] = used
  // A smaller offer cannot show the bar's 300/s; it shows whether what was offered is kept.
  const kept = (result.completed / result.offered) * 100
  add(run, phase, [
    {
      what: 'kept, from create to webhook out',
      value: result.perSecond,
      unit: '/s',
      ...(ratePerSecond >= 300 && { bar: atLeast(300, '/s') }),
      note: `${result.completed} of ${result.offered} (${kept.toFixed(1)} %)`,
    },
    { what: 'create p99', value: percentile(result.createMs, 0.99), unit: 'ms' },
    { what: 'create to webhook out, p50', value: percentile(result.wholeMs, 0.5), unit: 'ms' },
    { what: 'create to webhook out, p99', value: percentile(result.wholeMs, 0.99), unit: 'ms' },
  ])
}

async function startWorker(bench: Bench, env: Record<string, string>): Promise<Running> {
  const args = ['start', '--role', 'worker']
  return await startProgram({ name: 'the worker', file: 'src/cli/main.ts', args, env: bench.env(env) })
}

async function receiveWebhooks(bench: Bench, webhookUrl: string): Promise<void> {
  const answer = await fetch(`${bench.target.url}/v1/business`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json', authentication: `Bearer ${bench.target.secretKey}` },
    body: JSON.stringify({ webhook_url: webhookUrl, enabled_webhooks: true }),
  })
  if (!answer.ok) throw new Error(`the webhook address was not taken: ${answer.status} ${await answer.text()}`)
}

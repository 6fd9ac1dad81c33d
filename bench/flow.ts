import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Pool } from 'undici'
import { serveJobs } from './processes.ts'
import { subjects, type Target } from './subjects.ts'

/**
 * Whole payments, from a process of its own: the merchant who creates, the payer who pays at the sandbox, and the
 * merchant's server that is told by webhook.
 */

export interface PayJob {
  kind: 'pay'
  target: Target
  sandboxUrl: string
  ratePerSecond: number
  seconds: number
  first: number
}

export type FlowJob = { kind: 'listen' } | PayJob

export interface FlowResult {
  /** Where this process takes webhooks. */
  webhookUrl: string
  offered: number
  /** Those whose webhook arrived. */
  completed: number
  /** Webhooks a second, from the first to the last. */
  perSecond: number
  /** From sending the create to the webhook. */
  wholeMs: Float64Array
  createMs: Float64Array
  failures: Record<string, number>
  firstFailure: string | null
}

/** After the last create this long for what is still under way. */
const graceMs = 30_000
/** Offered creates wait for the provider; above this many at once they wait for a connection, and the wait counts. */
const connections = 256

const startedAtOf = new Map<string, number>()
/** When webhooks came, and how long each payment had taken by then. */
const arrivals: { at: number; wholeMs: number }[] = []

const receiver = createServer((request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk) => chunks.push(chunk))
  request.on('end', () => {
    response.end('ok')
    const { event, data } = JSON.parse(Buffer.concat(chunks).toString('utf8')) as {
      event: string
      data: { ref: string }
    }
    const startedAt = startedAtOf.get(data.ref)
    if (event !== 'payment.completed.successfully' || startedAt === undefined) return
    startedAtOf.delete(data.ref)
    const at = performance.now()
    arrivals.push({ at, wholeMs: at - startedAt })
  })
})
receiver.keepAliveTimeout = 60_000
await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve))
const webhookUrl = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`

const nothing: FlowResult = {
  webhookUrl,
  offered: 0,
  completed: 0,
  perSecond: 0,
  wholeMs: new Float64Array(),
  createMs: new Float64Array(),
  failures: {},
  firstFailure: null,
}
let result = nothing

function fail(what: string, words: string): void {
  result.failures[what] = (result.failures[what] ?? 0) + 1
  result.firstFailure ??= words.slice(0, 500)
}

async function post(pool: Pool, path: string, headers: Record<string, string>, body: string) {
  try {
    const answer = await pool.request({ method: 'POST', path, headers, body })
    const text = await answer.body.text()
    if (answer.statusCode >= 200 && answer.statusCode <= 299) return JSON.parse(text)
    fail(`${answer.statusCode} ${path}`, text)
  } catch (error) {
    fail(`no answer ${path}`, String(error))
  }
  return undefined
}

async function payOnce(ours: Pool, sandbox: Pool, target: Target, n: number, createMs: number[]): Promise<void> {
  const made = subjects['payment-requests'](target, n)
  const startedAt = performance.now()
  const created = await post(ours, made.path, made.headers, made.body ?? '')
  if (created === undefined) return
  createMs.push(performance.now() - startedAt)
  const { ref, last_transaction } = created.data.payment_request
  startedAtOf.set(ref, startedAt)
  const body = JSON.stringify({ channel: 'paystack', reference: last_transaction.ref, outcome: 'success' })
  await post(sandbox, '/sandbox/control/pay', { 'content-type': 'application/json' }, body)
}

/** Events a second between the first and the last of them. */
function rateOf(times: readonly number[]): number {
  const [first, last] = [times[0], times.at(-1)]
  return first === undefined || last === undefined ? Number.NaN : ((times.length - 1) * 1000) / (last - first)
}

serveJobs<FlowJob, FlowResult>(async (job) => {
  if (job.kind === 'listen') return nothing
  result = { ...nothing, failures: {} }
  arrivals.length = 0
  const ours = new Pool(job.target.url, { connections, pipelining: 1 })
  const sandbox = new Pool(job.sandboxUrl, { connections: 64, pipelining: 1 })
  const createMs: number[] = []
  const startedAt = performance.now()
  const total = Math.round(job.seconds * job.ratePerSecond)
  const paid: Promise<void>[] = []
  while (paid.length < total) {
    const due = Math.min(total, Math.ceil(((performance.now() - startedAt) / 1000) * job.ratePerSecond))
    while (paid.length < due) paid.push(payOnce(ours, sandbox, job.target, job.first + paid.length, createMs))
    await sleep(1)
  }
  await Promise.all(paid)
  const endsAt = performance.now() + graceMs
  while (startedAtOf.size > 0 && performance.now() < endsAt) await sleep(10)
  await Promise.all([ours.close(), sandbox.close()])
  if (startedAtOf.size > 0) fail('no webhook', `${startedAtOf.size} payments were not told about within ${graceMs} ms`)
  return {
    ...result,
    offered: total,
    completed: arrivals.length,
    perSecond: rateOf(arrivals.map(({ at }) => at)),
    wholeMs: Float64Array.from(arrivals, (arrival) => arrival.wholeMs),
    createMs: Float64Array.from(createMs),
  }
})

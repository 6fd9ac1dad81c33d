import { randomBytes } from 'node:crypto'
import { connect as openSocket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { findChannel, sandboxCredentials } from '../src/channels/index.ts'
import * as operations from '../src/cli/operations.ts'
import { readConfig } from '../src/config.ts'
import * as businesses from '../src/domain/businesses/service.ts'
import { commandLine } from '../src/domain/businesses/service.ts'
import { connect } from '../src/domain/payment-channels/service.ts'
import { openRuntime } from '../src/runtime.ts'
import { median } from './arithmetic.ts'
import type { Report } from './report.ts'
import { type Bench, openBench } from './setup.ts'

/**
 * What a stranger can make us do: calls to providers and statements of a bounded load, and how long an honest buyer's call
 * takes meanwhile. Each load comes twice, to a server without limits (the same code, every `LIMIT_…` out of reach) and to
 * one as it is by default.
 */

const unlimited = Object.fromEntries(
  [
    ...['RETURNS', 'RELAYS', 'WRONG_HOOKS', 'WRONG_KEYS', 'LINK_STREAMS', 'ADDRESS_STREAMS'],
    ...['CUSTOMER_ATTEMPTS', 'CUSTOMER_DECLINES', 'ADDRESS_ATTEMPTS', 'ADDRESS_DECLINES'],
  ].map((name) => [`LIMIT_${name}`, '10000000']),
)
/** Empty is the default. The honest buyers of the load are thousands, all behind one address. */
const limited = {
  ...Object.fromEntries(Object.keys(unlimited).map((name) => [name, ''])),
  LIMIT_ADDRESS_ATTEMPTS: '10000000',
}
const [longestMs, shortMs] = [600_000, 2_000]
/** Whoever is still held then is held on. */
const heldMaxMs = 6_000
const atOnce = 20

interface Shop {
  readonly secretKey: string
  readonly publicKey: string
  readonly hookPath: string
}

interface Cost {
  readonly calls: number
  readonly statements: number
  /** Median of an honest call meanwhile, against one on the idle server. */
  readonly slowdown: number
  readonly statuses: Record<string, number>
}

type Ask = (method: string, path: string, headers?: Record<string, string>, body?: object) => Promise<Answered>
interface Answered {
  readonly status: number
  readonly text: string
}

export async function measureStrangers(report: Report): Promise<void> {
  const bench = await openBench()
  try {
    const shop = await openShop(bench)
    const before = await measureServer(bench, shop, { ...unlimited, REQUEST_TIMEOUT_MS: String(longestMs) })
    const now = await measureServer(bench, shop, { ...limited, REQUEST_TIMEOUT_MS: String(shortMs) })
    for (const [name, cost] of now.costs) addRows(report, name, before.costs.get(name), cost)
    const note = `${before.dropped.count} of 200 dropped within ${heldMaxMs / 1000} s without`
    report.rows.push(
      { phase: '200 half-sent bodies', what: 'dropped', value: now.dropped.count, unit: '', note },
      { phase: '200 half-sent bodies', what: 'the last after', value: now.dropped.lastMs, unit: 'ms' },
      {
        ...{ phase: '200 half-sent bodies', what: 'honest call, times that of an idle server' },
        ...{ value: now.dropped.slowdown, unit: '×', note: `${before.dropped.slowdown.toFixed(1)} without` },
      },
    )
  } finally {
    await bench.stop()
  }
}

function addRows(report: Report, phase: string, before: Cost | undefined, now: Cost): void {
  const row = (what: string, unit: string, of: (cost: Cost) => number, digits: number) => ({
    ...{ phase, what, value: of(now), unit },
    note: `${before ? of(before).toFixed(digits) : '–'} without limits`,
  })
  const statuses = Object.entries(now.statuses).map(([status, count]) => `${count} × ${status}`)
  report.rows.push(
    { ...row('calls to providers', '', (cost) => cost.calls, 0) },
    { ...row('statements', '', (cost) => cost.statements, 0) },
    { ...row('honest call, times that of an idle server', '×', (cost) => cost.slowdown, 1) },
    {
      phase,
      what: 'let through',
      value: now.statuses['429'] ? countOf(now) - now.statuses['429'] : countOf(now),
      unit: '',
      note: statuses.join(', '),
    },
  )
}

const countOf = ({ statuses }: Cost) => Object.values(statuses).reduce((sum, count) => sum + count, 0)

/** At the emulated providers that the server mounts beside itself. */
async function openShop(bench: Bench): Promise<Shop> {
  const runtime = await openRuntime(readConfig(bench.env()))
  try {
    const { ctx } = runtime
    const businessId = await businesses.create(ctx, 'Strangers', 'NGN', businesses.commandLine)
    for (const slug of ['paystack', 'flutterwave']) {
      const fields = sandboxCredentials(findChannel(slug))
      const makeDefault = slug === 'paystack'
      await connect(ctx, { businessId, envMode: 'test', slug, fields, makeDefault, actor: commandLine })
    }
    const { test } = await operations.readKeys(ctx, businessId)
    const { hookToken } = await businesses.find(ctx, businessId, 'test')
    const hookPath = `/v1/system/hooks/${hookToken}/paystack`
    return { secretKey: test.secret_key, publicKey: test.public_key, hookPath }
  } finally {
    await runtime.close()
  }
}

async function measureServer(bench: Bench, shop: Shop, settings: Record<string, string>) {
  const { url } = bench.target
  const urls = { PAYSTACK_API_URL: `${url}/sandbox/paystack`, FLUTTERWAVE_API_URL: `${url}/sandbox/flutterwave` }
  const server = await bench.startServer({ SANDBOX: '1', ...urls, ...settings })
  try {
    const ask: Ask = async (method, path, headers = {}, body) => {
      const sent = body && { body: JSON.stringify(body) }
      const type = body && { 'content-type': 'application/json' }
      const answer = await fetch(url + path, { method, headers: { ...type, ...headers }, redirect: 'manual', ...sent })
      return { status: answer.status, text: await answer.text() }
    }
    const honest = honestBuyer(ask, shop)
    // Cold code is ten times slower.
    for (let n = 0; n < 300; n += 1) await honest()
    const idle: number[] = []
    for (let n = 0; n < 200; n += 1) idle.push(await honest())
    const costs = new Map<string, Cost>()
    for (const [name, load] of Object.entries(loadsOf(ask, shop))) {
      // Counted alone, then beside an honest buyer, whose own statements would blur it.
      const counted = await measureCost(ask, await load())
      const { count, ...more } = await load()
      const latencies = await meanwhile(run({ ...more, count: count / 2 }), honest)
      costs.set(name, { ...counted, slowdown: median(latencies) / median(idle) })
    }
    return { costs, dropped: await measureHalfSent(Number(new URL(url).port), shop, honest, median(idle)) }
  } finally {
    await server.stop()
  }
}

/** A buyer who begins to pay, each time another; behind the address of the load. Gives how long it took, ms. */
function honestBuyer(ask: Ask, { publicKey }: Shop): () => Promise<number> {
  return async () => {
    const startedAt = performance.now()
    const body = { customer_email: `${randomBytes(8).toString('hex')}@bench.example`, amount: 500, currency: 'NGN' }
    const headers = { authentication: `Bearer ${publicKey}` }
    const { status, text } = await ask('POST', '/v1/sdk/initialize-payment-request', headers, body)
    if (status !== 201) throw new Error(`an honest buyer was refused: ${status} ${text}`)
    return performance.now() - startedAt
  }
}

type Load = () => Promise<{ count: number; one: (n: number) => Promise<Answered>; isInTurn?: true }>

function loadsOf(ask: Ask, { secretKey, hookPath }: Shop): Record<string, Load> {
  const secret = { authentication: `Bearer ${secretKey}` }
  const open = async () => {
    const body = { customer_email: 'stranger@bench.example', amount: 500 }
    const { text } = await ask('POST', '/v1/payment-requests', secret, body)
    return JSON.parse(text).data.payment_request as { ref: string; last_transaction: { uuid: string } }
  }
  return {
    '200 returns of one attempt': async () => {
      const { last_transaction: attempt } = await open()
      return { count: 200, one: () => ask('GET', `/return/${attempt.uuid}`) }
    },
    '120 relays of one request': async () => {
      const { ref } = await open()
      const bodyOf = (n: number) => ({
        payment_request_ref: ref,
        payment_channel: n % 2 ? 'paystack' : 'flutterwave',
      })
      return { count: 120, isInTurn: true, one: (n) => ask('POST', '/v1/payment-requests/relay', secret, bodyOf(n)) }
    },
    '300 wrong keys': async () => ({
      count: 300,
      one: () => {
        const authentication = `Bearer async_skt_${randomBytes(30).toString('hex')}`
        return ask('GET', '/v1/business', { authentication })
      },
    }),
    '200 hooks with a wrong signature': async () => ({
      count: 200,
      one: (n) => ask('POST', hookPath, { 'x-paystack-signature': 'wrong' }, { event: `wrong ${n}` }),
    }),
  }
}

async function measureCost(ask: Ask, load: Awaited<ReturnType<Load>>): Promise<Omit<Cost, 'slowdown'>> {
  const before = await readCounts(ask)
  const statuses = await run(load)
  const after = await readCounts(ask)
  return { calls: after.calls - before.calls, statements: after.statements - before.statements, statuses }
}

/** Gives how many answers had which status. */
async function run({ count, one, isInTurn }: Awaited<ReturnType<Load>>): Promise<Record<string, number>> {
  const statuses: Record<string, number> = {}
  let next = 0
  const work = async () => {
    while (next < count) {
      const { status } = await one(next++)
      statuses[status] = (statuses[status] ?? 0) + 1
    }
  }
  await Promise.all(Array.from({ length: isInTurn ? 1 : atOnce }, work))
  return statuses
}

/** Honest calls one after the other, until the load is over; at least one. */
async function meanwhile(load: Promise<unknown>, honest: () => Promise<number>): Promise<number[]> {
  let isOver = false
  const end = load.finally(() => {
    isOver = true
  })
  const latencies: number[] = []
  do latencies.push(await honest())
  while (!isOver)
  await end
  return latencies
}

async function readCounts(ask: Ask): Promise<{ calls: number; statements: number }> {
  const { text } = await ask('GET', '/metrics')
  const sumOf = (name: string) =>
    [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\d+)`, 'gm'))].reduce(
      (sum, one) => sum + Number(one[1]),
      0,
    )
  return { calls: sumOf('channel_call_duration_seconds_count'), statements: sumOf('sql_round_trips_total') }
}

async function measureHalfSent(port: number, { secretKey }: Shop, honest: () => Promise<number>, idleMs: number) {
  const startedAt = performance.now()
  const head =
    `POST /v1/customers HTTP/1.1\r\nhost: x\r\nauthentication: Bearer ${secretKey}\r\n` +
    'content-type: application/json\r\ncontent-length: 100\r\n\r\n{'
  const endedMs: number[] = []
  const sockets = Array.from({ length: 200 }, () => {
    const socket = openSocket(port, '127.0.0.1', () => socket.write(head))
    socket.on('error', () => {})
    socket.once('close', () => endedMs.push(performance.now() - startedAt))
    return socket.resume()
  })
  const held = async () => {
    while (endedMs.length < sockets.length && performance.now() - startedAt < heldMaxMs) await sleep(20)
  }
  const latencies = await meanwhile(held(), honest)
  const dropped = { count: endedMs.length, lastMs: Math.max(...endedMs), slowdown: median(latencies) / idleMs }
  for (const socket of sockets) socket.destroy()
  return dropped
}

import assert from 'node:assert/strict'
import { checkDueAttempts } from '../src/domain/attempts/jobs.ts'
import { checkDueRefunds, refundDueExcess } from '../src/domain/refunds/jobs.ts'
import {
  attemptRef,
  payAtSandbox,
  requestRef,
  startTestServer,
  type TestBusiness,
  type TestServer,
  threeChannels,
} from '../test/support/server.ts'
import { until } from '../test/support/wait.ts'
import { type Random, seeded } from './random.ts'

/**
 * Random relays between three channels, payments on any page at any time (also voided ones, also twice), declines,
 * cancellations, while provider webhooks are lost, doubled, late, shuffled and forged. Afterwards, for every request:
 * at most one counted success; every charge that the providers took is counted or excess; every excess went back;
 * the providers' ledgers and our books agree to the minor unit (I1, I5, I6, I9).
 */

const slugs = ['paystack', 'flutterwave', 'stripe'] as const
/** Each channel takes these. */
const currencies = ['NGN', 'USD', 'KES', 'XOF'] as const
const faults = [
  // Closing a page at its channel often fails: then money may still come there.
  { operation: 'void', kind: 'status', status: 503, rate: 0.4 },

  { kind: 'webhook_lost', rate: 0.15 },
  { kind: 'webhook_twice', rate: 0.2 },
  { kind: 'webhook_late', rate: 0.2, ms: 300 },
  { kind: 'webhook_shuffled', rate: 0.2, ms: 200 },
  { kind: 'webhook_forged', rate: 0.1 },
]
/** Stories told at once. */
const parallel = 8

interface Attempt {
  slug: string
  ref: string
}

export interface Proof {
  seeds: number
  charges: number
  excess: number
}

/** Runs `count` seeds from `first` on one server; throws with the seed of the first story that ends wrong. */
export async function proveRelays(
  first: number,
  count: number,
  tell: (line: string) => void = () => {},
): Promise<Proof> {
  const server = await startTestServer({ backend: 'postgres', env: { RATE_LIMIT: '10000000' } })
  try {
    const business = await threeChannels(server)
    for (const fault of faults) {
      const set = await server.call('POST', '/sandbox/control/faults', fault)
      assert.ok(set.status < 300, set.text)
    }
    const stories = new Map<string, number>()
    for (let from = first; from < first + count; from += parallel) {
      const seeds = Array.from({ length: Math.min(parallel, first + count - from) }, (_, index) => from + index)
      const refs = await Promise.all(seeds.map((seed) => story(server, business, seed)))
      for (const [index, ref] of refs.entries()) stories.set(ref, seeds[index] ?? 0)
      if ((from - first) % (parallel * 25) === 0) tell(`relays: ${from - first} of ${count} seeds`)
    }
    await settle(server)
    return await compare(server, business, stories)
  } finally {
    await server.close()
  }
}

async function story(server: TestServer, business: TestBusiness, seed: number): Promise<string> {
  const random = seeded(seed)
  const currency = random.pick(currencies)
  const created = await business.api('POST', '/v1/payment-requests', {
    customer_email: `seed${seed}@example.com`,
    // Tens, so that no amount is one of the sandbox's magic ones.
    amount: 2000 + 10 * random.below(800),
    currency,
    // Paystack closes no pages, so its breaker never opens from the faults.
    payment_channel: 'paystack',
    reference: `seed-${seed}`,
  })
  assert.equal(created.status, 201, `seed ${seed}: ${created.text}`)
  const ref = requestRef(created)
  const attempts: Attempt[] = [attemptOf(created.body.data.payment_request)]
  for (let steps = 1 + random.below(7); steps > 0; steps -= 1) await step(server, business, random, ref, attempts, seed)
  // Somebody usually pays the newest page in the end.
  const last = attempts.at(-1)
  if (last && random.chance(0.8)) await payAtSandbox(server.url, last.ref, 'success', last.slug)
  return ref
}

const attemptOf = (request: { last_transaction: { ref: string; payment_channel_slug: string } }): Attempt => ({
  slug: request.last_transaction.payment_channel_slug,
  ref: request.last_transaction.ref,
})

async function step(
  server: TestServer,
  business: TestBusiness,
  random: Random,
  ref: string,
  attempts: Attempt[],
  seed: number,
) {
  const dice = random.next()
  const any = random.pick(attempts)
  if (dice < 0.35) {
    const body = { payment_request_ref: ref, payment_channel: random.pick(slugs) }
    const relayed = await business.api('POST', '/v1/payment-requests/relay', body)
    // 503: closing pages failed so often that the channel's breaker is open; the request is kept.
    assert.ok([201, 409, 503].includes(relayed.status), `seed ${seed}: ${relayed.text}`)
    if (relayed.status === 201) attempts.push({ slug: body.payment_channel, ref: attemptRef(relayed) })
  } else if (dice < 0.66) {
    await payAtSandbox(server.url, any.ref, 'success', any.slug)
  } else if (dice < 0.8) {
    // Two pages at once.
    const other = random.pick(attempts)
    await Promise.all([any, other].map((one) => payAtSandbox(server.url, one.ref, 'success', one.slug)))
  } else if (dice < 0.89) {
    await payAtSandbox(server.url, any.ref, 'failed', any.slug)
  } else if (dice < 0.97) {
    await business.api('PATCH', `/v1/payment-requests/${ref}/verify`)
  } else {
    await business.api('PATCH', `/v1/payment-requests/${ref}/cancel`)
  }
}

/** Lets late webhooks arrive, then the janitor look at everything, until nothing is due any more. */
async function settle(server: TestServer): Promise<void> {
  await server.call('DELETE', '/sandbox/control/faults')
  for (let rounds = 0; rounds < 4; rounds += 1) {
    server.clock.advance(70 * 60 * 1000)
    while ((await checkDueAttempts(server.ctx)) > 0);
    while ((await refundDueExcess(server.ctx)) > 0);
  }
  await until(
    'every refund to end',
    async () => {
      server.clock.advance(6 * 60 * 1000)
      while ((await checkDueRefunds(server.ctx)) > 0);
      const open = `select count(*)::int as n from refunds where status in ('pending', 'unknown')`
      return (await server.ctx.database.pool.query(open)).rows[0].n === 0
    },
    60_000,
  )
}

interface OurRow {
  request: string
  request_status: string
  ref: string
  status: string
  amount_minor: bigint
  currency: string
  refund: string | null
}

async function compare(
  server: TestServer,
  business: TestBusiness,
  stories: ReadonlyMap<string, number>,
): Promise<Proof> {
  const { rows } = await server.ctx.database.pool.query<OurRow>(
    `select r.ref as request, r.status as request_status, t.ref, t.status, t.amount_minor, t.currency, f.status as refund
     from payment_requests r join transactions t on t.payment_request_id = r.id
     left join refunds f on f.transaction_id = t.id where r.business_id = $1`,
    [business.id],
  )
  const ledger = (await server.call('GET', '/sandbox/control/ledger')).body as {
    kind: string
    reference: string
    amount_minor: number
    currency: string
    status: string
  }[]
  const charged = new Map<string, (typeof ledger)[number]>()
  const refunded = new Map<string, number>()
  for (const row of ledger) {
    if (row.kind === 'charge' && row.status !== 'failed') charged.set(row.reference, row)
    if (row.kind === 'refund' && row.status === 'success') {
      refunded.set(row.reference, (refunded.get(row.reference) ?? 0) + row.amount_minor)
    }
  }
  for (const [request, seed] of stories) {
    const attempts = rows.filter((row) => row.request === request)
    checkStory(seed, attempts, charged, refunded)
  }
  const excess = rows.filter((row) => row.status === 'excess').length
  return { seeds: stories.size, charges: charged.size, excess }
}

function checkStory(
  seed: number,
  attempts: OurRow[],
  charged: ReadonlyMap<string, { amount_minor: number; currency: string }>,
  refunded: ReadonlyMap<string, number>,
): void {
  const successes = attempts.filter((one) => one.status === 'successful')
  const words = `seed ${seed}: ${JSON.stringify(attempts, (_, value) => (typeof value === 'bigint' ? Number(value) : value))}`
  assert.ok(successes.length <= 1, `more than one success, ${words}`)
  assert.equal(
    attempts[0]?.request_status === 'successful',
    successes.length === 1,
    `status and success differ, ${words}`,
  )
  for (const attempt of attempts) {
    const charge = charged.get(attempt.ref)
    const counted = attempt.status === 'successful' || attempt.status === 'excess'
    assert.equal(
      charge !== undefined,
      counted,
      `${attempt.ref} is ${attempt.status}, the ledger says ${JSON.stringify(charge)}, ${words}`,
    )
    if (charge) {
      assert.equal(BigInt(charge.amount_minor), attempt.amount_minor, words)
      assert.equal(charge.currency, attempt.currency, words)
    }
    const back = refunded.get(attempt.ref) ?? 0
    assert.equal(
      back,
      attempt.status === 'excess' ? Number(attempt.amount_minor) : 0,
      `refunds of ${attempt.ref}, ${words}`,
    )
    if (attempt.status === 'excess') assert.equal(attempt.refund, 'successful', words)
  }
}

import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { WAYS as flutterwave } from '../../sandbox/flutterwave/checkout.ts'
import { WAYS as paystack } from '../../sandbox/paystack/checkout.ts'
import { WAYS as stripe } from '../../sandbox/stripe/checkout.ts'
import { checkDueAttempts, expireDueRequests } from '../../src/domain/attempts/jobs.ts'
import { actOn } from '../../src/domain/hooks/service.ts'
import { dayMs } from '../../src/platform/clock.ts'
import { expectFailure } from '../support/expect.ts'
import { stopOwnPostgres } from '../support/postgres.ts'
import { type Body, startTestServer, type TestBusiness, type TestServer, threeChannels } from '../support/server.ts'
import { until } from '../support/wait.ts'

/**
 * Every channel × every slow way to pay that its sandbox and adapter know × who brings the news first, or tries to do
 * something else meanwhile × how it ends. The oracle is the provider's ledger: what landed is counted, once and never
 * given back; what did not is neither.
 */

const slow = { paystack: paystack.slow, flutterwave: flutterwave.slow, stripe: stripe.slow }
type Slug = keyof typeof slug
const slug = { paystack: 'flutterwave', flutterwave: 'stripe', stripe: 'paystack' } as const
const channels = Object.keys(slow) as Slug[]
const ends = ['success', 'failed'] as const
type End = (typeof ends)[number]

interface Journey {
  readonly channel: Slug
  readonly end: End
  readonly ref: string
  readonly attempt: string
  readonly attemptUuid: string
}

let server: TestServer
let business: TestBusiness

const pay = async ({ channel, attempt }: Journey, outcome: End | 'processing', method?: string) => {
  const body = { channel, reference: attempt, outcome, ...(method && { method }) }
  const paid = await server.call('POST', '/sandbox/control/pay', body)
  assert.equal(paid.status, 200, paid.text)
}
const verify = async ({ ref }: Journey): Promise<Body> => {
  const asked = await business.api('PATCH', `/v1/payment-requests/${ref}/verify`)
  assert.equal(asked.status, 200, asked.text)
  return asked.body.data.payment_request
}
const retrieve = async ({ ref }: Journey): Promise<Body> =>
  (await business.api('GET', `/v1/payment-requests/retrieve-by-ref/${ref}`)).body.data.payment_request

/** The payer has done their part on the provider's page; nobody has asked yet. */
async function begin(channel: Slug, method: string, end: End): Promise<Journey> {
  const wish = { customer_email: `${channel}-${method}@example.com`, amount: '2000', payment_channel: channel }
  const created = await business.api('POST', '/v1/payment-requests', wish)
  assert.equal(created.status, 201, created.text)
  const { ref, last_transaction: last } = created.body.data.payment_request
  const journey = { channel, end, ref, attempt: last.ref, attemptUuid: last.uuid }
  await pay(journey, 'processing', method)
  return journey
}

const hooksOf = async ({ attempt }: Journey) => {
  const { rows } = await server.ctx.database.pool.query(
    `select id, subject ->> 'claims' as claims from hook_inbox where subject ->> 'reference' = $1`,
    [attempt],
  )
  return rows as { id: string; claims: string | null }[]
}
async function actOnHooks(journey: Journey): Promise<void> {
  for (const hook of await hooksOf(journey)) await actOn(server.ctx, hook.id)
}
/** Paystack sends no webhook of what came to nothing by a slow method: there is nobody but us to ask. */
async function webhookOf(journey: Journey): Promise<void> {
  if (journey.channel === 'paystack' && journey.end === 'failed') return void (await verify(journey))
  const claims = journey.end === 'success' ? 'success' : 'failure'
  await until(`the webhook of ${journey.attempt}`, async () =>
    (await hooksOf(journey)).some((hook) => hook.claims === claims),
  )
  await actOnHooks(journey)
}

const orders: Record<string, (journey: Journey) => Promise<unknown>> = {
  'webhook first': async (journey) => {
    await pay(journey, journey.end)
    await webhookOf(journey)
  },
  'answer first': async (journey) => {
    assert.equal((await verify(journey)).last_transaction.status, 'processing')
    await pay(journey, journey.end)
    await verify(journey)
    await webhookOf(journey)
  },
  'return first': async (journey) => {
    const page = await server.call('GET', `/return/${journey.attemptUuid}`)
    assert.match(page.text, /Your payment is on its way/)
    await pay(journey, journey.end)
    await server.call('GET', `/return/${journey.attemptUuid}`)
    await webhookOf(journey)
  },
  relay: async (journey) => {
    const body = { payment_request_ref: journey.ref, payment_channel: slug[journey.channel] }
    expectFailure(await business.api('POST', '/v1/payment-requests/relay', body), { status: 409, code: '045' })
    await pay(journey, journey.end)
    await webhookOf(journey)
  },
  cancel: async (journey) => {
    const cancelled = await business.api('PATCH', `/v1/payment-requests/${journey.ref}/cancel`)
    expectFailure(cancelled, { status: 409, code: '045' })
    await pay(journey, journey.end)
    await webhookOf(journey)
  },
}

/** Whoever comes late changes nothing; then our books say what the provider's ledger says. */
async function assertSettled(journeys: readonly Journey[], unpaid: 'open' | 'expired'): Promise<void> {
  const ledger = (await server.call('GET', '/sandbox/control/ledger')).body as Body[]
  for (const journey of journeys) {
    await actOnHooks(journey)
    const request = await verify(journey)
    const landed = ledger.filter((row) => row.reference === journey.attempt && row.kind === 'charge')
    const back = ledger.filter((row) => row.reference === journey.attempt && row.kind === 'refund')
    const what = `${journey.channel} ${journey.end} ${JSON.stringify(ledger.filter((row) => row.reference === journey.attempt))}`
    const sums = landed.filter((row) => row.status === 'success').map((row) => Number(row.amount_minor))
    assert.deepEqual(sums, journey.end === 'success' ? [200_000] : [], what)
    assert.deepEqual(back, [], what)
    assert.equal(request.status, journey.end === 'success' ? 'successful' : unpaid, what)
    const { status, received_amount } = request.last_transaction
    assert.deepEqual(
      [status, received_amount],
      journey.end === 'success' ? ['successful', '2000'] : ['failed', null],
      what,
    )
  }
}

describe('slow money', () => {
  before(async () => {
    // Without a worker: the table alone decides who comes first.
    server = await startTestServer({ backend: 'postgres', role: 'api' })
    business = await threeChannels(server)
  })
  after(async () => {
    await server?.close()
    await stopOwnPostgres()
  })

  for (const channel of channels) {
    for (const method of slow[channel]) {
      test(`${channel} by ${method}: ${Object.keys(orders).join(', ')}; it lands or comes to nothing`, async () => {
        const journeys = await Promise.all(
          Object.values(orders).flatMap((walk) =>
            ends.map(async (end) => {
              const journey = await begin(channel, method, end)
              await walk(journey)
              return journey
            }),
          ),
        )
        await assertSettled(journeys, 'open')
      })
    }
  }

  // Last: time that has moved on cannot be moved back, and a webhook of Stripe would be too old then.
  test('every one of them after two days: its request is still open, and the janitor finds how it ended', async () => {
    const table = channels.flatMap((channel) =>
      slow[channel].flatMap((method) => ends.map((end) => ({ channel, method, end }))),
    )
    const journeys: Journey[] = []
    for (const { channel, method, end } of table) journeys.push(await begin(channel, method, end))
    for (const journey of journeys) await verify(journey)
    server.clock.advance(2 * dayMs)
    while ((await expireDueRequests(server.ctx)) > 0);
    for (const journey of journeys) {
      const { status, last_transaction } = await retrieve(journey)
      assert.deepEqual([status, last_transaction.status], ['open', 'processing'], journey.channel)
      await pay(journey, journey.end)
    }
    server.clock.advance(dayMs)
    while ((await checkDueAttempts(server.ctx)) > 0);
    while ((await expireDueRequests(server.ctx)) > 0);
    await assertSettled(journeys, 'expired')
  })
})

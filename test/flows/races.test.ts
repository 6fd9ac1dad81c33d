import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { checkDueAttempts, expireDueRequests } from '../../src/domain/attempts/jobs.ts'
import { actOnDue } from '../../src/domain/hooks/service.ts'
import { listAccounts } from '../../src/domain/payment-channels/service.ts'
import { hourMs, secondMs } from '../../src/platform/clock.ts'
import { brokenConstraint, sql } from '../../src/platform/db.ts'
import { stopOwnPostgres } from '../support/postgres.ts'
import { type Receiver, startReceiver } from '../support/receiver.ts'
import {
  type Answer,
  attemptRef,
  type Backend,
  type Body,
  payAtSandbox,
  requestRef,
  startTestServer,
  type TestBusiness,
  type TestServer,
} from '../support/server.ts'
import { until } from '../support/wait.ts'

/** Everybody who may bring an outcome, at once and in every order. */

const paidLines = ['Payment initiated', 'Asyncpay relayed payment to Paystack', 'Paystack confirmed the payment']

/** One server and business, whose provider webhooks come only from the test. */
async function open(backend: Backend, role: 'all' | 'api') {
  const server = await startTestServer({ backend, role })
  const business = await server.business()
  const receiver = await startReceiver()
  await business.api('PUT', '/v1/business', { webhook_url: receiver.url, enabled_webhooks: 1 })
  const [account] = await listAccounts(server.ctx, { businessId: business.id, envMode: 'test' })
  assert.ok(account)
  const { secret_key: secretKey } = account.credentials as { secret_key: string }
  server.server.sandbox?.setAccount({ channel: 'paystack', secretKey, webhookUrl: null })
  const { hook_token } = await server.ctx.db
    .selectFrom('business_modes')
    .select('hook_token')
    .where('business_id', '=', business.id)
    .where('env_mode', '=', 'test')
    .executeTakeFirstOrThrow()
  return { server, business, receiver, secretKey, hookPath: `/v1/system/hooks/${hook_token}/paystack` }
}
type Stage = Awaited<ReturnType<typeof open>>

const close = async ({ server, receiver }: Stage) => {
  await receiver.close()
  await server.close()
  await stopOwnPostgres()
}

async function initiate({ business }: Stage): Promise<Answer> {
  const created = await business.api('POST', '/v1/payment-requests', { customer_email: 'a@example.com', amount: 250 })
  assert.equal(created.status, 201, created.text)
  return created
}

/** What the provider says of a success, rightly signed; `id` tells one event from another. */
function successWebhook({ server, secretKey, hookPath }: Stage, reference: string, id: number): Promise<Answer> {
  const body = JSON.stringify({ event: 'charge.success', data: { id, reference, status: 'success', amount: 25_000 } })
  const signature = createHmac('sha512', secretKey).update(body).digest('hex')
  return server.call('POST', hookPath, body, { 'x-paystack-signature': signature })
}

const uuidOf = (created: Answer): string => created.body.data.payment_request.uuid.replace('eric-', '')
const attemptIdOf = (created: Answer): string => created.body.data.payment_request.last_transaction.uuid

/** The whole story in short. Events of refunds are told apart from these. */
async function endOf({ server, business }: Stage, created: Answer) {
  const path = `/v1/payment-requests/retrieve-by-ref/${requestRef(created)}`
  const { payment_request: now } = (await business.api('GET', path)).body.data
  const events = await server.ctx.db
    .selectFrom('events')
    .select('type')
    .where('object_id', '=', uuidOf(created))
    .orderBy('sequence')
    .execute()
  return {
    status: now.status,
    attempt: now.last_transaction.status,
    lines: now.timeline_records.map((line: Body) => line.summary),
    events: events.map(({ type }) => type),
  }
}

const movedAtProvider = async ({ server }: Stage, reference: string): Promise<number> =>
  ((await server.call('GET', '/sandbox/control/ledger')).body as Body[]).filter(
    (row) => row.reference === reference && row.kind === 'charge' && ['success', 'reversed'].includes(row.status),
  ).length

for (const backend of ['embedded', 'postgres'] satisfies Backend[]) {
  describe(`verify, webhook and return at once (${backend})`, () => {
    let stage: Stage
    before(async () => {
      stage = await open(backend, 'all')
    })
    after(() => close(stage))

    /** Half of the webhooks repeat one event, the others are events of their own that ask the same. */
    const callOf = (created: Answer, nth: number): Promise<Answer> => {
      if (nth % 3 === 0) return stage.business.api('PATCH', `/v1/payment-requests/${requestRef(created)}/verify`)
      if (nth % 3 === 1) return stage.server.call('GET', `/return/${attemptIdOf(created)}`)
      return successWebhook(stage, attemptRef(created), nth % 2 === 0 ? 1 : nth)
    }

    for (const [title, counts] of [
      [
        '2 to 20 callers: one success, one line, one event, one delivery',
        Array.from({ length: 19 }, (_, at) => at + 2),
      ],
      ['30, 40 and 50 callers: the same', [30, 40, 50]],
    ] as const) {
      test(title, async () => {
        const created: Answer[] = []
        for (const count of counts) {
          const one = await initiate(stage)
          created.push(one)
          await payAtSandbox(stage.server.url, attemptRef(one))
          const answers = await Promise.all(Array.from({ length: count }, (_, nth) => callOf(one, nth)))
          assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]))
          const verified = answers.filter((_, nth) => nth % 3 === 0)
          for (const { body } of verified) assert.equal(body.data.payment_request.status, 'successful')
        }
        await until('the webhooks to be acted on', async () => {
          const open = await stage.server.ctx.db
            .selectFrom('hook_inbox')
            .select('id')
            // An id that the channel knows nothing of keeps its webhook waiting for a while; it was acted on all the same.
            .where('outcome', 'is', null)
            .execute()
          return open.length === 0
        })
        for (const one of created) {
          assert.deepEqual(await endOf(stage, one), {
            status: 'successful',
            attempt: 'successful',
            lines: paidLines,
            events: ['payment.completed.successfully'],
          })
          const told = () => stage.receiver.received.filter(({ body }) => body.data.ref === requestRef(one))
          await until('the delivery', () => told().length > 0)
          assert.equal(told().length, 1)
          assert.equal(await movedAtProvider(stage, attemptRef(one)), 1)
        }
      })
    }
  })
}

describe('the database itself', () => {
  let stage: Stage
  before(async () => {
    stage = await open('embedded', 'api')
  })
  after(() => close(stage))

  test('refuses a second success of one request', async () => {
    const created = await initiate(stage)
    await payAtSandbox(stage.server.url, attemptRef(created))
    await stage.business.api('PATCH', `/v1/payment-requests/${requestRef(created)}/verify`)
    const second = sql`insert into transactions (id, ref, business_id, env_mode, payment_request_id, payment_channel_slug,
        mode, status, currency, amount_minor, amount_to_usd, usd_per_unit, created_at, updated_at)
      select gen_random_uuid(), ref || '-2', business_id, env_mode, payment_request_id, payment_channel_slug, mode,
        status, currency, amount_minor, amount_to_usd, usd_per_unit, created_at, updated_at
      from transactions where id = ${attemptIdOf(created)}`
    await assert.rejects(second.execute(stage.server.ctx.db), (error) => {
      assert.equal(brokenConstraint(error), 'one_success_a_request')
      return true
    })
  })
})

type Step = 'return' | 'webhook' | 'janitor' | 'cancel' | 'expiry' | 'pay'
const five: readonly Step[] = ['return', 'webhook', 'janitor', 'cancel', 'expiry']

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length <= 1) return [[...items]]
  return items.flatMap((item, at) => permutations(items.toSpliced(at, 1)).map((rest) => [item, ...rest]))
}

describe('browser return, webhook, janitor, cancel and expiry in every order', () => {
  let stage: Stage
  let server: TestServer
  let business: TestBusiness
  let receiver: Receiver
  let lastEventId = 1_000
  before(async () => {
    // No worker: what happens, happens when the test says so.
    stage = await open('embedded', 'api')
    ;({ server, business, receiver } = stage)
  })
  after(() => close(stage))

  const janitor = async () => {
    server.clock.advance(15 * secondMs)
    while ((await checkDueAttempts(server.ctx)) > 0);
  }
  const expiry = async () => {
    server.clock.advance(24 * hourMs)
    while ((await expireDueRequests(server.ctx)) > 0);
  }
  const webhook = async (created: Answer) => {
    lastEventId += 1
    assert.equal((await successWebhook(stage, attemptRef(created), lastEventId)).status, 200)
    while ((await actOnDue(server.ctx, 20)) > 0);
  }
  const run = async (step: Step, created: Answer): Promise<number> => {
    if (step === 'return') return (await server.call('GET', `/return/${attemptIdOf(created)}`)).status
    if (step === 'cancel')
      return (await business.api('PATCH', `/v1/payment-requests/${requestRef(created)}/cancel`)).status
    if (step === 'pay') return (await payAtSandbox(server.url, attemptRef(created))).status
    await { webhook, janitor, expiry }[step](created)
    return 200
  }

  test('120 orders on a paid request: successful, told once; cancelling is refused with 409', async () => {
    for (const order of permutations(five)) {
      const created = await initiate(stage)
      await payAtSandbox(server.url, attemptRef(created))
      for (const step of order) {
        assert.equal(await run(step, created), step === 'cancel' ? 409 : 200, `${step} in ${order}`)
      }
      const end = {
        status: 'successful',
        attempt: 'successful',
        lines: paidLines,
        events: ['payment.completed.successfully'],
      }
      assert.deepEqual(await endOf(stage, created), end, `after ${order}`)
      assert.equal(await movedAtProvider(stage, attemptRef(created)), 1)
    }
  })

  test('120 orders on an unpaid request, with a webhook that claims success: ended once, by who came first', async () => {
    for (const order of permutations(five)) {
      const created = await initiate(stage)
      const cancelled = order.indexOf('cancel') < order.indexOf('expiry')
      for (const step of order) {
        assert.equal(await run(step, created), step === 'cancel' && !cancelled ? 409 : 200, `${step} in ${order}`)
      }
      const end = await endOf(stage, created)
      const [status, attempt] = cancelled ? ['cancelled', 'voided'] : ['expired', 'expired']
      assert.deepEqual(
        { ...end, lines: end.lines.length },
        {
          status,
          attempt,
          lines: cancelled ? 4 : 3,
          events: [cancelled ? 'payment.cancelled' : 'payment.expired'],
        },
        `after ${order}`,
      )
      assert.equal(await movedAtProvider(stage, attemptRef(created)), 0)
    }
  })

  test('120 orders with the payment among them: counted if it came first, else kept as excess; never lost', async () => {
    for (const [nth, others] of permutations(five).entries()) {
      const order: Step[] = others.toSpliced(nth % (five.length + 1), 0, 'pay')
      const created = await initiate(stage)
      for (const step of order) await run(step, created)
      // The last word is the janitor's, who asks also about what was given up.
      server.clock.advance(hourMs)
      await janitor()
      const ended = Math.min(order.indexOf('cancel'), order.indexOf('expiry'))
      const { lines: _, ...end } = await endOf(stage, created)
      if (order.indexOf('pay') < ended) {
        const events = ['payment.completed.successfully']
        assert.deepEqual(end, { status: 'successful', attempt: 'successful', events }, `after ${order}`)
      } else {
        const status = order[ended] === 'cancel' ? 'cancelled' : 'expired'
        const events = [`payment.${status}`, 'payment.excess']
        assert.deepEqual(end, { status, attempt: 'excess', events }, `after ${order}`)
      }
    }
    assert.equal(receiver.received.length, 0)
  })
})

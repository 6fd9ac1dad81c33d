import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { checkDueAttempts } from '../../src/domain/attempts/jobs.ts'
import { nextCheck } from '../../src/domain/attempts/schedule.ts'
import { actOnDue } from '../../src/domain/hooks/service.ts'
import { listAccounts } from '../../src/domain/payment-channels/service.ts'
import { dayMs, hourMs, after as later, minuteMs, secondMs } from '../../src/platform/clock.ts'
import { stopOwnPostgres } from '../support/postgres.ts'
import { type Received, type Receiver, startReceiver } from '../support/receiver.ts'
import {
  type Answer,
  attemptRef,
  type Body,
  payAtSandbox,
  requestRef,
  startTestServer,
  type TestBusiness,
  type TestServer,
} from '../support/server.ts'
import { until } from '../support/wait.ts'

/** The provider's webhooks doubled, late, lost, forged and shuffled: what is known at the end is the same. */

const initiate = async (business: TestBusiness, amount: number | string = 250): Promise<Answer> => {
  const created = await business.api('POST', '/v1/payment-requests', { customer_email: 'a@example.com', amount })
  assert.equal(created.status, 201, created.text)
  return created
}

/** The whole story in short: what must not depend on how the webhooks came. */
async function endOf(server: TestServer, business: TestBusiness, created: Answer) {
  const path = `/v1/payment-requests/retrieve-by-ref/${requestRef(created)}`
  const { payment_request: now } = (await business.api('GET', path)).body.data
  const events = await server.ctx.db
    .selectFrom('events')
    .select('type')
    .where('object_id', '=', now.uuid.replace('eric-', ''))
    .orderBy('sequence')
    .execute()
  return {
    status: now.status,
    method: now.payment_method,
    attempt: now.last_transaction.status,
    lines: now.timeline_records.map((line: Body) => line.summary),
    events: events.map(({ type }) => type),
  }
}

const paidOnce = {
  status: 'successful',
  method: 'Card',
  attempt: 'successful',
  lines: ['Payment initiated', 'Asyncpay relayed payment to Paystack', 'Paystack confirmed the payment'],
  events: ['payment.completed.successfully'],
}

const hooksKept = async (server: TestServer): Promise<number> =>
  (await server.ctx.db.selectFrom('hook_inbox').select('id').execute()).length

const allActedOn = (server: TestServer) =>
  until('every webhook to be acted on', async () => {
    const waiting = await server.ctx.db
      .selectFrom('hook_inbox')
      .select('id')
      .where('processed_at', 'is', null)
      .execute()
    return waiting.length === 0
  })

/** Takes the provider's webhooks itself, to be passed on as the test wishes. */
async function intercept(server: TestServer, business: TestBusiness) {
  const inbox = await startReceiver()
  const [account] = await listAccounts(server.ctx, { businessId: business.id, envMode: 'test' })
  assert.ok(account)
  const { secret_key: secretKey } = account.credentials as { secret_key: string }
  const { hook_token } = await server.ctx.db
    .selectFrom('business_modes')
    .select('hook_token')
    .where('business_id', '=', business.id)
    .where('env_mode', '=', 'test')
    .executeTakeFirstOrThrow()
  const path = `/v1/system/hooks/${hook_token}/paystack`
  server.server.sandbox?.setAccount({ channel: 'paystack', secretKey, webhookUrl: inbox.url })
  const send = (text: string, signature?: string) =>
    server.call('POST', path, text, signature === undefined ? {} : { 'x-paystack-signature': signature })
  return {
    inbox,
    secretKey,
    send,
    pass: (webhook: Received) => send(webhook.text, webhook.headers['x-paystack-signature']),
  }
}

const sign = (text: string, secretKey: string) => createHmac('sha512', secretKey).update(text).digest('hex')

describe('one webhook, and what the way does to it', () => {
  let server: TestServer
  let business: TestBusiness
  let receiver: Receiver
  before(async () => {
    server = await startTestServer({ backend: 'postgres' })
    business = await server.business()
    receiver = await startReceiver()
    await business.api('PUT', '/v1/business', { webhook_url: receiver.url, enabled_webhooks: 1 })
  })
  after(async () => {
    await receiver?.close()
    await server?.close()
    await stopOwnPostgres()
  })

  const verify = (created: Answer) => business.api('PATCH', `/v1/payment-requests/${requestRef(created)}/verify`)
  const told = (created: Answer) => receiver.received.filter(({ body }) => body.data.ref === requestRef(created))
  const paid = (created: Answer) =>
    until('the payment', async () => (await endOf(server, business, created)).status === 'successful')

  for (const { kind, kept, ...more } of [
    { kind: 'none', kept: 1 },
    { kind: 'webhook_twice', kept: 1 },
    { kind: 'webhook_late', kept: 1, ms: 300 },
    { kind: 'webhook_shuffled', kept: 1, ms: 100 },
    { kind: 'webhook_forged', kept: 1 },
    { kind: 'webhook_lost', kept: 0 },
  ]) {
    test(`${kind}: one success, one line, one event, one delivery; ${kept} kept`, async () => {
      const before = await hooksKept(server)
      const fault = { kind, channel: 'paystack', operation: 'charge', times: 1, ...more }
      if (kind !== 'none') assert.equal((await server.call('POST', '/sandbox/control/faults', fault)).status, 201)
      const created = await initiate(business)
      await payAtSandbox(server.url, attemptRef(created))
      // The merchant is faster than the late one; nobody but the janitor makes up for the lost one.
      if (kind === 'webhook_late') assert.equal((await verify(created)).status, 200)
      if (kind === 'webhook_lost') server.clock.advance(15 * secondMs)
      await paid(created)
      await until('the webhook', async () => (await hooksKept(server)) === before + kept)
      await allActedOn(server)
      await until('the delivery', () => told(created).length > 0)
      assert.deepEqual(await endOf(server, business, created), paidOnce)
      assert.equal(told(created).length, 1)
      assert.equal(await hooksKept(server), before + kept)
    })
  }

  test('401 every forgery: nothing stored, nothing asked, nothing changed', async () => {
    const other = await server.business('Another')
    const { inbox, secretKey, send } = await intercept(server, other)
    try {
      const created = await initiate(other)
      await payAtSandbox(server.url, attemptRef(created))
      const webhook = await until('the true webhook', () => inbox.received[0])
      const { text } = webhook
      const signature = webhook.headers['x-paystack-signature'] ?? ''
      const before = await hooksKept(server)
      const forgeries: [string, string, string | undefined][] = [
        ['no signature', text, undefined],
        ['an empty signature', text, ''],
        ['another key', text, sign(text, 'sk_test_sandbox_another')],
        ['another hash', text, createHmac('sha256', secretKey).update(text).digest('hex')],
        ['half a signature', text, signature.slice(0, 64)],
        ['a signature and more', text, `${signature}00`],
        ['another amount', text.replace('25000', '25001'), signature],
        ['one space more', `${text} `, signature],
        ['the signature of an empty body', text, sign('', secretKey)],
        ['no body', '', signature],
      ]
      for (const [what, body, forged] of forgeries) assert.equal((await send(body, forged)).status, 401, what)
      assert.equal(await hooksKept(server), before)
      assert.equal((await endOf(server, other, created)).status, 'open')
    } finally {
      await inbox.close()
    }
  })
})

describe('lost webhooks are made up for by the janitor', () => {
  let server: TestServer
  let business: TestBusiness
  before(async () => {
    // No worker: the clock and the test alone decide when the janitor looks.
    server = await startTestServer({ role: 'api' })
    business = await server.business()
  })
  after(() => server?.close())

  const lookDelaysMs = [15 * secondMs, minuteMs, 5 * minuteMs, hourMs, dayMs, dayMs, dayMs, dayMs, dayMs, dayMs]
  const lookAt = async (delayMs: number) => {
    // Grace: the clock runs on while the test does, which takes seconds on a busy machine.
    server.clock.advance(delayMs - 12 * secondMs)
    assert.equal(await checkDueAttempts(server.ctx), 0, `nobody looks before ${delayMs} ms`)
    server.clock.advance(12 * secondMs)
    assert.equal(await checkDueAttempts(server.ctx), 1, `somebody looks after ${delayMs} ms`)
  }

  for (const looks of [1, 2, 3, 4, 5, 6]) {
    test(`paid before look ${looks} (of 15 s, 1 min, 5 min, 1 h, daily): found by that look`, async () => {
      const lost = { kind: 'webhook_lost', channel: 'paystack', operation: 'charge', times: 1 }
      await server.call('POST', '/sandbox/control/faults', lost)
      const created = await initiate(business)
      for (const delayMs of lookDelaysMs.slice(0, looks - 1)) await lookAt(delayMs)
      await payAtSandbox(server.url, attemptRef(created))
      assert.equal((await endOf(server, business, created)).status, 'open')
      await lookAt(lookDelaysMs[looks - 1] ?? dayMs)
      assert.deepEqual(await endOf(server, business, created), paidOnce)
      server.clock.advance(365 * dayMs)
      assert.equal(await checkDueAttempts(server.ctx), 0, 'what is settled is not asked about again')
    })
  }

  test('looks at a page that nobody pays end after seven days', async () => {
    const created = await initiate(business)
    let looks = 0
    for (const delayMs of lookDelaysMs) {
      await lookAt(delayMs)
      looks += 1
    }
    const { check_at, check_count } = await server.ctx.db
      .selectFrom('transactions')
      .select(['check_at', 'check_count'])
      .where('ref', '=', attemptRef(created))
      .executeTakeFirstOrThrow()
    assert.equal(check_at, null)
    assert.equal(check_count, looks)
    server.clock.advance(365 * dayMs)
    assert.equal(await checkDueAttempts(server.ctx), 0)
  })

  test('nextCheck: by the count of looks, bounded by 7 days, by 94 looks for one without an answer, never when settled', () => {
    const created_at = new Date('2026-01-01T00:00:00Z')
    const pending = { status: 'pending', created_at, processing_until: null } as const
    const waits = [0, 1, 2, 3, 4, 5, 100].map(
      (count) => (nextCheck(pending, count, created_at)?.getTime() ?? 0) - created_at.getTime(),
    )
    assert.deepEqual(waits, [15 * secondMs, minuteMs, 5 * minuteMs, hourMs, dayMs, dayMs, dayMs])
    assert.deepEqual(nextCheck(pending, 9, later(created_at, 6 * dayMs)), later(created_at, 7 * dayMs))
    assert.equal(nextCheck(pending, 9, later(created_at, 6 * dayMs + 1)), null)
    const unknown = { status: 'unknown', created_at, processing_until: null } as const
    // A test clock that jumps a year does not use up the looks.
    assert.deepEqual(nextCheck(unknown, 94, later(created_at, 365 * dayMs)), later(created_at, 366 * dayMs))
    assert.equal(nextCheck(unknown, 95, later(created_at, 95 * dayMs)), null)
    for (const status of ['successful', 'excess'] as const) {
      assert.equal(nextCheck({ status, created_at, processing_until: null }, 0, created_at), null)
    }
  })
})

/** Numbers from a seed (mulberry32), so that a run can be repeated. */
function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

describe('a day of webhooks, replayed', () => {
  const count = 40
  const seed = Number(process.env.SEED ?? Date.now() % 1_000_000)
  let server: TestServer
  let business: TestBusiness
  let way: Awaited<ReturnType<typeof intercept>>
  before(async () => {
    server = await startTestServer({ backend: 'postgres', role: 'api' })
    business = await server.business()
    way = await intercept(server, business)
  })
  after(async () => {
    await way?.inbox.close()
    await server?.close()
    await stopOwnPostgres()
  })

  /** Forty payments of every kind, with the webhooks that the provider sent for them. */
  const record = async () => {
    const from = way.inbox.received.length
    const payments: Answer[] = []
    let successes = 0
    for (let nth = 0; nth < count; nth += 1) {
      // Every eighth reports one naira less than was asked: excess, not a success.
      const created = await initiate(business, nth % 8 === 7 ? '199.01' : 100 + nth)
      payments.push(created)
      if (nth % 5 === 1) await payAtSandbox(server.url, attemptRef(created), 'failed')
      if (nth % 5 === 3) await payAtSandbox(server.url, attemptRef(created), 'abandon')
      if (nth % 10 === 1 || nth % 5 === 3) continue
      await payAtSandbox(server.url, attemptRef(created))
      successes += 1
    }
    const webhooks = await until('its webhooks', () => {
      const own = way.inbox.received.slice(from)
      return own.length === successes && own
    })
    return { payments, webhooks }
  }
  const endsOf = (payments: Answer[]) => Promise.all(payments.map((created) => endOf(server, business, created)))
  /** The worker's part, when the test says so. */
  const actOnAll = async () => {
    while ((await actOnDue(server.ctx, 20)) > 0);
  }
  const janitor = async () => {
    server.clock.advance(15 * secondMs)
    while ((await checkDueAttempts(server.ctx)) > 0);
  }

  test(`shuffled, doubled, a tenth dropped, forged ones between: every payment ends as in order (SEED=${seed})`, async () => {
    const next = random(seed)
    const shuffle = <T>(items: T[]): T[] =>
      items
        .map((item) => ({ item, at: next() }))
        .sort((a, b) => a.at - b.at)
        .map(({ item }) => item)

    const orderly = await record()
    for (const webhook of orderly.webhooks) assert.equal((await way.pass(webhook)).status, 200)
    await actOnAll()
    await janitor()
    const expected = await endsOf(orderly.payments)
    assert.deepEqual([...new Set(expected.map(({ attempt }) => attempt))].sort(), [
      'excess',
      'failed',
      'pending',
      'successful',
    ])

    const wild = await record()
    const arrived = shuffle(wild.webhooks).slice(Math.ceil(wild.webhooks.length / 10))
    const before = await hooksKept(server)
    const forged = wild.webhooks.map((one) => ({ ...one, text: one.text.replace('"success"', '"failed"') }))
    const sent = shuffle([
      ...arrived.flatMap((webhook) => [
        { webhook, status: 200 },
        { webhook, status: 200 },
      ]),
      ...forged.map((webhook) => ({ webhook, status: 401 })),
    ])
    // Ten at once, as a provider that catches up does.
    for (let at = 0; at < sent.length; at += 10) {
      const batch = sent.slice(at, at + 10)
      const statuses = await Promise.all(batch.map(async ({ webhook }) => (await way.pass(webhook)).status))
      assert.deepEqual(
        statuses,
        batch.map(({ status }) => status),
      )
    }
    assert.equal(await hooksKept(server), before + arrived.length)
    await actOnAll()
    await janitor()
    assert.deepEqual(await endsOf(wild.payments), expected)

    // The same day once more: all of it is known.
    for (const webhook of shuffle([...orderly.webhooks, ...arrived])) {
      assert.equal((await way.pass(webhook)).status, 200)
    }
    await actOnAll()
    assert.equal(await hooksKept(server), before + arrived.length)
    assert.deepEqual(await endsOf(orderly.payments), expected)
    assert.deepEqual(await endsOf(wild.payments), expected)
  })
})

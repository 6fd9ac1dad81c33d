import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { checkDueAttempts } from '../../src/domain/attempts/jobs.ts'
import type { EnvMode } from '../../src/domain/businesses/schema.ts'
import * as businesses from '../../src/domain/businesses/service.ts'
import { actOn, actOnDue, sealBodies } from '../../src/domain/hooks/service.ts'
import { hookUrl } from '../../src/domain/payment-channels/schema.ts'
import { connect, listAccounts } from '../../src/domain/payment-channels/service.ts'
import { checkDueRefunds, refundDueExcess } from '../../src/domain/refunds/jobs.ts'
import { dayMs, minuteMs, secondMs } from '../../src/platform/clock.ts'
import { randomHex } from '../../src/platform/ids.ts'
import { stopOwnPostgres } from '../support/postgres.ts'
import { startReceiver } from '../support/receiver.ts'
import { hookBody } from '../support/rows.ts'
import { saveCard } from '../support/saved.ts'
import {
  type Answer,
  attemptRef,
  type Body,
  call,
  payAtSandbox,
  requestRef,
  startTestServer,
  type TestBusiness,
  type TestServer,
} from '../support/server.ts'
import { until } from '../support/wait.ts'

/** What the receiver takes at most; its own constant, from its comment. */
const bodyMaxBytes = 256 * 1024
/** The waits after a channel's silence, as documented beside the code. */
const waitsMs = [5 * secondMs, 30 * secondMs, 2 * minuteMs, 10 * minuteMs, 60 * minuteMs]

/** Paystack's way: HMAC-SHA512 of the very bytes with the account's secret key, in hex. */
const signatureOf = (body: string | Buffer, secretKey: string) =>
  createHmac('sha512', secretKey).update(body).digest('hex')

/** Where a business's webhooks of a mode come in at Paystack, and the secret that signs them. */
async function receiverOf(server: TestServer, business: TestBusiness, envMode: EnvMode = 'test') {
  const { ctx } = server
  const [account] = await listAccounts(ctx, { businessId: business.id, envMode })
  const { secret_key: secretKey = '' } = (account?.credentials ?? {}) as Record<string, string>
  const found = await businesses.find(ctx, business.id, envMode)
  const path = new URL(hookUrl(ctx.baseUrl, found, 'paystack')).pathname
  const post = async (body: string | Buffer, headers: Record<string, string>): Promise<Answer> => {
    const response = await fetch(server.url + path, { method: 'POST', headers, body })
    const text = await response.text()
    return { status: response.status, text, body: JSON.parse(text), headers: response.headers }
  }
  return {
    token: found.hookToken,
    path,
    secretKey,
    post,
    send: (body: string | Buffer, more: Record<string, string> = { 'content-type': 'application/json' }) =>
      post(body, { 'x-paystack-signature': signatureOf(body, secretKey), ...more }),
  }
}

const inbox = (server: TestServer, business: TestBusiness) =>
  server.ctx.db
    .selectFrom('hook_inbox')
    .selectAll()
    .where('business_id', '=', business.id)
    .orderBy('received_at')
    .execute()

async function jobs(server: TestServer): Promise<number> {
  const { rows } = await server.ctx.database.pool.query(`select count(*)::int as jobs from jobs.job where name = $1`, [
    'hooks.act',
  ])
  return rows[0].jobs
}

/** What Paystack sends when a payment went through. */
const paid = (reference: string, more: object = {}) =>
  JSON.stringify({
    event: 'charge.success',
    data: { id: Math.floor(Math.random() * 1e12), reference, status: 'success', ...more },
  })

const initiate = async (business: TestBusiness, amount = 500) => {
  const created = await business.api('POST', '/v1/payment-requests', { customer_email: 'ada@example.com', amount })
  assert.equal(created.status, 201, created.text)
  return created
}

const retrieve = async (business: TestBusiness, created: Answer): Promise<Body> =>
  (await business.api('GET', `/v1/payment-requests/retrieve-by-ref/${requestRef(created)}`)).body.data.payment_request

describe("a provider's webhook comes in", () => {
  let server: TestServer
  before(async () => {
    // Without a worker: nothing is acted on but by the test.
    server = await startTestServer({ backend: 'postgres', role: 'api' })
  })
  after(async () => {
    await server?.close()
  })

  /** Nothing was kept, and no job was made. */
  async function keepsNothing(business: TestBusiness, work: () => Promise<void>): Promise<void> {
    const before = await jobs(server)
    await work()
    assert.deepEqual(await inbox(server, business), [])
    assert.equal(await jobs(server), before)
  }

  test('200 new: kept once with its very bytes, whatever its content type says, together with one job', async () => {
    const business = await server.business()
    const { send } = await receiverOf(server, business)
    const body = ` {"event" : "charge.success",\r\n"data":{"id":12345678901234567890,"reference":"x","name":"Ọlá \\u0000 ☂"} }\n`
    const before = await jobs(server)
    const answer = await send(body)
    assert.equal(answer.status, 200)
    assert.deepEqual(answer.body, { message: 'Webhook accepted', status: 'success', data: null })
    const [kept, second] = await inbox(server, business)
    assert.equal(second, undefined)
    assert.deepEqual(hookBody(server.ctx, kept), Buffer.from(body))
    assert.equal(kept?.body, null)
    assert.deepEqual(
      [kept?.env_mode, kept?.payment_channel_slug, kept?.event_type, kept?.event_key, kept?.processed_at],
      ['test', 'paystack', 'charge.success', 'charge.success:12345678901234567890', null],
    )
    assert.equal(await jobs(server), before + 1)
    for (const [index, type] of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'application/octet-stream',
      '',
    ].entries()) {
      const next = JSON.stringify({ event: 'charge.success', data: { id: index, reference: 'x' } })
      assert.equal((await send(Buffer.from(next), type ? { 'content-type': type } : {})).status, 200, type)
    }
    assert.equal((await inbox(server, business)).length, 5)
  })

  test('bodies that were kept in clear before are sealed by a sweep, a batch at a time', async () => {
    const { db } = server.ctx
    const business = await server.business()
    const { send } = await receiverOf(server, business)
    for (const reference of ['clear-1', 'clear-2']) assert.equal((await send(paid(reference))).status, 200)
    const rows = await inbox(server, business)
    assert.equal(rows.length, 2)
    for (const row of rows) {
      const change = { body: hookBody(server.ctx, row), body_sealed: null }
      await db.updateTable('hook_inbox').set(change).where('id', '=', row.id).execute()
    }
    const counts: number[] = []
    for (let nth = 0; nth <= rows.length; nth += 1) counts.push(await sealBodies(server.ctx, 1))
    assert.deepEqual(counts, [...rows.map(() => 1), 0])
    const after = await inbox(server, business)
    for (const row of rows) {
      const now = after.find((one) => one.id === row.id)
      assert.equal(now?.body, null)
      assert.deepEqual(hookBody(server.ctx, now), hookBody(server.ctx, row))
    }
  })

  test('200 seen before: not kept again, also when twins come at once or the same event comes in other bytes', async () => {
    const business = await server.business()
    const { send } = await receiverOf(server, business)
    const before = await jobs(server)
    const body = paid('twice')
    const answers = await Promise.all(Array.from({ length: 20 }, () => send(body)))
    assert.deepEqual([...new Set(answers.map((answer) => answer.status))], [200])
    assert.equal(answers.filter((answer) => answer.body.message === 'Webhook accepted').length, 1)
    const later = await send(JSON.stringify({ ...JSON.parse(body), sent_again: true }))
    assert.deepEqual([later.status, later.body.message], [200, 'Webhook seen before'])
    assert.equal((await inbox(server, business)).length, 1)
    assert.equal(await jobs(server), before + 1)
  })

  test('401 a missing or wrong signature: nothing is kept', async () => {
    const business = await server.business()
    const { post, secretKey } = await receiverOf(server, business)
    const stranger = await receiverOf(server, await server.business())
    const body = paid('forged')
    const right = signatureOf(body, secretKey)
    await keepsNothing(business, async () => {
      for (const signature of [
        undefined,
        '',
        'x',
        right.slice(0, -1),
        `${right.slice(0, -1)}${right.endsWith('0') ? '1' : '0'}`,
        signatureOf(`${body} `, secretKey),
        signatureOf(body, stranger.secretKey),
        createHmac('sha256', secretKey).update(body).digest('hex'),
      ]) {
        const answer = await post(body, signature === undefined ? {} : { 'x-paystack-signature': signature })
        assert.equal(answer.status, 401, signature)
        assert.equal(answer.body.error, 'WEBHOOK_SIGNATURE_INVALID')
      }
    })
  })

  test('404 an unknown token, or a channel that is not connected, though the signature is right', async () => {
    const business = await server.business()
    const { token, secretKey } = await receiverOf(server, business)
    const live = (await businesses.find(server.ctx, business.id, 'live')).hookToken
    const body = paid('nowhere')
    await keepsNothing(business, async () => {
      for (const path of [
        'AAAAAAAA/paystack',
        'short/paystack',
        `${token}x/paystack`,
        `${live}/paystack`,
        `${token}/flutterwave`,
        `${token}/stripe`,
        `${token}/nobody`,
        `${token}/__proto__`,
      ]) {
        const answer = await call(server.url, 'POST', `/v1/system/hooks/${path}`, body, {
          'x-paystack-signature': signatureOf(body, secretKey),
        })
        assert.equal(answer.status, 404, path)
        assert.equal(answer.body.error, 'RESOURCE_NOT_FOUND')
      }
    })
  })

  test('200 a right signature over a form that we do not know: kept, and ignored; the provider need not send it again', async () => {
    const business = await server.business()
    const { send } = await receiverOf(server, business)
    const bodies = [
      '',
      'null',
      '[]',
      '{',
      '"charge.success"',
      '{"event":"charge.success"}',
      '{"data":{}}',
      '\u0000',
      '{"event":"charge.success","data":[]}',
      '{"event":"a\\u0000b","data":{"reference":"x\\ud800"}}',
      '{"event":"charge.success","data":{"reference":"a\\u0000\\ud800"}}',
      `{"event":"${'x'.repeat(500)}","data":"text"}`,
      '['.repeat(20_000),
    ]
    for (const body of bodies) {
      const answer = await send(body)
      assert.equal(answer.status, 200, `${JSON.stringify(body.slice(0, 80))} ${answer.text}`)
    }
    assert.equal((await send('')).body.message, 'Webhook seen before')
    for (const hook of await inbox(server, business)) await actOn(server.ctx, hook.id)
    const kept = await inbox(server, business)
    assert.equal(kept.length, bodies.length)
    for (const hook of kept) assert.match(hook.outcome ?? '', /^ignored/, hook.event_key)
  })

  test('200 however it is written: with a byte order mark, packed, as a form, with the header twice, it makes us ask', async () => {
    const business = await server.business()
    const { send, post, secretKey } = await receiverOf(server, business)
    const asked = async (ways: (body: string) => Promise<Answer>) => {
      const created = await initiate(business)
      await call(server.url, 'POST', '/sandbox/control/faults', {
        ...{ channel: 'paystack', kind: 'webhook_lost', times: 1 },
      })
      await payAtSandbox(server.url, attemptRef(created))
      const answer = await ways(paid(attemptRef(created)))
      assert.equal(answer.status, 200, answer.text)
      const hook = (await inbox(server, business)).at(-1)
      await actOn(server.ctx, hook?.id ?? '')
      assert.equal((await retrieve(business, created)).status, 'successful')
    }
    const signed = (body: string) => ({ 'x-paystack-signature': signatureOf(body, secretKey) })
    await asked((body) => send(`\ufeff${body}`))
    await asked((body) => send(JSON.stringify(body)))
    await asked((body) => send(`[${body}]`))
    await asked((body) => send(String(new URLSearchParams({ payload: body })), { 'content-type': 'text/plain' }))
    await asked((body) => post(gzipSync(body), { ...signed(body), 'content-encoding': 'gzip' }))
    await asked((body) => post(brotliCompressSync(body), { ...signed(body), 'content-encoding': 'br' }))
    // Says that it is packed, and is not.
    await asked((body) => post(body, { ...signed(body), 'content-encoding': 'gzip' }))
    await asked((body) => {
      const signature = signatureOf(body, secretKey)
      return post(body, { 'x-paystack-signature': `${signature}, ${signature}` })
    })
  })

  test('413 over too much, packed or not; 405 to who only looks: nothing is kept', async () => {
    const business = await server.business()
    const { send, post, path, secretKey } = await receiverOf(server, business)
    await keepsNothing(business, async () => {
      const bomb = paid('big', { padding: 'x'.repeat(bodyMaxBytes) })
      const headers = { 'x-paystack-signature': signatureOf(bomb, secretKey), 'content-encoding': 'gzip' }
      assert.equal((await post(gzipSync(bomb), headers)).status, 413)
      const tooMuch = await send(paid('big', { padding: 'x'.repeat(bodyMaxBytes) }))
      assert.equal(tooMuch.status, 413)
      const get = await call(server.url, 'GET', path)
      assert.deepEqual([get.status, get.headers.get('allow')], [405, 'POST'])
    })
    const overhead = paid('big', { id: 1, padding: '' }).length
    assert.equal((await send(paid('big', { id: 1, padding: 'x'.repeat(bodyMaxBytes - overhead) }))).status, 200)
  })

  test('each mode has its own address and secret: the live secret does not open the test address, nor the other way', async () => {
    const business = await server.business()
    const fields = { secret_key: `sk_live_${randomHex(20)}` }
    const owner = { businessId: business.id, envMode: 'live' as const }
    await connect(server.ctx, { ...owner, slug: 'paystack', fields, makeDefault: true, actor: businesses.commandLine })
    const test = await receiverOf(server, business, 'test')
    const live = await receiverOf(server, business, 'live')
    assert.notEqual(test.token, live.token)
    const body = paid('modes')
    const signed = (secretKey: string) => ({ 'x-paystack-signature': signatureOf(body, secretKey) })
    assert.equal((await test.post(body, signed(live.secretKey))).status, 401)
    assert.equal((await live.post(body, signed(test.secretKey))).status, 401)
    assert.deepEqual(await inbox(server, business), [])
    assert.equal((await live.send(body)).status, 200)
    assert.equal((await test.send(body)).status, 200)
    assert.deepEqual((await inbox(server, business)).map((one) => one.env_mode).sort(), ['live', 'test'])
  })

  test('news of a refund has it asked about now; of a payout, which nobody acts on yet, it is kept', async () => {
    const business = await server.business()
    const { send } = await receiverOf(server, business)
    const { opened } = await saveCard(server, business, 'paystack')
    const { db } = server.ctx
    const find = () => db.selectFrom('refunds').selectAll().where('business_id', '=', business.id).executeTakeFirst()
    // Without a worker the sweeps are called here.
    const refund = await until('the refund of the sum that saved the card', async () => {
      await refundDueExcess(server.ctx)
      return await find()
    })
    // Nobody else would ask for a month.
    const later = new Date(server.clock.now().getTime() + 30 * dayMs)
    await db.updateTable('refunds').set({ check_at: later }).where('id', '=', refund.id).execute()
    const told = { event: 'refund.processed', data: { transaction_reference: opened.last_transaction.ref } }
    assert.equal((await send(JSON.stringify(told))).status, 200)
    await until('the refund', async () => {
      await actOnDue(server.ctx, 20)
      await checkDueRefunds(server.ctx)
      return (await find())?.status === 'successful'
    })
    const payout = { event: 'transfer.success', data: { reference: 'AsO-1', transfer_code: 'TRF_1' } }
    assert.equal((await send(JSON.stringify(payout))).status, 200)
    const outcomes = async () => (await inbox(server, business)).map((hook) => hook.outcome)
    await until('the payout to be kept', async () => {
      await actOnDue(server.ctx, 20)
      return (await outcomes()).includes('kept: nothing acts on a payout yet')
    })
    assert.ok((await outcomes()).includes('asked soon'))
  })

  test("an event that is not ours is kept and ignored, also when it names another business's payment", async () => {
    const business = await server.business()
    const other = await server.business()
    const { send } = await receiverOf(server, business)
    const theirs = await initiate(other)
    await payAtSandbox(server.url, attemptRef(theirs))
    const bodies = [
      paid('AsT-0000000000000'),
      paid(attemptRef(theirs)),
      JSON.stringify({ event: 'invoice.x', data: {} }),
    ]
    for (const body of bodies) assert.equal((await send(body)).status, 200)
    for (const hook of await inbox(server, business)) {
      // Ten workers at once: one acts.
      await Promise.all(Array.from({ length: 10 }, () => actOn(server.ctx, hook.id)))
    }
    const kept = await inbox(server, business)
    assert.deepEqual(kept.map((hook) => hook.outcome).sort(), [
      'ignored: none of our payments',
      'ignored: none of our payments',
      'ignored: nothing that concerns us',
    ])
    for (const hook of kept) assert.ok(hook.processed_at && hook.attempts === 1 && hook.next_attempt_at === null)
    assert.equal((await retrieve(other, theirs)).status, 'open')
  })

  test('while the channel does not answer it is asked again after 5 s, 30 s, 2 min, 10 min, 1 h, then given up: the janitor goes on', async () => {
    const business = await server.business()
    const { send } = await receiverOf(server, business)
    const created = await initiate(business)
    // Paid without a word: the account's own webhook is lost, ours below stands for it.
    const fault = (body: object) =>
      call(server.url, 'POST', '/sandbox/control/faults', { channel: 'paystack', ...body })
    await fault({ kind: 'webhook_lost', times: 1 })
    await payAtSandbox(server.url, attemptRef(created))
    // 429 leaves the circuit breaker closed, so that every try is a call.
    await fault({ kind: 'status', status: 429, operation: 'verify' })
    assert.equal((await send(paid(attemptRef(created)))).status, 200)
    const hook = async () => (await inbox(server, business))[0]!
    await server.ctx.db.deleteFrom('hook_inbox').where('business_id', '!=', business.id).execute()
    await actOn(server.ctx, (await hook()).id)
    for (const [index, waitMs] of waitsMs.entries()) {
      const { attempts, next_attempt_at, outcome, processed_at } = await hook()
      assert.deepEqual([attempts, outcome, processed_at], [index + 1, 'no answer: rate_limited', null])
      const dueInMs = Number(next_attempt_at) - server.clock.now().getTime()
      assert.ok(dueInMs <= waitMs && dueInMs > waitMs - 4 * secondMs, `wait ${index + 1}: ${dueInMs} ms`)
      assert.equal(await actOnDue(server.ctx, 20), 0, 'not before its time')
      server.clock.advance(waitMs)
      assert.equal(await actOnDue(server.ctx, 20), 1)
    }
    const given = await hook()
    assert.deepEqual([given.attempts, given.next_attempt_at, given.processed_at], [6, null, null])
    server.clock.advance(dayMs)
    assert.equal(await actOnDue(server.ctx, 20), 0)
    assert.equal((await retrieve(business, created)).status, 'open')

    await call(server.url, 'DELETE', '/sandbox/control')
    await until('the janitor to be told', async () => {
      await checkDueAttempts(server.ctx)
      return (await retrieve(business, created)).status === 'successful'
    })
  })
})

describe("a provider's webhook is no proof", () => {
  let server: TestServer
  before(async () => {
    server = await startTestServer({ backend: 'postgres' })
  })
  after(async () => {
    await server?.close()
    await stopOwnPostgres()
  })

  test('a correctly signed webhook that claims success for an unpaid payment changes nothing', async () => {
    const business = await server.business()
    const { send } = await receiverOf(server, business)
    const created = await initiate(business)
    const before = await retrieve(business, created)
    const claim = paid(attemptRef(created), { amount: 50_000, currency: 'NGN', paid_at: new Date().toISOString() })
    assert.equal((await send(claim)).status, 200)
    const hook = await until('the question', async () => (await inbox(server, business)).find((one) => one.outcome))
    assert.equal(hook.outcome, 'asked: the channel does not say so yet')
    assert.deepEqual(await retrieve(business, created), before)
    assert.deepEqual((await business.api('GET', '/v1/events')).body.data.events.data, [])
    // And the honest one that follows still counts.
    await payAtSandbox(server.url, attemptRef(created))
    await until('the payment', async () => (await retrieve(business, created)).status === 'successful')
  })

  test('doubled, late, shuffled, lost and forged webhooks end alike: each payment counts once and is told once', async () => {
    const business = await server.business()
    const receiver = await startReceiver()
    try {
      await business.api('PUT', '/v1/business', { webhook_url: receiver.url, enabled_webhooks: 1 })
      const kinds = ['webhook_twice', 'webhook_late', 'webhook_shuffled', 'webhook_lost', 'webhook_forged', null]
      const all: { created: Answer; outcome: 'success' | 'failed' }[] = []
      for (const kind of [...kinds, ...kinds]) {
        const outcome = all.length === kinds.length ? 'failed' : 'success'
        all.push({ created: await initiate(business, 500 + all.length), outcome })
        if (kind) {
          await call(server.url, 'POST', '/sandbox/control/faults', { channel: 'paystack', kind, times: 1, ms: 200 })
        }
        await payAtSandbox(server.url, attemptRef(all.at(-1)!.created), outcome)
      }
      // The janitor looks after 15 s; a delivery on its way is held for a minute, and would be sent twice.
      server.clock.advance(30 * secondMs)
      for (const { created, outcome } of all) {
        const settled = await until(`${requestRef(created)} to settle`, async () => {
          const now = await retrieve(business, created)
          const wanted = outcome === 'success' ? 'successful' : 'failed'
          return now.last_transaction.status === wanted && now
        })
        assert.equal(settled.status, outcome === 'success' ? 'successful' : 'open')
        const confirmed = settled.timeline_records.filter((line: Body) => /confirmed the payment/.test(line.summary))
        assert.equal(confirmed.length, outcome === 'success' ? 1 : 0)
      }
      const succeeded = all.filter((one) => one.outcome === 'success').map(({ created }) => requestRef(created))
      await until('the webhooks', () => receiver.received.length >= succeeded.length)
      assert.deepEqual(receiver.received.map((one) => one.body.data.ref).sort(), succeeded.sort())
      const kept = await until('the inbox to be worked off', async () => {
        const hooks = await inbox(server, business)
        return hooks.every((hook) => hook.processed_at) && hooks
      })
      const keys = kept.map((hook) => hook.event_key)
      assert.equal(new Set(keys).size, keys.length)
      assert.ok(!kept.some((hook) => hook.outcome?.startsWith('ignored')), 'a forged one was kept')
    } finally {
      await receiver.close()
    }
  })
})

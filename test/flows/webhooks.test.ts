import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { Webhook } from 'standardwebhooks'
import { deliverDue, dispatch } from '../../src/domain/webhooks/deliver.ts'
import { webhookSweeps } from '../../src/domain/webhooks/jobs.ts'
import { ensureBusinessEndpoint } from '../../src/domain/webhooks/service.ts'
import { claimDue, recordTry } from '../../src/domain/webhooks/store.ts'
import type { EventType } from '../../src/events/catalogue.ts'
import { record } from '../../src/events/outbox.ts'
import { dayMs, hourMs, after as later, minuteMs, secondMs } from '../../src/platform/clock.ts'
import type { Context } from '../../src/platform/context.ts'
import { inTransaction, sql } from '../../src/platform/db.ts'
import { newId } from '../../src/platform/ids.ts'
import { createWebhookSender } from '../../src/platform/outgoing.ts'
import { expectFailure } from '../support/expect.ts'
import { freePort, stopOwnPostgres } from '../support/postgres.ts'
import { startReceiver } from '../support/receiver.ts'
import {
  attemptRef,
  type Body,
  payAtSandbox,
  requestRef,
  startTestServer,
  type TestBusiness,
  type TestServer,
} from '../support/server.ts'
import { until } from '../support/wait.ts'

/** The documented tries: at once, then after these waits. */
const waitsMs = [...Array<number>(4).fill(5 * minuteMs), ...Array<number>(4).fill(6 * hourMs)]
/** Shorter than the 15 s of every day, so that a receiver that never answers does not hold up the tests. */
const timeoutMs = 3_000

interface Hit {
  path: string
  headers: Record<string, string>
  text: string
  body: Body
}

/** A merchant's server that answers as told: a status, headers and body, or nothing at all. */
async function startMerchant(answer: (hit: Hit, response: ServerResponse) => void) {
  const hits: Hit[] = []
  let connections = 0
  const server = createServer(async (request: IncomingMessage, response) => {
    let text = ''
    for await (const chunk of request) text += chunk
    const headers = request.headers as Record<string, string>
    const hit = { path: request.url ?? '', headers, text, body: text && JSON.parse(text) }
    hits.push(hit)
    answer(hit, response)
  })
  server.on('connection', () => {
    connections += 1
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    hits,
    connections: () => connections,
    at: (path: string) => hits.filter((hit) => hit.path === path),
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
type Merchant = Awaited<ReturnType<typeof startMerchant>>

/** An API process without a worker: no sweep runs unasked, so the clock alone decides what is due. */
async function startStill(env: Record<string, string> = {}) {
  const server = await startTestServer({ backend: 'postgres', role: 'api', env })
  const webhookSender = createWebhookSender({ allowPrivate: server.config.allowPrivateWebhooks, timeoutMs })
  const ctx: Context = { ...server.ctx, webhookSender }
  return {
    server,
    ctx,
    /** One round after the other until nothing is due. */
    async drain() {
      while ((await deliverDue(ctx)) > 0);
    },
    /** An event of `objectId` as a state change records it; its id. */
    async record(business: TestBusiness, objectId: string, type: EventType = 'payment.cancelled') {
      const owner = { businessId: business.id, envMode: 'test' as const }
      const now = ctx.clock.now()
      const data = { reference: null, uuid: objectId, status: type }
      await inTransaction(ctx.db, (tx) =>
        record(tx, ctx.queue, { ...owner, type, objectType: 'payment_request', objectId, data, now }),
      )
      const row = await ctx.db
        .selectFrom('events')
        .select('id')
        .where('object_id', '=', objectId)
        .orderBy('sequence', 'desc')
        .executeTakeFirstOrThrow()
      return row.id
    },
    /** The same, handed out. */
    async emit(business: TestBusiness, objectId: string = newId(), type?: EventType) {
      await ensureBusinessEndpoint(ctx, { businessId: business.id, envMode: 'test' })
      const id = await this.record(business, objectId, type)
      await dispatch(ctx, id)
      return id
    },
    async close() {
      await webhookSender.close()
      await server.close()
    },
  }
}
type Still = Awaited<ReturnType<typeof startStill>>

async function addEndpoint(business: TestBusiness, url: string, events?: string[]) {
  const made = await business.api('POST', '/v1/webhook-endpoints', { url, ...(events && { events }) })
  assert.equal(made.status, 201, made.text)
  const { uuid, secret, compat_secret } = made.body.data
  return { uuid, secret, compat_secret } as { uuid: string; secret: string; compat_secret: string }
}

async function deliveriesOf(business: TestBusiness, uuid: string, query = ''): Promise<Body[]> {
  const answer = await business.api('GET', `/v1/webhook-endpoints/${uuid}/deliveries?per_page=100${query}`)
  assert.equal(answer.status, 200, answer.text)
  return answer.body.data.deliveries.data
}

async function onlyDelivery(business: TestBusiness, uuid: string): Promise<Body> {
  const all = await deliveriesOf(business, uuid)
  assert.equal(all.length, 1)
  return all[0]
}

const isSignedWith = (secret: string, hit: Hit) => {
  try {
    new Webhook(secret).verify(hit.text, hit.headers)
    return true
  } catch {
    return false
  }
}

const status = (code: number) => (_hit: Hit, response: ServerResponse) => void response.writeHead(code).end()

describe('outgoing webhooks, try by try', () => {
  let still: Still
  let server: TestServer
  before(async () => {
    still = await startStill()
    server = still.server
  })
  after(async () => {
    await still?.close()
  })

  test('both header forms: AsyncPay-Secret, and Standard Webhooks headers that its own library verifies', async () => {
    const business = await server.business()
    const merchant = await startMerchant(status(200))
    try {
      const { secret, compat_secret } = await addEndpoint(business, `${merchant.url}/a`)
      const eventId = await still.emit(business)
      await still.drain()
      const [hit, second] = merchant.hits
      assert.ok(hit)
      assert.equal(second, undefined)
      assert.match(secret, /^whsec_[A-Za-z0-9+/]{43}=$/)
      assert.equal(hit.headers['asyncpay-secret'], compat_secret)
      assert.ok(!JSON.stringify(hit.headers).includes(secret.slice('whsec_'.length)), 'what signs is sent nowhere')
      assert.equal(hit.headers['webhook-id'], eventId)
      assert.match(hit.headers['webhook-timestamp'] ?? '', /^\d{10}$/)
      assert.match(hit.headers['webhook-signature'] ?? '', /^v1,[A-Za-z0-9+/]{43}=$/)
      assert.match(hit.headers['content-type'] ?? '', /^application\/json/)
      assert.ok(isSignedWith(secret, hit))
      assert.ok(!isSignedWith(secret, { ...hit, text: `${hit.text} ` }), 'a changed body must not verify')
      assert.ok(!isSignedWith(business.keys.test.webhook_secret, hit), 'each endpoint has its own secret')
      assert.deepEqual(Object.keys(hit.body), ['event', 'data'])
    } finally {
      await merchant.close()
    }
  })

  test('only a 2xx acknowledges; redirects are not followed, and the log says what each answer was', async () => {
    const business = await server.business()
    const merchant = await startMerchant((hit, response) => {
      const code = Number(hit.path.split('/')[1])
      if (hit.path === '/hang') return
      if (hit.path === '/cut') return void response.socket?.destroy()
      response.writeHead(code, { location: `${merchant.url}/followed` }).end(`answer ${code}`)
    })
    try {
      const good = [200, 201, 202, 204]
      const bad = [301, 302, 307, 308, 400, 401, 404, 410, 422, 429, 500, 502, 503]
      const endpoints = new Map<string, string>()
      for (const path of [...good, ...bad, 'hang', 'cut']) {
        endpoints.set(String(path), (await addEndpoint(business, `${merchant.url}/${path}`)).uuid)
      }
      endpoints.set('refused', (await addEndpoint(business, `http://127.0.0.1:${await freePort()}/`)).uuid)
      await still.emit(business)
      await still.drain()
      const seen: Record<string, unknown> = {}
      for (const [name, uuid] of endpoints) {
        const { status, attempts, tries, next_attempt_at, delivered_at } = await onlyDelivery(business, uuid)
        assert.equal(attempts, 1)
        assert.equal(tries.length, 1)
        assert.equal(next_attempt_at === null, status === 'delivered')
        assert.equal(delivered_at !== null, status === 'delivered')
        seen[name] = [status, tries[0].response_status, tries[0].error]
      }
      const expected: Record<string, unknown> = {}
      for (const code of good) expected[code] = ['delivered', code, null]
      for (const code of bad) expected[code] = ['pending', code, null]
      expected.hang = ['pending', null, `no answer within ${timeoutMs} ms`]
      expected.cut = ['pending', null, 'connection closed without an answer']
      expected.refused = ['pending', null, 'connection refused']
      assert.deepEqual(seen, expected)
      assert.deepEqual(merchant.at('/followed'), [])
    } finally {
      await merchant.close()
    }
  })

  test('tries come at once, four times after 5 minutes, four times after 6 hours, and then never: every one is listed', async () => {
    const business = await server.business()
    const merchant = await startMerchant((_hit, response) => void response.writeHead(503).end('closed for today'))
    try {
      const { uuid, secret } = await addEndpoint(business, merchant.url)
      const eventId = await still.emit(business)
      for (const [index, waitMs] of waitsMs.entries()) {
        await still.drain()
        assert.equal(merchant.hits.length, index + 1, `try ${index + 1} is due`)
        const { status, attempts, tries, next_attempt_at } = await onlyDelivery(business, uuid)
        assert.deepEqual([status, attempts, tries.length], ['pending', index + 1, index + 1])
        const dueInMs = Date.parse(next_attempt_at) - Date.parse(tries[index].attempted_at)
        assert.ok(dueInMs >= waitMs && dueInMs < waitMs + 5 * secondMs, `wait ${index + 1} is ${dueInMs} ms`)
        server.clock.advance(waitMs - minuteMs)
        await still.drain()
        assert.equal(merchant.hits.length, index + 1, 'not a minute early')
        server.clock.advance(minuteMs)
      }
      await still.drain()
      assert.equal(merchant.hits.length, 9)
      const ended = await onlyDelivery(business, uuid)
      assert.deepEqual([ended.status, ended.attempts, ended.next_attempt_at], ['exhausted', 9, null])
      assert.deepEqual(
        ended.tries.map((one: Body) => [one.response_status, one.response_excerpt, one.error]),
        Array(9).fill([503, 'closed for today', null]),
      )
      server.clock.advance(30 * dayMs)
      await still.drain()
      assert.equal(merchant.hits.length, 9)
      // The same event every time, signed anew with the real time although the clock is a month ahead.
      assert.equal(new Set(merchant.hits.map((hit) => hit.text)).size, 1)
      assert.deepEqual([...new Set(merchant.hits.map((hit) => hit.headers['webhook-id']))], [eventId])
      for (const hit of merchant.hits) {
        const ageSeconds = Date.now() / 1000 - Number(hit.headers['webhook-timestamp'])
        assert.ok(ageSeconds >= 0 && ageSeconds < 60, `the timestamp is ${ageSeconds} s from real time`)
        assert.ok(isSignedWith(secret, hit))
      }
      assert.deepEqual(
        (await deliveriesOf(business, uuid, '&status=exhausted')).map((one) => one.event_uuid),
        [eventId],
      )
      assert.deepEqual(await deliveriesOf(business, uuid, '&status=pending'), [])
    } finally {
      await merchant.close()
    }
  })

  test('while an event is unacknowledged the later ones of its object wait there; other objects and endpoints go on', async () => {
    const business = await server.business()
    let acknowledge = false
    const merchant = await startMerchant((hit, response) => {
      const refuses = hit.path === '/moody' && hit.body.data.status === 'payment.cancelled' && !acknowledge
      response.writeHead(refuses ? 500 : 200).end()
    })
    try {
      const moody = await addEndpoint(business, `${merchant.url}/moody`)
      await addEndpoint(business, `${merchant.url}/calm`)
      const [one, other] = [newId(), newId()]
      const first = await still.emit(business, one, 'payment.cancelled')
      const second = await still.emit(business, one, 'payment.excess')
      const third = await still.emit(business, one, 'payment.excess')
      const foreign = await still.emit(business, other, 'payment.excess')
      const ids = (path: string) => merchant.at(path).map((hit) => hit.headers['webhook-id'])
      await still.drain()
      assert.deepEqual(ids('/moody').sort(), [first, foreign].sort())
      assert.deepEqual(
        ids('/calm').filter((id) => id !== foreign),
        [first, second, third],
      )
      assert.equal(ids('/calm').length, 4)
      const waiting = (await deliveriesOf(business, moody.uuid)).filter((one) => one.attempts === 0)
      assert.deepEqual(waiting.map((one) => one.event_uuid).sort(), [second, third].sort())
      acknowledge = true
      server.clock.advance(5 * minuteMs)
      await still.drain()
      assert.deepEqual(
        ids('/moody').filter((id) => id !== foreign),
        [first, first, second, third],
      )
    } finally {
      await merchant.close()
    }
  })

  test('after the tries of an event have ended the next of its object goes', async () => {
    const business = await server.business()
    const merchant = await startMerchant((hit, response) => {
      response.writeHead(hit.body.data.status === 'payment.cancelled' ? 500 : 200).end()
    })
    try {
      await addEndpoint(business, merchant.url)
      const object = newId()
      const first = await still.emit(business, object, 'payment.cancelled')
      const second = await still.emit(business, object, 'payment.excess')
      for (const waitMs of waitsMs) {
        await still.drain()
        server.clock.advance(waitMs)
      }
      await still.drain()
      const ids = merchant.hits.map((hit) => hit.headers['webhook-id'])
      assert.deepEqual(ids, [...Array(9).fill(first), second])
    } finally {
      await merchant.close()
    }
  })

  test('each endpoint gets the events it asked for, from when it asked until it is switched off or removed', async () => {
    const business = await server.business()
    const merchant = await startMerchant(status(200))
    try {
      const all = await addEndpoint(business, `${merchant.url}/all`)
      const some = await addEndpoint(business, `${merchant.url}/some`, ['payment.excess', 'payment.expired'])
      const types = (path: string) => merchant.at(path).map((hit) => hit.body.event)
      for (const type of ['payment.cancelled', 'payment.excess'] as const) await still.emit(business, undefined, type)
      await still.drain()
      assert.deepEqual(types('/all').sort(), ['payment.cancelled', 'payment.excess'])
      assert.deepEqual(types('/some'), ['payment.excess'])

      await business.api('PUT', `/v1/webhook-endpoints/${some.uuid}`, { events: ['payment.cancelled'] })
      await business.api('PUT', `/v1/webhook-endpoints/${all.uuid}`, { is_enabled: 0 })
      for (const type of ['payment.cancelled', 'payment.excess'] as const) await still.emit(business, undefined, type)
      await still.drain()
      assert.deepEqual(types('/all').length, 2)
      assert.deepEqual(types('/some'), ['payment.excess', 'payment.cancelled'])

      await business.api('PUT', `/v1/webhook-endpoints/${all.uuid}`, { is_enabled: 1, url: `${merchant.url}/moved` })
      assert.equal((await business.api('DELETE', `/v1/webhook-endpoints/${some.uuid}`)).status, 200)
      assert.equal((await business.api('GET', `/v1/webhook-endpoints/${some.uuid}`)).status, 404)
      await still.emit(business, undefined, 'payment.cancelled')
      await still.drain()
      assert.equal(types('/some').length, 2)
      assert.deepEqual(types('/moved'), ['payment.cancelled'])
      const wrong = await business.api('POST', '/v1/webhook-endpoints', {
        url: merchant.url,
        events: ['payment.maybe'],
      })
      assert.equal(wrong.status, 422)
      assert.match(wrong.body.error_data.events[0], /payment\.maybe/)
    } finally {
      await merchant.close()
    }
  })

  test("the business's own webhook_url is sent to while enabled_webhooks is 1, with the secret that `keys` shows", async () => {
    const business = await server.business()
    const merchant = await startMerchant((hit, response) => {
      response.writeHead(hit.path === '/failing' ? 500 : 200).end()
    })
    try {
      const set = async (settings: object) => {
        assert.equal((await business.api('PUT', '/v1/business', settings)).status, 200)
        await still.emit(business)
        await still.drain()
      }
      await set({ webhook_url: `${merchant.url}/own` })
      assert.equal(merchant.hits.length, 0, 'switched off by default')
      await set({ enabled_webhooks: 1 })
      assert.equal(merchant.at('/own').length, 1)
      assert.ok(isSignedWith(business.keys.test.webhook_secret, merchant.at('/own')[0]!))
      await set({ enabled_webhooks: 0 })
      assert.equal(merchant.at('/own').length, 1)
      await set({ enabled_webhooks: 1, webhook_url: `${merchant.url}/failing` })
      assert.equal(merchant.at('/failing').length, 1)

      // What waits when it is switched off is not sent, and can be replayed when it is on again.
      await business.api('PUT', '/v1/business', { enabled_webhooks: 0 })
      server.clock.advance(5 * minuteMs)
      await still.drain()
      assert.equal(merchant.at('/failing').length, 1)
      const endpoints = (await business.api('GET', '/v1/webhook-endpoints')).body.data.webhook_endpoints.data
      assert.equal(endpoints.length, 1)
      assert.deepEqual([endpoints[0].is_default, endpoints[0].is_enabled], [1, 0])
      const [stopped] = await deliveriesOf(business, endpoints[0].uuid, '&status=exhausted')
      assert.equal(stopped.tries[1].error, 'the endpoint is switched off')
      await business.api('PUT', '/v1/business', { enabled_webhooks: 1, webhook_url: `${merchant.url}/own` })
      const replayed = await business.api('POST', `/v1/webhook-endpoints/${endpoints[0].uuid}/replay`, { failed: true })
      assert.equal(replayed.body.data.replayed, 1)
      await until('the replay', () => merchant.at('/own').length === 2)
      await set({ webhook_url: '' })
      assert.equal(merchant.at('/own').length, 2)
    } finally {
      await merchant.close()
    }
  })

  test('the secret is shown when the endpoint is made and never again', async () => {
    const business = await server.business()
    const { uuid, secret } = await addEndpoint(business, 'https://example.com/hook')
    const path = `/v1/webhook-endpoints/${uuid}`
    const answers = [
      await business.api('GET', path),
      await business.api('GET', '/v1/webhook-endpoints'),
      await business.api('PUT', path, { events: ['payment.excess'] }),
      await business.api('GET', `${path}/deliveries`),
      await business.api('DELETE', path),
    ]
    for (const answer of answers) {
      assert.equal(answer.status, 200)
      assert.ok(!answer.text.includes(secret) && !answer.text.includes('"secret"'), answer.text)
    }
  })

  test('422 a live address that is not https, however it is told', async () => {
    const business = await server.business()
    const http = 'http://shop.example/hooks'
    const made = await business.live('POST', '/v1/webhook-endpoints', { url: 'https://shop.example/hooks' })
    assert.equal(made.status, 201, made.text)
    const path = `/v1/webhook-endpoints/${made.body.data.uuid}`
    const wrong = (field: string) => ({ status: 422, code: '005', fields: [field] })
    expectFailure(await business.live('POST', '/v1/webhook-endpoints', { url: http }), wrong('url'))
    expectFailure(await business.live('PUT', path, { url: http }), wrong('url'))
    expectFailure(await business.live('PUT', '/v1/business', { webhook_url: http }), wrong('webhook_url'))
    assert.equal((await business.live('GET', path)).body.data.url, 'https://shop.example/hooks')
    assert.equal((await business.live('PUT', '/v1/business', { webhook_url: '' })).status, 200)
    assert.equal((await business.api('POST', '/v1/webhook-endpoints', { url: http })).status, 201, 'test mode')
  })

  test('an endpoint from before sends its signing secret as AsyncPay-Secret until that is rolled', async () => {
    const business = await server.business()
    const merchant = await startMerchant(status(200))
    try {
      const { uuid, secret } = await addEndpoint(business, merchant.url)
      const before = { has_compat_secret: false }
      await server.ctx.db.updateTable('webhook_endpoints').set(before).where('id', '=', uuid).execute()
      const next = async () => {
        await still.emit(business)
        await still.drain()
        return merchant.hits.at(-1)?.headers['asyncpay-secret']
      }
      assert.equal(await next(), secret)
      const rolled = await business.api('PATCH', `/v1/webhook-endpoints/${uuid}/roll-secret`)
      assert.equal(await next(), rolled.body.data.compat_secret)
    } finally {
      await merchant.close()
    }
  })

  test('after a roll both secrets verify for 24 hours, then the new one alone', async () => {
    const business = await server.business()
    const merchant = await startMerchant(status(200))
    try {
      const { uuid, secret: old } = await addEndpoint(business, merchant.url)
      const rolled = await business.api('PATCH', `/v1/webhook-endpoints/${uuid}/roll-secret`)
      assert.equal(rolled.status, 200)
      const { secret: fresh, compat_secret, previous_secret_expires_at } = rolled.body.data
      assert.notEqual(fresh, old)
      const overlapMs = Date.parse(previous_secret_expires_at) - server.clock.now().getTime()
      assert.ok(Math.abs(overlapMs - dayMs) < minuteMs)
      const next = async () => {
        await still.emit(business)
        await still.drain()
        const hit = merchant.hits.at(-1)!
        assert.equal(hit.headers['asyncpay-secret'], compat_secret)
        return [isSignedWith(fresh, hit), isSignedWith(old, hit), hit.headers['webhook-signature']?.split(' ').length]
      }
      assert.deepEqual(await next(), [true, true, 2])
      server.clock.advance(dayMs - minuteMs)
      assert.deepEqual(await next(), [true, true, 2])
      server.clock.advance(minuteMs)
      assert.deepEqual(await next(), [true, false, 1])
    } finally {
      await merchant.close()
    }
  })

  test('replay sends one event, a range, or all that failed again, with the same id and body', async () => {
    const business = await server.business()
    let code = 200
    const merchant = await startMerchant((_hit, response) => void response.writeHead(code).end())
    try {
      const { uuid } = await addEndpoint(business, merchant.url)
      const path = `/v1/webhook-endpoints/${uuid}/replay`
      const ids: string[] = []
      for (let index = 0; index < 4; index += 1) {
        code = index === 3 ? 500 : 200
        ids.push(await still.emit(business))
        await still.drain()
        // The one that failed stays undue.
        if (index < 3) server.clock.advance(hourMs)
      }
      code = 200
      const texts = new Map(merchant.hits.map((hit) => [hit.headers['webhook-id'], hit.text]))
      const replay = async (body: object, expected: string[]) => {
        const before = merchant.hits.length
        const answer = await business.api('POST', path, body)
        assert.equal(answer.status, 201, answer.text)
        assert.equal(answer.body.data.replayed, expected.length)
        await until('the replay', () => merchant.hits.length === before + expected.length)
        const again = merchant.hits.slice(before)
        assert.deepEqual(again.map((hit) => hit.headers['webhook-id']).sort(), [...expected].sort())
        for (const hit of again) assert.equal(hit.text, texts.get(hit.headers['webhook-id'] ?? ''))
        await until('their marks', async () => (await deliveriesOf(business, uuid, '&status=pending')).length <= 1)
      }
      // Taken from the API, as a merchant would: the times of the events, both ends inclusive.
      const events: Body[] = (await business.api('GET', '/v1/events')).body.data.events.data
      const timeOf = (id: string) => events.find((one) => one.uuid === id).created_at
      await replay({ event_uuid: ids[0] }, [ids[0]!])
      await replay({ from: timeOf(ids[1]!), to: timeOf(ids[2]!) }, [ids[1]!, ids[2]!])
      await replay({ failed: true }, [ids[3]!])
      await replay({ failed: true }, [])

      const stranger = await server.business()
      const strangers = await still.emit(stranger)
      for (const event_uuid of [newId(), strangers]) {
        assert.equal((await business.api('POST', path, { event_uuid })).status, 404)
      }
      const from = timeOf(ids[0]!)
      for (const wrong of [
        {},
        { failed: false },
        { event_uuid: 'x' },
        { from },
        { to: from },
        { failed: true, from, to: from },
      ]) {
        assert.equal((await business.api('POST', path, wrong)).status, 422, JSON.stringify(wrong))
      }
    } finally {
      await merchant.close()
    }
  })

  test("404 another business's or mode's endpoint looks like none, whatever is asked of it", async () => {
    const business = await server.business()
    const stranger = await server.business()
    const { uuid } = await addEndpoint(business, 'https://example.com/hook')
    const callers = [stranger.api, business.live]
    for (const call of callers) {
      for (const id of [uuid, newId(), 'x', "1' or '1'='1"]) {
        const path = `/v1/webhook-endpoints/${encodeURIComponent(id)}`
        const answers = [
          await call('GET', path),
          await call('PUT', path, { url: 'https://example.com/mine' }),
          await call('DELETE', path),
          await call('PATCH', `${path}/roll-secret`),
          await call('GET', `${path}/deliveries`),
          await call('POST', `${path}/replay`, { failed: true }),
        ]
        for (const answer of answers) {
          assert.equal(answer.status, 404, answer.text)
          assert.equal(answer.body.error, 'RESOURCE_NOT_FOUND')
          assert.equal(answer.body.message, 'There is no such webhook endpoint')
        }
      }
    }
    assert.equal((await business.api('GET', `/v1/webhook-endpoints/${uuid}`)).body.data.url, 'https://example.com/hook')
  })

  test("GET /v1/events lists this business's events, newest first, by kind and time, as they were sent", async () => {
    const business = await server.business()
    const stranger = await server.business()
    const merchant = await startMerchant(status(200))
    try {
      await addEndpoint(business, merchant.url)
      const ids = []
      for (const type of ['payment.cancelled', 'payment.excess', 'payment.expired'] as const) {
        ids.push(await still.emit(business, undefined, type))
        server.clock.advance(minuteMs)
      }
      await still.emit(stranger)
      await still.drain()
      const list = async (query = '') => (await business.api('GET', `/v1/events${query}`)).body.data.events
      const all = await list()
      assert.deepEqual(
        all.data.map((one: Body) => one.uuid),
        [...ids].reverse(),
      )
      for (const one of all.data) {
        const sent = merchant.hits.find((hit) => hit.headers['webhook-id'] === one.uuid)
        assert.deepEqual({ event: one.event, data: one.data }, sent?.body)
      }
      const uuids = async (query: string) => (await list(query)).data.map((one: Body) => one.uuid)
      assert.deepEqual(await uuids('?event=payment.excess'), [ids[1]])
      assert.deepEqual(await uuids(`?from=${all.data[1].created_at}&to=${all.data[1].created_at}`), [ids[1]])
      assert.deepEqual(await uuids('?per_page=1&page=2'), [ids[1]])
      assert.equal((await business.live('GET', '/v1/events')).body.data.events.data.length, 0)
      assert.equal((await business.api('GET', '/v1/events?from=yesterday')).status, 422)
    } finally {
      await merchant.close()
    }
  })

  test('a worker that dies after sending and before marking: sent again when its hold ends, with the same id and body', async () => {
    const business = await server.business()
    const merchant = await startMerchant(status(200))
    try {
      const { uuid } = await addEndpoint(business, merchant.url)
      // What the API sends again on its own may still be at work, and would take this one as well.
      await deliverDue(server.ctx)
      await still.emit(business)
      const dying: Context = {
        ...still.ctx,
        webhookSender: {
          ...still.ctx.webhookSender,
          post: async (...sent) => {
            await still.ctx.webhookSender.post(...sent)
            throw new Error('killed')
          },
        },
      }
      await assert.rejects(deliverDue(dying), /killed/)
      assert.equal(merchant.hits.length, 1)
      await still.drain()
      assert.equal(merchant.hits.length, 1, 'held as long as its worker may still live')
      server.clock.advance(minuteMs)
      await still.drain()
      assert.equal(merchant.hits.length, 2)
      assert.equal(merchant.hits[1]?.text, merchant.hits[0]?.text)
      assert.equal(merchant.hits[1]?.headers['webhook-id'], merchant.hits[0]?.headers['webhook-id'])
      assert.equal((await onlyDelivery(business, uuid)).status, 'delivered')
    } finally {
      await merchant.close()
    }
  })

  test('a worker that comes back after its hold ended does not overwrite what the next one found', async () => {
    const business = await server.business()
    const merchant = await startMerchant(status(200))
    try {
      const { uuid } = await addEndpoint(business, merchant.url)
      await still.emit(business)
      const now = server.clock.now()
      const lockedUntil = later(now, minuteMs)
      const [held] = await claimDue(still.ctx.db, now, lockedUntil, {
        ...{ free: 20, ofEndpoint: 20, ofBusiness: 20, ofSilent: 20 },
        ...{ running: new Map(), silent: new Set() },
      })
      assert.ok(held)
      server.clock.advance(minuteMs)
      await still.drain()
      const late = { durationMs: 1, responseStatus: 500, responseExcerpt: null, error: null }
      await recordTry(still.ctx.db, {
        ...late,
        deliveryId: held.id,
        lockedUntil,
        status: 'pending',
        nextAttemptAt: now,
        attemptedAt: now,
      })
      const { status: kept, attempts, tries } = await onlyDelivery(business, uuid)
      assert.deepEqual([kept, attempts, tries.length], ['delivered', 1, 1])
      assert.equal(merchant.hits.length, 1)
    } finally {
      await merchant.close()
    }
  })

  test('two workers at once send each event once', async () => {
    const business = await server.business()
    const merchant = await startMerchant(status(200))
    try {
      await addEndpoint(business, merchant.url)
      const ids = []
      for (let index = 0; index < 30; index += 1) ids.push(await still.emit(business))
      await Promise.all(Array.from({ length: 6 }, () => still.drain()))
      assert.deepEqual(merchant.hits.map((hit) => hit.headers['webhook-id']).sort(), ids.sort())
    } finally {
      await merchant.close()
    }
  })

  test('an event whose job was lost is found by the sweep, after the earlier ones of its object', async () => {
    const business = await server.business()
    const merchant = await startMerchant(status(200))
    try {
      await addEndpoint(business, merchant.url)
      const object = newId()
      const ids = [await still.record(business, object), await still.record(business, object, 'payment.excess')]
      const sweep = webhookSweeps(still.ctx).find((one) => one.name === 'webhooks.dispatch-overdue')
      await sweep?.run()
      await still.drain()
      assert.equal(merchant.hits.length, 0, 'its job may still come')
      server.clock.advance(15 * secondMs)
      await sweep?.run()
      await sweep?.run()
      await still.drain()
      assert.deepEqual(
        merchant.hits.map((hit) => hit.headers['webhook-id']),
        ids,
      )
    } finally {
      await merchant.close()
    }
  })

  test('a receiver that echoes what it got does not put the secret into the delivery log', async () => {
    const business = await server.business()
    const merchant = await startMerchant((hit, response) => void response.end(JSON.stringify(hit.headers)))
    try {
      const { uuid, secret } = await addEndpoint(business, merchant.url)
      await still.emit(business)
      await still.drain()
      const { status, tries } = await onlyDelivery(business, uuid)
      assert.equal(status, 'delivered')
      assert.match(tries[0].response_excerpt, /asyncpay-secret/)
      const bare = secret.slice('whsec_'.length)
      assert.ok(!tries[0].response_excerpt.includes(bare))
      const { rows } = await sql<{ row: string }>`select row_to_json(a)::text as row from webhook_attempts a`.execute(
        still.ctx.db,
      )
      assert.deepEqual(
        rows.filter(({ row }) => row.includes(bare)),
        [],
      )
    } finally {
      await merchant.close()
    }
  })
})

describe('outgoing webhooks where private addresses are refused', () => {
  let still: Still
  let merchant: Merchant
  before(async () => {
    still = await startStill({ ALLOW_PRIVATE_WEBHOOKS: '0' })
    merchant = await startMerchant(status(200))
  })
  after(async () => {
    await merchant?.close()
    await still?.close()
  })

  test('the delivery log says why, no connection is made, and it is tried again as any other', async () => {
    const business = await still.server.business()
    const { port } = merchant
    const hosts = [
      '127.0.0.1',
      'localhost',
      '[::1]',
      '[::ffff:127.0.0.1]',
      '0x7f000001',
      '2130706433',
      '127.1',
      '0.0.0.0',
    ]
    const urls = [...hosts.map((host) => `http://${host}:${port}/`), 'http://169.254.169.254/latest/meta-data/']
    const endpoints = []
    for (const url of urls) endpoints.push(await addEndpoint(business, url))
    await business.api('PUT', '/v1/business', { webhook_url: merchant.url, enabled_webhooks: 1 })
    await still.emit(business)
    await still.drain()
    for (const [index, { uuid }] of endpoints.entries()) {
      const { status, tries, next_attempt_at } = await onlyDelivery(business, uuid)
      assert.equal(status, 'pending', urls[index])
      assert.ok(next_attempt_at)
      assert.equal(tries[0].response_status, null)
      assert.match(tries[0].error, /^the host (leads to an address that is not public|is this machine)/)
    }
    assert.equal(merchant.connections(), 0)
  })
})

describe('outgoing webhooks from the worker (embedded)', () => {
  let server: TestServer
  before(async () => {
    server = await startTestServer({ backend: 'embedded' })
  })
  after(async () => {
    await server?.close()
    await stopOwnPostgres()
  })

  test("one payment's events arrive in order by themselves, each with the object of its moment, retried by the sweep", async () => {
    const business = await server.business()
    const receiver = await startReceiver((_received, index) => (index === 0 ? 500 : 200))
    try {
      await business.api('PUT', '/v1/business', { webhook_url: receiver.url, enabled_webhooks: 1 })
      const created = await business.api('POST', '/v1/payment-requests', {
        customer_email: 'ada@example.com',
        amount: 700,
        reference: 'order-7',
      })
      const ref = requestRef(created)
      const cancelled = await business.api('PATCH', `/v1/payment-requests/${ref}/cancel`)
      await until('the first try', () => receiver.received.length === 1)
      await payAtSandbox(server.url, attemptRef(created))
      await until('the late money', async () => {
        const now = await business.api('GET', `/v1/payment-requests/retrieve-by-ref/${ref}`)
        return now.body.data.payment_request.last_transaction.status === 'excess'
      })
      assert.ok(!receiver.received.some((one) => one.body.event === 'payment.excess'), 'it waits behind the first')
      server.clock.advance(5 * minuteMs)
      const told = () => receiver.received.filter((one) => one.body.event.startsWith('payment.'))
      await until('both', () => told().length === 3)
      const [first, again, second] = told()
      assert.equal(again?.text, first?.text)
      assert.deepEqual([first?.body.event, second?.body.event], ['payment.cancelled', 'payment.excess'])
      assert.equal(Object.keys(first?.body.data)[0], 'reference')
      assert.equal(first?.body.data.reference, 'order-7')
      assert.equal(first?.body.data.last_transaction.status, 'voided', 'the state of its moment')
      assert.equal(second?.body.data.last_transaction.status, 'excess')
      assert.equal(first?.body.data.updated_at, cancelled.body.data.payment_request.updated_at)
    } finally {
      await receiver.close()
    }
  })
})

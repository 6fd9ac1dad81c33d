import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { after, afterEach, before, describe, test } from 'node:test'
import * as businesses from '../../src/domain/businesses/service.ts'
import { actOn, actOnDue } from '../../src/domain/hooks/service.ts'
import { hookUrl } from '../../src/domain/payment-channels/schema.ts'
import { listAccounts } from '../../src/domain/payment-channels/service.ts'
import { checkoutUrl } from '../../src/domain/payment-requests/link.ts'
import { hourMs, minuteMs, secondMs } from '../../src/platform/clock.ts'
import { stopOwnPostgres } from '../support/postgres.ts'
import { hookBody } from '../support/rows.ts'
import {
  type Answer,
  attemptRef,
  type Body,
  payAtSandbox,
  requestRef,
  startTestServer,
  type TestBusiness,
  type TestServer,
  threeChannels,
} from '../support/server.ts'
import { until } from '../support/wait.ts'
import { attemptRow } from '../support/word.ts'

after(stopOwnPostgres)

describe('a webhook that comes before the API agrees', () => {
  let server: TestServer
  let business: TestBusiness
  before(async () => {
    // Without a worker: the test alone decides when something is acted on.
    server = await startTestServer({ backend: 'postgres', role: 'api' })
    business = await threeChannels(server)
  })
  afterEach(() => server.call('DELETE', '/sandbox/control/faults'))
  after(() => server?.close())

  const initiate = async (channel: string): Promise<Answer> => {
    const body = { customer_email: 'ada@example.com', amount: '2000', payment_channel: channel }
    const created = await business.api('POST', '/v1/payment-requests', body)
    assert.equal(created.status, 201, created.text)
    return created
  }
  const statusOf = async (created: Answer): Promise<string> =>
    (await business.api('GET', `/v1/payment-requests/retrieve-by-ref/${requestRef(created)}`)).body.data.payment_request
      .status
  const behind = (channel: string) => server.call('POST', '/sandbox/control/faults', { channel, kind: 'api_behind' })
  const hooksOf = async (created: Answer) => {
    const hooks = await server.ctx.db.selectFrom('hook_inbox').selectAll().orderBy('received_at').execute()
    return hooks.filter((hook) => (hook.subject as Body)?.reference === attemptRef(created))
  }
  /** Paid at the provider, told by webhook, and the provider's API does not know it yet. */
  const paidEarly = async (channel: string): Promise<Answer> => {
    const created = await initiate(channel)
    assert.equal((await behind(channel)).status, 201)
    assert.equal((await payAtSandbox(server.url, attemptRef(created), 'success', channel)).status, 200)
    await until('the webhook', async () =>
      (await hooksOf(created)).some((hook) => (hook.subject as Body).claims === 'success'),
    )
    for (const hook of await hooksOf(created)) await actOn(server.ctx, hook.id)
    assert.equal(await statusOf(created), 'open')
    return created
  }
  const repeat = async (body: Buffer): Promise<string> => {
    const [account] = await listAccounts(server.ctx, { businessId: business.id, envMode: 'test' })
    const found = await businesses.find(server.ctx, business.id, 'test')
    const { secret_key = '' } = (account?.credentials ?? {}) as Record<string, string>
    const signature = createHmac('sha512', secret_key).update(body).digest('hex')
    const response = await fetch(hookUrl(server.ctx.baseUrl, found, 'paystack'), {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-paystack-signature': signature },
      body: new Uint8Array(body),
    })
    return ((await response.json()) as Body).message
  }

  for (const channel of ['paystack', 'flutterwave', 'stripe']) {
    test(`${channel}: asked again after seconds, by the same webhook, and counted then`, async () => {
      const created = await paidEarly(channel)
      const waiting = (await hooksOf(created)).filter((hook) => hook.processed_at === null && hook.outcome)
      assert.ok(waiting.length > 0)
      for (const hook of waiting) {
        assert.equal(hook.outcome, 'asked: the channel does not say so yet')
        const waitMs = (hook.next_attempt_at?.getTime() ?? 0) - server.ctx.clock.now().getTime()
        assert.ok(waitMs > 0 && waitMs <= 5 * secondMs, String(waitMs))
      }
      await server.call('DELETE', '/sandbox/control/faults')
      server.clock.advance(6 * secondMs)
      await actOnDue(server.ctx, 20)
      assert.equal(await statusOf(created), 'successful')
      // The others of one payment that wait have their answer then, too.
      await until('all of them', async () => {
        server.clock.advance(6 * secondMs)
        await actOnDue(server.ctx, 20)
        return (await hooksOf(created)).every((hook) => hook.outcome === 'asked')
      })
    })
  }

  test('it is asked six times in an hour and a quarter and then no more; a repeat of the webhook asks at once', async () => {
    const created = await paidEarly('paystack')
    for (const waitMs of [5 * secondMs, 30 * secondMs, 2 * minuteMs, 10 * minuteMs, 60 * minuteMs]) {
      server.clock.advance(waitMs + secondMs)
      await actOnDue(server.ctx, 20)
    }
    const [spent] = await hooksOf(created)
    assert.ok(spent?.processed_at)
    assert.equal(spent.attempts, 6)
    assert.equal(await statusOf(created), 'open')
    server.clock.advance(3 * hourMs)
    // Still behind: asked once more, and no schedule begins anew.
    assert.equal(await repeat(hookBody(server.ctx, spent)), 'Webhook seen before')
    await actOn(server.ctx, spent.id)
    assert.equal((await hooksOf(created))[0]?.attempts, 7)
    assert.equal(await statusOf(created), 'open')
    // Sent three times within a moment it asks once.
    await server.call('DELETE', '/sandbox/control/faults')
    server.clock.advance(minuteMs)
    for (let nth = 0; nth < 3; nth += 1) assert.equal(await repeat(hookBody(server.ctx, spent)), 'Webhook seen before')
    await actOnDue(server.ctx, 20)
    assert.equal(await statusOf(created), 'successful')
    assert.equal((await hooksOf(created))[0]?.attempts, 8)
    // What is settled is not asked about again, however often it is told.
    server.clock.advance(hourMs)
    assert.equal(await repeat(hookBody(server.ctx, spent)), 'Webhook seen before')
    assert.equal(await actOnDue(server.ctx, 20), 0)
    assert.equal((await hooksOf(created))[0]?.attempts, 8)
  })

  test('a refusal that the API does not say yet is asked about again, too', async () => {
    const created = await initiate('flutterwave')
    assert.equal((await payAtSandbox(server.url, attemptRef(created), 'failed', 'flutterwave')).status, 200)
    const [hook] = await until('the webhook', async () => {
      const hooks = await hooksOf(created)
      return hooks.length > 0 && hooks
    })
    assert.equal((hook?.subject as Body)?.claims, 'failure')
    await actOn(server.ctx, hook?.id ?? '')
    assert.equal((await hooksOf(created))[0]?.outcome, 'asked')
    assert.equal((await attemptRow(server, attemptRef(created))).status, 'failed')
  })

  test('the buyer who looks, or comes back, has the channel asked as well', async () => {
    for (const way of ['check', 'returned', 'return'] as const) {
      const created = await paidEarly('paystack')
      await server.call('DELETE', '/sandbox/control/faults')
      const { id, payment_request_id } = await attemptRow(server, attemptRef(created))
      const checkout = new URL(checkoutUrl(server.ctx, payment_request_id)).pathname
      if (way === 'check') assert.equal((await server.call('POST', `${checkout}/check`)).body.status, 'successful')
      if (way === 'returned') assert.match((await server.call('GET', `${checkout}/returned`)).text, /Payment received/)
      if (way === 'return') await server.call('GET', `/return/${id}`)
      assert.equal(await statusOf(created), 'successful', way)
    }
  })
})

import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import { commandLine } from '../../src/domain/businesses/service.ts'
import { setEnabled } from '../../src/domain/payment-channels/service.ts'
import { hourMs, minuteMs } from '../../src/platform/clock.ts'
import { forgetOldClaims } from '../../src/platform/idempotency.ts'
import { expectFailure } from '../support/expect.ts'
import { stopOwnPostgres } from '../support/postgres.ts'
import { countRows } from '../support/rows.ts'
import {
  type Answer,
  type Backend,
  type Body,
  requestRef,
  startTestServer,
  type TestBusiness,
  type TestServer,
} from '../support/server.ts'
import { until } from '../support/wait.ts'

const wish = { customer_email: 'ada@example.com', amount: '100' }
const keyed = (key: string) => ({ 'idempotency-key': key })

/** Asserts that the second answer is the first one, byte for byte, and says so. */
function expectReplay(first: Answer, second: Answer): void {
  assert.equal(second.text, first.text)
  assert.equal(second.status, first.status)
  assert.equal(first.headers.get('idempotent-replayed'), null)
  assert.equal(second.headers.get('idempotent-replayed'), 'true')
  assert.equal(second.headers.get('content-type'), first.headers.get('content-type'))
  assert.ok(second.headers.get('request-id'))
  assert.notEqual(second.headers.get('request-id'), first.headers.get('request-id'))
}

for (const backend of ['embedded', 'postgres'] satisfies Backend[]) {
  describe(`idempotency (${backend})`, () => {
    let server: TestServer
    let business: TestBusiness
    let other: TestBusiness
    before(async () => {
      // Alone in its process, so that nothing but the calls below writes.
      server = await startTestServer({ backend, role: 'api' })
      business = await server.business()
      other = await server.business('Other Business')
      await business.api('GET', '/v1/webhook-endpoints')
    })
    afterEach(() => server.call('DELETE', '/sandbox/control'))
    after(async () => {
      await server.close()
      await stopOwnPostgres()
    })

    const post = (path: string, body: unknown, key: string) => business.api('POST', path, body, keyed(key))
    const fault = async (body: Body) =>
      assert.equal((await server.call('POST', '/sandbox/control/faults', { channel: 'paystack', ...body })).status, 201)
    const opened = async (): Promise<number> => (await server.call('GET', '/sandbox/control/checkouts')).body.length
    const rows = async () => (await countRows(server.ctx)) as Record<string, number>
    const listed = async (email: string): Promise<Body[]> =>
      (await business.api('GET', `/v1/payment-requests?search=${email}&per_page=100`)).body.data.payment_requests.data

    const endpoints: [string, Body, Body][] = [
      ['/v1/payment-requests', wish, { ...wish, amount: '101' }],
      ['/v1/customers', { email: 'replay@example.com', name: 'A' }, { email: 'replay@example.com', name: 'B' }],
      ['/v1/webhook-endpoints', { url: 'https://example.com/1' }, { url: 'https://example.com/2' }],
    ]
    for (const [path, body, otherBody] of endpoints) {
      test(`201 ${path} again with the same key and body is the first answer byte for byte, made once`, async () => {
        const first = await post(path, body, `again ${path}`)
        assert.equal(first.status, 201, first.text)
        const before = await rows()
        for (let times = 0; times < 3; times += 1) expectReplay(first, await post(path, body, `again ${path}`))
        assert.deepEqual(await rows(), before)
      })

      test(`422 ${path} with the same key and another body is refused and writes nothing`, async () => {
        const first = await post(path, { ...body, email: 'reuse@example.com' }, `reuse ${path}`)
        assert.equal(first.status, 201, first.text)
        const before = await rows()
        expectFailure(await post(path, otherBody, `reuse ${path}`), { status: 422, code: '011' })
        expectFailure(await post(path, { ...body, extra: 1 }, `reuse ${path}`), { status: 422, code: '011' })
        assert.deepEqual(await rows(), before)
        expectReplay(first, await post(path, { ...body, email: 'reuse@example.com' }, `reuse ${path}`))
      })
    }

    test('422 a key belongs to one path', async () => {
      const body = { email: 'path@example.com', name: 'P', url: 'https://example.com/path' }
      assert.equal((await post('/v1/customers', body, 'one path')).status, 201)
      expectFailure(await post('/v1/webhook-endpoints', body, 'one path'), { status: 422, code: '011' })
    })

    test('100 parallel twins make one request, one attempt and one page at the channel', async () => {
      const body = { ...wish, customer_email: 'twins@example.com', reference: 'twins' }
      const before = await opened()
      const answers = await Promise.all(Array.from({ length: 100 }, () => post('/v1/payment-requests', body, 'twins')))
      const made = answers.filter((one) => one.status === 201)
      const running = answers.filter((one) => one.status === 409)
      assert.equal(made.length + running.length, 100, answers.map((one) => one.status).join())
      assert.equal(made.filter((one) => !one.headers.get('idempotent-replayed')).length, 1)
      assert.equal(new Set(made.map((one) => one.text)).size, 1)
      for (const one of running) expectFailure(one, { status: 409, code: '012' })
      assert.equal((await listed('twins@example.com')).length, 1)
      assert.equal((await opened()) - before, 1)
      const attempts = await server.ctx.db
        .selectFrom('transactions as t')
        .innerJoin('payment_requests as r', 'r.id', 't.payment_request_id')
        .where('r.reference', '=', 'twins')
        .select('t.id')
        .execute()
      assert.equal(attempts.length, 1)
    })

    test('100 parallel twins make one customer, 100 without a key and one e-mail too', async () => {
      const body = { email: 'parallel@example.com', name: 'P' }
      const twins = await Promise.all(Array.from({ length: 100 }, () => post('/v1/customers', body, 'customers')))
      assert.deepEqual(
        [...new Set(twins.map((one) => one.status))].filter((status) => status !== 409),
        [201],
      )
      const requests = await Promise.all(
        Array.from({ length: 20 }, () =>
          business.api('POST', '/v1/payment-requests', { ...wish, customer_email: 'Both@Example.com' }),
        ),
      )
      assert.deepEqual([...new Set(requests.map((one) => one.status))], [201])
      const uuids = new Set(requests.map((one) => one.body.data.payment_request.customer.uuid))
      assert.equal(uuids.size, 1)
      const found = await business.api('GET', '/v1/customers?search=parallel@example.com')
      assert.equal(found.body.data.customers.total, 1)
    })

    test('409 while the first is running its twin is told to wait, and then gets the answer', async () => {
      await fault({ operation: 'open', kind: 'latency', ms: 1_500, times: 1 })
      const body = { ...wish, customer_email: 'slow@example.com' }
      const first = post('/v1/payment-requests', body, 'slow')
      await until(
        'the first one’s claim',
        async () =>
          (await server.ctx.db.selectFrom('idempotency_keys').select('key').where('key', '=', 'slow').execute())
            .length === 1,
      )
      const twin = await post('/v1/payment-requests', body, 'slow')
      expectFailure(twin, { status: 409, code: '012' })
      assert.ok(Number(twin.headers.get('retry-after')) >= 1)
      expectFailure(await post('/v1/payment-requests', { ...body, amount: 7 }, 'slow'), { status: 422, code: '011' })
      expectReplay(await first, await post('/v1/payment-requests', body, 'slow'))
      assert.equal((await listed('slow@example.com')).length, 1)
    })

    test('4xx a refusal is the answer of its key too, and stays it when the reason is gone', async () => {
      const taken = { email: 'taken@example.com', name: 'T' }
      const existing = await business.api('POST', '/v1/customers', taken)
      const refusals: [string, Body, number, string][] = [
        ['/v1/customers', taken, 409, '020'],
        ['/v1/payment-requests', { ...wish, payment_channel: 'stripe' }, 400, '031'],
        ['/v1/payment-requests', { ...wish, amount: '0.01' }, 400, '033'],
        ['/v1/payment-requests', { amount: 100, customer_uuid: '00000000-0000-7000-8000-000000000000' }, 404, '007'],
      ]
      const before = (await listed('ada@example.com')).length
      for (const [index, [path, body, status, code]] of refusals.entries()) {
        const first = await post(path, body, `refused ${index}`)
        expectFailure(first, { status, code })
        expectReplay(first, await post(path, body, `refused ${index}`))
        expectFailure(await post(path, { ...body, extra: 1 }, `refused ${index}`), { status: 422, code: '011' })
      }
      assert.equal((await listed('ada@example.com')).length, before)
      await business.api('DELETE', `/v1/customers/${existing.body.data.uuid}`)
      expectFailure(await post('/v1/customers', taken, 'refused 0'), { status: 409, code: '020' })
      assert.equal((await post('/v1/customers', taken, 'another key')).status, 201)
    })

    test('409 a duplicate reference is refused alike under its key, and the first request is untouched', async () => {
      const body = { ...wish, customer_email: 'dup@example.com', reference: 'dup' }
      const first = await post('/v1/payment-requests', body, 'dup 1')
      const refused = await post('/v1/payment-requests', body, 'dup 2')
      expectFailure(refused, { status: 409, code: '010', fields: ['reference'] })
      expectReplay(refused, await post('/v1/payment-requests', body, 'dup 2'))
      expectReplay(first, await post('/v1/payment-requests', body, 'dup 1'))
      assert.equal((await listed('dup@example.com')).length, 1)
    })

    test('422 a body that fails its schema uses up no key: corrected, it may be sent again', async () => {
      const before = await rows()
      expectFailure(await post('/v1/customers', { email: 'no' }, 'corrected'), { status: 422, code: '005' })
      assert.deepEqual(await rows(), before)
      assert.equal(
        (await post('/v1/customers', { email: 'corrected@example.com', name: 'C' }, 'corrected')).status,
        201,
      )
    })

    test('503 is not kept: sent again the same request goes on and is made once', async () => {
      await fault({ operation: 'open', kind: 'status', status: 503, times: 1 })
      const body = { ...wish, customer_email: 'resume@example.com', reference: 'resume' }
      const failed = await post('/v1/payment-requests', body, 'resume')
      expectFailure(failed, { status: 503, code: '035' })
      assert.ok(Number(failed.headers.get('retry-after')) > 0)
      const { payment_request_ref } = failed.body.error_data
      const again = await post('/v1/payment-requests', body, 'resume')
      assert.equal(again.status, 201, again.text)
      assert.equal(requestRef(again), payment_request_ref)
      assert.equal(again.headers.get('idempotent-replayed'), null)
      expectReplay(again, await post('/v1/payment-requests', body, 'resume'))
      const [only, ...more] = await listed('resume@example.com')
      assert.deepEqual([only.ref, only.status, more.length], [payment_request_ref, 'open', 0])
    })

    test('a dropped answer of the channel is not kept: the same request is opened again, once', async () => {
      await fault({ operation: 'open', kind: 'drop_after', times: 1 })
      const body = { ...wish, customer_email: 'dropped@example.com' }
      const failed = await post('/v1/payment-requests', body, 'dropped')
      expectFailure(failed, { status: 503, code: '035' })
      const again = await post('/v1/payment-requests', body, 'dropped')
      assert.equal(again.status, 201, again.text)
      assert.equal(requestRef(again), failed.body.error_data.payment_request_ref)
      assert.equal((await listed('dropped@example.com')).length, 1)
    })

    test('400 a retry that named a channel goes on at that channel alone', async () => {
      await fault({ operation: 'open', kind: 'status', status: 503, times: 1 })
      const body = { ...wish, customer_email: 'named@example.com', payment_channel: 'paystack' }
      expectFailure(await post('/v1/payment-requests', body, 'named'), { status: 503, code: '035' })
      const owner = { businessId: business.id, envMode: 'test', actor: commandLine } as const
      await setEnabled(server.ctx, owner, 'paystack', false)
      try {
        expectFailure(await post('/v1/payment-requests', body, 'named'), { status: 400, code: '031' })
      } finally {
        await setEnabled(server.ctx, owner, 'paystack', true)
      }
    })

    test('a key belongs to one business and mode: others may use the same', async () => {
      const body = { email: 'scoped@example.com', name: 'S' }
      const answers = [
        await business.api('POST', '/v1/customers', body, keyed('scoped')),
        await business.live('POST', '/v1/customers', body, keyed('scoped')),
        await other.api('POST', '/v1/customers', { ...body, name: 'Other' }, keyed('scoped')),
      ]
      assert.deepEqual(
        answers.map((one) => [one.status, one.headers.get('idempotent-replayed')]),
        [
          [201, null],
          [201, null],
          [201, null],
        ],
      )
      assert.equal(new Set(answers.map((one) => one.body.data.uuid)).size, 3)
    })

    test('without a key the same body twice is two requests', async () => {
      const body = { ...wish, customer_email: 'twice@example.com' }
      for (let times = 0; times < 2; times += 1) {
        assert.equal((await business.api('POST', '/v1/payment-requests', body)).status, 201)
      }
      assert.equal((await listed('twice@example.com')).length, 2)
    })

    test('a key on GET, PUT, PATCH or DELETE is nothing', async () => {
      const made = await business.api('POST', '/v1/customers', { email: 'verbs@example.com', name: 'V' })
      const path = `/v1/customers/${made.body.data.uuid}`
      for (const name of ['First', 'Second']) {
        const put = await business.api('PUT', path, { name }, keyed('verbs'))
        assert.equal(put.body.data.name, name)
        assert.equal(put.headers.get('idempotent-replayed'), null)
      }
      const read = await business.api('GET', path, undefined, keyed('verbs'))
      assert.equal(read.body.data.name, 'Second')
    })

    test('keys of 1 and of 255 characters work', async () => {
      for (const key of ['k', 'k'.repeat(255)]) {
        const body = { email: `k${key.length}@example.com`, name: 'K' }
        expectReplay(await post('/v1/customers', body, key), await post('/v1/customers', body, key))
      }
    })

    // Last: it moves the clock.
    test('a key is kept for 72 hours and then forgotten', async () => {
      const body = { email: 'old@example.com', name: 'O' }
      const first = await post('/v1/customers', body, 'old')
      server.clock.advance(72 * hourMs - minuteMs)
      await forgetOldClaims(server.ctx.db, server.clock.now())
      expectReplay(first, await post('/v1/customers', body, 'old'))
      server.clock.advance(2 * minuteMs)
      assert.ok((await forgetOldClaims(server.ctx.db, server.clock.now())) > 0)
      expectFailure(await post('/v1/customers', body, 'old'), { status: 409, code: '020' })
      assert.equal((await rows()).idempotency_keys, 1)
    })
  })
}

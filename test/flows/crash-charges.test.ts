import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import type { Keys } from '../../src/cli/operations.ts'
import { minuteMs } from '../../src/platform/clock.ts'
import { stopOwnPostgres } from '../support/postgres.ts'
import { openWorld, type Started, type World } from '../support/process.ts'
import { type Receiver, startReceiver } from '../support/receiver.ts'
import { type Answer, attemptRef, type Backend, type Body, call, requestRef } from '../support/server.ts'
import { until } from '../support/wait.ts'

/**
 * `kill -9` at each step of charging a saved method, restart on the same data, and the merchant repeats its call with the
 * same key. The money that the sandbox outside has moved is compared with our books.
 */
const charging = '/transaction/charge_authorization'

for (const backend of ['embedded', 'postgres'] satisfies Backend[]) {
  describe(`kill -9 charges nobody twice (${backend})`, () => {
    let world: World
    let server: Started
    let keys: Keys
    let receiver: Receiver
    let charge: (order: number) => Promise<Answer>
    let orders = 0
    before(async () => {
      world = await openWorld(backend)
      receiver = await startReceiver(async () => 200)
      server = await world.start()
      keys = await world.connect()
      await api('PUT', '/v1/business', { webhook_url: receiver.url, enabled_webhooks: 1, refund_save_charges: 0 })
      charge = await saveCard()
    })
    after(async () => {
      await world.close()
      await receiver.close()
      await stopOwnPostgres()
    })
    afterEach(() => world.provider.open())

    const api = (method: string, path: string, body?: unknown, headers?: Record<string, string>) =>
      call(server.url, method, path, body, { authentication: `Bearer ${keys.test.secret_key}`, ...headers })

    /** A customer with a saved card; gives what charges it. */
    async function saveCard() {
      const saving = await api('POST', '/v1/payment-requests/save-payment-method', {
        customer_email: 'ada@example.com',
      })
      assert.equal(saving.status, 201, saving.text)
      await world.control('POST', '/pay', { channel: 'paystack', reference: attemptRef(saving), outcome: 'success' })
      await api('PATCH', `/v1/payment-requests/${requestRef(saving)}/verify`)
      const customer = saving.body.data.payment_request.customer.uuid
      const [method] = (await api('GET', `/v1/customers/${customer}/payment-methods`)).body.data.payment_methods.data
      const body = { customer_uuid: customer, payment_method_uuid: method.uuid, amount: '120.50', currency: 'NGN' }
      return (order: number) =>
        api(
          'POST',
          '/v1/payment-requests/charge-payment-method',
          { ...body, reference: `charge-${order}` },
          { 'idempotency-key': `key-${order}` },
        )
    }
    /** Repeats the call as clients do, until what the killed process held is let go. */
    const chargeAgain = (order: number) =>
      until('the answer', async () => {
        const answer = await charge(order)
        return answer.status !== 409 && answer
      })
    const killAt = (side: 'before' | 'after', path: string): Promise<void> =>
      new Promise((resolve) => {
        world.provider[side] = async (called) => {
          if (!called.includes(path)) return undefined
          await server.kill()
          resolve()
          return 'cut'
        }
      })
    const restart = async (downMs?: number) => {
      world.provider.open()
      server = await world.restart(downMs)
    }
    /** The one request of this order. */
    const requestOf = async (order: number): Promise<Body> => {
      const { data } = (await api('GET', `/v1/payment-requests?search=charge-${order}`)).body.data.payment_requests
      assert.equal(data.length, 1)
      return data[0]
    }
    const settled = (order: number, status: string): Promise<Body> =>
      until(`charge ${order} to be ${status}`, async () => {
        const request = await requestOf(order)
        return request.status === status && request
      })
    const moved = async (reference: string): Promise<Body[]> =>
      ((await world.control('GET', '/ledger')).body as Body[]).filter(
        (row) => row.kind === 'charge' && row.status === 'success' && row.reference === reference,
      )
    const eventsOf = (ref: string) => receiver.received.filter(({ body }) => body.data.ref === ref)
    const toldOnce = async (ref: string, event: string) => {
      await until('the event', () => eventsOf(ref).length > 0)
      assert.deepEqual([...new Set(eventsOf(ref).map(({ body }) => body.event))], [event])
      assert.equal(new Set(eventsOf(ref).map(({ headers }) => headers['webhook-id'])).size, 1)
    }

    test('intent written, and the provider not reached: asked about, not sent again, and failed once nobody can have it', async () => {
      orders += 1
      const gone = killAt('before', charging)
      await assert.rejects(charge(orders))
      await gone
      await restart()
      const resumed = await chargeAgain(orders)
      assert.equal(resumed.status, 202, resumed.text)
      assert.equal((await charge(orders)).text, resumed.text)
      const { ref } = resumed.body.data.payment_request
      await server.kill()
      await restart(20 * minuteMs)
      const request = await settled(orders, 'failed')
      assert.equal(request.ref, ref)
      assert.deepEqual(await moved(request.last_transaction.ref), [])
      await toldOnce(ref, 'payment.failed')
    })

    test('charged at the provider, and its answer not written: the repeated call finds the money, and takes none', async () => {
      orders += 1
      const gone = killAt('after', charging)
      await assert.rejects(charge(orders))
      await gone
      let sent = 0
      await restart()
      world.provider.before = (path) => {
        if (path.includes(charging)) sent += 1
        return undefined
      }
      const resumed = await chargeAgain(orders)
      assert.equal(resumed.status, 201, resumed.text)
      const request = await settled(orders, 'successful')
      assert.equal(sent, 0)
      assert.equal((await moved(request.last_transaction.ref)).length, 1)
      await toldOnce(request.ref, 'payment.completed.successfully')
    })

    test('no answer, and killed while asking: the janitor finds the money after the restart', async () => {
      orders += 1
      world.provider.after = (path) => (path.includes(charging) ? 'cut' : undefined)
      const unknown = await charge(orders)
      assert.equal(unknown.status, 202, unknown.text)
      const gone = killAt('after', '/transaction/verify/')
      const asked = api('PATCH', `/v1/payment-requests/${unknown.body.data.payment_request.ref}/verify`).catch(
        () => null,
      )
      await gone
      await asked
      await restart()
      const request = await settled(orders, 'successful')
      assert.equal((await moved(request.last_transaction.ref)).length, 1)
      assert.equal((await charge(orders)).text, unknown.text)
      await toldOnce(request.ref, 'payment.completed.successfully')
    })
  })
}

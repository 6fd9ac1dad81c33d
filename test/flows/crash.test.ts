import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import pg from 'pg'
import type { Keys } from '../../src/cli/operations.ts'
import { stopOwnPostgres } from '../support/postgres.ts'
import { openWorld, type Started, type World } from '../support/process.ts'
import { type Received, type Receiver, startReceiver } from '../support/receiver.ts'
import { type Answer, attemptRef, type Backend, type Body, call, requestRef } from '../support/server.ts'
import { until } from '../support/wait.ts'

/**
 * `kill -9` at each step of a payment, restart some minutes later on the same data, and the client does what clients do:
 * repeats its call with the same key. The sandbox outside keeps the truth that our books are compared with.
 */
for (const backend of ['embedded', 'postgres'] satisfies Backend[]) {
  describe(`kill -9 loses nothing and does nothing twice (${backend})`, () => {
    let world: World
    let server: Started
    let keys: Keys
    let receiver: Receiver
    let onReceipt: (received: Received) => Promise<void>
    let orders = 0
    before(async () => {
      world = await openWorld(backend)
      receiver = await startReceiver(async (received) => {
        await onReceipt(received)
        return 200
      })
      server = await world.start()
      keys = await world.connect()
      const told = await api('PUT', '/v1/business', { webhook_url: receiver.url, enabled_webhooks: 1 })
      assert.equal(told.status, 200)
    })
    after(async () => {
      await world.close()
      await receiver.close()
      await stopOwnPostgres()
    })
    onReceipt = async () => {}
    afterEach(() => {
      world.provider.open()
      onReceipt = async () => {}
    })

    const api = (method: string, path: string, body?: unknown, headers?: Record<string, string>) =>
      call(server.url, method, path, body, { authentication: `Bearer ${keys.test.secret_key}`, ...headers })
    const pay = (reference: string) =>
      world.control('POST', '/pay', { channel: 'paystack', reference, outcome: 'success' })
    const retrieve = async (ref: string): Promise<Body> =>
      (await api('GET', `/v1/payment-requests/retrieve-by-ref/${ref}`)).body.data.payment_request
    const eventsOf = (ref: string) => receiver.received.filter(({ body }) => body.data.ref === ref)
    const paidAs = (ref: string) =>
      until('the payment', async () => {
        const now = await retrieve(ref)
        return now.status === 'successful' && now
      })
    const initiate = (order: number) =>
      api(
        'POST',
        '/v1/payment-requests',
        { customer_email: 'ada@example.com', amount: '120.50', currency: 'NGN', reference: `order-${order}` },
        { 'idempotency-key': `key-${order}` },
      )
    /** Repeats the call as clients do, until what the killed process held is let go. */
    const initiateAgain = (order: number) =>
      until('the answer', async () => {
        const answer = await initiate(order)
        assert.ok([201, 409].includes(answer.status), answer.text)
        return answer.status === 201 && answer
      })
    /** An open payment; the number names order and key. */
    const open = async (): Promise<Answer> => {
      orders += 1
      const opened = await initiate(orders)
      assert.equal(opened.status, 201)
      return opened
    }
    /** Kills the server when a call to the provider passes, and says when it is gone. */
    const killAt = (side: 'before' | 'after', path: string): Promise<void> =>
      new Promise((resolve) => {
        world.provider[side] = async (called) => {
          if (!called.includes(path)) return undefined
          await server.kill()
          resolve()
          return 'cut'
        }
      })
    const restart = async () => {
      world.provider.open()
      server = await world.restart()
    }

    /** Paid once, told once on the timeline, and every copy of the event the same. */
    const assertPaidOnce = async (ref: string) => {
      const paid = await paidAs(ref)
      const successes = await until('the event', () => {
        const told = eventsOf(ref).filter(({ body }) => body.event === 'payment.completed.successfully')
        return told.length > 0 && told
      })
      assert.equal(new Set(successes.map(({ headers }) => headers['webhook-id'])).size, 1)
      assert.equal(new Set(successes.map(({ text }) => text)).size, 1)
      const confirmed = paid.timeline_records.filter((line: Body) => line.status === 'successful')
      assert.equal(confirmed.length, 1)
    }

    test('accepted, and the provider not yet reached: the repeated call gives one request with one page', async () => {
      orders += 1
      const gone = killAt('before', '/transaction/initialize')
      await assert.rejects(initiate(orders))
      await gone
      assert.deepEqual((await world.control('GET', '/checkouts')).body, [])
      await restart()
      const resumed = await initiateAgain(orders)
      const again = await initiate(orders)
      assert.equal(again.text, resumed.text)
      const checkouts = (await world.control('GET', '/checkouts')).body as Body[]
      assert.deepEqual(
        checkouts.map(({ reference }) => reference),
        [attemptRef(resumed)],
      )
      const listed = (await api('GET', `/v1/payment-requests?search=order-${orders}`)).body.data.payment_requests
      assert.equal(listed.data.length, 1)
      await pay(attemptRef(resumed))
      await assertPaidOnce(requestRef(resumed))
    })

    test('opened at the provider, and its answer not written: the page nobody saw is void, its money excess', async () => {
      orders += 1
      const gone = killAt('after', '/transaction/initialize')
      await assert.rejects(initiate(orders))
      await gone
      const [unseen] = (await world.control('GET', '/checkouts')).body as Body[]
      assert.ok(unseen)
      await restart()
      const resumed = await initiateAgain(orders)
      assert.notEqual(attemptRef(resumed), unseen.reference)
      const ref = requestRef(resumed)
      await pay(unseen.reference)
      await until('the excess', () => eventsOf(ref).some(({ body }) => body.event === 'payment.excess'))
      assert.equal((await retrieve(ref)).status, 'open')
      await pay(attemptRef(resumed))
      await assertPaidOnce(ref)
    })

    test('provider webhook stored, and not acted on: acted on after the restart', async () => {
      const opened = await open()
      const gone = killAt('before', '/transaction/verify/')
      await pay(attemptRef(opened))
      await gone
      await restart()
      await assertPaidOnce(requestRef(opened))
      if (world.databaseUrl) {
        const hooks = await query(
          world.databaseUrl,
          `select outcome, attempts > 1 as again from hook_inbox where subject->>'reference' = '${attemptRef(opened)}'`,
        )
        assert.deepEqual(hooks, [{ outcome: 'asked', again: true }])
      }
    })

    test('provider said paid, and nothing written: asked again after the restart', async () => {
      const opened = await open()
      const gone = killAt('after', '/transaction/verify/')
      await pay(attemptRef(opened))
      await gone
      await restart()
      await assertPaidOnce(requestRef(opened))
    })

    test('state written, and the event not delivered: delivered after the restart', async () => {
      const opened = await open()
      const ref = requestRef(opened)
      // Nobody makes or takes a delivery while this holds the table.
      const release = world.databaseUrl ? await holdDeliveries(world.databaseUrl) : async () => {}
      try {
        await pay(attemptRef(opened))
        await paidAs(ref)
        await server.kill()
        if (world.databaseUrl) assert.equal(eventsOf(ref).length, 0)
      } finally {
        await release()
      }
      await restart()
      await assertPaidOnce(ref)
    })

    test('delivery sent, and not marked: sent again with the same id and body', async () => {
      const opened = await open()
      const ref = requestRef(opened)
      const gone = new Promise<void>((resolve) => {
        onReceipt = async () => {
          onReceipt = async () => {}
          await server.kill()
          resolve()
        }
      })
      await pay(attemptRef(opened))
      await gone
      assert.equal(eventsOf(ref).length, 1)
      await restart()
      await until('the second delivery', () => eventsOf(ref).length === 2)
      await assertPaidOnce(ref)
    })

    test('the books agree with the provider: one counted success a request, every event delivered', async () => {
      const { data: requests } = (await api('GET', '/v1/payment-requests?per_page=100')).body.data.payment_requests
      assert.equal(requests.length, orders)
      assert.deepEqual(new Set(requests.map((one: Body) => one.status)), new Set(['successful']))
      const moved = ((await world.control('GET', '/ledger')).body as Body[]).filter(
        // What came in excess goes back, and says so.
        ({ kind, status }) => kind === 'charge' && ['success', 'reversed'].includes(status),
      )
      assert.equal(moved.length, orders + 1)
      for (const { last_transaction } of requests) {
        assert.ok(moved.some((row) => row.reference === last_transaction.ref && row.amount_minor === 12_050))
      }
      const { data: listed } = (await api('GET', '/v1/events?per_page=100')).body.data.events
      const events = (listed as Body[]).filter((event) => event.event.startsWith('payment.'))
      assert.equal(events.length, orders + 1)
      for (const event of events) {
        const copies = receiver.received.filter(({ headers }) => headers['webhook-id'] === event.uuid)
        assert.ok(copies.length >= 1, `event ${event.uuid} was never delivered`)
        assert.equal(new Set(copies.map(({ text }) => text)).size, 1)
      }
    })
  })
}

async function query(url: string, statement: string): Promise<Body[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(statement)).rows
  } finally {
    await client.end()
  }
}

/** Locks the deliveries until the function that it gives is called. */
async function holdDeliveries(url: string): Promise<() => Promise<void>> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query('begin; lock table webhook_deliveries in access exclusive mode')
  return () => client.end()
}

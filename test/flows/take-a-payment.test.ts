import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Webhook } from 'standardwebhooks'
import { stopOwnPostgres } from '../support/postgres.ts'
import { type Receiver, startReceiver } from '../support/receiver.ts'
import {
  attemptRef,
  type Backend,
  payAtSandbox,
  requestRef,
  startTestServer,
  type TestBusiness,
  type TestServer,
} from '../support/server.ts'
import { until } from '../support/wait.ts'

for (const backend of ['embedded', 'postgres'] satisfies Backend[]) {
  describe(`take a payment (${backend})`, () => {
    let server: TestServer
    let business: TestBusiness
    let receiver: Receiver
    before(async () => {
      server = await startTestServer({ backend })
      business = await server.business()
      receiver = await startReceiver()
      await business.api('PUT', '/v1/business', { webhook_url: receiver.url, enabled_webhooks: 1 })
    })
    after(async () => {
      await receiver.close()
      await server.close()
      await stopOwnPostgres()
    })

    const retrieve = async (ref: string) =>
      (await business.api('GET', `/v1/payment-requests/retrieve-by-ref/${ref}`)).body.data.payment_request

    test('201 a request is opened, paid, confirmed by the channel, told on the timeline and by a signed webhook', async () => {
      const created = await business.api('POST', '/v1/payment-requests', {
        customer_email: 'ada@example.com',
        amount: '100.50',
        currency: 'NGN',
        reference: `order-1-${backend}`,
      })
      assert.equal(created.status, 201)
      assert.match(created.body.data.action, /\/sandbox\/paystack\/checkout\//)
      assert.equal((await payAtSandbox(server.url, attemptRef(created))).status, 200)
      const paid = await until('the payment', async () => {
        const now = await retrieve(requestRef(created))
        return now.status === 'successful' && now
      })
      assert.equal(paid.last_transaction.status, 'successful')
      assert.equal(paid.payment_method, 'Card')
      assert.deepEqual(
        paid.timeline_records.map((line: { summary: string }) => line.summary),
        ['Payment initiated', 'Asyncpay relayed payment to Paystack', 'Paystack confirmed the payment'],
      )
      const [event] = await until('the webhook', () => receiver.received.length === 1 && receiver.received)
      assert.ok(event)
      assert.equal(event.body.event, 'payment.completed.successfully')
      assert.equal(event.body.data.reference, `order-1-${backend}`)
      assert.equal(event.body.data.status, 'successful')
      assert.equal(event.headers['asyncpay-secret'], business.keys.test.webhook_secret)
      assert.ok(new Webhook(business.keys.test.webhook_secret).verify(event.text, event.headers))
    })

    test('a declined attempt leaves the request open and the same page may still be paid', async () => {
      const created = await business.api('POST', '/v1/payment-requests', {
        customer_email: 'b@example.com',
        amount: 200,
      })
      await payAtSandbox(server.url, attemptRef(created), 'failed')
      const ref = requestRef(created)
      const verified = await business.api('PATCH', `/v1/payment-requests/${ref}/verify`)
      assert.equal(verified.status, 200)
      assert.equal(verified.body.data.payment_request.status, 'open')
      assert.equal(verified.body.data.payment_request.last_transaction.status, 'failed')
      await payAtSandbox(server.url, attemptRef(created))
      await until('the second attempt', async () => (await retrieve(ref)).status === 'successful')
    })

    test('200 cancel voids the attempt; money that comes after is excess and told', async () => {
      const created = await business.api('POST', '/v1/payment-requests', {
        customer_email: 'c@example.com',
        amount: 300,
      })
      const ref = requestRef(created)
      const cancelled = await business.api('PATCH', `/v1/payment-requests/${ref}/cancel`)
      assert.equal(cancelled.body.data.payment_request.status, 'cancelled')
      assert.equal(cancelled.body.data.payment_request.last_transaction.status, 'voided')
      await payAtSandbox(server.url, attemptRef(created))
      const late = await until('the excess', async () => {
        const now = await retrieve(ref)
        return now.last_transaction.status === 'excess' && now
      })
      assert.equal(late.status, 'cancelled')
      await until('its event', () =>
        receiver.received.some((one) => one.body.event === 'payment.excess' && one.body.data.ref === ref),
      )
    })
  })
}

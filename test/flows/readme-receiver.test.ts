import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { stopOwnPostgres } from '../support/postgres.ts'
import { type Received, startReceiver } from '../support/receiver.ts'
import {
  type Body,
  call,
  payAtSandbox,
  startTestServer,
  type TestBusiness,
  type TestServer,
} from '../support/server.ts'
import { until } from '../support/wait.ts'

after(stopOwnPostgres)

const root = join(import.meta.dirname, '../..')

interface Order {
  amount: string
  currency: string
}

/** The receiver as README.md has it, beside orders that a test keeps. */
async function receiverOf(folder: string, orders: Map<string, Order>, paid: string[]) {
  const [, code] = /```ts\n(import \{ Webhook \}[\s\S]*?)```/.exec(readFileSync(join(root, 'README.md'), 'utf8')) ?? []
  assert.ok(code, 'README.md has no receiver')
  const shared = globalThis as { readmeOrders?: unknown }
  shared.readmeOrders = {
    findOrder: async (ref: string) => orders.get(ref),
    markAsPaid: (ref: string) => paid.push(ref),
  }
  writeFileSync(join(folder, 'orders.mjs'), 'export const { findOrder, markAsPaid } = globalThis.readmeOrders\n')
  const file = join(folder, 'receiver.mjs')
  writeFileSync(file, stripTypeScriptTypes(code).replace('./orders.ts', './orders.mjs'))
  const { receive } = await import(pathToFileURL(file).href)
  return receive as (body: string, headers: Record<string, string>) => Promise<void>
}

describe('the receiver of README.md', () => {
  let server: TestServer
  let business: TestBusiness
  let hooks: Awaited<ReturnType<typeof startReceiver>>
  let folder: string
  const orders = new Map<string, Order>()
  const paid: string[] = []
  let receive: Awaited<ReturnType<typeof receiverOf>>

  before(async () => {
    server = await startTestServer({ backend: 'postgres' })
    business = await server.business()
    hooks = await startReceiver()
    await business.api('PUT', '/v1/business', { webhook_url: hooks.url, enabled_webhooks: 1 })
    process.env.ASYNCPAY_WEBHOOK_SECRET = business.keys.test.webhook_secret
    process.env.ASYNCPAY_MODE = 'test'
    // Inside node_modules, so that the receiver finds the library that it imports.
    mkdirSync(join(root, 'node_modules/.cache'), { recursive: true })
    folder = mkdtempSync(join(root, 'node_modules/.cache/readme-'))
    receive = await receiverOf(folder, orders, paid)
  })
  after(async () => {
    await server.close()
    await hooks.close()
    rmSync(folder, { recursive: true, force: true })
  })

  /** A payment by the public key, paid; gives the event that told of it. */
  const pay = async (wish: { reference: string; amount: string; currency: string }): Promise<Received> => {
    const body = { customer_email: 'ada@example.com', payment_channel: 'paystack', ...wish }
    const authentication = `Bearer ${business.keys.test.public_key}`
    const opened = await call(server.url, 'POST', '/v1/sdk/initialize-payment-request', body, { authentication })
    assert.equal(opened.status, 201, opened.text)
    await payAtSandbox(server.url, opened.body.data.payment_request.last_transaction.ref)
    const isIt = (one: { body: Body }) =>
      one.body.event === 'payment.completed.successfully' && one.body.data.reference === wish.reference
    return await until('the webhook', async () => hooks.received.find(isIt))
  }

  test('gives value for what was ordered, and for nothing less, nor other, nor of another mode', async () => {
    for (const reference of ['order-1', 'order-2', 'order-3'])
      orders.set(reference, { amount: '4500', currency: 'NGN' })
    const right = await pay({ reference: 'order-1', amount: '4500', currency: 'NGN' })
    const less = await pay({ reference: 'order-2', amount: '50', currency: 'NGN' })
    const unknown = await pay({ reference: 'order-9', amount: '4500', currency: 'NGN' })
    for (const one of [right, less, unknown]) await receive(one.text, one.headers)
    assert.deepEqual(paid, ['order-1'])

    process.env.ASYNCPAY_MODE = 'live'
    await receive(right.text, right.headers)
    process.env.ASYNCPAY_MODE = 'test'
    orders.set('order-1', { amount: '4500', currency: 'GHS' })
    await receive(right.text, right.headers)
    assert.deepEqual(paid, ['order-1'])
    await assert.rejects(receive(right.text.replace('4500', '9500'), right.headers))
  })
})

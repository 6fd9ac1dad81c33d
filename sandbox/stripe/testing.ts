import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import Stripe from 'stripe'
import type { RunningSandbox, StartSandbox } from '../server.ts'
import { type Answer, call, KEY, sandboxFor } from '../testing.ts'

/** What the tests of the emulated Stripe share: the real package, pointed at the sandbox. */

export const SECRET = 'whsec_test_0123456789abcdef'

export interface Bench {
  running: RunningSandbox
  url: string
  client: Stripe
}

export async function benchFor(t: TestContext, options: Partial<StartSandbox> = {}): Promise<Bench> {
  const running = await sandboxFor(t, options)
  return { running, url: running.url, client: clientFor(running.url) }
}

/** The package knows hosts, not paths: the prefix is put before every path. No sockets are kept. */
export function clientFor(url: string, key: string = KEY): Stripe {
  const base = new URL(url)
  const send: typeof fetch = (input, init) => {
    const asked = new URL(String(input))
    const headers = new Headers(init?.headers)
    headers.set('connection', 'close')
    return fetch(`${base.origin}${base.pathname}/stripe${asked.pathname}${asked.search}`, { ...init, headers })
  }
  return new Stripe(key, {
    ...{ host: base.hostname, port: base.port, protocol: 'http', telemetry: false, maxNetworkRetries: 0 },
    httpClient: Stripe.createFetchHttpClient(send),
  })
}

export function pageParams(
  reference: string,
  more: Partial<Stripe.Checkout.SessionCreateParams> = {},
  money = { currency: 'usd', unit_amount: 5000 },
): Stripe.Checkout.SessionCreateParams {
  return {
    mode: 'payment',
    line_items: [{ quantity: 1, price_data: { ...money, product_data: { name: 'Order 7' } } }],
    client_reference_id: reference,
    customer_email: 'ada@example.com',
    success_url: 'https://shop.example/back?order=7&session_id={CHECKOUT_SESSION_ID}',
    cancel_url: 'https://shop.example/cancel',
    ...more,
  }
}

/** A customer with a card that was saved while paying. */
export async function savedCard(bench: Bench, reference: string, card: string) {
  const payment_intent_data = { setup_future_usage: 'off_session' } as const
  const params = pageParams(reference, { customer_creation: 'always', payment_intent_data })
  const { id } = await bench.client.checkout.sessions.create(params)
  assert.equal((await payPage(bench.url, reference, { card })).status, 200)
  const session = await bench.client.checkout.sessions.retrieve(id, { expand: ['payment_intent'] })
  const { payment_method, customer } = session.payment_intent as Stripe.PaymentIntent
  assert.ok(typeof payment_method === 'string' && typeof customer === 'string')
  return { customer, payment_method }
}

export function payPage(url: string, reference: string, more: Record<string, unknown> = {}): Promise<Answer> {
  return call('POST', `${url}/control/pay`, { channel: 'stripe', reference, outcome: 'success', ...more }, null)
}

export async function ledgerOf(url: string): Promise<Record<string, unknown>[]> {
  const { body } = await call('GET', `${url}/control/ledger`, undefined, null)
  return body.map(({ at: _at, ...row }: Record<string, unknown>) => row)
}

/** The package's error of a call that must fail. */
export async function refusalOf(promise: Promise<unknown>): Promise<Stripe.errors.StripeError> {
  try {
    await promise
  } catch (error) {
    assert.ok(error instanceof Stripe.errors.StripeError, String(error))
    return error
  }
  return assert.fail('the call should have been refused')
}

import assert from 'node:assert/strict'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type RunningSandbox, type StartSandbox, startSandbox } from './server.ts'

/** What the tests of the sandbox share: a sandbox on a free port, calls, and a merchant that receives webhooks. */
export const KEY = 'sk_test_0123456789abcdef'

export interface Answer {
  status: number
  headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: tests read answers of many shapes; a wrong one fails the assertion.
  body: any
}

export async function sandboxFor(t: TestContext, options: Partial<StartSandbox> = {}): Promise<RunningSandbox> {
  const running = await startSandbox({ port: 0, webhookRetryDelaysMs: [20, 20, 20], ...options })
  t.after(() => running.close())
  return running
}

export async function call(method: string, url: string, body?: unknown, key: string | null = KEY): Promise<Answer> {
  const headers: Record<string, string> = { connection: 'close' }
  if (key !== null) headers.authorization = `Bearer ${key}`
  if (body !== undefined) headers['content-type'] = 'application/json'
  const sent = body === undefined ? {} : { body: JSON.stringify(body) }
  const response = await fetch(url, { method, headers, redirect: 'manual', ...sent })
  const text = await response.text()
  const isJson = response.headers.get('content-type')?.includes('json') ?? false
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text }
}

export interface Received {
  headers: IncomingHttpHeaders
  raw: string
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  body: any
}

export interface Merchant {
  url: string
  received: Received[]
  /** What it answers with, for one webhook after the other; 200 when used up. */
  answers: number[]
  close(): Promise<void>
}

/** A merchant's webhook endpoint. */
export async function merchantFor(t: TestContext): Promise<Merchant> {
  const received: Received[] = []
  const answers: number[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk) => chunks.push(chunk))
    request.on('end', () => {
      const raw = Buffer.concat(chunks).toString()
      received.push({ headers: request.headers, raw, body: JSON.parse(raw) })
      response.writeHead(answers.shift() ?? 200).end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  t.after(close)
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks`, received, answers, close }
}

/** Waits until the condition gives something, at most ten seconds. */
export async function until<T>(what: string, condition: () => T | Promise<T>): Promise<NonNullable<T>> {
  const deadline = Date.now() + 10_000
  while (Date.now() < deadline) {
    const value = await condition()
    if (value) return value
    await sleep(10)
  }
  assert.fail(`waited 10 s in vain for: ${what}`)
}

/** Opens a Paystack checkout; more of the body as given. */
export async function openCheckout(
  url: string,
  reference: string,
  more: Record<string, unknown> = {},
): Promise<Answer> {
  const body = { email: 'ada@example.com', amount: 150_000, currency: 'NGN', reference, ...more }
  return call('POST', `${url}/paystack/transaction/initialize`, body)
}

export async function payCheckout(url: string, reference: string, more: Record<string, unknown> = {}): Promise<Answer> {
  return call('POST', `${url}/control/pay`, { channel: 'paystack', reference, outcome: 'success', ...more }, null)
}

export async function verify(url: string, reference: string): Promise<Answer> {
  return call('GET', `${url}/paystack/transaction/verify/${reference}`)
}

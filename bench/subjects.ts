import { createHash, createHmac } from 'node:crypto'

/**
 * What is measured, one line each: how the n-th request of a load looks. A new endpoint joins by a line here and its
 * name in `createSubjects` (or a phase of its own).
 */

/** What the subjects need to know of the set-up; travels to the load generator. */
export interface Target {
  /** Origin, e.g. `http://127.0.0.1:8080`. */
  url: string
  secretKey: string
  publicKey: string
  hookPath: string
  /** The channel's secret, which signs its webhooks. */
  channelSecret: string
  /** Tells one run's idempotency keys from another's on the same database. */
  run: string
  /** Payment requests stored by `store.ts`; 0 before. */
  stored: number
  customerIds: string[]
}

export interface Made {
  method: 'GET' | 'POST'
  path: string
  headers: Record<string, string>
  body?: string
}

export type Subject = (target: Target, n: number) => Made

/** Customers that creates are drawn from. */
export const customers = 1_000
export const customerEmail = (n: number): string => `payer${n % customers}@bench.example`

/** The ref of the n-th stored payment request; `store.ts` makes the same in SQL. */
export const storedRef = (n: number): string => `AsP-${md5(`ref${n}`).slice(0, 13)}`
export const md5 = (text: string): string => createHash('md5').update(text).digest('hex')

/** Spreads consecutive numbers over 0 … `size` − 1 (Knuth's multiplicative hash). */
const spread = (n: number, size: number): number => (Math.imul(n + 1, 2654435761) >>> 0) % Math.max(1, size)

const secret = (target: Target) => ({ authentication: `Bearer ${target.secretKey}` })

const createBody = (n: number): string =>
  JSON.stringify({
    customer_email: customerEmail(spread(n, customers)),
    amount: `${100 + (n % 900)}.50`,
    currency: 'NGN',
    description: 'Order from the bench, two items and delivery',
    success_redirect_url: 'https://shop.example/thanks',
    failure_redirect_url: 'https://shop.example/sorry',
    meta_data: { order: n, cart: 'a1b2c3', source: 'web' },
  })

const get =
  (path: string): Subject =>
  (target) => ({ method: 'GET', path, headers: secret(target) })
const list = (query: string): Subject => get(`/v1/payment-requests?${query}`)
/** A month in the middle of the stored time (see `store.ts`). */
const dayOf = (daysAgo: number) => new Date(Date.now() - daysAgo * 86_400_000).toISOString().slice(0, 10)

const table = {
  floor: (_target, n) => ({
    method: 'POST',
    path: '/',
    headers: { 'content-type': 'application/json' },
    body: createBody(n),
  }),
  create: (target, n) => ({
    method: 'POST',
    path: '/v1/sdk/initialize-payment-request',
    headers: {
      'content-type': 'application/json',
      'idempotency-key': `${target.run}-c${n}`,
      authentication: `Bearer ${target.publicKey}`,
    },
    body: createBody(n),
  }),
  'payment-requests': (target, n) => ({
    method: 'POST',
    path: '/v1/payment-requests',
    headers: {
      'content-type': 'application/json',
      'idempotency-key': `${target.run}-${n}`,
      ...secret(target),
    },
    body: createBody(n),
  }),
  retrieve: (target, n) => ({
    method: 'GET',
    path: `/v1/payment-requests/retrieve-by-ref/${storedRef(spread(n, target.stored))}`,
    headers: secret(target),
  }),
  'list all': list('per_page=20'),
  'list by status': list('per_page=20&status=failed'),
  'list by customer': (target, n) => ({
    method: 'GET',
    path: `/v1/payment-requests?per_page=20&customer_uuid=${target.customerIds[spread(n, target.customerIds.length)]}`,
    headers: secret(target),
  }),
  'list by status and month': list(`per_page=20&status=successful&from=${dayOf(120)}&to=${dayOf(90)}`),
  'list by channel': list('per_page=20&payment_channel=paystack'),
  'list by search': (target, n) => ({
    method: 'GET',
    path: `/v1/payment-requests?per_page=20&search=${storedRef(spread(n, target.stored))}`,
    headers: secret(target),
  }),
  hook: (target, n) => {
    const data = {
      id: n + 1,
      status: 'success',
      reference: `AsT-none-${n}`,
      amount: 10050,
      currency: 'NGN',
      channel: 'card',
    }
    const body = JSON.stringify({
      event: 'charge.success',
      data: { ...data, gateway_response: 'Successful', fees: 150 },
    })
    const signature = createHmac('sha512', target.channelSecret).update(body).digest('hex')
    return {
      method: 'POST',
      path: target.hookPath,
      headers: { 'content-type': 'application/json', 'x-paystack-signature': signature },
      body,
    }
  },
} satisfies Record<string, Subject>

export type SubjectName = keyof typeof table
export const subjects: Readonly<Record<SubjectName, Subject>> = table

/** Creates that are set against the floor. The first is the one that the bar is for. */
export const createSubjects: readonly { name: SubjectName; title: string }[] = [
  { name: 'create', title: 'create without a channel call' },
  { name: 'payment-requests', title: 'POST /v1/payment-requests, provider answers at once' },
]

export const listSubjects = [
  'list all',
  'list by status',
  'list by customer',
  'list by status and month',
  'list by channel',
  'list by search',
] as const satisfies SubjectName[]

import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { before, test } from 'node:test'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { startSandbox } from '../server.ts'
import { call, KEY, merchantFor, until } from '../testing.ts'
import { clientFor, pageParams, payPage, refusalOf } from './testing.ts'

/**
 * The sandbox's answers against the types of stripe 23.1.0 (JSON Schema, the API version that we speak) and, for what
 * those do not cover (paths, errors, events, lists), against Stripe's own OpenAPI text, which is three years older.
 */
const FOLDER = resolve(import.meta.dirname, '../../../shared/contracts')
const FILES = ['stripe.schemas.json', 'stripe.openapi.json'].map((name) => join(FOLDER, name))
const MISSING = FILES.some((file) => !existsSync(file))

type Json = Record<string, unknown>

const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false })
const answers: { schema: string | null; spec: string | null; status: number; body: unknown }[] = []
const events = new Map<string, Json>()
let spec: Json = {}

before(async () => {
  if (MISSING) return
  const [schemas, text] = FILES.map((file) => JSON.parse(readFileSync(file, 'utf8'))) as [Json, Json]
  ajv.addSchema({ $id: 'types', $defs: schemas.$defs })
  spec = text
  await journey()
})

const skip = MISSING && process.env.CI === undefined ? `no contracts at ${FOLDER}` : false

test('every answer fits the types of the package', { skip }, () => {
  assert.ok(!MISSING, `CI needs the contracts at ${FOLDER}`)
  const complaints = answers.flatMap(({ schema, body }) => (schema === null ? [] : againstTypes(schema, body)))
  assert.deepEqual(complaints, [])
  assert.deepEqual([...new Set(answers.map(({ schema }) => schema))].filter((schema) => schema !== null).sort(), [
    ...['balance', 'charge', 'checkout.session', 'customer', 'payment_intent', 'payment_method', 'payout', 'refund'],
    ...['setup_intent', 'transfer', 'webhook_endpoint'],
  ])
})

test('every path, error and list fits the OpenAPI text', { skip }, () => {
  const complaints = answers.flatMap(({ spec: name, status, body }) => {
    if (name === null) return []
    const [method, path] = name.split(' ') as [string, string]
    const operation = (spec.paths as Record<string, Record<string, { responses: Json }>>)[path]?.[method.toLowerCase()]
    assert.ok(operation, name)
    const response = operation.responses[status === 200 ? '200' : 'default'] as { content: Json }
    const { schema } = response.content['application/json'] as { schema: Json }
    // What a resource holds is told by the newer types; of the text only the outer form counts.
    return status === 200 && !isList(body) ? [] : validate(`spec ${name}`, outer(schema), body)
  })
  assert.deepEqual(complaints, [])
})

test('every event fits, and holds a whole object', { skip }, () => {
  const complaints = [...events].flatMap(([type, body]) => {
    const { object } = body.data as { object: Json }
    return [
      ...validate(`event ${type}`, outer({ $ref: '#/components/schemas/event' }), body),
      ...againstTypes(String(object.object), object),
    ]
  })
  assert.deepEqual(complaints, [])
  assert.deepEqual([...events.keys()].sort(), [
    ...[
      'charge.failed',
      'charge.pending',
      'charge.refunded',
      'charge.succeeded',
      'checkout.session.async_payment_failed',
      'checkout.session.async_payment_succeeded',
      'checkout.session.completed',
      'checkout.session.expired',
    ],
    ...['payment_intent.created', 'payment_intent.payment_failed', 'payment_intent.processing'],
    ...[
      'payment_intent.succeeded',
      'payout.canceled',
      'payout.created',
      'refund.created',
      'setup_intent.created',
      'setup_intent.succeeded',
      'transfer.created',
    ],
  ])
})

test('the guard itself fires', { skip }, () => {
  assert.deepEqual(
    againstTypes('refund', { id: 1 }).includes('types refund /id: must be string {"type":"string"}'),
    true,
  )
  assert.equal(validate('spec', outer({ $ref: '#/components/schemas/error' }), { message: 'no' }).length, 1)
})

/** One of everything, kept for the tests above. */
async function journey(): Promise<void> {
  const closers: (() => Promise<void> | void)[] = []
  // The merchant's helper wants a test to clean up after; this journey does it by itself.
  const merchant = await merchantFor({ after: (close: () => Promise<void>) => closers.push(close) } as never)
  const { url, sandbox, close } = await startSandbox({ port: 0 })
  try {
    sandbox.setAccount({ channel: 'stripe', secretKey: KEY, webhookUrl: merchant.url })
    await payments(url)
    await debits(url)
    await cards(url)
    await money(url)
    await refusals(url)
    const all = 18
    await until('every event', () => new Set(merchant.received.map(({ body }) => body.type)).size === all)
    for (const { body } of merchant.received) events.set(body.type, body)
  } finally {
    await close()
    for (const one of closers) await one()
  }
}

/** Keeps what the wire said, by a plain GET: the package would add to it. */
async function keep(url: string, path: string, schema: string | null, specPath: string): Promise<Json> {
  const answer = await call('GET', `${url}/stripe/v1${path}`)
  assert.equal(answer.status, 200, JSON.stringify(answer.body))
  answers.push({ schema, spec: `GET /v1${specPath}`, status: 200, body: answer.body })
  return answer.body
}

async function payments(url: string): Promise<void> {
  const client = clientFor(url)
  const session = (id: string) =>
    keep(url, `/checkout/sessions/${id}`, 'checkout.session', '/checkout/sessions/{session}')
  const { id } = await client.checkout.sessions.create(pageParams('c-1', { customer_creation: 'always' }))
  await session(id)
  await payPage(url, 'c-1', { card: '4000000000000002' })
  const refused = await session(id)
  await keep(url, `/payment_intents/${refused.payment_intent}`, 'payment_intent', '/payment_intents/{intent}')
  await payPage(url, 'c-1')
  const { payment_intent } = await session(id)
  const intent = await keep(url, `/payment_intents/${payment_intent}`, 'payment_intent', '/payment_intents/{intent}')
  await keep(url, `/charges/${intent.latest_charge}`, 'charge', '/charges/{charge}')
  await keep(url, `/checkout/sessions/${id}/line_items`, null, '/checkout/sessions/{session}/line_items')
  const gone = await client.checkout.sessions.create(pageParams('c-2'))
  await client.checkout.sessions.expire(gone.id)
  await session(gone.id)
  await keep(url, '/checkout/sessions', null, '/checkout/sessions')
  const refund = await client.refunds.create({ payment_intent: String(payment_intent), amount: 100 })
  await keep(url, `/refunds/${refund.id}`, 'refund', '/refunds/{refund}')
  await keep(url, '/refunds', null, '/refunds')
}

/** Money that takes its time: under way, come back, and arrived. */
async function debits(url: string): Promise<void> {
  const client = clientFor(url)
  for (const [reference, outcome] of Object.entries({ 'c-3': 'failed', 'c-4': 'success' })) {
    const { id } = await client.checkout.sessions.create(pageParams(reference))
    await payPage(url, reference, { outcome: 'processing', method: 'us_bank_account' })
    for (const ends of [false, true]) {
      if (ends) await payPage(url, reference, { outcome })
      const session = await keep(url, `/checkout/sessions/${id}`, 'checkout.session', '/checkout/sessions/{session}')
      const path = `/payment_intents/${session.payment_intent}`
      const intent = await keep(url, path, 'payment_intent', '/payment_intents/{intent}')
      const charge = await keep(url, `/charges/${intent.latest_charge}`, 'charge', '/charges/{charge}')
      const method = `/payment_methods/${charge.payment_method}`
      await keep(url, method, 'payment_method', '/payment_methods/{payment_method}')
    }
  }
}

async function cards(url: string): Promise<void> {
  const client = clientFor(url)
  const { id: customer } = await client.customers.create({ email: 'ada@example.com' })
  await keep(url, `/customers/${customer}`, 'customer', '/customers/{customer}')
  const setup = await client.setupIntents.create({ customer, payment_method: 'pm_card_visa', confirm: true })
  await keep(url, `/setup_intents/${setup.id}`, 'setup_intent', '/setup_intents/{intent}')
  const path = '/payment_methods/{payment_method}'
  await keep(url, `/payment_methods/${setup.payment_method}`, 'payment_method', path)
  await keep(url, `/customers/${customer}/payment_methods`, null, '/customers/{customer}/payment_methods')
}

async function money(url: string): Promise<void> {
  const client = clientFor(url)
  const payout = await client.payouts.create({ amount: 104_008, currency: 'usd' })
  // Still under way at the end of the journey: what it becomes has tests of its own.
  assert.equal(
    (await client.payouts.cancel((await client.payouts.create({ amount: 100, currency: 'usd' })).id)).status,
    'canceled',
  )
  await keep(url, `/payouts/${payout.id}`, 'payout', '/payouts/{payout}')
  const transfer = await client.transfers.create({ amount: 100, currency: 'usd', destination: 'acct_1' })
  await keep(url, `/transfers/${transfer.id}`, 'transfer', '/transfers/{transfer}')
  await keep(url, '/balance', 'balance', '/balance')
  await keep(url, '/events', null, '/events')
  const other = clientFor(url, 'sk_test_endpoints')
  const hook = await other.webhookEndpoints.create({ url: 'https://shop.example/hook', enabled_events: ['*'] })
  answers.push({ schema: 'webhook_endpoint', spec: null, status: 200, body: JSON.parse(JSON.stringify(hook)) })
}

async function refusals(url: string): Promise<void> {
  const client = clientFor(url)
  const charge = { amount: 2000, currency: 'usd', confirm: true } as const
  for (const [name, refused] of [
    [
      'POST /v1/payment_intents',
      () => client.paymentIntents.create({ ...charge, payment_method: 'pm_card_chargeDeclined' }),
    ],
    ['POST /v1/payment_intents', () => client.paymentIntents.create({ ...charge, currency: 'qqq' })],
    ['GET /v1/refunds/{refund}', () => client.refunds.retrieve('re_nothing')],
    ['GET /v1/balance', () => clientFor(url, 'sk_live_x').balance.retrieve()],
  ] as const) {
    const { raw, statusCode } = await refusalOf(refused())
    const { headers: _headers, statusCode: _status, requestId: _id, ...error } = raw as unknown as Json
    answers.push({ schema: null, spec: name, status: statusCode ?? 0, body: { error } })
  }
}

function againstTypes(name: string, body: unknown): string[] {
  return validate(`types ${name}`, { $ref: `types#/$defs/${encodeURIComponent(name)}` }, body)
}

/** What is wrong with it, a line each. There is nothing that we could not give both. */
function validate(name: string, schema: Json, body: unknown): string[] {
  const check = ajv.compile(schema)
  if (check(body)) return []
  return (check.errors ?? []).map(({ instancePath, message, params }) => {
    return `${name} ${instancePath}: ${message} ${JSON.stringify(params)}`
  })
}

const isList = (body: unknown): boolean => (body as Json).object === 'list'

/** Resources whose insides the newer types tell; in the text they are any object. */
const RESOURCES =
  /^#\/components\/schemas\/(?:checkout\.session|charge|customer|item|payment_intent|payment_method|payout|refund|setup_intent|transfer)$/

/** OpenAPI 3.0 as JSON Schema, without the insides of resources: references written out, `nullable` the standard way. */
function outer(node: unknown): Json {
  return written(node) as Json
}

function written(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(written)
  if (typeof node !== 'object' || node === null) return node
  const reference = (node as { $ref?: string }).$ref
  if (reference !== undefined) return RESOURCES.test(reference) ? { type: 'object' } : written(follow(reference))
  const { nullable: mayBeNull, example: _example, ...rest } = node as Json
  const schema = Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, written(value)]))
  return mayBeNull === true ? { anyOf: [schema, { type: 'null' }] } : schema
}

function follow(reference: string): unknown {
  return reference
    .slice(2)
    .split('/')
    .reduce<unknown>((at, key) => (at as Json)[key], spec)
}

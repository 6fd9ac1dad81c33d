import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { before, test } from 'node:test'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { startSandbox } from '../server.ts'
import { type Answer, call, KEY, merchantFor, openCheckout, payCheckout, until, verify } from '../testing.ts'

/**
 * The sandbox's answers against Paystack's own OpenAPI text and against the shapes of its published samples.
 * The two disagree with each other here and there; what we cannot give to both is in `DEVIATIONS`, with the reason.
 */
const FOLDER = resolve(import.meta.dirname, '../../../shared/contracts')
const FILES = ['paystack.openapi.json', 'paystack.shapes.json'].map((name) => join(FOLDER, name))
const MISSING = FILES.some((file) => !existsSync(file))

/** `<source> <name>` and the path of the complaint → why it stays. `*` is any number in a list. */
const DEVIATIONS: Readonly<Record<string, string>> = {
  'spec GET /transaction/verify/{reference} /code':
    'the spec lists the values of `type` under `code`; real codes differ',
  'shape transactions/fetch /data/customer/metadata': 'null when none was given, as in other samples',
  'shape transactions/charge_authorization /data/customer/metadata': 'as transactions/fetch',
  'shape refunds/list /data/*/dispute': 'no dispute, so null, as in the sample of one refund',
  'shape refunds/list /data/*/refunded_at': 'not refunded yet, so null',
  'shape transfers/fetch /data/recipient/email': 'null when none was given, as in the sample of verify',
  'shape transfers/fetch /data/recipient/metadata': 'as email',
  'webhook transfer.failed /data/recipient/email': 'as transfers/fetch',
  'webhook transfer.reversed /data/recipient/email': 'as transfers/fetch',
  'spec GET /transaction/{id} /data/metadata': 'samples show "" where no metadata was given, the spec wants an object',
  'spec GET /transaction/{id} /data/customer/first_name': 'null in samples and at verify, text only in this spec entry',
  'spec GET /transaction/{id} /data/customer/last_name': 'as first_name',
  'spec GET /transaction/{id} /data/customer/phone': 'as first_name',
  'spec GET /transaction/{id} /data/customer/metadata': 'as first_name',
  'spec GET /transaction/{id} /data/customer/international_format_phone': 'as first_name',
  'spec GET /transaction /data/*/metadata': 'as GET /transaction/{id}',
  'spec POST /customer /data/phone': 'null when none was given, text only in the spec',
  'spec POST /customer /data/metadata': 'null when none was given, an object in the spec',
  'spec GET /customer/{code} /data/phone': 'as POST /customer',
  'spec GET /customer/{code} /data/metadata': 'as POST /customer',
  'spec GET /transaction/verify/{reference} /data/authorization/signature':
    'a transfer has none: null in the documented charge.success of one, text only here',
  'shape transactions/verify /data/authorization/signature': 'as the spec: its sample is a card',
  'spec POST /transferrecipient /data/email': 'null in samples, text only in the spec',
  'spec GET /transfer/verify/{reference} /data/recipient/email': 'as POST /transferrecipient',
  'spec GET /transfer/{code} /data/recipient/email': 'as POST /transferrecipient',
}

type Json = Record<string, unknown>

const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false })
const used = new Set<string>()
const events = new Map<string, unknown>()
const answers: [spec: string | null, shape: string | null, status: string, answer: Answer][] = []
let spec: Json = {}
let shapes: { responses: Record<string, Json>; webhooks: Json } = { responses: {}, webhooks: {} }

before(async () => {
  if (MISSING) return
  ;[spec, shapes] = FILES.map((file) => JSON.parse(readFileSync(file, 'utf8'))) as [Json, typeof shapes]
  await journey()
})

const skip = MISSING && process.env.CI === undefined ? `no contracts at ${FOLDER}` : false

test('every answer fits the OpenAPI text', { skip }, () => {
  assert.ok(!MISSING, `CI needs the contracts at ${FOLDER}`)
  const complaints = answers.flatMap(([name, , status, { body }]) => {
    if (name === null) return []
    const [method, path] = name.split(' ') as [string, string]
    const responses = (spec.paths as Record<string, Record<string, { responses: Json }>>)[path]![method.toLowerCase()]!
    const response = follow(responses.responses[status]) as { content: Record<string, { schema: unknown }> }
    return validate(`spec ${name}`, inlined(response.content['application/json']!.schema), body)
  })
  assert.deepEqual(complaints, [])
})

test('every answer fits the published samples', { skip }, () => {
  const complaints = answers.flatMap(([, name, status, { body }]) => {
    if (name === null) return []
    return validate(`shape ${name}`, nullable(shapes.responses[name]![status]), body)
  })
  assert.deepEqual(complaints, [])
})

test('every webhook fits the published samples', { skip }, () => {
  const complaints = [...events].flatMap(([name, body]) => {
    return validate(`webhook ${name}`, nullable(shapes.webhooks[name]), body)
  })
  assert.deepEqual([...events.keys()].sort(), [
    ...['charge.success', 'refund.failed', 'refund.needs-attention', 'refund.pending', 'refund.processed'],
    ...['transfer.failed', 'transfer.reversed', 'transfer.success'],
  ])
  assert.deepEqual(complaints, [])
})

test('no deviation is listed that is none', { skip }, () => {
  assert.deepEqual(
    Object.keys(DEVIATIONS).filter((name) => !used.has(name)),
    [],
  )
})

/** One of everything, kept for the tests above. */
async function journey(): Promise<void> {
  const closers: (() => Promise<void> | void)[] = []
  // The merchant's helper wants a test to clean up after; this journey does it by itself.
  const merchant = await merchantFor({ after: (close: () => Promise<void>) => closers.push(close) } as never)
  const { url, sandbox, close } = await startSandbox({ port: 0 })
  try {
    sandbox.setAccount({ channel: 'paystack', secretKey: KEY, webhookUrl: merchant.url })
    await payments(`${url}/paystack`, url)
    await refunds(`${url}/paystack`, url)
    await transfers(`${url}/paystack`)
    const wanted = 8
    await until('every event', () => new Set(merchant.received.map(({ body }) => body.event)).size === wanted)
    for (const { body } of merchant.received) events.set(body.event, body)
  } finally {
    await close()
    for (const one of closers) await one()
  }
}

async function keep(specName: string | null, shape: string | null, status: number, answer: Answer, as?: string) {
  assert.equal(answer.status, status, JSON.stringify(answer.body))
  answers.push([specName, shape, as ?? String(status), answer])
  return answer.body
}

async function payments(ps: string, url: string): Promise<void> {
  await keep('POST /transaction/initialize', 'transactions/initialize', 200, await openCheckout(url, 'c1'))
  await keep('POST /transaction/initialize', null, 400, await openCheckout(url, 'c2', { email: undefined }))
  await keep('GET /balance', null, 401, await call('GET', `${ps}/balance`, undefined, 'sk_live_x'))
  await payCheckout(url, 'c1')
  const found = await keep('GET /transaction/verify/{reference}', 'transactions/verify', 200, await verify(url, 'c1'))
  await keep('GET /transaction/verify/{reference}', null, 404, await verify(url, 'unknown'))
  await openCheckout(url, 'slow')
  await payCheckout(url, 'slow', { outcome: 'processing', method: 'bank_transfer', fee_minor: 2250 })
  await keep('GET /transaction/verify/{reference}', null, 200, await verify(url, 'slow'))
  await payCheckout(url, 'slow')
  await keep('GET /transaction/verify/{reference}', 'transactions/verify', 200, await verify(url, 'slow'))
  await openCheckout(url, 'untouched')
  await keep('GET /transaction/verify/{reference}', null, 200, await verify(url, 'untouched'))
  const one = await call('GET', `${ps}/transaction/${found.data.id}`)
  await keep('GET /transaction/{id}', 'transactions/fetch', 200, one)
  await keep('GET /transaction', null, 200, await call('GET', `${ps}/transaction?status=success`))
  const { authorization_code } = found.data.authorization
  const charge = { email: 'ada@example.com', amount: 150_000, authorization_code }
  const path = `${ps}/transaction/charge_authorization`
  const name = 'POST /transaction/charge_authorization'
  await keep(name, 'transactions/charge_authorization', 200, await call('POST', path, { ...charge, reference: 'c3' }))
  const paused = await call('POST', path, { ...charge, reference: 'c4', amount: 154_003 })
  await keep(null, 'transactions/charge_authorization', 200, paused, '200 (2FA challenge)')
  const fresh = { email: 'bob@example.com', first_name: 'Bob', last_name: 'Bo' }
  await keep('POST /customer', 'customers/create', 200, await call('POST', `${ps}/customer`, fresh))
  await keep('GET /customer/{code}', 'customers/fetch', 200, await call('GET', `${ps}/customer/bob@example.com`))
  await keep(null, 'customers/fetch', 404, await call('GET', `${ps}/customer/none@example.com`))
  const deactivate = () => call('POST', `${ps}/customer/authorization/deactivate`, { authorization_code })
  const off = 'customers/deactivate-authorization'
  await keep('POST /customer/authorization/deactivate', off, 200, await deactivate())
  await keep(null, off, 404, await deactivate())
}

async function refunds(ps: string, url: string): Promise<void> {
  const customer = { email: 'ada@example.com', first_name: 'Ada', last_name: 'L', phone: '+2348000000000' }
  await call('POST', `${ps}/customer`, { ...customer, metadata: { calling_code: '+234' } })
  for (const [reference, card] of [
    ['r1', '4084084084084081'],
    ['r2', '4084080000671803'],
    ['r3', '4084080000671902'],
  ]) {
    await openCheckout(url, reference!)
    await payCheckout(url, reference!, { card })
    const made = await call('POST', `${ps}/refund`, { transaction: reference })
    const { data } = await keep('POST /refund', 'refunds/create', 200, made)
    const isOver = async () => (await call('GET', `${ps}/refund/${data.id}`)).body.data.status !== 'pending'
    await until('the end of the refund', isOver)
    await keep('GET /refund/{id}', null, 200, await call('GET', `${ps}/refund/${data.id}`))
  }
  await keep('GET /refund', 'refunds/list', 200, await call('GET', `${ps}/refund`))
}

async function transfers(ps: string): Promise<void> {
  await keep('GET /bank', 'miscellaneous/bank', 200, await call('GET', `${ps}/bank?country=nigeria&perPage=2`))
  const resolved = await call('GET', `${ps}/bank/resolve?account_number=0000000000&bank_code=057`)
  await keep('GET /bank/resolve', 'verification/resolve-account', 200, resolved)
  await keep('GET /balance', 'transfers-control/balance', 200, await call('GET', `${ps}/balance`))
  const account = { type: 'nuban', name: 'Ada', account_number: '0000000000', bank_code: '057', currency: 'NGN' }
  const made = await call('POST', `${ps}/transferrecipient`, account)
  answers.push([null, 'transfer-recipient/create', '200', made])
  const recipient = (await keep('POST /transferrecipient', null, 201, made)).data.recipient_code
  const order = { source: 'balance', amount: 10_000, recipient, reference: 'contract-transfer-1', reason: 'wages' }
  const sent = await keep('POST /transfer', 'transfers/initiate', 200, await call('POST', `${ps}/transfer`, order))
  const lost = await call('POST', `${ps}/transfer`, { ...order, recipient: 'RCP_x' })
  await keep(null, 'transfers/initiate', 400, lost)
  const found = await call('GET', `${ps}/transfer/verify/${order.reference}`)
  await keep('GET /transfer/verify/{reference}', 'transfers/verify', 200, found)
  await keep(null, 'transfers/verify', 404, await call('GET', `${ps}/transfer/verify/none`))
  const one = await call('GET', `${ps}/transfer/${sent.data.transfer_code}`)
  await keep('GET /transfer/{code}', 'transfers/fetch', 200, one)
  for (const amount of [14_002, 14_009]) {
    await call('POST', `${ps}/transfer`, { ...order, amount, reference: `contract-transfer-${amount}` })
  }
  const bulk = { source: 'balance', currency: 'NGN', transfers: [{ ...order, reference: 'contract-transfer-2' }] }
  await keep('POST /transfer/bulk', 'transfers/bulk', 200, await call('POST', `${ps}/transfer/bulk`, bulk))
  await keep(null, 'transfers/bulk', 404, await call('POST', `${ps}/transfer/bulk`, bulk))
}

/** Complaints that no listed deviation explains. */
function validate(name: string, schema: unknown, body: unknown): string[] {
  const check = ajv.compile(schema as Json)
  if (check(body)) return []
  return (check.errors ?? []).flatMap(({ instancePath, message, params }) => {
    const place = `${name} ${instancePath.replaceAll(/\/\d+(?=\/|$)/g, '/*')}`
    const listed = Object.keys(DEVIATIONS).find((one) => place === one || place.startsWith(`${one}/`))
    if (listed) used.add(listed)
    return listed ? [] : [`${place}: ${message} ${JSON.stringify(params)}`]
  })
}

/** What a `$ref` points to. */
function follow(node: unknown): unknown {
  const reference = (node as { $ref?: string }).$ref
  if (reference === undefined) return node
  const target = reference.slice(2).split('/')
  return follow(target.reduce<unknown>((at, key) => (at as Json)[key], spec))
}

/** OpenAPI 3.0 as JSON Schema: references written out, `nullable` said the standard way. */
function inlined(node: unknown): unknown {
  const target = follow(node)
  if (Array.isArray(target)) return target.map(inlined)
  if (typeof target !== 'object' || target === null) return target
  const { nullable: mayBeNull, example: _example, ...rest } = target as Json
  const schema = Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, inlined(value)]))
  return mayBeNull === true ? { anyOf: [schema, { type: 'null' }] } : schema
}

/** A key whose only sample is null may be anything, and any text or object of a sample may be absent in another payment. */
function nullable(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(nullable)
  if (typeof node !== 'object' || node === null) return node
  const schema = Object.fromEntries(Object.entries(node).map(([key, value]) => [key, nullable(value)]))
  if (schema.type === 'null') return {}
  return schema
}

import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { before, test } from 'node:test'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { startSandbox } from '../server.ts'
import { type Answer, merchantFor, until } from '../testing.ts'
import { disableLink, FLW_KEY, flwCall, openLink, payLink, verifyLink } from './testing.ts'

/**
 * The sandbox's answers and webhooks against the OpenAPI 3.1 subset of Flutterwave v3, which was written from public
 * guides and SDK samples, because Flutterwave's own document could not be had. There is no known deviation.
 */
const FOLDER = resolve(import.meta.dirname, '../../../shared/contracts')
const FILE = join(FOLDER, 'flutterwave-v3.openapi.json')
const MISSING = !existsSync(FILE)

type Json = Record<string, unknown>

const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false })
const events: [name: string, body: unknown][] = []
const answers: [operation: string, status: number, answer: Answer][] = []
let spec: { paths: Record<string, Record<string, Json>>; webhooks: Json } = { paths: {}, webhooks: {} }

before(async () => {
  if (MISSING) return
  spec = JSON.parse(readFileSync(FILE, 'utf8'))
  ajv.addSchema(spec, 'flutterwave')
  await journey()
})

const skip = MISSING && process.env.CI === undefined ? `no contract at ${FILE}` : false

test('every answer fits the OpenAPI text', { skip }, () => {
  assert.ok(!MISSING, `CI needs the contract at ${FILE}`)
  const complaints = answers.flatMap(([name, status, { body }]) => {
    const [method, path] = name.split(' ') as [string, string]
    const place =
      status === 200
        ? ['paths', path, method.toLowerCase(), 'responses', '200']
        : ['components', 'responses', status === 401 ? 'Unauthorized' : 'BadRequest']
    return validate(name, [...place, 'content', 'application/json', 'schema'], body)
  })
  assert.deepEqual(complaints, [])
})

test('every operation of the text was asked', { skip }, () => {
  const asked = new Set(answers.filter(([, status]) => status === 200).map(([name]) => name))
  const wanted = Object.entries(spec.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  )
  assert.deepEqual(
    wanted.filter((name) => !asked.has(name)),
    [],
  )
})

test('every webhook fits the OpenAPI text', { skip }, () => {
  const complaints = events.flatMap(([name, body]) => {
    const place = ['webhooks', name, 'post', 'requestBody', 'content', 'application/json', 'schema']
    return validate(`webhook ${name}`, place, body)
  })
  assert.deepEqual([...new Set(events.map(([name]) => name))].sort(), Object.keys(spec.webhooks).sort())
  assert.deepEqual(complaints, [])
})

test('an answer that does not fit is noticed', { skip }, () => {
  const [name, , { body }] = answers.find(([operation]) => operation === 'GET /transactions/{id}/verify')!
  const place = [
    'paths',
    '/transactions/{id}/verify',
    'get',
    'responses',
    '200',
    'content',
    'application/json',
    'schema',
  ]
  const changed = { ...body, data: { ...body.data, amount: '1500', customer: null } }
  assert.equal(validate(name, place, changed).length, 2)
})

/** One of everything, kept for the tests above. */
async function journey(): Promise<void> {
  const closers: (() => Promise<void> | void)[] = []
  // The merchant's helper wants a test to clean up after; this journey does it by itself.
  const merchant = await merchantFor({ after: (close: () => Promise<void>) => closers.push(close) } as never)
  const { url, sandbox, close } = await startSandbox({ port: 0 })
  try {
    sandbox.setAccount({ channel: 'flutterwave', secretKey: FLW_KEY, webhookUrl: merchant.url })
    const token = await payments(url)
    await charges(url, token)
    await refunds(url)
    await transfers(url)
    await until('a transfer’s end', () => merchant.received.some(({ body }) => body.event === 'transfer.completed'))
    for (const { body } of merchant.received) events.push([body.event, body])
  } finally {
    await close()
    for (const one of closers) await one()
  }
}

function keep(operation: string, status: number, answer: Answer): Answer['body'] {
  assert.equal(answer.status, status, JSON.stringify(answer.body))
  answers.push([operation, status, answer])
  return answer.body
}

async function payments(url: string): Promise<string> {
  const flw = `${url}/flutterwave/v3`
  const get = (path: string) => flwCall('GET', `${flw}${path}`)
  keep('POST /payments', 200, await openLink(url, 'c1', { meta: { order: 7 } }))
  keep('POST /payments', 400, await openLink(url, 'c2', { amount: undefined }))
  keep('GET /balances', 401, await flwCall('GET', `${flw}/balances`, undefined, 'FLWSECK-live-X'))
  keep('GET /balances', 401, await flwCall('GET', `${flw}/balances`, undefined, null))
  keep('GET /transactions/verify_by_reference', 400, await verifyLink(url, 'c1'))
  await payLink(url, 'c1', { outcome: 'failed' })
  keep('GET /transactions/verify_by_reference', 200, await verifyLink(url, 'c1'))
  await payLink(url, 'c1')
  const found = keep('GET /transactions/verify_by_reference', 200, await verifyLink(url, 'c1'))
  keep('GET /transactions/{id}/verify', 200, await get(`/transactions/${found.data.id}/verify`))
  keep('GET /transactions/{id}/verify', 400, await get('/transactions/1/verify'))
  keep('GET /transactions', 200, await get('/transactions?page=1'))
  const resent = await flwCall('POST', `${flw}/transactions/${found.data.id}/resend-hook`)
  keep('POST /transactions/{id}/resend-hook', 200, resent)
  await openLink(url, 'c3', { amount: 1540.08 })
  await payLink(url, 'c3')
  keep('GET /transactions/verify_by_reference', 200, await verifyLink(url, 'c3'))
  await openLink(url, 'slow')
  await payLink(url, 'slow', { outcome: 'processing', method: 'bank_transfer', fee_minor: 2100 })
  keep('GET /transactions/verify_by_reference', 200, await verifyLink(url, 'slow'))
  await payLink(url, 'slow')
  keep('GET /transactions/verify_by_reference', 200, await verifyLink(url, 'slow'))
  const { link } = (await openLink(url, 'c4')).body.data
  keep('POST /payments/link/disable', 200, await disableLink(url, link))
  keep('POST /payments/link/disable', 400, await disableLink(url, link))
  return found.data.card.token
}

async function charges(url: string, token: string): Promise<void> {
  const charge = (tx_ref: string, amount: number) => {
    const body = { token, email: 'ada@example.com', currency: 'NGN', country: 'NG', amount, tx_ref }
    return flwCall('POST', `${url}/flutterwave/v3/tokenized-charges`, body)
  }
  keep('POST /tokenized-charges', 200, await charge('c5', 200))
  keep('POST /tokenized-charges', 200, await charge('c6', 140.02))
  keep('POST /tokenized-charges', 200, await charge('c7', 140.03))
  keep('POST /tokenized-charges', 400, await charge('c5', 200))
  const renamed = { email: 'ada@example.com', full_name: 'Ada L', phone_number: '+2348000000000' }
  keep('PUT /tokens/{token}', 200, await flwCall('PUT', `${url}/flutterwave/v3/tokens/${token}`, renamed))
}

async function refunds(url: string): Promise<void> {
  const flw = `${url}/flutterwave/v3`
  const { id } = (await verifyLink(url, 'c1')).body.data
  const refund = (body: object) => flwCall('POST', `${flw}/transactions/${id}/refund`, body)
  const made = keep('POST /transactions/{id}/refund', 200, await refund({ amount: 10, comments: 'AsR-1' }))
  keep('POST /transactions/{id}/refund', 400, await refund({ amount: 9999 }))
  const fetched = () => flwCall('GET', `${flw}/refunds/${made.data.id}`)
  keep('GET /refunds/{id}', 200, await fetched())
  await until('the end of the refund', async () => (await fetched()).body.data.status !== 'completed')
  keep('GET /refunds/{id}', 200, await fetched())
  keep('GET /refunds', 200, await flwCall('GET', `${flw}/refunds?id=${id}`))
}

async function transfers(url: string): Promise<void> {
  const flw = `${url}/flutterwave/v3`
  const get = (path: string) => flwCall('GET', `${flw}${path}`)
  keep('GET /banks/{country}', 200, await get('/banks/NG'))
  const account = { account_number: '0690000031', account_bank: '044' }
  keep('POST /accounts/resolve', 200, await flwCall('POST', `${flw}/accounts/resolve`, account))
  keep('GET /transfers/fee', 200, await get('/transfers/fee?amount=100&currency=NGN'))
  keep('GET /balances', 200, await get('/balances'))
  keep('GET /balances/{currency}', 200, await get('/balances/NGN'))
  const order = { ...account, amount: 140.02, currency: 'NGN', narration: 'wages', reference: 'contract-1' }
  const { data } = keep('POST /transfers', 200, await flwCall('POST', `${flw}/transfers`, order))
  keep('POST /transfers', 400, await flwCall('POST', `${flw}/transfers`, order))
  await until('its failure', async () => (await get(`/transfers/${data.id}`)).body.data.status === 'FAILED')
  keep('GET /transfers/{id}', 200, await get(`/transfers/${data.id}`))
  keep('POST /transfers/{id}/retries', 200, await flwCall('POST', `${flw}/transfers/${data.id}/retries`))
  keep('GET /transfers', 200, await get('/transfers'))
  const row = { bank_code: '044', account_number: '0690000031', amount: 100, currency: 'NGN', reference: 'contract-2' }
  keep('POST /bulk-transfers', 200, await flwCall('POST', `${flw}/bulk-transfers`, { bulk_data: [row] }))
}

/** What the schema at this place of the document says against the body. */
function validate(name: string, place: readonly string[], body: unknown): string[] {
  const pointer = place.map((part) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'))).join('/')
  const check = ajv.compile({ $ref: `flutterwave#/${pointer}` })
  if (check(body)) return []
  return (check.errors ?? []).map(({ instancePath, message, params }) => {
    return `${name} ${instancePath}: ${message} ${JSON.stringify(params)}`
  })
}

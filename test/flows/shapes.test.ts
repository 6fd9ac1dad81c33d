import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { paginate, perPageMax, readPage } from '../../src/platform/pagination.ts'
import { expectFailure, failureKeys } from '../support/expect.ts'
import { canRead, stopOwnPostgres } from '../support/postgres.ts'
import { saveCard } from '../support/saved.ts'
import {
  type Body,
  requestRef,
  startTestServer,
  type TestBusiness,
  type TestServer,
  threeChannels,
} from '../support/server.ts'

after(stopOwnPostgres)

/** The documented sample bodies lie beside the repository; they are not ours to copy into it. */
const samples = join(import.meta.dirname, '../../../shared/examples')
const missing = canRead(samples) ? false : `no sample bodies at ${samples}`
if (missing && process.env.CI) throw new Error(`${missing}: CI must compare with them`)

const sample = (name: string): Body =>
  withOwnKeys(JSON.parse(readFileSync(join(samples, `${name}.response.json`), 'utf8')))

/** What every payment request of ours ends with, after all documented keys. */
const ownKeys = { created_by: 'secret', reference: null }

function withOwnKeys(body: Body): Body {
  if (Array.isArray(body)) return body.map(withOwnKeys)
  if (typeof body !== 'object' || body === null) return body
  const inner = Object.fromEntries(Object.entries(body).map(([key, value]) => [key, withOwnKeys(value)]))
  if (String(body.ref).startsWith('AsT-')) return withReceived(inner)
  if ('current_page' in body) return { ...inner, next_cursor: null, prev_cursor: null }
  return String(body.ref).startsWith('AsP-') ? { ...inner, ...ownKeys } : inner
}

/** What has arrived stands after what was asked. */
const withReceived = (transaction: Body): Body =>
  Object.fromEntries(
    Object.entries(transaction).flatMap((entry) =>
      entry[0] === 'amount' ? [entry, ['received_amount', null]] : [entry],
    ),
  )

const uuid = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}'
const time = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z$/
const money = /^(0|[1-9]\d*)(\.\d*[1-9])?$/
/** By the last name in the path; checked on the samples themselves too. */
const formats: Record<string, RegExp> = {
  uuid: new RegExp(`^(eric-)?${uuid}$`),
  business_id: new RegExp(`^${uuid}$`),
  ref: /^As[PT]-[0-9a-f]{13}$/,
  customer_id: /^[A-Z]{3}-[0-9a-f]{9}$/,
  amount: money,
  amount_to_usd: money,
  currency: /^[A-Z]{3}$/,
  base_currency: /^[A-Z]{3}$/,
  webhook_url: /^https?:\/\/.+\/v1\/system\/hooks\/[\w-]{8}\/[a-z]+$/,
  logo: /\/payment_channels\/[A-Z][a-z]+\.svg$/,
  logo_full: /\/payment_channels\/[A-Z][a-z]+-Full\.svg$/,
  theme_color: /^#[0-9A-F]{6}$/,
  created_at: time,
  updated_at: time,
}
/** Texts and constants that the documentation binds wherever they appear. */
const binding = new Set(['message', 'status', 'intent', 'mode', 'env_mode', 'payment_method', 'description'])
/** Bound too, where sample and ours went to the same channel. */
const channelBinding = new Set(['slug', 'payment_channel_slug', 'display_name', 'theme_color', 'is_default', 'summary'])

interface Comparing {
  sameChannel: boolean
}

/** Every place where ours is not shaped as the sample is. */
function differences(theirs: Body, ours: Body, comparing: Comparing, path = 'body'): string[] {
  const name = path.split('.').at(-1) ?? ''
  const format = formats[name]
  if (format && typeof ours === 'string' && !format.test(ours)) return [`${path}: ${ours} has not the form ${format}`]
  // An optional field may be empty in one and filled in the other.
  if (theirs === null || ours === null) return []
  if (kindOf(theirs) !== kindOf(ours)) return [`${path}: ${kindOf(ours)} instead of ${kindOf(theirs)}`]
  if (name === 'meta_data') return []
  if (Array.isArray(theirs)) {
    return ours.flatMap((item: Body, index: number) =>
      differences(theirs[Math.min(index, theirs.length - 1)], item, comparing, `${path}[${index}]`),
    )
  }
  if (typeof theirs === 'object') {
    const [wanted, had] = [Object.keys(theirs).join(), Object.keys(ours).join()]
    if (wanted !== had) return [`${path}: keys ${had} instead of ${wanted}`]
    return Object.keys(theirs).flatMap((key) => differences(theirs[key], ours[key], comparing, `${path}.${key}`))
  }
  const isBound = (binding.has(name) && !path.includes('.customer.')) || (comparing.sameChannel && isChannelBound(path))
  return isBound && theirs !== ours ? [`${path}: ${ours} instead of ${theirs}`] : []
}

/** A channel's `summary` is marketing; a timeline's is documented. */
function isChannelBound(path: string): boolean {
  const name = path.split('.').at(-1) ?? ''
  return channelBinding.has(name) && !(name === 'summary' && path.includes('payment_channel'))
}

const kindOf = (value: Body): string => (Array.isArray(value) ? 'list' : typeof value)

const zoro = {
  email: 'zoro@example.com',
  first_name: 'Roronoa',
  last_name: 'Zoro',
  phone_code: '+234',
  phone_number: '8123456789',
  address_line_1: 'The Going Merry',
  address_line_2: 'The Thousand Sunny',
  city: 'Lagos',
  state: 'Lagos',
  zip: '101233',
  country: 'Nigeria',
  meta_data: { uid: '84734', status: 'Dignified' },
}

describe('documented bodies', { skip: missing }, () => {
  let server: TestServer
  let business: TestBusiness
  let initiated: Body
  before(async () => {
    server = await startTestServer({ backend: 'postgres', role: 'api' })
    business = await server.business('New Test Business')
    const customer = await business.api('POST', '/v1/customers', zoro)
    initiated = await business.api('POST', '/v1/payment-requests/', {
      customer_uuid: customer.body.data.uuid,
      amount: 100,
      currency: 'NGN',
      description: 'Testing payments',
    })
  })
  after(() => server.close())

  test('each sample is like itself, and the comparison sees order, kind, form and text', () => {
    for (const name of ['initiate', 'retrieve-by-ref', 'list']) {
      assert.deepEqual(differences(sample(name), sample(name), { sameChannel: true }), [])
    }
    const spoil = (change: (body: Body) => void) => {
      const body = sample('initiate')
      change(body)
      return differences(sample('initiate'), body, { sameChannel: true })
    }
    const swapped = spoil((body) => {
      body.data.payment_request = { ref: 'x', ...body.data.payment_request }
    })
    assert.match(String(swapped), /keys ref,uuid/)
    assert.match(
      String(spoil((body) => Object.assign(body.data.payment_request, { amount: 100 }))),
      /number instead of string/,
    )
    assert.match(String(spoil((body) => Object.assign(body.data.payment_request, { amount: '100.00' }))), /the form/)
    assert.match(String(spoil((body) => Object.assign(body, { message: 'Done' }))), /Done instead of/)
    const endsOf = (body: Body) => Object.keys(body.data.payment_request).slice(-2)
    assert.deepEqual(endsOf(sample('initiate')), ['created_by', 'reference'])
    const early = spoil((body) => {
      const { created_by, ...others } = body.data.payment_request
      body.data.payment_request = { created_by, ...others }
    })
    assert.match(String(early), /keys created_by,uuid/)
  })

  test('201 initiate answers as documented, keys in order', () => {
    assert.equal(initiated.status, 201)
    assert.deepEqual(differences(sample('initiate'), initiated.body, { sameChannel: true }), [])
    const request = initiated.body.data.payment_request
    assert.match(request.uuid, /^eric-/)
    assert.match(request.last_transaction.uuid, new RegExp(`^${uuid}$`))
    assert.match(request.customer.customer_id, /^NEW-/)
    assert.equal(request.customer.full_name, 'Roronoa Zoro')
    assert.deepEqual(request.customer.meta_data, zoro.meta_data)
    assert.deepEqual([request.meta_data, request.discount, request.deleted_at], [null, null, null])
  })

  test('201 relay answers as documented, key by key, and tells the whole story', async () => {
    const relaying = await threeChannels(server, 'Relaying Business')
    const body = { customer: zoro, amount: 100, description: 'Testing payments' }
    const opened = await relaying.api('POST', '/v1/payment-requests', body)
    const relay = { payment_request_ref: requestRef(opened), payment_channel: 'flutterwave' }
    const relayed = await relaying.api('POST', '/v1/payment-requests/relay', relay)
    assert.equal(relayed.status, 201, relayed.text)
    assert.deepEqual(differences(sample('relay'), relayed.body, { sameChannel: true }), [])
  })

  test('201 saving a payment method answers as documented, key by key, at the documented channel', async () => {
    const saving = await server.business('Saving Business')
    const body = { customer: zoro, payment_channel: 'paystack' }
    const answer = await saving.api('POST', '/v1/payment-requests/save-payment-method', body)
    assert.equal(answer.status, 201, answer.text)
    const theirs = sample('save-payment-method')
    // Saved in live mode there, and by another business.
    const sameMode = JSON.parse(JSON.stringify(theirs).replaceAll('"live"', '"test"'))
    assert.deepEqual(differences(sameMode, answer.body, { sameChannel: true }), [])
  })

  test('201 charging a saved method says what is documented, and adds the payment request', async () => {
    const charging = await server.business('Charging Business')
    const saved = await saveCard(server, charging, 'paystack')
    const answer = await charging.api('POST', '/v1/payment-requests/charge-payment-method', {
      customer_uuid: saved.customer,
      payment_method_uuid: saved.method,
      amount: '100',
      currency: 'NGN',
    })
    assert.equal(answer.status, 201, answer.text)
    const { data, ...documented } = answer.body
    assert.deepEqual(documented, sample('charge-payment-method'))
    assert.deepEqual(Object.keys(answer.body), ['message', 'status', 'data'])
    assert.deepEqual(Object.keys(data), ['payment_request'])
    const theirs = Object.keys(sample('relay').data.payment_request)
    assert.deepEqual(Object.keys(data.payment_request), theirs)
  })

  test('201 subscribe-to-plan answers as documented, with customer, business and plan', async () => {
    const selling = await server.business('Selling Business')
    const plan = await selling.api('POST', '/v1/subscription-plans', {
      name: 'One Piece',
      interval: 'monthly',
      amount: '200',
    })
    const customer = await selling.api('POST', '/v1/customers', zoro)
    const answer = await selling.api('POST', '/v1/payment-requests/subscribe-to-plan', {
      customer_uuid: customer.body.data.uuid,
      subscription_plan_uuid: plan.body.data.uuid,
      payment_channel: 'paystack',
    })
    assert.equal(answer.status, 201, answer.text)
    // Theirs is of a live business.
    const theirs = JSON.parse(JSON.stringify(sample('subscribe-to-plan')).replaceAll('"live"', '"test"'))
    // And their plan had been switched off meanwhile; ours takes no subscribers then.
    theirs.data.payment_request.subscription_plan.status = 'active'
    assert.deepEqual(differences(theirs, answer.body, { sameChannel: true }), [])
    const shown = answer.body.data.payment_request.subscription_plan
    assert.deepEqual([shown.amount, shown.initial_amount_to_usd, shown.link_id.length], ['200', '0.00', 8])
    const own = Object.keys(plan.body.data)
    assert.deepEqual(own, [...Object.keys(shown), 'billing_calendar', 'time_zone'])
  })

  test('200 retrieve by ref answers as documented, with timeline, customer and business', async () => {
    const answer = await business.api('GET', `/v1/payment-requests/retrieve-by-ref/${requestRef(initiated)}`)
    assert.equal(answer.status, 200)
    assert.deepEqual(differences(sample('retrieve-by-ref'), answer.body, { sameChannel: false }), [])
    const told = (body: Body) => body.data.payment_request.timeline_records.map((line: Body) => line.summary)
    assert.deepEqual(told(answer.body), told(sample('retrieve-by-ref')).slice(0, 2))
  })

  test('200 the list answers as documented, in the paginator', async () => {
    const answer = await business.api('GET', '/v1/payment-requests')
    assert.equal(answer.status, 200)
    const theirs = sample('list')
    // The item that went to Paystack and stayed there, as ours did.
    theirs.data.payment_requests.data = [theirs.data.payment_requests.data.at(-1)]
    assert.deepEqual(differences(theirs, answer.body, { sameChannel: true }), [])
  })

  test('200 cancelling voids the attempt in the documented words', async () => {
    const opened = await business.api('POST', '/v1/payment-requests', { customer_email: 'v@example.com', amount: 100 })
    const answer = await business.api('PATCH', `/v1/payment-requests/${requestRef(opened)}/cancel`)
    const theirs = sample('retrieve-by-ref').data.payment_request
    const ours = answer.body.data.payment_request
    assert.deepEqual(Object.keys(ours), Object.keys(theirs))
    const told = ours.timeline_records.map((line: Body) => line.summary)
    assert.ok(told.includes(theirs.timeline_records[2].summary), String(told))
  })

  test('201 a customer is the documented customer, directly in data', async () => {
    const answer = await business.api('POST', '/v1/customers', { email: 'luffy@example.com', name: 'Monkey D. Luffy' })
    assert.equal(answer.status, 201)
    assert.deepEqual(Object.keys(answer.body), ['message', 'status', 'data'])
    assert.equal(answer.body.message, 'Customer created successfully')
    const theirs = sample('retrieve-by-ref').data.payment_request.customer
    assert.deepEqual(differences(theirs, answer.body.data, { sameChannel: false }, 'body.customer.data'), [])
    assert.equal(answer.body.data.full_name, 'Monkey D. Luffy')
  })

  test('200 the business is the documented business, followed by the settings that only its own endpoint shows', async () => {
    const answer = await business.api('GET', '/v1/business')
    const theirs = sample('retrieve-by-ref').data.payment_request.business
    assert.deepEqual(Object.keys(answer.body), ['message', 'status', 'data'])
    const entries = Object.entries(answer.body.data)
    const [documented, own] = [entries.slice(0, Object.keys(theirs).length), entries.slice(Object.keys(theirs).length)]
    assert.deepEqual(differences(theirs, Object.fromEntries(documented), { sameChannel: false }), [])
    assert.deepEqual(Object.fromEntries(own), {
      allowed_domains: [],
      refund_save_charges: 1,
      on_overpayment: 'keep',
      on_underpayment: 'refund',
      public_key_sells: 'anything',
    })
    assert.deepEqual([answer.body.data.enabled_webhooks, answer.body.data.send_subscription_mails], [0, 1])
  })
})

describe('envelopes and pages over HTTP', () => {
  let server: TestServer
  let business: TestBusiness
  const total = 23
  before(async () => {
    server = await startTestServer({ backend: 'postgres', role: 'api' })
    business = await server.business()
    for (let index = 0; index < total; index += 1) {
      await business.api('POST', '/v1/customers', { email: `c${index}@example.com`, name: `Customer ${index}` })
    }
  })
  after(() => server.close())

  const customers = async (query: string) => {
    const answer = await business.api('GET', `/v1/customers?${query}`)
    assert.equal(answer.status, 200, answer.text)
    return answer.body.data.customers
  }

  test('422 a failure holds the six documented keys in order and none of the words is empty', async () => {
    const answer = await business.api('POST', '/v1/customers', {})
    assert.deepEqual(Object.keys(answer.body), failureKeys)
    expectFailure(answer, { status: 422, code: '005', fields: ['email', 'first_name', 'last_name'] })
    assert.match(answer.headers.get('content-type') ?? '', /^application\/json/)
  })

  test('200 ten a page unless told, newest first, counts and links true', async () => {
    const page = await customers('')
    assert.deepEqual([page.per_page, page.current_page, page.last_page, page.total], [10, 1, 3, total])
    assert.deepEqual([page.from, page.to, page.data.length], [1, 10, 10])
    assert.equal(page.data[0].email, `c${total - 1}@example.com`)
    const last = await customers('page=3')
    assert.deepEqual([last.from, last.to, last.data.length, last.next_page_url], [21, 23, 3, null])
    assert.equal(last.data.at(-1).email, 'c0@example.com')
  })

  test('200 following next_page_url visits every row once', async () => {
    const seen: string[] = []
    let url: string | null = `${server.url}/v1/customers?per_page=7&search=example.com`
    while (url !== null) {
      const answer = await business.api('GET', url.slice(server.url.length))
      seen.push(...answer.body.data.customers.data.map((one: Body) => one.uuid))
      url = answer.body.data.customers.next_page_url
      if (url) assert.match(url, /per_page=7/)
    }
    assert.equal(seen.length, total)
    assert.equal(new Set(seen).size, total)
  })

  test('200 per_page above 100 counts as 100', async () => {
    const page = await customers('per_page=1000')
    assert.equal(page.per_page, 100)
    assert.equal(page.data.length, total)
  })

  test('200 a page beyond the end is empty and keeps its number', async () => {
    const page = await customers('page=99')
    assert.deepEqual([page.current_page, page.last_page, page.total], [99, 3, total])
    assert.deepEqual([page.data, page.from, page.to, page.next_page_url], [[], null, null, null])
  })

  test('200 every link keeps the filters, escaped', async () => {
    const page = await customers(`per_page=2&search=${encodeURIComponent('a&b=c d%')}&email=x%40y.example&page=1`)
    for (const url of [page.first_page_url, page.last_page_url, page.links[1].url]) {
      const { searchParams } = new URL(url)
      assert.equal(searchParams.get('search'), 'a&b=c d%')
      assert.equal(searchParams.get('email'), 'x@y.example')
      assert.equal(searchParams.get('per_page'), '2')
      assert.equal(searchParams.get('page'), '1')
    }
    assert.equal(page.path, `${server.url}/v1/customers`)
  })

  for (const path of [
    '/v1/payment-requests',
    '/v1/customers',
    '/v1/subscription-plans',
    '/v1/webhook-endpoints',
    '/v1/events',
  ]) {
    test(`422 nonsense as a page number is refused by ${path}, both fields at once`, async () => {
      for (const wrong of ['0', '-1', '1.5', 'x', '1e3', '', '%201', '0x10', '99999999999']) {
        const answer = await business.api('GET', `${path}?page=${wrong}&per_page=${wrong}`)
        expectFailure(answer, { status: 422, code: '005', fields: ['page', 'per_page'] }, wrong)
      }
      expectFailure(await business.api('GET', `${path}?page=1&page=2`), { status: 422, code: '005', fields: ['page'] })
    })
  }
})

describe('the paginator is Laravel’s', () => {
  const path = 'https://api.example.com/v1/things'
  const of = (total: number, number: number, size = 10, query: Record<string, unknown> = {}) => {
    const offset = (number - 1) * size
    const rows = Array.from({ length: Math.max(0, Math.min(size, total - offset)) }, (_, n) => ({ uuid: String(n) }))
    const place = { total, from: offset + 1, hasNewer: number > 1, hasOlder: offset + rows.length < total }
    return paginate(rows, place, { number, size, offset }, path, query)
  }
  const labels = (total: number, number: number) =>
    of(total, number)
      .links.slice(1, -1)
      .map((link) => link.label)
      .join(' ')

  test('keys stand in the documented order', () => {
    assert.deepEqual(Object.keys(of(5, 1)), [
      ...['current_page', 'data', 'first_page_url', 'from', 'last_page', 'last_page_url', 'links', 'next_page_url'],
      ...['path', 'per_page', 'prev_page_url', 'to', 'total', 'next_cursor', 'prev_cursor'],
    ])
  })

  test('no rows: one empty page, from and to null, neither way on', () => {
    const page = of(0, 1)
    assert.deepEqual([page.last_page, page.from, page.to, page.total], [1, null, null, 0])
    assert.deepEqual([page.next_page_url, page.prev_page_url], [null, null])
    assert.deepEqual(page.links, [
      { url: null, label: '« Previous', active: false },
      { url: `${path}?page=1`, label: '1', active: true },
      { url: null, label: 'Next »', active: false },
    ])
  })

  test('one page: as full as can be, still one', () => {
    const page = of(10, 1)
    assert.deepEqual([page.last_page, page.from, page.to], [1, 1, 10])
    assert.equal(labels(10, 1), '1')
    assert.equal(labels(11, 1), '1 2')
  })

  test('up to thirteen pages every number is shown', () => {
    const all = Array.from({ length: 13 }, (_, index) => index + 1).join(' ')
    for (const number of [1, 7, 13]) assert.equal(labels(130, number), all)
  })

  test('from fourteen pages on: both ends and three on each side', () => {
    const first = '1 2 3 4 5 6 7 8 9 10'
    assert.equal(labels(140, 1), `${first} ... 13 14`)
    assert.equal(labels(140, 7), `${first} ... 13 14`)
    assert.equal(labels(140, 8), '1 2 ... 5 6 7 8 9 10 11 12 13 14')
    assert.equal(labels(300, 8), '1 2 ... 5 6 7 8 9 10 11 ... 29 30')
    assert.equal(labels(300, 23), '1 2 ... 20 21 22 23 24 25 26 ... 29 30')
    assert.equal(labels(300, 24), '1 2 ... 21 22 23 24 25 26 27 28 29 30')
    assert.equal(labels(300, 30), '1 2 ... 21 22 23 24 25 26 27 28 29 30')
  })

  test('exactly one number is active, gaps lead nowhere, each number leads to its page', () => {
    const { links } = of(300, 15)
    assert.deepEqual(
      links.filter((link) => link.active).map((link) => link.label),
      ['15'],
    )
    for (const link of links.slice(1, -1)) {
      assert.equal(link.url, link.label === '...' ? null : `${path}?page=${link.label}`)
    }
    assert.equal(links[0]?.url, `${path}?page=14`)
    assert.equal(links.at(-1)?.url, `${path}?page=16`)
  })

  test('beyond the end there is a way back and none forward', () => {
    const page = of(25, 7)
    assert.deepEqual([page.current_page, page.last_page, page.data, page.from], [7, 3, [], null])
    assert.equal(page.next_page_url, null)
    assert.equal(page.prev_page_url, `${path}?page=6`)
    assert.deepEqual(
      page.links.filter((link) => link.active),
      [],
    )
  })

  test('filters stay in front of the page, whatever they hold', () => {
    const page = of(25, 2, 10, { status: 'open', search: '%_&?#é', page: '2' })
    const next = new URL(page.next_page_url ?? '')
    assert.deepEqual(Object.fromEntries(next.searchParams), { status: 'open', search: '%_&?#é', page: '3' })
  })

  test('a size above the most counts as the most; nothing else is bent', () => {
    assert.deepEqual(readPage({}), { number: 1, size: 10, offset: 0 })
    assert.deepEqual(readPage({ page: '3', per_page: '500' }), { number: 3, size: perPageMax, offset: 200 })
    assert.throws(() => readPage({ page: '0' }))
    assert.throws(() => readPage({ per_page: '١' }))
  })
})

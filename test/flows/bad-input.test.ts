import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import fc from 'fast-check'
import { amountMinorMax, exponentOf, formatAmount, parseAmount, toUsd } from '../../src/platform/money.ts'
import { expectFailure, type Failure } from '../support/expect.ts'
import { stopOwnPostgres } from '../support/postgres.ts'
import { countRows } from '../support/rows.ts'
import { type Body, requestRef, startTestServer, type TestBusiness, type TestServer } from '../support/server.ts'

after(stopOwnPostgres)

const nobody = '00000000-0000-7000-8000-000000000000'
const loneHalf = 'half \ud800 of a pair'
const wrongKinds = [5, true, ['a'], { a: 1 }]
const unstorable = ['nul \0 inside', loneHalf]
const texts = (most: number) => [...wrongKinds, ...unstorable, 'x'.repeat(most + 1)]
const deep = (levels: number) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`

const wrongAmounts: unknown[] = [
  ...[
    '10.001',
    '-1',
    '-0.01',
    '0',
    '0.00',
    'NaN',
    'Infinity',
    ' 5 ',
    '5 ',
    '1,000',
    '1e3',
    '0x64',
    '',
    ' ',
    '.5',
    '5.',
  ],
  ...['+5', '١٠', '1_000', '5.0.0', '10000000000000', '9'.repeat(400), `5.${'0'.repeat(400)}`],
  ...[0, -1, 10.001, 1e21, 1e15, true, false, [], ['5'], {}, { valueOf: 5 }, unstorable[0]],
]
const wrongCurrencies = [
  'ngn',
  'XYZ',
  '',
  'NG',
  'NGNN',
  ' NGN',
  'constructor',
  '__proto__',
  ...['XXX', 'XTS', 'XAU', 'XDR', 'CLF', 'USN', 'BGN', 'HRK', 'ANG', 'SLL', 'ZWL'],
  ...wrongKinds,
  ...unstorable,
]
const wrongUrls = [
  ...['nonsense', 'ftp://example.com', 'javascript:alert(1)', 'http://', '//example.com', 'https://u:p@example.com'],
  ...['https://exa mple.com', 'https://example.com/\n', 'data:text/html,x', `https://example.com/${'x'.repeat(2048)}`],
  ...[...wrongKinds, ...unstorable],
]
const wrongEmails = [
  ...['', 'nobody', '@example.com', 'a@b', 'a b@example.com', '<a@example.com>', 'a@example.com,b@example.com'],
  ...[
    'a@example..com',
    'a@-example.com',
    'a\u200b@example.com',
    'a@exam\u00adple.com',
    'j\u00f6rg@example.com',
    '"a"@example.com',
  ],
  ...[`${'x'.repeat(65)}@example.com`, `a@${'x'.repeat(250)}.com`, 'a@example.com\nbcc:b@example.com'],
  ...[...wrongKinds, ...unstorable],
]
const wrongUuids = [
  '',
  'x',
  '123',
  nobody.slice(1),
  `eric-${nobody}`,
  `${nobody}\0`,
  `${nobody}' or 1=1 --`,
  ...wrongKinds,
]
const wrongFlags = [2, -1, 'yes', '1', 'true', [], {}, 0.5]
const wrongMetaData = [
  'text',
  5,
  true,
  [1],
  { a: 'x\0' },
  { 'k\0': 1 },
  { a: { b: [loneHalf] } },
  { a: 'x'.repeat(16 * 1024) },
]
/** Less than 16 Ki characters, more than 16 KiB. */
const wideMetaData = { a: '€'.repeat(6_000) }
const wrongTimes = [
  '',
  'yesterday',
  '2026-13-01',
  '2026-02-30',
  '2026-01-01T25:00:00Z',
  '01/02/2026',
  '2026',
  '1767225600',
]

const customerTexts = {
  first_name: texts(100),
  last_name: texts(100),
  name: texts(200),
  phone_code: texts(8),
  phone_number: texts(32),
  address_line_1: texts(255),
  address_line_2: texts(255),
  city: texts(100),
  state: texts(100),
  zip: texts(20),
  country: texts(100),
  meta_data: [...wrongMetaData, wideMetaData],
  metadata: [...wrongMetaData, wideMetaData],
}

const wrongCounts = (most: number) => [-1, 0.5, most + 1, 1e21, '5', true, [5], {}]
const planFields = {
  name: ['', ' ', '\n', ...texts(200)],
  interval: ['', 'hourly', 'Monthly', 'constructor', ...wrongKinds, ...unstorable],
  interval_count: [0, ...wrongCounts(3_650)],
  amount: wrongAmounts,
  currency: wrongCurrencies,
  tags: ['text', 5, true, {}, [''], [5], [null], [['a']], ['x'.repeat(51)], Array(21).fill('a'), unstorable],
  send_subscription_mails: wrongFlags,
  meta_data: [...wrongMetaData, wideMetaData],
  metadata: [...wrongMetaData, wideMetaData],
  billing_calendar: ['', 'lunar', ...wrongKinds],
  time_zone: ['', 'Lagos', '+01:00', 'UTC+1', 'constructor', ...wrongKinds, ...unstorable],
}

interface Endpoint {
  method: 'POST' | 'PUT'
  /** `:name` stands for the object that `before` made. */
  path: string
  /** Taken as it is, so that each case is wrong in one place alone. */
  right: Body
  /** Field → values of which each is refused with 422 and the field named. */
  wrong: Record<string, readonly unknown[]>
  required: readonly string[]
}

const initiateFields = {
  customer_uuid: wrongUuids,
  customer_email: wrongEmails,
  customer: [5, 'text', true, ['a']],
  amount: wrongAmounts,
  currency: wrongCurrencies,
  description: texts(500),
  reference: ['', ...texts(100)],
  payment_channel: texts(50),
  success_redirect_url: wrongUrls,
  failure_redirect_url: wrongUrls,
  cancel_redirect_url: wrongUrls,
  subscription_plan_uuid: wrongUuids,
  extend_subscription_by: [0, ...wrongCounts(100)],
  save_payment_method: wrongFlags,
  is_trial: wrongFlags,
  meta_data: [...wrongMetaData, wideMetaData],
  metadata: [...wrongMetaData, wideMetaData],
}

const endpoints: Endpoint[] = [
  {
    method: 'POST',
    path: '/v1/payment-requests',
    right: { customer_email: 'a@example.com', amount: '10', currency: 'NGN' },
    wrong: initiateFields,
    required: ['amount'],
  },
  {
    method: 'POST',
    path: '/v1/payment-requests/subscribe-to-plan',
    right: { customer_email: 'a@example.com', subscription_plan_uuid: nobody, currency: 'NGN' },
    wrong: initiateFields,
    required: ['subscription_plan_uuid'],
  },
  {
    method: 'POST',
    path: '/v1/payment-requests/relay',
    right: { payment_request_ref: 'AsP-0000000000000', payment_channel: 'paystack' },
    wrong: { payment_request_ref: ['', ...texts(100)], payment_channel: ['', ...texts(50)] },
    required: ['payment_request_ref', 'payment_channel'],
  },
  {
    method: 'POST',
    path: '/v1/payment-requests/save-payment-method',
    right: { customer_email: 'a@example.com', currency: 'NGN' },
    wrong: {
      customer_uuid: wrongUuids,
      customer_email: wrongEmails,
      customer: [5, 'text', true, ['a']],
      currency: wrongCurrencies,
      reference: ['', ...texts(100)],
      payment_channel: texts(50),
      success_redirect_url: wrongUrls,
      failure_redirect_url: wrongUrls,
      cancel_redirect_url: wrongUrls,
      meta_data: [...wrongMetaData, wideMetaData],
      metadata: [...wrongMetaData, wideMetaData],
    },
    required: [],
  },
  {
    method: 'POST',
    path: '/v1/payment-requests/charge-payment-method',
    right: { customer_email: 'a@example.com', payment_method_uuid: nobody, amount: '10', currency: 'NGN' },
    wrong: {
      customer_uuid: wrongUuids,
      customer_email: wrongEmails,
      payment_method_uuid: wrongUuids,
      amount: wrongAmounts,
      currency: wrongCurrencies,
      description: texts(500),
      reference: ['', ...texts(100)],
      subscription_plan_uuid: wrongUuids,
      is_trial: wrongFlags,
      meta_data: [...wrongMetaData, wideMetaData],
      metadata: [...wrongMetaData, wideMetaData],
    },
    required: ['payment_method_uuid', 'amount'],
  },
  {
    method: 'PUT',
    path: '/v1/payment-channels/route',
    right: { route_by: 'default_first' },
    wrong: { route_by: ['', 'fastest', 'constructor', ...wrongKinds, ...unstorable] },
    required: ['route_by'],
  },
  {
    method: 'POST',
    path: '/v1/customers',
    right: { email: 'new@example.com', name: 'New' },
    wrong: { email: wrongEmails, ...customerTexts },
    required: ['email'],
  },
  {
    method: 'PUT',
    path: '/v1/customers/:customer',
    right: { name: 'New' },
    wrong: { email: wrongEmails, ...customerTexts },
    required: [],
  },
  {
    method: 'POST',
    path: '/v1/subscription-plans',
    right: { name: 'New plan', interval: 'monthly', amount: 100, currency: 'NGN' },
    wrong: {
      ...planFields,
      trial_period: [0, ...wrongCounts(730)],
      initial_amount: wrongAmounts,
      status: ['', 'open', ...wrongKinds],
    },
    required: ['name', 'interval', 'amount'],
  },
  {
    method: 'PUT',
    path: '/v1/subscription-plans/:plan',
    right: { name: 'Changed plan' },
    wrong: {
      ...planFields,
      trial_period: wrongCounts(730),
      // The empty text takes it away.
      initial_amount: wrongAmounts.filter((one) => one !== ''),
    },
    required: [],
  },
  {
    method: 'POST',
    path: '/v1/subscriptions',
    right: { customer_uuid: nobody, subscription_plan_uuid: nobody, payment_method_uuid: nobody },
    wrong: {
      customer_uuid: wrongUuids,
      subscription_plan_uuid: wrongUuids,
      payment_method_uuid: wrongUuids,
      is_trial: wrongFlags,
    },
    required: ['customer_uuid', 'subscription_plan_uuid', 'payment_method_uuid'],
  },
  {
    method: 'PUT',
    path: '/v1/subscriptions/:subscription',
    right: { subscription_plan_uuid: nobody, payment_method_uuid: nobody },
    wrong: { subscription_plan_uuid: wrongUuids, payment_method_uuid: wrongUuids },
    required: [],
  },
  {
    method: 'POST',
    path: '/v1/test-clock/advance',
    right: { days: 1 },
    wrong: {
      days: [0, -1, 1.5, '5', 3_661, 1e300, ...wrongKinds.filter((one) => typeof one !== 'number')],
      to: [...wrongTimes, ...wrongKinds],
    },
    required: [],
  },
  {
    method: 'POST',
    path: '/v1/subscriptions/generate-url',
    right: { customer_uuid: nobody, subscription_plan_uuid: nobody },
    wrong: { customer_uuid: wrongUuids, subscription_plan_uuid: wrongUuids },
    required: ['customer_uuid', 'subscription_plan_uuid'],
  },
  {
    method: 'PUT',
    path: '/v1/business',
    right: { name: 'Renamed' },
    wrong: {
      name: ['', '  ', '\u200b', ...texts(200)],
      webhook_url: wrongUrls,
      default_redirect_url: wrongUrls,
      enabled_webhooks: wrongFlags,
      send_subscription_mails: wrongFlags,
      business_category: texts(100),
      base_currency: wrongCurrencies,
      refund_save_charges: wrongFlags,
    },
    required: [],
  },
  ...(['POST', 'PUT'] as const).map(
    (method): Endpoint => ({
      method,
      path: method === 'POST' ? '/v1/webhook-endpoints' : '/v1/webhook-endpoints/:endpoint',
      right: { url: 'https://example.com/hook' },
      wrong: {
        url: ['', ...wrongUrls],
        events: [
          ...[
            5,
            true,
            {},
            'payment.failed',
            [],
            ['nothing.happened'],
            ['payment.failed', 5],
            [null],
            [{ toString: 1 }],
          ],
          ...[['constructor'], ['__proto__'], ['toString'], [[['payment.failed']]], Array(101).fill('payment.failed')],
        ],
        ...(method === 'PUT' && { is_enabled: wrongFlags }),
      },
      required: method === 'POST' ? ['url'] : [],
    }),
  ),
  {
    method: 'POST',
    path: '/v1/webhook-endpoints/:endpoint/replay',
    right: {},
    wrong: {
      event_uuid: [...wrongUuids, { toString: 1, valueOf: 1 }],
      from: [...wrongTimes, ...wrongKinds],
      to: [...wrongTimes, ...wrongKinds],
      failed: ['true', 1, 0, [], {}],
    },
    required: [],
  },
]

describe('bad input', () => {
  let server: TestServer
  let business: TestBusiness
  const made: Record<string, string> = {}
  before(async () => {
    server = await startTestServer({ backend: 'postgres', role: 'api' })
    business = await server.business()
    const customer = await business.api('POST', '/v1/customers', { email: 'known@example.com', name: 'Known' })
    made.customer = customer.body.data.uuid
    const endpoint = await business.api('POST', '/v1/webhook-endpoints', { url: 'https://example.com/first' })
    made.endpoint = endpoint.body.data.uuid
    const known = { name: 'Known plan', interval: 'monthly', amount: 100 }
    made.plan = (await business.api('POST', '/v1/subscription-plans', known)).body.data.uuid
    await business.api('POST', '/v1/payment-requests', { customer_email: 'known@example.com', amount: 50 })
    // Makes the business's own endpoint, which the first list would.
    await business.api('GET', '/v1/webhook-endpoints')
  })
  after(() => server.close())

  const addressOf = (path: string) => path.replace(/:(\w+)/g, (_, name) => made[name] ?? name)

  /** Sends, expects the failure, and that no row came or went. */
  async function refused(method: string, path: string, body: unknown, expected: Failure, headers = {}) {
    const before = await countRows(server.ctx)
    const answer = await business.api(method, addressOf(path), body, headers)
    const sent = typeof body === 'string' ? body : JSON.stringify(body)
    expectFailure(answer, expected, `${method} ${path} ${String(sent).slice(0, 200)}`)
    assert.deepEqual(await countRows(server.ctx), before, `${method} ${path} wrote although it refused`)
    return answer
  }

  for (const { method, path, right, wrong, required } of endpoints) {
    for (const [field, values] of Object.entries(wrong)) {
      test(`422 ${method} ${path}: a wrong ${field} is named and nothing is written`, async () => {
        for (const value of values) {
          const expected = { status: 422, code: '005', fields: [] as string[] }
          const answer = await refused(method, path, { ...right, [field]: value }, expected)
          // A field inside the value is named with its path.
          const named = Object.keys(answer.body.error_data)
          assert.ok(
            named.some((one) => one === field || one.startsWith(`${field}.`)),
            `${JSON.stringify(value)?.slice(0, 100)}: ${named}`,
          )
        }
      })
    }

    test(`422 ${method} ${path}: every wrong field is reported at once`, async () => {
      const worst = Object.fromEntries(
        Object.entries(wrong).map(([field, values]) => [field, values.find((value) => typeof value === 'object')]),
      )
      const answer = await refused(method, path, { ...right, ...worst }, { status: 422, code: '005' })
      const named = Object.keys(answer.body.error_data).map((one) => one.split('.')[0])
      for (const field of Object.keys(worst)) assert.ok(named.includes(field), `${field} is not among ${named}`)
    })

    test(`422 ${method} ${path}: a missing field is named, null is the same as missing`, async () => {
      for (const field of required) {
        const { [field]: _, ...without } = right
        await refused(method, path, without, { status: 422, code: '005', fields: [field] })
        await refused(method, path, { ...right, [field]: null }, { status: 422, code: '005', fields: [field] })
      }
    })

    test(`422 ${method} ${path}: a JSON body that is no object`, async () => {
      for (const body of [
        '[]',
        '"text"',
        '5',
        'true',
        'null',
        '[{"amount":5}]',
        '['.repeat(5_000) + ']'.repeat(5_000),
      ]) {
        await refused(method, path, body, { status: 422, code: '005' })
      }
    })

    test(`400 ${method} ${path}: what is no JSON, or says it is something else`, async () => {
      for (const body of ['{', '{"a":1', "{'a':1}", 'a=1', '{"a":1}}', '\0', '{"a":\u0001}', '{"__proto__":{"a":1}}']) {
        await refused(method, path, body, { status: 400, code: '006' })
      }
      for (const type of [
        'text/plain',
        'application/xml',
        'application/x-www-form-urlencoded',
        'nonsense',
        'multipart/form-data',
      ]) {
        await refused(method, path, JSON.stringify(right), { status: 400, code: '006' }, { 'content-type': type })
      }
    })

    test(`413 ${method} ${path}: a body of a megabyte`, async () => {
      await refused(method, path, { ...right, description: 'x'.repeat(1024 * 1024) }, { status: 413, code: '006' })
    })

    test(`422 ${method} ${path}: nested without end, in a field we know and in one we do not`, async () => {
      const levels = 20_000
      for (const field of ['meta_data', 'customer', 'events', 'event_uuid', 'whatever']) {
        const answer = await business.api(method, addressOf(path), `{"${field}":${deep(levels)}}`)
        assert.equal(answer.status, 422, `${field}: ${answer.text.slice(0, 300)}`)
      }
    })
  }

  describe('what the currency decides', () => {
    const digits: [string, string, string][] = [
      ['NGN', '10.001', '10.01'],
      ['JPY', '150.5', '150'],
      ['KWD', '1.2345', '1.234'],
    ]
    for (const [currency, tooFine] of digits) {
      test(`422 ${tooFine} ${currency} has more digits than the currency and is not rounded`, async () => {
        for (const amount of [tooFine, Number(tooFine)]) {
          const body = { customer_email: 'a@example.com', amount, currency }
          await refused('POST', '/v1/payment-requests', body, { status: 422, code: '005', fields: ['amount'] })
        }
      })
    }

    test('422 too many digits in the base currency, when no currency is named', async () => {
      const body = { customer_email: 'a@example.com', amount: '10.001' }
      await refused('POST', '/v1/payment-requests', body, { status: 422, code: '005', fields: ['amount'] })
    })

    test('422 a wrong currency does not hide a wrong amount', async () => {
      const body = { customer_email: 'a@example.com', amount: '-1', currency: 'XYZ' }
      await refused('POST', '/v1/payment-requests', body, { status: 422, code: '005', fields: ['amount', 'currency'] })
    })
  })

  describe('payment requests', () => {
    const right = { customer_email: 'a@example.com', amount: '100' }
    const cases: [string, Body, Failure][] = [
      ['422 nobody pays', { amount: 50 }, { status: 422, code: '005', fields: ['customer_uuid'] }],
      [
        '422 a customer without e-mail',
        { amount: 50, customer: {} },
        { status: 422, code: '005', fields: ['customer.email'] },
      ],
      [
        '422 a customer with wrong fields inside',
        { amount: 50, customer: { email: 'no', first_name: 5, meta_data: [] } },
        { status: 422, code: '005', fields: ['customer.email', 'customer.first_name', 'customer.meta_data'] },
      ],
      [
        '422 metadata of a customer that is too large',
        { amount: 50, customer: { email: 'm@example.com', meta_data: wideMetaData } },
        { status: 422, code: '005' },
      ],
      [
        '404 a customer that does not exist',
        { amount: 50, customer_uuid: nobody },
        { status: 404, code: '007', fields: ['customer_uuid'] },
      ],
      [
        '404 a plan that does not exist',
        { ...right, subscription_plan_uuid: nobody },
        { status: 404, code: '007', fields: ['subscription_plan_uuid'] },
      ],
      [
        '400 a channel that nobody knows',
        { ...right, payment_channel: 'nope' },
        { status: 400, code: '031', fields: ['payment_channel'] },
      ],
      ['400 a channel that is not connected', { ...right, payment_channel: 'stripe' }, { status: 400, code: '031' }],
      [
        '400 a channel named as a part of every object',
        { ...right, payment_channel: 'constructor' },
        { status: 400, code: '031' },
      ],
      ['400 a blank channel', { ...right, payment_channel: '' }, { status: 400, code: '031' }],
      [
        '400 a currency that the channel does not take',
        { ...right, currency: 'JPY', payment_channel: 'paystack' },
        { status: 400, code: '032' },
      ],
      ['400 a currency that no channel takes', { ...right, currency: 'JPY' }, { status: 400, code: '030' }],
      [
        '400 less than the channel takes',
        { ...right, amount: '0.01' },
        { status: 400, code: '033', fields: ['amount'] },
      ],
    ]
    for (const [name, body, expected] of cases) {
      test(`${name}: nothing is written`, async () => {
        await refused('POST', '/v1/payment-requests', body, expected)
      })
    }
  })

  describe('ids in paths', () => {
    const strange = [
      ...[nobody, 'x', '%27%20or%201%3D1%20--', '%3Cscript%3E', `eric-${nobody}`, 'AsP-0000000000000'],
      ...['..%2f..%2fetc', '%F0%9F%98%80', '%20', '__proto__', 'constructor', 'x'.repeat(200)],
    ]
    const routes: [string, (id: string) => string, unknown?][] = [
      ['GET', (id) => `/v1/payment-requests/retrieve-by-ref/${id}`],
      ['PATCH', (id) => `/v1/payment-requests/${id}/cancel`],
      ['PATCH', (id) => `/v1/payment-requests/${id}/verify`],
      ['GET', (id) => `/v1/customers/${id}`],
      ['PUT', (id) => `/v1/customers/${id}`, { name: 'New' }],
      ['DELETE', (id) => `/v1/customers/${id}`],
      ['GET', (id) => `/v1/customers/${id}/payment-methods`],
      ['DELETE', (id) => `/v1/customers/${id}/payment-methods/${nobody}`],
      ['PATCH', (id) => `/v1/customers/${id}/payment-methods/${nobody}/default`],
      ['DELETE', (id) => `/v1/customers/${made.customer}/payment-methods/${id}`],
      ['PATCH', (id) => `/v1/customers/${made.customer}/payment-methods/${id}/default`],
      ['GET', (id) => `/v1/webhook-endpoints/${id}`],
      ['PUT', (id) => `/v1/webhook-endpoints/${id}`, { url: 'https://example.com/other' }],
      ['DELETE', (id) => `/v1/webhook-endpoints/${id}`],
      ['PATCH', (id) => `/v1/webhook-endpoints/${id}/roll-secret`],
      ['POST', (id) => `/v1/webhook-endpoints/${id}/replay`, { failed: true }],
      ['GET', (id) => `/v1/webhook-endpoints/${id}/deliveries`],
    ]
    for (const [method, path, body] of routes) {
      test(`404 ${method} ${path('{id}')} of what is nothing`, async () => {
        for (const id of strange) await refused(method, path(id), body, { status: 404, code: '007' })
      })
    }

    test('4xx an address that cannot be read', async () => {
      for (const id of ['%zz', '%', '%ED%A0%80', '%C0%AF', 'x'.repeat(3_000), '%00', `${nobody}%00`]) {
        const answer = await business.api('GET', `/v1/customers/${id}`)
        const codes: Record<number, string> = { 400: '006', 404: '007', 422: '005' }
        expectFailure(answer, { status: answer.status, code: codes[answer.status] ?? 'no 4xx' }, id.slice(0, 20))
      }
    })

    test('404 an event that does not exist cannot be replayed', async () => {
      const expected = { status: 404, code: '007', fields: ['event_uuid'] }
      await refused('POST', '/v1/webhook-endpoints/:endpoint/replay', { event_uuid: nobody }, expected)
    })

    test('422 a replay says one thing: event, range or failed', async () => {
      const time = '2026-01-01'
      const wrong: [Body, string][] = [
        [{}, 'event_uuid'],
        [{ failed: false }, 'event_uuid'],
        [{ from: time }, 'to'],
        [{ to: time }, 'from'],
        [{ event_uuid: nobody, failed: true }, 'event_uuid'],
        [{ from: time, to: time, failed: true }, 'event_uuid'],
      ]
      for (const [body, field] of wrong) {
        const expected = { status: 422, code: '005', fields: [field] }
        await refused('POST', '/v1/webhook-endpoints/:endpoint/replay', body, expected)
      }
    })
  })

  describe('queries of lists', () => {
    const long = 'x'.repeat(255)
    const wrong: [string, string, string[]][] = [
      ['/v1/payment-requests', 'status', ['', 'paid', 'OPEN', "open' or 1=1", 'constructor']],
      ['/v1/payment-requests', 'customer_uuid', ['', 'x', nobody.slice(1), '%00']],
      ['/v1/payment-requests', 'payment_channel', [long, '%00']],
      ['/v1/payment-requests', 'intent', [long, '%00']],
      ['/v1/payment-requests', 'from', wrongTimes],
      ['/v1/payment-requests', 'to', wrongTimes],
      ['/v1/payment-requests', 'search', [long, '%00']],
      ['/v1/customers', 'search', [long, 'a%00b']],
      ['/v1/customers', 'email', [long, '%00']],
      ['/v1/events', 'event', [long, '%00']],
      ['/v1/events', 'from', wrongTimes],
      ['/v1/events', 'to', wrongTimes],
      ['/v1/webhook-endpoints/:endpoint/deliveries', 'status', ['', 'open', 'sent']],
      ['/v1/webhook-endpoints/:endpoint/deliveries', 'page', ['0', 'x']],
      ['/v1/customers/:customer/payment-methods', 'per_page', ['0', 'x']],
    ]
    for (const [path, field, values] of wrong) {
      test(`422 ${path}?${field}= of nonsense is named`, async () => {
        for (const value of [...values, `a&${field}=b`]) {
          await refused('GET', `${path}?${field}=${value}`, undefined, { status: 422, code: '005', fields: [field] })
        }
      })
    }

    test('422 several wrong queries are reported at once', async () => {
      const fields = ['status', 'customer_uuid', 'from', 'to']
      const query = fields.map((field) => `${field}=x`).join('&')
      await refused('GET', `/v1/payment-requests?${query}`, undefined, { status: 422, code: '005', fields })
    })

    test('422 a filter that a list does not have is named, on every list', async () => {
      const { paths } = (await server.call('GET', '/openapi.json')).body
      const lists = Object.keys(paths).filter((path) =>
        paths[path].get?.parameters?.some((one: { name: string }) => one.name === 'page'),
      )
      assert.ok(lists.length >= 8, lists.join(' '))
      for (const path of lists.map((one) => one.replace(/\{\w+\}/g, nobody))) {
        for (const name of ['nothing', 'constructor', '__proto__', 'status[]', 'a[b]', 'Status', 'pages']) {
          const expected = { status: 422, code: '005', fields: [name] }
          await refused('GET', `${path}?${encodeURIComponent(name)}=1&page=1`, undefined, expected)
        }
      }
      const both = { status: 422, code: '005', fields: ['status', 'foo'] }
      await refused('GET', '/v1/payment-requests?status=paid&foo=1', undefined, both)
    })

    test('200 a query without a name asks for nothing', async () => {
      for (const query of ['', '&&&', '&page=1&']) {
        const answer = await business.api('GET', `/v1/customers?${query}`)
        assert.equal(answer.status, 200, `${query}: ${answer.text.slice(0, 200)}`)
        assert.equal(answer.body.data.customers.data.length >= 1, true)
      }
    })
  })

  test('no 500 for an unknown field with an inherited name that holds what cannot be stored', async () => {
    for (const field of ['constructor', 'toString', 'hasOwnProperty', 'valueOf']) {
      for (const { method, path, right } of endpoints) {
        const body = { ...right, [field]: '\0' }
        await refused(method, path, body, { status: 422, code: '005', fields: [field] })
      }
    }
  })

  describe('the Idempotency-Key header', () => {
    test('422 a key that is blank or longer than 255 characters', async () => {
      for (const path of ['/v1/customers', '/v1/payment-requests', '/v1/webhook-endpoints']) {
        const right = endpoints.find((one) => one.method === 'POST' && one.path === path)?.right
        const expected = { status: 422, code: '005', fields: ['Idempotency-Key'] }
        for (const key of ['', 'x'.repeat(256)])
          await refused('POST', path, right, expected, { 'idempotency-key': key })
      }
    })
  })
})

describe('odd but right input', () => {
  let server: TestServer
  let business: TestBusiness
  before(async () => {
    server = await startTestServer({ backend: 'postgres', role: 'api' })
    business = await server.business()
  })
  after(() => server.close())

  const hostile = [
    ...["Robert'); drop table customers; --", '<script>alert("x")</script>', '{{7*7}} %s %n', '\\ " \' `'],
    ...['مرحبا 👩‍👩‍👧 e\u0301 \u202e', 'a\tb\r\nc', 'a\u0001\u007f', 'null', 'NaN', '%00', 'constructor'],
  ]

  test('201 SQL, HTML and every script of the world are kept and given back as they came', async () => {
    for (const [index, text] of hostile.entries()) {
      const email = `literal${index}@example.com`
      const meta_data = { [text]: text, list: [text, { deeper: text }] }
      const customer = { email, first_name: text, last_name: text, city: text, meta_data }
      const created = await business.api('POST', '/v1/customers', customer)
      assert.equal(created.status, 201, created.text)
      const read = (await business.api('GET', `/v1/customers/${created.body.data.uuid}`)).body.data
      assert.deepEqual([read.first_name, read.city, read.full_name], [text, text, `${text} ${text}`])
      assert.deepEqual(read.meta_data, meta_data)
      const reference = `ref ${index} ${text}`
      const wish = { customer_email: email, amount: 100, description: text, reference, meta_data: { text } }
      const opened = await business.api('POST', '/v1/payment-requests', wish)
      assert.equal(opened.status, 201, opened.text)
      const found = await business.api('GET', `/v1/payment-requests/retrieve-by-ref/${encodeURIComponent(reference)}`)
      assert.equal(found.status, 200, found.text)
      assert.equal(found.body.data.payment_request.description, text)
      assert.deepEqual(found.body.data.payment_request.meta_data, { text })
    }
    const listed = await business.api('GET', '/v1/customers')
    assert.equal(listed.body.data.customers.total, hostile.length)
  })

  test('201 text at its longest fits, counted in characters and not in bytes', async () => {
    const long = '👩'.repeat(100)
    const answer = await business.api('POST', '/v1/customers', {
      email: 'long@example.com',
      first_name: long,
      last_name: long,
    })
    assert.equal(answer.status, 201)
    assert.equal(answer.body.data.first_name, long)
    const reference = '👩'.repeat(100)
    const wish = { customer_email: 'long@example.com', amount: 100, reference }
    assert.equal((await business.api('POST', '/v1/payment-requests', wish)).status, 201)
    const path = `/v1/payment-requests/retrieve-by-ref/${encodeURIComponent(reference)}`
    assert.equal((await business.api('GET', path)).status, 200)
  })

  test('201 unknown fields are ignored, also what could not be stored and what every object has', async () => {
    const body =
      '{"email":"extra@example.com","name":"E","constructor":{"prototype":{"a":1}},"toString":"x","uuid":"x","env_mode":"live","id":7}'
    const answer = await business.api('POST', '/v1/customers', body)
    assert.equal(answer.status, 201, answer.text)
    assert.equal(answer.body.data.env_mode, 'test')
    assert.equal(({} as Record<string, unknown>).a, undefined)
    const wish = { customer_email: 'extra@example.com', amount: 50, status: 'successful', amount_minor: 1, logo: 'x' }
    const opened = await business.api('POST', '/v1/payment-requests', wish)
    assert.equal(opened.status, 201, opened.text)
    assert.equal(opened.body.data.payment_request.status, 'open')
    assert.equal(opened.body.data.payment_request.amount, '50')
  })

  test('201 null in every optional field means absent', async () => {
    const nulls = (endpoint: Endpoint | undefined) =>
      Object.fromEntries(Object.keys(endpoint?.wrong ?? {}).map((field) => [field, null]))
    const of = (method: string, path: string) => endpoints.find((one) => one.method === method && one.path === path)
    const customer = { ...nulls(of('POST', '/v1/customers')), email: 'nulls@example.com', name: 'N' }
    assert.equal((await business.api('POST', '/v1/customers', customer)).status, 201)
    const wish = {
      ...nulls(of('POST', '/v1/payment-requests')),
      customer: { email: 'nulls@example.com', name: null },
      amount: 50,
    }
    const opened = await business.api('POST', '/v1/payment-requests', wish)
    assert.equal(opened.status, 201, opened.text)
    assert.equal(opened.body.data.payment_request.currency, 'NGN')
    const before = (await business.api('GET', '/v1/business')).body.data
    const kept = await business.api('PUT', '/v1/business', nulls(of('PUT', '/v1/business')))
    assert.equal(kept.status, 200, kept.text)
    assert.deepEqual({ ...kept.body.data, updated_at: before.updated_at }, before)
  })

  test('201 metadata and cancel_redirect_url are aliases', async () => {
    const wish = {
      customer_email: 'alias@example.com',
      amount: 50,
      metadata: { a: 1 },
      cancel_redirect_url: 'https://example.com/no',
    }
    const opened = (await business.api('POST', '/v1/payment-requests', wish)).body.data.payment_request
    assert.deepEqual([opened.meta_data, opened.cancel_redirect_url], [{ a: 1 }, 'https://example.com/no'])
    const customer = { email: 'alias2@example.com', name: 'A', metadata: { b: [1, 'x', null] } }
    assert.deepEqual((await business.api('POST', '/v1/customers', customer)).body.data.meta_data, { b: [1, 'x', null] })
  })

  test('201 amounts are answered without superfluous zeros, whatever form they came in', async () => {
    const forms: [string | number, string][] = [
      ['100', '100'],
      ['100.00', '100'],
      ['100.50', '100.5'],
      [100.5, '100.5'],
      [100, '100'],
      ['0100.05', '100.05'],
      ['9999999.99', '9999999.99'],
      [9999999.99, '9999999.99'],
    ]
    for (const [index, [amount, expected]] of forms.entries()) {
      const reference = `form-${index}`
      const wish = { customer_email: 'f@example.com', amount, reference }
      const answer = await business.api('POST', '/v1/payment-requests', wish)
      assert.equal(answer.status, 201, answer.text)
      const found = await business.api('GET', `/v1/payment-requests/retrieve-by-ref/${reference}`)
      for (const { body } of [answer, found]) {
        assert.equal(body.data.payment_request.amount, expected)
        assert.equal(body.data.payment_request.last_transaction.amount, expected)
        assert.match(body.data.payment_request.amount_to_usd, /^\d+(\.\d{1,4})?$/)
      }
    }
  })

  test('400 the largest amount, in the base currency that goes unsaid, is too large for the channel alone', async () => {
    const most = { customer_email: 'most@example.com', amount: '9999999999999.99' }
    for (const body of [most, { ...most, currency: 'NGN' }]) {
      const answer = await business.api('POST', '/v1/payment-requests', body)
      expectFailure(answer, { status: 400, code: '037', fields: ['amount'] })
    }
  })

  test('200 PATCH and DELETE take a JSON content type without a body', async () => {
    const opened = await business.api('POST', '/v1/payment-requests', { customer_email: 'p@example.com', amount: 50 })
    const headers = { 'content-type': 'application/json' }
    const path = `/v1/payment-requests/${requestRef(opened)}`
    assert.equal((await business.api('PATCH', `${path}/verify`, undefined, headers)).status, 200)
    assert.equal((await business.api('PATCH', `${path}/cancel/`, undefined, headers)).status, 200)
    const uuid = opened.body.data.payment_request.customer.uuid
    assert.equal((await business.api('DELETE', `/v1/customers/${uuid}`, undefined, headers)).status, 200)
  })
})

describe('amounts survive exactly', () => {
  const currencies = ['NGN', 'JPY', 'KWD'] as const
  const anyMinor = fc.bigInt({ min: 1n, max: amountMinorMax })

  test('exponents are those of ISO 4217', () => {
    assert.deepEqual(
      currencies.map((currency) => exponentOf(currency)),
      [2, 0, 3],
    )
  })

  for (const currency of currencies) {
    test(`every amount in ${currency} comes back from its text, as text or number`, () => {
      fc.assert(
        fc.property(anyMinor, (amountMinor) => {
          const text = formatAmount(amountMinor, currency)
          assert.match(text, /^(0|[1-9]\d*)(\.\d*[1-9])?$/)
          assert.deepEqual(parseAmount(text, currency), { ok: true, amountMinor })
          assert.deepEqual(parseAmount(Number(text), currency), { ok: true, amountMinor })
        }),
        { numRuns: 2_000, examples: [[1n], [amountMinorMax], [10n], [1_000n], [amountMinorMax - 1n]] },
      )
    })

    test(`one digit more than ${currency} has is refused, zeros too`, () => {
      const exponent = exponentOf(currency) ?? 0
      fc.assert(
        fc.property(fc.nat(10 ** 9), fc.nat(9), (whole, digit) => {
          assert.equal(parseAmount(`${whole}.${'1'.repeat(exponent)}${digit}`, currency).ok, false)
        }),
      )
    })

    test(`dollars for ${currency} are within half of the last digit, and never more than four digits`, () => {
      const rate = fc.bigInt({ min: 1n, max: 10n ** 14n })
      fc.assert(
        fc.property(anyMinor, rate, (amountMinor, rateScaled) => {
          const digits = rateScaled.toString().padStart(13, '0')
          const text = toUsd(amountMinor, currency, `${digits.slice(0, -12)}.${digits.slice(-12)}`)
          assert.match(text, /^(0|[1-9]\d*)(\.\d{0,3}[1-9])?$/)
          const [whole = '0', fraction = ''] = text.split('.')
          const inTenThousandths = BigInt(whole + fraction.padEnd(4, '0'))
          // Both sides × 10^(exponent + 12).
          const scale = 10n ** BigInt((exponentOf(currency) ?? 0) + 12)
          const error = inTenThousandths * scale - amountMinor * rateScaled * 10_000n
          assert.ok(error <= scale / 2n && error >= -scale / 2n, text)
        }),
        { numRuns: 2_000 },
      )
    })
  }

  test('beyond the largest amount nothing is taken', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: amountMinorMax + 1n, max: amountMinorMax * 1_000n }), (amountMinor) => {
        for (const currency of currencies) {
          assert.equal(parseAmount(formatAmount(amountMinor, currency), currency).ok, false)
        }
      }),
    )
  })

  test('whatever is no plain decimal is refused, and never throws', () => {
    fc.assert(
      fc.property(fc.oneof(fc.anything(), fc.string()), (input) => {
        const parsed = parseAmount(input, 'NGN')
        if (parsed.ok) assert.match(String(input), /^\d+(\.\d{1,2})?$/)
      }),
      { numRuns: 2_000 },
    )
  })

  test('US dollars echo the amount; others have at most the digits asked for', () => {
    assert.equal(toUsd(10_050n, 'USD', '1'), '100.5')
    assert.equal(toUsd(10_000n, 'NGN', '0.000622'), '0.0622')
    assert.equal(toUsd(1n, 'NGN', '0.000622'), '0')
    assert.equal(toUsd(100n, 'JPY', '0.0067'), '0.67')
    assert.equal(toUsd(1_000n, 'KWD', '3.25'), '3.25')
    assert.equal(toUsd(5n, 'USD', '0.001'), '0.0001')
  })
})

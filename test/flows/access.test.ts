import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type EnvMode, type Scope, scopes } from '../../src/domain/businesses/schema.ts'
import * as businesses from '../../src/domain/businesses/service.ts'
import { expectFailure } from '../support/expect.ts'
import { postForm } from '../support/portal.ts'
import { stopOwnPostgres } from '../support/postgres.ts'
import { cards, saveCard } from '../support/saved.ts'
import {
  type Answer,
  attemptRef,
  type Body,
  payAtSandbox,
  requestRef,
  startTestServer,
  type TestBusiness,
  type TestServer,
} from '../support/server.ts'
import { advance, createPlan, subscribe } from '../support/subscriptions.ts'

after(stopOwnPostgres)

const nobody = '00000000-0000-7000-8000-000000000000'
/** A body that passes each route's schema, so that nothing but the key or the owner decides. */
const rightBodies: Record<string, Body> = {
  'POST /v1/payment-requests': { customer_email: 'a@example.com', amount: 100 },
  'POST /v1/payment-requests/relay': { payment_request_ref: 'nothing', payment_channel: 'paystack' },
  'POST /v1/payment-requests/save-payment-method': { customer_email: 'a@example.com' },
  'POST /v1/payment-requests/charge-payment-method': {
    customer_email: 'a@example.com',
    payment_method_uuid: '00000000-0000-7000-8000-000000000000',
    amount: 100,
  },
  'POST /v1/payment-requests/subscribe-to-plan': { customer_email: 'a@example.com', subscription_plan_uuid: nobody },
  'POST /v1/subscriptions/generate-url': { customer_uuid: nobody, subscription_plan_uuid: nobody },
  'POST /v1/subscriptions': {
    customer_uuid: nobody,
    subscription_plan_uuid: nobody,
    payment_method_uuid: nobody,
  },
  'PUT /v1/subscriptions/{uuid}': { payment_method_uuid: nobody },
  'POST /v1/test-clock/advance': { days: 1 },
  'PUT /v1/payment-channels/route': { route_by: 'default_first' },
  'POST /v1/customers': { email: 'a@example.com', name: 'A' },
  'PUT /v1/customers/{uuid}': { name: 'Taken' },
  'POST /v1/subscription-plans': { name: 'Gold', interval: 'monthly', amount: 100 },
  'PUT /v1/subscription-plans/{uuid}': { name: 'Taken' },
  'POST /v1/webhook-endpoints': { url: 'https://example.com/hook' },
  'PUT /v1/webhook-endpoints/{uuid}': { url: 'https://example.com/taken' },
  'POST /v1/webhook-endpoints/{uuid}/replay': { failed: true },
  'PUT /v1/business': {},
}
/** What a list cannot do without. */
const rightQueries: Record<string, string> = { 'GET /v1/payment-channels/route': 'currency=NGN&amount=100' }
/** Statuses that a list may be asked for, where it is not a payment's. */
const rightStatuses: Record<string, string> = {
  'GET /v1/subscription-plans': 'active',
  'GET /v1/subscriptions': 'trialing',
}
const hex = 'a'.repeat(60)

interface Route {
  method: string
  path: string
  operation: Body
}

/** Every documented route behind a secret key. */
const secretKeyRoutes = (server: TestServer): Promise<Route[]> =>
  documentedRoutes(server, (path) => path.startsWith('/v1/') && !/^\/v1\/(system|sdk)\//.test(path))

async function documentedRoutes(server: TestServer, isMeant: (path: string) => boolean): Promise<Route[]> {
  const { body } = await server.call('GET', '/openapi.json')
  return Object.entries(body.paths as Record<string, Body>)
    .filter(([path]) => isMeant(path))
    .flatMap(([path, methods]) =>
      Object.entries(methods as Body).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
    )
}

const nameOf = (route: Route) => `${route.method} ${route.path}`
const fill = (path: string, value: string) => path.replace(/\{\w+\}/g, value)
/** What a route takes when nothing is known of it here: its schema may refuse it, and then the test says so. */
const bodyOf = (route: Route): Body => rightBodies[nameOf(route)] ?? (route.operation.requestBody ? {} : undefined)

describe('keys', () => {
  let server: TestServer
  let business: TestBusiness
  let routes: Route[]
  before(async () => {
    server = await startTestServer({ backend: 'postgres', role: 'api' })
    business = await server.business()
    routes = await secretKeyRoutes(server)
  })
  after(() => server.close())

  const { keys } = { keys: () => business.keys }
  const wrong: [string, () => Record<string, string>, string][] = [
    ['no key', () => ({}), '001'],
    ['a blank key', () => ({ authentication: ' ' }), '001'],
    ['a scheme without a key', () => ({ authentication: 'Bearer ' }), '001'],
    ['garbage', () => ({ authentication: 'Bearer garbage' }), '001'],
    ['another scheme', () => ({ authorization: `Basic ${keys().test.secret_key}` }), '001'],
    ['a bare key in Authorization', () => ({ authorization: keys().test.secret_key }), '001'],
    ['a key cut short', () => ({ authentication: `Bearer ${keys().test.secret_key.slice(0, -1)}` }), '001'],
    ['a key with more behind it', () => ({ authentication: `Bearer ${keys().test.secret_key}0` }), '001'],
    ['a key in capitals', () => ({ authentication: `Bearer ${keys().test.secret_key.toUpperCase()}` }), '001'],
    ['two keys', () => ({ authentication: `Bearer ${keys().test.secret_key}, ${keys().test.secret_key}` }), '001'],
    ['its own public key', () => ({ authentication: `Bearer ${keys().test.public_key}` }), '001'],
    ['its own live public key', () => ({ authorization: `Bearer ${keys().live.public_key}` }), '001'],
    ['an unknown public key', () => ({ authentication: `Bearer async_pkt_${hex}` }), '001'],
    ['an unknown test key', () => ({ authentication: `Bearer async_skt_${hex}` }), '002'],
    ['an unknown live key', () => ({ authentication: `Bearer async_sk_${hex}` }), '002'],
    [
      'a test key under the live prefix',
      () => ({ authentication: `Bearer ${keys().test.secret_key.replace('skt', 'sk')}` }),
      '002',
    ],
    ['a webhook secret', () => ({ authentication: `Bearer ${keys().test.webhook_secret}` }), '001'],
    ["a key in Authentication goes before Authorization's", () => both(), '001'],
  ]
  const both = () => ({ authentication: 'Bearer garbage', authorization: `Bearer ${keys().test.secret_key}` })
  for (const [name, headers, code] of wrong) {
    test(`401 ${name} opens no route`, async () => {
      assert.ok(routes.length >= 18, 'the document lists too few routes')
      for (const route of routes) {
        const path = fill(route.path, nobody)
        const answer = await server.call(route.method, path, bodyOf(route), headers())
        expectFailure(answer, { status: 401, code }, nameOf(route))
      }
    })
  }

  /** A key of the business's own, made for one test. */
  const make = (label: string, wanted: readonly Scope[], envMode: EnvMode) =>
    businesses.createKey(
      server.ctx,
      { businessId: business.id, envMode, kind: 'secret', label, scopes: wanted },
      businesses.commandLine,
    )
  const asks = (route: Route, key: string) =>
    server.call(route.method, fill(route.path, nobody), bodyOf(route), { authentication: `Bearer ${key}` })

  for (const envMode of ['test', 'live'] as const) {
    for (const scope of scopes) {
      test(`403 a ${envMode} key with the scope ${scope} alone opens what names that scope, and nothing else`, async () => {
        const { key } = await make(`${envMode} ${scope} alone`, [scope], envMode)
        for (const route of routes) {
          const needed = route.operation['x-scope'] as Scope
          assert.ok(scopes.includes(needed), `${nameOf(route)} names no scope in the document`)
          assert.ok(route.method !== 'GET' || needed === 'read' || route.path.includes('payouts'), nameOf(route))
          const answer = await asks(route, key)
          if (needed === scope) assert.notEqual(answer.status, 403, nameOf(route))
          else {
            expectFailure(answer, { status: 403, code: '017' }, nameOf(route))
            assert.deepEqual(answer.body.error_data, { scope: needed }, nameOf(route))
          }
        }
      })
    }
  }

  test('401 a revoked key, and one that was rolled without an overlap, open no route; its successor does', async () => {
    const revoked = await make('revoked', scopes, 'test')
    await businesses.revokeKey(server.ctx, business.id, 'revoked', businesses.commandLine)
    const rolled = await make('rolled', scopes, 'test')
    const next = await businesses.rollKey(server.ctx, business.id, 'rolled', 0, businesses.commandLine)
    for (const route of routes) {
      for (const { key } of [revoked, rolled]) {
        expectFailure(await asks(route, key), { status: 401, code: '002' }, nameOf(route))
      }
      assert.ok(![401, 403].includes((await asks(route, next.key)).status), nameOf(route))
    }
  })

  test('a scope is asked for before the body is looked at, and a refusal uses up no idempotency key', async () => {
    const narrow = await make('narrow', ['read'], 'test')
    const wide = await make('wide', ['payments'], 'test')
    const once = { 'idempotency-key': 'asked by a key without the scope' }
    const post = (key: string, body: unknown) =>
      server.call('POST', '/v1/customers', body, { authentication: `Bearer ${key}`, ...once })
    expectFailure(await post(narrow.key, { email: 5 }), { status: 403, code: '017' })
    expectFailure(await post(narrow.key, '{'), { status: 403, code: '017' })
    assert.equal((await post(wide.key, { email: 'scoped@example.com', name: 'S' })).status, 201)
  })

  test('401 what a public key opens is opened by no other key', async () => {
    const sdk = await documentedRoutes(server, (path) => path.startsWith('/v1/sdk/'))
    assert.ok(sdk.length >= 1, 'the document lists too few routes')
    const { test: own, live } = business.keys
    for (const [key, code] of [
      ['', '003'],
      ['garbage', '003'],
      [own.secret_key, '003'],
      [live.secret_key, '003'],
      [own.webhook_secret, '003'],
      [own.public_key.toUpperCase(), '003'],
      [`${own.public_key}0`, '003'],
      [`async_pkt_${hex}`, '004'],
      [`async_pk_${hex}`, '004'],
      [own.public_key.replace('pkt', 'pk'), '004'],
    ] as const) {
      for (const route of sdk) {
        const answer = await server.call(route.method, route.path, bodyOf(route), { authentication: `Bearer ${key}` })
        expectFailure(answer, { status: 401, code }, `${nameOf(route)} with ${key}`)
      }
    }
  })

  for (const envMode of ['test', 'live'] as const) {
    test(`401 a ${envMode} public key that was revoked or rolled opens no route; its successor opens its own alone`, async () => {
      const sdk = await documentedRoutes(server, (path) => path.startsWith('/v1/sdk/'))
      assert.ok(sdk.length >= 1, 'the document lists too few routes')
      const [ended, replaced] = [`${envMode} page, revoked`, `${envMode} page, rolled`]
      const wanted = { businessId: business.id, envMode, kind: 'public', scopes: [] } as const
      const revoked = await businesses.createKey(server.ctx, { ...wanted, label: ended }, businesses.commandLine)
      await businesses.revokeKey(server.ctx, business.id, ended, businesses.commandLine)
      const rolled = await businesses.createKey(server.ctx, { ...wanted, label: replaced }, businesses.commandLine)
      const next = await businesses.rollKey(server.ctx, business.id, replaced, 0, businesses.commandLine)
      for (const route of sdk) {
        for (const { key } of [revoked, rolled]) {
          expectFailure(await asks(route, key), { status: 401, code: '004' }, nameOf(route))
        }
        assert.ok(![401, 403].includes((await asks(route, next.key)).status), nameOf(route))
      }
      for (const route of routes) {
        expectFailure(await asks(route, next.key), { status: 401, code: '001' }, nameOf(route))
      }
    })
  }

  test('401 comes before anything is said of the body or the object', async () => {
    expectFailure(await server.call('POST', '/v1/customers', '{'), { status: 401, code: '001' })
    expectFailure(await server.call('POST', '/v1/customers', { email: 5 }), { status: 401, code: '001' })
    const xml = { 'content-type': 'application/xml' }
    expectFailure(await server.call('POST', '/v1/customers', '<a/>', xml), { status: 401, code: '001' })
  })

  test('200 the documented header, a bare key in it, and the usual header all open', async () => {
    const key = business.keys.test.secret_key
    const forms = [
      { authentication: `Bearer ${key}` },
      { authentication: `bearer  ${key} ` },
      { authentication: key },
      { Authentication: key },
      { authorization: `Bearer ${key}` },
      { authentication: '', authorization: `Bearer ${key}` },
    ]
    for (const headers of forms) {
      const answer = await server.call('GET', '/v1/business', undefined, headers as Record<string, string>)
      assert.equal(answer.status, 200, JSON.stringify(headers))
      assert.equal(answer.body.data.env_mode, 'test')
    }
    const live = await server.call('GET', '/v1/business', undefined, { authentication: business.keys.live.secret_key })
    assert.equal(live.body.data.env_mode, 'live')
  })

  test('200 what needs no key takes none', async () => {
    for (const path of ['/health/live', '/health/ready', '/openapi.json', '/payment_channels/Paystack.svg']) {
      assert.equal((await server.call('GET', path)).status, 200, path)
    }
  })
})

/** The objects of one business, and everything of theirs that a path or a body may name. */
async function makeObjects(server: TestServer, business: TestBusiness, hookUrl: string) {
  const renewalRef = await makeRenewal(server, business)
  const customer = await business.api('POST', '/v1/customers', { email: 'mine@example.com', name: 'Mine' })
  const wish = { customer_uuid: customer.body.data.uuid, amount: 100, reference: 'my-own-reference' }
  const request = await business.api('POST', '/v1/payment-requests', wish)
  await payAtSandbox(server.url, attemptRef(request))
  await business.api('PATCH', `/v1/payment-requests/${requestRef(request)}/verify`)
  const open = await business.api('POST', '/v1/payment-requests', { customer_email: 'mine@example.com', amount: 200 })
  const saved = await saveCard(server, business, 'paystack', cards.paystack.pays, 'mine@example.com')
  const plan = await business.api('POST', '/v1/subscription-plans', {
    name: 'My plan',
    interval: 'weekly',
    amount: 100,
  })
  const subscription = await business.api('POST', '/v1/subscriptions', {
    customer_uuid: saved.customer,
    subscription_plan_uuid: plan.body.data.uuid,
    payment_method_uuid: saved.method,
    is_trial: 1,
  })
  const byBrowser = await server.call(
    'POST',
    '/v1/sdk/initialize-payment-request',
    { customer_email: 'mine@example.com', amount: 300, reference: 'my-carts-reference' },
    { authentication: `Bearer ${business.keys.test.public_key}` },
  )
  const byLink = await postForm(server, `/subscribe/${plan.body.data.link_id}`, { email: 'linked@example.com' })
  const page = await server.call('GET', new URL(byLink.headers.get('location') ?? '', server.url).pathname)
  const endpoint = await business.api('POST', '/v1/webhook-endpoints', { url: hookUrl })
  const events = await business.api('GET', '/v1/events')
  return {
    customer: customer.body.data.uuid as string,
    customerId: customer.body.data.customer_id as string,
    request: request.body.data.payment_request.uuid as string,
    requestRef: requestRef(request),
    openRef: requestRef(open),
    reference: 'my-own-reference',
    publicRef: requestRef(byBrowser),
    publicReference: 'my-carts-reference',
    renewalRef,
    linkRef: /AsP-[0-9a-f]{13}/.exec(page.text)?.[0] ?? '',
    method: saved.method,
    plan: plan.body.data.uuid as string,
    planLink: plan.body.data.link_id as string,
    subscription: subscription.body.data.uuid as string,
    endpoint: endpoint.body.data.uuid as string,
    endpointSecret: endpoint.body.data.secret as string,
    event: events.body.data.events.data[0].uuid as string,
  }
}

/** The request by which a plan renewed; its ref. */
async function makeRenewal(server: TestServer, business: TestBusiness): Promise<string> {
  const plan = await createPlan(business, { interval: 'weekly', amount: 100 })
  const { customer } = await subscribe(server, business, plan)
  await advance(business, { days: 8 })
  const { body } = await business.api('GET', `/v1/payment-requests?customer_uuid=${customer}&status=successful`)
  const renewal = body.data.payment_requests.data.find((one: Body) => one.created_by === 'renewal')
  assert.ok(renewal, 'nothing renewed')
  return renewal.ref
}
type Objects = Awaited<ReturnType<typeof makeObjects>>

describe('what is another’s', () => {
  let server: TestServer
  let owner: TestBusiness
  let stranger: TestBusiness
  let objects: Objects
  let routes: Route[]
  before(async () => {
    server = await startTestServer({ backend: 'postgres', role: 'api' })
    owner = await server.business('Owner')
    stranger = await server.business('Stranger')
    objects = await makeObjects(server, owner, 'https://example.com/mine')
    routes = await secretKeyRoutes(server)
  })
  after(() => server.close())

  /** Who asks: another business in the same mode, and the same business in the other mode. */
  const others = (): [string, TestBusiness['api']][] => [
    ['another business', stranger.api],
    ['another business in live mode', stranger.live],
    ['the other mode', owner.live],
  ]

  /** Everything of the owner that the path's parameter may name, by the noun before it. */
  function namesFor(path: string): string[] {
    if (path.startsWith('/v1/payment-requests/')) {
      const { request, requestRef, openRef, reference, publicRef, publicReference, linkRef, renewalRef } = objects
      const made = [publicRef, publicReference, linkRef, renewalRef]
      return [request, request.replace('eric-', ''), requestRef, openRef, reference, ...made]
    }
    if (path.startsWith('/v1/customers/')) return [objects.customer]
    if (path.startsWith('/v1/subscription-plans/')) return [objects.plan, objects.planLink]
    if (path.startsWith('/v1/subscriptions/')) return [objects.subscription]
    if (path.startsWith('/v1/webhook-endpoints/')) return [objects.endpoint]
    return [objects.request, objects.customer, objects.endpoint, objects.event]
  }

  /** Everything that the owner can read, without what each answer has of its own. */
  const look = async (): Promise<string> => {
    const paths = ['/v1/payment-requests', '/v1/customers', '/v1/webhook-endpoints', '/v1/events', '/v1/business']
    paths.push(`/v1/customers/${objects.customer}/payment-methods`)
    paths.push('/v1/subscription-plans', '/v1/subscriptions')
    paths.push(`/v1/webhook-endpoints/${objects.endpoint}/deliveries`)
    const answers = await Promise.all(paths.map((path) => owner.api('GET', path)))
    return answers.map((answer) => answer.text).join('\n')
  }

  test('404 every route with an id in its path: another’s object looks like none, and is not touched', async () => {
    const withId = routes.filter((route) => route.path.includes('{'))
    assert.ok(withId.length >= 12)
    const before = await look()
    for (const route of withId) {
      for (const [who, api] of others()) {
        const none = await api(route.method, fill(route.path, nobody), bodyOf(route))
        expectFailure(none, { status: 404, code: '007' }, `${nameOf(route)}; is a right body of it in rightBodies?`)
        for (const id of namesFor(route.path)) {
          const answer = await api(route.method, fill(route.path, id), bodyOf(route))
          expectFailure(answer, { status: 404, code: '007' }, `${nameOf(route)} by ${who}`)
          assert.equal(answer.text, none.text, `${nameOf(route)} tells ${who} what exists`)
        }
      }
    }
    assert.equal(await look(), before)
  })

  test('404 the owner itself is let in by every one of those routes', async () => {
    const readable = routes.filter((route) => route.method === 'GET' && route.path.includes('{'))
    for (const route of readable) {
      const [id = ''] = namesFor(route.path)
      const answer = await owner.api('GET', fill(route.path, id))
      if (/^\/v1\/(payment-requests|customers|subscription-plans|subscriptions|webhook-endpoints)\//.test(route.path)) {
        assert.equal(answer.status, 200, `${nameOf(route)}: ${answer.text.slice(0, 200)}`)
      }
    }
  })

  test('whoever made a payment request, its business finds it in its mode, and nobody else does', async () => {
    const { requestRef: bySecret, reference, publicRef, publicReference, linkRef, renewalRef } = objects
    const browsers = { public: [publicRef, publicReference], link: [linkRef] }
    const makers = { secret: [bySecret, reference], ...browsers, renewal: [renewalRef] }
    for (const [maker, names] of Object.entries(makers)) {
      for (const name of names) {
        const path = `/v1/payment-requests/retrieve-by-ref/${name}`
        assert.equal((await owner.api('GET', path)).body.data?.payment_request.created_by, maker, name)
        for (const [who, api] of others()) {
          expectFailure(await api('GET', path), { status: 404, code: '007' }, `${name} by ${who}`)
        }
      }
    }
  })

  test('200 every list of others holds nothing of it, filtered by its ids or not', async () => {
    const lists = routes.filter((route) => route.method === 'GET' && !route.path.includes('{'))
    const secretive = [...Object.values(objects), 'mine@example.com', owner.id]
    for (const route of lists) {
      for (const [who, api] of others()) {
        const queries = [
          ...['', `customer_uuid=${objects.customer}`, 'search=mine', 'email=mine@example.com'],
          ...[
            `search=${objects.requestRef}`,
            `search=${objects.reference}`,
            `status=${rightStatuses[nameOf(route)] ?? 'successful'}`,
          ],
        ]
        for (const query of queries) {
          const answer = await api('GET', `${route.path}?${rightQueries[nameOf(route)] ?? ''}&${query}`)
          // A filter that a list does not know is refused by its name; nothing was looked for then.
          const isUnknown = answer.status === 422 && query.split('=')[0]! in answer.body.error_data
          assert.ok(answer.status === 200 || isUnknown, `${nameOf(route)}?${query}: ${answer.text.slice(0, 200)}`)
          if (isUnknown) continue
          // Links repeat the question; what was found may not hold the answer.
          const text = answer.text.replaceAll(/"[^"]*\?[^"]*page=\d+"/g, '""')
          const mayHold = who === 'the other mode' ? [owner.id] : []
          for (const secret of secretive.filter((one) => !mayHold.includes(one))) {
            assert.ok(!text.includes(secret), `${nameOf(route)}?${query} shows ${secret} to ${who}`)
          }
        }
      }
    }
  })

  test('404 another’s object named in a body is none, the field says which', async () => {
    const before = await look()
    for (const [who, api] of others()) {
      const paying = await api('POST', '/v1/payment-requests', { customer_uuid: objects.customer, amount: 100 })
      if (who === 'another business') {
        expectFailure(paying, { status: 404, code: '007', fields: ['customer_uuid'] }, who)
      } else {
        // Live mode has no channel here, which is found out first.
        expectFailure(paying, { status: 400, code: '030' }, who)
      }
      for (const path of ['/v1/payment-requests', '/v1/payment-requests/subscribe-to-plan']) {
        const wish = { customer_email: 'mine@example.com', subscription_plan_uuid: objects.plan }
        const subscribing = await api('POST', path, wish)
        expectFailure(subscribing, { status: 404, code: '007', fields: ['subscription_plan_uuid'] }, who)
      }
      const plan = await api('POST', '/v1/subscription-plans', { name: 'Own plan', interval: 'weekly', amount: 100 })
      const customer = await api('POST', '/v1/customers', { email: 'own@example.com', name: 'Own' })
      const theirs = { customer_uuid: customer.body.data.uuid, subscription_plan_uuid: plan.body.data.uuid }
      for (const taken of [{ customer_uuid: objects.customer }, { subscription_plan_uuid: objects.plan }]) {
        const linking = await api('POST', '/v1/subscriptions/generate-url', { ...theirs, ...taken })
        expectFailure(linking, { status: 404, code: '007', fields: Object.keys(taken) }, who)
      }
      for (const payment_request_ref of [objects.openRef, objects.request, objects.reference]) {
        const relay = { payment_request_ref, payment_channel: 'paystack' }
        const relayed = await api('POST', '/v1/payment-requests/relay', relay)
        expectFailure(relayed, { status: 404, code: '007', fields: ['payment_request_ref'] }, who)
      }
      const charge = { payment_method_uuid: objects.method, amount: 100 }
      const charging = '/v1/payment-requests/charge-payment-method'
      const charged = await api('POST', charging, { ...charge, customer_uuid: objects.customer })
      expectFailure(charged, { status: 404, code: '007', fields: ['customer_uuid'] }, who)
      const payer = await api('POST', '/v1/customers', { email: `charger@example.com`, name: who })
      const foreign = await api('POST', charging, { ...charge, customer_uuid: payer.body.data.uuid })
      expectFailure(foreign, { status: 404, code: '007', fields: ['payment_method_uuid'] }, who)
      for (const [verb, suffix] of [
        ['DELETE', ''],
        ['PATCH', '/default'],
      ] as const) {
        const at = `/v1/customers/${payer.body.data.uuid}/payment-methods/${objects.method}${suffix}`
        expectFailure(await api(verb, at), { status: 404, code: '007' }, who)
      }
      const own = await api('POST', '/v1/webhook-endpoints', { url: 'https://example.com/theirs' })
      const path = `/v1/webhook-endpoints/${own.body.data.uuid}/replay`
      const replay = await api('POST', path, { event_uuid: objects.event })
      expectFailure(replay, { status: 404, code: '007', fields: ['event_uuid'] }, who)
      const all = await api('POST', path, { from: '2000-01-01', to: '2100-01-01' })
      assert.deepEqual([all.status, all.body.data], [201, { replayed: 0 }])
    }
    assert.equal(await look(), before)
  })

  test('the same e-mail, reference and webhook address may be used by each business and mode', async () => {
    for (const [who, api] of others()) {
      const customer = await api('POST', '/v1/customers', { email: 'mine@example.com', name: who })
      assert.equal(customer.status, 201, who)
      assert.notEqual(customer.body.data.uuid, objects.customer)
    }
    const wish = { customer_email: 'mine@example.com', amount: 100, reference: objects.reference }
    const theirs = await stranger.api('POST', '/v1/payment-requests', wish)
    assert.equal(theirs.status, 201)
    const found = await stranger.api('GET', `/v1/payment-requests/retrieve-by-ref/${objects.reference}`)
    assert.equal(found.body.data.payment_request.ref, requestRef(theirs))
    const own = await owner.api('GET', `/v1/payment-requests/retrieve-by-ref/${objects.reference}`)
    assert.equal(own.body.data.payment_request.ref, objects.requestRef)
  })

  test('settings of one mode are not those of the other, nor of another business', async () => {
    await owner.api('PUT', '/v1/business', { webhook_url: 'https://example.com/test-mode', enabled_webhooks: 1 })
    for (const [who, api] of others()) {
      const { data } = (await api('GET', '/v1/business')).body
      assert.deepEqual([data.webhook_url, data.enabled_webhooks], [null, 0], who)
    }
  })
})

describe('addresses, methods and headers', () => {
  let server: TestServer
  let business: TestBusiness
  let routes: Route[]
  before(async () => {
    server = await startTestServer({ backend: 'postgres', role: 'api' })
    business = await server.business()
    routes = await secretKeyRoutes(server)
  })
  after(() => server.close())

  /** What is the same for two answers to the same question. */
  const essence = ({ status, body }: Answer) => [status, body?.message, body?.error_code]

  test('a trailing slash changes nothing, on every route', async () => {
    for (const route of routes.filter((one) => one.method === 'GET' || one.path.includes('{'))) {
      const path = fill(route.path, nobody)
      const plain = await business.api(route.method, path, bodyOf(route))
      assert.deepEqual(essence(await business.api(route.method, `${path}/`, bodyOf(route))), essence(plain), path)
      if (route.method !== 'GET') continue
      assert.deepEqual(essence(await business.api('GET', `${path}/?page=1`)), essence(plain), path)
    }
    const created = await business.api('POST', '/v1/customers/', { email: 'slash@example.com', name: 'S' })
    assert.equal(created.status, 201)
  })

  test('405 a known address with another method names those that it takes', async () => {
    const methodsOf = new Map<string, string[]>()
    for (const { path, method } of routes) methodsOf.set(path, [...(methodsOf.get(path) ?? []), method])
    for (const [path, methods] of methodsOf) {
      for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'].filter((one) => !methods.includes(one))) {
        for (const slash of ['', '/', '?a=1']) {
          const answer = await business.api(method, fill(path, nobody) + slash)
          // Another route may fit the same address: `/customers/{uuid}` and `/customers/search`.
          if (answer.status !== 405 && methods.length === 0) continue
          expectFailure(answer, { status: 405, code: '008' }, `${method} ${path}${slash}`)
          const allowed = (answer.headers.get('allow') ?? '').split(', ')
          assert.ok(
            methods.every((one) => allowed.includes(one)),
            `${method} ${path}: Allow is ${allowed}`,
          )
          assert.ok(!allowed.includes(method))
        }
      }
    }
  })

  test('404 an unknown address, whatever it is made of', async () => {
    const paths = [
      '/',
      '/v1',
      '/v1/',
      '/v2/customers',
      '/v1/nothing',
      '/v1/customers/a/b/c',
      '/V1/customers',
      '/v1//customers',
    ]
    paths.push(
      '//',
      '//customers',
      '//example.com:99999/x',
      '/v1/../../etc/passwd',
      '/%2e%2e/x',
      '/v1/customers;x=1',
      '/\\',
    )
    for (const path of paths) {
      for (const method of ['GET', 'POST', 'DELETE']) {
        const answer = await business.api(method, path)
        expectFailure(answer, { status: 404, code: '007' }, `${method} ${path}`)
      }
    }
  })

  test('every answer carries its own Request-Id, whatever became of the request', async () => {
    const answers = await Promise.all([
      business.api('GET', '/v1/business'),
      business.api('POST', '/v1/customers', { email: 'id@example.com', name: 'I' }),
      business.api('POST', '/v1/customers', {}),
      business.api('POST', '/v1/customers', '{'),
      business.api('GET', '/v1/nothing'),
      business.api('GET', '/v1/%zz'),
      business.api('PATCH', '/v1/business'),
      business.api('GET', `/v1/customers/${nobody}`),
      server.call('GET', '/v1/business'),
      server.call('GET', '/health/live'),
      server.call('GET', '/openapi.json'),
      server.call('POST', '/v1/system/hooks/abcdefgh/paystack', {}),
      server.call('GET', `/return/${nobody}`),
    ])
    const ids = answers.map((answer) => answer.headers.get('request-id') ?? '')
    for (const [index, id] of ids.entries()) assert.match(id, /^[0-9a-f-]{36}$/, `answer ${index}`)
    assert.equal(new Set(ids).size, ids.length)
  })

  test('a Request-Id that the caller sends is not taken over', async () => {
    const answer = await business.api('GET', '/v1/business', undefined, { 'request-id': 'forged\u00e9' })
    assert.match(answer.headers.get('request-id') ?? '', /^[0-9a-f-]{36}$/)
  })

  test('HEAD answers as GET, without a body', async () => {
    const answer = await business.api('HEAD', '/v1/business')
    assert.deepEqual([answer.status, answer.text], [200, ''])
    assert.equal((await server.call('HEAD', '/v1/business')).status, 401)
  })
})

describe('secrets', () => {
  let server: TestServer
  let business: TestBusiness
  before(async () => {
    server = await startTestServer({ backend: 'postgres', role: 'api' })
    business = await server.business()
  })
  after(() => server.close())

  test('a webhook secret is answered when made and when rolled, and never again; no key or credential ever is', async () => {
    const objects = await makeObjects(server, business, 'https://example.com/secret')
    assert.match(objects.endpointSecret, /^whsec_[A-Za-z0-9+/]+={0,2}$/)
    const path = `/v1/webhook-endpoints/${objects.endpoint}`
    const rolled = await business.api('PATCH', `${path}/roll-secret`)
    const newSecret = rolled.body.data.secret
    assert.match(newSecret, /^whsec_/)
    assert.notEqual(newSecret, objects.endpointSecret)
    assert.ok(rolled.body.data.previous_secret_expires_at)

    const answers: Answer[] = []
    for (const route of await secretKeyRoutes(server)) {
      const names: Record<string, string> = {
        customers: objects.customer,
        'subscription-plans': objects.plan,
        subscriptions: objects.subscription,
        'webhook-endpoints': objects.endpoint,
      }
      const noun = route.path.split('/')[2] ?? ''
      const query = rightQueries[nameOf(route)] ?? ''
      if (route.method === 'GET')
        answers.push(await business.api('GET', `${fill(route.path, names[noun] ?? objects.openRef)}?${query}`))
    }
    answers.push(await business.api('PUT', path, { url: 'https://example.com/changed' }))
    answers.push(await business.api('PUT', '/v1/business', { webhook_url: 'https://example.com/own' }))
    answers.push(await business.api('POST', `${path}/replay`, { event_uuid: objects.event }))
    answers.push(await business.api('DELETE', path))
    for (const path of ['/openapi.json', '/metrics', '/health/ready']) answers.push(await server.call('GET', path))
    const { test, live } = business.keys
    const secrets = [...Object.values(test), ...Object.values(live), objects.endpointSecret, newSecret]
    for (const answer of answers) {
      assert.ok(answer.status < 300, answer.text.slice(0, 200))
      for (const secret of secrets)
        assert.ok(!answer.text.includes(secret), `a secret in: ${answer.text.slice(0, 200)}`)
      // The document shows what a secret looks like, by one that was made up.
      const text = answer.text.replaceAll('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', '')
      assert.doesNotMatch(text, /whsec_|_sealed|key_hash|sk_test_sandbox/)
    }
  })

  test('an error never repeats the key that was sent', async () => {
    const key = `async_skt_${hex}`
    const answer = await server.call('GET', '/v1/business', undefined, { authentication: `Bearer ${key}` })
    assert.ok(!answer.text.includes(key))
  })
})

describe('the rate limit', () => {
  test('200 a burst of 400 requests of one key passes at the default', async () => {
    const server = await startTestServer({ backend: 'postgres', role: 'api' })
    try {
      const business = await server.business()
      const answers = await Promise.all(Array.from({ length: 400 }, () => business.api('GET', '/v1/business')))
      assert.deepEqual([...new Set(answers.map((answer) => answer.status))], [200])
    } finally {
      await server.close()
    }
  })

  test('429 the sixth of five, with Retry-After; other keys go on, and what has no key is counted apart', async () => {
    const server = await startTestServer({ backend: 'postgres', role: 'api', env: { RATE_LIMIT: '5' } })
    try {
      const business = await server.business()
      for (let count = 1; count <= 5; count += 1) {
        assert.equal((await business.api('GET', '/v1/business')).status, 200, `request ${count}`)
      }
      for (const [method, path] of [
        ['GET', '/v1/business'],
        ['GET', '/v1/customers'],
        ['POST', '/v1/customers'],
      ] as const) {
        const answer = await business.api(method, path)
        expectFailure(answer, { status: 429, code: '009' }, `${method} ${path}`)
        const retryAfter = Number(answer.headers.get('retry-after'))
        assert.ok(retryAfter >= 1 && retryAfter <= 60, String(retryAfter))
      }
      // The same key in its other header is the same key.
      const headers = { authorization: `Bearer ${business.keys.test.secret_key}` }
      expectFailure(await server.call('GET', '/v1/business', undefined, headers), { status: 429, code: '009' })
      assert.equal((await business.live('GET', '/v1/business')).status, 200)
      expectFailure(await server.call('GET', '/v1/business'), { status: 401, code: '001' })
      assert.equal((await server.call('GET', '/health/live')).status, 200)
    } finally {
      await server.close()
    }
  })
})

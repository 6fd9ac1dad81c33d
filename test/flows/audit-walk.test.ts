import assert from 'node:assert/strict'
import { subscribe as hear, unsubscribe as hearNoMore } from 'node:diagnostics_channel'
import { after, before, describe, test } from 'node:test'
import { type Operation, operations } from '../../src/cli/operations.ts'
import * as businesses from '../../src/domain/businesses/service.ts'
import { sql } from '../../src/platform/db.ts'
import type { Http } from '../../src/platform/http.ts'
import { headOf } from '../../src/platform/secrets.ts'
import { portalOf } from '../support/portal.ts'
import { stopOwnPostgres } from '../support/postgres.ts'
import { saveCard } from '../support/saved.ts'
import {
  type Answer,
  type Body,
  startTestServer,
  type TestBusiness,
  type TestServer,
  threeChannels,
} from '../support/server.ts'
import { createPlan, subscribe } from '../support/subscriptions.ts'
import { until } from '../support/wait.ts'

after(stopOwnPostgres)

/** From where every call of this file comes, told by a proxy on this machine, which is believed. */
const address = '203.0.113.9'
const from = { 'x-forwarded-for': address }
const changing = new Set(['POST', 'PUT', 'PATCH', 'DELETE'])

/** Routes that change nothing which somebody decided, each with why. */
const exemptRoutes: Record<string, string> = {
  'POST /v1/system/hooks/:token/:channel':
    'a provider says that something happened: its row in hook_inbox is the record',
  'PATCH /v1/payment-requests/:ref/verify': 'asks the channel: what it says is on the timeline',
  'POST /checkout/:token/check': 'asks the channel: what it says is on the timeline',
  'POST /v1/subscriptions/generate-url': 'makes a signed address, and no row',
  'POST /v1/sdk/generate-subscription-url': 'makes a signed address, and no row',
}

/** Commands that change nothing which somebody decided, each with why. */
const exemptCommands: Partial<Record<Operation, string>> = {
  'business.list': 'reads',
  keys: 'reads; the endpoint that it may make has a row of its own',
  'keys.list': 'reads',
  'channels.list': 'reads',
  'audit.list': 'reads',
  'audit.verify': 'reads',
  'master-key.waiting': 'reads',
  'master-key.check': 'reads',
  'master-key.reseal': 'what is sealed stays what it is; beginning and end of the change have rows',
}

/** What people decide stands in these. */
const decidedTables = [
  ...['api_keys', 'business_modes', 'business_payment_channels', 'businesses', 'customers', 'erasures'],
  ...['payment_methods', 'payment_requests', 'portal_links', 'subscription_plans', 'subscriptions', 'transactions'],
  ...['webhook_endpoints', 'webhook_deliveries'],
]
/** What the program notes there for itself. */
const ownNotes = [
  ...['updated_at', 'check_at', 'check_count', 'relay_holder', 'relaying_until', 'clock_holder', 'clock_held_until'],
  ...['last_used_at'],
]
const refusing = `create function refuse_row() returns trigger language plpgsql as $$ begin
    if exists (select from unwritable) then raise exception 'the audit log takes no row'; end if;
    return new;
  end $$;
  create trigger refused before insert on audit_log for each row execute function refuse_row()`

describe('every change leaves a row in the audit log', () => {
  const routes = new Set<string>()
  let server: TestServer
  let business: TestBusiness
  before(async () => {
    const note = (message: unknown) => {
      const { fastify } = message as { fastify: Http }
      fastify.addHook('onRoute', (route) => {
        for (const method of [route.method].flat()) {
          if (changing.has(method) && !route.url.startsWith('/sandbox')) routes.add(`${method} ${route.url}`)
        }
      })
    }
    hear('fastify.initialization', note)
    // No worker: between two looks at the rows nobody else changes them.
    server = await startTestServer({ backend: 'postgres', role: 'api' })
    hearNoMore('fastify.initialization', note)
    business = await threeChannels(server)
    await sql`create table unwritable (since int)`.execute(server.ctx.db)
    await sql.raw(refusing).execute(server.ctx.db)
  })
  after(() => server.close())

  const rows = (after: bigint) =>
    server.ctx.db.selectFrom('audit_log').selectAll().where('id', '>', after).orderBy('id').execute()
  /** The last row before the last call: what came before it is of its preparation. */
  let mark = 0n
  let sent = 0
  /** Which call finds that the audit log takes no row; and what the rows said before it. */
  let unwritable: { from: number; before: string } | null = null
  const marked = async <T>(send: () => Promise<T>): Promise<T> => {
    sent += 1
    mark = (await rows(mark)).at(-1)?.id ?? mark
    if (unwritable?.from === sent) {
      unwritable.before = await decided()
      await sql`insert into unwritable values (1)`.execute(server.ctx.db)
    }
    return await send()
  }
  /** All that people decide, as it is now. */
  const decided = async (): Promise<string> => {
    const each = decidedTables.map(
      (table) =>
        sql`select ${sql.lit(table)} || (to_jsonb(t) - ${ownNotes}::text[])::text as row from ${sql.table(table)} t`,
    )
    const found = await sql<{ row: string }>`${sql.join(each, sql` union all `)} order by row`.execute(server.ctx.db)
    return found.rows.map(({ row }) => row).join('\n')
  }
  /** The same again, where its row cannot be written: nothing of it is done. Gives what was answered. */
  const undone = async <T>(change: () => Promise<T>): Promise<T | undefined> => {
    unwritable = { from: sent * 2, before: '' }
    try {
      return await change().catch(() => undefined)
    } finally {
      await sql`truncate unwritable`.execute(server.ctx.db)
      const [before, after] = [unwritable.before.split('\n'), (await decided()).split('\n')]
      assert.ok(before.length > 1, 'the last call was not sent')
      assert.deepEqual(after, before)
      unwritable = null
    }
  }
  const api = (method: string, path: string, body?: unknown) => marked(() => business.api(method, path, body, from))
  const call = (path: string, body: unknown, headers: Record<string, string> = {}) =>
    marked(() => server.call('POST', path, body, { ...from, ...headers }))
  const form = (path: string, fields: Record<string, string> = {}) =>
    call(path, String(new URLSearchParams(fields)), { 'content-type': 'application/x-www-form-urlencoded' })
  const sdk = (body: object) =>
    call('/v1/sdk/initialize-payment-request', body, { authentication: `Bearer ${business.keys.test.public_key}` })

  let names = 0
  const name = (): string => `walk-${++names}`
  const wish = () => ({ customer_email: `${name()}@example.com`, amount: 100, currency: 'NGN' })
  const request = async (): Promise<Body> =>
    (await api('POST', '/v1/payment-requests', wish())).body.data.payment_request
  const checkout = async (): Promise<string> => {
    const { checkout_url } = (await sdk(wish())).body.data.payment_request
    return new URL(checkout_url).pathname
  }
  const customer = async (): Promise<string> =>
    (await api('POST', '/v1/customers', { email: `${name()}@example.com`, name: 'Ada' })).body.data.uuid
  const plan = (): Promise<Body> => createPlan(business, { name: name() })
  const endpoint = async (): Promise<string> =>
    (await api('POST', '/v1/webhook-endpoints', { url: `http://shop.example/${name()}` })).body.data.uuid
  const subscribed = async () => await subscribe(server, business, await plan(), { isTrial: true })
  const saved = () => saveCard(server, business, 'paystack')
  /** The subscriber's own page, and what they have there. */
  const portal = async () => {
    const held = await subscribed()
    return { ...held, path: await portalOf(business, held.customer) }
  }
  /** Two cards of one customer, the second not the default. */
  const twoCards = async () => {
    const first = await saved()
    const { customer_email: email } = wish()
    await api('PUT', `/v1/customers/${first.customer}`, { email })
    const second = await saveCard(server, business, 'flutterwave', undefined, email)
    return { customer: first.customer, first: first.method, second: second.method }
  }

  /** One call of each route that changes something; each succeeds. */
  const calls: Record<string, () => Promise<Answer>> = {
    'PUT /v1/business': () => api('PUT', '/v1/business', { name: name() }),
    'POST /v1/test-clock/advance': () => api('POST', '/v1/test-clock/advance', { days: 1 }),
    'POST /v1/customers': () => api('POST', '/v1/customers', { email: `${name()}@example.com`, name: 'Ada' }),
    'PUT /v1/customers/:uuid': async () => api('PUT', `/v1/customers/${await customer()}`, { name: 'Ada' }),
    'DELETE /v1/customers/:uuid': async () => api('DELETE', `/v1/customers/${await customer()}?erase=1`),
    'POST /v1/customers/:uuid/portal-link': async () =>
      api('POST', `/v1/customers/${await customer()}/portal-link`, {}),
    'DELETE /v1/customers/:uuid/payment-methods/:method_uuid': async () => {
      const { customer: owner, method } = await saved()
      return api('DELETE', `/v1/customers/${owner}/payment-methods/${method}`)
    },
    'PATCH /v1/customers/:uuid/payment-methods/:method_uuid/default': async () => {
      const { customer: owner, second } = await twoCards()
      return api('PATCH', `/v1/customers/${owner}/payment-methods/${second}/default`)
    },
    'POST /v1/subscription-plans': () =>
      api('POST', '/v1/subscription-plans', { name: name(), interval: 'monthly', amount: 100 }),
    'PUT /v1/subscription-plans/:uuid': async () =>
      api('PUT', `/v1/subscription-plans/${(await plan()).uuid}`, { name: name() }),
    'DELETE /v1/subscription-plans/:uuid': async () => api('DELETE', `/v1/subscription-plans/${(await plan()).uuid}`),
    'PATCH /v1/subscription-plans/:uuid/activate': async () => {
      const path = `/v1/subscription-plans/${(await plan()).uuid}`
      await api('PATCH', `${path}/deactivate`)
      return api('PATCH', `${path}/activate`)
    },
    'PATCH /v1/subscription-plans/:uuid/deactivate': async () =>
      api('PATCH', `/v1/subscription-plans/${(await plan()).uuid}/deactivate`),
    'POST /v1/payment-requests': () => api('POST', '/v1/payment-requests', wish()),
    'POST /v1/payment-requests/relay': async () => {
      const body = { payment_request_ref: (await request()).ref, payment_channel: 'paystack' }
      return api('POST', '/v1/payment-requests/relay', body)
    },
    'POST /v1/payment-requests/subscribe-to-plan': async () => {
      const body = { customer_email: `${name()}@example.com`, subscription_plan_uuid: (await plan()).uuid }
      return api('POST', '/v1/payment-requests/subscribe-to-plan', body)
    },
    'POST /v1/payment-requests/save-payment-method': () =>
      api('POST', '/v1/payment-requests/save-payment-method', { customer_email: `${name()}@example.com` }),
    'POST /v1/payment-requests/charge-payment-method': async () => {
      const { customer: owner, method } = await saved()
      const body = { customer_uuid: owner, payment_method_uuid: method, amount: 100 }
      return api('POST', '/v1/payment-requests/charge-payment-method', body)
    },
    'PATCH /v1/payment-requests/:ref/cancel': async () =>
      api('PATCH', `/v1/payment-requests/${(await request()).ref}/cancel`),
    'PUT /v1/payment-channels/route': () => api('PUT', '/v1/payment-channels/route', { route_by: 'success_rate' }),
    'POST /v1/webhook-endpoints': () => api('POST', '/v1/webhook-endpoints', { url: 'http://shop.example/new' }),
    'PUT /v1/webhook-endpoints/:uuid': async () =>
      api('PUT', `/v1/webhook-endpoints/${await endpoint()}`, { is_enabled: 0 }),
    'DELETE /v1/webhook-endpoints/:uuid': async () => api('DELETE', `/v1/webhook-endpoints/${await endpoint()}`),
    'PATCH /v1/webhook-endpoints/:uuid/roll-secret': async () =>
      api('PATCH', `/v1/webhook-endpoints/${await endpoint()}/roll-secret`),
    'POST /v1/webhook-endpoints/:uuid/replay': async () =>
      api('POST', `/v1/webhook-endpoints/${await endpoint()}/replay`, { failed: true }),
    'POST /v1/subscriptions': async () => {
      const { customer: owner, method } = await saved()
      const held = { customer_uuid: owner, payment_method_uuid: method, is_trial: 1 }
      return api('POST', '/v1/subscriptions', { ...held, subscription_plan_uuid: (await plan()).uuid })
    },
    'PUT /v1/subscriptions/:uuid': async () => {
      const { subscription } = await subscribed()
      return api('PUT', `/v1/subscriptions/${subscription.uuid}`, { subscription_plan_uuid: (await plan()).uuid })
    },
    'PATCH /v1/subscriptions/:uuid/cancel': async () =>
      api('PATCH', `/v1/subscriptions/${(await subscribed()).subscription.uuid}/cancel`),
    'PATCH /v1/subscriptions/:uuid/pause': async () =>
      api('PATCH', `/v1/subscriptions/${(await subscribed()).subscription.uuid}/pause`),
    'PATCH /v1/subscriptions/:uuid/resume': async () => {
      const path = `/v1/subscriptions/${(await subscribed()).subscription.uuid}`
      await api('PATCH', `${path}/pause`)
      return api('PATCH', `${path}/resume`)
    },
    'POST /v1/sdk/initialize-payment-request': () => sdk(wish()),
    'POST /subscribe/:link_id': async () =>
      form(`/subscribe/${(await plan()).link_id}`, { email: `${name()}@example.com` }),
    'POST /checkout/:token/relay': async () => call(`${await checkout()}/relay`, { payment_channel: 'paystack' }),
    'POST /checkout/:token/cancel': async () => call(`${await checkout()}/cancel`, {}),
    'POST /portal/:token/subscriptions/:uuid/cancel': async () => {
      const { path, subscription } = await portal()
      return form(`${path}/subscriptions/${subscription.uuid}/cancel`)
    },
    'POST /portal/:token/subscriptions/:uuid/keep': async () => {
      const { path, subscription } = await portal()
      await form(`${path}/subscriptions/${subscription.uuid}/cancel`)
      return form(`${path}/subscriptions/${subscription.uuid}/keep`)
    },
    'POST /portal/:token/subscriptions/:uuid/card': async () => {
      const { customer: owner, second, first } = await twoCards()
      const held = { customer_uuid: owner, payment_method_uuid: first, is_trial: 1 }
      const begun = await api('POST', '/v1/subscriptions', { ...held, subscription_plan_uuid: (await plan()).uuid })
      const path = `${await portalOf(business, owner)}/subscriptions/${begun.body.data.uuid}/card`
      return form(path, { payment_method_uuid: second })
    },
    'POST /portal/:token/subscriptions/:uuid/card/new': async () => {
      const { path, subscription } = await portal()
      return form(`${path}/subscriptions/${subscription.uuid}/card/new`)
    },
    'POST /portal/:token/cards': async () => form(`${(await portal()).path}/cards`),
    'POST /portal/:token/cards/:uuid/default': async () => {
      const { customer: owner, second } = await twoCards()
      return form(`${await portalOf(business, owner)}/cards/${second}/default`)
    },
    'POST /portal/:token/cards/:uuid/remove': async () => {
      const { customer: owner, method } = await saved()
      return form(`${await portalOf(business, owner)}/cards/${method}/remove`)
    },
  }

  const run = (operation: Operation, args: object): Promise<Body> =>
    marked(async () => await operations[operation](server.ctx, { ...args }))
  const key = async (): Promise<string> => {
    const wanted = { kind: 'secret', mode: 'test', label: name(), scopes: ['read'] }
    return (await run('keys.create', { business: business.id, ...wanted })).id
  }
  const paystack = () => ({ business: business.id, mode: 'test', channel: 'paystack' })
  const nextKey = Buffer.alloc(32, 7)
  const fields = { secret_key: 'sk_test_sandbox_walk' }

  /** One run of each operation that changes something. */
  const commands: Partial<Record<Operation, () => Promise<unknown>>> = {
    'business.create': () => run('business.create', { name: 'Another', currency: 'NGN' }),
    'keys.create': key,
    'keys.roll': async () => run('keys.roll', { business: business.id, key: await key(), overlapMs: 0 }),
    'keys.revoke': async () => run('keys.revoke', { business: business.id, key: await key() }),
    'channels.connect': () => run('channels.connect', { ...paystack(), fields }),
    'channels.disable': () => run('channels.disable', paystack()),
    'webhooks.listen': () => run('webhooks.listen', { business: business.id, url: 'http://127.0.0.1:1/walk' }),
    'webhooks.unlisten': async () => {
      const { uuid } = await run('webhooks.listen', { business: business.id, url: 'http://127.0.0.1:1/left' })
      return await run('webhooks.unlisten', { business: business.id, uuid })
    },
    // The last ones: afterwards nothing opens that was sealed before.
    'master-key.begin': async () => {
      const args = { head: headOf(nextKey).toString('hex'), key: nextKey.toString('hex') }
      // This process says that it knows the key with its next beat.
      return await until('the key to be known', () => run('master-key.begin', args).then(() => true), 60_000)
    },
    'master-key.finish': () => run('master-key.finish', {}),
    'master-key.forget': () => run('master-key.forget', {}),
  }

  test('each route is walked or exempt with a reason, and nothing else is named', () => {
    const known = [...Object.keys(calls), ...Object.keys(exemptRoutes)]
    assert.ok(routes.size > 30, 'the routes were seen')
    assert.deepEqual([...routes].filter((route) => !known.includes(route)).sort(), [])
    assert.deepEqual(known.filter((route) => !routes.has(route)).sort(), [])
    assert.equal(new Set(known).size, known.length)
  })

  test('each command is walked or exempt with a reason', () => {
    const known = [...Object.keys(commands), ...Object.keys(exemptCommands)]
    assert.deepEqual(known.sort(), Object.keys(operations).sort())
  })

  for (const [route, change] of Object.entries(calls)) {
    test(`${route} leaves who did it, from where, or is not done`, async () => {
      sent = 0
      const answer = await change()
      assert.ok(answer.status < 400, answer.text)
      const path = route.split(' ')[1] ?? ''
      const kind = path.startsWith('/v1/sdk/') ? 'public' : path.startsWith('/v1/') ? 'secret' : 'link'
      const left = (await rows(mark)).filter((one) => one.actor_kind === kind)
      assert.equal(left.length, 1, left.map((one) => one.action).join())
      const [row] = left
      assert.match(row?.actor ?? '', kind === 'link' ? /^link:./ : /^key:[0-9a-f-]{36}$/)
      assert.match(row?.action ?? '', /^[a-z_]+\.[a-z_]+$/)
      assert.equal(row?.address, address, row?.action)
      assert.equal((await undone(change))?.status, 500)
    })
  }

  for (const [command, work] of Object.entries(commands)) {
    test(`asyncpay ${command} leaves a row of the command line, or is not done`, async () => {
      sent = 0
      await work()
      const left = (await rows(mark)).filter((one) => one.actor_kind === 'command_line')
      assert.equal(left.length, 1, left.map((one) => one.action).join())
      assert.deepEqual([left[0]?.actor, left[0]?.address], ['cli', null])
      if (!command.startsWith('master-key.')) assert.equal(await undone(work), undefined)
    })
  }

  test('all of it is sealed, and stands as it was written', async () => {
    await businesses.sealAll(server.ctx)
    const { breaks, rows: sealed } = await businesses.verify(server.ctx, null)
    assert.deepEqual(breaks, [])
    assert.equal(sealed, (await rows(0n)).length)
  })
})

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { dispatch } from '../../src/domain/webhooks/deliver.ts'
import { record } from '../../src/events/outbox.ts'
import { inTransaction } from '../../src/platform/db.ts'
import { newId } from '../../src/platform/ids.ts'
import { expectFailure } from '../support/expect.ts'
import { stopOwnPostgres } from '../support/postgres.ts'
import { cards, saveCard, slugs } from '../support/saved.ts'
import {
  type Answer,
  type Body,
  startTestServer,
  type TestBusiness,
  type TestServer,
  threeChannels,
} from '../support/server.ts'
import { createPlan, subscribe } from '../support/subscriptions.ts'

after(stopOwnPostgres)

interface Described {
  get?: { parameters?: { name: string }[] }
}
const described = JSON.parse(readFileSync(join(import.meta.dirname, '../../docs/openapi.json'), 'utf8'))
/** Every list there is: whatever takes `per_page`. */
const lists = Object.entries<Described>(described.paths)
  .filter(([, { get }]) => get?.parameters?.some((one) => one.name === 'per_page'))
  .map(([path]) => path)

const perPage = 2
const nobody = '01890000-0000-7000-8000-000000000000'

describe('cursors', () => {
  let server: TestServer
  let business: TestBusiness
  let stranger: TestBusiness
  let customer: string
  let endpoint: string
  let method: string
  let made = 0
  before(async () => {
    server = await startTestServer({ backend: 'postgres', role: 'api' })
    business = await threeChannels(server)
    stranger = await server.business('Stranger')
    const first = await subscribe(server, business, await createPlan(business))
    customer = first.customer
    method = first.method
    endpoint = (await post('/v1/webhook-endpoints', { url: 'http://127.0.0.1:9/hook' })).uuid
  })
  after(() => server?.close())

  async function post(path: string, body: Body): Promise<Body> {
    const answer = await business.api('POST', path, body)
    assert.equal(answer.status, 201, answer.text)
    return answer.body.data
  }

  async function emit(): Promise<void> {
    const { ctx } = server
    const objectId = newId()
    const about = { businessId: business.id, envMode: 'test', type: 'payment.cancelled' } as const
    const event = { ...about, objectType: 'payment_request', objectId, data: { uuid: objectId }, now: new Date() }
    await inTransaction(ctx.db, (tx) => record(tx, ctx.queue, event))
    const made = await ctx.db.selectFrom('events').select('id').where('object_id', '=', objectId).executeTakeFirst()
    await dispatch(ctx, String(made?.id))
  }

  /** Makes one row more; a new list of the API needs a line here. Null: nothing can be added. */
  const makers: Record<string, (() => Promise<unknown>) | null> = {
    '/v1/payment-requests': () => post('/v1/payment-requests', { customer_uuid: customer, amount: 100 }),
    '/v1/payment-channels': null,
    '/v1/customers': () => post('/v1/customers', { email: `payer-${made}@example.com`, name: 'Payer' }),
    '/v1/customers/{uuid}/payment-methods': async () => {
      const kinds = Object.keys(cards.paystack) as (keyof typeof cards.paystack)[]
      const slug = slugs[made % slugs.length] ?? 'paystack'
      const card = cards[slug][kinds[Math.floor(made / slugs.length) % kinds.length] ?? 'pays']
      await saveCard(server, business, slug, card, await emailOf(customer))
    },
    '/v1/subscription-plans': () => createPlan(business),
    '/v1/subscriptions': async () => {
      const plan = await createPlan(business)
      const who = { customer_uuid: customer, payment_method_uuid: method }
      await post('/v1/subscriptions', { ...who, subscription_plan_uuid: plan.uuid })
    },
    '/v1/webhook-endpoints': () =>
      post('/v1/webhook-endpoints', { url: 'http://127.0.0.1:9/more', events: ['payment.excess'] }),
    '/v1/webhook-endpoints/{uuid}/deliveries': emit,
    '/v1/events': emit,
  }

  const emailOf = async (uuid: string) => (await business.api('GET', `/v1/customers/${uuid}`)).body.data.email

  async function makeOne(list: string): Promise<void> {
    made += 1
    await makers[list]?.()
  }

  const addressOf = (list: string) => list.replace('{uuid}', list.includes('endpoints') ? endpoint : customer)
  const paginatorOf = (answer: Answer): Body => {
    assert.equal(answer.status, 200, answer.text)
    return Object.values<Body>(answer.body.data)[0]
  }
  const namesOf = (page: Body): string[] => page.data.map((one: Body) => one.uuid ?? one.slug)
  const get = async (list: string, query: Record<string, string> = {}): Promise<Body> => {
    const params = new URLSearchParams({ per_page: String(perPage), ...query })
    return paginatorOf(await business.api('GET', `${addressOf(list)}?${params}`))
  }

  async function byNumber(list: string): Promise<string[]> {
    const names = []
    const { last_page } = await get(list)
    for (let number = 1; number <= last_page; number += 1)
      names.push(...namesOf(await get(list, { page: String(number) })))
    return names
  }

  /** From one page to the next, or back, until there is no further cursor; `between` runs after each. */
  async function walk(list: string, first: Body, side: 'after' | 'before', between = async () => {}): Promise<Body[]> {
    const pages = [first]
    const key = side === 'after' ? 'next_cursor' : 'prev_cursor'
    for (let page = first; page[key] !== null; pages.push(page)) {
      assert.ok(pages.length < 100, `${list} never ends`)
      await between()
      page = await get(list, { [side]: page[key] })
    }
    return pages
  }

  test('every list has its line here', () => assert.deepEqual(Object.keys(makers).sort(), [...lists].sort()))

  for (const list of lists) {
    test(`${list}: by cursor exactly the rows of walking by page, both ways, and as the links lead`, async () => {
      while (makers[list] && (await get(list)).total < 7) await makeOne(list)
      const wanted = await byNumber(list)
      const forth = await walk(list, await get(list), 'after')
      assert.deepEqual(forth.flatMap(namesOf), wanted)
      assert.deepEqual(
        forth.flatMap((page) => [page.from, page.total]),
        forth.flatMap((_, n) => [n * perPage + 1, wanted.length]),
      )
      assert.deepEqual(
        forth.map((page) => page.current_page),
        forth.map((_, n) => n + 1),
      )
      const last = forth.at(-1)
      const back = await walk(list, last, 'before')
      assert.deepEqual(back.toReversed().flatMap(namesOf), wanted)
      assert.deepEqual([last.next_cursor, back.at(-1).prev_cursor, forth[0].prev_cursor], [null, null, null])
      let page = forth[1]
      const linked = [...namesOf(forth[0]), ...namesOf(page)]
      while (page.next_page_url) {
        page = paginatorOf(await business.api('GET', page.next_page_url.replace(server.url, '')))
        linked.push(...namesOf(page))
      }
      assert.deepEqual(linked, wanted)
      // A page by number leads on by cursor too.
      assert.deepEqual(
        namesOf(await get(list, { after: (await get(list, { page: '1' })).next_cursor })),
        wanted.slice(2, 4),
      )
    })

    // Channels are connected on the command line; no call makes one meanwhile.
    if (makers[list]) {
      test(`${list}: rows that come meanwhile repeat none and leave none out`, async () => {
        const old = await byNumber(list)
        const forth = await walk(list, await get(list), 'after', () => makeOne(list))
        assert.deepEqual(forth.flatMap(namesOf), old)
        const back = (await walk(list, forth.at(-1), 'before')).toReversed().flatMap(namesOf)
        assert.equal(new Set(back).size, back.length)
        assert.deepEqual(back.slice(-old.length), old)
        assert.ok(back.length > old.length)
        assert.deepEqual(back, await byNumber(list))
        // What came since is what stands before the newest row that one had.
        const since = await walk(list, await get(list, { before: String(old[0]) }), 'before')
        assert.deepEqual(since.toReversed().flatMap(namesOf), back.slice(0, back.length - old.length))
      })
    }

    test(`${list}: 422 two ways at once, and a cursor that names no row of it`, async () => {
      const [name = ''] = namesOf(await get(list))
      const strangers = paginatorOf(await stranger.api('GET', '/v1/webhook-endpoints')).data[0].uuid
      for (const [query, field] of [
        [{ after: name, before: name }, 'before'],
        [{ after: name, page: '1' }, 'page'],
        [{ before: name, page: '2' }, 'page'],
        [{ after: nobody }, 'after'],
        [{ before: nobody }, 'before'],
        [{ after: strangers }, 'after'],
        [{ after: 'no uuid' }, 'after'],
        [{ before: '' }, 'before'],
        [{ after: `${name}0` }, 'after'],
      ] as const) {
        const answer = await business.api(
          'GET',
          `${addressOf(list)}?${new URLSearchParams(query as Record<string, string>)}`,
        )
        expectFailure(answer, { status: 422, code: '005', fields: [field] }, `${list} ${JSON.stringify(query)}`)
      }
    })
  }

  test('422 beyond 10,000 rows names the cursor', async () => {
    const answer = await business.api('GET', '/v1/customers?per_page=100&page=102')
    expectFailure(answer, { status: 422, code: '005', fields: ['page'] })
    assert.match(answer.text, /next_cursor/)
  })

  test('a cursor goes on where its row no longer fits the filter, with eric- or without, in any case', async () => {
    const query = { status: 'open', per_page: '2' }
    const first = await get('/v1/payment-requests', query)
    const rest = namesOf(await get('/v1/payment-requests', { ...query, page: '2' }))
    assert.equal(rest.length, 2)
    const cursor: string = first.next_cursor
    assert.equal((await business.api('PATCH', `/v1/payment-requests/${cursor}/cancel`)).status, 200)
    for (const after of [cursor, cursor.replace('eric-', ''), cursor.replace('eric-', '').toUpperCase()]) {
      const page = await get('/v1/payment-requests', { ...query, after })
      assert.deepEqual(namesOf(page), rest)
      assert.equal(page.from, 2, 'one that fitted the filter is gone')
    }
  })
})

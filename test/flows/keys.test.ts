import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import Fastify from 'fastify'
import { requireKey } from '../../src/domain/businesses/access.ts'
import { type Scope, scopes } from '../../src/domain/businesses/schema.ts'
import * as businesses from '../../src/domain/businesses/service.ts'
import { ApiError } from '../../src/platform/errors.ts'
import type { Http } from '../../src/platform/http.ts'
import { expectFailure } from '../support/expect.ts'
import { createDatabase, stopOwnPostgres } from '../support/postgres.ts'
import { startTestServer, type TestBusiness, type TestServer } from '../support/server.ts'
import { until } from '../support/wait.ts'

after(stopOwnPostgres)

/** What another process may still believe; its cache is a second old at most. */
const unseenMaxMs = 1_000

const refusedAs = (name: string) => (error: unknown) => error instanceof ApiError && error.row.name === name

describe('keys', () => {
  let database: Awaited<ReturnType<typeof createDatabase>>
  /** Two processes' worth of servers over one database: each has its own memory of who a key belongs to. */
  let here: TestServer
  let there: TestServer
  let business: TestBusiness
  before(async () => {
    database = await createDatabase(process.env.TEST_TEMPLATE)
    here = await startTestServer({ backend: 'postgres', role: 'api', databaseUrl: database.url })
    there = await startTestServer({ backend: 'postgres', role: 'api', databaseUrl: database.url })
    business = await here.business()
  })
  after(async () => {
    await here?.close()
    await there?.close()
    await database?.drop()
  })

  const make = (label: string, wanted: readonly Scope[] = scopes) =>
    businesses.createKey(
      here.ctx,
      { businessId: business.id, envMode: 'test', kind: 'secret', label, scopes: wanted },
      businesses.commandLine,
    )
  const ask = (server: TestServer, key: string) =>
    server.call('GET', '/v1/business', undefined, { authentication: `Bearer ${key}` })
  const audited = async (action: string): Promise<Record<string, unknown>[]> =>
    (
      await here.ctx.db
        .selectFrom('audit_log')
        .select(['actor', 'detail'])
        .where('business_id', '=', business.id)
        .where('action', '=', action)
        .execute()
    ).map(({ actor, detail }) => ({ actor, ...(detail as Record<string, unknown>) }))

  test('a key is shown once, when it is made; the list and the record hold no more than its last four characters', async () => {
    const made = await make('shown once')
    assert.match(made.key, /^async_skt_[0-9a-f]{60}$/)
    assert.equal((await ask(here, made.key)).status, 200)
    const listed = await businesses.listKeys(here.ctx, business.id)
    const one = listed.find(({ id }) => id === made.id)
    assert.deepEqual(
      [one?.label, one?.scopes, one?.hint],
      ['shown once', [...scopes], `async_skt_…${made.key.slice(-4)}`],
    )
    const [entry] = (await audited('api_key.created')).filter(({ key_id }) => key_id === made.id)
    assert.equal(entry?.actor, 'cli')
    for (const text of [JSON.stringify(listed), JSON.stringify(entry)])
      assert.ok(!text.includes(made.key.slice(10, 40)))
  })

  test('what cannot be a label or a scope is refused, and a label names one key', async () => {
    await make('only one')
    for (const label of ['only one', '', ' x', 'x'.repeat(101), 'a\nb', '00000000-0000-7000-8000-000000000000']) {
      await assert.rejects(make(label), refusedAs('VALIDATION_FAILED'), JSON.stringify(label))
    }
    await assert.rejects(make('none', []), refusedAs('VALIDATION_FAILED'))
    await assert.rejects(make('unknown', ['everything' as Scope]), refusedAs('VALIDATION_FAILED'))
  })

  test('revoked here, a key opens nothing anywhere within a second, and twice is once', async () => {
    const { key, id } = await make('to be revoked')
    for (const server of [here, there]) assert.equal((await ask(server, key)).status, 200)
    await businesses.revokeKey(here.ctx, business.id, 'to be revoked', businesses.commandLine)
    const from = performance.now()
    expectFailure(await ask(here, key), { status: 401, code: '002' }, 'at once where it was revoked')
    await until('the other process to know', async () => (await ask(there, key)).status === 401)
    const took = performance.now() - from
    console.log(`revoked elsewhere after ${Math.round(took)} ms`)
    // The memory itself is bounded, whatever the machine is busy with: nothing older than a second is believed.
    assert.ok(took < unseenMaxMs + 5_000)
    await businesses.revokeKey(here.ctx, business.id, id, businesses.commandLine)
    assert.equal((await audited('api_key.revoked')).filter(({ key_id }) => key_id === id).length, 1)
    await assert.rejects(
      businesses.revokeKey(here.ctx, business.id, 'to be revoked', businesses.commandLine),
      refusedAs('RESOURCE_NOT_FOUND'),
    )
  })

  test('rolled with an overlap both open until it ends; without one the old key ends at once', async () => {
    const old = await make('rolling', ['read'])
    const next = await businesses.rollKey(here.ctx, business.id, 'rolling', 3_600_000, businesses.commandLine)
    assert.deepEqual([next.label, next.scopes], ['rolling', ['read']])
    for (const { key } of [old, next]) assert.equal((await ask(here, key)).status, 200)
    await assert.rejects(
      businesses.rollKey(here.ctx, business.id, old.id, 0, businesses.commandLine),
      refusedAs('VALIDATION_FAILED'),
    )
    here.clock.advance(3_600_000)
    await until('the memory of it to end', async () => (await ask(here, old.key)).status === 401)
    assert.equal((await ask(here, next.key)).status, 200)
    const last = await businesses.rollKey(here.ctx, business.id, 'rolling', 0, businesses.commandLine)
    expectFailure(await ask(here, next.key), { status: 401, code: '002' })
    assert.equal((await ask(here, last.key)).status, 200)
    assert.deepEqual(
      (await audited('api_key.rolled')).map(({ replaces }) => replaces),
      [old.id, next.id],
    )
  })

  test('a leaked key can be ended within its overlap', async () => {
    const old = await make('leaked')
    await businesses.rollKey(here.ctx, business.id, old.id, 3_600_000, businesses.commandLine)
    await businesses.revokeKey(here.ctx, business.id, old.id, businesses.commandLine)
    expectFailure(await ask(here, old.key), { status: 401, code: '002' })
  })

  test('two that roll one key at once make one key', async () => {
    const old = await make('rolled twice')
    const results = await Promise.allSettled(
      [here, there].map(({ ctx }) => businesses.rollKey(ctx, business.id, old.id, 0, businesses.commandLine)),
    )
    assert.deepEqual(results.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
  })

  test("another business's key is unknown, by its id and by its label", async () => {
    const other = await here.business('Other')
    const { id } = await make('mine')
    for (const name of [id, 'mine']) {
      await assert.rejects(
        businesses.revokeKey(here.ctx, other.id, name, businesses.commandLine),
        refusedAs('RESOURCE_NOT_FOUND'),
      )
      await assert.rejects(
        businesses.rollKey(here.ctx, other.id, name, 0, businesses.commandLine),
        refusedAs('RESOURCE_NOT_FOUND'),
      )
    }
  })

  test('the keys that a business was made with are shown as what they were rolled to', async () => {
    const one = await here.business('Rolled')
    const next = await businesses.rollKey(here.ctx, one.id, 'test secret', 0, businesses.commandLine)
    await make('further')
    const shown = await businesses.readKeys(here.ctx, one.id)
    assert.deepEqual(shown, { ...shown, test: { secret_key: next.key, public_key: one.keys.test.public_key } })
    assert.equal(shown.live.secret_key, one.keys.live.secret_key)
  })

  test('last_used_at is written once a minute at most, and nobody waits for it', async () => {
    const { key, id } = await make('used')
    const lastUse = async () =>
      (await businesses.listKeys(here.ctx, business.id)).find((one) => one.id === id)?.last_used_at ?? false
    assert.equal(await lastUse(), false)
    await ask(here, key)
    const first = await until('the use to be noted', lastUse)
    for (let count = 0; count < 20; count += 1) {
      businesses.forgetCallers(here.ctx)
      await ask(here, key)
    }
    assert.equal(await lastUse(), first)
    here.clock.advance(61_000)
    businesses.forgetCallers(here.ctx)
    await ask(here, key)
    await until('the later use', async () => (await lastUse()) !== first)
  })

  test('a route behind a secret key that names no scope does not start', async () => {
    const app = Fastify() as unknown as Http
    requireKey(app, here.ctx, 'secret')
    app.get('/named', { config: { scope: 'read' } }, async () => '')
    assert.throws(() => app.get('/unnamed', async () => ''), /GET \/unnamed names no scope/)
    await app.close()
  })
})

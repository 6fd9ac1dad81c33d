import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, afterEach, describe, test } from 'node:test'
import { authenticate } from '../../src/domain/businesses/keys.ts'
import { addressGroup } from '../../src/platform/addresses.ts'
import type { Db } from '../../src/platform/db.ts'
import { expectFailure } from '../support/expect.ts'
import { stopOwnPostgres } from '../support/postgres.ts'
import { type Answer, startTestServer, type TestServer } from '../support/server.ts'
import { recordStatements } from '../support/statements.ts'

const wrongKey = () => ({ authentication: `Bearer async_skt_${randomBytes(30).toString('hex')}` })

function expectTooMany(answer: Answer): void {
  expectFailure(answer, { status: 429, code: '009' })
  const seconds = Number(answer.headers.get('retry-after'))
  assert.ok(seconds >= 1 && seconds <= 60, `Retry-After ${seconds}`)
}

/** Whoever guesses keys, and an honest shop behind the same address. Each begins with nothing counted. */
describe('keys that open nothing', { concurrency: false }, () => {
  let server: TestServer
  const start = async (env: Record<string, string>) => {
    server = await startTestServer({ backend: 'postgres', role: 'api', env })
  }
  afterEach(async () => {
    await server?.close()
  })
  after(stopOwnPostgres)

  const ask = (headers: Record<string, string>, address?: string) =>
    server.call('GET', '/v1/business', undefined, { ...headers, ...(address && { 'x-forwarded-for': address }) })

  test('429 the 61st of a minute, before any statement of its own; an honest key of that address pays, new or known', async (t) => {
    await start({ LIMIT_WRONG_KEYS: '60' })
    // Neither has asked this process before: it may have just started.
    const [shop, other] = [await server.business(), await server.business()]
    const recorder = recordStatements()
    const answers = await Promise.all(Array.from({ length: 300 }, () => ask(wrongKey())))
    const { length } = recorder.stop().filter(({ text }) => text.includes('api_keys'))
    t.diagnostic(`300 wrong keys: ${length} statements`)
    assert.equal(answers.filter(({ status }) => status === 401).length, 60)
    for (const answer of answers.filter(({ status }) => status !== 401)) expectTooMany(answer)
    assert.ok(length <= 80, `${length} statements`)
    expectTooMany(await ask({}))
    expectTooMany(await ask({ authentication: 'x'.repeat(14_000) }))
    for (let n = 0; n < 3; n += 1) {
      const paid = await shop.api('POST', '/v1/payment-requests', { customer_email: 'a@b.example', amount: 500 })
      assert.equal(paid.status, 201, paid.text)
    }
    const flood = Promise.all(Array.from({ length: 100 }, () => ask(wrongKey())))
    const opened = await server.call(
      'POST',
      '/v1/sdk/initialize-payment-request',
      { customer_email: 'a@b.example', amount: 500, currency: 'NGN' },
      { authentication: `Bearer ${other.keys.test.public_key}` },
    )
    assert.equal(opened.status, 201, opened.text)
    for (const answer of await flood) expectTooMany(answer)
    server.clock.advance(61_000)
    assert.equal((await ask(wrongKey())).status, 401)
  })

  test('an honest key is no guess, however often and at once it comes; nor is a database that is away', async () => {
    await start({ LIMIT_WRONG_KEYS: '3' })
    const shop = await server.business()
    const answers = await Promise.all(Array.from({ length: 20 }, () => shop.api('GET', '/v1/business')))
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200])
    const away = { getExecutor: () => assert.fail('the database is away') } as unknown as Db
    const [, key = ''] = wrongKey().authentication.split(' ')
    for (let n = 0; n < 10; n += 1) {
      const ctx = { ...server.ctx, db: away }
      await assert.rejects(authenticate(ctx, 'secret', key, 'read', '127.0.0.1'), /is away/)
    }
    for (let n = 0; n < 3; n += 1) assert.equal((await ask(wrongKey())).status, 401)
    expectTooMany(await ask(wrongKey()))
  })

  test('one IPv6 line is one address, and another line is another', async () => {
    await start({ LIMIT_WRONG_KEYS: '3' })
    for (const last of ['1', '2', 'ffff::3']) {
      const address = last.includes('::') ? `2001:db8:0:1:${last}` : `2001:db8:0:1::${last}`
      assert.equal((await ask(wrongKey(), address)).status, 401, address)
    }
    expectTooMany(await ask(wrongKey(), '2001:db8:0:1:abcd::4'))
    assert.equal((await ask(wrongKey(), '2001:db8:0:2::1')).status, 401)
    assert.equal(addressGroup('::ffff:10.0.0.7'), '10.0.0.7')
    assert.equal(addressGroup('2001:DB8:0:1:2::7'), addressGroup('2001:db8:0:1::9'))
    assert.notEqual(addressGroup('2001:db8::1'), addressGroup('2001:db8:0:1::1'))
    assert.equal(addressGroup('fe80::1%eth0'), addressGroup('fe80::2'))
    assert.equal(addressGroup('no address'), 'no address')
  })

  test('X-Forwarded-For of a peer that is not in TRUSTED_PROXIES names no address', async () => {
    await start({ LIMIT_WRONG_KEYS: '3', TRUSTED_PROXIES: '10.1.2.3' })
    for (const address of ['192.0.2.1', '192.0.2.2', '192.0.2.3']) {
      assert.equal((await ask(wrongKey(), address)).status, 401, address)
    }
    expectTooMany(await ask(wrongKey(), '192.0.2.4'))
  })

  test('X-Forwarded-For of a trusted proxy does: each client is counted for itself, and what it adds in front is not believed', async () => {
    await start({ LIMIT_WRONG_KEYS: '3', TRUSTED_PROXIES: '127.0.0.0/8' })
    for (let n = 0; n < 3; n += 1) assert.equal((await ask(wrongKey(), `203.0.113.${n}, 192.0.2.1`)).status, 401)
    expectTooMany(await ask(wrongKey(), '203.0.113.9, 192.0.2.1'))
    assert.equal((await ask(wrongKey(), '192.0.2.2')).status, 401)
  })
})

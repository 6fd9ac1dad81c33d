import assert from 'node:assert/strict'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import pg from 'pg'
import type { Keys } from '../../src/cli/operations.ts'
import { writeKeyFile } from '../../src/key-file.ts'
import { createSecrets } from '../../src/platform/secrets.ts'
import { sealedColumns } from '../../src/sealed-columns.ts'
import { createDatabase, freePort, stopOwnPostgres } from '../support/postgres.ts'
import { openWorld, runCommand, type Started, startCommand, type World } from '../support/process.ts'
import { type Receiver, startReceiver } from '../support/receiver.ts'
import { attemptRef, type Body, call, requestRef, testMasterKey } from '../support/server.ts'
import { until } from '../support/wait.ts'

after(stopOwnPostgres)

const nextKey = '22'.repeat(32)
const [oldSecrets, newSecrets] = [testMasterKey, nextKey].map((key) => createSecrets(Buffer.from(key, 'hex')))

const query = async (url: string, statement: string): Promise<Body[]> => {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(statement)).rows
  } finally {
    await client.end()
  }
}

describe('the list of sealed columns', () => {
  /** Columns of bytes whose values are sealed with no key. */
  const notSealed: Record<string, string> = {
    'api_keys.key_hash': 'a keyed hash: made again with the key that it is of',
    'audit_links.digest': 'SHA-256 without a key',
    'audit_links.previous_digest': 'SHA-256 without a key',
    'audit_links.row_digests': 'SHA-256 without a key',
    'audit_links.sealed_at': 'a time',
    'audit_links.signature': 'a keyed hash: an empty link of the new key vouches for those before it',
    'audit_log.address_digest': 'SHA-256 with a salt beside it',
    'hook_inbox.body': 'from before bodies were sealed: a sweep seals and empties it',
    'idempotency_keys.fingerprint': 'SHA-256 without a key',
    'master_keys.current_head': 'the public name of a key',
    'processes.current_head': 'the public name of a key',
    'processes.known_heads': 'public names of keys',
    'trials.mailbox': 'SHA-256 without a key',
  }

  test('every column of bytes in the schema is in the list, or known to be no secret', async () => {
    const database = await createDatabase(process.env.TEST_TEMPLATE)
    try {
      const rows = await query(
        database.url,
        `select c.table_name || '.' || c.column_name as name from information_schema.columns c
          join information_schema.tables t using (table_schema, table_name)
          where c.table_schema = 'public' and t.table_type = 'BASE TABLE'
            and (c.udt_name in ('bytea', '_bytea') or c.column_name like '%sealed%') order by 1`,
      )
      const listed = sealedColumns.map(({ table, column }) => `${table}.${column}`)
      assert.deepEqual(
        rows.map(({ name }) => name),
        [...listed, ...Object.keys(notSealed)].sort(),
      )
    } finally {
      await database.drop()
    }
  })
})

describe('the master key is changed under load, and the change is killed in the middle', () => {
  let world: World
  let receiver: Receiver
  let keys: Keys
  let apis: Started[]
  const more: Record<string, string> = { ASYNCPAY_MASTER_KEY_NEXT: nextKey }
  before(async () => {
    world = await openWorld('postgres')
    receiver = await startReceiver(async () => 200)
    const url = world.env.BASE_URL ?? ''
    apis = [await world.start('api', more), await world.start('api', { PORT: String(await freePort()) })]
    await world.start('worker', more)
    keys = await world.connect(url)
    const told = await api(0, 'PUT', '/v1/business', { webhook_url: receiver.url, enabled_webhooks: 1 })
    assert.equal(told.status, 200)
  })
  after(async () => {
    await world?.close()
    await receiver?.close()
  })

  const api = (nth: number, method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
    call(apis[nth % apis.length]?.url ?? '', method, path, body, {
      authentication: `Bearer ${keys.test.secret_key}`,
      ...headers,
    })

  let turn = 0
  const refs: string[] = []
  /** The checkout's address of the first payment. */
  let sentBefore = ''
  /** Authenticates, opens the channel's credentials, seals an answer, and pays; either process takes its turn. */
  async function payOnce(): Promise<void> {
    turn += 1
    const nth = turn
    const body = { customer_email: `ada-${nth}@example.com`, amount: '100', currency: 'NGN' }
    const key = { 'idempotency-key': `load-${nth}` }
    const opened = await api(nth, 'POST', '/v1/payment-requests', body, key)
    assert.equal(opened.status, 201, opened.text)
    // The other process answers from what the first one sealed.
    const again = await api(nth + 1, 'POST', '/v1/payment-requests', body, key)
    assert.equal(again.text, opened.text)
    refs.push(requestRef(opened))
    sentBefore ||= await checkoutLink()
    await world.control('POST', '/pay', { channel: 'paystack', reference: attemptRef(opened), outcome: 'success' })
  }

  const checkoutLink = async (): Promise<string> => {
    const body = { customer_email: 'ada@example.com', amount: '100', currency: 'NGN', description: 'x' }
    const authentication = `Bearer ${keys.test.public_key}`
    const path = '/v1/sdk/initialize-payment-request'
    return (await call(apis[0]?.url ?? '', 'POST', path, body, { authentication })).body.data.action
  }

  /** Every sealed value there is, with what it is bound to. */
  async function sealedValues(): Promise<{ name: string; bound: string; value: Buffer }[]> {
    const all = await Promise.all(
      sealedColumns.map(({ table, column, boundTo }) =>
        query(
          world.databaseUrl ?? '',
          `select '${table}.${column}' as name, ${boundTo} as bound, ${column} as value from ${table}
            where ${column} is not null`,
        ),
      ),
    )
    return all.flat() as { name: string; bound: string; value: Buffer }[]
  }
  const opensWith = (secrets: typeof oldSecrets, { value, bound }: { value: Buffer; bound: string }): boolean => {
    try {
      secrets?.open(value, bound)
      return true
    } catch {
      return false
    }
  }

  test('a process that does not know the next key keeps the change from beginning', async () => {
    await assert.rejects(
      runCommand(['master-key', 'rotate'], { ...world.env, ...more }),
      /Running processes that do not know the next key: 1\./,
    )
    await assert.rejects(runCommand(['master-key', 'rotate'], world.env), /ASYNCPAY_MASTER_KEY_NEXT/)
    assert.deepEqual(await query(world.databaseUrl ?? '', 'select * from master_keys'), [])
    await payOnce()
    await apis[1]?.stop()
    apis[1] = await world.start('api', { ...more, PORT: String(await freePort()) })
  })

  test('payments, webhooks and keys go on; afterwards everything opens with the new key and nothing with the old', async () => {
    for (let nth = 0; nth < 30; nth += 1) await payOnce()
    let isOver = false
    const load = Promise.all(
      [1, 2].map(async () => {
        while (!isOver) await payOnce()
      }),
    )
    const env = { ...world.env, ...more }
    try {
      const killed = startCommand(['master-key', 'rotate', '--rows', '5'], env)
      await until('the change to be in the middle', () => killed.output().includes('sealed again'), 60_000)
      await killed.kill()
      const middle = await sealedValues()
      const left = middle.filter((one) => opensWith(oldSecrets, one)).length
      assert.ok(left > 0 && left < middle.length, `${left} of ${middle.length} are of the old key`)
      const paidInTheMiddle = turn
      await until('payments between the two', () => turn > paidInTheMiddle + 4, 60_000)
      const made = JSON.parse(
        await runCommand(['keys', 'create', '--mode', 'test', '--label', 'meanwhile', '--json'], env),
      )
      const asked = await call(apis[0]?.url ?? '', 'GET', '/v1/business', undefined, {
        authentication: `Bearer ${made.key}`,
      })
      assert.equal(asked.status, 200)
      const output = await runCommand(['master-key', 'rotate', '--rows', '100'], env)
      assert.match(output, /sealed again \d+ of \d+\n/)
      assert.match(output, /All \d+ sealed values open with the new key alone; none opens with the old one\./)
    } finally {
      isOver = true
    }
    await load
    await until(
      'every webhook',
      async () => {
        const [row] = await query(
          world.databaseUrl ?? '',
          `select (select count(*) from webhook_deliveries where status <> 'delivered')
          + (select count(*) from events where dispatched_at is null) as open`,
        )
        return Number(row?.open) === 0
      },
      60_000,
    )
    const values = await sealedValues()
    assert.deepEqual(
      values.filter((one) => opensWith(oldSecrets, one)).map(({ name }) => name),
      [],
    )
    assert.deepEqual(
      values.filter((one) => !opensWith(newSecrets, one)).map(({ name }) => name),
      [],
    )
    console.log(`${refs.length} payments, ${values.length} sealed values`)
  })

  test('with the new key alone keys open and links sent before end; beside the previous one they open', async () => {
    const statusOf = async (one: Started | undefined) =>
      (await call(one?.url ?? '', 'GET', new URL(sentBefore).pathname)).status
    assert.equal(await statusOf(apis[0]), 200, 'both are known')
    const env = async () => ({ ASYNCPAY_MASTER_KEY: nextKey, PORT: String(await freePort()) })
    const alone = await world.start('api', await env())
    const business = await call(alone.url, 'GET', '/v1/business', undefined, {
      authentication: `Bearer ${keys.test.secret_key}`,
    })
    assert.equal(business.status, 200)
    assert.equal(await statusOf(alone), 404)
    const both = await world.start('api', { ...(await env()), ASYNCPAY_MASTER_KEY_PREVIOUS: testMasterKey })
    assert.equal(await statusOf(both), 200)
    const checked = await runCommand(['master-key', 'check'], { ...world.env, ASYNCPAY_MASTER_KEY: nextKey })
    assert.match(checked, /All \d+ sealed values open with the current key alone\./)
  })

  test('a process that knows the old key alone does not start any more, and says why', async () => {
    await assert.rejects(world.start('api', { PORT: String(await freePort()) }), /ASYNCPAY_MASTER_KEY is not the one/)
  })
})

describe('the key file of the embedded default', () => {
  let world: World
  let file: string
  let server: Started
  let keys: Keys
  before(async () => {
    world = await openWorld('embedded')
    file = join(world.env.DATA_DIR ?? '', 'master.key')
    server = await world.start()
    keys = await world.connect()
  })
  after(() => world?.close())

  const isServed = async () => {
    const headers = { authentication: `Bearer ${keys.test.secret_key}` }
    assert.equal((await call(server.url, 'GET', '/v1/business', undefined, headers)).status, 200)
  }
  const restart = async () => {
    await server.kill()
    server = await world.restart()
  }
  const linesOf = () => readFileSync(file, 'utf8').trim().split('\n')

  test('holds both keys at every step of a change, so that a kill at any of them loses nothing', async () => {
    const [old] = linesOf()
    // Killed after the next key was written and before it was used; and while the file was being written again.
    writeKeyFile(file, { current: old ?? '', next: nextKey, previous: null })
    writeFileSync(`${file}.new`, 'cut')
    await restart()
    await isServed()
    // Killed after the next key seals, and before everything is sealed again.
    await runCommand(['keys', 'list', '--json'], world.env)
    const killed = startCommand(['master-key', 'rotate', '--rows', '1'], world.env)
    await until('the change to be in the middle', () => killed.output().includes('sealed again'), 60_000)
    await killed.kill()
    assert.deepEqual(linesOf(), [old, `next=${nextKey}`])
    await restart()
    await isServed()
    assert.match(await runCommand(['master-key', 'rotate'], world.env), /none opens with the old one\./)
    assert.deepEqual(linesOf(), [nextKey, `previous=${old}`])
    assert.equal(statSync(file).mode & 0o777, 0o600)
    await restart()
    await isServed()
    await assert.rejects(runCommand(['master-key', 'rotate'], world.env), /asyncpay master-key forget/)
    await runCommand(['master-key', 'forget'], world.env)
    assert.deepEqual(linesOf(), [nextKey])
    await isServed()
    await restart()
    await isServed()
    // Without a server the command has the database to itself, and makes the next key.
    await server.stop()
    await runCommand(['master-key', 'rotate'], world.env)
    await runCommand(['master-key', 'forget'], world.env)
    assert.notDeepEqual(linesOf(), [nextKey])
    server = await world.restart(0)
    await isServed()
  })
})

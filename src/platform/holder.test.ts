import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { createDatabase, stopOwnPostgres } from '../../test/support/postgres.ts'
import { openTcpLine, type TcpLine } from '../../test/support/tcp-line.ts'
import { until } from '../../test/support/wait.ts'
import { type Database, openPostgres, sql } from './db.ts'
import { Holder } from './holder.ts'
import { createLog } from './log.ts'
import { migrate } from './migrate.ts'
import { createSecrets } from './secrets.ts'

describe('the holder of claims', () => {
  let made: Awaited<ReturnType<typeof createDatabase>>
  let line: TcpLine
  let databases: Database[] = []
  let one: Holder
  let other: Holder
  before(async () => {
    made = await createDatabase()
    line = await openTcpLine(made.url)
    databases = [openPostgres(line.url), openPostgres(line.url), openPostgres(made.url)]
    await migrate(databases[2]!, join(import.meta.dirname, '../../migrations'))
    one = new Holder(databases[0]!, createLog('silent'), createSecrets(Buffer.alloc(32, 1)))
    other = new Holder(databases[1]!, createLog('silent'), createSecrets(Buffer.alloc(32, 1)))
    await Promise.all([one.start(), other.start()])
  })
  after(async () => {
    await Promise.all([one.stop(), other.stop()])
    for (const database of databases) await database.close()
    await line.close()
    await made.drop()
    await stopOwnPostgres()
  })

  const silentMsOf = async (id: string): Promise<number | null> => {
    const { rows } = await sql<{
      ms: number
    }>`select (extract(epoch from clock_timestamp() - beat_at) * 1000)::float8 as ms
      from processes where id = ${id}`.execute(databases[2]!.db)
    return rows[0]?.ms ?? null
  }

  test('after an outage in which everybody was silent nobody is called dead before he could give a sign', async () => {
    const silent = (ms: number) => until('silence', async () => ((await silentMsOf(one.id)) ?? 0) > ms)
    await until('the other to have seen the database for a while', () => other.isGone('stranger', 'token', null))
    line.cut()
    await silent(3_000)
    assert.ok(!other.isGone(one.id, 'token', await silentMsOf(one.id)))
    line.mend()
    await until('a sign of both', async () => {
      const [ofOne, ofOther] = [await silentMsOf(one.id), await silentMsOf(other.id)]
      assert.ok(!other.isGone(one.id, 'token', 60_000), 'not before it has seen the database for a while')
      return (ofOne ?? 9_999) < 1_000 && (ofOther ?? 9_999) < 1_000
    })
    assert.ok(!other.isGone(one.id, 'token', await silentMsOf(one.id)))
    await until('steadiness', () => other.isGone('stranger', 'token', null), 5_000)
    assert.ok(!other.isGone(one.id, 'token', await silentMsOf(one.id)))
  })

  test('of its own claims it knows which are at work', () => {
    one.begin('running')
    assert.equal(one.isGone(one.id, 'running', null), false)
    one.end('running')
    assert.equal(one.isGone(one.id, 'running', 0), true)
  })

  test('what is owed while the database is away is brought once it is back, once, in order', async () => {
    const brought: number[] = []
    let ends = 0
    line.cut()
    const owed = [1, 2, 3].map((n) =>
      one.untilDone(
        'a number',
        async (db) => {
          await sql`select 1`.execute(db)
          brought.push(n)
        },
        () => {
          ends += 1
        },
      ),
    )
    await Promise.all(owed)
    assert.deepEqual([brought, ends], [[], 0])
    line.mend()
    await until('all of them', () => ends === 3, 5_000)
    assert.deepEqual(brought, [1, 2, 3])
  })

  test('what can never be done is given up', async () => {
    let ended = false
    const broken = async () => {
      throw new Error('no such table')
    }
    await one.untilDone('nonsense', broken, () => {
      ended = true
    })
    assert.ok(ended)
  })
})

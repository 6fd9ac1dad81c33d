import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import pg from 'pg'
import { createDatabase, stopOwnPostgres } from '../../test/support/postgres.ts'
import { openTcpLine, type TcpLine } from '../../test/support/tcp-line.ts'
import { until } from '../../test/support/wait.ts'
import { type Database, type Db, inTransaction, openPostgres, sql, type Tx } from './db.ts'
import { faultOf } from './faults.ts'

describe('the database', () => {
  let made: Awaited<ReturnType<typeof createDatabase>>
  let line: TcpLine
  let database: Database
  let admin: pg.Client
  before(async () => {
    made = await createDatabase()
    line = await openTcpLine(made.url)
    const bounds = { statementMs: 700, jobStatementMs: 1_500, lockMs: 300 }
    database = openPostgres(line.url, { sizes: { api: 4, lists: 2, jobs: 2 }, bounds })
    admin = new pg.Client(made.url)
    await admin.connect()
    await admin.query('create table things (id int primary key, n int not null default 0)')
    await admin.query('insert into things select generate_series(1, 4)')
  })
  after(async () => {
    await database.close()
    await admin.end()
    await line.close()
    await made.drop()
    await stopOwnPostgres()
  })

  const add = (db: Db | Tx, id: number) => sql`update things set n = n + 1 where id = ${id}`.execute(db)
  const countOf = async (id: number) => (await admin.query('select n from things where id = $1', [id])).rows[0].n
  const fails = async (work: Promise<unknown>) => faultOf(await work.then(() => null).catch((error: unknown) => error))

  test('two transactions that hold what the other wants both come through, each done once', async () => {
    const meet = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const runs = [0, 0]
    const cross = (nth: number, first: number, second: number) =>
      inTransaction(database.jobs, async (tx) => {
        runs[nth]! += 1
        // A deadlock is looked for after a second of waiting: sooner, so that no bound ends it before.
        await sql`set local deadlock_timeout = '50ms'`.execute(tx)
        await sql`set local lock_timeout = 0`.execute(tx)
        await add(tx, first)
        meet[nth]!.resolve()
        await meet[1 - nth]!.promise
        await add(tx, second)
      })
    await Promise.all([cross(0, 1, 2), cross(1, 2, 1)])
    assert.deepEqual([await countOf(1), await countOf(2)], [2, 2])
    // Three, unless the one that runs again meets the other once more.
    assert.ok(runs[0]! + runs[1]! >= 3)
  })

  test('a transaction that cannot be serialised runs again, and another error does not', async () => {
    let runs = 0
    await inTransaction(database.db, async (tx) => {
      runs += 1
      await sql`set transaction isolation level repeatable read`.execute(tx)
      await sql`select n from things where id = 3`.execute(tx)
      if (runs === 1) await admin.query('update things set n = n + 1 where id = 3')
      await add(tx, 3)
    })
    assert.deepEqual([runs, await countOf(3)], [2, 2])
    const broken = inTransaction(database.db, async (tx) => {
      runs += 1
      await sql`insert into things values (1)`.execute(tx)
    })
    await assert.rejects(broken, { code: '23505' })
    assert.equal(runs, 3)
  })

  test('a conflict that never ends is given up, bounded', async () => {
    let runs = 0
    const always = inTransaction(database.db, async (tx) => {
      runs += 1
      await sql`do $$ begin raise exception 'again' using errcode = '40001'; end $$`.execute(tx)
    })
    assert.equal(await fails(always), 'conflict')
    assert.ok(runs > 2 && runs < 10, String(runs))
  })

  test('a statement, and a wait for a lock, has a bound: in the API a shorter one than in the jobs', async () => {
    const sleep = (db: Db) => sql`select pg_sleep(1)`.execute(db)
    assert.equal(await fails(sleep(database.db)), 'too_slow')
    assert.equal(await fails(sleep(database.lists)), 'too_slow')
    assert.equal(await fails(sleep(database.jobs)), null)
    await admin.query('begin')
    await admin.query('update things set n = n where id = 4')
    assert.equal(await fails(add(database.db, 4)), 'locked')
    assert.equal(await fails(inTransaction(database.jobs, (tx) => add(tx, 4))), 'locked')
    await admin.query('rollback')
    assert.equal(await fails(database.unbounded(sleep)), null)
  })

  const rounds = ['outside a transaction', 'within one, lent out'] as const
  for (const round of rounds) {
    test(`every session is closed ${round}: an error that says so, and the next statement works`, async () => {
      const close = () =>
        admin.query(`select pg_terminate_backend(pid) from pg_stat_activity
          where datname = current_database() and pid <> pg_backend_pid()`)
      const work =
        round === 'outside a transaction'
          ? Promise.all([1, 2, 3].map(() => sql`select pg_sleep(0.6)`.execute(database.db)))
          : inTransaction(database.db, async (tx) => {
              await add(tx, 4)
              await close()
              await add(tx, 4)
            })
      const before = await countOf(4)
      const failing = fails(work)
      if (round === 'outside a transaction') {
        await until('the statements', async () => {
          const { rows } =
            await admin.query(`select 1 from pg_stat_activity where query like '%pg_sleep%' and state = 'active'
            and datname = current_database() and pid <> pg_backend_pid()`)
          return rows.length === 3
        })
        await close()
      }
      assert.equal(await failing, 'away')
      assert.equal(await countOf(4), before)
      await add(database.db, 4)
      assert.equal(await countOf(4), before + 1)
    })
  }

  test('a server that falls silent in the middle is given up in time, and found again', async () => {
    await add(database.db, 4)
    const before = await countOf(4)
    line.silence()
    const [first, second] = [add(database.db, 4), inTransaction(database.db, (tx) => add(tx, 4))]
    assert.deepEqual(await Promise.all([fails(first), fails(second)]), ['away', 'away'])
    line.cut()
    assert.equal(await fails(add(database.db, 4)), 'away')
    line.mend()
    await until('the database', async () => (await fails(add(database.db, 4))) === null)
    assert.ok((await countOf(4)) > before)
  })

  test('a standby takes no writes: its connections are not kept', async () => {
    const pid = async () =>
      (await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(database.pulse)).rows[0]?.pid
    const first = await pid()
    assert.equal(await pid(), first)
    const refused = sql`do $$ begin raise exception 'read only' using errcode = '25006'; end $$`.execute(database.pulse)
    assert.equal(await fails(refused), 'read_only')
    assert.notEqual(await pid(), first)
  })
})

import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { pino } from 'pino'
import { createDatabase, stopOwnPostgres } from '../../test/support/postgres.ts'
import type { Backend } from '../../test/support/server.ts'
import { openTcpLine } from '../../test/support/tcp-line.ts'
import { until } from '../../test/support/wait.ts'
import { type Database, inTransaction, openEmbedded, openPostgres, sql } from './db.ts'
import { createLog } from './log.ts'
import { createQueue, type Job, type Queue } from './queue.ts'

interface Data {
  n: number
}

for (const backend of ['embedded', 'postgres'] satisfies Backend[]) {
  describe(`the queue (${backend})`, () => {
    let made: Awaited<ReturnType<typeof createDatabase>> | null = null
    let database: Database
    let queue: Queue
    const stops: (() => Promise<void>)[] = []
    before(async () => {
      made = backend === 'postgres' ? await createDatabase() : null
      database = made ? openPostgres(made.url) : await openEmbedded(null)
    })
    after(async () => {
      for (const stop of stops) await stop()
      await database?.close()
      await made?.drop()
      await stopOwnPostgres()
    })

    async function open(jobs: Job<Data>[]): Promise<void> {
      queue = createQueue(database, createLog('silent'))
      const opened = queue
      stops.push(() => opened.stop())
      await queue.start(jobs.map((job) => job.name))
    }
    const job = (name: string, handle: (data: Data) => Promise<void>): Job<Data> => ({ name, concurrency: 4, handle })
    const send = (name: string, n: number) => inTransaction(database.db, (tx) => queue.send(tx, name, { n }))
    const states = async (name: string): Promise<string[]> => {
      const { rows } = await sql<{ state: string }>`select state::text from jobs.job where name = ${name}`.execute(
        database.db,
      )
      return rows.map((row) => row.state)
    }

    test('a job exists if and only if its transaction commits', async () => {
      const seen: number[] = []
      const kind = job('test.commit', async ({ n }) => void seen.push(n))
      await open([kind])
      await assert.rejects(
        inTransaction(database.db, async (tx) => {
          await queue.send(tx, kind.name, { n: 1 })
          throw new Error('rolled back')
        }),
        /rolled back/,
      )
      assert.deepEqual(await states(kind.name), [])
      await send(kind.name, 2)
      assert.deepEqual(await states(kind.name), ['created'])
      await queue.work([kind] as never, [])
      await until('the job', () => seen.length > 0)
      await until('its mark', async () => (await states(kind.name)).join() === 'completed')
      assert.deepEqual(seen, [2])
      await queue.stop()
    })

    test('a failing job is tried again by itself, and its neighbours are not held up', async () => {
      const tries: number[] = []
      const done: number[] = []
      const kind = job('test.retry', async ({ n }) => {
        tries.push(n)
        if (n === 1 && tries.filter((one) => one === 1).length < 2) throw new Error('not yet')
        done.push(n)
      })
      await open([kind])
      for (const n of [1, 2, 3]) await send(kind.name, n)
      await queue.work([kind] as never, [])
      await until('all of them', () => done.length === 3)
      assert.deepEqual([...done].sort(), [1, 2, 3])
      assert.equal(tries.filter((one) => one === 1).length, 2)
      assert.equal(done.at(-1), 1, 'the neighbours went first')
      await queue.stop()
    })

    test('stop waits for the job and the sweep that run, and starts nothing more', async () => {
      const gate = Promise.withResolvers<void>()
      const log: string[] = []
      const work = (name: string) => async () => {
        log.push(`${name} starts`)
        await gate.promise
        log.push(`${name} ends`)
      }
      const kind = job('test.drain', work('job'))
      await open([kind])
      await send(kind.name, 1)
      const sweep = { name: 'sweep', everyMs: 1, run: () => work('sweep')().then(() => 1) }
      await queue.work([kind] as never, [sweep])
      await until('both to run', () => log.length === 2)
      const stopping = queue.stop().then(() => log.push('stopped'))
      await new Promise((resolve) => setImmediate(resolve))
      assert.ok(!log.includes('stopped'))
      gate.resolve()
      await stopping
      assert.deepEqual(log.slice(2).sort(), ['job ends', 'stopped', 'sweep ends'])
      assert.equal(log.at(-1), 'stopped')
      await until('its mark', async () => (await states(kind.name)).join() === 'completed')
    })

    test('stop waits for a sweep also where no job runs', async () => {
      await open([])
      const log: string[] = []
      const started = Promise.withResolvers<void>()
      const run = async () => {
        started.resolve()
        // Longer than stopping takes with nothing to wait for.
        await new Promise((resolve) => setTimeout(resolve, 1_500))
        log.push('sweep ends')
        return 1
      }
      await queue.work([], [{ name: 'sweep', everyMs: 1, run }])
      await started.promise
      await queue.stop()
      log.push('stopped')
      assert.deepEqual(log, ['sweep ends', 'stopped'])
    })

    test('a sweep that fails comes again, and a full round is followed by the next at once', async () => {
      await open([])
      let rounds = 0
      const run = async () => {
        rounds += 1
        if (rounds === 1) throw new Error('database away')
        return rounds < 20 ? 20 : 0
      }
      // Nineteen waits would take longer than `until` gives.
      await queue.work([], [{ name: 'sweep', everyMs: 1_000, run }])
      await until('twenty rounds', () => rounds >= 20)
      await queue.stop()
    })
  })
}

test('while the database is away the log names the error and the queue, and work goes on when it is back', async () => {
  const made = await createDatabase()
  const line = await openTcpLine(made.url)
  const database = openPostgres(line.url)
  const lines: { level: string; msg: string; queue?: string; error?: string }[] = []
  const log = pino({ level: 'warn' }, { write: (text) => void lines.push(JSON.parse(text)) })
  const queue = createQueue(database, log)
  const done: number[] = []
  const kind: Job<Data> = { name: 'test.away', concurrency: 2, handle: async ({ n }) => void done.push(n) }
  try {
    await queue.start([kind.name])
    await queue.work([kind] as never, [])
    line.cut()
    const told = await until('the log', () => lines.find((one) => one.msg === 'queue error' && one.queue === kind.name))
    assert.match(told.error ?? '', /^ECONN|^(57|08)|onnection/)
    for (const one of lines) assert.ok(!JSON.stringify(one).includes('[object Object]'), JSON.stringify(one))
    line.mend()
    await until('the job to be sent', async () => {
      await inTransaction(database.db, (tx) => queue.send(tx, kind.name, { n: 1 }))
      return true
    })
    await until('the job', () => done.length > 0)
  } finally {
    await queue.stop()
    await database.close()
    await line.close()
    await made.drop()
    await stopOwnPostgres()
  }
})

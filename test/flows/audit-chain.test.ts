import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { showAudit } from '../../src/cli/audit.ts'
import { operations } from '../../src/cli/operations.ts'
import { type Break, seal, sealAll, type Verdict, verify } from '../../src/domain/businesses/audit-chain.ts'
import * as businesses from '../../src/domain/businesses/service.ts'
import { inTransaction, sql, type Tx } from '../../src/platform/db.ts'
import { createSecrets } from '../../src/platform/secrets.ts'
import { stopOwnPostgres } from '../support/postgres.ts'
import { type Backend, startTestServer, type TestBusiness, type TestServer, testMasterKey } from '../support/server.ts'

after(stopOwnPostgres)

/** Whether what was written stands as it was written can be shown; nobody waits for that to be so. */
async function startLog(backend: Backend) {
  // No worker: a seal is made where a test says so.
  const server = await startTestServer({ backend, role: 'api' })
  const business = await server.business()
  const { ctx } = server
  const write = (tx: Tx, action: string) => {
    const now = ctx.clock.now()
    return businesses.audit(tx, {
      businessId: business.id,
      envMode: 'test',
      actor: businesses.commandLine,
      action,
      detail: {},
      now,
    })
  }
  return {
    ...{ server, business, ctx, write },
    add: (action: string) => inTransaction(ctx.db, (tx) => write(tx, action)),
    sealAll: () => sealAll(ctx),
    idOf: async (action: string) =>
      (await ctx.db.selectFrom('audit_log').select('id').where('action', '=', action).executeTakeFirstOrThrow()).id,
    /** As whoever owns the database can: past every trigger. */
    tamper: (work: (tx: Tx) => Promise<unknown>) =>
      inTransaction(ctx.db, async (tx) => {
        await sql`set local session_replication_role = replica`.execute(tx)
        await work(tx)
      }),
    async close() {
      await server.close()
    },
  }
}
type Log = Awaited<ReturnType<typeof startLog>>

const kindsOf = ({ breaks }: Verdict) => breaks.map(({ kind, row }) => `${kind} ${row}`)

/** A promise that somebody else ends. */
function gate(): { opened: Promise<void>; open: () => void } {
  let open = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { opened, open }
}

describe('the chain over the audit log', () => {
  let log: Log
  let server: TestServer
  let business: TestBusiness
  before(async () => {
    log = await startLog('postgres')
    ;({ server, business } = log)
  })
  after(() => log.close())

  const look = (expected: string | null = null) => verify(log.ctx, expected)
  const expectWhole = async () => assert.deepEqual((await look()).breaks, [])

  test('a row that commits after younger ones were sealed comes into a later link: no hole, no false break', async () => {
    const [written, mayEnd] = [gate(), gate()]
    const slow = inTransaction(log.ctx.db, async (tx) => {
      await log.write(tx, 'slow.row')
      written.open()
      await mayEnd.opened
    })
    await written.opened
    // Nobody waits for it, whoever seals meanwhile.
    await log.add('fast.row')
    await log.sealAll()
    await expectWhole()
    mayEnd.open()
    await slow
    assert.equal((await look()).unsealed, 1)
    await log.sealAll()
    await expectWhole()
    const links = await log.ctx.db.selectFrom('audit_links').select(['row_ids']).orderBy('sequence').execute()
    assert.ok((await log.idOf('slow.row')) < (await log.idOf('fast.row')))
    assert.deepEqual(links.at(-1)?.row_ids.map(Number), [Number(await log.idOf('slow.row'))])
  })

  test('an open seal keeps nobody from writing; a second sealer finds nothing to do', async () => {
    await log.add('waiting.row')
    const other = await log.ctx.database.pool.connect()
    try {
      await other.query('begin')
      await other.query(`select pg_advisory_xact_lock(hashtext('audit_links'))`)
      await other.query('delete from audit_unsealed')
      const wish = { customer_email: 'ada@example.com', amount: 100 }
      assert.equal((await business.api('POST', '/v1/payment-requests', wish)).status, 201)
      assert.equal(await seal(log.ctx), 0, 'one seals, the other finds nothing to do')
    } finally {
      await other.query('rollback')
      other.release()
    }
    await log.sealAll()
    await expectWhole()
  })

  test('many writers and sealers at once: each row in one link, also where a transaction is rolled back', async () => {
    let writing = true
    const sealers = Array.from({ length: 3 }, async () => {
      while (writing) await seal(log.ctx)
    })
    const writers = Array.from({ length: 12 }, async (_, writer) => {
      for (let nth = 0; nth < 25; nth += 1) {
        await inTransaction(log.ctx.db, async (tx) => {
          await log.write(tx, 'busy.row')
          await sql`select pg_sleep(${((writer * 7 + nth * 3) % 10) / 500})`.execute(tx)
          await log.write(tx, 'busy.row')
          if ((writer + nth) % 5 === 0) throw new Error('as meant')
        }).catch((error: Error) => assert.equal(error.message, 'as meant'))
      }
    })
    await Promise.all(writers)
    writing = false
    await Promise.all(sealers)
    await log.sealAll()
    const verdict = await look()
    assert.deepEqual(verdict.breaks, [])
    const { rows } = await sql<{ rows: number; sealed: number; apart: number }>`select
      (select count(*) from audit_log)::int as rows,
      (select coalesce(sum(cardinality(row_ids)), 0) from audit_links)::int as sealed,
      (select count(distinct id) from audit_links, unnest(row_ids) id)::int as apart`.execute(log.ctx.db)
    assert.deepEqual(rows[0], { rows: verdict.rows, sealed: verdict.rows, apart: verdict.rows })
    assert.ok(verdict.rows >= 480 && verdict.links > 3, `${verdict.rows} rows in ${verdict.links} links`)
  })

  test('who writes a row chooses neither its number nor its time; update, delete and truncate are refused', async () => {
    const { db } = log.ctx
    await sql`insert into audit_log (id, business_id, actor, action, created_at, written_at)
      values (1, ${business.id}, 'cli', 'forged.row', '2020-01-01', '2020-01-01')`.execute(db)
    const id = await log.idOf('forged.row')
    await log.sealAll()
    assert.deepEqual(kindsOf(await look()), [`backdated ${id}`])
    for (const change of [
      sql`update audit_log set action = 'x' where id = ${id}`,
      sql`update audit_log set address = null, address_salt = null, action = 'x' where id = ${id}`,
      sql`delete from audit_log where id = ${id}`,
      sql`truncate audit_log`,
      sql`update audit_links set sealed_at = now()`,
      sql`delete from audit_links`,
      sql`truncate audit_links`,
    ]) {
      await assert.rejects(change.execute(db), /append-only/)
    }
    await log.tamper((tx) => sql`update audit_log set created_at = written_at where id = ${id}`.execute(tx))
    assert.deepEqual(kindsOf(await look()), [`altered ${id}`])
    await log.tamper((tx) => sql`update audit_log set created_at = '2020-01-01' where id = ${id}`.execute(tx))
    await log.tamper(async (tx) => {
      // What is left is as if nobody had forged anything: the tests after this one begin with a whole chain.
      await sql`delete from audit_links where sequence >= (select sequence from audit_links where ${id} = any(row_ids))`.execute(
        tx,
      )
      await sql`delete from audit_log where id = ${id}`.execute(tx)
    })
    await expectWhole()
  })

  /** Past the trigger: changed, looked at, and put back. */
  const tampered = async (
    change: (tx: Tx) => Promise<unknown>,
    back: (tx: Tx) => Promise<unknown>,
  ): Promise<Break[]> => {
    await log.tamper(change)
    const { breaks } = await look()
    await log.tamper(back)
    await expectWhole()
    return breaks
  }

  test('verify names the row that was altered, is missing, or was put between others', async () => {
    for (const action of ['first.row', 'second.row', 'third.row']) await log.add(action)
    await log.sealAll()
    await expectWhole()
    const id = await log.idOf('second.row')
    const columns = {
      action: sql`'second.lie'`,
      actor: sql`'somebody'`,
      detail: sql`'{"amount": "1"}'`,
      created_at: sql`created_at + interval '1 microsecond'`,
      customer_id: sql`gen_random_uuid()`,
      env_mode: sql`'live'`,
    }
    const kept = await log.ctx.db.selectFrom('audit_log').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
    const precise = await sql<{ at: string }>`select created_at::text as at from audit_log where id = ${id}`.execute(
      log.ctx.db,
    )
    const putBack = (tx: Tx) =>
      sql`update audit_log set action = ${kept.action}, actor = ${kept.actor}, detail = ${JSON.stringify(kept.detail)},
        created_at = ${precise.rows[0]?.at}::timestamptz, customer_id = null, env_mode = 'test' where id = ${id}`.execute(
        tx,
      )
    for (const [column, value] of Object.entries(columns)) {
      const breaks = await tampered(
        (tx) => sql`update audit_log set ${sql.ref(column)} = ${value} where id = ${id}`.execute(tx),
        putBack,
      )
      assert.deepEqual(kindsOf({ breaks } as Verdict), [`altered ${id}`], column)
    }
    const gone = await tampered(
      async (tx) => {
        await sql`create table gone as select * from audit_log where id = ${id}`.execute(tx)
        await sql`delete from audit_log where id = ${id}`.execute(tx)
      },
      async (tx) => {
        await sql`insert into audit_log select * from gone`.execute(tx)
        await sql`drop table gone`.execute(tx)
      },
    )
    assert.deepEqual(kindsOf({ breaks: gone } as Verdict), [`missing ${id}`])
    // A number that a rolled back transaction left free.
    const { rows } = await sql<{ free: bigint }>`select min(n) as free from generate_series(1,
      (select max(id) from audit_log)) n where not exists (select from audit_log a where a.id = n)`.execute(log.ctx.db)
    const free = rows[0]?.free ?? 0n
    const put = await tampered(
      (tx) =>
        sql`insert into audit_log (id, business_id, env_mode, actor, action, created_at)
        select ${free}, business_id, env_mode, actor, 'put.between', created_at from audit_log where id = ${id}`.execute(
          tx,
        ),
      (tx) => sql`delete from audit_log where id = ${free}`.execute(tx),
    )
    assert.deepEqual(kindsOf({ breaks: put } as Verdict), [`inserted ${free}`])
    const { text, isFine } = await showAudit((name, args) => operations[name](log.ctx, args), ['verify'], {})
    assert.ok(isFine && text.includes('ok     Each row stands as it was written.'), text)
  })

  test('the command line shows the rows a page at a time, and ends with 1 on a break', async () => {
    const run = (name: 'audit.list' | 'audit.verify', args: Record<string, unknown>) => operations[name](log.ctx, args)
    const page = async (flags: object) => {
      const { text } = await showAudit(run as never, ['list'], {
        business: business.id,
        limit: '2',
        json: true,
        ...flags,
      })
      return JSON.parse(text)
    }
    const first = await page({})
    assert.equal(first.entries.length, 2)
    const second = await page({ before: first.next })
    const ids = [...first.entries, ...second.entries].map((one: { id: string }) => Number(one.id))
    assert.deepEqual(
      ids,
      [...ids].sort((a, b) => b - a),
    )
    assert.equal(new Set(ids).size, 4)
    const { text } = await showAudit(run as never, ['list'], { business: business.id, limit: '1' })
    assert.match(text, /^ +\d+ {2}\S+Z {2}test {2}third\.row .*cli {2}\{\}\n\nOlder rows: --before \d+$/)
    const id = await log.idOf('first.row')
    await log.tamper((tx) => sql`update audit_log set actor = 'nobody' where id = ${id}`.execute(tx))
    const broken = await showAudit(run as never, ['verify'], {})
    assert.equal(broken.isFine, false)
    assert.match(broken.text, new RegExp(`^WRONG {2}row ${id}, link \\d+: the row was altered$`, 'm'))
    await log.tamper((tx) => sql`update audit_log set actor = 'cli' where id = ${id}`.execute(tx))
    await expectWhole()
  })

  test('a link that was altered, taken away or made without the master key is named; so is an end that was cut off', async () => {
    const { head } = await look()
    await log.add('last.row')
    await log.sealAll()
    assert.deepEqual((await look(head)).breaks, [], 'the link that was the last one is still there')
    const whole = await look()
    await sql`create table kept_links as select * from audit_links`.execute(log.ctx.db)
    const putBack = async (tx: Tx) => {
      await sql`delete from audit_links`.execute(tx)
      await sql`insert into audit_links select * from kept_links`.execute(tx)
    }
    const linked = async (change: (tx: Tx) => Promise<unknown>) =>
      (await tampered(change, putBack)).map(({ kind, link, words }) => `${kind} ${link} ${words}`)
    assert.deepEqual(
      await linked((tx) => sql`update audit_links set sealed_at = now() where sequence = 2`.execute(tx)),
      ['link 2 the link was altered'],
    )
    assert.ok(
      (await linked((tx) => sql`delete from audit_links where sequence = 2`.execute(tx))).includes(
        'link 2 the link is missing',
      ),
    )
    const unsigned = await linked((tx) =>
      sql`update audit_links set signature = sha256('no key') where sequence = ${whole.links}`.execute(tx),
    )
    assert.deepEqual(unsigned, [
      `link ${whole.links} the links after it are signed by no master key that is known here`,
    ])
    // Rows and links together, from the end: nothing here tells that there was more, but what was told then does.
    const lastId = await log.idOf('last.row')
    await sql`create table last_row as select * from audit_log where id = ${lastId}`.execute(log.ctx.db)
    await log.tamper(async (tx) => {
      await sql`delete from audit_links where sequence = ${whole.links}`.execute(tx)
      await sql`delete from audit_log where id = ${lastId}`.execute(tx)
    })
    await expectWhole()
    assert.deepEqual(kindsOf(await look(whole.head)), ['link null'])
    await log.tamper(async (tx) => {
      await putBack(tx)
      await sql`insert into audit_log select * from last_row`.execute(tx)
    })
    await expectWhole()
    await sql`drop table kept_links, last_row`.execute(log.ctx.db)
  })

  test('a buyer’s address goes with the buyer and breaks nothing; taken otherwise it is named', async () => {
    const buy = (customer_email: string) => {
      const headers = { authentication: `Bearer ${business.keys.test.public_key}`, 'x-forwarded-for': '198.51.100.7' }
      return server.call('POST', '/v1/sdk/initialize-payment-request', { customer_email, amount: 100 }, headers)
    }
    for (const email of ['gone@example.com', 'stays@example.com']) assert.equal((await buy(email)).status, 201)
    const addresses = () =>
      log.ctx.db.selectFrom('audit_log').select(['id', 'customer_id']).where('address', '=', '198.51.100.7').execute()
    assert.equal((await addresses()).length, 2)
    await log.sealAll()
    const found = await business.api('GET', '/v1/customers?search=gone@example.com')
    const [{ uuid }] = found.body.data.customers.data
    const exported = (await business.api('GET', `/v1/customers/${uuid}/export`)).body.data.audit_log
    assert.deepEqual(
      exported.map((one: { action: string; address: string }) => [one.action, one.address]),
      [['payment_request.initiated', '198.51.100.7']],
    )
    const { ref } = (await business.api('GET', `/v1/payment-requests?customer_uuid=${uuid}`)).body.data.payment_requests
      .data[0]
    assert.equal((await business.api('PATCH', `/v1/payment-requests/${ref}/cancel`)).status, 200)
    assert.equal((await business.api('DELETE', `/v1/customers/${uuid}?erase=1`)).status, 200)
    const [left, ...others] = await addresses()
    assert.deepEqual(others, [])
    const verdict = await look()
    assert.deepEqual([verdict.breaks, verdict.erased_addresses], [[], 1])
    const salt = await sql<{
      salt: string
    }>`select address_salt::text as salt from audit_log where id = ${left?.id}`.execute(log.ctx.db)
    const breaks = await tampered(
      (tx) => sql`update audit_log set address = null, address_salt = null where id = ${left?.id}`.execute(tx),
      (tx) =>
        sql`update audit_log set address = '198.51.100.7', address_salt = ${salt.rows[0]?.salt}::uuid where id = ${left?.id}`.execute(
          tx,
        ),
    )
    assert.deepEqual(kindsOf({ breaks } as Verdict), [`altered ${left?.id}`])
  })

  test('what waits for its seal is told, and is wrong once it waits for long; a waiting row that is gone is named', async () => {
    await log.sealAll()
    await log.add('tail.row')
    const fresh = await look()
    assert.deepEqual([fresh.unsealed, fresh.breaks], [1, []])
    await sql`update audit_unsealed set written_at = written_at - interval '2 hours'`.execute(log.ctx.db)
    assert.deepEqual(kindsOf(await look()), ['late null'])
    const id = await log.idOf('tail.row')
    await log.tamper((tx) => sql`delete from audit_log where id = ${id}`.execute(tx))
    assert.ok(kindsOf(await look()).includes(`missing ${id}`))
    await log.sealAll()
    assert.deepEqual(kindsOf(await look()), [`missing ${id}`], 'also after it was sealed')
  })
})

for (const backend of ['embedded', 'postgres'] as const) {
  test(`${backend}: sealed and verified; a new master key vouches for what the old one signed`, async () => {
    const log = await startLog(backend)
    const { ctx } = log
    try {
      await log.add('some.row')
      await log.sealAll()
      assert.deepEqual((await verify(ctx, null)).breaks, [])
      const [old, next] = [Buffer.from(testMasterKey, 'hex'), Buffer.alloc(32, 7)]
      const alone = { ...ctx, secrets: createSecrets(next) }
      const changing = { ...ctx, secrets: createSecrets(next, [backend === 'postgres' ? old : next]) }
      assert.equal((await verify(alone, null)).breaks[0]?.kind, 'link')
      if (backend === 'embedded') return
      await seal(changing)
      assert.deepEqual((await verify(alone, null)).breaks, [])
      assert.equal(await seal(changing), 0)
      assert.equal((await verify(alone, null)).links, 2)
    } finally {
      await log.close()
    }
  })
}

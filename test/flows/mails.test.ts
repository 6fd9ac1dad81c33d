import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { NewMail } from '../../src/domain/mails/schema.ts'
import { queueMail, sendDue } from '../../src/domain/mails/service.ts'
import { dayMs, hourMs, minuteMs, secondMs } from '../../src/platform/clock.ts'
import { type Db, inTransaction, openPostgres } from '../../src/platform/db.ts'
import { createSecrets } from '../../src/platform/secrets.ts'
import { createDatabase, freePort, stopOwnPostgres } from '../support/postgres.ts'
import { openWorld } from '../support/process.ts'
import { type Backend, call, startTestServer, type TestServer, testMasterKey } from '../support/server.ts'
import { type SmtpOptions, startSmtp } from '../support/smtp.ts'
import { until } from '../support/wait.ts'

const link = 'https://pay.example/portal/canary-c0ffee?from=mail'

const receiptFor = (businessId: string, dedupeKey: string, more: Partial<NewMail> = {}): NewMail =>
  ({
    ...{ businessId, envMode: 'test', to: 'ada@example.com', dedupeKey, now: new Date() },
    template: 'receipt',
    data: {
      ...{ customerName: 'Adá', planName: 'Pro', amount: '₦5,000', paidAt: '3 May 2026', reference: 'AsP-1' },
      ...{ paidWith: null, period: null, nextChargeAt: null, receiptUrl: link },
    },
    ...more,
  }) as NewMail

/** All servers of these tests have the same master key, so that one seals what another sends. */
const secrets = createSecrets(Buffer.from(testMasterKey, 'hex'))

const queue = (db: Db, ...mails: NewMail[]) =>
  inTransaction(db, async (tx) => {
    for (const mail of mails) await queueMail(tx, secrets, mail)
  })

const rowsOf = (db: Db) =>
  db
    .selectFrom('mails')
    .select(['id', 'env_mode', 'status', 'attempts', 'last_error', 'data_sealed', 'sent_at'])
    .orderBy('id')
    .execute()
const statusesOf = async (db: Db) => (await rowsOf(db)).map(({ status }) => status)

after(() => stopOwnPostgres())

for (const backend of ['embedded', 'postgres'] as Backend[]) {
  describe(`mails through a server on ${backend}`, () => {
    let server: TestServer
    let smtp: Awaited<ReturnType<typeof startSmtp>>
    before(async () => {
      smtp = await startSmtp()
      const env = { SMTP_URL: smtp.url, MAIL_FROM: 'Asyncpay <no-reply@pay.example>' }
      server = await startTestServer({ backend, env: { ...env, ASYNCPAY_MASTER_KEY: testMasterKey } })
    })
    after(async () => {
      await server?.close()
      await smtp?.close()
    })

    test('what is queued arrives with both parts, from the business, and what it held is forgotten', async () => {
      const { id } = await server.business('Ada & <Söhne>')
      await queue(server.ctx.db, receiptFor(id, 'receipt/1'))
      const mail = await until('the mail', () => smtp.received[0])
      assert.deepEqual([mail.from, mail.to], ['no-reply@pay.example', ['ada@example.com']])
      assert.match(mail.headers.from ?? '', /^"?Ada & <Söhne>"? <no-reply@pay\.example>$/)
      assert.equal(mail.headers.to, 'ada@example.com')
      assert.equal(mail.headers.subject, '[Test] Your receipt for Pro')
      assert.equal(mail.headers['auto-submitted'], 'auto-generated')
      assert.ok(mail.html.includes(`href="${link}"`) && mail.html.includes('Ada &amp; &lt;Söhne&gt;'), mail.html)
      assert.ok(mail.text.includes(`See your receipt: ${link}`) && mail.text.includes('₦5,000'), mail.text)
      const [row] = await until('the mark', async () => {
        const rows = await rowsOf(server.ctx.db)
        return rows[0]?.status === 'sent' && rows
      })
      assert.equal(mail.headers['message-id'], `<${row?.id}@pay.example>`)
      assert.deepEqual([row?.attempts, row?.last_error, row?.data_sealed], [1, null, null])
      assert.ok(row?.sent_at)
    })

    test('an address with letters beyond ASCII before its @ is not guessed at: nothing is sent, and the row says why', async () => {
      const { id } = await server.business('Utf8')
      const from = smtp.received.length
      await queue(server.ctx.db, receiptFor(id, 'receipt/utf8', { to: 'jörg@example.com' }))
      const row = await until('its end', async () =>
        (await rowsOf(server.ctx.db)).find(({ status, last_error }) => status === 'failed' && last_error),
      )
      assert.match(row.last_error ?? '', /ASCII before its @/)
      assert.equal(row.data_sealed, null)
      assert.equal(smtp.received.length, from)
      await server.ctx.db.deleteFrom('mails').where('id', '=', row.id).execute()
    })

    test('once a key, whatever is repeated; another business and the other mode have keys of their own', async () => {
      const [one, other] = [await server.business('One'), await server.business('Other')]
      const from = smtp.received.length
      await queue(server.ctx.db, receiptFor(one.id, 'k'), receiptFor(one.id, 'k', { to: 'second@example.com' }))
      await until('the first', () => smtp.received.length > from)
      await queue(
        server.ctx.db,
        receiptFor(one.id, 'k', { to: 'third@example.com' }),
        receiptFor(other.id, 'k', { to: 'other@example.com' }),
        receiptFor(one.id, 'k', { to: 'live@example.com', envMode: 'live' }),
      )
      await until('all', async () => (await statusesOf(server.ctx.db)).every((status) => status === 'sent'))
      const mails = smtp.received.slice(from)
      assert.deepEqual(mails.flatMap(({ to }) => to).sort(), [
        'ada@example.com',
        'live@example.com',
        'other@example.com',
      ])
      const live = mails.find(({ to }) => to[0] === 'live@example.com')
      assert.equal(live?.headers.subject, 'Your receipt for Pro')
      assert.ok(!/TEST MODE/.test(`${live?.html}${live?.text}`))
    })

    test('what is rolled back is never sent', async () => {
      const { id } = await server.business('Undone')
      const undone = inTransaction(server.ctx.db, async (tx) => {
        await queueMail(tx, secrets, receiptFor(id, 'undone', { to: 'undone@example.com' }))
        throw new Error('undo')
      })
      await assert.rejects(undone, /undo/)
      await queue(server.ctx.db, receiptFor(id, 'done', { to: 'done@example.com' }))
      await until('the later one', () => smtp.received.some(({ to }) => to[0] === 'done@example.com'))
      assert.ok(!smtp.received.some(({ to }) => to[0] === 'undone@example.com'))
    })

    test('a recipient is one address, a subject one line, whatever they hold', async () => {
      const { id } = await server.business('Shop"\r\nBcc: x@example.com')
      const from = smtp.received.length
      const spoilt = receiptFor(id, 'injected', { to: 'ada@example.com, eve@example.com' })
      const data = { ...spoilt.data, planName: 'Pro\r\nBcc: eve@example.com' }
      await queue(server.ctx.db, { ...receiptFor(id, 'injected-2'), data } as NewMail, spoilt)
      await until('both', () => smtp.received.length === from + 2)
      assert.ok(smtp.received.every(({ headers }) => headers.bcc === undefined))
      assert.ok(smtp.received.some(({ headers }) => headers.subject?.endsWith('for Pro Bcc: eve@ example. com')))
      assert.ok(smtp.received.every(({ to }) => to.length === 1 && to[0] !== 'eve@example.com'))
    })
  })
}

test('sender, recipient and Message-ID with a domain beyond ASCII go out in punycode, with and without PIPELINING', async () => {
  for (const pipelining of [false, true]) {
    const env = { MAIL_FROM: 'Bücher <no-reply@bücher.example>' }
    await failing(
      { pipelining },
      async ({ server, smtp, id }) => {
        await queue(server.ctx.db, receiptFor(id, 'idn', { to: 'ada@straße.example' }))
        const mail = await until('the mail', () => smtp.received[0])
        assert.deepEqual([mail.from, mail.to], ['no-reply@xn--bcher-kva.example', ['ada@xn--strae-oqa.example']])
        assert.match(mail.headers['message-id'] ?? '', /^<[0-9a-f-]{36}@xn--bcher-kva\.example>$/)
        assert.match(mail.headers.from ?? '', /<no-reply@xn--bcher-kva\.example>$/)
        assert.equal(mail.headers.to, 'ada@xn--strae-oqa.example')
        assert.match(mail.raw.split('\r\n\r\n')[0] ?? '', /^[\x20-\x7e\r\n\t]*$/)
      },
      env,
    )
  }
})

/** A worker with a mail server that answers as told, and its own clock. */
async function failing(
  options: SmtpOptions,
  work: (at: { server: TestServer; smtp: Smtp; id: string }) => Promise<void>,
  env: Record<string, string> = {},
) {
  const smtp = await startSmtp(options)
  const server = await startTestServer({ backend: 'postgres', env: { SMTP_URL: smtp.url, ...env } })
  try {
    const { id } = await server.business()
    await work({ server, smtp, id })
  } finally {
    await server.close()
    await smtp.close()
  }
}
type Smtp = Awaited<ReturnType<typeof startSmtp>>

const tried = (server: TestServer, attempts: number) =>
  until(`${attempts} tries`, async () => {
    const [row] = await rowsOf(server.ctx.db)
    // A try under way has its number already; its end has a reason or another status.
    return row?.attempts === attempts && (row.status !== 'queued' || row.last_error !== null) && row
  })
const nextAt = async (server: TestServer) =>
  (await server.ctx.db.selectFrom('mails').select('next_attempt_at').executeTakeFirstOrThrow()).next_attempt_at as Date

describe('mails that cannot be sent', () => {
  test('a server that is away is tried six times in about a day, politely, and then never again', async () => {
    const port = await freePort()
    const server = await startTestServer({ backend: 'postgres', env: { SMTP_URL: `smtp://127.0.0.1:${port}` } })
    try {
      const { id } = await server.business()
      await queue(server.ctx.db, receiptFor(id, 'away'))
      const began = server.ctx.clock.now().getTime()
      const waits = [minuteMs, 10 * minuteMs, hourMs, 6 * hourMs, 17 * hourMs]
      for (const [nth, waitMs] of waits.entries()) {
        const row = await tried(server, nth + 1)
        assert.equal(row.status, 'queued')
        assert.match(row.last_error ?? '', /ECONNREFUSED/)
        const ahead = (await nextAt(server)).getTime() - server.ctx.clock.now().getTime()
        assert.ok(ahead <= waitMs && ahead > waitMs - 20 * secondMs, `${nth}: ${ahead}`)
        server.clock.advance(ahead)
      }
      const row = await tried(server, 6)
      assert.equal(row.status, 'failed')
      assert.equal(row.data_sealed, null)
      const tookMs = server.ctx.clock.now().getTime() - began
      assert.ok(tookMs > 24 * hourMs && tookMs < 25 * hourMs, String(tookMs))
      const smtp = await startSmtp({ port })
      server.clock.advance(30 * dayMs)
      await queue(server.ctx.db, receiptFor(id, 'later', { to: 'later@example.com' }))
      await until('the later mail', () => smtp.received.length > 0)
      await until('no other', async () => (await statusesOf(server.ctx.db)).join() === 'failed,sent')
      assert.deepEqual(
        smtp.received.flatMap(({ to }) => to),
        ['later@example.com'],
      )
      await smtp.close()
    } finally {
      await server.close()
    }
  })

  test('a refused recipient is not tried again', () =>
    failing({ answer: (command) => (command === 'RCPT' ? '550 5.1.1 No such user' : null) }, async (at) => {
      await queue(at.server.ctx.db, receiptFor(at.id, 'refused'))
      const row = await tried(at.server, 1)
      assert.equal(row.status, 'failed')
      assert.match(row.last_error ?? '', /No such user/)
      assert.equal(row.data_sealed, null)
    }))

  for (const command of ['RCPT', 'DATA'] as const) {
    test(`a refusal of ${command} that comes with a hang-up, after one breath, is a refusal all the same`, () => {
      const answer: SmtpOptions['answer'] = (asked) => (asked === command ? { last: '554 5.1.1 No such user' } : null)
      return failing({ answer, pipelining: true }, async (at) => {
        await queue(at.server.ctx.db, receiptFor(at.id, 'hung-up'))
        const row = await tried(at.server, 1)
        assert.equal(row.status, 'failed', row.last_error ?? '')
        assert.match(row.last_error ?? '', /No such user/)
        assert.equal(row.data_sealed, null)
      })
    })
  }

  test('a hang-up after another word, or none, is tried again: a bounded number of times', () => {
    const lasts: [command: string, last: string][] = [
      ['MAIL', '554 5.7.1 Sender not allowed'],
      ['MAIL', '421 4.3.2 Closing'],
      ['RCPT', '450 4.2.1 Mailbox busy'],
      ['RCPT', 'cut'],
      ['RCPT', '55'],
    ]
    let conversation = -1
    const answer: SmtpOptions['answer'] = (command) => {
      if (command === 'MAIL') conversation += 1
      const [asked, last] = lasts[conversation] ?? []
      if (command !== asked || last === undefined) return null
      return last === 'cut' ? 'cut' : { last }
    }
    return failing({ answer, pipelining: true }, async (at) => {
      await queue(at.server.ctx.db, receiptFor(at.id, 'hung-up'))
      for (const attempts of [1, 2, 3, 4, 5]) {
        const row = await tried(at.server, attempts)
        assert.equal(row.status, 'queued', `${attempts}: ${row.last_error}`)
        at.server.clock.advance(dayMs)
      }
      assert.equal((await tried(at.server, 6)).status, 'sent')
    })
  })

  test('a server that is busy is asked again later, and one that forbids our address too; then it is sent', () => {
    const answers = ['451 4.3.0 Try later', '550 5.7.1 Sender not allowed']
    const answer: SmtpOptions['answer'] = (command) => (command === 'MAIL' ? (answers.shift() ?? null) : null)
    return failing({ answer }, async (at) => {
      await queue(at.server.ctx.db, receiptFor(at.id, 'busy'))
      for (const attempts of [1, 2]) {
        assert.equal((await tried(at.server, attempts)).status, 'queued')
        at.server.clock.advance(hourMs)
      }
      assert.equal((await tried(at.server, 3)).status, 'sent')
      assert.equal(at.smtp.received.length, 1)
    })
  })

  test('a link that a server repeats is not kept', () =>
    failing({ answer: (command) => (command === 'DATA' ? `554 5.7.1 Bad link ${link}` : null) }, async (at) => {
      await queue(at.server.ctx.db, receiptFor(at.id, 'linked'))
      const row = await tried(at.server, 1)
      assert.equal(row.status, 'failed')
      assert.match(row.last_error ?? '', /Bad link \[link\]/)
      assert.ok(!JSON.stringify(row).includes('canary'))
    }))

  test('a mail that ends its worker every time is not tried for ever', () =>
    failing({}, async (at) => {
      await inTransaction(at.server.ctx.db, async (tx) => {
        await queueMail(tx, secrets, receiptFor(at.id, 'deadly'))
        await tx.updateTable('mails').set({ attempts: 6 }).execute()
      })
      const row = await tried(at.server, 7)
      assert.equal(row.status, 'failed')
      assert.deepEqual([at.smtp.received.length, at.smtp.seen.MAIL], [0, 0])
    }))
})

describe('mails without a server', () => {
  test('in sandbox mode those of the test mode arrive in its mailbox; live ones stay unsent, with the reason', async () => {
    const server = await startTestServer({ env: { ASYNCPAY_MASTER_KEY: testMasterKey } })
    try {
      const { id } = await server.business('Shop')
      await queue(server.ctx.db, receiptFor(id, 'a'), receiptFor(id, 'a', { envMode: 'live', to: 'live@example.com' }))
      const mails = await until('the mailbox', async () => {
        const { body } = await call(server.url, 'GET', '/sandbox/control/mails?to=ada@example.com')
        return body.length > 0 && body
      })
      assert.equal(mails.length, 1)
      assert.equal(mails[0].subject, '[Test] Your receipt for Pro')
      assert.equal(mails[0].from, 'Shop <no-reply@localhost>')
      assert.ok(mails[0].html.includes(link) && mails[0].text.includes(link))
      assert.equal(mails[0].times_received, 1)
      const rows = await until('both ends', async () => {
        const all = await rowsOf(server.ctx.db)
        return all.every(({ status }) => status !== 'queued') && all
      })
      const live = rows.find(({ env_mode }) => env_mode === 'live')
      assert.deepEqual([live?.status, live?.last_error, live?.data_sealed], ['not_sent', 'SMTP_URL is not set', null])
      assert.deepEqual((await call(server.url, 'GET', '/sandbox/control/mails?to=live@example.com')).body, [])
      const page = await call(server.url, 'GET', `/sandbox/mailbox/${mails[0].id}`)
      assert.equal(page.status, 200)
    } finally {
      await server.close()
    }
  })

  test('without sandbox and server they stay unsent, with the reason', async () => {
    const server = await startTestServer({ backend: 'postgres', env: { SANDBOX: '0' } })
    try {
      const { id } = await server.business()
      await queue(server.ctx.db, receiptFor(id, 'a'))
      const row = await tried(server, 1)
      assert.deepEqual([row.status, row.last_error, row.data_sealed], ['not_sent', 'SMTP_URL is not set', null])
    } finally {
      await server.close()
    }
  })
})

describe('mails and several workers', () => {
  test('two workers over one database send each mail once', async () => {
    const smtp = await startSmtp()
    const database = await createDatabase()
    const options = { backend: 'postgres', databaseUrl: database.url, env: { SMTP_URL: smtp.url } } as const
    const workers = [await startTestServer(options), await startTestServer({ ...options, role: 'worker' })]
    try {
      const [{ ctx }] = workers as [TestServer, TestServer]
      const { id } = await workers[0]!.business()
      const mails = Array.from({ length: 60 }, (_, nth) => receiptFor(id, `many/${nth}`, { to: `a${nth}@example.com` }))
      await queue(ctx.db, ...mails)
      // Beside their own sweeps, so that they look at the same rows at the same moment.
      await Promise.all(workers.flatMap((worker) => Array.from({ length: 4 }, () => sendDue(worker.ctx))))
      await until('all sent', async () => (await statusesOf(ctx.db)).every((status) => status === 'sent'), 30_000)
      assert.equal(smtp.received.length, 60)
      assert.equal(new Set(smtp.received.map((mail) => mail.headers['message-id'])).size, 60)
      assert.equal(new Set(smtp.received.flatMap(({ to }) => to)).size, 60)
    } finally {
      for (const worker of workers) await worker.close()
      await database.drop()
      await smtp.close()
    }
  })

  test('a mail under way is left to its worker until the lease ends', () => {
    const held = Promise.withResolvers<null>()
    const answer: SmtpOptions['answer'] = (command, nth) => (command === 'DATA' && nth === 1 ? held.promise : null)
    return failing({ answer }, async (at) => {
      await queue(at.server.ctx.db, receiptFor(at.id, 'slow'))
      await until('the mail under way', () => at.smtp.seen.DATA === 1)
      at.server.clock.advance(45 * secondMs)
      assert.equal(await sendDue(at.server.ctx), 0)
      at.server.clock.advance(30 * secondMs)
      assert.equal(await sendDue(at.server.ctx), 1, 'its worker is taken for dead')
      held.resolve(null)
      await until('both answers', () => at.smtp.received.length === 2)
      assert.equal(new Set(at.smtp.received.map((mail) => mail.headers['message-id'])).size, 1)
      assert.equal((await tried(at.server, 2)).status, 'sent')
    })
  })

  test('a worker killed between send and mark: sent again with the same Message-ID; no link in any log', async () => {
    let kill = () => {}
    const smtp = await startSmtp({
      answer: (command, nth) => {
        if (command !== 'DATA' || nth > 1) return null
        kill()
        return 'cut'
      },
    })
    const world = await openWorld('postgres')
    const database = openPostgres(world.databaseUrl ?? '')
    try {
      const env = { SMTP_URL: smtp.url, LOG_LEVEL: 'trace' }
      Object.assign(world.env, env)
      const started = await world.start('all')
      await world.connect()
      const { id } = await database.db.selectFrom('businesses').select('id').executeTakeFirstOrThrow()
      let dead: Promise<void> | undefined
      kill = () => {
        dead = started.kill()
      }
      await queue(database.db, receiptFor(id, 'killed'))
      await until('the kill', () => dead !== undefined)
      await dead
      const [row] = await rowsOf(database.db)
      assert.deepEqual([row?.status, row?.attempts, row?.last_error], ['queued', 1, null], 'taken, sent, not marked')
      assert.ok(row?.data_sealed && !row.data_sealed.includes(link), 'what a waiting mail shows is unreadable')
      const again = await world.restart()
      await until('the second', () => smtp.received.length === 2)
      const marked = await until('the mark', async () => {
        const [one] = await rowsOf(database.db)
        return one?.status === 'sent' && one
      })
      assert.equal(marked.attempts, 2)
      const ids = smtp.received.map((mail) => mail.headers['message-id'])
      assert.equal(ids[0], ids[1])
      assert.equal(smtp.received[0]?.html, smtp.received[1]?.html)
      assert.equal(await again.stop(), 0)
      for (const output of [started.output(), again.output()]) assert.ok(!output.includes('canary'), output)
    } finally {
      await database.close()
      await world.close()
      await smtp.close()
    }
  })
})

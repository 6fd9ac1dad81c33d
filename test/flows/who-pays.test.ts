import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { payerOf } from '../../src/domain/attempts/open.ts'
import { openEmbedded, openPostgres, sql } from '../../src/platform/db.ts'
import { emailKeyOf } from '../../src/platform/emails.ts'
import { migrate } from '../../src/platform/migrate.ts'
import { expectFailure } from '../support/expect.ts'
import { createDatabase, stopOwnPostgres } from '../support/postgres.ts'
import { countRows } from '../support/rows.ts'
import { call, connectSandbox, startTestServer, type TestBusiness, type TestServer } from '../support/server.ts'

after(stopOwnPostgres)

describe('who pays', () => {
  let server: TestServer
  let business: TestBusiness
  let plan: { uuid: string; link_id: string }
  before(async () => {
    server = await startTestServer({ backend: 'postgres', role: 'api' })
    business = await server.business()
    const made = await business.api('POST', '/v1/subscription-plans', { name: 'P', interval: 'daily', amount: 100 })
    plan = made.body.data
  })
  after(() => server.close())

  const sdk = (body: object) =>
    call(server.url, 'POST', '/v1/sdk/initialize-payment-request', body, {
      authentication: `Bearer ${business.keys.test.public_key}`,
    })
  /** Every way by which an e-mail comes in. */
  const ways: [string, string, (email: string) => Promise<Awaited<ReturnType<typeof sdk>>>][] = [
    ['customers', 'email', (email) => business.api('POST', '/v1/customers', { email, name: 'A' })],
    ['initiate', 'customer_email', (email) => pay({ customer_email: email })],
    ['initiate with a customer', 'customer.email', (email) => pay({ customer: { email } })],
    ['sdk', 'customer_email', (email) => sdk({ customer_email: email, amount: 100 })],
    ['save-payment-method', 'customer_email', (email) => post('save-payment-method', { customer_email: email })],
    [
      'subscribe-to-plan',
      'customer_email',
      (email) => post('subscribe-to-plan', { customer_email: email, subscription_plan_uuid: plan.uuid }),
    ],
  ]
  const pay = (body: object) => business.api('POST', '/v1/payment-requests', { amount: 100, ...body })
  const post = (path: string, body: object) => business.api('POST', `/v1/payment-requests/${path}`, body)
  const subscribe = (email: string) =>
    fetch(`${server.url}/subscribe/${plan.link_id}`, {
      method: 'POST',
      body: new URLSearchParams({ email }),
      redirect: 'manual',
    })
  const customers = async () => (await countRows(server.ctx)).customers ?? 0

  for (const [name, field, send] of ways) {
    test(`${name}: an address that people have is taken, one that nobody has is refused`, async () => {
      for (const email of [
        `o'brien-${name.replaceAll(' ', '')}@example.com`,
        `${name.replaceAll(' ', '')}@müller.de`,
      ]) {
        const answer = await send(email)
        assert.equal(answer.status, 201, answer.text)
      }
      const before = await customers()
      for (const email of [
        'a@example..com',
        'a@-example.com',
        'a\u200b@example.com',
        'a@exam\u2060ple.com',
        'jörg@example.com',
      ])
        expectFailure(await send(email), { status: 422, code: '005', fields: [field] }, email)
      assert.equal(await customers(), before)
    })
  }

  test('the page of a plan takes and refuses the same', async () => {
    assert.equal((await subscribe(" o'neill@example.com ")).status, 303)
    const before = await customers()
    for (const email of ['a@example..com', 'a@-example.com', 'a\u200b@example.com', 'jörg@example.com'])
      assert.equal((await subscribe(email)).status, 422, email)
    assert.equal(await customers(), before)
  })

  test('outer spaces are not part of an address; what is inside stays as it was given', async () => {
    const made = await business.api('POST', '/v1/customers', { email: ' \tMixed.Case@Example.COM\n', name: 'M' })
    assert.equal(made.body.data.email, 'Mixed.Case@Example.COM', made.text)
    const found = await business.api('GET', '/v1/customers?email=%20mixed.case%40example.com%20')
    assert.equal(found.body.data.customers.data[0].uuid, made.body.data.uuid)
    const changed = await business.api('PUT', `/v1/customers/${made.body.data.uuid}`, { email: ' other@example.com ' })
    assert.equal(changed.body.data.email, 'other@example.com')
  })

  test('one mailbox is one customer, in its own script and in punycode, also for 20 at once', async () => {
    const made = await business.api('POST', '/v1/customers', { email: 'Kunde@Bücher.example', name: 'K' })
    assert.equal(made.status, 201, made.text)
    const { uuid } = made.body.data
    assert.equal(made.body.data.email, 'Kunde@Bücher.example')
    const before = await customers()
    for (const email of ['kunde@xn--bcher-kva.example', 'KUNDE@BÜCHER.EXAMPLE', 'kunde@bu\u0308cher.example']) {
      const again = await business.api('POST', '/v1/customers', { email, name: 'K' })
      expectFailure(again, { status: 409, code: '020', fields: ['email'] }, email)
      assert.equal(again.body.error_data.customer_uuid, uuid)
      assert.equal((await pay({ customer_email: email })).body.data.payment_request.customer.uuid, uuid)
      const listed = await business.api('GET', `/v1/customers?email=${encodeURIComponent(email)}`)
      assert.equal(listed.body.data.customers.data[0]?.uuid, uuid)
    }
    assert.equal(await customers(), before)
    const twins = Array.from({ length: 20 }, (_, n) =>
      pay({ customer_email: n % 2 ? 'neu@straße.example' : 'NEU@xn--strae-oqa.example' }),
    )
    const uuids = (await Promise.all(twins)).map((one) => one.body.data.payment_request.customer.uuid)
    assert.equal(new Set(uuids).size, 1)
    assert.equal(await customers(), before + 1)
  })

  test('a name is something that can be seen', async () => {
    const blank = ['', '   ', '\u200b', '\u3164\u00a0', '\t\n']
    for (const text of blank) {
      const refused = { status: 422, code: '005' }
      for (const field of ['name', 'first_name', 'last_name']) {
        const body = { email: 'blank@example.com', name: 'B', [field]: text }
        expectFailure(await business.api('POST', '/v1/customers', body), { ...refused, fields: [field] }, field)
        const nested = await pay({ customer: { email: 'blank@example.com', [field]: text } })
        expectFailure(nested, { ...refused, fields: [`customer.${field}`] }, field)
      }
      expectFailure(await business.api('PUT', '/v1/business', { name: text }), { ...refused, fields: ['name'] })
      const wish = { interval: 'daily', amount: 100 }
      expectFailure(await business.api('POST', '/v1/subscription-plans', { ...wish, name: text }), {
        ...refused,
        fields: ['name'],
      })
      expectFailure(await business.api('PUT', `/v1/subscription-plans/${plan.uuid}`, { name: text }), {
        ...refused,
        fields: ['name'],
      })
      const tagged = await business.api('POST', '/v1/subscription-plans', { ...wish, name: 'T', tags: ['a', text] })
      expectFailure(tagged, { ...refused, fields: ['tags.1'] })
      expectFailure(await pay({ customer_email: 'a@example.com', reference: text }), {
        ...refused,
        fields: ['reference'],
      })
    }
  })

  test('a channel is told one valid phone number or none; what was given is kept as given', async () => {
    await connectSandbox(server.ctx, business.id, 'flutterwave')
    const cases = [
      ['+234', '08031234567', '+2348031234567'],
      ['+234', '+2348031234567', '+2348031234567'],
      ['234', '0803 123 4567', '+2348031234567'],
      ['+44', '(0)20 7946 0018', '+442079460018'],
      ['+44', '020 7946 0018 ext 9', '+442079460018'],
      ['+234', 'call me', null],
      ['+234', '12', null],
    ] as const
    for (const [n, [phone_code, phone_number, told]] of cases.entries()) {
      const email = `phone${n}@example.com`
      const made = await business.api('POST', '/v1/customers', { email, name: 'P', phone_code, phone_number })
      assert.deepEqual([made.body.data.phone_code, made.body.data.phone_number], [phone_code, phone_number])
      assert.equal(payerOf(made.body.data).phone, told)
      const opened = await pay({ customer_email: email, payment_channel: 'flutterwave' })
      assert.equal(opened.status, 201, opened.text)
    }
    assert.equal(
      payerOf({
        ...(await business.api('GET', '/v1/customers')).body.data.customers.data[0],
        email: 'K@bücher.example',
      }).email,
      'K@xn--bcher-kva.example',
    )
  })
})

describe('customers who were there before their mailbox had a key', () => {
  const folder = join(import.meta.dirname, '../../migrations')
  for (const backend of ['postgres', 'embedded'] as const) {
    test(`keep what they have, and one of two has the mailbox: ${backend}`, async () => {
      const older = mkdtempSync(join(tmpdir(), 'asyncpay-migrations-'))
      for (const name of readdirSync(folder)) if (name < '0024') cpSync(join(folder, name), join(older, name))
      const own = backend === 'postgres' ? await createDatabase() : null
      const database = own ? openPostgres(own.url) : await openEmbedded(null)
      try {
        await migrate(database, older)
        await sql`alter table customers drop constraint customers_business_id_env_mode_fkey`.execute(database.db)
        const emails = [
          ...[
            'Plain@Example.com',
            'kunde@bücher.example',
            'kunde@xn--bcher-kva.example',
            'a@例え.テスト',
            'a@sub.пример.рф',
            'a@straße.example',
          ],
          ...[
            'neu@mañana.example',
            'neu@MAÑANA.example.',
            'a@\u200bexample.com',
            'jörg@example.com',
            'a@münchen-ost.de',
            'a@ليهمابتكلموشعربي.example',
          ],
          ...['zwei@ñandú.example', 'zwei@n\u0303andu\u0301.example'],
        ]
        for (const [n, email] of emails.entries()) {
          const id = `00000000-0000-7000-8000-0000000000${String(n + 10)}`
          await sql`insert into customers (id, business_id, env_mode, customer_id, email, created_at, updated_at)
            values (${id}, ${'00000000-0000-7000-8000-000000000001'}, 'test', ${`C${n}`}, ${email}, ${new Date(n * 1_000)}, now())`.execute(
            database.db,
          )
        }
        cpSync(join(folder, '0024_email_key.sql'), join(older, '0024_email_key.sql'))
        await migrate(database, older)
        const { rows } = await sql<{
          email: string
          email_key: string
        }>`select email, email_key from customers order by id`.execute(database.db)
        assert.deepEqual(
          rows.map((row) => row.email),
          emails,
        )
        const keptTheirs = ['kunde@bücher.example', 'zwei@n\u0303andu\u0301.example']
        for (const { email, email_key } of rows.filter((row) => !/[\u200b]|\.$/.test(row.email))) {
          assert.equal(email_key, keptTheirs.includes(email) ? email : emailKeyOf(email), email)
        }
      } finally {
        await database.close()
        await own?.drop()
        rmSync(older, { recursive: true, force: true })
      }
    })
  }
})

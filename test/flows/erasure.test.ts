import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { dropHookBodies, goOn } from '../../src/domain/erasures/service.ts'
import { checkDueRefunds } from '../../src/domain/refunds/jobs.ts'
import { dayMs } from '../../src/platform/clock.ts'
import { sql } from '../../src/platform/db.ts'
import { expectFailure } from '../support/expect.ts'
import { blankedColumns, impersonalColumns, rewrittenColumns } from '../support/personal-columns.ts'
import { stopOwnPostgres } from '../support/postgres.ts'
import { startReceiver } from '../support/receiver.ts'
import { saveCard } from '../support/saved.ts'
import {
  attemptRef,
  type Body,
  payAtSandbox,
  startTestServer,
  type TestBusiness,
  type TestServer,
} from '../support/server.ts'
import { createPlan } from '../support/subscriptions.ts'
import { until } from '../support/wait.ts'

after(stopOwnPostgres)

/** What names the person, each unique in the whole database. */
const person = {
  email: 'canary-ada@example.com',
  first_name: 'Canaryfirst',
  last_name: 'Canarylast',
  phone_number: '8030001177',
  address_line_1: '7 Canary Street',
  meta_data: { nickname: 'Canarynick' },
}
const traces = [
  ...['canary-ada', 'Canaryfirst', 'Canarylast', '8030001177', 'Canary Street', 'Canarynick'],
  ...['Canarynote', 'canaryback', 'canarylink'],
]

for (const backend of ['postgres', 'embedded'] as const)
  describe(`one customer, ${backend}`, () => {
    let server: TestServer
    let business: TestBusiness
    let echo: Awaited<ReturnType<typeof startReceiver>>
    before(async () => {
      server = await startTestServer({ backend })
      business = await server.business()
      echo = await startReceiver()
      await business.api('PUT', '/v1/business', { webhook_url: echo.url, enabled_webhooks: 1 })
    })
    after(async () => {
      await server.close()
      await echo.close()
    })

    /** Every row of every table in which one of the person's words stands. */
    async function traced(): Promise<string[]> {
      const { rows: tables } = await sql<{ name: string }>`select format('%I.%I', table_schema, table_name) as name
      from information_schema.tables where table_type = 'BASE TABLE' and table_schema in ('public', 'jobs')`.execute(
        server.ctx.db,
      )
      const found: string[] = []
      for (const { name } of tables) {
        const { rows } = await sql<{ row: string }>`select row_to_json(t)::text as row from ${sql.raw(name)} t`.execute(
          server.ctx.db,
        )
        for (const { row } of rows) {
          for (const trace of traces) if (row.includes(trace)) found.push(`${trace} in ${name}: ${row.slice(0, 400)}`)
        }
      }
      return found
    }

    /** Values of a column that may tell of the person. */
    async function valuesOf(table: string, column: string): Promise<string[]> {
      const { rows } = await sql<{ value: string }>`select ${sql.ref(column)}::text as value from ${sql.table(table)}
      where ${sql.ref(column)} is not null and ${sql.ref(column)}::text not like 'erased-%@erased.invalid'`.execute(
        server.ctx.db,
      )
      return rows.map(({ value }) => value)
    }
    const blanked = Object.entries(blankedColumns).flatMap(([table, columns]) =>
      columns.map((column) => [table, column] as const),
    )

    /** What a provider, a mail server or a receiver may say of the person, and the sandbox does not. */
    async function plantWordsOfOthers(): Promise<void> {
      const { db } = server.ctx
      const word = 'Canarynote of others'
      const texts = {
        customers: ['address_line_2', 'city', 'state', 'zip', 'country', 'phone_code', 'name'],
        mails: ['last_error'],
        payment_methods: ['signature', 'bank'],
        payment_requests: ['logo'],
        refunds: ['reason', 'failure_reason'],
        transactions: ['reason', 'description'],
        webhook_attempts: ['response_excerpt', 'error'],
      }
      for (const [table, columns] of Object.entries(texts)) {
        const sets = columns.map((column) => sql`${sql.ref(column)} = ${word}`)
        await sql`update ${sql.table(table)} set ${sql.join(sets)}`.execute(db)
      }
      await sql`update customers set external_customer_ids = '{"paystack": "Canarynote"}'`.execute(db)
      await sql`update hook_inbox set body = convert_to(${word}, 'UTF8')`.execute(db)
      await sql`update mails set data_sealed = convert_to(${word}, 'UTF8'), status = 'queued', sent_at = null,
      next_attempt_at = 'infinity' where id = (select id from mails limit 1)`.execute(db)
      await sql`update timeline_records set summary = 'Paystack declined the payment: ' || ${word}
      where summary = 'Payment initiated'`.execute(db)
    }

    test('every column of words is judged: of a person or not, and what an erasure makes of it', async () => {
      const { rows } = await sql<{ name: string }>`select table_name || '.' || column_name as name
      from information_schema.columns join information_schema.tables using (table_schema, table_name)
      where table_schema = 'public' and table_type = 'BASE TABLE' and table_name not like 'kysely%'
        and udt_name in ('text', 'varchar', 'json', 'jsonb', 'bytea', '_text', '_bytea')`.execute(server.ctx.db)
      const judged = [blankedColumns, rewrittenColumns, impersonalColumns].flatMap((of) =>
        Object.entries(of).flatMap(([table, columns]) => columns.map((column) => `${table}.${column}`)),
      )
      assert.deepEqual(judged.sort(), rows.map(({ name }) => name).sort())
    })

    const key = { 'idempotency-key': 'canary-create' }
    const pay = (): object => ({
      customer_email: person.email,
      amount: 100,
      description: 'Canarynote of a payment',
      meta_data: { note: 'Canarynote' },
      success_redirect_url: 'https://shop.example/canaryback',
      failure_redirect_url: 'https://shop.example/canaryback',
    })

    /** Leaves traces by every path: rows, events, deliveries, hooks, mails, kept answers, saved card, subscription, portal. */
    async function live(): Promise<{ customer: string; subscription: Body; ref: string }> {
      const made = await business.api('POST', '/v1/customers', person, key)
      assert.equal(made.status, 201, made.text)
      const customer: string = made.body.data.uuid
      const paid = await business.api('POST', '/v1/payment-requests', pay(), { 'idempotency-key': 'canary-pay' })
      await payAtSandbox(server.url, attemptRef(paid), 'success', 'paystack')
      const ref: string = paid.body.data.payment_request.ref
      await until('the payment', async () => {
        const found = await business.api('GET', `/v1/payment-requests/retrieve-by-ref/${ref}`)
        return found.body.data.payment_request.status === 'successful'
      })
      const { method } = await saveCard(server, business, 'paystack', undefined, person.email)
      const plan = await createPlan(business, { send_subscription_mails: 1 })
      const subscribed = await business.api('POST', '/v1/subscriptions', {
        ...{ customer_uuid: customer, subscription_plan_uuid: plan.uuid, payment_method_uuid: method },
      })
      assert.equal(subscribed.status, 201, subscribed.text)
      const linked = await business.api('POST', `/v1/customers/${customer}/portal-link`, {
        ...{ send: true, return_url: 'https://shop.example/canarylink' },
      })
      assert.equal(linked.status, 201, linked.text)
      await until('webhooks, mails and hooks', async () => {
        const { rows } = await sql<{
          n: number
        }>`select (select count(*) from hook_inbox where processed_at is null)::int
        + (select count(*) from mails where status = 'queued')::int
        + (select count(*) from webhook_deliveries where status = 'pending')::int as n`.execute(server.ctx.db)
        return rows[0]?.n === 0
      })
      return { customer, subscription: subscribed.body.data, ref }
    }

    test('exported whole, refused while something is under way, then erased from every table; what the law wants stays', async () => {
      const { customer, subscription, ref } = await live()
      assert.ok((await traced()).length > 20, 'the person was planted')
      const path = `/v1/customers/${customer}`

      const exported = await business.api('GET', `${path}/export`)
      assert.equal(exported.status, 200, exported.text)
      const { data } = exported.body
      assert.equal(data.customer.email, person.email)
      for (const list of ['payment_requests', 'transactions', 'subscriptions', 'payment_methods', 'mails']) {
        assert.ok(data[list].length > 0, list)
      }
      assert.ok(
        data.payment_requests.some((one: Body) => one.ref === ref && one.description === 'Canarynote of a payment'),
      )
      assert.deepEqual(data.truncated, [])
      assert.equal((await business.live('GET', `${path}/export`)).status, 404)
      assert.equal((await business.live('DELETE', `${path}?erase=1`)).status, 404)

      const refused = await business.api('DELETE', `${path}?erase=1`)
      expectFailure(refused, { status: 409, code: '022', fields: ['subscriptions'] })
      assert.deepEqual(refused.body.error_data.subscriptions, [subscription.uuid])
      const cancelled = await business.api('PATCH', `/v1/subscriptions/${subscription.uuid}/cancel?immediately=1`)
      assert.equal(cancelled.status, 200, cancelled.text)
      await until(
        'the mail and webhook of the cancellation, and what was charged to save the card is back',
        async () => {
          // The channel is asked now instead of in its own time.
          await sql`update refunds set check_at = ${server.clock.now()} where check_at is not null`.execute(
            server.ctx.db,
          )
          await checkDueRefunds(server.ctx)
          const { rows } = await sql<{ n: number }>`select (select count(*) from mails where status = 'queued')::int
        + (select count(*) from webhook_deliveries where status = 'pending')::int
        + (select count(*) from refunds where status <> 'successful')::int
        + (select count(*) from transactions where refund_due_at is not null)::int as n`.execute(server.ctx.db)
          return rows[0]?.n === 0
        },
      )

      await plantWordsOfOthers()
      for (const [table, column] of blanked) {
        assert.ok((await valuesOf(table, column)).length > 0, `${table}.${column} was planted`)
      }
      const erased = await business.api('DELETE', `${path}?erase=1`)
      assert.equal(erased.status, 200, erased.text)
      for (const [table, column] of blanked) {
        assert.deepEqual(await valuesOf(table, column), [], `${table}.${column}`)
      }
      assert.deepEqual(
        [erased.body.data.email, erased.body.data.full_name],
        [`erased-${customer}@erased.invalid`, null],
      )
      assert.deepEqual(await traced(), [])
      assert.equal((await business.api('DELETE', `${path}?erase=1`)).status, 200, 'twice is once')

      // What lies sealed is looked at opened: nothing of it is left either.
      const { db } = server.ctx
      const replayed = await business.api('POST', '/v1/customers', person, key)
      assert.deepEqual([replayed.status, replayed.headers.get('idempotent-replayed')], [201, 'true'])
      assert.equal(replayed.body.data.uuid, customer)
      const replayedPay = await business.api('POST', '/v1/payment-requests', pay(), { 'idempotency-key': 'canary-pay' })
      for (const trace of traces) assert.ok(!`${replayed.text}${replayedPay.text}`.includes(trace), trace)
      const mails = await db.selectFrom('mails').selectAll().execute()
      assert.ok(mails.length > 0 && mails.every((mail) => mail.data_sealed === null))
      const hooks = await db.selectFrom('hook_inbox').selectAll().execute()
      const paidHooks = hooks.filter((hook) => hook.event_type === 'charge.success')
      assert.ok(paidHooks.length > 0 && paidHooks.every((hook) => hook.body === null && hook.body_sealed === null))
      await until('the channel to have been asked to forget the card', async () => {
        const rows = await db.selectFrom('payment_methods').selectAll().where('customer_id', '=', customer).execute()
        const opened = rows.map((row) => server.ctx.secrets.open(row.token_sealed, `payment_methods/${row.id}`))
        return rows.length > 0 && opened.every((text) => JSON.parse(text).token === null && !text.includes('canary'))
      })

      const kept = (await business.api('GET', `/v1/payment-requests/retrieve-by-ref/${ref}`)).body.data.payment_request
      assert.deepEqual([kept.ref, kept.status, kept.amount, kept.description], [ref, 'successful', '100', null])
      assert.equal(kept.last_transaction.status, 'successful')
      const logged = await db.selectFrom('audit_log').selectAll().where('action', '=', 'customer.erased').execute()
      assert.equal(logged.length, 1)
    })

    test('what comes in late is blanked by a later round; rounds end; a process that died leaves them due', async () => {
      const { db, clock } = server.ctx
      const made = await business.api('POST', '/v1/customers', { ...person, email: 'canary-ada2@example.com' })
      const customer: string = made.body.data.uuid
      const opened = await business.api('POST', '/v1/payment-requests', {
        ...pay(),
        customer_email: 'canary-ada2@example.com',
      })
      const { ref } = opened.body.data.payment_request
      assert.equal((await business.api('PATCH', `/v1/payment-requests/${ref}/cancel`)).status, 200)
      assert.equal((await business.api('DELETE', `/v1/customers/${customer}?erase=1`)).status, 200)
      // As a call would that was under way meanwhile.
      await db.updateTable('payment_requests').set({ description: 'Canarynote' }).where('ref', '=', ref).execute()
      await db
        .updateTable('erasures')
        .set({ next_at: clock.now(), rounds: 0 })
        .where('customer_id', '=', customer)
        .execute()
      for (let round = 0; round < 4; round += 1) {
        await until('a round', async () => {
          await db
            .updateTable('erasures')
            .set({ next_at: clock.now() })
            .where('customer_id', '=', customer)
            .where('rounds', '=', round)
            .execute()
          await goOn(server.ctx, 10)
          const row = await db.selectFrom('erasures').selectAll().where('customer_id', '=', customer).executeTakeFirst()
          return (row?.rounds ?? 0) > round
        })
        assert.deepEqual(await traced(), [])
      }
      const row = await db
        .selectFrom('erasures')
        .selectAll()
        .where('customer_id', '=', customer)
        .executeTakeFirstOrThrow()
      assert.deepEqual([row.next_at, row.rounds], [null, 4])
    })

    test('beside payments of the same moment: refused, or what slips in is without the person after the next round', async () => {
      const { db, clock } = server.ctx
      for (let nth = 0; nth < 12; nth += 1) {
        const { body } = await business.api('POST', '/v1/customers', { email: `race-${nth}@example.com`, name: 'Ada' })
        const customer: string = body.data.uuid
        const wish = { customer_uuid: customer, amount: 100, description: 'Canarynote' }
        const opens = () => business.api('POST', '/v1/payment-requests', wish)
        const erase = () => business.api('DELETE', `/v1/customers/${customer}?erase=1`)
        const asked = nth % 2 ? [opens(), erase(), opens()] : [erase(), opens(), opens()]
        const statuses = (await Promise.all(asked)).map((one) => one.status)
        const isErased = statuses[nth % 2] === 200
        assert.ok(isErased || statuses[nth % 2] === 409, `${statuses}`)
        const opened = statuses.filter((one) => one === 201).length
        assert.ok(isErased || opened === 2, `${statuses}`)
        if (!isErased) continue
        await db.updateTable('erasures').set({ next_at: clock.now() }).where('customer_id', '=', customer).execute()
        await until('the next round', async () => {
          await goOn(server.ctx, 10)
          const row = await db.selectFrom('erasures').selectAll().where('customer_id', '=', customer).executeTakeFirst()
          return (row?.rounds ?? 0) > 1
        })
        const requests = await db
          .selectFrom('payment_requests')
          .selectAll()
          .where('customer_id', '=', customer)
          .execute()
        assert.deepEqual(
          requests.map(({ description, sent_customer }) => [description, sent_customer]),
          Array.from({ length: opened }, () => [null, null]),
        )
      }
    })

    test('bodies of provider webhooks are dropped after 30 days, also of those that name nothing of ours', async () => {
      const { db, clock, secrets } = server.ctx
      const id = '01912345-6789-7abc-8def-0123456789ab'
      const row = { id, business_id: business.id, env_mode: 'test', payment_channel_slug: 'paystack', event_key: id }
      await db
        .insertInto('hook_inbox')
        .values({
          ...row,
          event_type: 'x',
          body_sealed: secrets.seal('x', `hook_inbox/${id}`),
          received_at: new Date(clock.now().getTime() - 31 * dayMs),
        })
        .execute()
      await dropHookBodies(server.ctx, 500)
      const found = await db.selectFrom('hook_inbox').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
      assert.equal(found.body_sealed, null)
    })
  })

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import pg from 'pg'
import { createDatabase, freePort, stopOwnPostgres } from '../support/postgres.ts'
import { type Answer, type Body, call, testMasterKey } from '../support/server.ts'
import { until } from '../support/wait.ts'

after(stopOwnPostgres)

const main = join(import.meta.dirname, '../../src/cli/main.ts')

/** Every row of every table of ours and of the queue, as text. */
async function dump(url: string): Promise<{ table: string; row: string }[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const tables = await client.query(`select format('%I.%I', table_schema, table_name) as name from
      information_schema.tables where table_type = 'BASE TABLE' and table_schema in ('public', 'jobs')`)
    const rows: { table: string; row: string }[] = []
    for (const { name } of tables.rows) {
      const found = await client.query(`select row_to_json(t)::text as row from ${name} t limit 10000`)
      for (const { row } of found.rows) rows.push({ table: name, row })
    }
    return rows
  } finally {
    await client.end()
  }
}

async function select(url: string, text: string): Promise<Record<string, string>[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(text)).rows
  } finally {
    await client.end()
  }
}

/** Each secret is looked for as text, as the hex of a bytea, and as base64 wherever in it the secret may begin. */
function spellings(secret: string): string[] {
  const bytes = Buffer.from(secret)
  const inBase64 = [0, 1, 2].map((offset) => {
    const text = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64')
    // Without the ends, which depend on what stands around.
    return text.slice(4, -4)
  })
  return [secret, JSON.stringify(secret).slice(1, -1), bytes.toString('hex'), ...inBase64]
}

test('secrets are unreadable in the database and in the logs, whatever was done with them (I11)', async () => {
  const database = await createDatabase()
  const folder = mkdtempSync(join(tmpdir(), 'asyncpay-secrets-'))
  const env: Record<string, string> = {
    PATH: process.env.PATH ?? '',
    DATA_DIR: folder,
    PORT: String(await freePort()),
    DATABASE_URL: database.url,
    ASYNCPAY_MASTER_KEY: testMasterKey,
    SANDBOX: '1',
    ALLOW_PRIVATE_WEBHOOKS: '1',
    LOG_LEVEL: 'trace',
  }
  const url = `http://localhost:${env.PORT}`
  let logs = ''
  const start = (...args: string[]) => {
    const child = spawn(process.execPath, [main, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text
      })
    }
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
    return { child, ended, output: () => output }
  }
  const run = async (...args: string[]) => {
    const { ended, output } = start(...args)
    assert.equal(await ended, 0, output())
    return output()
  }
  // A merchant that echoes what it is sent, as request inspectors do.
  const echo = createServer((request, response) => {
    response.writeHead(500).end(JSON.stringify(request.headers))
  })
  await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve))
  const echoUrl = `http://127.0.0.1:${(echo.address() as AddressInfo).port}/`
  const server = start('start')
  process.once('exit', () => server.child.kill('SIGKILL'))
  process.once('SIGTERM', () => process.exit(143))
  try {
    await until('the server', () => server.output().includes('"msg":"ready"'), 60_000)
    const shown = JSON.parse(
      (await run('keys', '--json')).split('\n').find((line) => line.startsWith('{"business_id"')) ?? '',
    )
    const canaries = {
      live: `sk_live_${'canary'.repeat(6)}1`,
      test: `sk_test_sandbox_${'canary'.repeat(6)}2`,
      wrong: `sk_test_${'canary'.repeat(6)}3`,
    }
    const file = join(folder, 'live.json')
    writeFileSync(file, JSON.stringify({ secret_key: canaries.live }))
    await run('channels', 'connect', 'paystack', '--mode', 'live', '--from-file', file)
    await run('channels', 'connect', 'paystack', '--mode', 'test', '--set', `secret_key=${canaries.test}`, '--default')

    // Another process connected the account, so this server's sandbox was not told where its webhooks go.
    const [mode] = await select(database.url, `select hook_token from business_modes where env_mode = 'test'`)
    await call(url, 'POST', '/sandbox/control/accounts', {
      channel: 'paystack',
      secret_key: canaries.test,
      webhook_url: `${url}/v1/system/hooks/${mode?.hook_token}/paystack`,
    })

    const authentication = `Bearer ${shown.test.secret_key}`
    const api = (method: string, path: string, body?: unknown, more: Record<string, string> = {}) =>
      call(url, method, path, body, { authentication, ...more })
    const made = await api('POST', '/v1/webhook-endpoints', { url: echoUrl }, { 'idempotency-key': 'once' })
    const again = await api('POST', '/v1/webhook-endpoints', { url: echoUrl }, { 'idempotency-key': 'once' })
    assert.equal(again.text, made.text, 'the same bytes')
    assert.equal(again.headers.get('idempotent-replayed'), 'true')
    const endpoint: Body = made.body.data
    const rolled = await api('PATCH', `/v1/webhook-endpoints/${endpoint.uuid}/roll-secret`)
    await api('PUT', '/v1/business', { webhook_url: echoUrl, enabled_webhooks: 1 })
    // A payment through the channel, one that the channel refuses, and requests that are refused by us.
    const body = { customer_email: 'ada@example.com', amount: 100 }
    const created = await until('the new credentials to be used', async () => {
      const answer = await api('POST', '/v1/payment-requests', body)
      return answer.status === 201 && answer
    })
    const { ref } = created.body.data.payment_request
    await api('PATCH', `/v1/payment-requests/${ref}/cancel`)
    await call(url, 'POST', '/sandbox/control/faults', { kind: 'status', status: 401, operation: 'open', times: 1 })
    await api('POST', '/v1/payment-requests', body)
    await api('POST', '/v1/payment-requests', '{"broken')
    await call(url, 'POST', '/v1/payment-requests', body, { authorization: `Bearer ${shown.live.secret_key}` })
    await call(url, 'GET', '/v1/business', undefined, { authentication: `Bearer ${shown.live.secret_key}` })
    await call(url, 'GET', '/v1/business', undefined, { authentication: `Bearer ${canaries.wrong}` })
    // A link that opens a customer's page, made twice under one key, mailed, and used.
    const bola = (await api('POST', '/v1/customers', { email: 'bola@example.com', name: 'Bola' })).body.data
    const linkPath = `/v1/customers/${bola.uuid}/portal-link`
    const linked = await api('POST', linkPath, { send: true }, { 'idempotency-key': 'link' })
    assert.equal((await api('POST', linkPath, { send: true }, { 'idempotency-key': 'link' })).text, linked.text)
    const { pathname: portal } = new URL(linked.body.data.link)
    assert.equal((await call(url, 'GET', portal)).status, 200)
    assert.equal((await call(url, 'POST', `${portal}/cards/nothing/remove`, {})).status, 404)
    assert.equal((await call(url, 'GET', `${portal}A`)).status, 404)
    await until('the mail', async () => (await call(url, 'GET', '/sandbox/control/mails')).text.includes(portal))
    const tries = await until('the webhooks', async () => {
      const answer = await api('GET', `/v1/webhook-endpoints/${endpoint.uuid}/deliveries`)
      const [delivery] = answer.body.data.deliveries.data
      return delivery?.tries.length > 0 && answer.text
    })

    // Saved cards: a token comes from the provider, so it is read where the provider keeps it.
    const saveCard = async (email: string) => {
      const saving = await api('POST', '/v1/payment-requests/save-payment-method', { customer_email: email })
      const { ref, customer, last_transaction: attempt } = saving.body.data.payment_request
      const pay = { channel: 'paystack', reference: attempt.ref, outcome: 'success' }
      await call(url, 'POST', '/sandbox/control/pay', pay)
      const path = `/sandbox/paystack/transaction/verify/${attempt.ref}`
      const known = await call(url, 'GET', path, undefined, { authorization: `Bearer ${canaries.test}` })
      const token: string = known.body.data.authorization.authorization_code
      assert.match(token, /^AUTH_/)
      const verified = await api('PATCH', `/v1/payment-requests/${ref}/verify`)
      const listing = `/v1/customers/${customer.uuid}/payment-methods`
      const listed = await api('GET', listing)
      const method: string = listed.body.data.payment_methods.data[0].uuid
      return { token, customer: customer.uuid as string, listing, method, shown: [saving, verified, listed] }
    }
    const { token, customer, method, shown: shownSaving } = await saveCard('ada@example.com')
    const deleted = await saveCard('bob@example.com')
    // Each payment is told of by a webhook, with the token in it.
    await until('the webhooks of both', async () => {
      const kept = await select(database.url, `select id from hook_inbox where event_type = 'charge.success'`)
      return kept.length >= 2
    })
    const charge = { customer_uuid: customer, payment_method_uuid: method, amount: 100 }
    const key = { 'idempotency-key': 'charge' }
    const path = '/v1/payment-requests/charge-payment-method'
    const shownOf: Answer[] = [await api('POST', path, charge, key), await api('POST', path, charge, key)]
    shownOf.push(await api('POST', path, { ...charge, amount: '140.02' }))
    for (const kind of ['drop_after', 'status']) {
      await call(url, 'POST', '/sandbox/control/faults', { kind, status: 401, operation: 'charge', times: 1 })
      shownOf.push(await api('POST', path, charge))
    }
    shownOf.push(await api('GET', '/v1/events?per_page=100'))
    shownOf.push(await api('DELETE', `${deleted.listing}/${deleted.method}`))
    assert.deepEqual(
      shownOf.map(({ status }) => status),
      [201, 201, 402, 202, 502, 200, 200],
    )
    for (const { text } of [...shownOf, ...shownSaving, ...deleted.shown]) {
      assert.ok(!text.includes(token) && !text.includes(deleted.token), 'an answer holds a token')
    }

    const hidden: Record<string, string> = {
      ...canaries,
      'token of a saved method': token,
      'token of a deleted method': deleted.token,
      'live secret key': shown.live.secret_key,
      'live webhook secret': shown.live.webhook_secret.slice('whsec_'.length),
      'endpoint secret': endpoint.secret.slice('whsec_'.length),
      'portal token': portal.slice('/portal/'.length),
      'rolled secret': rolled.body.data.secret.slice('whsec_'.length),
      'master key': testMasterKey,
    }
    // Shown in the welcome on purpose, and nowhere else.
    const kept: Record<string, string> = {
      ...hidden,
      'test secret key': shown.test.secret_key,
      'test webhook secret': shown.test.webhook_secret.slice('whsec_'.length),
    }
    assert.deepEqual(
      Object.keys(kept).filter((name) => tries.includes(kept[name] ?? '')),
      [],
      'the delivery log',
    )
    server.child.kill('SIGTERM')
    assert.equal(await server.ended, 0)
    logs = server.output()
    assert.match(logs, /"msg":"answered"/, 'the log is on')
    const rows = await dump(database.url)
    assert.ok(rows.some(({ table }) => table.endsWith('idempotency_keys')) && rows.length > 30)
    const found: string[] = []
    for (const [name, secret] of Object.entries(kept)) {
      for (const one of spellings(secret)) {
        for (const { table, row } of rows)
          if (row.includes(one)) found.push(`${name} in ${table}: ${row.slice(0, 300)}`)
      }
    }
    for (const [name, secret] of Object.entries(hidden)) {
      if (spellings(secret).some((one) => logs.includes(one))) found.push(`${name} in the log`)
    }
    assert.deepEqual(found, [])
  } finally {
    server.child.kill('SIGKILL')
    await server.ended
    echo.closeAllConnections()
    await new Promise((resolve) => echo.close(resolve))
    await database.drop()
    rmSync(folder, { recursive: true, force: true })
  }
})

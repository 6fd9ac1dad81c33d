import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { call, sandboxFor } from './testing.ts'

const mail = (nth: number, more: Record<string, unknown> = {}) => ({
  message_id: `${nth}@asyncpay.example`,
  from: 'Shop <no-reply@asyncpay.example>',
  to: 'ada@example.com',
  subject: `Mail ${nth}`,
  html: `<p>Number ${nth}</p>`,
  text: `Number ${nth}\n`,
  ...more,
})
const send = (url: string, body: unknown) => call('POST', `${url}/control/mails`, body, null)
const list = async (url: string, query = '') =>
  (await call('GET', `${url}/control/mails${query}`, undefined, null)).body

test('mails are listed newest first, by recipient, as they came, and forgotten with the rest', async (t) => {
  const { url } = await sandboxFor(t)
  assert.deepEqual(await list(url), [])
  for (const nth of [1, 2, 3]) assert.equal((await send(url, mail(nth))).status, 201)
  await send(url, mail(4, { to: 'Obi@example.com' }))
  const mails = await list(url)
  assert.deepEqual(
    mails.map((one: { subject: string }) => one.subject),
    ['Mail 4', 'Mail 3', 'Mail 2', 'Mail 1'],
  )
  const { id, received_at, times_received, ...rest } = mails[1]
  assert.deepEqual(rest, mail(3))
  assert.match(id, /^[0-9a-f]{16}$/)
  assert.ok(Date.parse(received_at) > 0)
  assert.equal(times_received, 1)
  assert.equal((await list(url, '?to=obi@EXAMPLE.com')).length, 1)
  assert.equal((await list(url, '?limit=2')).length, 2)
  assert.equal((await list(url, '?to=ad')).length, 0)
  await call('DELETE', `${url}/control`, undefined, null)
  assert.deepEqual(await list(url), [])
})

test('the same Message-ID is the same mail, received twice', async (t) => {
  const { url } = await sandboxFor(t)
  const first = await send(url, mail(1))
  const second = await send(url, mail(1))
  assert.deepEqual(first.body, second.body)
  const mails = await list(url)
  assert.equal(mails.length, 1)
  assert.equal(mails[0].times_received, 2)
})

test('the latest 500 are kept, also over a restart', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sandbox-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const dataFile = join(folder, 'journal.jsonl')
  const before = await sandboxFor(t, { dataFile })
  for (let nth = 1; nth <= 503; nth += 1) await send(before.url, mail(nth))
  await before.close()
  const { url } = await sandboxFor(t, { dataFile })
  const mails = await list(url, '?limit=500')
  assert.equal(mails.length, 500)
  assert.deepEqual([mails[0].subject, mails[499].subject], ['Mail 503', 'Mail 4'])
})

test('422 names the field of a mail that lacks something, and of a nonsensical limit', async (t) => {
  const { url } = await sandboxFor(t)
  for (const field of ['message_id', 'from', 'to', 'subject', 'html', 'text']) {
    const answer = await send(url, mail(1, { [field]: undefined }))
    assert.deepEqual([answer.status, answer.body.field], [422, field])
  }
  assert.equal((await send(url, [])).status, 422)
  for (const limit of ['0', '501', 'all', '1.5']) {
    const answer = await call('GET', `${url}/control/mails?limit=${limit}`, undefined, null)
    assert.deepEqual([answer.status, answer.body.field], [422, 'limit'], limit)
  }
  assert.deepEqual(await list(url), [])
})

test('the pages show each mail marked as a test, and what a mail holds cannot act in them', async (t) => {
  const { url } = await sandboxFor(t)
  const page = (path: string) => call('GET', `${url}/mailbox${path}`, undefined, null)
  assert.match((await page('')).body, /No mails yet/)
  const hostile = '"><script>alert(1)</script>'
  const sent = await send(url, mail(1, { subject: hostile, html: `<p>${hostile}</p>`, text: hostile, from: hostile }))
  const listed = await page('')
  const shown = await page(`/${sent.body.id}`)
  for (const { status, headers, body } of [listed, shown]) {
    assert.equal(status, 200)
    assert.match(body, /TEST MODE/)
    assert.ok(!body.includes('<script'), body)
    assert.match(String(headers.get('content-security-policy')), /default-src 'none'/)
    assert.ok(!String(headers.get('content-security-policy')).includes('script-src'))
  }
  assert.ok(listed.body.includes(`href="/sandbox/mailbox/${sent.body.id}"`))
  const frame = /<iframe [^>]*\s?sandbox="([^"]*)" srcdoc="([^"]*)">/.exec(shown.body)
  assert.equal(frame?.[1], 'allow-popups allow-popups-to-escape-sandbox')
  const inside = frame[2]?.replaceAll(/&#(\d+);/g, (_, code) => String.fromCharCode(code))
  assert.equal(inside, `<p>${hostile}</p>`)
  assert.match(shown.body, /<pre [^>]*>&#34;&#62;&#60;script/)
  assert.equal((await page('/0123456789abcdef')).status, 404)
})

import assert from 'node:assert/strict'
import { appendFileSync, copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Store } from './store.ts'
import { call, KEY, merchantFor, openCheckout, payCheckout, sandboxFor, until, verify } from './testing.ts'

function folderFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'sandbox-'))
  t.after(() => rmSync(folder, { recursive: true }))
  return folder
}

test('what was acknowledged is there after a kill, half a last line is not', async (t) => {
  const folder = folderFor(t)
  const before = await sandboxFor(t, { dataFile: join(folder, 'a.jsonl') })
  before.sandbox.setAccount({ channel: 'paystack', secretKey: KEY, webhookUrl: null })
  await openCheckout(before.url, 'paid')
  await payCheckout(before.url, 'paid')
  const { body: opened } = await openCheckout(before.url, 'open')
  const { body: ledger } = await call('GET', `${before.url}/control/ledger`, undefined, null)
  // The file as a kill would leave it: the first process has closed nothing.
  copyFileSync(join(folder, 'a.jsonl'), join(folder, 'b.jsonl'))
  appendFileSync(join(folder, 'b.jsonl'), '[["ledger","half a li')
  const after = await sandboxFor(t, { dataFile: join(folder, 'b.jsonl') })
  assert.deepEqual((await call('GET', `${after.url}/control/ledger`, undefined, null)).body, ledger)
  assert.equal((await verify(after.url, 'paid')).body.data.status, 'success')
  const page = await call('GET', `${after.url}/paystack/checkout/${opened.data.access_code}`, undefined, null)
  assert.equal(page.status, 200)
  assert.equal((await payCheckout(after.url, 'open')).status, 200)
  await after.close()
  const again = await sandboxFor(t, { dataFile: join(folder, 'b.jsonl') })
  assert.equal((await verify(again.url, 'open')).body.data.status, 'success')
})

test('an unacknowledged webhook is sent by the next process', async (t) => {
  const dataFile = join(folderFor(t), 'journal.jsonl')
  const merchant = await merchantFor(t)
  merchant.answers.push(500)
  const before = await sandboxFor(t, { dataFile, webhookRetryDelaysMs: [1500] })
  before.sandbox.setAccount({ channel: 'paystack', secretKey: KEY, webhookUrl: merchant.url })
  await openCheckout(before.url, 'hook')
  await payCheckout(before.url, 'hook')
  await until('the refused try', () => merchant.received.length === 1)
  await before.close()
  assert.equal(merchant.received.length, 1)
  await sandboxFor(t, { dataFile })
  await until('the retry', () => merchant.received.length === 2)
  assert.equal(merchant.received[0]!.raw, merchant.received[1]!.raw)
})

test('a refund under way ends although the process did', async (t) => {
  const dataFile = join(folderFor(t), 'journal.jsonl')
  const before = await sandboxFor(t, { dataFile })
  await openCheckout(before.url, 'back')
  await payCheckout(before.url, 'back')
  const { body } = await call('POST', `${before.url}/paystack/refund`, { transaction: 'back' })
  assert.equal(body.data.status, 'pending')
  await before.close()
  const after = await sandboxFor(t, { dataFile })
  await until('processed', async () => {
    const refund = await call('GET', `${after.url}/paystack/refund/${body.data.id}`)
    return refund.body.data.status === 'processed'
  })
})

test('a large journal is rewritten and says the same', (t) => {
  const file = join(folderFor(t), 'journal.jsonl')
  const store = new Store(file)
  const numbers = store.collection<number>('numbers')
  for (let index = 0; index < 20_100; index += 1) numbers.put(`n${index % 10}`, index)
  numbers.remove('n3')
  store.close()
  const again = new Store(file)
  t.after(() => again.close())
  const read = again.collection<number>('numbers')
  assert.equal(read.get('n9'), 20_099)
  assert.equal(read.get('n3'), undefined)
  assert.equal(read.all().length, 9)
})

test('one write is one line: all of it or none', (t) => {
  const file = join(folderFor(t), 'journal.jsonl')
  const store = new Store(file)
  const numbers = store.collection<number>('numbers', { parity: (number) => (number % 2 ? 'odd' : 'even') })
  store.write(() => {
    numbers.put('a', 1)
    numbers.put('b', 3)
    numbers.put('a', 2)
  })
  store.close()
  const again = new Store(file)
  t.after(() => again.close())
  const read = again.collection<number>('numbers', { parity: (number) => (number % 2 ? 'odd' : 'even') })
  assert.deepEqual([read.by('parity', 'odd'), read.by('parity', 'even')], [[3], [2]])
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Database } from './db.ts'
import type { ApiError } from './errors.ts'
import { createLists } from './lists.ts'

const database = { embedded: false } as Database

test('429 with Retry-After for who waits too long; another business reads meanwhile, and the first one’s next when it has ended', async () => {
  const lists = createLists(database, { atOnce: 2, waitMs: 20 })
  const [greedy, other] = [{ businessId: 'greedy' }, { businessId: 'other' }]
  const held = Promise.withResolvers<string>()
  const running = [lists(greedy, () => held.promise), lists(greedy, () => held.promise)]
  const refused = await lists(greedy, async () => 'read').catch((error: ApiError) => error)
  assert.ok(refused instanceof Error)
  assert.deepEqual([refused.row.status, refused.row.code], [429, '009'])
  assert.ok(Number(refused.headers['retry-after']) > 0)
  assert.equal(await lists(other, async () => 'read'), 'read')
  const patient = createLists(database, { atOnce: 1, waitMs: 600_000 })
  const first = Promise.withResolvers<string>()
  const turns = [patient(greedy, () => first.promise), patient(greedy, async () => 'second')]
  first.resolve('first')
  held.resolve('held')
  assert.deepEqual(await Promise.all([...running, ...turns]), ['held', 'held', 'first', 'second'])
})

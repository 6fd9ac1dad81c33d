import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createBatcher } from './batch.ts'

const limits = { itemsMax: 4, runsMax: 1 }

test('alone an item runs at once; those that come meanwhile go together, in order, bounded', async () => {
  const batches: number[][] = []
  const double = createBatcher<number, number>(async (items) => {
    batches.push([...items])
    return items.map((item) => item * 2)
  }, limits)
  assert.deepEqual(await Promise.all([1, 2, 3, 4, 5, 6, 7].map(double)), [2, 4, 6, 8, 10, 12, 14])
  assert.deepEqual(batches, [[1], [2, 3, 4, 5], [6, 7]])
})

test('an item that fails takes nobody with it', async () => {
  const inverse = createBatcher<number, number>(async (items) => {
    if (items.includes(0)) throw new Error('zero')
    return items.map((item) => 1 / item)
  }, limits)
  const settled = await Promise.allSettled([1, 0, 2, 0, 4].map(inverse))
  assert.deepEqual(
    settled.map((one) => (one.status === 'fulfilled' ? one.value : String(one.reason))),
    [1, 'Error: zero', 0.5, 'Error: zero', 0.25],
  )
})

test('where the database went away nothing runs again: each is told that nobody knows', async () => {
  let runs = 0
  const insert = createBatcher<number, number>(async () => {
    runs += 1
    throw Object.assign(new Error('gone'), { code: '08006' })
  }, limits)
  const settled = await Promise.allSettled([1, 2, 3, 4].map(insert))
  assert.deepEqual(
    settled.map((one) => one.status === 'rejected' && one.reason.code),
    Array(4).fill('08006'),
  )
  assert.equal(runs, 2, 'the first alone, the others together')
})

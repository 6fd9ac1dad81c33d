import assert from 'node:assert/strict'
import { test } from 'node:test'
import { until } from './testing.ts'
import { Timers } from './timers.ts'

test('what a timer runs is due by the clock, never a millisecond early', async () => {
  const timers = new Timers()
  const early: number[] = []
  let ran = 0
  for (let index = 0; index < 500; index += 1) {
    const dueAt = Date.now() + 20 + (index % 40)
    timers.at(dueAt, () => {
      ran += 1
      if (Date.now() < dueAt) early.push(dueAt - Date.now())
    })
  }
  await until('all of them', () => ran === 500)
  assert.deepEqual(early, [])
})

test('closed timers run nothing, and take nothing on', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'] })
  const timers = new Timers()
  let ran = 0
  timers.at(Date.now() + 5, () => {
    ran += 1
  })
  timers.close()
  timers.at(Date.now() + 5, () => {
    ran += 1
  })
  t.mock.timers.tick(100)
  assert.equal(ran, 0)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AdvancingClock, minuteMs } from './clock.ts'
import { ApiError } from './errors.ts'
import { Counter } from './limits.ts'

const isTooMany = (error: unknown) => error instanceof ApiError && Number(error.headers['retry-after']) >= 1

test('the third of two is 009 with Retry-After; other names pass, and after a minute so does this one', () => {
  const clock = new AdvancingClock()
  const counter = new Counter(2, clock)
  counter.take('one')
  counter.take('one')
  assert.throws(() => counter.take('one'), isTooMany)
  counter.take('another')
  clock.advance(minuteMs + 1)
  counter.take('one')
})

test('a hundred thousand names are not kept, however long they are', () => {
  const counter = new Counter(1, new AdvancingClock())
  for (let n = 0; n < 100_000; n += 1) counter.take(`${n} ${'x'.repeat(n % 100)}`)
  assert.ok(counter.size <= 10_000, String(counter.size))
})

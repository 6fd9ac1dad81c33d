import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AdvancingClock, minuteMs } from './clock.ts'
import { ApiError } from './errors.ts'
import { Counter, digestOf, Trail } from './limits.ts'

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

test('what is kept of a name is short, whatever its length, and does not hold it', () => {
  const key = `async_sk_${'0'.repeat(14_000)}`
  assert.equal(digestOf(key).length, 44)
  assert.ok(!key.includes(digestOf(key)))
  assert.notEqual(digestOf(key), digestOf(`${key}0`))
})

test('what was taken and given back is not counted', () => {
  const counter = new Counter(1, new AdvancingClock())
  for (let n = 0; n < 5; n += 1) {
    assert.equal(counter.take('one'), 1)
    counter.giveBack('one')
  }
  counter.take('one')
  assert.throws(() => counter.take('one'), isTooMany)
})

test('a trail keeps the newest 200 of a name, once each, and the newest 1,000 names', () => {
  const trail = new Trail()
  for (let n = 0; n < 300; n += 1) trail.add('one', String(n))
  trail.add('one', '299')
  assert.equal(trail.list('one').length, 200)
  assert.equal(trail.list('one').at(-1), '299')
  for (let n = 0; n < 1_000; n += 1) trail.add(`name ${n}`, 'id')
  assert.deepEqual(trail.list('one'), [])
  assert.deepEqual(trail.list('name 999'), ['id'])
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { logNormal, median, percentile, pooled, ratioOf } from './arithmetic.ts'
import { saturating } from './resources.ts'

test('a percentile is one of the values, by nearest rank, in any order', () => {
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index)
  assert.equal(percentile(hundred, 0.5), 50)
  assert.equal(percentile(hundred, 0.99), 99)
  assert.equal(percentile(hundred, 1), 100)
  assert.equal(percentile(hundred, 0), 1)
  assert.equal(percentile([7], 0.99), 7)
  assert.equal(percentile(Float64Array.of(3, 1, 2), 0.5), 2)
})

test('numbers sort as numbers, and the caller keeps his order', () => {
  const values = [10, 9, 100]
  assert.equal(percentile(values, 0.5), 10)
  assert.equal(median(values), 10)
  assert.deepEqual(values, [10, 9, 100])
})

test('the median of an even number lies between the two in the middle', () => {
  assert.equal(median([4, 1, 3, 2]), 2.5)
})

test('nothing measured is NaN, never zero', () => {
  assert.ok(Number.isNaN(percentile([], 0.99)))
  assert.ok(Number.isNaN(median([])))
  assert.ok(Number.isNaN(ratioOf([{ subject: 5, floor: 0 }]).value))
})

test('a ratio is taken round by round: a slow round of both changes nothing', () => {
  const rounds = [
    { subject: 400, floor: 1000 },
    { subject: 40, floor: 100 },
    { subject: 500, floor: 1000 },
  ]
  assert.deepEqual(ratioOf(rounds), { value: 0.4, least: 0.4, greatest: 0.5 })
})

test('rounds are pooled with every value kept', () => {
  assert.deepEqual(pooled([{ latenciesMs: Float64Array.of(1, 2) }, { latenciesMs: Float64Array.of(3) }]), [1, 2, 3])
})

test('the latency drawn has the median and the 99th percentile asked for', () => {
  let seed = 1
  const uniform = () => {
    seed = (seed * 48271) % 2147483647
    return seed / 2147483647
  }
  const values = Array.from({ length: 50_000 }, () => logNormal(120, 380, uniform))
  assert.ok(Math.abs(percentile(values, 0.5) - 120) < 4, `median ${percentile(values, 0.5)}`)
  assert.ok(Math.abs(percentile(values, 0.99) - 380) < 25, `p99 ${percentile(values, 0.99)}`)
})

test('what saturates is the machine, else a single-threaded process near one core, else nothing', () => {
  const usage = { seconds: 1, cores: 2, busy: 1.98, shares: { server: 0.7, postgres: 0.9, load: 0.3 } }
  assert.match(saturating(usage), /^all 2 cores: postgres 90 %, server 70 %, load 30 %/)
  assert.match(saturating({ ...usage, busy: 1.4, shares: { server: 0.97, postgres: 0.3 } }), /^server: one core/)
  assert.match(saturating({ ...usage, busy: 0.6, shares: { server: 0.3, postgres: 0.2 } }), /^none/)
})

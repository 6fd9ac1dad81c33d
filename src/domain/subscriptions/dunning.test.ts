import assert from 'node:assert/strict'
import { test } from 'node:test'
import { after, dayMs, hourMs } from '../../platform/clock.ts'
import { nextRetry } from './dunning.ts'

const first = new Date('2026-01-31T12:00:00Z')
/** In days after the first try; null: never again. */
const retry = (refusals: number, atDays: number): number | null => {
  const next = nextRetry(first, refusals, after(first, atDays * dayMs))
  return next && (next.getTime() - first.getTime()) / dayMs
}

test('refused on each day of the schedule: tried again after 1, 3, 5 and 7 days, then never', () => {
  const late = hourMs / dayMs
  assert.deepEqual(
    [retry(1, 0), retry(2, 1 + late), retry(3, 3 + late), retry(4, 5 + late), retry(5, 7 + late)],
    [1, 3, 5, 7, null],
  )
})

test('a customer who tries card after card does not use up the schedule', () => {
  for (const refusals of [2, 4, 5, 50]) assert.equal(retry(refusals, 0.5), 1)
  assert.equal(retry(9, 6.5), 7)
  assert.equal(retry(9, 7.5), null)
})

test('where nobody worked for weeks, the places that are left are used a day apart', () => {
  assert.deepEqual([retry(1, 40), retry(2, 41), retry(4, 43), retry(5, 44)], [41, 42, 44, null])
})

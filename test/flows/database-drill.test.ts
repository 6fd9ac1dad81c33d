import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { proveOutages } from '../../prove/database.ts'
import { withStandby } from '../support/programs.ts'

/** A piece of `npm run prove -- database`; the seed is the day, and a failure says it. */
const seed = Math.floor(Date.now() / 86_400_000)

describe('the database goes away under payments', withStandby, () => {
  test(`sessions ended ten times, server restarted three times, standby promoted: nothing ends, nothing is lost (seed ${seed})`, async () => {
    const outages = { terminations: 10, restarts: 3, clients: 4, paymentsBetween: 8 }
    const { payments, refusals, longestMs } = await proveOutages(seed, outages)
    console.log(`${payments} payments kept, ${refusals} times "not now", served ${longestMs} ms after at most`)
    assert.ok(payments > 80)
  })
})

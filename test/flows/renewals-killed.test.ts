import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { proveAtOnce, proveYears } from '../../prove/renewals.ts'
import { stopOwnPostgres } from '../support/postgres.ts'

after(stopOwnPostgres)

/** A small piece of `npm run prove`; the seed is the day, and a failure says it. */
const seed = Math.floor(Date.now() / 86_400_000)

describe('renewals by workers that are killed', () => {
  test('300 due at once, two workers, one killed: each is billed exactly once', async () => {
    const { renewals, seconds, webhookMaxMs } = await proveAtOnce(300)
    console.log(`${renewals} renewals at once in ${seconds.toFixed(1)} s, other webhooks in ${webhookMaxMs} ms at most`)
    assert.equal(renewals, 300)
  })

  test(`two years with workers killed at random and away for 40 days and more (seed ${seed})`, async () => {
    const { periods, kills } = await proveYears(seed, 730, 200)
    console.log(`${periods} periods, ${kills} workers killed`)
    assert.ok(kills > 0)
    assert.ok(periods > 200)
  })
})

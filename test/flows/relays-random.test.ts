import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { proveRelays } from '../../prove/relays.ts'
import { stopOwnPostgres } from '../support/postgres.ts'

/** A taste of `npm run prove`, with new seeds each day so that every day proves something else. */
const seeds = 120

after(stopOwnPostgres)

test(`${seeds} random stories over three channels: one counted success each, all other money found and given back`, async () => {
  const first = Math.floor(Date.now() / 86_400_000) * 10_000
  const proof = await proveRelays(first, seeds)
  assert.equal(proof.seeds, seeds)
  assert.ok(proof.excess > 0, 'no story made any excess: the proof proves nothing')
})

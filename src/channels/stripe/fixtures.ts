import { readFileSync } from 'node:fs'
import type { Json } from '../kit/exchange.ts'

/** A sample of ours, written from the documented shapes; fresh at each call, so that a test may change it. */
export function fixture(name: string): Json {
  return JSON.parse(fixtureText(name)) as Json
}

export const fixtureText = (name: string): string =>
  readFileSync(new URL(`./fixtures/${name}.json`, import.meta.url), 'utf8')

/** The object under a key of a sample, to be changed in place. */
export const part = (object: Json, ...keys: string[]): Json => keys.reduce((at, key) => at[key] as Json, object)

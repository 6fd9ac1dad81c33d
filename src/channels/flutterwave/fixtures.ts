import { readFileSync } from 'node:fs'
import { parseJson } from '../kit/exchange.ts'

/** A sample of ours, written from the documented shapes; fresh at each call, so that a test may change it. */
export function fixture(name: string): { data: Record<string, unknown>; [key: string]: unknown } {
  return parseJson(fixtureText(name)) as ReturnType<typeof fixture>
}

/** Its bytes, with 64-bit ids as they stand. */
export const fixtureText = (name: string): string =>
  readFileSync(new URL(`./fixtures/${name}.json`, import.meta.url), 'utf8')

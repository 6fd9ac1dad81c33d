import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Json } from './shape.ts'

interface Examples {
  /** Taken as they stand. */
  readonly bodies: Readonly<Record<string, Json>>
  /** As the sandbox's flows gave them; only addresses and secrets are made up. */
  readonly answers: Readonly<Record<string, Json>>
}

/** Examples, by the id of the operation. */
export const { bodies, answers }: Examples = JSON.parse(
  readFileSync(join(import.meta.dirname, 'examples.json'), 'utf8'),
)

import { writeFileSync } from 'node:fs'
import { tableTypes } from './tables.ts'

/** `npm run generate`: writes what is derived from the code and the migrations. Tests keep it fresh. */
writeFileSync(new URL('../src/platform/tables.gen.ts', import.meta.url), await tableTypes())

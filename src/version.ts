import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Of `package.json`, where alone it stands: `npm run release` changes it there. */
export const version = String(JSON.parse(readFileSync(join(import.meta.dirname, '../package.json'), 'utf8')).version)

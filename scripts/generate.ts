import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { withCapabilities } from './capabilities.ts'
import { typescriptClient, typescriptClientFile } from './clients.ts'
import { errorsPage } from './errors.ts'
import { openApiText } from './openapi.ts'
import { tableTypes } from './tables.ts'

/** `npm run generate`: writes what is derived from the code and the migrations. `test/tidy.test.ts` keeps it fresh. */
const root = join(import.meta.dirname, '..')
writeFileSync(join(root, 'src/platform/tables.gen.ts'), await tableTypes())
writeFileSync(join(root, 'docs/errors.md'), await errorsPage())
writeFileSync(join(root, 'docs/openapi.json'), await openApiText())
const readme = join(root, 'README.md')
writeFileSync(readme, withCapabilities(readFileSync(readme, 'utf8')))
const client = await typescriptClient()
if (client === null) console.warn('test/clients/typescript is not made anew: its generator cannot be installed')
else writeFileSync(typescriptClientFile, client)

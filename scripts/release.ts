import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * The `version` step of `npm version minor`, which has written the version and commits and tags what this leaves: what
 * `CHANGELOG.md` says under *Unreleased* becomes the section of that version.
 */
const changelog = join(process.cwd(), 'CHANGELOG.md')
const { version } = JSON.parse(readFileSync(join(process.cwd(), 'package.json'), 'utf8')) as { version: string }

const heading = '## Unreleased\n'
const text = readFileSync(changelog, 'utf8')
const at = text.indexOf(heading)
const rest = text.slice(at + heading.length)
const section = rest.slice(0, rest.search(/^## /m) === -1 ? undefined : rest.search(/^## /m)).trim()
if (at === -1 || section === '') {
  console.error(
    'CHANGELOG.md says nothing under "## Unreleased": write there what changes for users, then run this again',
  )
  process.exit(1)
}
const day = new Date().toISOString().slice(0, 10)
writeFileSync(changelog, `${text.slice(0, at)}${heading}\n## ${version} (${day})\n${rest}`)

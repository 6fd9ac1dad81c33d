import { globSync } from 'node:fs'
import { join } from 'node:path'
import type { ErrorRow } from '../src/platform/errors.ts'

const root = join(import.meta.dirname, '..')

/** Every error row in the code, by number; two rows of one number differ in their HTTP status alone. */
export async function errorRows(): Promise<ErrorRow[]> {
  const files = [...globSync('src/domain/*/errors.ts', { cwd: root }), 'src/platform/errors.ts']
  const modules = await Promise.all(files.map((file) => import(join(root, file)) as Promise<Record<string, unknown>>))
  const tables = modules.flatMap((module) => Object.entries(module).filter(([name]) => name.endsWith('Errors')))
  const rows = tables.flatMap(([, table]) => Object.values(table as Record<string, ErrorRow>))
  return rows.sort((a, b) => a.code.localeCompare(b.code) || a.status - b.status)
}

/** The published page. */
export async function errorsPage(): Promise<string> {
  const rows = (await errorRows()).map(
    (row) => `| ${row.code} | \`${row.name}\` | ${row.status} | ${row.message} | ${row.description} |`,
  )
  return `# Errors

Every failure has the same form:

\`\`\`json
{"status":"failed","message":"…","error":"VALIDATION_FAILED","error_code":"005","error_description":"…","error_data":{"amount":["…"]}}
\`\`\`

\`error\` and \`error_code\` are stable: build on them. \`message\` and \`error_description\` are for people. \`error_data\` names the
wrong fields, or holds the payment channel's own answer with secrets removed. Every answer carries \`Request-Id\`; 429 and 503
carry \`Retry-After\` (seconds).

| code | error | HTTP | when | what to do |
| --- | --- | --- | --- | --- |
${rows.join('\n')}

This page is made from the code by \`npm run generate\`; a test keeps the two equal.
`
}

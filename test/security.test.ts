import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'

/** SECURITY.md says what is guarded and which test shows it. A row without a test, or with one that is gone, is red. */

const root = join(import.meta.dirname, '..')
const columns = ['asset', 'actor', 'path', 'guard', 'test']

/** The cells of the rows of every table, headers and rules left out. */
function rowsOf(page: string): string[][] {
  return page
    .split('\n')
    .filter((line) => line.startsWith('|') && !/^\|[\s|:-]+$/.test(line))
    .map((line) =>
      line
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim()),
    )
    .filter((cells) => cells[0] !== columns[0])
}

/** What is wrong with one row: no test, a file that is not there, a name that its file does not say. */
function faultsOf(cells: string[]): string[] {
  if (cells.length !== columns.length) return [`${cells[0]}: ${cells.length} cells, not ${columns.length}`]
  if (cells.some((cell) => !cell)) return [`${cells[0]}: a cell is empty`]
  const shown = [...String(cells[4]).matchAll(/\[[^\]]+\]\(([^)]+)\)((?:,? (?:and )?"[^"]+")*)/g)]
  if (!shown.length) return [`${cells[0]}: no test`]
  return shown.flatMap(([, path, names]) => {
    const file = join(root, String(path))
    if (!/\.test\.ts$/.test(file) || !existsSync(file)) return [`${path} is no test of ours`]
    const text = readFileSync(file, 'utf8')
    const named = [...String(names).matchAll(/"([^"]+)"/g)].map((match) => String(match[1]))
    if (!named.length) return [`${cells[0]}: ${path} without the name of its test`]
    return named.filter((name) => !says(text, name)).map((name) => `${path} has no test "${name}"`)
  })
}

/** True when the pieces of a test's name stand in its file in their order; `…` is what the test fills in. */
function says(text: string, name: string): boolean {
  let at = 0
  return name.split('…').every((piece) => {
    const found = text.indexOf(piece.trim(), at)
    at = found + piece.length
    return found >= 0
  })
}

describe('SECURITY.md', () => {
  const rows = rowsOf(readFileSync(join(root, 'SECURITY.md'), 'utf8'))

  test('every row has a test that is there', () => {
    assert.ok(rows.length > 0)
    assert.deepEqual(rows.flatMap(faultsOf), [])
  })

  test('a row without a test, with a lost file or with an unknown name is seen', () => {
    const row = (shown: string) => ['keys', 'a thief', 'any route', 'a scope', shown]
    assert.deepEqual(faultsOf(row('seen by eye')), ['keys: no test'])
    assert.deepEqual(faultsOf(row('[gone](test/gone.test.ts) "a name"')), ['test/gone.test.ts is no test of ours'])
    const unknown = ['never', 'said'].join(' ')
    assert.deepEqual(faultsOf(row(`[this](test/security.test.ts) "${unknown}"`)), [
      `test/security.test.ts has no test "${unknown}"`,
    ])
    assert.deepEqual(faultsOf(['keys', 'a thief']), ['keys: 2 cells, not 5'])
  })
})

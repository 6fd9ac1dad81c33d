/** What was measured, as a table for people and as JSON for machines. */

/** From the design's "Speed and size to reach". */
export interface Bar {
  words: string
  isMet: (value: number) => boolean
}
export const atLeast = (least: number, unit: string): Bar => ({
  words: `≥ ${least} ${unit}`,
  isMet: (value) => value >= least,
})
export const below = (most: number, unit: string): Bar => ({
  words: `< ${most} ${unit}`,
  isMet: (value) => value < most,
})

export interface Row {
  phase: string
  what: string
  value: number
  unit: string
  /** Absent: told for its own sake. */
  bar?: Bar
  /** Spread of the rounds or the like, in words. */
  note?: string
}

export interface Report {
  rows: Row[]
  /** Phase → which resource was used up, in words. */
  saturated: Record<string, string>
  /** What broke: any of these makes the exit code 1. */
  broken: string[]
}

/** Three digits that matter, never an exponent. */
export function formatValue(value: number): string {
  if (!Number.isFinite(value)) return '–'
  if (Math.abs(value) >= 100) return String(Math.round(value))
  return value.toFixed(Math.abs(value) >= 10 ? 1 : 2)
}

const verdictOf = ({ value, bar }: Row): string => (bar ? (bar.isMet(value) ? 'ok' : 'below the bar') : '')

export function printReport(report: Report): string {
  const head = ['what', 'value', 'unit', 'bar', '', 'note']
  const cells = report.rows.map((row) => [
    `${row.phase}: ${row.what}`,
    formatValue(row.value),
    row.unit,
    row.bar?.words ?? '',
    verdictOf(row),
    row.note ?? '',
  ])
  const widths = head.map((_, column) => Math.max(...[head, ...cells].map((line) => line[column]?.length ?? 0)))
  const line = (parts: string[]) =>
    parts
      .map((part, column) => (column === 1 ? part.padStart(widths[column] ?? 0) : part.padEnd(widths[column] ?? 0)))
      .join('  ')
      .trimEnd()
  const table = [line(head), line(widths.map((width) => '─'.repeat(width))), ...cells.map(line)]
  const used = Object.entries(report.saturated).map(([phase, words]) => `  ${phase}: ${words}`)
  const broken = report.broken.map((words) => `  BROKEN ${words}`)
  return [...table, '', 'Used up (percent of one core):', ...used, ...(broken.length > 0 ? ['', ...broken] : [])].join(
    '\n',
  )
}

export function jsonReport(report: Report): string {
  const rows = report.rows.map((row) => ({
    phase: row.phase,
    what: row.what,
    value: Number.isFinite(row.value) ? row.value : null,
    unit: row.unit,
    bar: row.bar?.words ?? null,
    ok: row.bar ? row.bar.isMet(row.value) : null,
    note: row.note ?? null,
  }))
  const at = new Date().toISOString()
  return `${JSON.stringify({ at, node: process.version, ...report, rows }, null, 2)}\n`
}

import { type EntryPage, entriesMax, type ShownEntry, type Verdict } from '../domain/businesses/service.ts'
import type { Operation } from './operations.ts'
import { UsageError } from './usage.ts'

type Run = (name: Operation, args: Record<string, unknown>) => Promise<unknown>

export interface AuditFlags {
  business?: string | undefined
  before?: string | undefined
  limit?: string | undefined
  expect?: string | undefined
  json?: boolean | undefined
}

const usage =
  'asyncpay audit list [--limit 50] [--before <row>] [--business <id>], or: asyncpay audit verify [--expect <link>:<digest>]'
const limitDefault = 50

/** Shows who changed what, or whether it stands as it was written; gives the text to print, and whether all is well. */
export async function showAudit(
  run: Run,
  [verb, more]: string[],
  flags: AuditFlags,
): Promise<{ text: string; isFine: boolean }> {
  if (more !== undefined) throw new UsageError(usage)
  const show = <T>(value: T, words: (value: T) => string) => (flags.json ? JSON.stringify(value) : words(value))
  if (verb === 'list') {
    const { business, before } = flags
    if (before !== undefined && !/^\d{1,18}$/.test(before)) throw new UsageError('--before takes the number of a row')
    const page = (await run('audit.list', { business, before, limit: limitOf(flags.limit) })) as EntryPage
    return { text: show(page, listed), isFine: true }
  }
  if (verb !== 'verify') throw new UsageError(usage)
  const { expect } = flags
  if (expect !== undefined && !/^\d{1,18}:[0-9a-f]{64}$/.test(expect)) {
    throw new UsageError('--expect takes a link as verify tells it: <number>:<64 hex digits>')
  }
  const verdict = (await run('audit.verify', { expect })) as Verdict
  return { text: show(verdict, verified), isFine: verdict.breaks.length === 0 }
}

function limitOf(text: string | undefined): number {
  const limit = text === undefined ? limitDefault : Number(text)
  if (!Number.isInteger(limit) || limit < 1 || limit > entriesMax) {
    throw new UsageError(`--limit must be a whole number from 1 to ${entriesMax}`)
  }
  return limit
}

function listed({ entries, next }: EntryPage): string {
  const lines = entries.map(lineOf)
  return [...lines, ...(next === null ? [] : [`\nOlder rows: --before ${next}`])].join('\n') || 'No rows.'
}

function lineOf({ id, at, mode, actor, address, action, detail }: ShownEntry): string {
  const where = address === null ? '' : ` from ${address}`
  return `${id.padStart(7)}  ${at}  ${(mode ?? '').padEnd(4)}  ${action.padEnd(28)} ${actor}${where}  ${JSON.stringify(detail)}`
}

function verified({ rows, links, head, unsealed, oldest_unsealed_at, erased_addresses, breaks }: Verdict): string {
  const tail =
    unsealed === 0 ? 'none waits for its seal' : `${unsealed} wait for their seal since ${oldest_unsealed_at}`
  const lines = [`${rows} rows in ${links} links, ${tail}; ${erased_addresses} addresses went with erasures.`]
  if (head !== null) lines.push(`Last link: ${head}`)
  if (breaks.length === 0) return [...lines, 'ok     Each row stands as it was written.'].join('\n')
  const told = breaks.map(({ row, link, words }) => {
    const what = [row !== null && `row ${row}`, link !== null && `link ${link}`].filter(Boolean).join(', ')
    return `WRONG  ${what ? `${what}: ` : ''}${words}`
  })
  return [...lines, ...told].join('\n')
}

import pg from 'pg'

/** Every statement that reaches the database, as this process sends it: which connection, which words, which values. */
export interface Statement {
  readonly client: object
  readonly text: string
  readonly values: readonly unknown[]
}

/** From now on until `stop`, which gives them in the order of their sending. */
export function recordStatements(): { stop: () => Statement[] } {
  const recorded: Statement[] = []
  const { prototype } = pg.Client
  const query = prototype.query as (...args: unknown[]) => unknown
  prototype.query = function (this: object, ...args: unknown[]) {
    const [first, second] = args
    const named = typeof first === 'object' && first !== null ? (first as { text?: string; values?: unknown[] }) : null
    const text = named ? named.text : first
    const values = named?.values ?? second
    if (typeof text === 'string') recorded.push({ client: this, text, values: Array.isArray(values) ? values : [] })
    return query.apply(this, args)
  } as typeof prototype.query
  return {
    stop: () => {
      prototype.query = query as typeof prototype.query
      return recorded
    },
  }
}

/**
 * Who holds several rows takes them in this order; whoever follows it can wait, but never for somebody who waits for them.
 * A row that the same transaction has made is nobody else's yet.
 */
export const lockOrder = [
  'subscription_plans',
  'subscriptions',
  'payment_requests',
  'subscription_periods',
  'transactions',
  'refunds',
  'customers',
  'payment_methods',
  'webhook_endpoints',
  'events',
  'webhook_deliveries',
] as const
type Table = (typeof lockOrder)[number]

const rankOf = (table: string): number => lockOrder.indexOf(table as Table)

interface Touch {
  readonly table: Table
  readonly ids: readonly string[]
}

const lockWords = /\bfor (?:no key )?update\b/i
const touchWords =
  /\bupdate\s+"?(\w+)"?|\bdelete\s+from\s+"?(\w+)"?|\bfrom\s+"?(\w+)"?[^()]*?\bfor (?:no key )?update\b/gi

/** The tables whose rows a statement locks, in the order of its words. */
function touchesOf({ text, values }: Statement): Touch[] {
  const ids = values.filter((value): value is string => typeof value === 'string')
  const found = [...text.matchAll(touchWords)].map((match) => match[1] ?? match[2] ?? match[3] ?? '')
  return found.filter((table) => rankOf(table) >= 0).map((table) => ({ table: table as Table, ids }))
}

/** What breaks the order, a line each. */
export function lockFaults(statements: readonly Statement[]): string[] {
  const faults: string[] = []
  const open = new Map<object, { touched: Table[]; made: Set<string> }>()
  for (const statement of statements) {
    const { client, text } = statement
    // The queue's own texts of several statements, in a transaction of their own.
    if (/^\s*begin;[\s\S]*commit/i.test(text)) continue
    if (/^\s*(?:begin|start transaction)\b/i.test(text)) open.set(client, { touched: [], made: new Set() })
    else if (/^\s*(?:commit|rollback)\b/i.test(text)) open.delete(client)
    const transaction = open.get(client) ?? { touched: [], made: new Set<string>() }
    if (/^\s*(?:\/\*.*?\*\/\s*)?insert\b/i.test(text) && !lockWords.test(text)) {
      for (const value of statement.values) if (typeof value === 'string') transaction.made.add(value)
      continue
    }
    for (const { table, ids } of touchesOf(statement)) {
      if (ids.some((id) => transaction.made.has(id)) || transaction.touched.includes(table)) continue
      const later = transaction.touched.find((one) => rankOf(one) > rankOf(table))
      if (later) faults.push(`${table} after ${later}: ${text.replace(/\s+/g, ' ').slice(0, 200)}`)
      transaction.touched.push(table)
    }
  }
  return [...new Set(faults)]
}

/** Whoever changes an attempt among other things holds its request; one statement of its own may do without. */
export function unheldAttempts(statements: readonly Statement[]): string[] {
  const faults: string[] = []
  const open = new Map<object, { held: boolean; made: Set<string> }>()
  for (const statement of statements) {
    const { client, text } = statement
    // The queue's own texts of several statements, in a transaction of their own.
    if (/^\s*begin;[\s\S]*commit/i.test(text)) continue
    if (/^\s*(?:begin|start transaction)\b/i.test(text)) open.set(client, { held: false, made: new Set() })
    else if (/^\s*(?:commit|rollback)\b/i.test(text)) open.delete(client)
    const transaction = open.get(client)
    const tables = touchesOf(statement).map(({ table }) => table)
    if (!transaction) {
      const first = tables[0]
      if (tables.includes('transactions') && new Set(tables).size > 1 && first !== 'payment_requests') {
        faults.push(text.replace(/\s+/g, ' ').slice(0, 200))
      }
      continue
    }
    if (tables.includes('payment_requests')) transaction.held = true
    if (tables.includes('transactions') && !transaction.held) faults.push(text.replace(/\s+/g, ' ').slice(0, 200))
  }
  return [...new Set(faults)]
}

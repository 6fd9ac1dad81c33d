import type { Collection, Store } from './store.ts'

/** One row per charge, refund or transfer, with its latest status. What moved, as the provider itself would say. */
export interface LedgerRow {
  channel: string
  kind: 'charge' | 'refund' | 'transfer'
  /** A refund carries the reference of the payment it gives back. */
  reference: string
  /** ISO 4217 minor units, whatever the provider's wire uses. */
  amount_minor: number
  currency: string
  status: 'pending' | 'success' | 'failed' | 'reversed'
  at: string
}

/** Currencies whose ISO 4217 exponent is not 2 (ISO 4217 list one, amendment 177). */
const EXPONENTS: Readonly<Record<string, number>> = {
  ...Object.fromEntries(
    'BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF'.split(' ').map((code) => [code, 0]),
  ),
  ...Object.fromEntries('BHD IQD JOD KWD LYD OMR TND'.split(' ').map((code) => [code, 3])),
}

export function exponentOf(currency: string): number {
  return EXPONENTS[currency] ?? 2
}

export class Ledger {
  readonly #rows: Collection<LedgerRow>

  constructor(store: Store) {
    this.#rows = store.collection<LedgerRow>('ledger')
  }

  /** `id` is the provider's own number of the charge, refund or transfer: saying it again changes the row. */
  record(id: string, row: Omit<LedgerRow, 'at'>): void {
    const key = `${row.channel} ${row.kind} ${id}`
    const at = this.#rows.get(key)?.at ?? new Date().toISOString()
    this.#rows.put(key, { ...row, at })
  }

  clear(): void {
    this.#rows.clear()
  }

  rows(): LedgerRow[] {
    return this.#rows.all()
  }
}

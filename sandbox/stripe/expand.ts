import { invalid } from './errors.ts'
import type { Stripe } from './records.ts'
import {
  balanceTransactionView,
  chargeView,
  customerView,
  intentView,
  methodView,
  refundView,
  sessionView,
  setupView,
  type View,
} from './views.ts'

/** As deep as Stripe goes (API reference, "Expanding responses", read 2026-11-20). */
const DEPTH_MAX = 4

/** Writes out what `expand[]` names: ids become the objects that they stand for. */
export function expanded(st: Stripe, secretKey: string, view: View, paths: readonly string[]): View {
  const copy = structuredClone(view)
  for (const path of paths) {
    const keys = path.split('.')
    if (keys.length > DEPTH_MAX) throw invalid('You cannot expand more than 4 levels of a property.', 'expand')
    expandAt(st, secretKey, copy, keys, path)
  }
  return copy
}

function expandAt(st: Stripe, secretKey: string, node: unknown, keys: readonly string[], path: string): void {
  if (Array.isArray(node)) {
    for (const item of node) expandAt(st, secretKey, item, keys, path)
    return
  }
  const [key, ...rest] = keys
  const object = node as View
  // An optional part that is not there (line_items) or not yet (payment_intent): nothing to write out.
  if (key === undefined || object[key] === null) return
  if (!(key in object)) {
    if (key === 'line_items' || key === 'source') return
    throw invalid(`This property cannot be expanded (${path}).`, 'expand')
  }
  const value = object[key]
  if (typeof value === 'string') {
    const found = find(st, secretKey, value)
    if (!found) throw invalid(`This property cannot be expanded (${path}).`, 'expand')
    object[key] = found
  }
  if (rest.length > 0) expandAt(st, secretKey, object[key], rest, path)
}

function find(st: Stripe, secretKey: string, id: string): View | null {
  const prefix = id.split('_', 1)[0]!
  if (prefix === 'txn') {
    const charge = st.charges.get(`ch_${id.slice(4)}`)
    return charge?.secretKey === secretKey ? balanceTransactionView(charge) : null
  }
  const seek = <T extends { secretKey: string }>(
    records: { get(id: string): T | undefined },
    show: (record: T) => View,
  ): View | null => {
    const record = records.get(id)
    return record?.secretKey === secretKey ? show(record) : null
  }
  const kinds: Record<string, () => View | null> = {
    pi: () => seek(st.intents, (intent) => intentView(st, intent)),
    seti: () => seek(st.setups, (setup) => setupView(st, setup)),
    ch: () => seek(st.charges, (charge) => chargeView(st, charge)),
    pm: () => seek(st.methods, methodView),
    cus: () => seek(st.customers, customerView),
    re: () => seek(st.refunds, refundView),
    cs: () => seek(st.sessions, (session) => sessionView(st, session)),
  }
  return kinds[prefix]?.() ?? null
}

import { magicOf, ONGOING_MS } from '../magic.ts'
import { type Asked, listView, ownOf } from './calls.ts'
import { invalid, missing } from './errors.ts'
import { emit } from './events.ts'
import { metadataOf, oneOf, textOf } from './forms.ts'
import { isoMinor, readAmount, readCurrency } from './money.ts'
import { balanceOf, moveBalance, newId, nowSeconds, type Payout, SLUG, type Stripe, type Transfer } from './records.ts'
import { payoutView, transferView, type View } from './views.ts'

/** Payouts to the account's own bank, transfers to connected accounts, the balance that both come from. */

/** Decimals are not paid out in these, though they are charged ("Supported currencies", special cases, read 2026-11-20). */
const WHOLE_PAYOUTS = new Set(['HUF', 'TWD'])

export function createPayout(st: Stripe, asked: Asked): View {
  const { form, secretKey } = asked
  const { amount, currency } = readMoney(st, asked)
  if (WHOLE_PAYOUTS.has(currency) && amount % 100 !== 0) {
    throw invalid(`Invalid amount: ${currency} payouts must be divisible by 100.`, 'amount')
  }
  const magic = magicOf(amount)
  const doneAt = Date.now() + (magic === 'ongoing' ? ONGOING_MS : st.core.refundDelayMs)
  const payout: Payout = {
    ...{ id: newId('po'), secretKey, created: nowSeconds(), amount, currency, status: 'pending' },
    method: oneOf(form, 'method', ['standard', 'instant']) ?? 'standard',
    ...{
      description: textOf(form, 'description'),
      destination: textOf(form, 'destination'),
      metadata: metadataOf(form),
    },
    statementDescriptor: textOf(form, 'statement_descriptor'),
    course: [
      { status: magic === 'declined' ? 'failed' : 'paid', at: doneAt },
      ...(magic === 'reversed' ? [{ status: 'failed' as const, at: doneAt + ONGOING_MS }] : []),
    ],
  }
  moveBalance(st, secretKey, currency, -amount)
  put(st, payout, 'created')
  settleLater(st, payout)
  return payoutView(payout)
}

function readMoney(st: Stripe, { form, secretKey }: Asked): { amount: number; currency: string } {
  const currency = readCurrency(form, 'currency')
  const amount = readAmount(form, 'amount', currency)
  if (amount === null) throw missing('amount')
  if (amount <= balanceOf(st, secretKey, currency)) return { amount, currency }
  throw invalid('You have insufficient funds in your Stripe account for this payout.', 'amount', 'balance_insufficient')
}

function put(st: Stripe, payout: Payout, what: string): Payout {
  const { id, secretKey, amount, currency, status, metadata } = payout
  const words = {
    paid: 'success',
    failed: 'failed',
    canceled: 'failed',
    pending: 'pending',
    in_transit: 'pending',
  } as const
  st.core.ledger.record(id, {
    ...{ channel: SLUG, kind: 'transfer', reference: metadata.asyncpay_reference ?? metadata.reference ?? id },
    ...{ amount_minor: isoMinor(amount, currency), currency, status: words[status] },
  })
  st.payouts.put(id, payout)
  emit(st, secretKey, 'payout', `payout.${what}`, payoutView(payout))
  return payout
}

export function settleLater(st: Stripe, { id, course }: Payout): void {
  const [next] = course
  if (next === undefined) return
  st.core.timers.at(next.at, () => {
    const now = st.payouts.get(id)
    if (now) settleLater(st, settle(st, now))
  })
}

/** Decided by the clock, not by the timer. */
function settle(st: Stripe, payout: Payout): Payout {
  const [next, ...course] = payout.course
  if (next === undefined || next.at > Date.now()) return payout
  const settled = st.core.store.write(() => {
    if (next.status === 'failed') moveBalance(st, payout.secretKey, payout.currency, payout.amount)
    return put(st, { ...payout, status: next.status, course }, next.status)
  })
  return settle(st, settled)
}

export function findPayout(st: Stripe, asked: Asked): Payout {
  return settle(st, ownOf(st.payouts, asked, asked.id, 'payout', 'payout'))
}

export function cancelPayout(st: Stripe, asked: Asked): View {
  const payout = findPayout(st, asked)
  if (payout.status !== 'pending') throw invalid(`Payouts can only be canceled while pending: ${payout.status}.`)
  moveBalance(st, payout.secretKey, payout.currency, payout.amount)
  return payoutView(put(st, { ...payout, status: 'canceled', course: [] }, 'canceled'))
}

export function listPayouts(st: Stripe, { form, secretKey }: Asked): View {
  return listView(form, '/v1/payouts', st.payouts.by('owner', secretKey), (one) => payoutView(settle(st, one)))
}

export function createTransfer(st: Stripe, asked: Asked): View {
  const { form, secretKey } = asked
  const { amount, currency } = readMoney(st, asked)
  const destination = textOf(form, 'destination')
  if (destination === null) throw missing('destination')
  if (!/^acct_\w+$/.test(destination)) {
    throw invalid(`No such destination: '${destination}'`, 'destination', 'resource_missing')
  }
  const transfer: Transfer = {
    ...{ id: newId('tr'), secretKey, created: nowSeconds(), amount, currency, destination, metadata: metadataOf(form) },
    ...{ description: textOf(form, 'description'), transferGroup: textOf(form, 'transfer_group') },
  }
  moveBalance(st, secretKey, currency, -amount)
  const { metadata, id } = transfer
  st.core.ledger.record(id, {
    ...{ channel: SLUG, kind: 'transfer', reference: metadata.asyncpay_reference ?? metadata.reference ?? id },
    ...{ amount_minor: isoMinor(amount, currency), currency, status: 'success' },
  })
  st.transfers.put(id, transfer)
  emit(st, secretKey, 'payout', 'transfer.created', transferView(transfer))
  return transferView(transfer)
}

export function findTransfer(st: Stripe, asked: Asked): View {
  return transferView(ownOf(st.transfers, asked, asked.id, 'transfer', 'transfer'))
}

export function listTransfers(st: Stripe, { form, secretKey }: Asked): View {
  return listView(form, '/v1/transfers', st.transfers.by('owner', secretKey), transferView)
}

/** Shown besides those that moved; any other currency has the opening balance, too. */
const SHOWN = ['USD', 'EUR', 'GBP', 'NGN']

export function balance(st: Stripe, { secretKey }: Asked): View {
  const moved = new Set(SHOWN)
  for (const record of [...st.intents.by('owner', secretKey), ...st.payouts.by('owner', secretKey)]) {
    moved.add(record.currency)
  }
  const available = [...moved].map((currency) => {
    const amount = balanceOf(st, secretKey, currency)
    return { amount, currency: currency.toLowerCase(), source_types: { card: amount } }
  })
  const pending = SHOWN.slice(0, 1).map((currency) => ({
    amount: 0,
    currency: currency.toLowerCase(),
    source_types: { card: 0 },
  }))
  return { object: 'balance', available, livemode: false, pending }
}

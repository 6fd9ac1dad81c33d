import type { FastifyInstance, FastifyRequest } from 'fastify'
import { magicOf, ONGOING_MS } from '../magic.ts'
import { operation } from '../provider.ts'
import { accountName, findBank, isBlacklisted } from './banks.ts'
import { type FlutterwaveError, refused } from './errors.ts'
import { toMajor, toMinor } from './money.ts'
import { balanceOf, type Flutterwave, moveBalance, nextId, randomCode, SLUG, type Transfer } from './records.ts'
import {
  accountOf,
  type Body,
  bodyOf,
  CURRENCIES,
  needed,
  pageOf,
  paramOf,
  queryOf,
  readMoney,
  textOf,
  withinDates,
} from './requests.ts'

const TEXT_LENGTH_MAX = 100
const BULK_MAX = 1000
/** "Succeeds after 10 minutes", where the suffix names no other number (FW-DOC "Testing", read 2026-11-20). */
const SUFFIX_MINUTES_DEFAULT = 10
const DONE = 'Transaction was successful'
const FAILED = 'DISBURSE FAILED: the transfer could not be completed'

export function transferRoutes(app: FastifyInstance, flw: Flutterwave): void {
  app.post('/v3/transfers', operation('payout'), (request) => {
    const { secretKey } = accountOf(flw, request)
    const order = readOrder(bodyOf(request), 'account_bank')
    refuseUnsendable(flw, secretKey, order)
    const transfer = flw.core.store.write(() => send(flw, secretKey, order, null))
    // Accepted is `NEW`, whatever became of it a moment later.
    const data = { ...transferView(transfer), status: 'NEW', complete_message: '' }
    return { status: 'success', message: 'Transfer Queued Successfully', data }
  })
  app.get('/v3/transfers', operation('fetch_payout'), (request) => {
    const { rows, meta } = pageOf(request, listTransfers(flw, request))
    return { status: 'success', message: 'Transfers fetched', meta, data: rows.map(transferView) }
  })
  app.get('/v3/transfers/fee', operation('fetch_payout'), (request) => {
    const currency = (queryOf(request, 'currency') ?? 'NGN').toUpperCase()
    const amount = toMinor(queryOf(request, 'amount'), currency)
    if (amount === null) throw refused('amount is required')
    const data = [{ currency, fee_type: 'value', fee: toMajor(feeOf(amount, currency), currency) }]
    return { status: 'success', message: 'Transfer fee fetched', data }
  })
  app.get('/v3/transfers/:id', operation('fetch_payout'), (request) => {
    const transfer = findTransfer(flw, request)
    return { status: 'success', message: 'Transfer fetched', data: transferView(transfer) }
  })
  app.post('/v3/transfers/:id/retries', operation('payout'), (request) => {
    const data = transferView(flw.core.store.write(() => retry(flw, findTransfer(flw, request))))
    return { status: 'success', message: 'Transfer retry attempt queued.', data }
  })
  app.post('/v3/bulk-transfers', operation('payout'), (request) => sendMany(flw, request))
  balanceRoutes(app, flw)
}

function balanceRoutes(app: FastifyInstance, flw: Flutterwave): void {
  const view = (secretKey: string, currency: string) => {
    const balance = toMajor(balanceOf(flw, secretKey, currency), currency)
    return { currency, available_balance: balance, ledger_balance: balance }
  }
  app.get('/v3/balances', (request) => {
    const { secretKey } = accountOf(flw, request)
    const data = CURRENCIES.map((currency) => view(secretKey, currency))
    return { status: 'success', message: 'Wallet balances fetched', data }
  })
  app.get('/v3/balances/:currency', (request) => {
    const currency = paramOf(request, 'currency').toUpperCase()
    if (!CURRENCIES.includes(currency)) throw refused(`currency ${currency} is not supported`)
    const data = view(accountOf(flw, request).secretKey, currency)
    return { status: 'success', message: 'Wallet balance fetched', data }
  })
}

export function resumeTransfers(flw: Flutterwave): void {
  for (const transfer of flw.transfers.all()) if (transfer.settlesAt !== null) settleLater(flw, transfer)
}

type Order = Pick<
  Transfer,
  'reference' | 'bankCode' | 'accountNumber' | 'fullName' | 'amount' | 'currency' | 'narration' | 'meta'
>

/** `bankField`: a bulk names the bank differently. */
function readOrder(body: Body, bankField: 'account_bank' | 'bank_code'): Order {
  const bankCode = needed(body, bankField)
  const accountNumber = needed(body, 'account_number')
  needed(body, 'currency')
  const { amount, currency } = readMoney(body)
  const reference = textOf(body, 'reference') ?? randomCode(16)
  const narration = textOf(body, 'narration')
  for (const [field, text] of Object.entries({ reference, narration })) {
    if (text !== null && text.length > TEXT_LENGTH_MAX) throw refused(`${field} must be at most 100 characters`)
  }
  const fullName = textOf(body, 'beneficiary_name') ?? accountName(accountNumber) ?? ''
  return { reference, bankCode, accountNumber, fullName, amount, currency, narration, meta: body.meta ?? null }
}

function refuseUnsendable(flw: Flutterwave, secretKey: string, order: Order): void {
  const refusal = refusalOf(flw, secretKey, order)
  if (refusal) throw refusal
}

function refusalOf(flw: Flutterwave, secretKey: string, order: Order): FlutterwaveError | null {
  const { reference, bankCode, accountNumber, amount, currency } = order
  if (isBlacklisted(bankCode, accountNumber)) return refused('Payout was made to a blacklisted account number')
  if (isTaken(flw, secretKey, reference)) return refused('A transfer with this reference already exists')
  if (!findBank(bankCode)) return refused('account_bank is not a known bank')
  const isShort = amount + feeOf(amount, currency) > balanceOf(flw, secretKey, currency)
  return isShort ? refused('Insufficient funds in customer wallet') : null
}

function isTaken(flw: Flutterwave, secretKey: string, reference: string): boolean {
  return flw.transfers.by('reference', `${secretKey} ${reference}`).length > 0
}

/** Nigerian transfers cost by their size (FW-DOC), others nothing here. */
function feeOf(amount: number, currency: string): number {
  if (currency !== 'NGN') return 0
  if (amount <= 5_000_00) return 10_75
  return amount <= 50_000_00 ? 26_88 : 53_75
}

/**
 * Test mode leaves a transfer `PENDING` unless its reference ends with `_PMCK` (success) or `_PMCK_ST_F` (failure), each
 * ten minutes later or after `DU_<minutes>`. The magic amounts are ours, for tests that cannot wait.
 */
function endingOf({ reference, amount }: Order): { ending: Transfer['ending']; delayMs: number } {
  const magic = magicOf(amount)
  if (magic === 'declined') return { ending: 'FAILED', delayMs: 0 }
  if (magic === 'ongoing') return { ending: 'SUCCESSFUL', delayMs: ONGOING_MS }
  const suffix = /_PMCK(_ST_F)?(?:DU_(\d{1,4}))?(?:_RETRY_\d+)?$/.exec(reference)
  if (!suffix) return { ending: null, delayMs: 0 }
  const minutes = suffix[2] === undefined ? SUFFIX_MINUTES_DEFAULT : Number(suffix[2])
  return { ending: suffix[1] ? 'FAILED' : 'SUCCESSFUL', delayMs: minutes * 60_000 }
}

function send(flw: Flutterwave, secretKey: string, order: Order, batchId: number | null): Transfer {
  const { ending, delayMs } = endingOf(order)
  const fee = feeOf(order.amount, order.currency)
  moveBalance(flw, secretKey, order.currency, -(order.amount + fee))
  const transfer = put(flw, {
    ...{ ...order, id: nextId(flw), secretKey, fee, batchId, status: 'PENDING', completeMessage: '', ending },
    settlesAt: ending === null ? null : Date.now() + delayMs,
    createdAt: new Date().toISOString(),
  })
  if (transfer.settlesAt !== null) settleLater(flw, transfer)
  return transfer
}

/** One that cannot be sent fails alone and the others go; a reference used twice refuses all. */
function sendMany(flw: Flutterwave, request: FastifyRequest): unknown {
  const { secretKey } = accountOf(flw, request)
  const { bulk_data: rows } = bodyOf(request)
  if (!Array.isArray(rows) || rows.length === 0) throw refused('bulk_data is required')
  if (rows.length > BULK_MAX) throw refused(`bulk_data must hold at most ${BULK_MAX} transfers`)
  const orders = (rows as Body[]).map((row) => readOrder(row, 'bank_code'))
  const references = orders.map(({ reference }) => reference)
  const twice = references.filter((one, at) => isTaken(flw, secretKey, one) || references.indexOf(one) !== at)
  if (twice.length > 0) throw refused(`These references were used before: ${twice.join(', ')}`)
  const id = nextId(flw)
  flw.core.store.write(() => {
    for (const order of orders) {
      const refusal = refusalOf(flw, secretKey, order)
      if (refusal === null) send(flw, secretKey, order, id)
      else fail(flw, secretKey, order, id, refusal.message)
    }
  })
  const data = { id, created_at: new Date().toISOString(), approver: 'N/A' }
  return { status: 'success', message: 'Bulk transfer queued', data }
}

function fail(flw: Flutterwave, secretKey: string, order: Order, batchId: number, completeMessage: string): void {
  const createdAt = new Date().toISOString()
  const failed: Transfer = {
    ...{ ...order, id: nextId(flw), secretKey, fee: 0, batchId, status: 'FAILED', completeMessage },
    ...{ ending: null, settlesAt: null, createdAt },
  }
  put(flw, failed)
  notify(flw, failed)
}

/** A failed transfer again, under a reference of its own. */
function retry(flw: Flutterwave, failed: Transfer): Transfer {
  if (failed.status !== 'FAILED') throw refused('Only failed transfers can be retried')
  const root = failed.reference.replace(/_RETRY_\d+$/, '')
  const tries = flw.transfers.all().filter(({ secretKey, reference }) => {
    return secretKey === failed.secretKey && reference.startsWith(`${root}_RETRY_`)
  })
  const order = { ...failed, reference: `${root}_RETRY_${tries.length + 1}` }
  refuseUnsendable(flw, failed.secretKey, order)
  return send(flw, failed.secretKey, order, failed.batchId)
}

function put(flw: Flutterwave, transfer: Transfer): Transfer {
  const { id, reference, amount, currency, status } = transfer
  flw.core.ledger.record(String(id), {
    ...{ channel: SLUG, kind: 'transfer', reference, amount_minor: amount, currency },
    status: status === 'SUCCESSFUL' ? 'success' : status === 'FAILED' ? 'failed' : 'pending',
  })
  return flw.transfers.put(String(id), transfer)
}

function settleLater(flw: Flutterwave, { id, settlesAt }: Transfer): void {
  flw.core.timers.at(settlesAt!, () => {
    const now = flw.transfers.get(String(id))
    if (now) settleIfDue(flw, now)
  })
}

function settleIfDue(flw: Flutterwave, transfer: Transfer): Transfer {
  const { settlesAt, ending, secretKey, currency, amount, fee } = transfer
  if (settlesAt === null || ending === null || settlesAt > Date.now()) return transfer
  return flw.core.store.write(() => {
    if (ending === 'FAILED') moveBalance(flw, secretKey, currency, amount + fee)
    const completeMessage = ending === 'FAILED' ? FAILED : DONE
    const settled = put(flw, { ...transfer, status: ending, completeMessage, settlesAt: null })
    notify(flw, settled)
    return settled
  })
}

function notify(flw: Flutterwave, transfer: Transfer): void {
  const { full_name: fullname, ...data } = transferView(transfer)
  const account = flw.core.accounts.find(SLUG, transfer.secretKey)
  const payload = { event: 'transfer.completed', 'event.type': 'Transfer', data: { ...data, fullname, approver: null } }
  flw.core.notify(account, 'payout', payload)
}

function findTransfer(flw: Flutterwave, request: FastifyRequest): Transfer {
  const found = flw.transfers.get(paramOf(request, 'id'))
  if (found?.secretKey !== accountOf(flw, request).secretKey) throw refused('Transfer not found')
  return settleIfDue(flw, found)
}

function listTransfers(flw: Flutterwave, request: FastifyRequest): Transfer[] {
  const { secretKey } = accountOf(flw, request)
  const [reference, status] = [queryOf(request, 'reference'), queryOf(request, 'status')?.toUpperCase() ?? null]
  const batchId = queryOf(request, 'batch_id')
  const isWithin = withinDates(request)
  const all = reference === null ? flw.transfers.all() : flw.transfers.by('reference', `${secretKey} ${reference}`)
  return all
    .filter((one) => one.secretKey === secretKey && isWithin(one.createdAt))
    .map((one) => settleIfDue(flw, one))
    .filter((one) => status === null || one.status === status)
    .filter((one) => batchId === null || String(one.batchId) === batchId)
}

function transferView(transfer: Transfer): Record<string, unknown> {
  const { id, accountNumber, bankCode, fullName, currency, amount, fee, status, reference, meta, narration } = transfer
  return {
    ...{ id, account_number: accountNumber, bank_code: bankCode, full_name: fullName, created_at: transfer.createdAt },
    ...{ currency, debit_currency: currency, amount: toMajor(amount, currency), fee: toMajor(fee, currency), status },
    ...{ reference, meta, narration, complete_message: transfer.completeMessage },
    ...{ requires_approval: 0, is_approved: 1, bank_name: findBank(bankCode)?.name ?? '' },
  }
}

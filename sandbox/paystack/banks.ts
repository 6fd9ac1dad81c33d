import type { FastifyInstance } from 'fastify'
import { operation } from '../provider.ts'
import { invalid, missing, PaystackError } from './errors.ts'
import type { Paystack } from './records.ts'
import { accountOf, queryOf } from './requests.ts'

interface Bank {
  id: number
  name: string
  code: string
  country: string
  currency: string
  type: string
}

/** A few of each country, with their real codes; `057 0000000000` is Paystack's own test account. */
const BANKS: readonly Bank[] = [
  bank(1, 'Access Bank', '044', 'Nigeria', 'NGN'),
  bank(7, 'First Bank of Nigeria', '011', 'Nigeria', 'NGN'),
  bank(9, 'Guaranty Trust Bank', '058', 'Nigeria', 'NGN'),
  bank(67, 'Kuda Bank', '50211', 'Nigeria', 'NGN'),
  bank(14, 'Stanbic IBTC Bank', '221', 'Nigeria', 'NGN'),
  bank(18, 'United Bank For Africa', '033', 'Nigeria', 'NGN'),
  bank(20, 'Wema Bank', '035', 'Nigeria', 'NGN'),
  bank(21, 'Zenith Bank', '057', 'Nigeria', 'NGN'),
  bank(75, 'Absa Bank Ghana', '030100', 'Ghana', 'GHS', 'ghipss'),
  bank(78, 'GCB Bank', '040100', 'Ghana', 'GHS', 'ghipss'),
  bank(28, 'MTN', 'MTN', 'Ghana', 'GHS', 'mobile_money'),
  bank(231, 'Equity Bank', '68', 'Kenya', 'KES', 'kepss'),
  bank(232, 'M-PESA', 'MPESA', 'Kenya', 'KES', 'mobile_money'),
  bank(140, 'Absa Bank South Africa', '632005', 'South Africa', 'ZAR', 'basa'),
  bank(147, 'Capitec Bank', '470010', 'South Africa', 'ZAR', 'basa'),
]

function bank(id: number, name: string, code: string, country: string, currency: string, type = 'nuban'): Bank {
  return { id, name, code, country, currency, type }
}

export function findBank(code: string): Bank | undefined {
  return BANKS.find((one) => one.code === code)
}

/** The name on an account; null where there is no such account: those that begin with 9999. */
export function accountName(accountNumber: string): string | null {
  if (!/^\d{6,16}$/.test(accountNumber) || accountNumber.startsWith('9999')) return null
  return accountNumber === '0000000000' ? 'ZENITH TEST ACCOUNT' : `TEST ACCOUNT ${accountNumber.slice(-4)}`
}

export function bankRoutes(app: FastifyInstance, ps: Paystack): void {
  app.get('/bank', operation('banks'), (request) => {
    const country = queryOf(request, 'country')?.toLowerCase()
    const [currency, type] = [queryOf(request, 'currency'), queryOf(request, 'type')]
    const perPage = Math.min(100, Math.max(1, Number(queryOf(request, 'perPage') ?? 50) || 50))
    const start = Number(queryOf(request, 'next') ?? 0) || 0
    const wanted = BANKS.filter(
      (one) =>
        (country === undefined || one.country.toLowerCase() === country) &&
        (currency === null || one.currency === currency.toUpperCase()) &&
        (type === null || one.type === type),
    )
    const end = start + perPage
    // Paystack's cursors are opaque text; this one counts.
    const next = end < wanted.length ? String(end) : null
    const meta = { next, previous: start > 0 ? String(Math.max(0, start - perPage)) : null, perPage }
    return { status: true, message: 'Banks retrieved', data: wanted.slice(start, end).map(bankView), meta }
  })
  app.get('/bank/resolve', operation('resolve'), (request) => {
    accountOf(ps, request)
    const accountNumber = queryOf(request, 'account_number')
    const bankCode = queryOf(request, 'bank_code')
    if (accountNumber === null || bankCode === null) throw missing('Account number and bank code are required')
    const found = findBank(bankCode)
    if (!found) throw invalid(`Unknown bank code: ${bankCode}`, 'invalid_params')
    const name = accountName(accountNumber)
    if (name === null) throw unresolved()
    const data = { account_number: accountNumber, account_name: name, bank_id: found.id }
    return { status: true, message: 'Account number resolved', data }
  })
}

function unresolved(): PaystackError {
  return new PaystackError(422, 'Could not resolve account name. Check parameters or try again.', {
    meta: { nextStep: 'Ensure that the account number and the bank code belong together' },
    type: 'validation_error',
    code: 'invalid_bank_code',
  })
}

function bankView({ id, name, code, country, currency, type }: Bank): Record<string, unknown> {
  return {
    ...{ id, name, slug: name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-'), code, longcode: '', gateway: null },
    ...{ pay_with_bank: false, supports_transfer: true, available_for_direct_debit: false, active: true },
    ...{ is_deleted: false, country, currency, type },
    ...{ createdAt: '2016-07-14T10:04:29.000Z', updatedAt: '2020-02-18T08:06:44.000Z' },
  }
}

import type { FastifyInstance } from 'fastify'
import { operation } from '../provider.ts'
import { refused } from './errors.ts'
import { bodyOf, needed, paramOf } from './requests.ts'

interface Bank {
  id: number
  code: string
  name: string
}

/** A few of each country, with their real codes. */
const BANKS: Readonly<Record<string, readonly Bank[]>> = {
  NG: [
    { id: 132, code: '044', name: 'Access Bank' },
    { id: 137, code: '058', name: 'Guaranty Trust Bank' },
    { id: 141, code: '011', name: 'First Bank of Nigeria' },
    { id: 149, code: '033', name: 'United Bank For Africa' },
    { id: 151, code: '035', name: 'Wema Bank' },
    { id: 153, code: '057', name: 'Zenith Bank' },
  ],
  GH: [
    { id: 280, code: 'GH280100', name: 'Access Bank (Ghana)' },
    { id: 281, code: 'GH040100', name: 'GCB Bank' },
    { id: 289, code: 'MTN', name: 'MTN Mobile Money' },
  ],
  KE: [
    { id: 371, code: '68', name: 'Equity Bank' },
    { id: 372, code: 'MPS', name: 'M-Pesa' },
  ],
  UG: [{ id: 401, code: 'MPS', name: 'Mobile Money Uganda' }],
  TZ: [{ id: 411, code: 'MPS', name: 'Mobile Money Tanzania' }],
  ZA: [{ id: 421, code: 'FNB', name: 'First National Bank' }],
}

/** Flutterwave's own blacklisted test account (FW-DOC "Testing"). */
const BLACKLISTED = '044 0690000036'

export function findBank(code: string): Bank | undefined {
  return Object.values(BANKS)
    .flat()
    .find((one) => one.code === code)
}

/** The name on an account; null where there is no such account: those that begin with 9999. */
export function accountName(accountNumber: string): string | null {
  if (!/^\d{6,16}$/.test(accountNumber) || accountNumber.startsWith('9999')) return null
  return `Test Account ${accountNumber.slice(-4)}`
}

export function isBlacklisted(bankCode: string, accountNumber: string): boolean {
  return `${bankCode} ${accountNumber}` === BLACKLISTED
}

export function bankRoutes(app: FastifyInstance): void {
  app.get('/v3/banks/:code', operation('banks'), (request) => {
    const data = BANKS[paramOf(request, 'code').toUpperCase()]
    if (!data) throw refused('No banks were found for this country')
    return { status: 'success', message: 'Banks fetched successfully', data }
  })
  app.get('/v3/banks/:code/branches', operation('banks'), () => {
    throw refused('No branches found for specified bank id')
  })
  app.post('/v3/accounts/resolve', operation('resolve'), (request) => {
    const body = bodyOf(request)
    const accountNumber = needed(body, 'account_number')
    const name = findBank(needed(body, 'account_bank')) && accountName(accountNumber)
    if (!name) throw refused('Sorry, recipient account could not be validated. Please try again')
    const data = { account_number: accountNumber, account_name: name }
    return { status: 'success', message: 'Account details fetched', data }
  })
}

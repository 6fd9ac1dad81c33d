import { randomBytes } from 'node:crypto'
import type { Core } from '../provider.ts'
import type { Collection } from '../store.ts'

/** Amounts in these records are Paystack's wire amounts: always a hundredth, also where ISO knows no hundredths. */
export interface Transaction {
  id: number
  secretKey: string
  reference: string
  accessCode: string
  email: string
  amount: number
  currency: string
  callbackUrl: string | null
  /** As given, turned into an object where it was JSON text; '' when there was none. */
  metadata: Record<string, unknown> | string
  /** `ongoing`: the payer is at work; `pending`, `processing` (direct debit): the payer has done their part. */
  status: 'abandoned' | 'failed' | 'ongoing' | 'pending' | 'processing' | 'success' | 'reversed'
  /** Whether the hosted page takes money: not for a charge of a saved card that was refused. */
  payable: boolean
  gatewayResponse: string
  attempts: Attempt[]
  createdAt: string
  paidAt: string | null
  /** The test card that pays it, once one was used. */
  cardNumber: string | null
  authorizationCode: string | null
  /** When an ongoing payment is decided, ms since 1970. */
  settlesAt: number | null
  /** Paystack's "channel"; absent: a card. */
  method?: string
  /** What the payer sent in all, where that is not `amount`. */
  sent?: number | null
  /** The fee on top that the payer bore; null: none is told. */
  payerFee?: number | null
}

export interface Attempt {
  type: 'action' | 'success' | 'error'
  message: string
  at: string
}

export interface Authorization {
  code: string
  secretKey: string
  email: string
  cardNumber: string
  active: boolean
}

export interface Customer {
  id: number
  secretKey: string
  code: string
  email: string
  firstName: string | null
  lastName: string | null
  phone: string | null
  metadata: unknown
  createdAt: string
  updatedAt: string
}

export interface Refund {
  id: number
  secretKey: string
  transactionId: number
  reference: string
  amount: number
  currency: string
  customerNote: string
  merchantNote: string
  status: 'pending' | 'processing' | 'processed' | 'failed' | 'needs-attention'
  /** What it becomes at `settlesAt`. */
  ending: 'processed' | 'failed' | 'needs-attention'
  settlesAt: number | null
  createdAt: string
  updatedAt: string
  refundedAt: string | null
}

export interface Recipient {
  id: number
  secretKey: string
  code: string
  type: string
  name: string
  accountNumber: string
  bankCode: string
  currency: string
  description: string
  email: string | null
  authorizationCode: string | null
  metadata: unknown
  createdAt: string
}

export interface Transfer {
  id: number
  secretKey: string
  reference: string
  code: string
  recipientCode: string
  amount: number
  currency: string
  reason: string
  status: 'pending' | 'success' | 'failed' | 'reversed'
  ending: 'success' | 'reversed' | null
  settlesAt: number | null
  createdAt: string
  updatedAt: string
}

/** Everything the emulated Paystack knows, of all accounts. */
export interface Paystack {
  readonly core: Core
  readonly transactions: Collection<Transaction>
  readonly authorizations: Collection<Authorization>
  readonly customers: Collection<Customer>
  readonly refunds: Collection<Refund>
  readonly recipients: Collection<Recipient>
  readonly transfers: Collection<Transfer>
  /** Account and currency → what was paid in less what went out, wire amount. */
  readonly balances: Collection<number>
  readonly counters: Collection<number>
}

export const SLUG = 'paystack'

/** The account number that Paystack puts into `integration`; one for all, it decides nothing. */
export const INTEGRATION = 463433

export function openRecords(core: Core): Paystack {
  const { store } = core
  return {
    core,
    transactions: store.collection<Transaction>('paystack.transactions', {
      accessCode: (transaction) => transaction.accessCode,
      id: (transaction) => String(transaction.id),
      reference: (transaction) => transaction.reference,
    }),
    authorizations: store.collection<Authorization>('paystack.authorizations', {
      owner: ({ secretKey, email }) => `${secretKey} ${email}`,
    }),
    customers: store.collection<Customer>('paystack.customers', {
      code: ({ secretKey, code }) => `${secretKey} ${code}`,
    }),
    refunds: store.collection<Refund>('paystack.refunds', {
      transaction: (refund) => String(refund.transactionId),
    }),
    recipients: store.collection<Recipient>('paystack.recipients', {
      code: ({ secretKey, code }) => `${secretKey} ${code}`,
    }),
    transfers: store.collection<Transfer>('paystack.transfers', {
      code: ({ secretKey, code }) => `${secretKey} ${code}`,
      id: ({ secretKey, id }) => `${secretKey} ${id}`,
    }),
    balances: store.collection<number>('paystack.balances'),
    counters: store.collection<number>('paystack.counters'),
  }
}

/** Above 2^32, as Paystack's are by now: a reader that takes 32-bit numbers must fail here and not live. */
const FIRST_ID = 4_300_000_000

export function nextId(ps: Paystack): number {
  return ps.counters.put('id', (ps.counters.get('id') ?? FIRST_ID) + 1)
}

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz0123456789'

export function randomCode(prefix: string, length: number): string {
  let code = prefix
  // The slight bias of `%` decides nothing here: codes need only be unlikely to meet.
  for (const byte of randomBytes(length)) code += ALPHABET[byte % ALPHABET.length]
  return code
}

/** What an account has to pay out from the beginning, wire amount per currency: ten million major units. */
const OPENING_BALANCE = 1_000_000_000

export function balanceOf(ps: Paystack, secretKey: string, currency: string): number {
  return OPENING_BALANCE + (ps.balances.get(`${secretKey} ${currency}`) ?? 0)
}

export function moveBalance(ps: Paystack, secretKey: string, currency: string, by: number): void {
  const key = `${secretKey} ${currency}`
  ps.balances.put(key, (ps.balances.get(key) ?? 0) + by)
}

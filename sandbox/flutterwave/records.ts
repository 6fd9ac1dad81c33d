import { randomBytes } from 'node:crypto'
import type { Core } from '../provider.ts'
import type { Collection } from '../store.ts'
import { unitOf } from './money.ts'

/** Amounts in these records are ISO minor units; the wire has major ones (`money.ts`). */

/** A hosted page. Several may carry the same `txRef`: Flutterwave does not refuse that. */
export interface Link {
  /** `flwlnk-` and 26 characters. */
  id: string
  secretKey: string
  txRef: string
  email: string
  amount: number
  currency: string
  redirectUrl: string
  title: string | null
  meta: unknown
  isDisabled: boolean
  /** When the session ends, ms since 1970; null: never. */
  expiresAt: number | null
  /** Refused attempts after which the page closes; null: any number. */
  attemptsMax: number | null
  /** A charge of a saved card that waits for its payer behind this page; null on an ordinary page. */
  challenge: number | null
}

/** One attempt to pay; before the first there is none. */
export interface Transaction {
  id: number
  secretKey: string
  txRef: string
  flwRef: string
  linkId: string | null
  email: string
  amount: number
  currency: string
  status: 'successful' | 'failed' | 'pending'
  processorResponse: string
  authModel: string
  narration: string
  meta: unknown
  cardNumber: string
  token: string | null
  createdAt: string
  /** When an undecided attempt is decided, ms since 1970. */
  settlesAt: number | null
  /** Flutterwave's `payment_type`; absent: a card. */
  method?: string
  /** The payer has done their part and the money is on its way, until a later payment ends it. */
  isUnderWay?: boolean
  /** What the payer was charged in all, where that is not `amount`. */
  charged?: number | null
  /** The fee on top that the payer bore; it is part of `charged`. */
  payerFee?: number | null
  endedAt?: number
}

export interface Token {
  token: string
  secretKey: string
  email: string
  cardNumber: string
  /** Tokens live one year. */
  expiresAt: number
}

export interface Customer {
  id: number
  secretKey: string
  email: string
  name: string | null
  phone: string | null
  createdAt: string
}

export interface Refund {
  id: number
  secretKey: string
  transactionId: number
  txRef: string
  flwRef: string
  amount: number
  currency: string
  comments: string | null
  /** Bare `completed` is "accepted". */
  status: 'completed' | 'completed-mpgs' | 'failed'
  /** What it becomes at `settlesAt`. */
  ending: 'completed-mpgs' | 'failed'
  settlesAt: number | null
  createdAt: string
}

export interface Transfer {
  id: number
  secretKey: string
  reference: string
  bankCode: string
  accountNumber: string
  fullName: string
  amount: number
  fee: number
  currency: string
  narration: string | null
  meta: unknown
  /** The bulk that it came in; null: none. */
  batchId: number | null
  status: 'PENDING' | 'SUCCESSFUL' | 'FAILED'
  completeMessage: string
  ending: 'SUCCESSFUL' | 'FAILED' | null
  settlesAt: number | null
  createdAt: string
}

/** Everything the emulated Flutterwave knows, of all accounts. */
export interface Flutterwave {
  readonly core: Core
  readonly links: Collection<Link>
  readonly transactions: Collection<Transaction>
  readonly tokens: Collection<Token>
  readonly customers: Collection<Customer>
  readonly refunds: Collection<Refund>
  readonly transfers: Collection<Transfer>
  /** Account and currency → what was paid in less what went out. */
  readonly balances: Collection<number>
  readonly counters: Collection<number>
}

export const SLUG = 'flutterwave'

/** The account's own number and wallet; one for all, they decide nothing. */
export const ACCOUNT_ID = 73362
export const WALLET_ID = 74639

export function openRecords(core: Core): Flutterwave {
  const { store } = core
  return {
    core,
    links: store.collection<Link>('flutterwave.links', { txRef: ({ txRef }) => txRef }),
    transactions: store.collection<Transaction>('flutterwave.transactions', {
      txRef: ({ secretKey, txRef }) => `${secretKey} ${txRef}`,
      link: ({ linkId }) => String(linkId),
    }),
    tokens: store.collection<Token>('flutterwave.tokens'),
    customers: store.collection<Customer>('flutterwave.customers'),
    refunds: store.collection<Refund>('flutterwave.refunds', {
      transaction: ({ transactionId }) => String(transactionId),
    }),
    transfers: store.collection<Transfer>('flutterwave.transfers', {
      reference: ({ secretKey, reference }) => `${secretKey} ${reference}`,
    }),
    balances: store.collection<number>('flutterwave.balances'),
    counters: store.collection<number>('flutterwave.counters'),
  }
}

/** Above 2^32, as Flutterwave's are by now: a reader that takes 32-bit numbers must fail here and not live. */
const FIRST_ID = 8_200_000_000

export function nextId(flw: Flutterwave): number {
  return flw.counters.put('id', (flw.counters.get('id') ?? FIRST_ID) + 1)
}

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'

export function randomCode(length: number): string {
  // 32 signs: no byte is likelier than another.
  return [...randomBytes(length)].map((byte) => ALPHABET[byte % ALPHABET.length]).join('')
}

/** What an account has to pay out from the beginning, major units per currency. */
const OPENING_BALANCE = 10_000_000

export function balanceOf(flw: Flutterwave, secretKey: string, currency: string): number {
  return OPENING_BALANCE * unitOf(currency) + (flw.balances.get(`${secretKey} ${currency}`) ?? 0)
}

export function moveBalance(flw: Flutterwave, secretKey: string, currency: string, by: number): void {
  const key = `${secretKey} ${currency}`
  flw.balances.put(key, (flw.balances.get(key) ?? 0) + by)
}

/** The account's customer with this e-mail; a payment makes one, and tells what was not known yet. */
export function customerOf(
  flw: Flutterwave,
  secretKey: string,
  email: string,
  more: { name?: string | null; phone?: string | null } = {},
): Customer {
  const key = `${secretKey} ${email.toLowerCase()}`
  const known = flw.customers.get(key)
  const name = more.name ?? known?.name ?? null
  const phone = more.phone ?? known?.phone ?? null
  if (known && known.name === name && known.phone === phone) return known
  const fresh = () => ({ id: nextId(flw), secretKey, email, createdAt: new Date().toISOString() })
  return flw.customers.put(key, { ...(known ?? fresh()), name, phone })
}

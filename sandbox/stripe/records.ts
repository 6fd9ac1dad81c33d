import { randomBytes } from 'node:crypto'
import type { Core } from '../provider.ts'
import type { Collection } from '../store.ts'
import type { Refusal } from './cards.ts'

/** Amounts in these records are wire amounts (money.ts), currencies in capitals, times in seconds since 1970. */

interface Owned {
  id: string
  secretKey: string
  created: number
}

export type Metadata = Record<string, string>

export interface LineItem {
  id: string
  name: string
  description: string | null
  quantity: number
  unitAmount: number
}

export interface Session extends Owned {
  mode: 'payment' | 'setup'
  status: 'open' | 'complete' | 'expired'
  paymentStatus: 'unpaid' | 'paid' | 'no_payment_required'
  currency: string | null
  amountTotal: number | null
  lineItems: LineItem[]
  clientReferenceId: string | null
  /** What is said instead of `clientReferenceId` (magic amounts). */
  reportedReference: string | null
  metadata: Metadata
  customer: string | null
  customerCreation: 'always' | 'if_required'
  customerEmail: string | null
  successUrl: string
  cancelUrl: string | null
  expiresAt: number
  locale: string | null
  adaptivePricing: boolean
  intentData: Pick<Intent, 'description' | 'metadata' | 'setupFutureUsage' | 'receiptEmail'>
  /** Null until the payer confirms for the first time. */
  intent: string | null
  setup: string | null
  /** The card of the last try, for the page. */
  cardNumber: string | null
}

export interface Intent extends Owned {
  amount: number
  amountReceived: number
  currency: string
  status:
    | 'requires_payment_method'
    | 'requires_confirmation'
    | 'requires_action'
    | 'processing'
    | 'succeeded'
    | 'canceled'
  customer: string | null
  method: string | null
  description: string | null
  metadata: Metadata
  setupFutureUsage: 'off_session' | 'on_session' | null
  receiptEmail: string | null
  returnUrl: string | null
  latestCharge: string | null
  lastError: (Refusal & { charge: string | null; method: string }) | null
  cancellationReason: string | null
  canceledAt: number | null
  session: string | null
  /** The merchant's name for it, for the ledger. */
  reference: string
  /** When an undecided payment is decided, ms since 1970; null while `processing`: when a later payment says so. */
  settlesAt: number | null
  /** What the payer sent, where that is not `amount`. */
  sent?: number | null
  /** ms since 1970. */
  succeededAt?: number
}

export interface SetupIntent extends Owned {
  status: 'requires_payment_method' | 'requires_confirmation' | 'succeeded' | 'canceled'
  customer: string | null
  method: string | null
  description: string | null
  metadata: Metadata
  usage: 'off_session' | 'on_session'
  lastError: (Refusal & { method: string }) | null
  cancellationReason: string | null
}

export interface Charge extends Owned {
  amount: number
  amountRefunded: number
  currency: string
  status: 'succeeded' | 'pending' | 'failed'
  refusal: Refusal | null
  customer: string | null
  method: string
  intent: string
  description: string | null
  metadata: Metadata
}

export interface Method extends Owned {
  /** Stripe's word; absent: a card. */
  type?: string
  cardNumber: string
  customer: string | null
  email: string | null
  metadata: Metadata
  /** For good: it takes no charge and no customer any more. */
  isDetached?: boolean
}

export interface Customer extends Owned {
  email: string | null
  name: string | null
  phone: string | null
  description: string | null
  metadata: Metadata
}

export interface Refund extends Owned {
  amount: number
  currency: string
  status: 'pending' | 'succeeded' | 'failed' | 'canceled'
  charge: string
  intent: string
  method: string
  reason: string | null
  metadata: Metadata
  /** What it becomes at `settlesAt`, ms since 1970. */
  ending: 'succeeded' | 'failed' | null
  settlesAt: number | null
}

export interface Payout extends Owned {
  amount: number
  currency: string
  status: 'pending' | 'in_transit' | 'paid' | 'failed' | 'canceled'
  method: 'standard' | 'instant'
  description: string | null
  destination: string | null
  metadata: Metadata
  statementDescriptor: string | null
  /** What it becomes, one after the other, each at its time in ms since 1970. */
  course: { status: 'paid' | 'failed'; at: number }[]
}

export interface Transfer extends Owned {
  amount: number
  currency: string
  description: string | null
  destination: string
  metadata: Metadata
  transferGroup: string | null
}

export interface Endpoint extends Owned {
  url: string
  enabledEvents: string[]
  description: string | null
  metadata: Metadata
}

export interface Event extends Owned {
  body: Record<string, unknown>
}

/** What an idempotency key answered. */
export interface Answered {
  fingerprint: string
  status: number
  body: unknown
  requestId: string
  /** ms since 1970. */
  at: number
}

/** Everything the emulated Stripe knows, of all accounts. */
export interface Stripe {
  readonly core: Core
  readonly sessions: Collection<Session>
  readonly intents: Collection<Intent>
  readonly setups: Collection<SetupIntent>
  readonly charges: Collection<Charge>
  readonly methods: Collection<Method>
  readonly customers: Collection<Customer>
  readonly refunds: Collection<Refund>
  readonly payouts: Collection<Payout>
  readonly transfers: Collection<Transfer>
  readonly endpoints: Collection<Endpoint>
  readonly events: Collection<Event>
  readonly answers: Collection<Answered>
  /** Number of an answer → its key. */
  readonly answerOrder: Collection<string>
  /** Account and currency → what came in less what went out, wire amount. */
  readonly balances: Collection<number>
  readonly counters: Collection<number>
  /** The API call that is being worked on, which its events name; null: the payer or the clock. */
  origin: { id: string; idempotency_key: string | null } | null
  /** The intent that the call's answer shows as it was before its success (the fault `api_behind`). */
  behind: string | null
}

export const SLUG = 'stripe'

export function openRecords(core: Core): Stripe {
  const collection = <T>(name: string, indexes: Record<string, (document: T) => string> = {}) =>
    core.store.collection<T>(`stripe.${name}`, indexes)
  return {
    core,
    sessions: collection<Session>('sessions', {
      owner: ({ secretKey }) => secretKey,
      reference: ({ clientReferenceId }) => clientReferenceId ?? '',
    }),
    intents: collection<Intent>('intents', { owner: ({ secretKey }) => secretKey }),
    setups: collection<SetupIntent>('setups'),
    charges: collection<Charge>('charges', { intent: ({ intent }) => intent }),
    methods: collection<Method>('methods', { customer: ({ customer }) => customer ?? '' }),
    customers: collection<Customer>('customers', { owner: ({ secretKey }) => secretKey }),
    refunds: collection<Refund>('refunds', {
      owner: ({ secretKey }) => secretKey,
      charge: ({ charge }) => charge,
    }),
    payouts: collection<Payout>('payouts', { owner: ({ secretKey }) => secretKey }),
    transfers: collection<Transfer>('transfers', { owner: ({ secretKey }) => secretKey }),
    endpoints: collection<Endpoint>('endpoints', { owner: ({ secretKey }) => secretKey }),
    events: collection<Event>('events', { id: ({ id }) => id, owner: ({ secretKey }) => secretKey }),
    answers: collection<Answered>('answers'),
    answerOrder: collection<string>('answer_order'),
    balances: collection<number>('balances'),
    counters: collection<number>('counters'),
    origin: null,
    behind: null,
  }
}

export const nowSeconds = (): number => Math.trunc(Date.now() / 1000)

/** The number of the next one of a kind; those far behind may be forgotten. */
export function nextNumber(st: Stripe, kind: string): number {
  return st.counters.put(kind, (st.counters.get(kind) ?? 0) + 1)
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'

export function newId(prefix: string, length = 24): string {
  let id = `${prefix}_`
  // The slight bias of `%` decides nothing here: ids need only be unlikely to meet.
  for (const byte of randomBytes(length)) id += ALPHABET[byte % ALPHABET.length]
  return id
}

/** What an account has from the beginning, wire amount per currency. */
export const OPENING_BALANCE = 1_000_000_000

export function balanceOf(st: Stripe, secretKey: string, currency: string): number {
  return OPENING_BALANCE + (st.balances.get(`${secretKey} ${currency}`) ?? 0)
}

export function moveBalance(st: Stripe, secretKey: string, currency: string, by: number): void {
  const key = `${secretKey} ${currency}`
  st.balances.put(key, (st.balances.get(key) ?? 0) + by)
}

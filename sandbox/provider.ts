import type { FastifyContextConfig, FastifyInstance } from 'fastify'
import type { Account, Accounts } from './accounts.ts'
import type { Operation } from './faults.ts'
import type { Ledger } from './ledger.ts'
import type { Store } from './store.ts'
import type { Timers } from './timers.ts'

/** What every emulated provider is built on. */
export interface Core {
  /** Where the provider's own paths begin, as the outside sees them: `http://localhost:8080/sandbox/paystack`. */
  readonly baseUrl: string
  /** Of its pages; null: they are grey. */
  readonly themeColor: string | null
  readonly store: Store
  readonly accounts: Accounts
  readonly ledger: Ledger
  readonly timers: Timers
  /** How long a refund takes to be paid out, ms. */
  readonly refundDelayMs: number
  /** Whether an answer of the API still tells what was before the success of this time (the fault `api_behind`). */
  isBehind(succeededAt: number): boolean
  /** Queues a webhook of this account. Inside the `store.write` of what it tells, so both survive or neither. */
  notify(account: Account, operation: Operation, payload: unknown): void
}

/** `processing`: the payer has done their part and the money is on its way. `canceled` ends that without money. */
export type PayOutcome = 'success' | 'failed' | 'abandon' | 'processing' | 'canceled'

export interface PayRequest {
  reference: string
  outcome: PayOutcome
  /** A published test card's number, digits only; null: the one that always pays. */
  card: string | null
  /** The provider's own word for how the payer pays. */
  method: string
  /** What the payer sends in all, ISO minor units; null: what was asked, and the fee on top. */
  amountMinor: number | null
  /** The fee on top that the payer bears and the provider tells of, ISO minor units; null: it tells of none. */
  feeMinor: number | null
  /** A further payment of what is paid, or under way, already. */
  again: boolean
}

/** How payers pay on the provider's page, and what can become of it. */
export interface Ways {
  /** The provider's own words; the first is what is meant where none is named. */
  readonly methods: readonly string[]
  /** Those whose money takes its time; the first is what is meant where `processing` names none. */
  readonly slow: readonly string[]
  /** Whether payers may bear a fee on top. */
  readonly takesFees: boolean
  /** Whether one page, or one reference, can be paid again. */
  readonly paysAgain: boolean
  /** Whether money under way can end as `canceled`. */
  readonly cancels: boolean
}

/** Why a page takes no money: paid already, under way already, or ended. */
export type NotPaid = 'paid' | 'processing' | 'closed'

export interface PayResult {
  /** The provider's own word for what the payment is now. */
  status: string
  /** Where the page would send the browser; null: it stays. */
  redirectUrl: string | null
}

export interface OpenCheckout {
  channel: string
  reference: string
  amount_minor: number
  currency: string
  url: string
}

/** One emulated provider: a folder, and a line in `providers.ts`. */
export interface Provider {
  readonly slug: string
  /** The status that acknowledges a webhook, and how long the provider waits for it. */
  readonly webhookTimeoutMs: number
  acknowledges(status: number): boolean
  /** Headers of a webhook over exactly this body. `forged`: signed with a secret that is not the account's. */
  signWebhook(body: string, account: Account, forged: boolean): Record<string, string>
  /** The body as a forger would send it: plausible, and worth more. */
  forge(body: string): string
  isTestKey(key: string): boolean
  /** An error in the provider's own envelope. */
  errorBody(status: number, message: string): unknown
  /** Every path of the provider, relative to its base. */
  routes(app: FastifyInstance): void
  readonly ways: Ways
  /** Pays as the page would: null when there is no such checkout. */
  pay(request: PayRequest): PayResult | NotPaid | null
  openCheckouts(): OpenCheckout[]
  forgetOpenCheckouts(): void
  /** After a restart: what was due meanwhile, and timers for what is not yet. */
  resume(): void
}

export interface ProviderEntry {
  readonly slug: string
  create(core: Core): Provider
}

/** Marks a route as one of the operations that faults can name. */
export function operation(name: Operation): { config: FastifyContextConfig & { operation: Operation } } {
  return { config: { operation: name } }
}

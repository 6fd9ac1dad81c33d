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
  readonly store: Store
  readonly accounts: Accounts
  readonly ledger: Ledger
  readonly timers: Timers
  /** How long a refund takes to be paid out, ms. */
  readonly refundDelayMs: number
  /** Queues a webhook of this account. Inside the `store.write` of what it tells, so both survive or neither. */
  notify(account: Account, operation: Operation, payload: unknown): void
}

export interface PayRequest {
  reference: string
  outcome: 'success' | 'failed' | 'abandon'
  /** A published test card's number, digits only; null: the one that always pays. */
  card: string | null
}

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
  /** Pays as the page would: null when there is no such checkout, 'paid' or 'closed' when it takes no money any more. */
  pay(request: PayRequest): PayResult | 'paid' | 'closed' | null
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

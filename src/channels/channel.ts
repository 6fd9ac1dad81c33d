import type { CallCause } from '../platform/causes.ts'

/**
 * What every payment channel is to us: one shape, its results, its one error. Adapters only translate
 * (no state, no database, no retry, no routing); what a channel cannot do is an absent method.
 * Amounts are integers in the currency's minor units (ISO 4217 exponent), whatever the provider's wire uses.
 */

/** How to reach a provider. Built once per channel account; `fetch` is held still by tests. */
export interface ChannelTransport {
  /** Without a trailing slash, e.g. `https://api.acme.example`. */
  readonly baseUrl: string
  /** One keep-alive agent per channel, connect + answer limit 20 s; rejects on any network failure. */
  readonly fetch: typeof globalThis.fetch
}

export interface CurrencyLimit {
  /** Least amount of one payment, minor units. */
  readonly payMinor: bigint
  /** Least amount whose payment makes a reusable token, minor units. */
  readonly tokenizeMinor: bigint
  /** Greatest amount of one payment, minor units; null where none is published. */
  readonly payMaxMinor: bigint | null
  /** Amounts must be whole multiples of this, minor units (Stripe: KWD in steps of ten fils); absent: any amount. */
  readonly stepMinor?: bigint
}

export interface ChannelLimits {
  /** ISO 4217 code → least and greatest amounts (`canCarry` reads them). A currency that is absent is not taken. */
  readonly currencies: Readonly<Record<string, CurrencyLimit>>
  /** Where these numbers are from, and the date they were read. */
  readonly source: string
}

export interface Payer {
  readonly email: string
  readonly firstName: string | null
  readonly lastName: string | null
  readonly fullName: string | null
  /** With country code, digits and `+` only. */
  readonly phone: string | null
}

export interface OpenCheckout {
  /** Our transaction's `ref`; the channel gets it as its reference and it never changes between tries. */
  readonly reference: string
  readonly amountMinor: bigint
  readonly currency: string
  readonly description: string
  readonly payer: Payer
  /** Where the provider sends the browser afterwards; proves nothing. */
  readonly returnUrl: string
  /** Where a payer who gives up is sent. */
  readonly cancelUrl: string
  readonly saveMethod: boolean
  readonly expiresAt: Date
}

export interface OpenedCheckout {
  /** The provider's hosted page. */
  readonly url: string
  /** What this channel needs to find the payment again (Paystack: the reference, Stripe: the session id). */
  readonly channelReference: string
}

export interface PaymentLookup {
  readonly reference: string
  /** As given by `openCheckout` or `chargeSaved`; null when its answer never arrived. */
  readonly channelReference: string | null
  /** Present where the payment was a charge of a saved method: `tokenOwner` of that method. */
  readonly charged?: { readonly tokenOwner: string | null }
  /** The provider's own id of the payment, where a webhook named one: it is asked about too; null or absent: none was. */
  readonly channelTransactionId?: string | null
}

/** How payers pay, in words of our own. */
export const methodTypes = [
  'card',
  'bank_transfer',
  'ussd',
  'mobile_money',
  'bank_debit',
  'wallet',
  'pay_page',
] as const
export type MethodType = (typeof methodTypes)[number]

/** A token for charging again. Secret: encrypted at rest, never logged, never in an answer. */
export interface SavedMethod {
  readonly token: string
  /** Needed by the channel with the token (Stripe's customer id); null where none is. */
  readonly tokenOwner: string | null
  /** The e-mail that the token is bound to. */
  readonly email: string
  readonly type: MethodType
  readonly brand: string | null
  readonly bank: string | null
  readonly last4: string | null
  readonly expMonth: number | null
  readonly expYear: number | null
  readonly reusable: boolean
  /** Same card (or wallet, account), same signature: drops duplicates. */
  readonly signature: string | null
}

/** A charge without the payer. Money may move: without an answer it is `unknown`, and only asking tells. */
export interface SavedCharge {
  /** Our transaction's `ref`; the channel gets it as its reference and it never changes. */
  readonly reference: string
  readonly amountMinor: bigint
  readonly currency: string
  readonly description: string
  readonly payer: Payer
  readonly method: Pick<SavedMethod, 'token' | 'tokenOwner' | 'email'>
  /** Where the provider sends a payer whose presence it wanted. */
  readonly returnUrl: string
}

export interface ChargedSaved {
  /** `failed` is a decline: a value, not an exception. `pending` with `payerNeeded`: nothing moves until the payer came. */
  readonly payment: ChannelPayment
  /** What this channel needs to find the payment again. */
  readonly channelReference: string
  /** The issuer wants the payer to be present. */
  readonly payerNeeded: boolean
  /** The provider's page for that; null where it has none (the payer then pays on a new page). */
  readonly actionUrl: string | null
  /** A decline that no later try can turn (stolen, expired, closed): charging this method again is pointless. */
  readonly isHardDecline: boolean
}

/**
 * What the channel says of one payment.
 * `pending`: not decided, also "nobody has tried yet" and every status that we do not know.
 * `processing`: the payer has paid (or promised at the provider, as with a bank debit) and the money is on its way.
 * `failed`: the latest attempt was refused; the same page may still turn it successful.
 * `closed`: the page can never be paid any more (expired or voided at the provider, or paid and given back).
 * A payment that we already know as successful stays so, whatever is said here later: refunds and disputes have
 * their own answers.
 */
export interface ChannelPayment {
  readonly status: 'pending' | 'processing' | 'successful' | 'failed' | 'closed'
  /** The provider's own status word, for the timeline. */
  readonly channelStatus: string
  /** The provider's idea of our reference, amount and currency; null where it says nothing. */
  readonly reference: string | null
  /** What the payer's money amounts to at the provider, fees that the payer bore included. */
  readonly amountMinor: bigint | null
  /** The part of `amountMinor` that is a fee or duty on top of the price; absent or null: none, or not told. */
  readonly payerFeeMinor?: bigint | null
  /** Greatest time that this way to pay may take from here on, where the provider's documents say; absent: the default. */
  readonly processingMaxMs?: number
  /** Other payments under our reference that succeeded as well: further money. Absent: the channel shows none. */
  readonly further?: readonly FurtherPayment[]
  readonly currency: string | null
  /** The provider's own id of the payment, as text (64-bit numbers do not fit a JS number). */
  readonly channelTransactionId: string | null
  /** What the payer used, in words: "Card", "Bank Transfer", …; "Unknown" until then. */
  readonly paymentMethod: string
  /** Why it was refused, in the provider's words. */
  readonly reason: string | null
  readonly paidAt: Date | null
  readonly savedMethod: SavedMethod | null
}

/** One more success under the same reference, beside the payment that is answered. */
export interface FurtherPayment {
  readonly channelTransactionId: string
  readonly amountMinor: bigint | null
  readonly currency: string | null
  readonly paymentMethod: string
  readonly paidAt: Date | null
}

export interface RawWebhook {
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string | undefined>>
  /** The bytes as they came; signatures are over these. */
  readonly body: Buffer
  readonly receivedAt: Date
}

/** A verified webhook, reduced to what we may believe: "ask about this". */
export interface ChannelEvent {
  /** Unique per provider event; derived from type + object where the provider has no event id. */
  readonly eventId: string
  readonly type: string
  /**
   * What it says became of the payment. Never believed; but while the channel's answer does not say so too, it is asked
   * again soon: some tell before their own API knows. Absent: it says neither.
   */
  readonly claims?: 'success' | 'failure'
  /** What to ask about; null: nothing that concerns us. */
  readonly subject:
    | {
        readonly kind: 'payment'
        readonly reference: string | null
        readonly channelReference: string | null
        /** The provider's own id of the payment, where the webhook names one. */
        readonly channelTransactionId?: string | null
      }
    | {
        readonly kind: 'refund'
        readonly reference: string | null
        readonly channelReference: string | null
        /** Our reference of the refunded payment: often all that a provider names. */
        readonly paymentReference: string | null
      }
    | { readonly kind: 'payout'; readonly reference: string | null; readonly channelReference: string | null }
    | null
}

export interface RefundRequest {
  /** Our refund's ref. */
  readonly reference: string
  readonly payment: PaymentLookup
  readonly channelTransactionId: string | null
  readonly amountMinor: bigint
  readonly currency: string
  readonly reason: string | null
}

/** What the channel says of one refund; `pending` is also every status that we do not know. */
export interface ChannelRefund {
  readonly status: 'pending' | 'successful' | 'failed'
  /** The provider's own status word; `not_found` when it does not know the refund (yet). */
  readonly channelStatus: string
  /** The provider's id of the refund; null only with `not_found`. */
  readonly channelReference: string | null
  readonly amountMinor: bigint | null
  readonly currency: string | null
  readonly reason: string | null
}

export interface RefundLookup {
  readonly reference: string
  readonly channelReference: string | null
  readonly payment: PaymentLookup
  readonly channelTransactionId: string | null
}

export interface Channel<Credentials = unknown> {
  readonly slug: string
  readonly displayName: string
  readonly themeColor: string
  /** The provider's own address, used where none is configured; without a trailing slash. */
  readonly liveUrl: string
  /** Where the provider's test world has an address of its own; absent: the keys alone decide. */
  readonly testUrl?: string
  /** One sentence of our own. */
  readonly summary: string
  readonly limits: ChannelLimits
  /** In the order in which they are asked for; `credentialsBy` of the kit makes this and the two below of one list. */
  readonly credentialFields: readonly CredentialField[]
  /** Throws `CredentialsError` with what can be shown beside the field. */
  parseCredentials(input: unknown): Credentials
  /** Which world the credentials open; null where that cannot be read from them. */
  modeOf(credentials: Credentials): 'test' | 'live' | null
  openCheckout(request: OpenCheckout, credentials: Credentials, transport: ChannelTransport): Promise<OpenedCheckout>
  fetchPayment(lookup: PaymentLookup, credentials: Credentials, transport: ChannelTransport): Promise<ChannelPayment>
  /**
   * Verifies the raw bytes, then translates; what is proven and cannot be understood is an event without a subject.
   * Throws `WebhookSignatureError`.
   */
  readWebhook(webhook: RawWebhook, credentials: Credentials): ChannelEvent
  voidCheckout?(
    lookup: PaymentLookup & { url: string | null },
    credentials: Credentials,
    transport: ChannelTransport,
  ): Promise<void>
  /** Charges a saved method without the payer. Throws `ChannelError`; `unknown` when money may have moved. */
  chargeSaved?(charge: SavedCharge, credentials: Credentials, transport: ChannelTransport): Promise<ChargedSaved>
  /** Makes a saved method unusable at the provider; one that is gone already is what was wanted. */
  forgetSaved?(
    method: Pick<SavedMethod, 'token' | 'tokenOwner' | 'email'>,
    credentials: Credentials,
    transport: ChannelTransport,
  ): Promise<void>
  refund?(request: RefundRequest, credentials: Credentials, transport: ChannelTransport): Promise<ChannelRefund>
  fetchRefund?(lookup: RefundLookup, credentials: Credentials, transport: ChannelTransport): Promise<ChannelRefund>
}

/** One thing that a business copies from the provider's dashboard. */
export interface CredentialField {
  readonly name: string
  readonly label: string
  /** Where it is found at the provider. */
  readonly where: string
  /** Encrypted at rest like all of them, and besides never taken as an argument, echoed or shown. */
  readonly secret: boolean
  readonly required: boolean
  /** Of the whole value, trimmed. It also keeps line breaks and the like out of the headers that carry it. */
  readonly form: RegExp
  /** One sentence beside a value of another form. */
  readonly formWords: string
  /** What values of each mode look like; absent: it tells no mode. */
  readonly modes?: { readonly test: RegExp; readonly live: RegExp }
  /** `account`: the provider knows the account by it. `webhooks`: it proves webhooks, and nothing else does. */
  readonly use?: 'account' | 'webhooks'
  /** A value that only the sandbox takes, with `*` for random hex digits; absent: the sandbox needs none. */
  readonly sample?: string
}

/** `field` → words; what the dashboard and the command line show. */
export class CredentialsError extends Error {
  readonly fields: Readonly<Record<string, string>>
  constructor(fields: Readonly<Record<string, string>>) {
    super(Object.values(fields).join(' '))
    this.name = 'CredentialsError'
    this.fields = fields
  }
}

/** The signature is missing or wrong: 401, nothing stored. */
export class WebhookSignatureError extends Error {
  override readonly name = 'WebhookSignatureError'
}

/**
 * The one error of a provider call.
 * `rejected`: certainly nothing moved, another channel may try. `unknown`: money may have moved, only ask.
 * `reason` says what a caller tells its own caller: `refused` → 502, the others → 503.
 */
export class ChannelError extends Error {
  readonly outcome: 'rejected' | 'unknown'
  readonly reason: 'refused' | 'unauthorised' | 'rate_limited' | 'unavailable' | 'garbage'
  /** What kept it from answering, for people who look for it: named in log, metrics and `error_data`. */
  readonly failure: CallCause
  /** The fault's own code (`ECONNREFUSED`); null where it has none. */
  readonly code: string | null
  /** HTTP status of the provider's answer; null without one. */
  readonly status: number | null
  /** The provider's own answer with secrets removed; null without one. */
  readonly answer: unknown
  /** From `Retry-After`, milliseconds; null where none was sent. */
  readonly retryAfterMs: number | null
  constructor(
    message: string,
    details: {
      outcome: ChannelError['outcome']
      reason: ChannelError['reason']
      /** Default: what reason and status say. */
      failure?: CallCause
      code?: string | null
      status?: number | null
      answer?: unknown
      retryAfterMs?: number | null
      cause?: unknown
    },
  ) {
    super(message, { cause: details.cause })
    this.name = 'ChannelError'
    this.outcome = details.outcome
    this.reason = details.reason
    this.failure = details.failure ?? failureBy(details)
    this.code = details.code ?? null
    this.status = details.status ?? null
    this.answer = details.answer ?? null
    this.retryAfterMs = details.retryAfterMs ?? null
  }
}

function failureBy({ reason, status }: { reason: ChannelError['reason']; status?: number | null }): CallCause {
  if (reason === 'garbage') return 'unreadable'
  return status === undefined || status === null ? 'other' : 'status'
}

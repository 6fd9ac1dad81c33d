import type { Channel, ChannelTransport, OpenCheckout, RefundRequest, SavedCharge } from '../channel.ts'
import type { FakeProvider, ProviderAnswer, ProviderRequest, Script } from './fake-provider.ts'

/** What an adapter brings to the suite: its provider's answers, and what is read off the wire. */

export interface PaymentFacts {
  /** `untouched`: nobody has tried; `strange`: a status word that does not exist today. */
  readonly state: 'untouched' | 'successful' | 'declined' | 'strange'
  readonly reference: string
  readonly amountMinor: bigint
  readonly currency: string
}

export interface RefundFacts {
  readonly state: 'pending' | 'successful' | 'failed' | 'strange'
  readonly request: RefundRequest
  /** The provider's id of the refund. */
  readonly channelReference: string
}

export interface ChargeFacts {
  /** `closed`: declined in words or codes after which no later try can help; `strange`: a status word of tomorrow. */
  readonly state: 'successful' | 'declined' | 'closed' | 'payer' | 'strange'
  readonly reference: string
  readonly amountMinor: bigint
  readonly currency: string
}

/** What an adapter asked for, read off the wire by the harness. */
export interface Asked {
  readonly reference: string
  readonly amountMinor: bigint
  readonly currency: string
}

export interface ChannelHarness<Credentials> {
  readonly channel: Channel<Credentials>
  /** Fields as a business would enter them. */
  readonly fields: Readonly<Record<string, string>>
  /** Values that may show nowhere: the keys of `fields` that are secret, and tokens that `refusal` holds. */
  readonly secrets: readonly string[]
  /** Needed where the provider wants a login: answers it, null for every other request. Logins count as no call. */
  login?(request: ProviderRequest): ProviderAnswer | null
  /** The provider opens the page. */
  opened(request: OpenCheckout): Script
  /** What the requests of one `openCheckout` asked for. */
  asked(requests: readonly ProviderRequest[]): Asked
  payment(facts: PaymentFacts): Script
  /** Needed where the channel refunds; answers every call of `refund` and `fetchRefund`. */
  refunded?(facts: RefundFacts): Script
  /** Needed where the channel charges saved methods; with a token that is one of `secrets`. */
  readonly saved?: {
    readonly method: SavedCharge['method']
    /** The provider answers `chargeSaved`. */
    charged(facts: ChargeFacts): Script
    /** What the requests of one `chargeSaved` asked for. */
    asked(requests: readonly ProviderRequest[]): Asked
    /** The provider takes the token no more. */
    readonly gone: ProviderAnswer
    /** Forgotten, and forgotten before; needed where the channel forgets. */
    readonly forgotten?: readonly ProviderAnswer[]
    /** Whether the provider has a page for a payer who is wanted back. */
    readonly hasPage: boolean
  }
  /** What a wrong key gets. */
  readonly wrongKey: ProviderAnswer
  /** A refusal, HTTP 400, that holds all of `secrets` in one place or another. */
  readonly refusal: ProviderAnswer
  /** The body of the webhook "something happened to this payment". */
  event(reference: string): string
  /** The headers with which the provider would sign the body. */
  sign(body: Buffer, at: Date): Record<string, string>
  /** False where the proof is a bare shared secret (Flutterwave's `verif-hash`): an altered body cannot be noticed. */
  readonly signsBody: boolean
}

export interface Bench {
  readonly provider: FakeProvider
  readonly transport: () => ChannelTransport
}

import { ChannelError, type ChannelTransport } from '../channel.ts'
import { callEnvelope, type Envelope, type Opened } from '../kit/envelope.ts'
import { type Exchange, type Json, objectOf } from '../kit/exchange.ts'

/** What a business gives us. Named as its fields are, so that what was stored parses again. */
export interface PaystackCredentials {
  /** `sk_test_…` or `sk_live_…`: opens the API and signs the webhooks. */
  readonly secret_key: string
  readonly public_key: string | null
}

export interface PaystackCall {
  readonly method: Exchange['method']
  readonly path: string
  readonly body?: Json
  /** See `Exchange`. */
  readonly moves: boolean
  /** What of the call must not show in an error, besides the keys: the token that it charges. */
  readonly secrets?: readonly string[]
}

/**
 * `{status: boolean, message, data}`, where `status` is about the call and never about the payment (Paystack's
 * "Introduction" and "Errors", read 2026-11-20). Paystack's own sample shows "Invalid key" with 400.
 */
const envelope: Envelope = {
  verdict: ({ status }) => (typeof status !== 'boolean' ? null : status ? 'done' : 'refused'),
  wordsOf: ({ message }) => message,
  dataOf: ({ data }) => data,
  wrongKey: /^invalid key\.?$/i,
}

/** One call of the Paystack API. Throws `ChannelError` as `callEnvelope` does. */
export function callPaystack(
  transport: ChannelTransport,
  credentials: PaystackCredentials,
  call: PaystackCall,
): Promise<Opened> {
  const secrets = [credentials.secret_key, ...(call.secrets ?? [])]
  const headers = { authorization: `Bearer ${credentials.secret_key}` }
  return callEnvelope(transport, { ...call, headers, provider: 'Paystack', secrets }, envelope)
}

/**
 * Paystack does not know the reference: 400 in old reports, 404 in its specification, so both
 * (OpenAPI document of 2025-10-24, read 2026-11-20). The code `transaction_not_found` is not in it, hence also the words.
 */
export function isUnknownReference(error: unknown): boolean {
  if (!(error instanceof ChannelError) || error.reason !== 'refused') return false
  if (error.status !== 400 && error.status !== 404) return false
  const answer = objectOf(error.answer)
  return answer?.code === 'transaction_not_found' || /^transaction reference not found/i.test(String(answer?.message))
}

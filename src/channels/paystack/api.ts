import { ChannelError, type ChannelTransport } from '../channel.ts'
import { type Exchange, exchange, garbage, type Json, objectOf } from '../kit/exchange.ts'
import { redact, redactText } from '../kit/redact.ts'

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

export interface PaystackAnswer {
  /** The envelope's `data`. */
  readonly data: unknown
  /** The error for an answer whose `data` is not what this call needs. */
  garbage(): ChannelError
}

const provider = 'Paystack'

/**
 * One call of the Paystack API. Envelope `{status: boolean, message, data}`, where `status` is about the call and never
 * about the payment (Paystack's "Introduction" and "Errors", read 2026-11-20). Throws `ChannelError` as `exchange` does, and further: 4xx
 * (`refused`, nothing moved; `unauthorised` for "Invalid key", which Paystack's own sample shows with 400), and
 * `status: false` in a 2xx (`refused`, but no proof that nothing moved).
 */
export async function callPaystack(
  transport: ChannelTransport,
  credentials: PaystackCredentials,
  call: PaystackCall,
): Promise<PaystackAnswer> {
  const secrets = [credentials.secret_key, ...(call.secrets ?? [])]
  const headers = { authorization: `Bearer ${credentials.secret_key}` }
  const { status, body } = await exchange(transport, { ...call, headers, provider, secrets })
  const unreadable = () => garbage({ moves: call.moves, provider }, status, redact(body, secrets))
  if (typeof body.status !== 'boolean' || (status >= 400 && body.status)) throw unreadable()
  if (body.status) return { data: body.data, garbage: unreadable }
  const message = typeof body.message === 'string' ? body.message : ''
  throw new ChannelError(`Paystack refused: ${redactText(message, secrets) || 'no reason given'}`, {
    outcome: call.moves && status < 400 ? 'unknown' : 'rejected',
    reason: /^invalid key\.?$/i.test(message.trim()) ? 'unauthorised' : 'refused',
    status,
    answer: redact(body, secrets),
  })
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

import { ChannelError, type ChannelTransport, type CredentialField } from '../channel.ts'
import type { CredentialsOf } from '../kit/credentials.ts'
import { callEnvelope, type Envelope, type Opened } from '../kit/envelope.ts'
import { type Exchange, type Json, objectOf } from '../kit/exchange.ts'

/** Where keys and the address of webhooks are ("API Keys & Webhooks", read 2026-11-20). */
const where = 'Paystack dashboard, Settings, API Keys & Webhooks'

/** What a business gives us; what was stored parses again. The secret key also signs the webhooks. */
export const credentialFields = [
  {
    name: 'secret_key',
    label: 'Secret key',
    ...{ where, secret: true, required: true, use: 'account' },
    form: /^sk_(test|live)_[\w-]+$/,
    formWords: 'A Paystack secret key begins with sk_test_ or sk_live_.',
    modes: { test: /^sk_test_/, live: /^sk_live_/ },
    sample: 'sk_test_sandbox_*',
  },
  {
    name: 'public_key',
    label: 'Public key',
    ...{ where, secret: false, required: false },
    form: /^pk_(test|live)_[\w-]+$/,
    formWords: 'A Paystack public key begins with pk_test_ or pk_live_.',
    modes: { test: /^pk_test_/, live: /^pk_live_/ },
  },
] as const satisfies readonly CredentialField[]

export type PaystackCredentials = CredentialsOf<typeof credentialFields>

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

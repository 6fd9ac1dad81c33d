import { ChannelError, type ChannelTransport, type CredentialField } from '../channel.ts'
import type { CredentialsOf } from '../kit/credentials.ts'
import { callEnvelope, type Envelope, type Opened } from '../kit/envelope.ts'
import { type Exchange, type Json, objectOf } from '../kit/exchange.ts'
import { meaningOf, wordOf } from '../kit/words.ts'

/** Where they are ("API Keys" and "Webhooks", read 2026-11-20). */
const keys = 'Flutterwave dashboard, Settings, API keys'
const webhooks = 'Flutterwave dashboard, Settings, Webhooks: a secret that you choose there'

/** What a business gives us; what was stored parses again. The hash proves webhooks and opens nothing. */
export const credentialFields = [
  {
    name: 'secret_key',
    label: 'Secret key',
    ...{ where: keys, secret: true, required: true, use: 'account' },
    form: /^FLWSECK(_TEST)?-[\w-]+-X$/,
    formWords: 'A Flutterwave secret key begins with FLWSECK_TEST- or FLWSECK- and ends with -X.',
    modes: { test: /^FLWSECK_TEST-/, live: /^FLWSECK-/ },
    sample: 'FLWSECK_TEST-sandbox-*-X',
  },
  {
    name: 'secret_hash',
    label: 'Webhook secret hash',
    ...{ where: webhooks, secret: true, required: true, use: 'webhooks' },
    form: /^[\x20-\x7e]{1,255}$/,
    formWords: 'A secret hash is at most 255 letters, digits and signs, because it travels in a header.',
    sample: '*',
  },
  {
    name: 'public_key',
    label: 'Public key',
    ...{ where: keys, secret: false, required: false },
    form: /^FLWPUBK(_TEST)?-[\w-]+-X$/,
    formWords: 'A Flutterwave public key begins with FLWPUBK_TEST- or FLWPUBK- and ends with -X.',
    modes: { test: /^FLWPUBK_TEST-/, live: /^FLWPUBK-/ },
  },
] as const satisfies readonly CredentialField[]

export type FlutterwaveCredentials = CredentialsOf<typeof credentialFields>

export interface FlutterwaveCall {
  readonly method: Exchange['method']
  /** Begins with `/v3/`. */
  readonly path: string
  readonly body?: Json
  /** See `Exchange`. */
  readonly moves: boolean
  /** What of the call must not show in an error, besides the keys: the token that it charges. */
  readonly secrets?: readonly string[]
}

/**
 * `{status: "success" | "error", message, data}`, where `status` is about the call and never about the payment
 * (Flutterwave's "Errors", read 2026-11-20). A wrong key is 401; its words are the same whatever the status.
 */
const envelope: Envelope = {
  verdict: ({ status }) => meaningOf({ success: 'done', error: 'refused' } as const, wordOf(status)) ?? null,
  wordsOf: ({ message }) => message,
  dataOf: ({ data }) => data,
  wrongKey: /^(authorization required|merchant secret key required|invalid authorization key)\b/i,
}

/**
 * One call of the Flutterwave v3 API. Throws `ChannelError` as `callEnvelope` does; a 503 after about 28 s may still be
 * processing (`unknown`).
 */
export function callFlutterwave(
  transport: ChannelTransport,
  credentials: FlutterwaveCredentials,
  call: FlutterwaveCall,
): Promise<Opened> {
  const secrets = [credentials.secret_key, credentials.secret_hash, ...(call.secrets ?? [])]
  const headers = { authorization: `Bearer ${credentials.secret_key}` }
  return callEnvelope(transport, { ...call, headers, provider: 'Flutterwave', secrets }, envelope)
}

/**
 * Nobody has tried to pay: Flutterwave makes a transaction only then. Always 400 where it was seen; 404 is taken as well
 * (words from many code bases and the Node SDK's issue 32, read 2026-11-20).
 */
export const isUnknownTransaction = (error: unknown): boolean => isRefusal(error, /^no transaction was found/i)

/** The link takes no money any more, or never did ("Disabling payment links", read 2026-11-20). */
export const isInactiveLink = (error: unknown): boolean => isRefusal(error, /^this payment link is currently inactive/i)

function isRefusal(error: unknown, words: RegExp): boolean {
  if (!(error instanceof ChannelError) || error.reason !== 'refused') return false
  if (error.status !== 400 && error.status !== 404) return false
  return words.test(String(objectOf(error.answer)?.message))
}

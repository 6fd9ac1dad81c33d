import Stripe from 'stripe'
import { ChannelError, type ChannelTransport, type CredentialField } from '../channel.ts'
import type { CredentialsOf } from '../kit/credentials.ts'
import { type Opened, opened } from '../kit/envelope.ts'
import { type Answer, type Exchange, exchange, garbage, type Json, objectOf } from '../kit/exchange.ts'
import { redact, redactText } from '../kit/redact.ts'

/** Where they are ("API keys" and "Webhooks", read 2026-11-20). */
const keys = 'Stripe dashboard, Developers, API keys'
const webhooks = 'Stripe dashboard, Developers, Webhooks: the signing secret of the endpoint that leads to us'

/** What a business gives us; what was stored parses again. */
export const credentialFields = [
  {
    name: 'secret_key',
    label: 'Secret key',
    ...{ where: keys, secret: true, required: true, use: 'account' },
    form: /^[sr]k_(test|live)_[\w-]+$/,
    formWords: 'A Stripe secret key begins with sk_test_, sk_live_, rk_test_ or rk_live_.',
    modes: { test: /^[sr]k_test_/, live: /^[sr]k_live_/ },
    sample: 'sk_test_sandbox_*',
  },
  {
    name: 'webhook_secret',
    label: 'Webhook signing secret',
    ...{ where: webhooks, secret: true, required: true, use: 'webhooks' },
    form: /^whsec_[\w+/=-]+$/,
    formWords: 'A Stripe webhook signing secret begins with whsec_.',
    sample: 'whsec_*',
  },
  {
    name: 'publishable_key',
    label: 'Publishable key',
    ...{ where: keys, secret: false, required: false },
    form: /^pk_(test|live)_[\w-]+$/,
    formWords: 'A Stripe publishable key begins with pk_test_ or pk_live_.',
    modes: { test: /^pk_test_/, live: /^pk_live_/ },
  },
] as const satisfies readonly CredentialField[]

export type StripeCredentials = CredentialsOf<typeof credentialFields>

/** What `callStripe` must know of a call besides what the package sends. */
export interface StripeCall extends Pick<Exchange, 'moves'> {
  /** What of the call must not show in an error, besides the keys: the token that it charges. */
  readonly secrets?: readonly string[]
  /** A refused card (402, `card_error`) is an answer, `{error}` as it came, and no `ChannelError`. */
  readonly takesDeclines?: boolean
}

const provider = 'Stripe'

/**
 * One call of the Stripe API by the `stripe` package, which encodes the request, speaks its API version
 * and reads the answer; the bytes travel through `exchange`, so that silence means the same as at every other channel.
 * Throws `ChannelError` as `exchange` does, and further:
 *
 * | Stripe's answer (API reference, "Errors" and "Idempotent requests", read 2026-11-20) | reason | outcome if the call moves money |
 * | --- | --- | --- |
 * | 400, 402, 404: refused | refused | rejected |
 * | 400 idempotency_error: the key was used for another request, which may have moved money | refused | unknown |
 * | 400 code rate_limit | rate_limited | rejected |
 * | 409: the same key is at work, 424: somebody behind Stripe failed | unavailable | unknown |
 */
export async function callStripe(
  transport: ChannelTransport,
  credentials: StripeCredentials,
  { moves, ...more }: StripeCall,
  run: (stripe: Stripe) => Promise<unknown>,
): Promise<Opened<Json>> {
  const secrets = [credentials.secret_key, credentials.webhook_secret, ...(more.secrets ?? [])]
  let answer: Answer | null = null
  let failure: unknown = null
  const send: typeof fetch = async (input, init) => {
    try {
      answer = await exchange(transport, { ...wireOf(input, init), moves, provider, secrets })
      return new Response(JSON.stringify(answer.body), { status: answer.status })
    } catch (error) {
      failure = error // the package would wrap it and lose its outcome
      throw error
    }
  }
  let data: unknown
  try {
    data = await run(clientOf(credentials, send))
  } catch (error) {
    if (failure !== null) throw failure
    // Without an answer the package itself refused to send: our own mistake.
    if (answer === null) throw error
    const refused: Answer = answer
    if (!more.takesDeclines || !isDecline(refused)) throw refusalOf(refused, moves, secrets)
    return opened(refused.body, () => garbage({ moves, provider }, 402, redact(refused.body, secrets)))
  }
  const { status, body } = answer as unknown as Answer
  const unreadable = () => garbage({ moves, provider }, status, redact(body, secrets))
  const object = objectOf(data)
  if (object === null || status >= 400) throw unreadable()
  return opened(object, unreadable)
}

/** The package's own pinned API version. No retries: whoever calls us decides; and nobody else learns how fast we are. */
function clientOf(credentials: StripeCredentials, send: typeof fetch): Stripe {
  return new Stripe(credentials.secret_key, {
    httpClient: Stripe.createFetchHttpClient(send),
    maxNetworkRetries: 0,
    telemetry: false,
  })
}

/**
 * What the package wants to send, without its host: the transport's address stands for that, path prefix included
 * (the package has no such option).
 */
function wireOf(
  input: Parameters<typeof fetch>[0],
  init: Parameters<typeof fetch>[1],
): Pick<Exchange, 'method' | 'path' | 'headers' | 'body'> {
  const { pathname, search } = new URL(String(input))
  const headers = new Headers(init?.headers)
  headers.delete('content-length') // the transport counts for itself
  return {
    method: init?.method === 'POST' ? 'POST' : 'GET',
    path: pathname + search,
    headers: Object.fromEntries(headers),
    ...(typeof init?.body === 'string' && init.body !== '' && { body: init.body }),
  }
}

const isDecline = ({ status, body }: Answer): boolean => status === 402 && objectOf(body.error)?.type === 'card_error'

function refusalOf(answer: Answer, moves: boolean, secrets: readonly string[]): ChannelError {
  const { status, body } = answer
  const error = objectOf(body.error)
  if (error === null || status < 400) return garbage({ moves, provider }, status, redact(body, secrets))
  const words = typeof error.message === 'string' ? redactText(error.message, secrets) : ''
  const unsure = status === 409 || status === 424
  const limited = status === 400 && error.code === 'rate_limit'
  return new ChannelError(`Stripe refused: ${words || 'no reason given'}`, {
    outcome: moves && (unsure || error.type === 'idempotency_error') ? 'unknown' : 'rejected',
    reason: unsure ? 'unavailable' : limited ? 'rate_limited' : 'refused',
    status,
    answer: redact(body, secrets),
  })
}

/** Stripe has no such object (`resource_missing`, 404), or had it under another account's key. */
export function isMissing(error: unknown): boolean {
  if (!(error instanceof ChannelError) || error.status !== 404) return false
  return objectOf(objectOf(error.answer)?.error)?.code === 'resource_missing'
}

import { ChannelError, type ChannelTransport } from '../channel.ts'
import { type Exchange, exchange, garbage, type Json, objectOf } from '../kit/exchange.ts'
import { redact, redactText } from '../kit/redact.ts'
import { wordOf } from '../kit/words.ts'

/** What a business gives us. Named as its fields are, so that what was stored parses again. */
export interface FlutterwaveCredentials {
  /** `FLWSECK_TEST-…-X` or `FLWSECK-…-X`: opens the API. */
  readonly secret_key: string
  /** The "secret hash" of the dashboard's webhook page: proves webhooks, opens nothing. */
  readonly secret_hash: string
  readonly public_key: string | null
}

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

export interface FlutterwaveAnswer {
  /** The envelope's `data`. */
  readonly data: unknown
  /** The error for an answer whose `data` is not what this call needs. */
  garbage(): ChannelError
}

const provider = 'Flutterwave'

/** A wrong key is 401; these are the words for it, whatever the status ("Errors", read 2026-11-20). */
const wrongKeyWords = /^(authorization required|merchant secret key required|invalid authorization key)\b/i

/**
 * One call of the Flutterwave v3 API. Envelope `{status: "success" | "error", message, data}`, where `status` is about
 * the call and never about the payment (Flutterwave's "Errors", read 2026-11-20). Throws `ChannelError` as `exchange`
 * does (a 503 after about 28 s may still be processing: `unknown`), and further: 4xx (`refused`, nothing moved), and
 * `status: "error"` in a 2xx (`refused`, but no proof that nothing moved).
 */
export async function callFlutterwave(
  transport: ChannelTransport,
  credentials: FlutterwaveCredentials,
  call: FlutterwaveCall,
): Promise<FlutterwaveAnswer> {
  const secrets = [credentials.secret_key, credentials.secret_hash, ...(call.secrets ?? [])]
  const headers = { authorization: `Bearer ${credentials.secret_key}` }
  const { status, body } = await exchange(transport, { ...call, headers, provider, secrets })
  const unreadable = () => garbage({ moves: call.moves, provider }, status, redact(body, secrets))
  const verdict = wordOf(body.status)
  if (verdict === 'success' && status < 400) return { data: body.data, garbage: unreadable }
  if (verdict !== 'error') throw unreadable()
  const message = typeof body.message === 'string' ? body.message.trim() : ''
  throw new ChannelError(`Flutterwave refused: ${redactText(message, secrets) || 'no reason given'}`, {
    outcome: call.moves && status < 400 ? 'unknown' : 'rejected',
    reason: wrongKeyWords.test(message) ? 'unauthorised' : 'refused',
    status,
    answer: redact(body, secrets),
  })
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

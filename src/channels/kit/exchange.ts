import { AssertionError } from 'node:assert'
import { causeOf, codeOf, networkError } from '../../platform/causes.ts'
import { ChannelError, type ChannelTransport } from '../channel.ts'
import { redact, redactText } from './redact.ts'

/**
 * One HTTP exchange with a provider that speaks JSON: sends once, reads a bounded body, and turns everything that is no
 * answer into a `ChannelError`. What an answer means is the adapter's business.
 */

export type Json = Record<string, unknown>

export interface Exchange {
  readonly method: 'GET' | 'POST'
  /** With its leading slash and its query; parts already encoded. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  /** JSON, or a text that is encoded already: then `headers` name its content type. */
  readonly body?: Json | string
  /** Whether the call can move money: decides what an absent answer means (`unknown`) or does not (`rejected`). */
  readonly moves: boolean
  /** The provider's name, for the error's words. */
  readonly provider: string
  /** Values that must never show in an error. */
  readonly secrets: readonly string[]
}

export interface Answer {
  readonly status: number
  readonly body: Json
}

/** Far above any single answer (a verified payment is about 3 KB, 100 listed refunds about 80 KB). */
const bodyBytesMax = 1024 * 1024

/**
 * Answers 2xx and 4xx whose body is a JSON object; 401, 403 and 429 throw like everything else. Throws `ChannelError`:
 *
 * | what came back | reason | outcome if the call moves money (else `rejected`) |
 * | --- | --- | --- |
 * | nothing: cut off, too late | unavailable | unknown |
 * | no connection at all (see `neverSent`) | unavailable | rejected |
 * | 429 | rate_limited | rejected |
 * | 401, 403 | unauthorised | rejected |
 * | 408, 5xx | unavailable | unknown |
 * | 3xx, no JSON object, more than 1 MiB | garbage | unknown |
 */
export async function exchange(transport: ChannelTransport, call: Exchange): Promise<Answer> {
  const body = typeof call.body === 'string' ? call.body : call.body && JSON.stringify(call.body)
  let response: Response
  let text: string | null
  try {
    response = await transport.fetch(transport.baseUrl + call.path, {
      method: call.method,
      headers: {
        accept: 'application/json',
        ...(body && { 'content-type': 'application/json' }),
        ...call.headers,
      },
      ...(body && { body }),
      // A redirect would repeat the call, with its key, at an address that nobody configured.
      redirect: 'manual',
    })
    text = await readText(response)
  } catch (cause) {
    if (cause instanceof AssertionError) throw cause // our own mistake, found on the way out (I15 of docs/invariants.md): nothing was sent
    throw new ChannelError(`${call.provider} did not answer: ${redactText(wordsOf(cause), call.secrets)}`, {
      outcome: call.moves && !neverSent.has(codeOf(cause)) ? 'unknown' : 'rejected',
      reason: 'unavailable',
      failure: causeOf(cause),
      code: codeOf(cause),
    })
  }
  const parsed = text === null ? null : parseObject(text)
  const failure = failureOf(response.status)
  if (failure) {
    throw new ChannelError(`${call.provider} ${failure.words} (HTTP ${response.status}).`, {
      outcome: call.moves && !failure.nothingMoved ? 'unknown' : 'rejected',
      reason: failure.reason,
      status: response.status,
      answer: evidence(parsed, text, call.secrets),
      retryAfterMs: retryAfterMs(response.headers),
    })
  }
  if (parsed === null || (response.status >= 300 && response.status < 400)) {
    throw garbage(call, response.status, evidence(parsed, text, call.secrets))
  }
  return { status: response.status, body: parsed }
}

/** The answer cannot be understood: for a call that moves money nothing is known. `answer` must be redacted. */
export function garbage(call: Pick<Exchange, 'moves' | 'provider'>, status: number, answer: unknown): ChannelError {
  return new ChannelError(`${call.provider} answered something that cannot be understood (HTTP ${status}).`, {
    outcome: call.moves ? 'unknown' : 'rejected',
    reason: 'garbage',
    status,
    answer,
  })
}

interface Failure {
  readonly reason: ChannelError['reason']
  readonly words: string
  /** The provider turned the call away before doing anything. */
  readonly nothingMoved: boolean
}

function failureOf(status: number): Failure | null {
  if (status === 429) return { reason: 'rate_limited', words: 'asks for fewer calls', nothingMoved: true }
  if (status === 401 || status === 403) return { reason: 'unauthorised', words: 'refused the key', nothingMoved: true }
  if (status === 408 || status >= 500) return { reason: 'unavailable', words: 'is not available', nothingMoved: false }
  return null
}

/**
 * JSON whose numbers keep all their digits: whole ones beyond 2^53 stay text, because providers' ids are 64-bit and a
 * rounded id is another payment's; so do decimals that a JS number would print otherwise (`0.30000000000000001`), so
 * that `String(number)` is the amount that was sent. Throws `SyntaxError`.
 */
export function parseJson(text: string): unknown {
  return JSON.parse(text, (_key, value: unknown, context?: { source: string }) =>
    typeof value === 'number' && context && !isExact(value, context.source) ? context.source : value,
  )
}

/** Whether the number still says what its source text said; exponents are nobody's amount and stay as JSON has them. */
function isExact(value: number, source: string): boolean {
  if (/^-?\d+$/.test(source)) return Number.isSafeInteger(value)
  return !/^-?\d+\.\d+$/.test(source) || String(value) === source.replace(/\.?0+$/, '')
}

/** The parsed value if it is a plain object; null for everything else. */
export function objectOf(value: unknown): Json | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : null
}

function parseObject(text: string): Json | null {
  try {
    return objectOf(parseJson(text))
  } catch {
    return null // no JSON: the caller reports what came instead
  }
}

/** The body as text; null when it is longer than the bound. Rejects when the connection breaks on the way. */
async function readText(response: Response): Promise<string | null> {
  if (!response.body) return ''
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response.body) {
    bytes += chunk.byteLength
    if (bytes > bodyBytesMax) return null // leaving the loop cancels the rest
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function evidence(body: Json | null, text: string | null, secrets: readonly string[]): unknown {
  if (body) return redact(body, secrets)
  return text === null ? { text: '(more than 1 MiB)' } : { text: redactText(text, secrets) }
}

/**
 * `Retry-After` (RFC 9110 §10.2.3) in milliseconds: seconds, or a date, which is measured against the answer's own
 * `Date` so that nobody's clock matters. Null where it is absent or nonsense; never negative.
 */
export function retryAfterMs(headers: Headers): number | null {
  const value = headers.get('retry-after')?.trim()
  if (!value) return null
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000
  if (!/^[A-Z][a-z]{2}, .* GMT$/.test(value)) return null
  const waitMs = Date.parse(value) - Date.parse(headers.get('date') ?? '')
  return Number.isNaN(waitMs) ? null : Math.max(0, waitMs)
}

/**
 * Faults of looking up or opening a connection: not one byte of the call left us. Only codes that cannot come from an
 * open connection stand here; a reset, an unreachable net or a time limit may strike after the provider did the work.
 */
const neverSent: ReadonlySet<string | null> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
])

function wordsOf(error: unknown): string {
  const code = codeOf(error)
  const words = networkError(error)?.message || (error instanceof Error ? error.message : String(error))
  return code === null || words.includes(code) ? words : `${words} (${code})`
}

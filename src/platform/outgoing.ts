/**
 * Every HTTP call that leaves us: to providers (whom we chose) and to webhook addresses (which strangers chose).
 * Both are bounded in time and size, follow no redirect, and are sent once: whether to try again is the caller's
 * decision (I13 of docs/invariants.md), and a connection to the database is never held meanwhile (I15 of docs/invariants.md). Redirects are answers.
 */

import { lookup as systemLookup } from 'node:dns/promises'
import { isIP, type LookupFunction } from 'node:net'
import { Agent, buildConnector, type Dispatcher, request, fetch as undiciFetch } from 'undici'
import { whyNotPublic } from './addresses.ts'

/** Longest URL that we store or call, in characters; what common servers and proxies still take. */
const urlLengthMax = 2048

/** Of a webhook's answer this much is kept, in bytes: enough for a person to see what went wrong. */
const excerptBytes = 1024

/** Longest that an idle connection is kept however long the far side offers, in ms; it also bounds an old DNS answer. */
const idleMaxMs = 60_000

export interface ProviderFetchOptions {
  /** Whom we call, for error messages. */
  readonly name: string
  /** From the call to the last byte of the answer, ms. */
  readonly timeoutMs?: number
  /** Greatest answer after decompression, bytes. */
  readonly maxResponseBytes?: number
  /** Called before each call goes out; when it throws, nothing goes out. Asserts I15 in tests. */
  readonly onCall?: () => void
}

export interface ProviderFetch {
  readonly fetch: typeof globalThis.fetch
  /** Waits for the calls under way, at most their `timeoutMs`. */
  close(): Promise<void>
}

/**
 * A `fetch` over one keep-alive agent. It resolves when the whole answer is here, and rejects as `fetch` does:
 * `TypeError` with the network's error as `cause`, `DOMException` `TimeoutError` after `timeoutMs`. Takes no `Request`.
 */
export function createProviderFetch(options: ProviderFetchOptions): ProviderFetch {
  const { name, timeoutMs = 20_000, maxResponseBytes = 5 * 1024 * 1024, onCall } = options
  const agent = new Agent({
    // Half of the limit, so that "never connected, nothing can have moved" is told apart from "no answer".
    connect: { timeout: timeoutMs / 2 },
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    keepAliveMaxTimeout: idleMaxMs,
    // HTTP/1.1 only: an HTTP/2 GOAWAY makes undici send requests again by itself.
    allowH2: false,
  })
  const closeOnce = closing(agent)
  return {
    fetch: async (input, init) => {
      if (input instanceof Request) throw new TypeError(`${name}: give a URL and options, not a Request`)
      onCall?.()
      const limit = startLimit(timeoutMs, `${name}: no complete answer within ${timeoutMs} ms`)
      const signal = init?.signal ? AbortSignal.any([init.signal, limit.signal]) : limit.signal
      const call = { ...init, signal, redirect: 'manual', dispatcher: agent.compose(sendOnce) }
      try {
        // Our types are Node's copy of undici's, which differ only in name.
        const answer = (await undiciFetch(input, call as object)) as unknown as Response
        return await readWhole(answer, maxResponseBytes, name)
      } finally {
        limit.stop()
      }
    },
    close: closeOnce,
  }
}

/** undici's fetch sends a request again after a 421 (Fetch standard); for us that would be money moved twice. */
const sendOnce: Dispatcher.DispatcherComposeInterceptor = (dispatch) => {
  let sent = false
  return (options, handler) => {
    if (sent) throw new Error('a call is sent once')
    sent = true
    return dispatch(options, handler)
  }
}

/** Reading here keeps the body inside the limits even when the caller never reads it, and frees the connection. */
async function readWhole(answer: Response, maxBytes: number, name: string): Promise<Response> {
  const chunks: Uint8Array[] = []
  let size = 0
  // Leaving the loop cancels the body, which closes the connection.
  for await (const chunk of answer.body ?? []) {
    size += chunk.byteLength
    if (size > maxBytes) throw new TypeError(`${name}: the answer is larger than ${maxBytes} bytes`)
    chunks.push(chunk)
  }
  const headers = new Headers([...answer.headers])
  // The body is decoded by now, so these would no longer be true of it.
  headers.delete('content-encoding')
  headers.delete('content-length')
  // The constructor refuses a body, even an empty one, with these statuses.
  const body = [204, 205, 304].includes(answer.status) ? null : Buffer.concat(chunks)
  return new Response(body, { status: answer.status, statusText: answer.statusText, headers })
}

export type UrlCheck = { readonly ok: true; readonly url: URL } | { readonly ok: false; readonly reason: string }

/** Whether this can be a webhook or redirect URL, by its form only; says nothing of where it leads. Never throws. */
export function assertWebhookUrl(text: string): UrlCheck {
  const refuse = (reason: string): UrlCheck => ({ ok: false, reason })
  if (text.length > urlLengthMax) return refuse(`longer than ${urlLengthMax} characters`)
  // The URL standard drops or turns these silently; other readers of the same text (browsers, logs) may not.
  if (/[\s\p{Cc}\\]/u.test(text)) return refuse('contains spaces, control characters or backslashes')
  if (!/^https?:\/\/[^/?#]/i.test(text)) return refuse('must start with http:// or https:// and a host')
  const url = URL.parse(text)
  if (url === null || url.hostname === '') return refuse('not a valid URL')
  // Any port may be used: what is reachable on a public address is public.
  if (url.username !== '' || url.password !== '') return refuse('must not contain a user name or password')
  if (url.href.length > urlLengthMax) return refuse(`longer than ${urlLengthMax} characters`)
  return { ok: true, url }
}

export interface ResolvedAddress {
  readonly address: string
  readonly family: number
}

export interface WebhookSenderOptions {
  /** True lets webhooks reach private networks (development, single-tenant hosting); the other rules stay. */
  readonly allowPrivate: boolean
  /** All addresses of a host name; the system's resolver unless told. */
  readonly resolve?: (host: string) => Promise<readonly ResolvedAddress[]>
  /** From the call to the last byte that we read, name lookup included, ms. */
  readonly timeoutMs?: number
  /** After this much of an answer we hang up, bytes; the first 1024 bytes are kept. */
  readonly maxResponseBytes?: number
  /** For tests alone: where a checked address is really dialled. */
  readonly connectTo?: (checkedAddress: string) => string
}

/**
 * `answered`: a status came, whatever it is; the excerpt may be short where the body broke off or never ended.
 * `blocked`: not sent, and never will be under this URL and its present addresses. `failed`: no status came,
 * and the receiver may have got it or not. Reasons are for the owner of the URL and hold no address.
 */
export type WebhookAnswer =
  | { readonly kind: 'answered'; readonly status: number; readonly excerpt: string; readonly durationMs: number }
  | { readonly kind: 'blocked'; readonly reason: string }
  | { readonly kind: 'failed'; readonly reason: string; readonly durationMs: number }

export interface WebhookSender {
  /** POSTs once to a URL that a stranger gave; `signal` gives it up early. Never throws. */
  post(url: string, headers: Record<string, string>, body: string, signal?: AbortSignal): Promise<WebhookAnswer>
  /** Waits for the posts under way, at most their `timeoutMs`. */
  close(): Promise<void>
}

/**
 * Sends to strangers' URLs and, unless told, only to the public internet (I17 of docs/invariants.md).
 * The check sits in the agent's connector: the addresses that were checked are the ones that the socket is given,
 * so a name that changes its mind between check and connect changes nothing. Reusing a kept-alive connection asks
 * no resolver and is safe for the same reason: it leads to an address that was checked when it was opened.
 */
export function createWebhookSender(options: WebhookSenderOptions): WebhookSender {
  const { timeoutMs = 15_000, maxResponseBytes = 64 * 1024 } = options
  const agent = new Agent({
    connect: guardedConnector(options, timeoutMs),
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    keepAliveMaxTimeout: idleMaxMs,
    allowH2: false,
  })
  const post: WebhookSender['post'] = async (text, headers, body, given) => {
    const checked = assertWebhookUrl(text)
    if (!checked.ok) return { kind: 'blocked', reason: checked.reason }
    const startedAt = performance.now()
    const durationMs = () => Math.round(performance.now() - startedAt)
    const limit = startLimit(timeoutMs, 'webhook time limit')
    try {
      const signal = given ? AbortSignal.any([given, limit.signal]) : limit.signal
      const call = { dispatcher: agent, method: 'POST', headers, body, signal } as const
      // undici notices an abort only once it has a connection (and then does not send); we do not wait for that.
      const answer = await Promise.race([request(checked.url, call), aborted(signal)])
      const excerpt = await readExcerpt(answer.body, maxResponseBytes)
      return { kind: 'answered', status: answer.statusCode, excerpt, durationMs: durationMs() }
    } catch (error) {
      if (error instanceof BlockedAddress) return { kind: 'blocked', reason: error.message }
      return { kind: 'failed', reason: failureWords(error, timeoutMs), durationMs: durationMs() }
    } finally {
      limit.stop()
    }
  }
  return { post, close: closing(agent) }
}

/** The host, or one of its addresses, is not one that a stranger may have us call. */
class BlockedAddress extends Error {}

/** Opens connections to checked addresses only; Host header and TLS name stay those of the URL. */
function guardedConnector(options: WebhookSenderOptions, timeoutMs: number): buildConnector.connector {
  const { allowPrivate, resolve = resolveAll, connectTo = (address) => address } = options

  const checkedAddresses = async (host: string): Promise<ResolvedAddress[]> => {
    // RFC 6761: these names are this machine, whatever a resolver says.
    if (!allowPrivate && /(^|\.)localhost\.*$/i.test(host)) throw new BlockedAddress('the host is this machine')
    const addresses = await resolve(host)
    if (addresses.length === 0) throw Object.assign(new Error('no address'), { code: 'ENOTFOUND' })
    // One bad address among good ones refuses them all: which one the socket would pick is not ours to guess.
    for (const { address } of addresses) check(address)
    return addresses.map(({ address }) => dialled(address))
  }

  const check = (address: string): void => {
    const reason = allowPrivate ? null : whyNotPublic(address)
    if (reason !== null) throw new BlockedAddress(`the host leads to ${reason}`)
  }

  const dialled = (checkedAddress: string): ResolvedAddress => {
    const address = connectTo(checkedAddress)
    return { address, family: isIP(address) }
  }

  const lookup: LookupFunction = (host, { all }, callback) => {
    checkedAddresses(host).then(
      (list) => (all ? callback(null, list) : callback(null, list[0]!.address, list[0]!.family)),
      (error) => callback(error, ''),
    )
  }

  const connect = buildConnector({ timeout: timeoutMs, allowH2: false, lookup })
  return (to, callback) => {
    const literal = to.hostname.replace(/^\[|\]$/g, '')
    if (isIP(literal) === 0) return connect(to, callback)
    // Sockets ask no `lookup` for an address written out, so it is checked here. The URL parser has already turned
    // decimal, octal, hexadecimal, short, percent-encoded and full-width spellings into the plain one.
    try {
      check(literal)
      connect({ ...to, hostname: dialled(literal).address }, callback)
    } catch (error) {
      queueMicrotask(() => callback(error as Error, null))
    }
  }
}

const resolveAll = (host: string) => systemLookup(host, { all: true })

/**
 * The first `excerptBytes` of a body as text. An error in here changes nothing: the status has come, and a receiver
 * that answers 200 and then breaks off has answered; so it ends the excerpt and is not passed on.
 */
async function readExcerpt(body: AsyncIterable<Buffer>, maxBytes: number): Promise<string> {
  const kept: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of body) {
      if (size < excerptBytes) kept.push(chunk.subarray(0, excerptBytes - size))
      size += chunk.byteLength
      // Read on to the end of a modest answer, so that its connection can be used again; leave an endless one.
      if (size > maxBytes) break
    }
  } catch {}
  // `stream` drops a character cut in half at the end; PostgreSQL's text cannot hold U+0000.
  return new TextDecoder().decode(Buffer.concat(kept), { stream: true }).replaceAll('\0', '\uFFFD')
}

const wordsOfCode: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection closed without an answer',
  EPIPE: 'connection closed without an answer',
  UND_ERR_SOCKET: 'connection closed without an answer',
  EHOSTUNREACH: 'host cannot be reached',
  ENETUNREACH: 'host cannot be reached',
  ENOTFOUND: 'host name not found',
  EAI_AGAIN: 'host name lookup failed',
  ETIMEDOUT: 'no connection in time',
  UND_ERR_CONNECT_TIMEOUT: 'no connection in time',
}

/** What the owner of the URL is told: our words or the error's code, never its message, which may hold addresses. */
function failureWords(error: unknown, timeoutMs: number): string {
  const { name, code } = error as { name?: unknown; code?: unknown }
  if (name === 'TimeoutError' || code === 'UND_ERR_HEADERS_TIMEOUT') return `no answer within ${timeoutMs} ms`
  if (typeof code !== 'string') return 'could not be sent'
  return wordsOfCode[code] ?? `could not be sent (${code})`
}

/** Aborts with a `TimeoutError` after `timeoutMs`, unless stopped. */
function startLimit(timeoutMs: number, message: string): { signal: AbortSignal; stop: () => void } {
  const controller = new AbortController()
  const timer = setTimeout(() => controller.abort(new DOMException(message, 'TimeoutError')), timeoutMs)
  return { signal: controller.signal, stop: () => clearTimeout(timer) }
}

/** Rejects with the signal's reason, once it is there. */
function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}

/** undici rejects a second `close`; shutting down twice is no error of ours. */
function closing(agent: Agent): () => Promise<void> {
  let closed: Promise<void> | undefined
  return () => {
    closed ??= agent.close()
    return closed
  }
}

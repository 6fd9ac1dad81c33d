/**
 * What kept an HTTP call from being answered. A bounded set: it is a label of metrics. `status`: the far side answered
 * that it cannot; `unreadable`: what it answered cannot be understood; `not_sent`: we did not ask.
 */
export type CallCause =
  | 'dns'
  | 'refused'
  | 'unreachable'
  | 'tls'
  | 'timeout'
  | 'reset'
  | 'status'
  | 'unreadable'
  | 'not_sent'
  | 'other'

/** Codes of Node.js (`errno`, `dns`), undici 8 and OpenSSL; those of certificates are words and follow below. */
const causes: Readonly<Record<string, CallCause>> = {
  ENOTFOUND: 'dns',
  EAI_AGAIN: 'dns',
  EAI_FAIL: 'dns',
  EAI_NODATA: 'dns',
  ENODATA: 'dns',
  ESERVFAIL: 'dns',
  ECONNREFUSED: 'refused',
  ENETUNREACH: 'unreachable',
  EHOSTUNREACH: 'unreachable',
  EADDRNOTAVAIL: 'unreachable',
  ETIMEDOUT: 'timeout',
  UND_ERR_CONNECT_TIMEOUT: 'timeout',
  UND_ERR_HEADERS_TIMEOUT: 'timeout',
  UND_ERR_BODY_TIMEOUT: 'timeout',
  ECONNRESET: 'reset',
  EPIPE: 'reset',
  UND_ERR_SOCKET: 'reset',
  UND_ERR_RESPONSE: 'unreadable',
  UND_ERR_RES_EXCEEDED_MAX_SIZE: 'unreadable',
  EPROTO: 'tls',
}

/** Faults of a handshake or a certificate (`ERR_TLS_CERT_ALTNAME_INVALID`, `ERR_SSL_WRONG_VERSION_NUMBER`, `CERT_HAS_EXPIRED`). */
const tlsCode =
  /^ERR_(?:TLS|SSL)_|^(?:CERT|CRL)_|_CERT(?:_|$)|^(?:SELF_SIGNED|UNABLE_TO|DEPTH_ZERO|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE)/

/** Of whatever `fetch` or undici rejected with; the error of the network is its `cause`. */
export function causeOf(error: unknown): CallCause {
  const network = networkError(error)
  if (network?.name === 'TimeoutError' || network?.name === 'AbortError') return 'timeout'
  // What came was no HTTP; undici 8 means to say which `HPE_…`, and leaves the code undefined.
  if (network?.name === 'HTTPParserError') return 'unreadable'
  const code = codeOf(error)
  if (code === null) return 'other'
  return causes[code] ?? (tlsCode.test(code) ? 'tls' : 'other')
}

/** `fetch failed` says nothing; its cause names the fault. */
export const networkError = (error: unknown): Error | null =>
  error instanceof Error ? (error.cause instanceof Error ? error.cause : error) : null

/** The fault's own code; null where it has none. */
export function codeOf(error: unknown): string | null {
  const { code } = (networkError(error) ?? {}) as { code?: unknown }
  return typeof code === 'string' ? code : null
}

type Details = Record<string, unknown>

/** An answer in Stripe's error envelope. */
export class StripeError extends Error {
  readonly statusCode: number
  readonly body: { error: Details }
  /** The work had begun: its idempotency key gives this answer again. */
  readonly executed: boolean

  constructor(statusCode: number, type: string, message: string, more: Details = {}, executed = false) {
    super(message)
    this.statusCode = statusCode
    const code = more.code
    const docs = typeof code === 'string' ? { doc_url: docUrl(code) } : {}
    this.body = { error: { ...more, ...docs, message, type } }
    this.executed = executed
  }
}

export const docUrl = (code: string): string => `https://stripe.com/docs/error-codes/${code.replaceAll('_', '-')}`

/** HTTP 400: a request that makes no sense, with the parameter that is to blame. */
export function invalid(message: string, param: string | null = null, code: string | null = null): StripeError {
  return new StripeError(400, 'invalid_request_error', message, {
    ...(code !== null && { code }),
    ...(param !== null && { param }),
  })
}

export function missing(param: string): StripeError {
  return invalid(`Missing required param: ${param}.`, param, 'parameter_missing')
}

/** HTTP 404, also for another account's object. */
export function noSuch(kind: string, id: string, param: string): StripeError {
  const more = { code: 'resource_missing', param }
  return new StripeError(404, 'invalid_request_error', `No such ${kind}: '${id}'`, more)
}

export function invalidKey(key: string | null): StripeError {
  if (key === null) {
    const words = 'You did not provide an API key. Provide it as a bearer token: Authorization: Bearer YOUR_SECRET_KEY'
    return new StripeError(401, 'invalid_request_error', words)
  }
  return new StripeError(401, 'invalid_request_error', `Invalid API Key provided: ${masked(key)}`)
}

/** Stripe shows the beginning and the last four. */
function masked(key: string): string {
  return `${key.slice(0, 8)}${'*'.repeat(Math.min(20, Math.max(0, key.length - 12)))}${key.length > 12 ? key.slice(-4) : ''}`
}

/** One row of the published error table (docs/errors.md, kept equal by a test). */
export interface ErrorRow {
  /** Three digits, stable for ever. */
  readonly code: string
  readonly name: string
  /** HTTP status. */
  readonly status: number
  readonly message: string
  /** What the caller can do about it. */
  readonly description: string
  /** True of this moment alone: the same call may succeed soon, so it is not kept under an `Idempotency-Key`. */
  readonly isPassing?: true
}

export interface ErrorDetails {
  /** Replaces the row's message where it can say more. */
  message?: string
  /** `error_data`: field errors, or the provider's own answer with secrets removed. */
  data?: unknown
  headers?: Record<string, string>
}

/** An error that the caller can act on: one row, public words, and the data that goes with it. */
export class ApiError extends Error {
  readonly row: ErrorRow
  readonly data: unknown
  readonly headers: Record<string, string>
  /** Fastify reads this name. */
  readonly statusCode: number
  constructor(row: ErrorRow, details: ErrorDetails = {}) {
    super(details.message ?? row.message)
    this.name = 'ApiError'
    this.row = row
    this.data = details.data ?? null
    this.headers = details.headers ?? {}
    this.statusCode = row.status
  }
}

/** The failure envelope; `error`, `error_code` and `error_description` are never empty (the SDKs depend on it). */
export const failure = (error: ApiError) => ({
  status: 'failed',
  message: error.message,
  error: error.row.name,
  error_code: error.row.code,
  error_description: error.row.description,
  error_data: error.data,
})

/** Errors of the transport itself; each noun keeps its own in its `errors.ts`. */
export const httpErrors = {
  validationFailed: {
    code: '005',
    name: 'VALIDATION_FAILED',
    status: 422,
    message: 'The request holds fields that are missing or wrong',
    description: 'error_data names every wrong field and says what is wrong with it. Correct them and send again.',
  },
  malformedRequest: {
    code: '006',
    name: 'MALFORMED_REQUEST',
    status: 400,
    message: 'The request could not be read',
    description: 'Send a JSON body with the header Content-Type: application/json.',
  },
  requestTooLarge: {
    code: '006',
    name: 'MALFORMED_REQUEST',
    status: 413,
    message: 'The request body is too large',
    description: 'Send less: bodies are limited to 128 KiB unless the endpoint says otherwise.',
  },
  notFound: {
    code: '007',
    name: 'RESOURCE_NOT_FOUND',
    status: 404,
    message: 'There is no such resource',
    description: 'It does not exist for this business and mode. Check the address, the id and which key you use.',
  },
  methodNotAllowed: {
    code: '008',
    name: 'METHOD_NOT_ALLOWED',
    status: 405,
    message: 'This address does not take that method',
    description: 'The Allow header names the methods that it takes.',
  },
  tooManyRequests: {
    code: '009',
    name: 'TOO_MANY_REQUESTS',
    status: 429,
    message: 'Too many requests',
    description: 'Wait as many seconds as Retry-After says, then go on more slowly.',
    isPassing: true,
  },
  idempotencyKeyReused: {
    code: '011',
    name: 'IDEMPOTENCY_KEY_REUSED',
    status: 422,
    message: 'This idempotency key was used for another request',
    description: 'A key belongs to one request: same path, same body. Make a new key for a new request.',
  },
  idempotencyKeyInUse: {
    code: '012',
    name: 'IDEMPOTENCY_KEY_IN_USE',
    status: 409,
    message: 'The first request with this idempotency key is still running',
    description: 'Wait a little and send the same request again: you will get the first answer.',
    isPassing: true,
  },
  unavailable: {
    code: '090',
    name: 'SERVICE_UNAVAILABLE',
    status: 503,
    message: 'The service cannot answer right now',
    description:
      'Nothing was lost. Send the same request again after Retry-After seconds, with the same Idempotency-Key.',
  },
  internal: {
    code: '099',
    name: 'INTERNAL_ERROR',
    status: 500,
    message: 'Something went wrong on our side',
    description: 'error_data holds the request id. Quote it when you report this.',
  },
} as const satisfies Record<string, ErrorRow>

/** 404 that names the kind; the same words for what does not exist and for what is another business's. */
export const notFound = (kind: string, field?: string): ApiError =>
  new ApiError(httpErrors.notFound, {
    message: `There is no such ${kind}`,
    ...(field ? { data: { [field]: [`There is no such ${kind}.`] } } : {}),
  })

/** `field` → words, for every wrong field at once. */
export type FieldErrors = Record<string, string[]>

export const invalid = (fields: FieldErrors): ApiError => new ApiError(httpErrors.validationFailed, { data: fields })

import { businessErrors } from '../domain/businesses/errors.ts'
import { customerErrors } from '../domain/customers/errors.ts'
import { paymentRequestErrors } from '../domain/payment-requests/errors.ts'
import { type ErrorRow, httpErrors } from '../platform/errors.ts'
import type { Operation } from './operations.ts'
import type { Json } from './shape.ts'

/** Which errors an operation can give, and the shape of each: one schema an error, made of its row. */

/** Who may call: with a secret key, with a public one, or whoever signs the body. */
export type Opened = 'secret' | 'public' | 'signature'

export interface Kind {
  readonly method: string
  readonly opened: Opened
  readonly hasBody: boolean
  readonly hasQuery: boolean
  readonly hasParams: boolean
}

const keyErrors: Record<Opened, readonly ErrorRow[]> = {
  secret: [businessErrors.invalidSecretKey, businessErrors.incorrectSecretKey, businessErrors.keyScopeMissing],
  public: [businessErrors.invalidPublicKey, businessErrors.incorrectPublicKey],
  signature: [],
}

/** In the order of their status, each once. */
export function errorsOf(operation: Operation, kind: Kind): ErrorRow[] {
  const isKeyedPost = kind.method === 'POST' && kind.opened !== 'signature'
  const rows = [
    ...(kind.hasBody || kind.opened === 'signature' ? [httpErrors.malformedRequest, httpErrors.requestTooLarge] : []),
    ...keyErrors[kind.opened],
    ...(kind.hasParams ? [httpErrors.notFound] : []),
    ...(isKeyedPost ? [httpErrors.idempotencyKeyInUse] : []),
    ...(kind.hasBody || kind.hasQuery || isKeyedPost ? [httpErrors.validationFailed] : []),
    ...(isKeyedPost ? [httpErrors.idempotencyKeyReused] : []),
    ...[httpErrors.tooManyRequests, httpErrors.internal, httpErrors.unavailable],
    ...(operation.errors ?? []),
  ]
  return [...new Set(rows)].sort((a, b) => a.status - b.status || a.code.localeCompare(b.code))
}

/** `PAYMENT_DECLINED` → `PaymentDeclinedError`. Rows of one name differ in their status alone, and share a schema. */
export const errorSchemaName = (row: ErrorRow): string =>
  `${row.name
    .toLowerCase()
    .replace(/(?:^|_)(.)/g, (_, letter: string) => letter.toUpperCase())
    .replace(/Error$/, '')}Error`

const text = { type: 'string' }
const holding = (properties: Json, required = Object.keys(properties)): Json => ({
  type: 'object',
  properties,
  required,
  additionalProperties: true,
})
const fieldErrors = { $ref: '#/components/schemas/FieldErrors' }

/** What `error_data` holds where it always holds the same. */
const dataOf: Readonly<Record<string, Json>> = {
  [httpErrors.validationFailed.name]: fieldErrors,
  [businessErrors.keyScopeMissing.name]: holding({ scope: text }),
  [customerErrors.alreadyExists.name]: holding(
    { email: { type: 'array', items: text }, customer_uuid: { type: 'string', format: 'uuid' } },
    ['email'],
  ),
  [paymentRequestErrors.duplicateReference.name]: fieldErrors,
  [paymentRequestErrors.declined.name]: holding({
    reason: { type: ['string', 'null'], description: 'Why, in the words of the channel' },
    payment_request_ref: { type: 'string', description: 'The `ref` of the payment request that was made for it' },
  }),
  [paymentRequestErrors.payerActionRequired.name]: holding({
    action: { type: 'string', format: 'uri', description: 'The page to send the customer to' },
    payment_request_ref: { type: 'string', description: 'The `ref` of the payment request, which stays open' },
  }),
  [httpErrors.internal.name]: holding({ request_id: text }),
}
const anyData = { type: ['object', 'null'], additionalProperties: true, description: 'What goes with it, or null' }

/** The failure envelope of one error. */
export const errorSchema = (row: ErrorRow): Json => ({
  type: 'object',
  description: `${row.message}. ${row.description}`,
  properties: {
    status: { type: 'string', const: 'failed' },
    message: { ...text, description: 'For people' },
    error: { type: 'string', const: row.name },
    error_code: { type: 'string', const: row.code },
    error_description: { ...text, description: 'What can be done about it' },
    error_data: dataOf[row.name] ?? anyData,
  },
  required: ['status', 'message', 'error', 'error_code', 'error_description', 'error_data'],
})

export const fieldErrorsSchema: Json = {
  type: 'object',
  description: 'For each field that is wrong, what is wrong with it; a field that is not known here is named too',
  additionalProperties: { type: 'array', items: text },
}

/** The answers of an operation that are failures, by status: references to what `failureResponse` makes. */
export function failureReferences(rows: readonly ErrorRow[]): Json {
  const byStatus = Map.groupBy(rows, (row) => row.status)
  return Object.fromEntries(
    [...byStatus].map(([status, ofStatus]) => [
      String(status),
      { $ref: `#/components/responses/${failureName(ofStatus)}` },
    ]),
  )
}

/** The same for all operations that give these errors with this status: `Failure401_001_002`. */
const failureName = (rows: readonly ErrorRow[]) =>
  [`Failure${rows[0]?.status}`, ...rows.map((row) => row.code)].join('_')

/** Each set of errors that some operation gives with one status. */
export function failureResponses(operations: readonly (readonly ErrorRow[])[]): Record<string, Json> {
  const sets = operations.flatMap((rows) => [...Map.groupBy(rows, (row) => row.status).values()])
  const byName = sets.map((rows): [string, Json] => [failureName(rows), failureResponse(rows)])
  return Object.fromEntries(byName.sort(([a], [b]) => a.localeCompare(b)))
}

function failureResponse(rows: readonly ErrorRow[]): Json {
  const refs = rows.map((row) => ({ $ref: `#/components/schemas/${errorSchemaName(row)}` }))
  const waits = rows[0]?.status === 429 || rows[0]?.status === 503
  return {
    description: rows.map((row) => `\`${row.name}\` (${row.code}): ${row.message}.`).join('\n\n'),
    headers: {
      'Request-Id': { $ref: '#/components/headers/RequestId' },
      ...(waits && { 'Retry-After': { $ref: '#/components/headers/RetryAfter' } }),
    },
    content: { 'application/json': { schema: refs.length === 1 ? refs[0] : { anyOf: refs } } },
  }
}

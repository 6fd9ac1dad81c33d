import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import type { FastifySchemaCompiler } from 'fastify'
import type { TSchema } from 'typebox'
import { cardNumberErrors } from './card-numbers.ts'
import { emailErrorOf } from './emails.ts'
import { type FieldErrors, invalid } from './errors.ts'
import { isRawNumber, isRecord } from './json.ts'
import { assertWebhookUrl } from './outgoing.ts'
import { isBlank } from './texts.ts'
import { findUnknown, type OtherNames, wordsOfUnknown } from './unknown-fields.ts'

/**
 * Requests are checked against the same schema that makes types and OpenAPI, and every wrong field is reported at
 * once, in words. `null` in an optional field means absent. Unknown fields are ignored.
 */

type Check = (body: Record<string, unknown>) => FieldErrors
const checks = new WeakMap<object, Check>()

/**
 * Adds what a schema cannot say (one field depends on another). `check` sees the body also when fields are wrong;
 * what it reports of a field that the schema refused already is dropped.
 */
export function withCheck<S extends TSchema>(schema: S, check: Check): S {
  checks.set(schema, check)
  return schema
}

const ajv = new Ajv({ allErrors: true, strict: false, coerceTypes: false, verbose: true })
ajv.addFormat('email', (text: string) => emailErrorOf(text) === null)
ajv.addFormat('visible', (text: string) => !isBlank(text))
ajv.addFormat('uuid', /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i)
ajv.addFormat('http-url', (text: string) => isHttpUrl(text))
ajv.addFormat('date-time', isTime)

/** An absolute http(s) address without credentials. */
export const isHttpUrl = (text: string): boolean => assertWebhookUrl(text).ok

const timeForm = /^(\d{4}-\d{2}-\d{2})(T\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})?)?$/

/** ISO 8601: a date, or a date and time. */
export function isTime(text: string): boolean {
  const day = timeForm.exec(text)?.[1]
  if (day === undefined || Number.isNaN(Date.parse(day)) || Number.isNaN(Date.parse(text))) return false
  // JavaScript takes 30 February for 2 March.
  return new Date(day).toISOString().startsWith(day)
}

/** What passed `isTime`, as one end of a range that includes it: UTC unless it says another zone, a bare date as the whole day. */
export function readTime(text: string, end: 'from' | 'to'): Date {
  const [, day, clock, , , zone] = timeForm.exec(text) ?? []
  if (clock === undefined) return new Date(`${day}T${end === 'from' ? '00:00:00.000' : '23:59:59.999'}Z`)
  return new Date(zone === undefined ? `${text}Z` : text)
}

/** `otherNames`: what fields of ours are called elsewhere. */
export const validatorFor =
  (otherNames: OtherNames): FastifySchemaCompiler<TSchema> =>
  ({ schema, httpPart }) => {
    const validate = ajv.compile(schema)
    const check = checks.get(schema)
    return (data: unknown) => {
      const errors = findErrors(data, schema, validate, check)
      if (httpPart === 'querystring') refuseUnknown(data, schema as Shape, errors)
      if (httpPart === 'body') refuseCardNumbers(data, errors)
      if (Object.keys(errors).length === 0) return { value: data }
      if (httpPart === 'body') nameUnknown(data, schema, otherNames, errors)
      return { error: invalid(errors) }
    }
  }

/** What was ignored may be what was meant: it is named beside what is wrong, and never wrong by itself. */
function nameUnknown(data: unknown, schema: TSchema, otherNames: OtherNames, errors: FieldErrors): void {
  for (const field of findUnknown(data, schema, otherNames)) errors[field.path] ??= [wordsOfUnknown(field)]
}

function findErrors(data: unknown, schema: TSchema, validate: ValidateFunction, check?: Check): FieldErrors {
  // Without a prototype: a stranger's field may be called `constructor`.
  const errors: FieldErrors = Object.create(null)
  if (isRecord(data)) tidy(data, schema as Shape)
  if (!validate(data)) for (const error of validate.errors ?? []) addError(errors, error)
  if (isRecord(data)) {
    const checkable = { ...data }
    for (const [field, value] of Object.entries(data)) {
      if (isStorable(value, 0)) continue
      errors[field] ??= [
        'This text holds characters that cannot be stored (NUL or half of a pair), or is nested too deep.',
      ]
      // A check that walks what is nested without end would use up the stack.
      checkable[field] = null
    }
    for (const [field, words] of Object.entries(check?.(checkable) ?? {})) errors[field] ??= words
  }
  return errors
}

/** What was refused already is not walked: it may be nested without end. */
function refuseCardNumbers(data: unknown, errors: FieldErrors): void {
  if (!isRecord(data)) return
  const left = Object.entries(data).filter(([field]) => !Object.hasOwn(errors, field))
  Object.assign(errors, cardNumberErrors(Object.fromEntries(left)))
}

interface Shape {
  properties?: Record<string, Shape>
  required?: string[]
  format?: string
}

/**
 * Absent and null are the same in an optional field, also inside objects that the schema describes; spaces around an
 * e-mail address are not its own.
 */
function tidy(data: Record<string, unknown>, shape: Shape): void {
  for (const [field, inner] of Object.entries(shape.properties ?? {})) {
    const value = data[field]
    if (value === null && !shape.required?.includes(field)) delete data[field]
    else if (typeof value === 'string' && inner.format === 'email') data[field] = value.trim()
    else if (isRecord(value) && inner.properties) tidy(value, inner)
  }
}

/** Whoever asks for `status[]=paid` would take the whole list for what they asked for. */
function refuseUnknown(data: unknown, { properties = {} }: Shape, errors: FieldErrors): void {
  if (!isList(properties)) return
  const known = Object.keys(properties).join(', ')
  for (const field of Object.keys(Object(data))) {
    if (Object.hasOwn(properties, field)) continue
    errors[field] = [`There is no filter of this name here. Those that there are: ${known}.`]
  }
}

/** Pages of ours and buyers' links may carry what others add to an address (`utm_source`); lists are asked by programs. */
const isList = (properties: Record<string, Shape>): boolean => 'per_page' in properties

/** More than any honest metadata needs, and far below what the database's own parser bears. */
const depthMax = 16

function isStorable(value: unknown, depth: number): boolean {
  if (typeof value === 'string') return value.isWellFormed() && !value.includes('\0')
  if (typeof value !== 'object' || value === null || isRawNumber(value)) return true
  if (depth >= depthMax) return false
  return Object.entries(value).every(([key, inner]) => isStorable(key, depth) && isStorable(inner, depth + 1))
}

function addError(errors: FieldErrors, error: ErrorObject): void {
  const path = error.instancePath.slice(1).replaceAll('/', '.')
  const field = error.keyword === 'required' ? join(path, error.params.missingProperty as string) : path || 'body'
  const words = describe(field, error)
  errors[field] ??= []
  if (words && !errors[field].includes(words)) errors[field].push(words)
}

const join = (path: string, name: string) => (path ? `${path}.${name}` : name)

const formats: Record<string, string> = {
  visible: 'must hold something that can be seen',
  uuid: 'must be a UUID',
  'http-url': 'must be an http or https address without a user name or password',
  'date-time': 'must be an ISO 8601 time such as 2026-01-31T12:00:00Z',
}

function describe(field: string, error: ErrorObject): string {
  const the = `The ${field} field`
  const params = error.params as Record<string, unknown>
  switch (error.keyword) {
    case 'required':
      return `${the} is required.`
    case 'type':
      return `${the} must be ${[params.type].flat().join(' or ')}.`
    case 'minLength':
      return params.limit === 1 ? `${the} must not be empty.` : `${the} must have at least ${params.limit} characters.`
    case 'maxLength':
      return `${the} must have at most ${params.limit} characters.`
    case 'enum':
      return `${the} must be one of: ${(params.allowedValues as unknown[]).join(', ')}.`
    case 'format':
      return params.format === 'email'
        ? `${the} ${emailErrorOf(String(error.data))}.`
        : `${the} ${formats[String(params.format)] ?? 'has the wrong form'}.`
    case 'pattern':
      return `${the} has the wrong form.`
    default:
      return `${the} ${error.message ?? 'is wrong'}.`
  }
}

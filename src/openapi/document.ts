import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger'
import type { ErrorRow } from '../platform/errors.ts'
import { bodyLimitBytes } from '../platform/http.ts'
import { webhooksOf } from './events.ts'
import { answers, bodies } from './examples.ts'
import {
  errorSchema,
  errorSchemaName,
  errorsOf,
  failureReferences,
  failureResponses,
  fieldErrorsSchema,
  type Kind,
  type Opened,
} from './failures.ts'
import { schemaNames } from './names.ts'
import { type Operation, operations, tags } from './operations.ts'
import { hoist, isJson, type Json, mapSchemas, mapValues, orNull, simplify, withNulls } from './shape.ts'

/**
 * The published document, made of what the routes say. What is checked is the routes' own schemas, which this does not
 * touch: here stands what they cannot say, or say in words that generators of clients do not understand.
 */

type Collected = Extract<
  Parameters<NonNullable<FastifyDynamicSwaggerOptions['transformObject']>>[0],
  { openapiObject: object }
>['openapiObject']

export function publish(collected: Collected): Collected {
  const hoisted = hoist(named())
  const { refer, components } = hoisted
  const given: ErrorRow[][] = []
  const paths: Record<string, Json> = {}
  const found = collected.paths as Record<string, Record<string, Json>>
  for (const key of orderOf(found)) {
    const [method = '', path = ''] = key.split(' ')
    const said = operations[key]
    const route = found[path]?.[method.toLowerCase()]
    if (!said || !route) throw new Error(`${key} is in the routes or in the published operations, not in both`)
    const kind = kindOf(method, path, route)
    const rows = errorsOf(said, kind)
    given.push(rows)
    paths[path] = { ...paths[path], [method.toLowerCase()]: operationOf(route, said, kind, rows, hoisted) }
  }
  refer(named().Refund ?? {})
  const webhooks = webhooksOf(components)
  const rows = given.flat().sort((a, b) => a.code.localeCompare(b.code))
  const errors = rows.map((row): [string, Json] => [errorSchemaName(row), errorSchema(row)])
  const schemas = { ...components, FieldErrors: fieldErrorsSchema, ...Object.fromEntries(errors) }
  const tagList = Object.entries(tags).map(([name, description]) => ({ name, description }))
  return {
    ...collected,
    tags: tagList,
    paths,
    webhooks,
    components: { ...collected.components, headers, parameters, responses: failureResponses(given), schemas },
  } as unknown as Collected
}

/** In the words of the document; what only requests hold, as it is taken. */
function named(): Record<string, Json> {
  const plain = mapValues(schemaNames, (schema) => mapSchemas(JSON.parse(JSON.stringify(schema)), simplify))
  return { ...plain, NewCustomer: asTaken(plain.NewCustomer as Json) } as Record<string, Json>
}

const asTaken = (schema: Json): Json => withMoney(withNulls(schema))

/** By the table of operations; then whatever only the routes have, for which nobody has said anything. */
function orderOf(found: Record<string, Record<string, Json>>): string[] {
  const routed = Object.entries(found).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  )
  return [...new Set([...Object.keys(operations), ...routed])]
}

function kindOf(method: string, path: string, route: Json): Kind {
  const parameters = Array.isArray(route.parameters) ? route.parameters.filter(isJson) : []
  const opened: Opened = path.startsWith('/v1/system/')
    ? 'signature'
    : path.startsWith('/v1/sdk/')
      ? 'public'
      : 'secret'
  return {
    method,
    opened,
    hasBody: route.requestBody !== undefined,
    hasQuery: parameters.some((one) => one.in === 'query'),
    hasParams: parameters.some((one) => one.in === 'path'),
  }
}

type Hoisted = ReturnType<typeof hoist>

const security: Record<Opened, Record<string, string[]>[]> = {
  secret: [{ secretKey: [] }, { secretKeyAsBearer: [] }],
  public: [{ publicKey: [] }, { publicKeyAsBearer: [] }],
  signature: [],
}

function operationOf(route: Json, said: Operation, kind: Kind, rows: readonly ErrorRow[], hoisted: Hoisted): Json {
  const { parameters, requestBody, responses, ...others } = route
  const isKeyedPost = kind.method === 'POST' && kind.opened !== 'signature'
  const asked = (Array.isArray(parameters) ? parameters.filter(isJson) : []).map(parameterOf)
  const keys = isKeyedPost ? [{ $ref: '#/components/parameters/IdempotencyKey' }] : []
  return {
    operationId: said.id,
    ...others,
    security: security[kind.opened],
    ...((asked.length > 0 || keys.length > 0) && { parameters: [...asked, ...keys] }),
    ...(isJson(requestBody) && { requestBody: bodyOf(requestBody, said, hoisted) }),
    ...(kind.opened === 'signature' && { requestBody: anyBody }),
    responses: { ...successesOf(responses as Record<string, Json>, said, kind, hoisted), ...failureReferences(rows) },
  }
}

const anyBody: Json = {
  required: true,
  description: `As the provider sends it, at most ${2 * (bodyLimitBytes / 1024)} KiB`,
  content: { 'application/json': { schema: { type: 'object', additionalProperties: true } } },
}

/** Pages and their sizes are read from text, and are numbers. */
function parameterOf({ schema, description, ...parameter }: Json): Json {
  const isNumber = parameter.in === 'query' && (parameter.name === 'page' || parameter.name === 'per_page')
  const shape = isNumber ? { type: 'integer', minimum: 1 } : simplify(schema as Json)
  const words = typeof description === 'string' ? { description } : {}
  return { ...parameter, ...words, schema: shape }
}

function bodyOf(requestBody: Json, said: Operation, { within, components }: Hoisted): Json {
  const content = mapValues(requestBody.content as Json, (media) => {
    const schema = asTaken(mapSchemas((media as Json).schema as Json, simplify))
    const name = `${said.id[0]?.toUpperCase()}${said.id.slice(1)}Body`
    components[name] = { ...within(schema), ...needsOf(said) }
    const ref = { $ref: `#/components/schemas/${name}` }
    return { schema: ref, ...(said.id in bodies && { example: bodies[said.id] }) }
  })
  return { required: true, content }
}

/** Forms that are checked in words of our own are told as patterns: an amount, a currency. */
const withMoney = (schema: Json): Json =>
  mapSchemas(schema, (one) => {
    if (!isJson(one.properties)) return one
    const told = mapValues(one.properties, (inner, name) => {
      if (!isJson(inner)) return inner
      if (/(^|_)currency$/.test(name)) return { ...inner, pattern: '^[A-Z]{3}$' }
      const isAmount = /(^|_)amount$/.test(name) && Array.isArray(inner.type) && inner.type.includes('number')
      return isAmount ? amountOf(inner) : inner
    })
    return { ...one, properties: told }
  })

/** The empty text, where it is said to mean something, stays possible. */
function amountOf({ type: _, ...amount }: Json): Json {
  const digits = String(amount.description).includes('empty text')
    ? '^(\\d{1,15}(\\.\\d{1,3})?)?$'
    : '^\\d{1,15}(\\.\\d{1,3})?$'
  const isMaybe = isJson(amount) && Array.isArray(_) && _.includes('null')
  const shape = {
    ...amount,
    anyOf: [
      { type: 'string', pattern: digits },
      { type: 'number', exclusiveMinimum: 0 },
    ],
  }
  return isMaybe ? orNull(shape) : shape
}

/** What one field asks of another. */
function needsOf({ oneOf, unless = {} }: Operation): Json {
  const needs = [...(oneOf ? [oneOf] : []), ...Object.entries(unless).map(([field, others]) => [field, ...others])]
  if (needs.length === 0) return {}
  return { allOf: needs.map((fields) => ({ anyOf: fields.map((field) => ({ required: [field] })) })) }
}

const successWords: Record<string, string> = {
  200: 'Done',
  201: 'Made',
  202: 'The channel has not answered yet: an event tells what became of it',
}

function successesOf(responses: Record<string, Json>, said: Operation, kind: Kind, { refer }: Hoisted): Json {
  const isKeyed = kind.opened !== 'signature'
  const sent = {
    'Request-Id': { $ref: '#/components/headers/RequestId' },
    ...(isKeyed && kind.hasBody && { 'Asyncpay-Unknown-Fields': { $ref: '#/components/headers/UnknownFields' } }),
    ...(isKeyed &&
      kind.method === 'POST' && { 'Idempotent-Replayed': { $ref: '#/components/headers/IdempotentReplayed' } }),
  }
  const successes = Object.entries(responses).filter(([status]) => status.startsWith('2'))
  return Object.fromEntries(
    successes.map(([status, response]) => {
      const content = mapValues(response.content as Json, (media) => ({
        schema: refer(mapSchemas((media as Json).schema as Json, simplify)),
        ...(status !== '202' && said.id in answers && { example: answers[said.id] }),
      }))
      return [status, { description: successWords[status], headers: sent, content }]
    }),
  )
}

const headers: Record<string, Json> = {
  RequestId: { description: 'Names this request: quote it when you report something.', schema: { type: 'string' } },
  RetryAfter: {
    description: 'Seconds to wait before the same request is sent again.',
    schema: { type: 'integer', minimum: 0 },
  },
  UnknownFields: {
    description:
      'In test mode: fields of the body that nothing reads, each with the field that was meant where one is near, e.g. `callback_url (did you mean success_redirect_url?)`.',
    schema: { type: 'string' },
  },
  IdempotentReplayed: {
    description: '`true`: this is the first answer to this `Idempotency-Key` again, byte for byte.',
    schema: { type: 'string', enum: ['true'] },
  },
}

const parameters: Record<string, Json> = {
  IdempotencyKey: {
    name: 'Idempotency-Key',
    in: 'header',
    description:
      'Makes a repeated request safe: same key and body give the first answer again and do nothing twice; another body is 422. Kept for 72 hours.',
    schema: { type: 'string', minLength: 1, maxLength: 255 },
  },
}

import { time } from '../platform/wire.ts'

const { description: wordsOfTime } = time as { description?: string }

/** Plain JSON, as a schema or a part of the document is. */
export interface Json {
  [key: string]: unknown
}

export const isJson = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Keywords under which names stand, not keywords: a property may be called `required`. */
const namesUnder = new Set(['properties', 'patternProperties', '$defs'])

/** `change` for every schema within `schema`, the innermost first. */
export function mapSchemas(schema: Json, change: (schema: Json) => Json): Json {
  const walked = Object.fromEntries(
    Object.entries(schema).map(([key, value]): [string, unknown] => {
      if (namesUnder.has(key) && isJson(value)) {
        return [key, mapValues(value, (one) => (isJson(one) ? mapSchemas(one, change) : one))]
      }
      if (Array.isArray(value)) return [key, value.map((one) => (isJson(one) ? mapSchemas(one, change) : one))]
      const isSchema = isJson(value) && key !== 'example' && key !== 'default'
      return [key, isSchema ? mapSchemas(value, change) : value]
    }),
  )
  return change(walked)
}

export const mapValues = (object: Json, change: (value: unknown, key: string) => unknown): Json =>
  Object.fromEntries(Object.entries(object).map(([key, value]) => [key, change(value, key)]))

/**
 * The same shape in fewer words, as generators like them: `const` as an `enum` of one, alternatives of constants as one
 * `enum`, "this or null" as a list of types, and a flag as a boolean or one of two numbers.
 */
export function simplify(said: Json): Json {
  const { const: constant, ...schema } = withKnownFormat(said)
  if (constant !== undefined) return simplify({ ...schema, enum: [constant] })
  if (Array.isArray(schema.enum) && schema.enum.includes(true)) return flagOf(schema)
  const { anyOf, ...others } = schema
  if (!Array.isArray(anyOf) || !anyOf.every(isJson)) return schema
  if (anyOf.some(({ type }) => type === 'boolean') && anyOf.some(({ enum: of }) => isOneOf(of, 1)))
    return flagOf(others)
  if (anyOf.every((one) => Array.isArray(one.enum) && one.type === anyOf[0]?.type)) {
    return { ...others, type: anyOf[0]?.type, enum: anyOf.flatMap((one) => one.enum) }
  }
  const [first, second] = anyOf
  const isMaybe = anyOf.length === 2 && second?.type === 'null' && typeof first?.type === 'string'
  return isMaybe ? { ...orNull(first), ...others } : schema
}

/** Formats that are words of ours, in those of JSON Schema. */
function withKnownFormat({ format, ...schema }: Json): Json {
  if (format === 'visible') return { minLength: 1, ...schema }
  if (format === 'http-url') return { ...schema, format: 'uri' }
  if (schema.type === 'string' && schema.description === wordsOfTime) return { ...schema, format: 'date-time' }
  return format === undefined ? schema : { ...schema, format }
}

const isOneOf = (list: unknown, value: unknown): boolean => Array.isArray(list) && list.includes(value)

const flagOf = ({ type: _, enum: __, ...others }: Json): Json => ({
  ...others,
  anyOf: [{ type: 'boolean' }, { type: 'integer', enum: [0, 1] }],
})

/** The schema, or null. */
export function orNull(schema: Json): Json {
  if (typeof schema.type === 'string' && !isJson(schema.properties)) {
    const { type, ...others } = schema
    const values = Array.isArray(schema.enum) ? { enum: [...schema.enum, null] } : {}
    return { type: [type, 'null'], ...others, ...values }
  }
  if (Array.isArray(schema.type)) return { ...schema, type: [...schema.type, 'null'] }
  const { description, ...others } = schema
  const words = description === undefined ? {} : { description }
  if (Array.isArray(others.anyOf)) return { ...words, anyOf: [...others.anyOf, { type: 'null' }] }
  return { ...words, anyOf: [others, { type: 'null' }] }
}

/** A request as it is taken: null in an optional field is the field left out, also inside the objects described. */
export const withNulls = (schema: Json): Json =>
  mapSchemas(schema, (one) => {
    const { properties, required } = one
    if (!isJson(properties)) return one
    const isNeeded = (name: string) => Array.isArray(required) && required.includes(name)
    const taken = mapValues(properties, (inner, name) => (isNeeded(name) || !isJson(inner) ? inner : orNull(inner)))
    return { ...one, properties: taken }
  })

/** Puts each shape that has a name in its place once, and a reference wherever it stood. */
export function hoist(names: Readonly<Record<string, Json>>) {
  const nameOf = new Map(Object.entries(names).map(([name, schema]) => [keyOf(schema), name]))
  const components: Record<string, Json> = {}
  const refer = (schema: Json): Json => {
    const original = keyOf(schema)
    const name = nameOf.get(original)
    if (name === undefined) return within(schema)
    components[name] ??= within(schema)
    return { $ref: `#/components/schemas/${name}` }
  }
  /** From the outside in: what is inside a named shape is looked at once. */
  const within = (schema: Json): Json =>
    mapValues(schema, (value, key) => {
      if (namesUnder.has(key) && isJson(value)) return mapValues(value, (one) => (isJson(one) ? refer(one) : one))
      if (Array.isArray(value)) return value.map((one) => (isJson(one) ? refer(one) : one))
      return isJson(value) ? refer(value) : value
    })
  return { refer, within, components }
}

const keyOf = (schema: Json): string => JSON.stringify(schema)

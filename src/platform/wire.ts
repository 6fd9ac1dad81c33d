import { type TSchema, Type } from 'typebox'
import { parseExactly } from './json.ts'

/** The pieces that every body is made of: null where there is nothing, 1 and 0 for stored flags, UTC times. */

export const nullable = <S extends TSchema>(schema: S) => Type.Union([schema, Type.Null()])
export const text = Type.String()
export const optionalText = nullable(Type.String())
export const time = Type.String({ description: 'UTC, e.g. 2025-05-11T03:02:54.000000Z' })
export const flag = Type.Integer({ minimum: 0, maximum: 1, description: '1 or 0' })

/** What the merchant keeps with an object; any JSON object up to 16 KiB. */
export const metaData = nullable(Type.Unsafe<Record<string, unknown>>({ type: 'object', additionalProperties: true }))

/** A flag in a request: 1, 0, true or false. */
export const flagInput = Type.Unsafe<0 | 1 | boolean>({ enum: [0, 1, true, false], description: '1 or 0' })

export const metaDataInput = Type.Unsafe<Record<string, unknown>>({
  type: 'object',
  additionalProperties: true,
  description: 'Any JSON object up to 16 KiB',
})

/** As it is kept: JSON text, which loses no digit and no order (a `jsonb` column writes 1e400 out and drops a -0). */
export function keepMetaData(body: { meta_data?: object; metadata?: object }): string | null {
  const given = body.meta_data ?? body.metadata
  return given === undefined ? null : JSON.stringify(given)
}

export const presentMetaData = (kept: string | null): Record<string, unknown> | null =>
  kept === null ? null : (parseExactly(kept) as Record<string, unknown>)

const metaDataMaxBytes = 16 * 1024

/** Field errors for metadata that is too large; `metadata` is an alias of `meta_data`. */
export function checkMetaData(body: Record<string, unknown>): Record<string, string[]> {
  const errors: Record<string, string[]> = {}
  for (const field of ['meta_data', 'metadata']) {
    const value = body[field]
    if (typeof value === 'object' && value !== null && Buffer.byteLength(JSON.stringify(value)) > metaDataMaxBytes) {
      errors[field] = [`The ${field} field must be at most 16 KiB as JSON.`]
    }
  }
  return errors
}

/**
 * JSON numbers by their text. A double holds about 16 digits and forgets how a number was written, so what somebody
 * else keeps with us (ids of 64 bits, prices such as 1.10) is carried in the words in which it came, and what we
 * calculate with is judged by them.
 */

/** A number that a double would print otherwise; `JSON.stringify` writes its text again. */
export interface RawNumber {
  readonly rawJSON: string
}

declare global {
  interface JSON {
    rawJSON(text: string): RawNumber
    isRawJSON(value: unknown): value is RawNumber
  }
}

export const isRawNumber = (value: unknown): value is RawNumber => JSON.isRawJSON(value)

/** Sixteen digits, a fraction, an exponent or a negative zero, where a number may stand; also in texts, which costs little. */
const form = /[:[,]\s*-?(?:\d{16}|(?:0|[1-9]\d*)[.eE]|(?<=-)0)/
export const mayDiffer = (text: string): boolean => form.test(text)

/** Parses; numbers that a double would print otherwise come as `RawNumber`. Throws `SyntaxError`. */
export function parseExactly(text: string): unknown {
  if (!mayDiffer(text)) return JSON.parse(text)
  return JSON.parse(text, (_key, value: unknown, context?: { source: string }) =>
    typeof value === 'number' && context && String(value) !== context.source ? JSON.rawJSON(context.source) : value,
  )
}

/** The number where a double is exactly what was written (`1.0`, `2e0`, `100.50`); else its text. */
export function settleNumber({ rawJSON: text }: RawNumber): number | string {
  const number = Number(text)
  return Number.isFinite(number) && digitsOf(String(number)) === digitsOf(text) ? number : text
}

/** The decimal value, written in one way: all digits that count, and the power of ten that they are taken times. */
function digitsOf(text: string): string {
  const [, whole = '', fraction = '', exponent = '0'] = /^-?(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? []
  const digits = (whole + fraction).replace(/^0+/, '')
  const counting = digits.replace(/0+$/, '')
  // The sign is the same on both sides: a double keeps it.
  return (
    counting && `${counting}e${BigInt(exponent) - BigInt(fraction.length) + BigInt(digits.length - counting.length)}`
  )
}

/** What a schema says of a value, as far as its numbers go. */
interface Shape {
  type?: string | string[]
  properties?: Record<string, Shape>
  items?: Shape
}

/**
 * A body whose numbers came exactly, as its schema reads it: where a field is described, the number if a double is
 * exactly it, else its text where a text may stand too (an amount) or a number belongs (which it then is not). What the
 * schema leaves to the sender stays exact.
 */
export function settleNumbers(value: unknown, shape: Shape): unknown {
  if (isRawNumber(value)) {
    const settled = settleNumber(value)
    return typeof settled === 'number' || takesNumber(shape) ? settled : value
  }
  if (Array.isArray(value)) return shape.items ? value.map((one) => settleNumbers(one, shape.items ?? {})) : value
  if (typeof value !== 'object' || value === null) return value
  for (const [field, inner] of Object.entries(shape.properties ?? {})) {
    const record = value as Record<string, unknown>
    if (Object.hasOwn(record, field)) record[field] = settleNumbers(record[field], inner)
  }
  return value
}

const takesNumber = ({ type }: Shape): boolean => [type].flat().some((one) => one === 'number' || one === 'integer')

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

import { createHash } from 'node:crypto'
import type { ChannelEvent } from '../channel.ts'
import { type Json, objectOf, parseJson } from './exchange.ts'
import { meaningOf, textOf } from './words.ts'

/**
 * Reading what a proven webhook says. A provider that changes its form, sends an older one, or has another product of
 * its own in the same account is not told to send it again: it would, for days, and then switch the address off. What
 * cannot be read is an event that names nothing.
 */

/** A field of a form in which a whole event is sent as text. */
const formFields = ['payload', 'data', 'body', 'event']

/** The event as an object; empty where the bytes hold none. */
export function readEvent(body: Buffer): Json {
  // Takes the mark of its byte order away, where one was sent.
  const isUtf16 = body[0] === 0xff && body[1] === 0xfe
  const text = new TextDecoder(isUtf16 ? 'utf-16le' : 'utf-8').decode(body)
  return objectIn(text) ?? formIn(text) ?? {}
}

/** JSON text, or text inside JSON text; of a list the first object. */
function objectIn(text: string): Json | null {
  let value: unknown = text
  for (let depth = 0; typeof value === 'string' && depth < 3; depth += 1) {
    try {
      value = parseJson(value)
    } catch {
      return null
    }
  }
  return objectOf(Array.isArray(value) ? value.find(objectOf) : value)
}

function formIn(text: string): Json | null {
  if (!/^[\w.[\]%+-]{1,100}=/.test(text)) return null
  const fields = new URLSearchParams(text)
  const event = formFields.map((name) => objectIn(fields.get(name) ?? '')).find((found) => found !== null)
  return event ?? Object.fromEntries(fields)
}

/** What the event is about: an object, the first of a list, or one written as text; null where there is none. */
export const partOf = (value: unknown): Json | null =>
  objectOf(value) ?? (Array.isArray(value) ? objectOf(value.find(objectOf)) : objectIn(textOf(value) ?? ''))

/** For an event that has no id: its bytes are one. */
export const digestOf = (body: Buffer): string => createHash('sha256').update(body).digest('hex').slice(0, 32)

export const unknownType = 'unknown'

/** Our references as channels get them: `AsT-` of an attempt, `AsR-` of a refund. */
const ownReference = /^As([TR])-[0-9a-f]{13}$/

/** In a form that we do not know: the first text that is a reference of ours, wherever it stands. */
export function subjectIn(event: Json): ChannelEvent['subject'] {
  const waiting: unknown[] = [event]
  for (let value = waiting.pop(); value !== undefined; value = waiting.pop()) {
    const kind = typeof value === 'string' ? ownReference.exec(value.trim())?.[1] : undefined
    const reference = kind ? String(value).trim() : null
    if (kind === 'T') return { kind: 'payment', reference, channelReference: null }
    if (kind === 'R') return { kind: 'refund', reference, channelReference: null, paymentReference: null }
    // Backwards, so that they are looked at in the order in which they were written.
    if (typeof value === 'object' && value !== null) waiting.push(...Object.values(value).reverse())
  }
  return null
}

/** What the event claims of a payment, by the provider's table of words. */
export function claimOf(
  claims: Readonly<Record<string, NonNullable<ChannelEvent['claims']>>>,
  word: string | null,
): Pick<ChannelEvent, 'claims'> {
  const claim = meaningOf(claims, word)
  return claim ? { claims: claim } : {}
}

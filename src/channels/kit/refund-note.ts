import type { RefundRequest } from '../channel.ts'
import { textOf } from './words.ts'

/**
 * For providers that have no reference for refunds: our ref leads the note of each, and this is how one is found again
 * whose answer never came.
 */

export const noteOf = ({ reference, reason }: Pick<RefundRequest, 'reference' | 'reason'>): string =>
  reason ? `${reference}: ${reason}` : reference

export function isNoteOf(note: unknown, reference: string): boolean {
  const text = textOf(note)
  return text === reference || text?.startsWith(`${reference}:`) === true
}

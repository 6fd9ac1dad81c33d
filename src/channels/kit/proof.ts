import { createHash, timingSafeEqual } from 'node:crypto'

/** Comparing what proves a webhook. */

/** In constant time, whatever the lengths: how long a merchant's secret is concerns nobody either. */
export function isSame(given: string, right: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given), digest(right))
}

/**
 * A header that came twice is one text with a comma. Each may be the proof, and so may the whole: a secret may hold a
 * comma itself.
 */
export const proofsIn = (header: string): string[] => [...new Set([header, ...header.split(', ')])]

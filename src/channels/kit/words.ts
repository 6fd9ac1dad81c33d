/**
 * The one normalisation of what providers write, at the edge of each channel: status words in capitals, currencies in
 * small letters and padded texts are understood; inside, a word has small letters and a currency capitals.
 */

/** Trimmed text ("visa " has been seen); null for anything else and for nothing. What names something keeps its letters. */
export function textOf(value: unknown): string | null {
  const text = typeof value === 'string' ? value.trim() : ''
  return text === '' ? null : text
}

/** A word that tables are asked for: a status, a method, a brand, an event's type. */
export const wordOf = (value: unknown): string | null => textOf(value)?.toLowerCase() ?? null

/** An ISO 4217 code, or what stands in its place. */
export const currencyOf = (value: unknown): string | null => textOf(value)?.toUpperCase() ?? null

/** An id as text with all its digits; see `parseJson`. */
export function idOf(value: unknown): string | null {
  return Number.isSafeInteger(value) ? String(value) : textOf(value)
}

/** The address of a page that a browser may be sent to. */
export function webAddressOf(value: unknown): string | null {
  const url = textOf(value)
  return url !== null && /^https?:$/.test(URL.parse(url)?.protocol ?? '') ? url : null
}

/** A time as text. */
export function dateOf(value: unknown): Date | null {
  const at = new Date(textOf(value) ?? Number.NaN)
  return Number.isNaN(at.getTime()) ? null : at
}

/** Providers' words are strangers' input: "constructor" is no status. */
export function meaningOf<Meaning>(table: Readonly<Record<string, Meaning>>, word: string | null): Meaning | undefined {
  return word !== null && Object.hasOwn(table, word) ? table[word] : undefined
}

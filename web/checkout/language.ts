/** The languages that the pages speak; the first is the one for everybody else. */
export const languages = ['en', 'fr', 'pt', 'sw', 'ha', 'yo', 'ig'] as const
export type Language = (typeof languages)[number]

/** Nobody lists more; a longer header is read up to here. */
const rangesMax = 20

/**
 * The language of `Accept-Language` (RFC 9110, 12.5.4) that the reader likes best among ours: greatest q first, then
 * the order written; `fr-CI` is French, `q=0` excludes, `*` is English.
 */
export function languageOf(acceptLanguage: string | undefined): Language {
  const ranges = (acceptLanguage ?? '').split(',', rangesMax).map(readRange)
  const refused = new Set(ranges.filter((one) => one.quality === 0).map((one) => one.primary))
  const liked = ranges
    .filter((one) => one.quality > 0 && !refused.has(one.primary))
    .sort((a, b) => b.quality - a.quality)
  for (const { primary } of liked) {
    const found = primary === '*' ? languages[0] : languages.find((language) => language === primary)
    if (found) return found
  }
  return languages[0]
}

function readRange(range: string): { primary: string; quality: number } {
  const [tag = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase())
  const q = parameters.find((part) => part.startsWith('q='))?.slice(2)
  const quality = q === undefined ? 1 : /^(0(\.\d{0,3})?|1(\.0{0,3})?)$/.test(q) ? Number(q) : 0
  return { primary: tag.split('-')[0] ?? '', quality }
}

import type { Language } from './language.ts'

/**
 * `amount` is decimal text and is formatted as text: a float would round the last of fifteen digits. What is given with
 * all digits of its currency is shown with all of them: the locale's own number of digits is what its people are used
 * to (HUF, COP, MGA: none), which is not ISO 4217's.
 */
export function formatMoney(amount: string, currency: string, language: Language): string {
  if (!/^-?\d+(\.\d+)?$/.test(amount)) throw new Error('an amount is decimal digits')
  const style = { style: 'currency', currency, currencyDisplay: 'narrowSymbol' } as const
  const customary = new Intl.NumberFormat(language, style).resolvedOptions().minimumFractionDigits ?? 0
  const given = amount.split('.')[1]?.length ?? 0
  const format = new Intl.NumberFormat(language, {
    ...style,
    minimumFractionDigits: Math.max(given, customary),
    // More than any currency has: nothing is rounded away.
    maximumFractionDigits: 20,
  })
  return format.format(amount as `${number}`)
}

/** The currency's code, where the formatted amount shows a sign that several currencies share. */
export const codeBeside = (formatted: string, currency: string): string | null =>
  formatted.includes(currency) ? null : currency

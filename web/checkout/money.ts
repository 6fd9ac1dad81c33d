import type { Language } from './language.ts'

/** `amount` is decimal text and is formatted as text: a float would round the last of fifteen digits. */
export function formatMoney(amount: string, currency: string, language: Language): string {
  if (!/^-?\d+(\.\d+)?$/.test(amount)) throw new Error('an amount is decimal digits')
  const format = new Intl.NumberFormat(language, {
    style: 'currency',
    currency,
    currencyDisplay: 'narrowSymbol',
    // More than any currency has: nothing is rounded away. The least is the currency's own.
    maximumFractionDigits: 20,
  })
  return format.format(amount as `${number}`)
}

/** The currency's code, where the formatted amount shows a sign that several currencies share. */
export const codeBeside = (formatted: string, currency: string): string | null =>
  formatted.includes(currency) ? null : currency

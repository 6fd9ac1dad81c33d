import type { FieldErrors } from './errors.ts'
import { isRawNumber } from './json.ts'

/**
 * A card's number in a description, a name or metadata would put the merchant, and us, among those who store cards. What
 * looks like one is refused: 13 to 19 digits with single blanks or dashes between them, as long as cards of that first
 * digit are, with a right check digit, and no digit, letter, dot or plus before or after. One in ten numbers of such a
 * form is right by chance, so fields that are named as an id, a reference, a phone or an account are not looked at.
 */

/** First digits and lengths: ISO/IEC 7812 ranges as the schemes publish them, read 2026-11-28. */
const issuers: readonly [first: RegExp, lengths: readonly number[]][] = [
  [/^4/, [13, 16, 19]],
  [/^(5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720)/, [16]],
  [/^3[47]/, [15]],
  [/^3(0[0-5]|[689])/, [14, 16, 19]],
  [/^35/, [16, 17, 18, 19]],
  // Verve.
  [/^(506[01]|507[89]|6500)/, [16, 18, 19]],
  [/^6(011|4[4-9]|5|2)/, [16, 17, 18, 19]],
  [/^(50|5[6-8]|63|67)/, [16, 18, 19]],
]

const digitsMin = 13
const digitsMax = 19
const run = /(?<![\p{L}\p{N}.+])\d(?:[ \u00a0\u2009\u202f\u2010-\u2015-]?\d){12,}(?![\p{L}\p{N}])/gu

/** Whether a text holds what looks like a card's number. */
export function holdsCardNumber(text: string): boolean {
  for (const [found] of text.matchAll(run)) {
    const groups = found.split(/\D/)
    for (let from = 0; from < groups.length; from += 1) {
      let digits = ''
      for (let to = from; to < groups.length && digits.length < digitsMax; to += 1) {
        digits += groups[to]
        if (digits.length >= digitsMin && isCardNumber(digits)) return true
      }
    }
  }
  return false
}

const isCardNumber = (digits: string): boolean =>
  issuers.some(([first, lengths]) => first.test(digits) && lengths.includes(digits.length)) && hasCheckDigit(digits)

/** Luhn, ISO/IEC 7812-1 annex B. */
function hasCheckDigit(digits: string): boolean {
  let sum = 0
  for (let place = 0; place < digits.length; place += 1) {
    const digit = Number(digits[digits.length - 1 - place])
    sum += place % 2 === 0 ? digit : digit > 4 ? digit * 2 - 9 : digit * 2
  }
  return sum % 10 === 0
}

const namesOther = /(^|_|-)(ids?|uuids?|refs?|references?|urls?|phone|phone_number|account_number|iban|code)$|Ids?$/i

/** Words for each field of a body that holds one, in keys and values, however deep. */
export function cardNumberErrors(body: Record<string, unknown>): FieldErrors {
  const errors: FieldErrors = {}
  for (const [field, value] of Object.entries(body)) {
    if (holdsOne(field, value)) {
      errors[field] = [
        `The ${field} field holds what looks like a card number, and those are never sent here. A number that is none goes into a field whose name ends in _id or _ref.`,
      ]
    }
  }
  return errors
}

/** What is nested too deep was refused before this walks it. */
function holdsOne(name: string, value: unknown): boolean {
  if (holdsCardNumber(name)) return true
  if (Array.isArray(value)) return value.some((one) => holdsOne(name, one))
  if (typeof value === 'object' && value !== null && !isRawNumber(value)) {
    return Object.entries(value).some(([key, inner]) => holdsOne(key, inner))
  }
  if (namesOther.test(name)) return false
  const text = isRawNumber(value) ? value.rawJSON : value
  return (typeof text === 'string' || typeof text === 'number') && holdsCardNumber(String(text))
}

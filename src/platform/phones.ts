import { createRequire } from 'node:module'
import type { CountryCode } from 'libphonenumber-js/max'

/**
 * Phone numbers, as people write them into two fields. The largest metadata is needed: the small one takes 310 of
 * Nigeria's 900 prefixes for valid, where 73 are. It is 15 MB in memory and 50 ms, loaded with the first number.
 */
const load = (): typeof import('libphonenumber-js/max') => require('libphonenumber-js/max')
const require = createRequire(import.meta.url)

/**
 * The one valid E.164 number that a country code and a number say (`+234`, `0803 123 4567` → `+2348031234567`), without
 * its extension; null where they say none, or disagree. `code`: `+234`, `234`, `00234`, or a country such as `NG`.
 */
export function e164Of(code: string | null, number: string | null): string | null {
  const country = (code ?? '').trim()
  const given = (number ?? '').trim().replace(/^00\s*(?=[1-9])/, '+')
  if (/^[a-z]{2}$/i.test(country)) return ofCountry(country.toUpperCase(), given)
  if (country !== '' && !/^[\s\d()+.-]+$/.test(country)) return null
  const digits = country.replace(/\D/g, '').replace(/^00/, '')
  if (given.startsWith('+')) {
    const found = parse(given)
    return found?.startsWith(`+${digits}`) ? found : null
  }
  // Without a country a number in national form is anybody's.
  if (digits === '') return null
  // A code may hold the area too (`+1868`): then it is no calling code, and the number goes on from it.
  return parse(given, { defaultCallingCode: digits }) ?? parse(`+${digits}${given}`)
}

function ofCountry(country: string, given: string): string | null {
  return load().isSupportedCountry(country) ? parse(given, { defaultCountry: country as CountryCode }) : null
}

function parse(
  text: string,
  options: { defaultCallingCode?: string; defaultCountry?: CountryCode } = {},
): string | null {
  try {
    // The whole text is the number: found inside one, it would end at the first letter.
    const found = load().parsePhoneNumberFromString(text, { ...options, extract: false })
    return found?.isValid() ? found.number : null
  } catch {
    return null // it throws for a calling code that nobody has
  }
}

import { domainToASCII } from 'node:url'
import isEmail from 'validator/lib/isEmail.js'
import { hasInvisible } from './texts.ts'

/**
 * E-mail addresses. What counts as one is `validator`'s decision, on the address with its domain in ASCII: on Unicode
 * domains (13.15) it takes zero-width characters for letters.
 */

const rules = {
  // Most mail servers, ours perhaps among them, cannot carry others (RFC 6531), and no provider's API takes them.
  allow_utf8_local_part: false,
  // Quoted local parts may hold spaces, brackets and commas; nobody has one, and lists of addresses break on them.
  blacklisted_chars: '"',
  allow_ip_domain: false,
  require_tld: true,
} as const

/**
 * The domain in ASCII (punycode, RFC 5890), as mail servers and channels are told it: not each takes others. Plain letters
 * stay as they were given, and so does what is no domain.
 */
export const toAsciiEmail = (address: string): string =>
  /^[\x21-\x7e]*$/.test(domainOf(address)) ? address : withAsciiDomain(address)

const domainOf = (address: string): string => address.slice(address.lastIndexOf('@') + 1)

function withAsciiDomain(address: string): string {
  const domain = domainOf(address)
  return address.slice(0, address.length - domain.length) + (domainToASCII(domain) || domain)
}

/**
 * What two addresses of one mailbox have in common: any case, and a domain in its own script or in punycode. Two
 * customers of a business are one where it is the same. Also for texts that are no address, which then find nobody.
 */
export const emailKeyOf = (address: string): string => toAsciiEmail(address.trim()).toLowerCase()

/** Words for what is no e-mail address, to go on from "The email field"; null: it is one. Outer spaces are not its own. */
export function emailErrorOf(address: string): string | null {
  if (hasInvisible(address)) return 'must be an e-mail address without invisible characters or spaces'
  const ascii = withAsciiDomain(address)
  if (isEmail.default(ascii, rules)) return null
  if (/[^\0-\x7f][^@]*@/.test(ascii) && isEmail.default(ascii, { ...rules, allow_utf8_local_part: true })) {
    return 'must have nothing but ASCII before the @: most mail servers cannot deliver to other letters'
  }
  return 'must be an e-mail address'
}

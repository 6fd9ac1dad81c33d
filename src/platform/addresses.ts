/** Which addresses may be called on a stranger's word: those of the public internet, and no others. And whose is whose. */

import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'

/** The only IPv6 block given out for the public internet (IANA, RFC 4291 §2.4); the rest is special or unused. */
const globalIpv6: [ipaddr.IPv6, number] = [ipaddr.IPv6.parse('2000::'), 3]

/** Public by number, and yet a cloud's metadata service: Azure's "WireServer" (learn.microsoft.com, read 2026-11). */
const metadataAddresses = new Set(['168.63.129.16'])

/**
 * What this address is that must not be called, in words without the address; null for a public one.
 * An allow list: what `ipaddr.js` does not call plain unicast is refused, so IPv4 inside IPv6 (mapped, compatible,
 * NAT64, 6to4, Teredo) is refused as such, whatever it holds. A NAT64 with an operator's own prefix looks public.
 */
export function whyNotPublic(address: string): string | null {
  // isIP is strict (no octal, no short forms) and lets a zone pass, which only addresses of a local link have.
  if (isIP(address) === 0 || address.includes('%')) return 'something that is not a plain IP address'
  if (metadataAddresses.has(address)) return 'a cloud metadata address'
  const parsed = ipaddr.parse(address)
  const range = parsed.range()
  if (range !== 'unicast') return `an address that is not public (${range})`
  if (parsed instanceof ipaddr.IPv6 && !parsed.match(globalIpv6)) return 'an address that is not public (reserved)'
  return null
}

/**
 * Whose share of a limit an address uses up. One IPv6 line has 2^64 addresses: its /64 is one (RFC 6177). IPv4 within IPv6
 * is the IPv4; what is no address, such as words of a proxy, stays as it is.
 */
export function addressGroup(address: string): string {
  if (isIP(address) === 0) return address
  const parsed = ipaddr.process(address.replace(/%.*$/s, ''))
  if (parsed.kind() === 'ipv4') return parsed.toString()
  return `${ipaddr.IPv6.networkAddressFromCIDR(`${parsed.toString()}/64`).toString()}/64`
}

import { logoOf } from './frame.ts'
import type { EnvMode, Seller } from './view.ts'

/**
 * The Content-Security-Policy of every page here: one style and one script by nonce, calls and forms to ourselves, no
 * image but the seller's logo.
 *
 * A browser holds `form-action` also against where the answer to a form redirects, and without its script the page's
 * form is answered with the provider's page; so that may be any https address, and in test mode http, as a sandbox has.
 * `frameAncestors` is the header's list: `'none'`, `*`, or origins. `isPlain`: a page without script and calls, whose
 * forms stay here.
 */
export function contentSecurityPolicy(page: {
  nonce: string
  envMode: EnvMode
  business: Seller | null
  frameAncestors: string
  isPlain?: boolean
}): string {
  const elsewhere = page.envMode === 'test' ? ' https: http:' : ' https:'
  return [
    "default-src 'none'",
    `script-src ${page.isPlain ? "'none'" : `'nonce-${page.nonce}'`}`,
    `style-src 'nonce-${page.nonce}'`,
    `img-src data: ${page.business ? imageSource(page.business) : ''}`.trim(),
    `connect-src ${page.isPlain ? "'none'" : "'self'"}`,
    `form-action 'self'${page.isPlain ? '' : elsewhere}`,
    "base-uri 'none'",
    `frame-ancestors ${page.frameAncestors}`,
  ].join('; ')
}

function imageSource(seller: Seller): string {
  const logo = logoOf(seller)
  return logo === null || logo.startsWith('data:') ? '' : new URL(logo).origin
}

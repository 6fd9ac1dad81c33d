/** What stands before a parameter of ours where the address has one of that name already. */
const ownPrefix = 'asyncpay_'

/**
 * Appends parameters of ours to somebody else's http(s) address. What it holds stays byte for byte, in its order: their
 * server may compare it, sign it or read it by rules of its own. A name that is there already is theirs; ours then gets a
 * prefix (`reference=7` stays, `asyncpay_reference=…` is appended). Letters beyond ASCII are escaped, because the address
 * goes into a header.
 */
export function appendQuery(address: string, added: Readonly<Record<string, string>>): string {
  const [beforeFragment, fragment] = cutAt(address, '#')
  const [base, query] = cutAt(beforeFragment, '?')
  const taken = new Set(new URLSearchParams(query.slice(1)).keys())
  const own = Object.entries(added).map(([name, value]) => {
    const ownName = taken.has(name) ? ownPrefix + name : name
    return `${ownName}=${encodeURIComponent(value)}`
  })
  const joint = query === '' ? '?' : /[?&]$/.test(query) ? '' : '&'
  return asciiOf(base) + escapeLetters(query) + joint + own.join('&') + escapeLetters(fragment)
}

/** The second part begins with the mark, or is empty. */
function cutAt(text: string, mark: string): [string, string] {
  const at = text.indexOf(mark)
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at)]
}

/** A host's letters are written in punycode, a path's are escaped. */
const asciiOf = (base: string): string => (/^[\x21-\x7e]*$/.test(base) ? base : new URL(base).href)

const escapeLetters = (text: string): string => text.replaceAll(/[^\x21-\x7e]+/g, encodeURIComponent)

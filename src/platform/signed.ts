import { type Secrets, sameText } from './secrets.ts'

/**
 * A token that names one row: its id and a keyed hash of it, for one purpose. It cannot be guessed, nor changed into
 * another row's or another purpose's, and needs no column of its own.
 */

/** 128 bits: more than anybody can try. */
const macBytes = 16
const idBytes = 16

export const signId = (secrets: Secrets, purpose: string, id: string): string =>
  tokenOf(id, secrets.hash(words(purpose, id)))

const words = (purpose: string, id: string) => `${purpose}/${id}`

const tokenOf = (id: string, hash: Buffer): string =>
  Buffer.concat([Buffer.from(id.replaceAll('-', ''), 'hex'), hash.subarray(0, macBytes)]).toString('base64url')

/**
 * The id that a token names; null for what is no token of ours, or one for another purpose. One that was signed under
 * another master key opens while that key is known: buyers hold them for as long as a receipt is of use.
 */
export function readSignedId(secrets: Secrets, purpose: string, token: string): string | null {
  const bytes = Buffer.from(token, 'base64url')
  if (bytes.length !== idBytes + macBytes) return null
  const hex = bytes.subarray(0, idBytes).toString('hex')
  const id = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
  return secrets.hashes(words(purpose, id)).some((hash) => sameText(tokenOf(id, hash), token)) ? id : null
}

import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  hkdfSync,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto'

/**
 * What must be unreadable in a database dump. Sealed values are AES-256-GCM with a key id and bound to their row:
 * a value copied to another row does not open. Looked-up values (API keys) are found by a keyed hash.
 */
export interface Secrets {
  /** `boundTo` names the row and column, e.g. `api_keys/<id>`; opening needs the same words. */
  seal(plain: string, boundTo: string): Buffer
  open(sealed: Buffer, boundTo: string): string
  /** HMAC-SHA256 under a key of its own; 32 bytes. */
  hash(text: string): Buffer
}

/** Layout of a sealed value: version 1 | key id (4 bytes) | nonce (12) | tag (16) | ciphertext. */
const version = 1
const headLength = 1 + 4 + 12 + 16

/** `masterKey` is 32 bytes; every use has its own key derived from it. */
export function createSecrets(masterKey: Buffer): Secrets {
  if (masterKey.length !== 32) throw new RangeError('the master key must be 32 bytes')
  const derive = (purpose: string) => Buffer.from(hkdfSync('sha256', masterKey, 'asyncpay', purpose, 32))
  const sealingBytes = derive('seal')
  // As a key object once: OpenSSL would otherwise make one of the bytes at every use.
  const sealingKey = createSecretKey(sealingBytes)
  const hashingKey = createSecretKey(derive('hash'))
  const keyId = createHmac('sha256', sealingBytes).update('key id').digest().subarray(0, 4)
  return {
    seal(plain, boundTo) {
      const nonce = randomBytes(12)
      const cipher = createCipheriv('aes-256-gcm', sealingKey, nonce).setAAD(Buffer.from(boundTo))
      const body = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()])
      return Buffer.concat([Buffer.of(version), keyId, nonce, cipher.getAuthTag(), body])
    },
    open(sealed, boundTo) {
      if (sealed[0] !== version || !sealed.subarray(1, 5).equals(keyId)) {
        throw new Error('sealed with another master key: is ASYNCPAY_MASTER_KEY the one this database was made with?')
      }
      // With its length said, a tag that was cut short is refused instead of being checked less.
      const decipher = createDecipheriv('aes-256-gcm', sealingKey, sealed.subarray(5, 17), { authTagLength: 16 })
      decipher.setAAD(Buffer.from(boundTo)).setAuthTag(sealed.subarray(17, headLength))
      return Buffer.concat([decipher.update(sealed.subarray(headLength)), decipher.final()]).toString('utf8')
    },
    hash: (text) => createHmac('sha256', hashingKey).update(text).digest(),
  }
}

/** Compares two texts in time that does not depend on where they differ. */
export function sameText(left: string, right: string): boolean {
  const a = Buffer.from(left)
  const b = Buffer.from(right)
  return a.length === b.length && timingSafeEqual(a, b)
}

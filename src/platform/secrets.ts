import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto'

/**
 * What must be unreadable in a database dump. Sealed values are AES-256-GCM with a key id and bound to their row:
 * a value copied to another row does not open. Looked-up values (API keys) are found by a keyed hash. While the master
 * key is changed, what the other known keys sealed and hashed is read too; only the current one seals.
 */
export interface Secrets {
  /** `boundTo` names the row and column, e.g. `api_keys/<id>`; opening needs the same words. */
  seal(plain: string, boundTo: string): Buffer
  open(sealed: Buffer, boundTo: string): string
  /** HMAC-SHA256 under a key of its own; 32 bytes. */
  hash(text: string): Buffer
  /** The same under each key that is known, the current one's first. */
  hashes(text: string): Buffer[]
  /** How every value that the current key sealed begins: version and key id. */
  sealedHead(): Buffer
  /** The same of every key that is known. */
  knownHeads(): Buffer[]
  /** From now on this key is read, too. */
  learn(masterKey: Buffer): void
  /** From now on the key whose values begin so is the current one; the others are still read. False: it is not known. */
  follow(head: Buffer): boolean
  /** The current key alone, as if no other were known. */
  alone(): Secrets
  /** From now on no other key than the current one is read. */
  forgetOthers(): void
}

/** Layout of a sealed value: version 1 | key id (4 bytes) | nonce (12) | tag (16) | ciphertext. */
const version = 1
export const sealedHeadLength = 1 + 4
const headLength = sealedHeadLength + 12 + 16

/** How the values of a master key begin. It tells nothing of the key. */
export const headOf = (masterKey: Buffer): Buffer => deriveKeys(masterKey).head

interface Keys {
  readonly masterKey: Buffer
  readonly sealing: KeyObject
  readonly hashing: KeyObject
  readonly head: Buffer
}

/** Every use of a master key (32 bytes) has its own key derived from it. */
function deriveKeys(masterKey: Buffer): Keys {
  if (masterKey.length !== 32) throw new RangeError('the master key must be 32 bytes')
  const derive = (purpose: string) => Buffer.from(hkdfSync('sha256', masterKey, 'asyncpay', purpose, 32))
  const sealingBytes = derive('seal')
  const keyId = createHmac('sha256', sealingBytes).update('key id').digest().subarray(0, 4)
  return {
    masterKey,
    // As key objects once: OpenSSL would otherwise make one of the bytes at every use.
    sealing: createSecretKey(sealingBytes),
    hashing: createSecretKey(derive('hash')),
    head: Buffer.concat([Buffer.of(version), keyId]),
  }
}

/** `others`: master keys that are read and never written with, while one takes the place of another. */
export function createSecrets(masterKey: Buffer, others: readonly Buffer[] = []): Secrets {
  let current = deriveKeys(masterKey)
  let known = [current, ...others.filter((one) => !one.equals(masterKey)).map(deriveKeys)]
  return {
    seal: (plain, boundTo) => sealWith(current, plain, boundTo),
    open(sealed, boundTo) {
      const keys = known.find(({ head }) => head.equals(sealed.subarray(0, sealedHeadLength)))
      if (keys) return openWith(keys, sealed, boundTo)
      throw new Error('sealed with another master key: is ASYNCPAY_MASTER_KEY the one this database was made with?')
    },
    hash: (text) => hashWith(current, text),
    hashes: (text) => known.map((keys) => hashWith(keys, text)),
    sealedHead: () => current.head,
    knownHeads: () => known.map(({ head }) => head),
    learn(key) {
      if (!known.some((keys) => keys.masterKey.equals(key))) known = [...known, deriveKeys(key)]
    },
    follow(head) {
      const next = known.find((keys) => keys.head.equals(head))
      if (!next) return false
      current = next
      known = [next, ...known.filter((keys) => keys !== next)]
      return true
    },
    alone: () => createSecrets(current.masterKey),
    forgetOthers() {
      known = [current]
    },
  }
}

function sealWith({ sealing, head }: Keys, plain: string, boundTo: string): Buffer {
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', sealing, nonce).setAAD(Buffer.from(boundTo))
  const body = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()])
  return Buffer.concat([head, nonce, cipher.getAuthTag(), body])
}

function openWith({ sealing }: Keys, sealed: Buffer, boundTo: string): string {
  // With its length said, a tag that was cut short is refused instead of being checked less.
  const decipher = createDecipheriv('aes-256-gcm', sealing, sealed.subarray(5, 17), { authTagLength: 16 })
  decipher.setAAD(Buffer.from(boundTo)).setAuthTag(sealed.subarray(17, headLength))
  return Buffer.concat([decipher.update(sealed.subarray(headLength)), decipher.final()]).toString('utf8')
}

const hashWith = ({ hashing }: Keys, text: string) => createHmac('sha256', hashing).update(text).digest()

/** Compares two texts in time that does not depend on where they differ. */
export function sameText(left: string, right: string): boolean {
  const a = Buffer.from(left)
  const b = Buffer.from(right)
  return a.length === b.length && timingSafeEqual(a, b)
}

import { randomBytes } from 'node:crypto'
import { v7 } from 'uuid'

/** A version 7 UUID: sorts by the time of its making, within one process also inside a millisecond. */
export const newId = (): string => v7()

/** `prefix` + 13 random hex digits (52 bits; a clash is refused by a unique index and never silently shared). */
export const newRef = (prefix: string): string => prefix + randomBytes(7).toString('hex').slice(0, 13)

/** Eight URL-safe characters (48 bits). */
export const newToken = (): string => randomBytes(6).toString('base64url')

/** Lower-case hex of `bytes` random bytes. */
export const randomHex = (bytes: number): string => randomBytes(bytes).toString('hex')

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
export const isUuid = (text: string): boolean => uuidPattern.test(text)

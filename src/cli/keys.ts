import { type KeyKind, type Scope, scopes } from '../domain/businesses/schema.ts'
import type { ApiKey, MadeKey } from '../domain/businesses/service.ts'
import type { Operation } from './operations.ts'
import { UsageError } from './usage.ts'

type Run = (name: Operation, args: Record<string, unknown>) => Promise<unknown>

export interface KeyFlags {
  business?: string | undefined
  mode?: string | undefined
  kind?: string | undefined
  label?: string | undefined
  scopes?: string | undefined
  overlap?: string | undefined
  json?: boolean | undefined
}

const usage = `asyncpay keys list | create --mode test|live [--kind secret|public] --label "<text>" [--scopes a,b] |
  roll <id or label> --overlap 24h|0 | revoke <id or label>, each with [--json] [--business <id>]`

/** Lists, makes, rolls and revokes keys; gives the text to print. A key is shown once: when it is made. */
export async function changeKeys(run: Run, [verb, key, more]: string[], flags: KeyFlags): Promise<string> {
  const { business } = flags
  const show = <T>(value: T, words: (value: T) => string) => (flags.json ? JSON.stringify(value) : words(value))
  if (verb === 'list' && key === undefined) return show((await run('keys.list', { business })) as ApiKey[], listed)
  if (verb === 'create' && key === undefined) return show((await run('keys.create', wantedOf(flags))) as MadeKey, made)
  if (key === undefined || more !== undefined) throw new UsageError(usage)
  if (verb === 'roll') {
    return show((await run('keys.roll', { business, key, overlapMs: overlapMsOf(flags.overlap) })) as Rolled, rolled)
  }
  if (verb === 'revoke') return show((await run('keys.revoke', { business, key })) as ApiKey, revoked)
  throw new UsageError(usage)
}

function wantedOf({ business, mode, kind = 'secret', label, scopes: wanted }: KeyFlags) {
  if (kind !== 'secret' && kind !== 'public') throw new UsageError('--kind must be secret or public')
  if (label === undefined) throw new UsageError('--label says what the key is for, e.g. --label "payout server"')
  return { business, mode, kind, label, scopes: scopesOf(kind, wanted) }
}

/** All of them where none is named; a public key has none. */
function scopesOf(kind: KeyKind, wanted: string | undefined): Scope[] {
  if (wanted === undefined) return kind === 'secret' ? [...scopes] : []
  return wanted.split(',').map((one) => one.trim()) as Scope[]
}

const unitsMs: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 }

/** How long the old key opens beside the new one. It is asked for: with a leaked key nothing but 0 is right. */
function overlapMsOf(text: string | undefined): number {
  if (text === '0') return 0
  const [, count, unit] = /^(\d{1,5})([mhd])$/.exec(text ?? '') ?? []
  if (!count || !unit) throw new UsageError('--overlap must be 0 or a time such as 30m, 24h or 7d')
  return Number(count) * (unitsMs[unit] ?? 0)
}

type Rolled = MadeKey & { rolled: { id: string; expires_at: string | null } }

const scopesShown = (key: ApiKey) => (key.kind === 'public' ? 'sdk' : key.scopes.join(','))
const once = 'It is shown this once. Put it where the program that needs it reads its secrets.'

function listed(keys: ApiKey[]): string {
  const lines = keys.map((key) => {
    const used = key.last_used_at ? `used ${key.last_used_at}` : 'never used'
    return `${key.id}  ${key.mode} ${key.kind.padEnd(6)} ${key.hint}  "${key.label}"  ${scopesShown(key)}  ${used}${endOf(key)}`
  })
  return lines.join('\n')
}

function endOf(key: ApiKey): string {
  if (key.revoked_at) return `  revoked ${key.revoked_at}`
  return key.expires_at ? `  rolled, ends ${key.expires_at}` : ''
}

const made = (key: MadeKey) => `${key.key}\n\n${key.mode} ${key.kind} key "${key.label}", ${scopesShown(key)}. ${once}`

function rolled(key: Rolled): string {
  const end = key.rolled.expires_at ? `opens until ${key.rolled.expires_at}` : 'opens nothing any more'
  return `${made(key)}\nThe key before it ${end}.`
}

const revoked = (key: ApiKey) => `The ${key.mode} ${key.kind} key "${key.label}" (${key.hint}) opens nothing any more.`

import { createHash } from 'node:crypto'
import { ChannelError } from '../channel.ts'

/**
 * Tokens of providers that want a login before any call. A token is kept in memory for its account until shortly before
 * it ends; a process that starts logs in anew. Adapters keep nothing else.
 */

/** What a login gave. */
export interface Token {
  readonly value: string
  /** How long it lives by the provider's word; nothing or less: it serves the calls that wait for it, and no later one. */
  readonly livesMs: number
}

interface Kept {
  readonly value: string
  /** By the clock of this process. */
  readonly endsAt: number
}

export interface Use<T> {
  /** What tells this account from all others, its secrets and its address among it. */
  readonly account: readonly (string | null)[]
  /** Moves nothing, so whatever goes wrong in it is `rejected`. */
  login(): Promise<Token>
  /** The token is a secret of the call. */
  call(token: string): Promise<T>
}

/** Longer than one call may take (20 s), so that no token ends on its way. */
const marginMs = 60_000
const accountsMax = 10_000

export class Tokens {
  readonly #kept = new Map<string, Kept>()
  readonly #logins = new Map<string, Promise<Kept>>()
  readonly #accountsMax: number
  readonly #now: () => number

  constructor({ now = () => performance.now(), max = accountsMax }: { now?: () => number; max?: number } = {}) {
    this.#now = now
    this.#accountsMax = max
  }

  /**
   * Calls with a token of the account. A token that the provider refuses is renewed, and the call sent again, once: only
   * where it certainly did nothing. Throws what `login` and `call` throw; neither failure is remembered.
   */
  async use<T>({ account, login, call }: Use<T>): Promise<T> {
    const key = createHash('sha256').update(JSON.stringify(account)).digest('base64')
    const token = await this.#tokenOf(key, login)
    try {
      return await call(token)
    } catch (error) {
      if (!isTokenRefused(error)) throw error
      this.#drop(key, token)
    }
    const renewed = await this.#tokenOf(key, login)
    try {
      return await call(renewed)
    } catch (error) {
      if (isTokenRefused(error)) this.#drop(key, renewed)
      throw error
    }
  }

  async #tokenOf(key: string, login: () => Promise<Token>): Promise<string> {
    const kept = this.#kept.get(key)
    if (kept && this.#now() < kept.endsAt) return kept.value
    return (await (this.#logins.get(key) ?? this.#logIn(key, login))).value
  }

  /** Whoever comes meanwhile waits for the same login: a second one would end the first one's token at some providers. */
  #logIn(key: string, login: () => Promise<Token>): Promise<Kept> {
    const logging = this.#keep(key, login).finally(() => this.#logins.delete(key))
    this.#logins.set(key, logging)
    return logging
  }

  async #keep(key: string, login: () => Promise<Token>): Promise<Kept> {
    const askedAt = this.#now()
    const { value, livesMs } = await login()
    const kept = { value, endsAt: askedAt + livesMs - Math.min(marginMs, livesMs / 2) }
    this.#kept.delete(key)
    // The oldest login goes first; who needs it logs in again.
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size < this.#accountsMax) break
      this.#kept.delete(oldest)
    }
    this.#kept.set(key, kept)
    return kept
  }

  /** Not where another call has renewed it already. */
  #drop(key: string, value: string): void {
    if (this.#kept.get(key)?.value === value) this.#kept.delete(key)
  }
}

/** 403 is a token that is good and may not do this: another one may not either. */
const isTokenRefused = (error: unknown): boolean =>
  error instanceof ChannelError &&
  error.reason === 'unauthorised' &&
  error.outcome === 'rejected' &&
  error.status !== 403

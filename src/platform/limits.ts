import { createHash } from 'node:crypto'
import { type Clock, hourMs, minuteMs } from './clock.ts'
import { ApiError, httpErrors } from './errors.ts'

/** What one process lets through of what costs others something; `LIMIT_…` in the environment. */
export interface LimitSettings {
  /** Times a minute that browsers come back to one attempt. */
  readonly returnsAMinute: number
  /** Relays of one request, altogether. */
  readonly relaysMax: number
  /** Webhooks with a wrong signature a minute, of one token. */
  readonly wrongHooksAMinute: number
  /** Attempts and declines an hour of one customer who is told of by strangers: public keys, links, the checkout. */
  readonly customerAttemptsAnHour: number
  readonly customerDeclinesAnHour: number
  /** Those of one address, at one business. */
  readonly addressAttemptsAnHour: number
  readonly addressDeclinesAnHour: number
  /** Keys that open nothing, a minute of one address. */
  readonly wrongKeysAMinute: number
  /** Open streams of one checkout, and of one address. */
  readonly linkStreamsMax: number
  readonly addressStreamsMax: number
}

export interface Limits extends LimitSettings {
  readonly returns: Counter
  readonly wrongHooks: Counter
  readonly wrongKeys: Counter
  readonly customerAttempts: Counter
  readonly addressAttempts: Counter
  /** What an address began. */
  readonly addressTrail: Trail
}

export const createLimits = (settings: LimitSettings, clock: Clock): Limits => ({
  ...settings,
  returns: new Counter(settings.returnsAMinute, clock),
  wrongHooks: new Counter(settings.wrongHooksAMinute, clock),
  wrongKeys: new Counter(settings.wrongKeysAMinute, clock),
  customerAttempts: new Counter(settings.customerAttemptsAnHour, clock, hourMs),
  addressAttempts: new Counter(settings.addressAttemptsAnHour, clock, hourMs),
  addressTrail: new Trail(),
})

/** Names that are remembered at once; 10,000 of them weigh about 2 MB. */
const namesMax = 10_000

/** What a limiter keeps of a name, which may be a secret, and as long as its sender likes. */
export const digestOf = (name: string): string => createHash('sha256').update(name).digest('base64')

/** Counts by name within a time. It keeps digests of names, whatever their length, and only so many. */
export class Counter {
  readonly #max: number
  readonly #clock: Clock
  readonly #lastsMs: number
  readonly #counts = new Map<string, { count: number; endsMs: number }>()

  constructor(max: number, clock: Clock, lastsMs: number = minuteMs) {
    this.#max = max
    this.#clock = clock
    this.#lastsMs = lastsMs
  }

  /**
   * Counts one more of this name; gives their number. Throws `TOO_MANY_REQUESTS` beyond the most, with the time until
   * it is over.
   */
  take(name: string): number {
    const nowMs = this.#clock.now().getTime()
    const key = digestOf(name)
    const known = this.#counts.get(key)
    const current = known && known.endsMs > nowMs ? known : { count: 0, endsMs: nowMs + this.#lastsMs }
    current.count += 1
    if (current !== known) this.#add(key, current, nowMs)
    if (current.count > this.#max) throw tooMany(current.endsMs - nowMs)
    return current.count
  }

  /** One that was taken, and proved to be none of those that are counted. */
  giveBack(name: string): void {
    const known = this.#counts.get(digestOf(name))
    if (known && known.count > 0) known.count -= 1
  }

  get size(): number {
    return this.#counts.size
  }

  /** All last equally long: those that were counted first are over first. */
  #add(key: string, entry: { count: number; endsMs: number }, nowMs: number): void {
    this.#counts.delete(key)
    this.#counts.set(key, entry)
    for (const [first, { endsMs }] of this.#counts) {
      if (endsMs > nowMs && this.#counts.size <= namesMax) break
      this.#counts.delete(first)
    }
  }
}

/** 1,000 addresses with 200 ids each weigh about 15 MB; an address that begins more is known by its newest. */
const [trailsMax, trailLengthMax] = [1_000, 200]

/** The newest ids of each name, of which digests are kept. */
export class Trail {
  readonly #ids = new Map<string, string[]>()

  add(name: string, id: string): void {
    const key = digestOf(name)
    const ids = (this.#ids.get(key) ?? []).filter((one) => one !== id).slice(1 - trailLengthMax)
    this.#ids.delete(key)
    this.#ids.set(key, [...ids, id])
    const [first] = this.#ids.keys()
    if (this.#ids.size > trailsMax && first !== undefined) this.#ids.delete(first)
  }

  list(name: string): readonly string[] {
    return this.#ids.get(digestOf(name)) ?? []
  }
}

/** `TOO_MANY_REQUESTS` with `Retry-After`, rounded up to a second. */
export const tooMany = (waitMs: number, message?: string): ApiError =>
  new ApiError(httpErrors.tooManyRequests, {
    ...(message && { message }),
    headers: { 'retry-after': String(Math.max(1, Math.ceil(waitMs / 1_000))) },
  })

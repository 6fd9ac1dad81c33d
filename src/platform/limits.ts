import { createHash } from 'node:crypto'
import { type Clock, minuteMs } from './clock.ts'
import { ApiError, httpErrors } from './errors.ts'

/** What one process lets through of what costs others something; `LIMIT_…` in the environment. */
export interface LimitSettings {
  /** Times a minute that browsers come back to one attempt. */
  readonly returnsAMinute: number
  /** Relays of one payment request, altogether. */
  readonly relaysMax: number
  /** Webhooks with a wrong signature a minute, of one token. */
  readonly wrongHooksAMinute: number
}

export interface Limits extends LimitSettings {
  readonly returns: Counter
  readonly wrongHooks: Counter
}

export const createLimits = (settings: LimitSettings, clock: Clock): Limits => ({
  ...settings,
  returns: new Counter(settings.returnsAMinute, clock),
  wrongHooks: new Counter(settings.wrongHooksAMinute, clock),
})

/** Names that are remembered at once; 10,000 of them weigh about 2 MB. */
const namesMax = 10_000

/** Counts by name within a minute. It keeps digests of names, whatever their length, and only so many. */
export class Counter {
  readonly #max: number
  readonly #clock: Clock
  readonly #counts = new Map<string, { count: number; endsMs: number }>()

  constructor(max: number, clock: Clock) {
    this.#max = max
    this.#clock = clock
  }

  /** Counts one more of this name. Throws 009 beyond the most, with the time until its minute ends. */
  take(name: string): void {
    const nowMs = this.#clock.now().getTime()
    const key = createHash('sha256').update(name).digest('base64')
    const known = this.#counts.get(key)
    const current = known && known.endsMs > nowMs ? known : { count: 0, endsMs: nowMs + minuteMs }
    current.count += 1
    if (current !== known) this.#add(key, current, nowMs)
    if (current.count > this.#max) throw tooMany(current.endsMs - nowMs)
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

/** 009 with `Retry-After`, rounded up to a second. */
export const tooMany = (waitMs: number, message?: string): ApiError =>
  new ApiError(httpErrors.tooManyRequests, {
    ...(message && { message }),
    headers: { 'retry-after': String(Math.max(1, Math.ceil(waitMs / 1_000))) },
  })

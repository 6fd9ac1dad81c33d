/** The one source of "now". Everything that compares or stores a time asks it, so that a test can hold it still. */
export interface Clock {
  now(): Date
}

export const systemClock: Clock = { now: () => new Date() }

/** A clock that runs on, ahead of the system's by what it was advanced. */
export class AdvancingClock implements Clock {
  #aheadMs = 0
  now(): Date {
    return new Date(Date.now() + this.#aheadMs)
  }
  advance(ms: number): void {
    if (ms < 0) throw new RangeError('a clock only moves forward')
    this.#aheadMs += ms
  }
}

export const secondMs = 1_000
export const minuteMs = 60 * secondMs
export const hourMs = 60 * minuteMs
export const dayMs = 24 * hourMs

export const after = (from: Date, ms: number): Date => new Date(from.getTime() + ms)

/** The wire's form of a time: UTC with six digits after the second. */
export const wireTime = (at: Date): string => `${at.toISOString().slice(0, -1)}000Z`

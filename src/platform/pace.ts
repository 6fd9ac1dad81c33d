/** Remembers in this process when something was last done, so that strangers cannot have it done as often as they like. */
export interface Pace {
  /** True, and noted, where it was not done within the gap. */
  isDue(name: string, now: Date): boolean
}

const namesMax = 10_000

export function createPace(gapMs: number): Pace {
  const doneAt = new Map<string, number>()
  return {
    isDue(name, now) {
      const nowMs = now.getTime()
      const last = doneAt.get(name)
      if (last !== undefined && nowMs - last < gapMs) return false
      // The oldest goes: forgetting all would let everything through at once.
      const [oldest] = doneAt.keys()
      if (doneAt.size >= namesMax && oldest !== undefined) doneAt.delete(oldest)
      doneAt.delete(name)
      doneAt.set(name, nowMs)
      return true
    },
  }
}

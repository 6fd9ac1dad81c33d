import { secondMs } from '../../platform/clock.ts'
import type { Context } from '../../platform/context.ts'
import { tooMany } from '../../platform/limits.ts'
import * as paymentRequests from '../payment-requests/service.ts'

/**
 * Open pages that wait for an outcome. One statement a second asks for all of them together whether anything has
 * changed, whichever process changed it; with nobody waiting nothing is asked.
 */

const lookEveryMs = secondMs
/** Pages beyond this many in one process are sent away and ask by themselves; so are those of one link or one address. */
const watchersMax = 5_000

interface Watcher {
  readonly requestId: string
  version: string | undefined
  readonly onChange: () => void
}

export interface Watch {
  /**
   * `onChange` is called at the first look and then whenever something has changed. Gives the function that ends it;
   * null: too many wait already.
   */
  add(requestId: string, onChange: () => void): (() => void) | null
  /** How many wait. */
  readonly size: number
  stop(): void
}

/** Whoever is sent away asks by itself meanwhile. */
const comeAgainMs = 5 * secondMs

/** What is open at once, by name. It throws `TOO_MANY_REQUESTS` beyond the most of any name, and gives what ends it. */
export function createPlaces(): (wanted: readonly (readonly [name: string, most: number])[]) => () => void {
  const open = new Map<string, number>()
  const move = (name: string, by: number) => {
    const count = (open.get(name) ?? 0) + by
    if (count > 0) open.set(name, count)
    else open.delete(name)
  }
  return (wanted) => {
    for (const [name, most] of wanted) if ((open.get(name) ?? 0) >= most) throw tooMany(comeAgainMs)
    for (const [name] of wanted) move(name, 1)
    let isOpen = true
    return () => {
      if (isOpen) for (const [name] of wanted) move(name, -1)
      isOpen = false
    }
  }
}

export function createWatch(ctx: Context): Watch {
  const watchers = new Set<Watcher>()
  let timer: NodeJS.Timeout | undefined
  let stopped = false

  const look = async () => {
    try {
      const ids = [...new Set([...watchers].map((one) => one.requestId))]
      const versions = await paymentRequests.listVersions(ctx, ids)
      for (const watcher of watchers) {
        const version = versions.get(watcher.requestId)
        const changed = version !== watcher.version
        watcher.version = version
        if (changed) watcher.onChange()
      }
    } catch (error) {
      // The database is away: pages that wait lose nothing, the next look finds what they missed.
      ctx.log.warn({ error: String(error) }, 'waiting checkouts could not be looked at')
    }
    again()
  }
  const again = () => {
    timer = watchers.size > 0 && !stopped ? setTimeout(look, lookEveryMs) : undefined
  }

  return {
    add(requestId, onChange) {
      if (watchers.size >= watchersMax || stopped) return null
      const watcher: Watcher = { requestId, version: undefined, onChange }
      watchers.add(watcher)
      timer ??= setTimeout(look, 0)
      return () => watchers.delete(watcher)
    },
    get size() {
      return watchers.size
    },
    stop() {
      stopped = true
      clearTimeout(timer)
    },
  }
}

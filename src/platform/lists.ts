import type { Database, Db } from './db.ts'
import { ApiError, httpErrors } from './errors.ts'

/**
 * Lists and searches, which may be slow: over connections of their own, and of one business, both modes together, only
 * so many at once, so that what one asks for keeps nobody else waiting, and nobody from paying.
 */

export interface ListSettings {
  /** Of one business at once. */
  readonly atOnce: number
  /** How long a further one waits for its turn. */
  readonly waitMs: number
}

/** One connection at least is left to the others where there are several. */
export const atOnceDefault = (poolSize: number) => Math.max(1, poolSize - 1)
/** How many more of a business may wait. */
const waitingMax = 50
/** Nothing can interrupt a statement of the embedded database: a search looks through that many of the newest rows. */
const newestMaxEmbedded = 20_000

/** Whose list it is. */
interface Reader {
  readonly businessId: string
}

/**
 * `newestMax`: how many of the newest rows a search may look through; null: all. Throws `TOO_MANY_REQUESTS` where too
 * much waits.
 */
export type Lists = <T>(of: Reader, read: (db: Db, newestMax: number | null) => Promise<T>) => Promise<T>

interface Line {
  running: number
  readonly waiting: Set<() => void>
}

export function createLists(database: Pick<Database, 'lists' | 'embedded'>, { atOnce, waitMs }: ListSettings): Lists {
  const lines = new Map<string, Line>()
  const newestMax = database.embedded ? newestMaxEmbedded : null
  return async ({ businessId }, read) => {
    const line = lines.get(businessId) ?? { running: 0, waiting: new Set() }
    lines.set(businessId, line)
    if (line.running >= atOnce) await turnIn(line, waitMs)
    else line.running += 1
    try {
      return await read(database.lists, newestMax)
    } finally {
      const [next] = line.waiting
      // Its place goes to the next in line.
      if (next) next()
      else line.running -= 1
      if (line.running === 0) lines.delete(businessId)
    }
  }
}

function turnIn(line: Line, waitMs: number): Promise<void> {
  if (line.waiting.size >= waitingMax) throw tooMany()
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const turn = () => {
    line.waiting.delete(turn)
    clearTimeout(timer)
    resolve()
  }
  const timer = setTimeout(() => {
    line.waiting.delete(turn)
    reject(tooMany())
  }, waitMs)
  line.waiting.add(turn)
  return promise
}

const tooMany = () =>
  new ApiError(httpErrors.tooManyRequests, {
    message: 'Too many lists and searches are waiting',
    headers: { 'retry-after': '2' },
  })

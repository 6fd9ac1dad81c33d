import { secondMs } from './clock.ts'
import type { Database, Db } from './db.ts'
import { ApiError, httpErrors } from './errors.ts'

/**
 * Lists and searches, which may be slow: over connections of their own, and of one business and mode only so many at
 * once, so that what one asks for keeps nobody else waiting, and nobody from paying.
 */

/** Of one business and mode at once; one connection at least is left to the others where there are several. */
const runsOf = (poolSize: number) => Math.max(1, poolSize - 1)
/** How many more of it may wait, and how long. */
const waitingMax = 50
const waitMaxMs = 10 * secondMs
/** Nothing can interrupt a statement of the embedded database: a search looks through that many of the newest rows. */
const newestMaxEmbedded = 20_000

/** Whose list it is. */
interface Reader {
  readonly businessId: string
  readonly envMode: string
}

/** `newestMax`: how many of the newest rows a search may look through; null: all. Throws 009 where too much waits. */
export type Lists = <T>(of: Reader, read: (db: Db, newestMax: number | null) => Promise<T>) => Promise<T>

interface Line {
  running: number
  readonly waiting: Set<() => void>
}

export function createLists(database: Database, poolSize: number): Lists {
  const lines = new Map<string, Line>()
  const runsMax = runsOf(poolSize)
  const newestMax = database.embedded ? newestMaxEmbedded : null
  return async ({ businessId, envMode }, read) => {
    const key = `${businessId}/${envMode}`
    const line = lines.get(key) ?? { running: 0, waiting: new Set() }
    lines.set(key, line)
    if (line.running >= runsMax) await turnIn(line)
    else line.running += 1
    try {
      return await read(database.lists, newestMax)
    } finally {
      const [next] = line.waiting
      // Its place goes to the next in line.
      if (next) next()
      else line.running -= 1
      if (line.running === 0) lines.delete(key)
    }
  }
}

function turnIn(line: Line): Promise<void> {
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
  }, waitMaxMs)
  line.waiting.add(turn)
  return promise
}

const tooMany = () =>
  new ApiError(httpErrors.tooManyRequests, {
    message: 'Too many lists and searches are waiting',
    headers: { 'retry-after': '2' },
  })

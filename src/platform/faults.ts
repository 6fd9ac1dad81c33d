import { setTimeout as sleep } from 'node:timers/promises'

/**
 * What a database's error means, in the one place that knows: by PostgreSQL's code (its appendix A, read on
 * 2026-11-28), by the operating system's, and by the driver's words where it has no code.
 */
export type Fault =
  /** Not reached, ending, starting, full, or not letting us in: comes back by itself. */
  | 'away'
  /** A standby, or a primary that was demoted: another connection may find the new one. */
  | 'read_only'
  /** Undone for another transaction's sake: certainly nothing happened, and it may run again. */
  | 'conflict'
  /** Longer than a statement may take. */
  | 'too_slow'
  /** Another's lock was not let go in time. */
  | 'locked'

const byCode: Readonly<Record<string, Fault>> = {
  '25006': 'read_only',
  '40001': 'conflict',
  '40P01': 'conflict',
  '55P03': 'locked',
  '57014': 'too_slow',
  '25P04': 'too_slow',
  // A session that was idle in its transaction for too long, and is gone.
  '25P03': 'away',
  '57P01': 'away',
  '57P02': 'away',
  '57P03': 'away',
  '57P04': 'away',
  '57P05': 'away',
  '3D000': 'away',
  ECONNREFUSED: 'away',
  ECONNRESET: 'away',
  ECONNABORTED: 'away',
  EPIPE: 'away',
  ETIMEDOUT: 'away',
  EHOSTUNREACH: 'away',
  ENETUNREACH: 'away',
  ENETDOWN: 'away',
  ENOTFOUND: 'away',
  EAI_AGAIN: 'away',
}

/** Whole classes: connection exception, invalid authorization, insufficient resources, system error. */
const awayClass = /^(08|28|53|58)[0-9A-Z]{3}$/

/** node-postgres, its pool and Kysely, none of which gives a code. The last one is of a plan made before a migration. */
const awayWords =
  /^(timeout exceeded when trying to connect|timeout expired|Connection terminated|Query read timeout|Client has encountered a connection error|Client was closed|Cannot use a pool after|Postgres connection has been discarded|driver has already been destroyed|cached plan must not change result type)/

export function faultOf(error: unknown): Fault | null {
  if (!(error instanceof Error)) return null
  const code = 'code' in error ? String(error.code) : ''
  if (Object.hasOwn(byCode, code)) return byCode[code] ?? null
  return awayClass.test(code) || awayWords.test(error.message) ? 'away' : null
}

/** True: what was sent may have happened or not, and only the rows say which. */
export const isUncertain = (error: unknown): boolean => faultOf(error) === 'away'

/** True: the connection is of no use any more. */
export function endsConnection(error: unknown): boolean {
  const fault = faultOf(error)
  return fault === 'away' || fault === 'read_only'
}

const conflictTriesMax = 6
/** Doubled with each try; a random part of it is waited, so that two do not meet again. */
const conflictPauseMs = 10

/** Runs again what was undone for another transaction's sake. Anything else, and the last try's error, is thrown. */
export async function againOnConflict<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work()
    } catch (error) {
      if (faultOf(error) !== 'conflict' || tries >= conflictTriesMax) throw error
      await sleep(Math.random() * conflictPauseMs * 2 ** tries)
    }
  }
}

import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeDataDir } from '../config.ts'
import { UsageError } from './usage.ts'

export class InUse extends UsageError {}

/**
 * The embedded database belongs to one process. The lock names it by pid and start time, so that a killed process'
 * lock is known to be stale even when its pid was given to another. Throws `InUse` where another process has it.
 */
export function lockDataDir(dataDir: string): () => void {
  makeDataDir(dataDir)
  const file = join(dataDir, 'lock')
  const mine = identityOf(process.pid) ?? String(process.pid)
  for (let tries = 0; tries < 2; tries += 1) {
    try {
      writeFileSync(file, mine, { flag: 'wx', mode: 0o600 })
      return () => rmSync(file, { force: true })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
        throw new UsageError(`DATA_DIR cannot be used: ${(error as Error).message}`)
      }
      const owner = readFileSync(file, 'utf8')
      if (isAlive(owner)) break
      rmSync(file, { force: true })
    }
  }
  throw new InUse(`${dataDir} is in use by another Asyncpay process. Stop it, or set another DATA_DIR.`)
}

function isAlive(owner: string): boolean {
  const pid = Number(owner.split(' ')[0])
  return Number.isInteger(pid) && pid > 0 && identityOf(pid) === owner
}

/** `<pid> <start time>`; undefined when there is no such process. Without /proc the pid alone. */
function identityOf(pid: number): string | undefined {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return undefined
  }
  try {
    // The 22nd field of the line, counted behind the command's closing parenthesis, is the start time.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return `${pid} ${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]}`
  } catch {
    return String(pid)
  }
}

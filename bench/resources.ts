import { readdirSync, readFileSync } from 'node:fs'
import { cpus } from 'node:os'
import pg from 'pg'

/** What a phase used, from /proc; on a system without it the numbers are absent and nothing else changes. */

/** Kernel ticks a second in /proc/<pid>/stat: `USER_HZ`, 100 on every Linux that Node.js runs on (proc(5)). */
const ticksPerSecond = 100

interface Stat {
  parent: number
  cpuSeconds: number
  /** Of children that have ended and were waited for. */
  endedChildrenSeconds: number
}

function readStat(pid: number): Stat | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name is in brackets and may hold anything; the numbers begin behind it with field 3.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    const seconds = (first: number) => (Number(fields[first - 3]) + Number(fields[first - 2])) / ticksPerSecond
    return { parent: Number(fields[1]), cpuSeconds: seconds(14), endedChildrenSeconds: seconds(16) }
  } catch {
    return null // ended meanwhile, or no /proc
  }
}

const cpuOf = (pid: number): number => readStat(pid)?.cpuSeconds ?? 0

/** A process with all its children, also those that have ended: a PostgreSQL server is one process a connection. */
function cpuOfFamily(pid: number): number {
  const own = readStat(pid)
  if (!own) return 0
  let sum = own.cpuSeconds + own.endedChildrenSeconds
  for (const name of readdirSync('/proc')) {
    const child = /^\d+$/.test(name) ? readStat(Number(name)) : null
    if (child?.parent === pid) sum += child.cpuSeconds
  }
  return sum
}

/** The process of the PostgreSQL server itself: the parent of any connection's. Null where /proc does not say. */
export async function findPostmaster(url: string): Promise<number | null> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
    return readStat(rows[0]?.pid ?? 0)?.parent ?? null
  } finally {
    await client.end()
  }
}

/** Resident memory in MB (10^6 bytes); NaN where /proc does not say. */
export function residentMb(pid: number): number {
  try {
    const match = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
    return (Number(match?.[1]) * 1024) / 1e6
  } catch {
    return Number.NaN
  }
}

export interface Usage {
  seconds: number
  cores: number
  /** Cores busy on average, whoever used them. */
  busy: number
  /** Cores used on average by each of ours. */
  shares: Record<string, number>
}

/** Whom to watch; a family is a process with its children. */
export interface Watched {
  name: string
  pid: number
  family?: boolean
}

/** Begins to watch; the function that it gives ends it and tells what was used in between. */
export function watch(watched: readonly Watched[]): () => Usage {
  const read = () => watched.map(({ pid, family }) => (family ? cpuOfFamily(pid) : cpuOf(pid)))
  const before = { at: performance.now(), machine: machineSeconds(), ours: read() }
  return () => {
    const seconds = (performance.now() - before.at) / 1000
    const ours = read()
    const shares = watched.map(({ name }, index) => {
      const used = (ours[index] ?? 0) - (before.ours[index] ?? 0)
      return [name, Math.max(0, used / seconds)] as const
    })
    const busy = (machineSeconds() - before.machine) / seconds
    return { seconds, cores: cpus().length, busy, shares: Object.fromEntries(shares) }
  }
}

const machineSeconds = (): number =>
  cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0) / 1000

/** Above these shares of its capacity a resource counts as used up: the rest is lost between the scheduler's turns. */
const machineFull = 0.92
const threadFull = 0.9

/** Which resource ended the growth, in words: the machine, one process's only thread, or none (something waits). */
export function saturating(usage: Usage): string {
  const shares = Object.entries(usage.shares).sort((a, b) => b[1] - a[1])
  const percent = (share: number) => `${Math.round(share * 100)} %`
  const others = usage.busy - shares.reduce((sum, [, share]) => sum + share, 0)
  const list = [...shares.map(([name, share]) => `${name} ${percent(share)}`), `others ${percent(Math.max(0, others))}`]
  const words = list.join(', ')
  if (usage.busy >= machineFull * usage.cores) return `all ${usage.cores} cores: ${words}`
  // PostgreSQL has a process a connection, so its share may pass one core; the others have one thread for our work.
  const full = shares.find(([name, share]) => name !== 'postgres' && share >= threadFull)
  return full ? `${full[0]}: one core (${words})` : `none (${words})`
}

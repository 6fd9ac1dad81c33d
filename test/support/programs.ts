import { type ChildProcess, execFileSync, type StdioOptions, spawn } from 'node:child_process'
import { chownSync, existsSync, globSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'

/**
 * The system's own PostgreSQL and PgBouncer, as programs of ours in temporary folders: the npm package has no
 * `pg_basebackup`. Where they are missing the tests that need them skip and say so; with `CI` set that is a failure.
 */
const folders = [
  ...(process.env.PATH ?? '').split(delimiter),
  '/usr/sbin',
  ...globSync('/usr/lib/postgresql/*/bin').sort().reverse(),
]

/** Where `names` lie together; undefined where one is missing. */
const folderOf = (...names: string[]): string | undefined =>
  folders.find((folder) => names.every((name) => existsSync(join(folder, name))))

const postgresFolder = folderOf('postgres', 'initdb', 'pg_basebackup')
const bouncerFolder = folderOf('pgbouncer')
if (process.env.CI && !(postgresFolder && bouncerFolder)) {
  throw new Error('PostgreSQL with pg_basebackup and PgBouncer are not installed, and in CI their tests must run')
}

/** Options of a `describe` that needs a server with a standby. */
export const withStandby = postgresFolder ? {} : { skip: 'no PostgreSQL with pg_basebackup found; install postgresql' }
/** Options of a `describe` that needs the pooler. */
export const withPgBouncer = bouncerFolder ? {} : { skip: 'no PgBouncer found; install pgbouncer' }

type Program = 'postgres' | 'initdb' | 'pg_basebackup' | 'pgbouncer'

const pathOf = (name: Program) => join((name === 'pgbouncer' ? bouncerFolder : postgresFolder) ?? '', name)

/** Neither program runs as root: there its user is the one that the system's package made. */
const owner = process.getuid?.() === 0 ? ownerOf('postgres') : null

function ownerOf(name: string): { uid: number; gid: number } | null {
  try {
    const [uid, gid] = ['-u', '-g'].map((flag) => Number(execFileSync('id', [flag, name], { encoding: 'utf8' })))
    return { uid: uid ?? 0, gid: gid ?? 0 }
  } catch {
    return null
  }
}

/** A folder that the programs may write into. */
export function openFolder(prefix: string): { path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), prefix))
  if (owner) chownSync(path, owner.uid, owner.gid)
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}

const children = new Set<ChildProcess>()
// Whatever ends this file ends what it started.
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL')
})

export interface Running {
  /** Null while it runs. */
  exitCode(): number | null
  output(): string
  /** Resolves when the process is gone; gives what it ended with. */
  end(signal: NodeJS.Signals): Promise<number | null>
  readonly ended: Promise<number | null>
}

/** Starts a program as a child of this process. */
export function launch(name: Program, args: string[]): Running {
  const stdio: StdioOptions = ['ignore', 'pipe', 'pipe']
  // In a folder that its user may enter: the tests' own may be closed to it.
  const child = spawn(pathOf(name), args, { stdio, cwd: tmpdir(), ...owner, env: { PATH: process.env.PATH ?? '' } })
  children.add(child)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      // The last words are those that say what went wrong.
      output = (output + text).slice(-20_000)
    })
  }
  let code: number | null = null
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('exit', (given) => {
      children.delete(child)
      code = given ?? -1
      resolve(given)
    })
  })
  const end = async (signal: NodeJS.Signals) => {
    child.kill(signal)
    return await ended
  }
  return { exitCode: () => code, output: () => output, end, ended }
}

/** Runs a program to its end; throws with its words where that is no good one. */
export async function runProgram(name: Program, args: string[]): Promise<void> {
  const program = launch(name, args)
  const code = await program.ended
  if (code !== 0) throw new Error(`${name} ended with ${code}: ${program.output()}`)
}

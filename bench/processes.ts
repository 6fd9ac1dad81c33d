import { type ChildProcess, fork, spawn } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** Every process that a measurement starts; each is ended by its id, at the latest when this process ends. */

export interface Running {
  readonly pid: number
  /** From the spawn to the first answer, ms. */
  readonly startedMs: number
  /** Asks it to stop and waits; one that does not is killed. */
  stop(): Promise<void>
}

const root = join(import.meta.dirname, '..')
const readyMaxMs = 30_000
const stopMaxMs = 10_000
/** Of what a process says on stderr this many characters are shown when it fails. */
const wordsMax = 2_000

const children = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL')
})

export interface Program {
  name: string
  /** From the project's root. */
  file: string
  args?: string[]
  /** All of it: nothing of this process's environment is inherited. */
  env: Record<string, string>
  nodeArgs?: string[]
  /** Answers 2xx once the program can be used. Absent: it is ready at once (a worker has no address). */
  readyUrl?: string
}

export async function startProgram(program: Program): Promise<Running> {
  const at = performance.now()
  const args = [...(program.nodeArgs ?? []), join(root, program.file), ...(program.args ?? [])]
  const child = spawn(process.execPath, args, { cwd: root, env: program.env, stdio: ['ignore', 'ignore', 'pipe'] })
  const words = listen(child)
  if (program.readyUrl) await untilReady(program.name, program.readyUrl, child, words)
  return { pid: child.pid ?? 0, startedMs: performance.now() - at, stop: () => stop(child) }
}

function listen(child: ChildProcess): () => string {
  children.add(child)
  child.once('exit', () => children.delete(child))
  let said = ''
  child.stderr?.on('data', (chunk) => {
    said = (said + chunk).slice(-wordsMax)
  })
  return () => said
}

async function untilReady(name: string, url: string, child: ChildProcess, words: () => string): Promise<void> {
  const endsAt = performance.now() + readyMaxMs
  for (;;) {
    if (child.exitCode !== null || child.signalCode) throw new Error(`${name} ended before it was ready: ${words()}`)
    if (performance.now() > endsAt) throw new Error(`${name} was not ready within ${readyMaxMs} ms: ${words()}`)
    const answered = await fetch(url).then(
      (answer) => answer.ok,
      () => false,
    )
    if (answered) return
    await sleep(5)
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  const killer = setTimeout(() => child.kill('SIGKILL'), stopMaxMs)
  await ended
  clearTimeout(killer)
}

/** A process of ours that does one job at a time and answers each, e.g. the load generator. */
export interface Hand<Job, Result> {
  readonly pid: number
  run(job: Job, maxMs: number): Promise<Result>
  stop(): Promise<void>
}

export function startHand<Job, Result>(file: string): Hand<Job, Result> {
  const child = fork(join(root, file), [], {
    cwd: root,
    execPath: process.execPath,
    env: {},
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  const words = listen(child)
  return {
    pid: child.pid ?? 0,
    run: (job, maxMs) => ask<Job, Result>(child, job, maxMs, words),
    stop: () => stop(child),
  }
}

function ask<Job, Result>(child: ChildProcess, job: Job, maxMs: number, words: () => string): Promise<Result> {
  return new Promise((resolve, reject) => {
    const settle = (work: () => void) => {
      clearTimeout(limit)
      child.off('message', onMessage)
      child.off('exit', onExit)
      work()
    }
    const onMessage = (message: unknown) => {
      const { result, error } = message as { result?: Result; error?: string }
      settle(() => (error === undefined ? resolve(result as Result) : reject(new Error(error))))
    }
    const onExit = () => settle(() => reject(new Error(`the load generator ended: ${words()}`)))
    const limit = setTimeout(() => settle(() => reject(new Error(`no result within ${maxMs} ms`))), maxMs)
    child.on('message', onMessage)
    child.on('exit', onExit)
    child.send(job as object)
  })
}

/** The other side of `startHand`: answers every job with what `work` makes of it. */
export function serveJobs<Job, Result>(work: (job: Job) => Promise<Result>): void {
  process.on('message', (job) => {
    work(job as Job).then(
      (result) => process.send?.({ result }),
      (error: unknown) =>
        process.send?.({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
    )
  })
  // The parent is gone: nobody waits for a result.
  process.on('disconnect', () => process.exit(0))
}

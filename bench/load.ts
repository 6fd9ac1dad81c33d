import { setTimeout as sleep } from 'node:timers/promises'
import { Client, Pool } from 'undici'
import { serveJobs } from './processes.ts'
import { type SubjectName, subjects, type Target } from './subjects.ts'

/** The load generator, a process of its own: sends one subject's requests over keep-alive connections, and times them. */

export interface LoadJob {
  target: Target
  subject: SubjectName
  connections: number
  seconds: number
  /** Requests a second, sent on time whether earlier ones are answered or not; absent: as fast as they are answered. */
  ratePerSecond?: number
  /** Number of the first request: no two jobs send the same one. */
  first: number
}

export interface LoadResult {
  requests: number
  /** From the first request to the last answer. */
  seconds: number
  /** From sending (or, with a rate, from queueing for a connection) to the last byte. */
  latenciesMs: Float64Array
  /** What was no 2xx: status or error → times. */
  failures: Record<string, number>
  /** The first failure's own words. */
  firstFailure: string | null
  /** Of the last answer, bytes. */
  answerBytes: number
}

/** Longer than the server's own limits: an answer that never comes is a failure, not a hang. */
const answerMaxMs = 30_000

class Recorder {
  readonly latenciesMs: number[] = []
  readonly failures: Record<string, number> = {}
  firstFailure: string | null = null
  answerBytes = 0
  readonly startedAt = performance.now()
  endedAt = this.startedAt

  fail(what: string, words: string): void {
    this.failures[what] = (this.failures[what] ?? 0) + 1
    this.firstFailure ??= words.slice(0, 500)
  }

  result(): LoadResult {
    return {
      requests: this.latenciesMs.length,
      seconds: (this.endedAt - this.startedAt) / 1000,
      latenciesMs: Float64Array.from(this.latenciesMs),
      failures: this.failures,
      firstFailure: this.firstFailure,
      answerBytes: this.answerBytes,
    }
  }
}

async function send(door: Client | Pool, job: LoadJob, n: number, recorder: Recorder): Promise<void> {
  const { method, path, headers, body } = subjects[job.subject](job.target, n)
  const at = performance.now()
  try {
    const answer = await door.request({ method, path, headers, body: body ?? null })
    const text = await answer.body.text()
    recorder.endedAt = performance.now()
    recorder.latenciesMs.push(recorder.endedAt - at)
    recorder.answerBytes = Buffer.byteLength(text)
    if (answer.statusCode < 200 || answer.statusCode > 299) recorder.fail(String(answer.statusCode), text)
  } catch (error) {
    recorder.fail('no answer', String(error))
  }
}

const options = { pipelining: 1, headersTimeout: answerMaxMs, bodyTimeout: answerMaxMs }

/** Every connection sends its next request as soon as it has the last answer. */
async function sendFlatOut(job: LoadJob, recorder: Recorder): Promise<void> {
  const endsAt = recorder.startedAt + job.seconds * 1000
  let next = job.first
  const connection = async () => {
    const client = new Client(job.target.url, options)
    while (performance.now() < endsAt) await send(client, job, next++, recorder)
    await client.close()
  }
  await Promise.all(Array.from({ length: job.connections }, connection))
}

/** Sends on time; what finds every connection taken waits, and the wait counts. */
async function sendOnTime(job: LoadJob, ratePerSecond: number, recorder: Recorder): Promise<void> {
  const pool = new Pool(job.target.url, { ...options, connections: job.connections })
  const total = Math.round(job.seconds * ratePerSecond)
  const sent: Promise<void>[] = []
  while (sent.length < total) {
    const due = Math.min(total, Math.ceil(((performance.now() - recorder.startedAt) / 1000) * ratePerSecond))
    while (sent.length < due) sent.push(send(pool, job, job.first + sent.length, recorder))
    await sleep(1)
  }
  await Promise.all(sent)
  await pool.close()
}

serveJobs<LoadJob, LoadResult>(async (job) => {
  const recorder = new Recorder()
  if (job.ratePerSecond) await sendOnTime(job, job.ratePerSecond, recorder)
  else await sendFlatOut(job, recorder)
  return recorder.result()
})

import { chmodSync, rmSync } from 'node:fs'
import { createServer, request, type Server } from 'node:http'
import { join } from 'node:path'
import type { Context } from '../platform/context.ts'
import { ApiError } from '../platform/errors.ts'
import { isOperation, operations } from './operations.ts'
import { UsageError } from './usage.ts'

/**
 * How a command reaches the server that has the embedded database: a Unix socket in DATA_DIR that only the owner of
 * the folder may open (mode 0600). One POST an operation, arguments and result as JSON.
 */
const socketName = 'asyncpay.sock'
/** The system's limit for the path of a Unix socket, less the closing zero. */
const socketPathMax = 107
const bodyMaxBytes = 1024 * 1024
/** Longer than any operation takes: a server that is stuck does not keep a command waiting for ever. */
const answerMaxMs = 60_000

export function socketPath(dataDir: string): string {
  const path = join(dataDir, socketName)
  if (Buffer.byteLength(path) > socketPathMax) throw new UsageError(`DATA_DIR is too long for a socket: ${dataDir}`)
  return path
}

/** `afterOperation` follows each one that succeeded, so that the sandbox learns new accounts' webhook addresses. */
export async function serveSocket(
  ctx: Context,
  dataDir: string,
  afterOperation: (name: string) => Promise<void>,
): Promise<Server> {
  const path = socketPath(dataDir)
  rmSync(path, { force: true })
  const server = createServer(async (incoming, outgoing) => {
    const name = incoming.url?.slice(1) ?? ''
    let answer: { ok: boolean; result?: unknown; message?: string }
    try {
      let text = ''
      for await (const chunk of incoming) {
        text += chunk
        if (text.length > bodyMaxBytes) throw new UsageError('The arguments are too long')
      }
      if (!isOperation(name)) throw new UsageError(`There is no operation ${name}`)
      answer = { ok: true, result: await operations[name](ctx, JSON.parse(text || '{}')) }
      await afterOperation(name)
    } catch (error) {
      answer = { ok: false, message: wordsOf(error) }
    }
    outgoing.setHeader('content-type', 'application/json').end(JSON.stringify(answer))
  })
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(path, resolve))
  chmodSync(path, 0o600)
  return server
}

/** What went wrong, in words for the person at the command line. */
export function wordsOf(error: unknown): string {
  if (error instanceof ApiError) return `${error.message}. ${error.row.description}`
  if (!(error instanceof Error)) return String(error)
  // A host with several addresses, none of which answers, fails with a code and no message.
  return error.message || String((error as NodeJS.ErrnoException).code ?? error.name)
}

/** Runs an operation in the server behind the socket. Undefined: no server listens there. */
export async function callSocket(
  dataDir: string,
  name: string,
  args: object,
): Promise<{ result: unknown } | undefined> {
  return await new Promise((resolve, reject) => {
    const outgoing = request({ socketPath: socketPath(dataDir), path: `/${name}`, method: 'POST' }, (incoming) => {
      let text = ''
      incoming.setEncoding('utf8')
      incoming.on('data', (chunk: string) => {
        text += chunk
      })
      incoming.on('end', () => {
        const answer = JSON.parse(text) as { ok: boolean; result?: unknown; message?: string }
        if (answer.ok) resolve({ result: answer.result })
        else reject(new UsageError(answer.message ?? 'failed'))
      })
    })
    outgoing.setTimeout(answerMaxMs, () => {
      outgoing.destroy(new UsageError(`The server behind ${socketPath(dataDir)} does not answer`))
    })
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') resolve(undefined)
      else reject(error)
    })
    outgoing.end(JSON.stringify(args))
  })
}

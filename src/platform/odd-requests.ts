import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { secondMs } from './clock.ts'
import { ApiError, failure, httpErrors } from './errors.ts'
import { newId } from './ids.ts'

/** Requests that go wrong before any handler sees them, answered as all others are. */

/** Who sends more than this after being refused is cut off. */
const drainBytesMax = 64 * 1024 * 1024
const drainMaxMs = 10 * secondMs

/**
 * Reads a body that nobody wants to its end. A client that is still sending when the connection closes loses the answer:
 * its system drops what came in when the other side resets.
 */
export async function drain(request: IncomingMessage): Promise<void> {
  if (request.complete || request.destroyed) return
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, drainMaxMs)
  let bytes = 0
  const count = (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > drainBytesMax) resolve()
  }
  request.on('data', count)
  for (const end of ['end', 'close', 'error'] as const) request.once(end, () => resolve())
  request.resume()
  await promise
  clearTimeout(timer)
  request.off('data', count)
}

/** What Node could not read as HTTP: there is no request to answer, only a socket. */
export function answerUnreadable(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) return void socket.destroy()
  const [status, words] = statusOf(error.code)
  const body = JSON.stringify(failure(new ApiError(httpErrors.malformedRequest, words ? { message: words } : {})))
  const head = [
    `HTTP/1.1 ${status}`,
    `request-id: ${newId()}`,
    'content-type: application/json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
}

function statusOf(code: string | undefined): [status: string, words: string | null] {
  if (code === 'HPE_HEADER_OVERFLOW') return ['431 Request Header Fields Too Large', 'The headers are too large']
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return ['408 Request Timeout', 'The request did not come to its end in time']
  return ['400 Bad Request', null]
}

import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { ApiError, type ErrorRow, failure, httpErrors } from './errors.ts'
import { faultOf } from './faults.ts'
import { StoredAnswer } from './idempotency.ts'

/**
 * Whatever is thrown, wherever: what leaves is an envelope of ours, and no word of a driver. Each route answers its
 * failures by `answer`, or by a page of its own; what is thrown while that is on its way, by a hook that sends it or by
 * whoever writes it, comes to `lastWord`, after which nothing runs any more.
 */
export function answerFailures(app: Pick<FastifyInstance, 'addHook' | 'setErrorHandler' | 'errorHandler'>): void {
  app.addHook('onRoute', function ownAnswer(route) {
    // A program that is mounted here, such as the sandbox, answers in a form of its own.
    if (this.errorHandler === app.errorHandler) route.errorHandler ??= answer
  })
  app.setErrorHandler(lastWord)
}

function answer(thrown: FastifyError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (thrown instanceof StoredAnswer) {
    const { status, headers, body } = replayOf(thrown)
    return reply.code(status).headers(headers).header('content-type', 'application/json; charset=utf-8').send(body)
  }
  return sendFailure(reply, told(thrown, request))
}

export function sendFailure(reply: FastifyReply, error: ApiError): FastifyReply {
  if (error.row.isPassing && reply.request.idempotency) reply.request.idempotency.isPassing = true
  return reply
    .code(error.row.status)
    .headers(headersOf(error))
    .header('content-type', 'application/json; charset=utf-8')
    .serializer(bodyOf)
    .send(failure(error))
}

/** Written past every hook, with the headers that were set for the caller's browser. */
function lastWord(thrown: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  const kept = Object.entries(reply.getHeaders()).filter(([name]) => keptHeaders.test(name))
  const { status, headers, body } = thrown instanceof StoredAnswer ? replayOf(thrown) : wordsFor(told(thrown, request))
  reply.hijack()
  if (reply.raw.headersSent) return void reply.raw.destroy()
  reply.raw.writeHead(status, {
    ...Object.fromEntries(kept),
    ...headers,
    'request-id': request.id,
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
  })
  reply.raw.end(body)
}

const replayOf = ({ status, body }: StoredAnswer) => ({ status, headers: { 'idempotent-replayed': 'true' }, body })

const wordsFor = (error: ApiError) => ({
  status: error.row.status,
  headers: headersOf(error),
  body: bodyOf(failure(error)),
})

const keptHeaders = /^(access-control-.*|vary|connection|x-ratelimit-.*)$/

const headersOf = (error: ApiError) => ({
  ...(error.row.status === 503 && { 'retry-after': '2' }),
  ...error.headers,
})

/** JSON knows no bigint. */
const bodyOf = (body: unknown): string =>
  JSON.stringify(body, (_name, value) => (typeof value === 'bigint' ? String(value) : value))

/** The log hears what the caller does not. */
function told(thrown: FastifyError, request: FastifyRequest): ApiError {
  const error = asApiError(thrown, request.id)
  if (error.row.status >= 500) request.log.error({ error: wordsOf(thrown), code: error.row.name }, 'request failed')
  return error
}

const wordsOf = (thrown: unknown) => (thrown instanceof Error ? thrown.stack : String(thrown))

const byFastifyCode: Record<string, ErrorRow> = {
  FST_ERR_CTP_BODY_TOO_LARGE: httpErrors.requestTooLarge,
  FST_ERR_BAD_URL: httpErrors.malformedRequest,
  FST_ERR_MAX_PARAM_LENGTH: httpErrors.notFound,
}

/** `thrown` may be anything. */
export function asApiError(thrown: unknown, requestId: string): ApiError {
  if (thrown instanceof ApiError) return thrown
  const { code, statusCode = 500 } = Object(thrown) as { code?: string; statusCode?: number }
  if (faultOf(thrown) !== null) return new ApiError(httpErrors.unavailable)
  const known = code && Object.hasOwn(byFastifyCode, code) ? byFastifyCode[code] : undefined
  if (known) return new ApiError(known)
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') {
    return new ApiError(httpErrors.malformedRequest, { message: 'The Content-Type must be application/json' })
  }
  if (statusCode >= 400 && statusCode < 500) return new ApiError(httpErrors.malformedRequest)
  if (statusCode === 503) return new ApiError(httpErrors.unavailable)
  return new ApiError(httpErrors.internal, { data: { request_id: requestId } })
}

import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import { type FastifyBaseLogger, type FastifyInstance, fastify, LogController } from 'fastify'
import { type TSchema, Type } from 'typebox'
import { secondMs } from './clock.ts'
import type { Context } from './context.ts'
import { ApiError, httpErrors, notFound } from './errors.ts'
import { answerFailures, asApiError, sendFailure } from './failures.ts'
import { newId } from './ids.ts'
import { mayDiffer, parseExactly, settleNumbers } from './json.ts'
import { answerUnreadable, drain } from './odd-requests.ts'
import { findUnknown, type OtherNames, type UnknownField } from './unknown-fields.ts'
import { validatorFor } from './validation.ts'

/** 128 KiB: the largest honest body is far smaller; file uploads and bulk endpoints say their own. */
export const bodyLimitBytes = 128 * 1024

/** The success envelope, in the documented key order. */
export const success = <Data>(message: string, data: Data) => ({ message, status: 'success' as const, data })

export const successSchema = <S extends TSchema>(data: S) =>
  Type.Object({ message: Type.String(), status: Type.Literal('success'), data })

export const failureSchema = Type.Object({
  status: Type.Literal('failed'),
  message: Type.String(),
  error: Type.String(),
  error_code: Type.String(),
  error_description: Type.String(),
  error_data: Type.Unknown(),
})

export type Http = FastifyInstance<
  import('node:http').Server,
  import('node:http').IncomingMessage,
  import('node:http').ServerResponse,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>

/** Whom the server believes, and how long it waits for whom. */
export interface HttpOptions {
  readonly trustedProxies: readonly string[]
  readonly requestTimeoutMs: number
  readonly connectionsMax: number
}

/** How often clients that send too slowly are looked for. */
const slowSweepMs = 1_000

declare module 'fastify' {
  interface FastifyRequest {
    /** Fields of the body that nothing reads; null until it was checked. */
    unknownFields: readonly UnknownField[] | null
  }
}

/**
 * The bare server: reading, checking, answering, failing, in the forms that every endpoint shares. `otherNames`: what
 * fields are called elsewhere, for whoever sends one of those.
 */
export function createHttp(ctx: Context, options: HttpOptions, otherNames: OtherNames = {}): Http {
  const app: Http = fastify({
    loggerInstance: ctx.log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: () => newId(),
    requestIdHeader: false,
    trustProxy: [...options.trustedProxies],
    // Of a request alone: an answer, such as a checkout's stream, may take its time.
    requestTimeout: options.requestTimeoutMs,
    // Named here too: Node compares its own default of 5 minutes, before Fastify sets ours.
    http: {
      connectionsCheckingInterval: slowSweepMs,
      headersTimeout: options.requestTimeoutMs,
      requestTimeout: options.requestTimeoutMs,
    },
    bodyLimit: bodyLimitBytes,
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 200 },
    // Fastify's own word while it stops has no envelope: `refuseWhileStopping` has.
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    clientErrorHandler: answerUnreadable,
    frameworkErrors: (error, request, reply) => {
      reply.header('request-id', request.id)
      sendFailure(reply, asApiError(error, request.id))
    },
  }).withTypeProvider<TypeBoxTypeProvider>()
  app.server.maxConnections = options.connectionsMax
  app.setValidatorCompiler(validatorFor(otherNames))
  app.decorateRequest('idempotency', null)
  app.decorateRequest('bodyText', '')
  app.decorateRequest('unknownFields', null)
  readJson(app)
  const methodsOf = rememberRoutes(app)

  app.addHook('onRequest', async (request, reply) => {
    reply.header('request-id', request.id)
  })
  refuseWhileStopping(app)
  dropSlowWhileStopping(app, options.requestTimeoutMs)
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'unknown'
    ctx.metrics.requestSeconds.observe(
      { method: request.method, route, status: reply.statusCode },
      reply.elapsedTime / 1000,
    )
    request.log.debug(
      { method: request.method, route, status: reply.statusCode, ms: Math.round(reply.elapsedTime) },
      'answered',
    )
  })
  app.addHook('preHandler', async (request) => {
    request.unknownFields = findUnknown(request.body, request.routeOptions.schema?.body, otherNames)
  })
  answerFailures(app)
  // Before its body is read, which may be of any kind and size. What is mounted beside us has words of its own.
  app.addHook('preParsing', async (request, reply) => {
    if (!request.is404 || request.server !== app) return
    const allowed = methodsOf(request.url.replace(/[?#].*$/s, ''))
    const error = allowed.length
      ? new ApiError(httpErrors.methodNotAllowed, { headers: { allow: allowed.join(', ') } })
      : notFound('address')
    return sendFailure(reply, error) as never
  })
  app.addHook('onError', async (request, _reply, error) => {
    if (error.code === 'FST_ERR_CTP_BODY_TOO_LARGE') await drain(request.raw)
  })
  return app
}

/**
 * While the server stops, what was begun is answered and whatever else comes is sent away; either ends its connection:
 * kept alive, it would hold up the stop for its idle time.
 */
function refuseWhileStopping(app: Http): void {
  let stopping = false
  app.addHook('preClose', async () => {
    stopping = true
  })
  app.addHook('onRequest', async (_request, reply) => {
    if (!stopping) return
    reply.header('connection', 'close')
    throw new ApiError(httpErrors.unavailable)
  })
  app.addHook('onSend', async (_request, reply) => {
    if (stopping) reply.header('connection', 'close')
  })
}

/** Once the server stops: far less than supervisors wait before they kill. */
const slowWhileStoppingMs = 5 * secondMs

/**
 * Once a server closes, Node no longer looks for clients that send too slowly, and it counts a connection without any
 * request as busy: one such stranger would hold up the stop for as long as he likes.
 */
function dropSlowWhileStopping(app: Http, requestTimeoutMs: number): void {
  /** What each connection is being answered; null: nothing. */
  const answering = new Map<Socket, IncomingMessage | null>()
  app.server.on('connection', (socket) => {
    answering.set(socket, null)
    socket.once('close', () => answering.delete(socket))
  })
  app.server.on('request', (request, response) => {
    const { socket } = request
    answering.set(socket, request)
    response.once('close', () => answering.has(socket) && answering.set(socket, null))
  })
  app.addHook('preClose', async () => {
    const drop = () => {
      for (const [socket, request] of answering) if (!request?.complete) socket.destroy()
    }
    setTimeout(drop, Math.min(requestTimeoutMs, slowWhileStoppingMs)).unref()
  })
}

/** JSON bodies; an empty one is `{}` for endpoints that need none. Keeps the text for the idempotency fingerprint. */
function readJson(app: Http): void {
  const parse = app.getDefaultJsonParser('error', 'ignore')
  app.removeContentTypeParser(['application/json', 'text/plain'])
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    request.bodyText = body as string
    if (body === '') return done(null, {})
    void parse(request, body as string, (error, value) => {
      if (error) done(new ApiError(httpErrors.malformedRequest, { message: 'The body is not valid JSON' }))
      else done(null, value)
    })
  })
  app.addHook('preValidation', async (request) => {
    // A POST without any body has no content type: the schema says what is missing.
    if ((request.method === 'POST' || request.method === 'PUT') && request.body === undefined) request.body = {}
    const shape = request.routeOptions.schema?.body
    if (shape && mayDiffer(request.bodyText)) request.body = settleNumbers(parseExactly(request.bodyText), shape)
  })
}

/** A known path with a wrong verb is 405 with `Allow`. Returns the methods of a path. */
function rememberRoutes(app: Http): (path: string) => string[] {
  const routes: { pattern: RegExp; method: string }[] = []
  app.addHook('onRoute', (route) => {
    if (route.url.includes('*')) return
    const source = route.url.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replace(/:[A-Za-z_]+/g, '[^/]+')
    for (const method of [route.method].flat()) {
      if (method !== 'HEAD') routes.push({ pattern: new RegExp(`^${source}/?$`), method })
    }
  })
  return (path) => [...new Set(routes.filter((route) => route.pattern.test(path)).map((route) => route.method))].sort()
}

import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { after, before, describe, test } from 'node:test'
import fastify from 'fastify'
import type { Context } from './context.ts'
import { ApiError, httpErrors } from './errors.ts'
import { answerFailures } from './failures.ts'
import { createHttp, type Http } from './http.ts'
import { createLog } from './log.ts'
import { createMetrics } from './metrics.ts'

const canary = 'connection to server at "db.internal" (10.0.0.7), user "postgres" failed'
const driverError = (code: string) =>
  Object.assign(new Error(canary), { code, severity: 'FATAL', detail: canary, routine: 'ProcessInterrupts' })

/** What each driver's error becomes. */
const errors: Record<string, [thrown: () => unknown, status: number, code: string]> = {
  'a lost connection': [() => driverError('08006'), 503, '090'],
  'a server that ends': [() => driverError('57P01'), 503, '090'],
  'too many connections': [() => driverError('53300'), 503, '090'],
  'a standby': [() => driverError('25006'), 503, '090'],
  'a deadlock': [() => driverError('40P01'), 503, '090'],
  'a lock': [() => driverError('55P03'), 503, '090'],
  'a timeout': [() => driverError('57014'), 503, '090'],
  'a refused connection': [() => driverError('ECONNREFUSED'), 503, '090'],
  'words without a code': [() => new Error('Connection terminated unexpectedly'), 503, '090'],
  'a broken statement': [() => driverError('42P01'), 500, '099'],
  'no error at all': [() => ({ message: canary }), 500, '099'],
}

type Phase = (app: Http, path: string, fail: () => never) => void

const route = (options: object) => (app: Http, path: string) => void app.get(path, options, async () => ({ a: 1 }))

/** Wherever something may be thrown. */
const phases: Record<string, Phase> = {
  onRequest: (app, path, fail) => route({ onRequest: async () => fail() })(app, path),
  preParsing: (app, path, fail) => route({ preParsing: async () => fail() })(app, path),
  preValidation: (app, path, fail) => route({ preValidation: async () => fail() })(app, path),
  preHandler: (app, path, fail) => route({ preHandler: async () => fail() })(app, path),
  preSerialization: (app, path, fail) => route({ preSerialization: async () => fail() })(app, path),
  handler: (app, path, fail) => void app.get(path, async () => fail()),
  'handler, by send': (app, path, fail) =>
    void app.get(path, (_request, reply) => {
      try {
        fail()
      } catch (error) {
        reply.send(error as Error)
      }
    }),
  serializer: (app, path, fail) =>
    route({ serializerCompiler: () => fail, schema: { response: { 200: {} } } })(app, path),
  onSend: (app, path, fail) => route({ onSend: async () => fail() })(app, path),
  'onSend, after the handler failed': (app, path, fail) =>
    void app.get(path, { onSend: async () => fail() }, async () => {
      throw new ApiError(httpErrors.notFound)
    }),
  'onSend, with a callback': (app, path, fail) =>
    route({
      onSend: (_request: unknown, _reply: unknown, _payload: unknown, done: (error: unknown) => void) => {
        try {
          fail()
        } catch (error) {
          done(error)
        }
      },
    })(app, path),
  onError: (app, path, fail) =>
    void app.get(path, { onError: async () => fail() }, async () => {
      fail()
    }),
  'a handler of its errors': (app, path, fail) =>
    void app.get(path, { errorHandler: () => fail() }, async () => fail()),
  'a stream, before its first byte': (app, path, fail) =>
    void app.get(path, (_request, reply) => {
      reply.send(
        new Readable({
          read() {
            try {
              fail()
            } catch (error) {
              this.destroy(error instanceof Error ? error : new Error(canary))
            }
          },
        }),
      )
    }),
}

describe('a failure', () => {
  let app: Http
  before(async () => {
    app = createHttp({ log: createLog('silent'), metrics: createMetrics() } as Context, {
      trustedProxies: ['127.0.0.1'],
      requestTimeoutMs: 30_000,
      connectionsMax: 1_000,
    })
    for (const [phaseName, phase] of Object.entries(phases)) {
      for (const [errorName, [thrown]] of Object.entries(errors)) {
        phase(app, pathOf(phaseName, errorName), () => {
          throw thrown()
        })
      }
    }
    await app.ready()
  })
  after(() => app.close())

  const pathOf = (phase: string, error: string) => `/${phase} ${error}`.replaceAll(/[^a-z/]+/gi, '-')

  /** Here what is no error is what the route sends. */
  const sent = ['handler, by send', 'a handler of its errors']
  for (const phaseName of Object.keys(phases)) {
    test(`thrown in ${phaseName}, is our envelope, whatever it was, and holds no word of a driver`, async () => {
      for (const [errorName, [, status, code]] of Object.entries(errors)) {
        if (errorName === 'no error at all' && sent.includes(phaseName)) continue
        const answer = await app.inject({
          url: pathOf(phaseName, errorName),
          headers: { origin: 'https://shop.example' },
        })
        assert.ok(!/connection|postgres|10\.0|FATAL|Terminated|08006|57P01|4\dP01/.test(answer.body), answer.body)
        const body = answer.json()
        assert.deepEqual(
          [answer.statusCode, body.status, body.error_code],
          [status, 'failed', code],
          `${errorName}: ${answer.body}`,
        )
        assert.deepEqual(Object.keys(body), [
          'status',
          'message',
          'error',
          'error_code',
          'error_description',
          'error_data',
        ])
        assert.ok(answer.headers['request-id'])
        if (status === 503) assert.ok(Number(answer.headers['retry-after']) > 0)
      }
    })
  }
})

test('what is mounted with an error handler of its own keeps it; everything else answers with our envelope', async () => {
  const app = fastify()
  answerFailures(app)
  const fail = async () => {
    throw Object.assign(new Error('not that one'), { statusCode: 404 })
  }
  app.get('/ours', fail)
  await app.register(async (scope) => {
    scope.setErrorHandler((error: Error, _request, reply) => reply.code(404).send({ theirs: error.message }))
    scope.get('/theirs', fail)
    await scope.register(async (inner) => void inner.get('/theirs/within', fail))
  })
  await app.register(async (scope) => void scope.get('/ours/within', fail))
  for (const path of ['/theirs', '/theirs/within']) {
    assert.deepEqual((await app.inject(path)).json(), { theirs: 'not that one' }, path)
  }
  for (const path of ['/ours', '/ours/within']) {
    assert.equal((await app.inject(path)).json().error_code, '006', path)
  }
  await app.close()
})

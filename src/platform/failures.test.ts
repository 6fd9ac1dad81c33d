import assert from 'node:assert/strict'
import { test } from 'node:test'
import fastify from 'fastify'
import { answerFailures } from './failures.ts'

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

import assert from 'node:assert/strict'
import type { Answer } from './server.ts'

/** The failure envelope's keys, in the documented order. */
export const failureKeys = ['status', 'message', 'error', 'error_code', 'error_description', 'error_data']

export interface Failure {
  status: number
  code: string
  /** Fields that `error_data` must name. */
  fields?: readonly string[]
}

/** Asserts a whole failure: status, number, envelope, the fields, and a Request-Id. */
export function expectFailure(answer: Answer, expected: Failure, what = ''): void {
  const told = `${what} → ${answer.status} ${answer.text.slice(0, 400)}`
  assert.equal(answer.status, expected.status, told)
  assert.deepEqual(Object.keys(answer.body ?? {}), failureKeys, told)
  assert.equal(answer.body.status, 'failed', told)
  assert.equal(answer.body.error_code, expected.code, told)
  for (const key of ['message', 'error', 'error_description']) assert.ok(answer.body[key], `${key} is empty: ${told}`)
  assert.ok(answer.headers.get('request-id'), `no Request-Id: ${told}`)
  for (const field of expected.fields ?? []) {
    const words = answer.body.error_data?.[field]
    assert.ok(Array.isArray(words) && words.length > 0, `${field} is not reported: ${told}`)
    for (const word of words) assert.ok(typeof word === 'string' && word !== '', told)
  }
}

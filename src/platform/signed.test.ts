import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { newId } from './ids.ts'
import { createSecrets } from './secrets.ts'
import { readSignedId, signId } from './signed.ts'

const secrets = createSecrets(Buffer.alloc(32, 1))

describe('signed ids', () => {
  test('a token opens what it was made for, by the same key and for the same purpose', () => {
    const id = newId()
    const token = signId(secrets, 'checkout', id)
    assert.match(token, /^[\w-]{43}$/)
    assert.equal(readSignedId(secrets, 'checkout', token), id)
    assert.equal(readSignedId(secrets, 'subscribe', token), null)
    assert.equal(readSignedId(createSecrets(Buffer.alloc(32, 2)), 'checkout', token), null)
  })

  test('what is altered, cut, longer or written otherwise is no token', () => {
    const id = newId()
    const token = signId(secrets, 'checkout', id)
    const other = signId(secrets, 'checkout', newId())
    const wrong = ['', 'x', token.slice(1), `${token}=`, `${token}A`, ` ${token}`, token.toUpperCase()]
    for (let at = 0; at < token.length; at += 1) {
      wrong.push(token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1))
    }
    wrong.push(token.slice(0, 20) + other.slice(20), id, '\0'.repeat(43))
    for (const one of wrong) assert.equal(readSignedId(secrets, 'checkout', one), null, one)
  })
})

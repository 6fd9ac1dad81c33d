import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { createSecrets, sameText } from './secrets.ts'

const secrets = createSecrets(Buffer.alloc(32, 1))
const row = 'api_keys/1'

describe('secrets', () => {
  test('any text comes back from its own row', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string(), (plain, boundTo) => {
        assert.equal(secrets.open(secrets.seal(plain, boundTo), boundTo), plain)
      }),
    )
  })

  test('a value that was copied to another row, or changed in any byte, does not open', () => {
    const sealed = secrets.seal('sk_live_canary', row)
    for (const other of ['api_keys/2', 'api_keys/1 ', '', 'webhook_endpoints/1']) {
      assert.throws(() => secrets.open(sealed, other))
    }
    for (let index = 0; index < sealed.length; index += 1) {
      const changed = Buffer.from(sealed)
      changed[index] = (changed[index] ?? 0) ^ 1
      assert.throws(() => secrets.open(changed, row), `byte ${index}`)
    }
    for (let length = 0; length < sealed.length; length += 1) {
      assert.throws(() => secrets.open(sealed.subarray(0, length), row), `${length} bytes`)
    }
    // Of an empty text the tag comes last: a short one must not be checked less.
    const empty = secrets.seal('', row)
    for (let length = 0; length < empty.length; length += 1) {
      assert.throws(() => secrets.open(empty.subarray(0, length), row), `${length} bytes of an empty text`)
    }
  })

  test('another master key does not open it, and the error says which key is asked for', () => {
    const sealed = secrets.seal('sk_live_canary', row)
    assert.throws(() => createSecrets(Buffer.alloc(32, 2)).open(sealed, row), /is ASYNCPAY_MASTER_KEY the one/)
    // Also where the key's id is forged.
    const other = createSecrets(Buffer.alloc(32, 2)).seal('x', row)
    assert.throws(() => secrets.open(Buffer.concat([sealed.subarray(0, 5), other.subarray(5)]), row))
  })

  test('nothing of the text shows, and the same text is sealed differently each time', () => {
    const plain = 'sk_live_canary'
    const [one, two] = [secrets.seal(plain, row), secrets.seal(plain, row)]
    assert.ok(!one.includes(plain))
    assert.ok(!one.equals(two))
    assert.ok(!one.subarray(5).equals(two.subarray(5)))
  })

  test('a hash is the same for the same text and key, and another for any other', () => {
    assert.equal(secrets.hash('a').length, 32)
    assert.deepEqual(secrets.hash('a'), createSecrets(Buffer.alloc(32, 1)).hash('a'))
    assert.notDeepEqual(secrets.hash('a'), secrets.hash('b'))
    assert.notDeepEqual(secrets.hash('a'), createSecrets(Buffer.alloc(32, 2)).hash('a'))
  })

  test('a master key of another length is refused', () => {
    for (const length of [0, 16, 31, 33, 64]) assert.throws(() => createSecrets(randomBytes(length)), RangeError)
  })

  test('sameText compares whole texts', () => {
    assert.ok(sameText('', '') && sameText('é☂', 'é☂'))
    for (const other of ['', 'abd', 'ab', 'abcd', 'ABC']) assert.ok(!sameText('abc', other))
  })
})

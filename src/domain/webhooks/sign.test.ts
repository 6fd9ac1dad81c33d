import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { Webhook } from 'standardwebhooks'
import { compatSecretOf, headersOf, newSecret } from './sign.ts'

const nowSeconds = () => Math.floor(Date.now() / 1000)

describe('webhook signatures', () => {
  test("the example that Standard Webhooks' own libraries are tested with comes out", () => {
    const headers = headersOf(
      { secrets: ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'], compat: 'compat_x' },
      'msg_p5jXN8AQM9LWM0D4loKWxJek',
      1_614_265_330,
      '{"test": 2432232314}',
    )
    assert.equal(headers['webhook-signature'], 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=')
  })

  test('an independent verifier takes any body under any of the secrets, and no other', () => {
    fc.assert(
      fc.property(fc.json(), fc.uuid(), (body, id) => {
        const [current, previous, stranger] = [newSecret(), newSecret(), newSecret()]
        const headers = headersOf({ secrets: [current, previous], compat: 'compat_x' }, id, nowSeconds(), body)
        for (const secret of [current, previous]) new Webhook(secret).verify(body, headers)
        assert.throws(() => new Webhook(stranger).verify(body, headers))
        assert.throws(() => new Webhook(current).verify(`${body} `, headers))
        assert.throws(() => new Webhook(current).verify(body, { ...headers, 'webhook-id': `${id}x` }))
        assert.throws(() =>
          new Webhook(current).verify(body, { ...headers, 'webhook-timestamp': `${nowSeconds() + 1}` }),
        )
      }),
      { numRuns: 50 },
    )
  })

  test('one signature for each secret, the current first; AsyncPay-Secret as told', () => {
    const [current, previous] = [newSecret(), newSecret()]
    const both = headersOf({ secrets: [current, previous], compat: 'compat_x' }, 'id', 1, '{}')
    const alone = headersOf({ secrets: [current], compat: 'compat_x' }, 'id', 1, '{}')
    assert.equal(both['asyncpay-secret'], 'compat_x')
    assert.equal(both['webhook-signature']?.split(' ')[0], alone['webhook-signature'])
    assert.equal(both['webhook-signature']?.split(' ').length, 2)
  })

  test('AsyncPay-Secret is steady, another for each secret, and verifies nothing', () => {
    const [secret, other] = [newSecret(), newSecret()]
    const compat = compatSecretOf(secret)
    assert.equal(compatSecretOf(secret), compat)
    assert.notEqual(compatSecretOf(other), compat)
    assert.match(compat, /^compat_[A-Za-z0-9+/]{43}=$/)
    const headers = headersOf({ secrets: [secret], compat }, 'id', nowSeconds(), '{}')
    assert.throws(() => new Webhook(compat.replace('compat_', 'whsec_')).verify('{}', headers))
  })

  test('a secret is whsec_ and 32 random bytes', () => {
    const made = new Set(Array.from({ length: 100 }, newSecret))
    assert.equal(made.size, 100)
    for (const secret of made) assert.equal(Buffer.from(secret.replace(/^whsec_/, ''), 'base64').length, 32)
  })
})

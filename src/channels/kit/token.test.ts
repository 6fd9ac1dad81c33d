import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import { ChannelError } from '../channel.ts'
import { FakeProvider, type ProviderAnswer, type ProviderRequest } from '../contract/fake-provider.ts'
import { exchange } from './exchange.ts'
import { Tokens } from './token.ts'

/** A provider that wants a login: what it is asked, how often, and what it refuses. */

const json = (status: number, body: unknown): ProviderAnswer => ({ status, body: JSON.stringify(body) })
const provider = new FakeProvider()

/** What the provider does now; each test changes what it is about. */
let good: Set<string>
let lives: unknown
let onLogin: (() => ProviderAnswer) | null
let onCall: ((token: string) => ProviderAnswer) | null
let nowMs: number

function answer(request: ProviderRequest): ProviderAnswer {
  if (request.path === '/login') {
    if (onLogin) return onLogin()
    const token = `token-${count('/login')}`
    good.add(token)
    return json(200, { token, lives })
  }
  const token = String(request.headers.authorization).slice('Bearer '.length)
  return onCall?.(token) ?? (good.has(token) ? json(200, { token }) : json(401, { message: `bad ${token}` }))
}

const count = (path: string) => provider.requests.filter((request) => request.path === path).length

function useOf(tokens: Tokens, { key = 'key-1', moves = true } = {}) {
  const transport = provider.transport()
  const send = (path: string, token: string | null) =>
    exchange(transport, {
      ...{ method: 'POST', path, body: {}, moves: moves && token !== null, provider: 'Acme' },
      headers: token === null ? {} : { authorization: `Bearer ${token}` },
      secrets: token === null ? [key] : [key, token],
    })
  return tokens.use({
    account: [transport.baseUrl, key],
    login: async () => {
      const { body } = await send('/login', null)
      return { value: String(body.token), livesMs: Number(body.lives) }
    },
    call: async (token) => (await send('/pay', token)).body.token,
  })
}

const fails = (reason: ChannelError['reason'], outcome: ChannelError['outcome']) => (error: unknown) =>
  error instanceof ChannelError && error.reason === reason && error.outcome === outcome

describe('tokens of a login', () => {
  let tokens: Tokens
  before(() => provider.start())
  after(() => provider.stop())
  beforeEach(() => {
    provider.play(answer)
    good = new Set()
    lives = 3_600_000
    ;[onLogin, onCall, nowMs] = [null, null, 0]
    tokens = new Tokens({ now: () => nowMs })
  })

  it('one login serves everybody who comes at once, and whoever comes later', async () => {
    const all = await Promise.all(Array.from({ length: 50 }, () => useOf(tokens)))
    assert.deepEqual(new Set(all), new Set(['token-1']))
    assert.equal(await useOf(tokens), 'token-1')
    assert.deepEqual([count('/login'), count('/pay')], [1, 51])
  })

  it('a token is not used in its last minute, nor a short one in its second half', async () => {
    await useOf(tokens)
    nowMs = 3_540_000 - 1
    assert.equal(await useOf(tokens), 'token-1')
    nowMs = 3_540_000
    lives = 10_000
    assert.equal(await useOf(tokens), 'token-2')
    nowMs += 5_000
    assert.equal(await useOf(tokens), 'token-3')
  })

  it('a token that lives for no time, or of which nobody says how long, is not kept', async () => {
    for (const none of [0, -5, 'soon']) {
      lives = none
      const before = count('/login')
      await useOf(tokens)
      await useOf(tokens)
      assert.equal(count('/login') - before, 2, String(none))
    }
  })

  it('a token that is refused is renewed once for all who held it, and their calls are sent again', async () => {
    await useOf(tokens)
    good.clear()
    const all = await Promise.all(Array.from({ length: 50 }, () => useOf(tokens)))
    assert.deepEqual(new Set(all), new Set(['token-2']))
    assert.equal(count('/login'), 2)
  })

  it('a refusal that comes late does not end the token that another call renewed meanwhile', async () => {
    await useOf(tokens)
    const { promise, resolve } = Promise.withResolvers<void>()
    const late = tokens.use({
      account: [provider.transport().baseUrl, 'key-1'],
      login: () => assert.fail('there is a token'),
      call: async (token) => {
        if (token !== 'token-1') return token
        await promise
        throw new ChannelError('refused', { outcome: 'rejected', reason: 'unauthorised', status: 401 })
      },
    })
    good.clear()
    assert.equal(await useOf(tokens), 'token-2')
    resolve()
    assert.equal(await late, 'token-2')
  })

  it('a refusal of the renewed token is the answer: two logins, two calls, no more, and the next one begins anew', async () => {
    onCall = (token) => json(401, { message: `bad ${token}` })
    await assert.rejects(useOf(tokens), fails('unauthorised', 'rejected'))
    assert.deepEqual([count('/login'), count('/pay')], [2, 2])
    onCall = null
    assert.equal(await useOf(tokens), 'token-3')
  })

  it('what may have moved money is not sent again, and neither is what the token may not do', async () => {
    for (const [status, reason, outcome] of [
      [500, 'unavailable', 'unknown'],
      [403, 'unauthorised', 'rejected'],
      [429, 'rate_limited', 'rejected'],
    ] as const) {
      onCall = () => json(status, {})
      const before = count('/pay')
      await assert.rejects(useOf(tokens), fails(reason, outcome))
      assert.deepEqual([count('/login'), count('/pay') - before], [1, 1], String(status))
    }
    const unsure = new ChannelError('refused in a 200', { outcome: 'unknown', reason: 'unauthorised', status: 200 })
    let sent = 0
    const call = () => {
      sent += 1
      return Promise.reject(unsure)
    }
    const login = async () => ({ value: 'token', livesMs: 3_600_000 })
    await assert.rejects(tokens.use({ account: ['another'], login, call }), unsure)
    assert.equal(sent, 1)
  })

  it('a login that fails moved nothing, is told to everybody who waited, and is not remembered', async () => {
    const failing: ProviderAnswer[] = [json(503, {}), 'drop', json(200, []), json(401, { message: 'Invalid key' })]
    for (const [at, failure] of failing.entries()) {
      onLogin = () => failure
      const tried = await Promise.allSettled(Array.from({ length: 20 }, () => useOf(tokens)))
      for (const one of tried) assert.equal(one.status === 'rejected' && one.reason.outcome, 'rejected')
      assert.deepEqual([count('/login'), count('/pay')], [at + 1, 0])
    }
    onLogin = null
    await useOf(tokens)
    assert.equal(count('/login'), failing.length + 1)
  })

  it('accounts have tokens of their own, and only so many are kept', async () => {
    tokens = new Tokens({ now: () => nowMs, max: 2 })
    for (const key of ['key-1', 'key-2', 'key-1', 'key-2']) await useOf(tokens, { key })
    assert.equal(count('/login'), 2)
    await useOf(tokens, { key: 'key-3' })
    await useOf(tokens, { key: 'key-2' })
    assert.equal(count('/login'), 3)
    await useOf(tokens, { key: 'key-1' })
    assert.equal(count('/login'), 4)
  })

  it('neither token nor key leaves in an error', async () => {
    onCall = (token) => json(500, { message: `no ${token} of key-1`, accessToken: token })
    await assert.rejects(useOf(tokens), (error: ChannelError) => {
      assert.doesNotMatch(JSON.stringify([error.message, error.answer]), /token-1|key-1/)
      return true
    })
  })
})

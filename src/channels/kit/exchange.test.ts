import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it } from 'node:test'
import { ChannelError } from '../channel.ts'
import { exchange, parseJson, retryAfterMs } from './exchange.ts'
import { redact, redactText } from './redact.ts'

const call = { method: 'GET', path: '/x', headers: {}, moves: true, provider: 'Acme', secrets: [] } as const
const answering = (body: string, status = 200) => ({
  baseUrl: 'https://acme.example',
  fetch: (async () => new Response(body, { status })) as typeof fetch,
})

describe('an exchange', () => {
  it('whole numbers beyond 2^53 stay whole, as text; everything else is as JSON has it', () => {
    const text =
      '{"id":18446744073709551615,"neg":-9007199254740993,"n":9007199254740991,"x":1.5,"e":1e20,"t":"1","l":[9007199254740993]}'
    assert.deepEqual(parseJson(text), {
      id: '18446744073709551615',
      neg: '-9007199254740993',
      n: 9007199254740991,
      x: 1.5,
      e: 1e20,
      t: '1',
      l: ['9007199254740993'],
    })
  })

  it('a body without end is cut off at 1 MiB and is garbage', async () => {
    let sentBytes = 0
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        sentBytes += 65_536
        controller.enqueue(new Uint8Array(65_536).fill(0x20))
      },
    })
    const transport = { baseUrl: '', fetch: (async () => new Response(endless)) as typeof fetch }
    await assert.rejects(exchange(transport, call), (error) => {
      return error instanceof ChannelError && error.reason === 'garbage' && error.outcome === 'unknown'
    })
    assert.ok(sentBytes < 2 * 1024 * 1024)
  })

  it('a connection that never came about moved nothing; any other fault on the way may have', async () => {
    const failing = (code: string) => ({
      baseUrl: 'https://acme.example',
      fetch: (async () => {
        throw new TypeError('fetch failed', { cause: Object.assign(new Error('no'), { code }) })
      }) as typeof fetch,
    })
    for (const code of ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'UND_ERR_CONNECT_TIMEOUT']) {
      await assert.rejects(exchange(failing(code), call), { reason: 'unavailable', outcome: 'rejected' }, code)
    }
    for (const code of [
      'ECONNRESET',
      'EPIPE',
      'ETIMEDOUT',
      'ENETUNREACH',
      'UND_ERR_SOCKET',
      'UND_ERR_HEADERS_TIMEOUT',
    ]) {
      await assert.rejects(exchange(failing(code), call), { reason: 'unavailable', outcome: 'unknown' }, code)
    }
    const closed = createServer().listen(0, '127.0.0.1')
    await once(closed, 'listening')
    const { port } = closed.address() as AddressInfo
    await new Promise((resolve) => closed.close(resolve))
    const nobodyListens = { baseUrl: `http://127.0.0.1:${port}`, fetch }
    await assert.rejects(exchange(nobodyListens, call), { outcome: 'rejected', message: /ECONNREFUSED/ })
  })

  it('our own assertion on the way out stays an assertion', async () => {
    const transport = { baseUrl: '', fetch: (async () => assert.fail('a transaction is open')) as typeof fetch }
    await assert.rejects(exchange(transport, call), { code: 'ERR_ASSERTION' })
  })

  it('408 is no answer: the call may have moved money', async () => {
    await assert.rejects(exchange(answering('{}', 408), call), { reason: 'unavailable', outcome: 'unknown' })
  })

  it('a 4xx whose body cannot be read proves nothing', async () => {
    await assert.rejects(exchange(answering('<h1>Bad request</h1>', 400), call), {
      reason: 'garbage',
      outcome: 'unknown',
    })
  })

  it('Retry-After in seconds, as a date, in the past, and nonsense', () => {
    const date = 'Fri, 20 Nov 2026 10:00:00 GMT'
    const table: [Record<string, string>, number | null][] = [
      [{}, null],
      [{ 'retry-after': '7' }, 7000],
      [{ 'retry-after': '0' }, 0],
      [{ 'retry-after': 'Fri, 20 Nov 2026 10:00:30 GMT', date }, 30_000],
      [{ 'retry-after': 'Fri, 20 Nov 2026 09:00:00 GMT', date }, 0],
      [{ 'retry-after': 'Fri, 20 Nov 2026 10:00:30 GMT' }, null],
      [{ 'retry-after': '-5', date }, null],
      [{ 'retry-after': 'soon', date }, null],
    ]
    for (const [headers, waitMs] of table) {
      assert.equal(retryAfterMs(new Headers(headers)), waitMs, JSON.stringify(headers))
    }
  })
})

describe('redacting', () => {
  it('drops keys that carry secrets and keeps what explains a refusal', () => {
    const answer = {
      message: 'Duplicate',
      code: 'duplicate_reference',
      Authorization_Code: 'AUTH_1',
      data: [{ access_code: 'x', token: 'y', reference: 'AsT-1' }],
    }
    assert.deepEqual(redact(answer, []), {
      message: 'Duplicate',
      code: 'duplicate_reference',
      data: [{ reference: 'AsT-1' }],
    })
  })

  it('replaces what looks like a secret, and every named value, inside texts', () => {
    const text = 'sk_test_a1 rk_live_b2 AUTH_c3 whsec_d4+/= FLWSECK_TEST-e5-X flw-t1nf-f6-m03k Bearer g7 hush AsT-1'
    assert.equal(redactText(text, ['hush', '']), `${'[removed] '.repeat(8)}AsT-1`)
  })

  it('cuts after replacing, so that half a secret never stands at the end', () => {
    const text = `${'x'.repeat(490)} named-secret-value`
    assert.equal(redactText(text, ['named-secret-value']).includes('named'), false)
  })

  it('is bounded in depth and breadth', () => {
    let deep: unknown = 'end'
    for (let level = 0; level < 10_000; level++) deep = { deep }
    assert.ok(JSON.stringify(redact(deep, [])).length < 200)
    assert.equal((redact(Array(1000).fill(1), []) as unknown[]).length, 50)
  })
})

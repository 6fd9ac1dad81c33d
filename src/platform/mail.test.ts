import assert from 'node:assert/strict'
import { test } from 'node:test'
import { toAsciiEmail } from './emails.ts'
import { transportOptions } from './mail.ts'

test('a password crosses a network only encrypted, and nothing that a mail shows is fetched or read', () => {
  const rows: [url: string, host: string, port: number, secure: boolean, requireTLS: boolean][] = [
    ['smtp://ada:pw@smtp.example', 'smtp.example', 587, false, true],
    ['smtp://ada:pw@smtp.example:2525', 'smtp.example', 2525, false, true],
    ['smtp://ada:pw@localhost.example', 'localhost.example', 587, false, true],
    ['smtps://ada:pw@smtp.example', 'smtp.example', 465, true, false],
    ['smtp://smtp.example', 'smtp.example', 587, false, false],
    ['smtp://ada:pw@127.0.0.1:1025', '127.0.0.1', 1025, false, false],
    ['smtp://ada:pw@[::1]:1025', '::1', 1025, false, false],
  ]
  for (const [url, host, port, secure, requireTLS] of rows) {
    const options = transportOptions(url)
    assert.deepEqual([options.host, options.port, options.secure, options.requireTLS], [host, port, secure, requireTLS])
    assert.deepEqual([options.disableFileAccess, options.disableUrlAccess], [true, true])
  }
})

test('user and password are decoded; every step has a bound', () => {
  const options = transportOptions('smtps://ada%40shop.example:p%2Fw%3A%25@smtp.example')
  assert.deepEqual(options.auth, { user: 'ada@shop.example', pass: 'p/w:%' })
  assert.equal(transportOptions('smtp://smtp.example').auth, undefined)
  for (const limit of ['connectionTimeout', 'greetingTimeout', 'socketTimeout', 'dnsTimeout'] as const) {
    assert.ok(options[limit] <= 15_000)
  }
})

test('a domain beyond ASCII goes out in punycode; everything else stays as it was given', () => {
  const rows: [given: string, wanted: string][] = [
    ['ada@bücher.example', 'ada@xn--bcher-kva.example'],
    ['ada@BÜCHER.example', 'ada@xn--bcher-kva.example'],
    ['ada@例え.テスト', 'ada@xn--r8jz45g.xn--zckzah'],
    ['ọlá@bücher.example', 'ọlá@xn--bcher-kva.example'],
    ['Ada@Shop.Example', 'Ada@Shop.Example'],
    ['ada@xn--bcher-kva.example', 'ada@xn--bcher-kva.example'],
    ['"a@b"@bücher.example', '"a@b"@xn--bcher-kva.example'],
    ['ada@ü example', 'ada@ü example'],
    ['no address', 'no address'],
  ]
  for (const [given, wanted] of rows) assert.equal(toAsciiEmail(given), wanted)
})

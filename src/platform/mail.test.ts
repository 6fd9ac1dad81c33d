import assert from 'node:assert/strict'
import { test } from 'node:test'
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

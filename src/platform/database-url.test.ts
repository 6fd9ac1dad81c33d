import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { DatabaseUrlError, readDatabaseUrl } from './database-url.ts'

describe('the database’s address', () => {
  let folder: string
  let certificate: string
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'asyncpay-url-'))
    certificate = join(folder, 'ca.crt')
    writeFileSync(certificate, 'a certificate')
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  test('one host, its parts decoded; what is absent is left to the driver', () => {
    const { servers, connection, asksForWrites } = readDatabaseUrl(
      'postgresql://ada:p%40ss%2F%25@db.example:6432/books',
    )
    assert.deepEqual(servers, [{ host: 'db.example', port: 6432 }])
    const login = { user: 'ada', password: 'p@ss/%', database: 'books' }
    assert.deepEqual([connection, asksForWrites], [login, false])
    for (const bare of ['postgres://', 'postgres:///', 'postgresql://?pgbouncer=false']) {
      const found = readDatabaseUrl(bare)
      assert.deepEqual([found.servers, found.connection], [[{}], {}], bare)
    }
  })

  const hosts: [string, unknown[]][] = [
    ['postgres://a,b/x', [{ host: 'a' }, { host: 'b' }]],
    [
      'postgres://u:p@a:1,b:2/x?target_session_attrs=read-write',
      [
        { host: 'a', port: 1 },
        { host: 'b', port: 2 },
      ],
    ],
    ['postgres://[::1]:5432,10.0.0.1/x', [{ host: '::1', port: 5432 }, { host: '10.0.0.1' }]],
    [
      'postgres:///x?host=a,b&port=1,2',
      [
        { host: 'a', port: 1 },
        { host: 'b', port: 2 },
      ],
    ],
    [
      'postgres:///x?host=a,b&port=7',
      [
        { host: 'a', port: 7 },
        { host: 'b', port: 7 },
      ],
    ],
    ['postgres:///x?host=/var/run/postgresql', [{ host: '/var/run/postgresql' }]],
    ['postgres://%2Fvar%2Frun%2Fpostgresql/x', [{ host: '/var/run/postgresql' }]],
    ['postgres://u:un@escaped@a/x', [{ host: 'a' }]],
  ]
  for (const [url, servers] of hosts) {
    test(`hosts of ${url}`, () => assert.deepEqual(readDatabaseUrl(url).servers, servers))
  }

  test('several hosts, or the wish for one that writes, make each be asked', () => {
    const asks = (url: string) => readDatabaseUrl(url).asksForWrites
    assert.deepEqual(['postgres://a/x', 'postgres://a/x?target_session_attrs=any', 'postgres://a,b/x'].map(asks), [
      false,
      false,
      true,
    ])
    assert.ok(asks('postgres://a/x?target_session_attrs=read-write'))
    assert.ok(asks('postgres://a/x?target_session_attrs=primary'))
  })

  test('TLS as the driver reads it: whatever asks for it verifies, but no-verify', () => {
    const ssl = (query: string) => readDatabaseUrl(`postgres://a/x?${query}`).connection.ssl
    for (const query of ['sslmode=disable', 'ssl=false', 'ssl=0']) assert.equal(ssl(query), false, query)
    assert.equal(ssl(''), undefined)
    for (const query of [
      'sslmode=require',
      'sslmode=verify-full',
      'sslmode=prefer',
      'ssl=true',
      'sslrootcert=system',
    ]) {
      assert.deepEqual(ssl(query), {}, query)
    }
    assert.deepEqual(ssl('sslmode=no-verify'), { rejectUnauthorized: false })
    assert.deepEqual(ssl('ssl=no-verify'), { rejectUnauthorized: false })
    assert.deepEqual(ssl('sslmode=verify-full&ssl=no-verify'), {})
    assert.deepEqual(ssl(`sslrootcert=${certificate}`), { ca: 'a certificate' })
    assert.equal(readDatabaseUrl('postgres://a/x?sslnegotiation=direct').connection.sslnegotiation, 'direct')
  })

  test('further parameters: name, time to connect, channel binding; a pooler is found out anyway', () => {
    const query = 'application_name=shop&connect_timeout=3&channel_binding=require&pgbouncer=true'
    const { connection } = readDatabaseUrl(`postgres://a/x?${query}`)
    assert.deepEqual(
      [connection.application_name, connection.connectionTimeoutMillis, connection.enableChannelBinding],
      ['shop', 3000, true],
    )
  })

  const wrong: [string, RegExp][] = [
    ['mysql://u:canary@a/x', /begin with postgres/],
    ['host=a dbname=canary', /begin with postgres/],
    ['postgres://u:can/ary@a/x', /%2F for a /],
    ['postgres://u:can#ary@a/x', /%40 for an @/],
    ['postgres://u:can?ary@a/x', /%40 for an @/],
    ['postgres://u:canary%@a/x', /%25 for a %/],
    ['postgres://u:canary@a b/x', /several hosts/],
    ['postgres://u:canary@a,,b/x', /several hosts/],
    ['postgres://u:canary@a:5432:1/x', /ports from 1/],
    ['postgres://u:canary@::1/x', /several hosts|ports/],
    ['postgres://u:canary@a:0/x', /ports from 1/],
    ['postgres://u:canary@a:65536/x', /ports from 1/],
    ['postgres://u:canary@a:db/x', /ports from 1/],
    ['postgres://u:canary@a,b,c/x?port=1,2', /one port, or as many as hosts/],
    ['postgres://u:canary@a/x?statement_timeout=5s', /do without statement_timeout: poolers refuse it/],
    ['postgres://u:canary@a/x?options=-c%20canary', /do without options/],
    ['postgres://u:canary@a/x?lock_timeout=1', /do without lock_timeout/],
    ['postgres://u:canary@a/x?TimeZone=canary', /do without TimeZone/],
    ['postgres://u:canary@a/x?target_session_attrs=standby', /right target_session_attrs: it must be read-write/],
    ['postgres://u:canary@a/x?target_session_attrs=prefer-standby', /read-write/],
    ['postgres://u:canary@a/x?load_balance_hosts=random', /do without the parameter load_balance_hosts; it may hold/],
    ['postgres://u:canary@a/x?sslmod=require', /do without the parameter sslmod/],
    ['postgres://u:canary@a/x?constructor=1', /do without the parameter constructor/],
    ['postgres://u:canary@a/x?sslmode=allow', /right sslmode: it must be disable, no-verify/],
    ['postgres://u:canary@a/x?sslrootcert=/canary.crt', /right sslrootcert: it must name a file that can be read/],
    ['postgres://u:canary@a/x?connect_timeout=5s', /right connect_timeout: it must be whole seconds/],
    ['postgres://u:canary@a/x?connect_timeout=0', /whole seconds/],
    ['postgres://u:canary@a/x?pgbouncer=yes', /right pgbouncer/],
    ['postgres://u:canary@a/x?user=', /right user/],
  ]
  for (const [url, words] of wrong) {
    test(`refused in one line that shows no secret: ${url}`, () => {
      assert.throws(
        () => readDatabaseUrl(url),
        (error) => {
          assert.ok(error instanceof DatabaseUrlError, String(error))
          assert.match(error.message, words)
          assert.match(error.message, /^must [^\n]+$/)
          assert.ok(!error.message.includes('canary'), error.message)
          return true
        },
      )
    })
  }
})

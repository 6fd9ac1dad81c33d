import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { ConfigError, readConfig } from './config.ts'

const key = '11'.repeat(32)

describe('the environment', () => {
  let folder: string
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'asyncpay-config-'))
  })
  after(() => rmSync(folder, { recursive: true, force: true }))
  const read = (env: Record<string, string>) => readConfig({ DATA_DIR: folder, ASYNCPAY_MASTER_KEY: key, ...env })

  test('with nothing set: the embedded database, the sandbox, this machine alone', () => {
    const config = read({})
    const { port, host, databaseUrl, baseUrl, sandbox, allowPrivateWebhooks, logLevel, poolSize } = config
    assert.deepEqual(
      { port, host, databaseUrl, baseUrl, sandbox, allowPrivateWebhooks, logLevel, poolSize },
      {
        port: 8080,
        host: '127.0.0.1',
        databaseUrl: null,
        baseUrl: 'http://localhost:8080',
        sandbox: true,
        allowPrivateWebhooks: true,
        logLevel: 'info',
        poolSize: 10,
      },
    )
    assert.deepEqual(config.channelUrls, {})
    assert.equal(config.exchangeRatesUrl, null)
  })

  test('with DATABASE_URL the sandbox and private webhooks are off unless asked for', () => {
    const off = read({ DATABASE_URL: 'postgresql://db/asyncpay' })
    assert.deepEqual([off.sandbox, off.allowPrivateWebhooks], [false, false])
    const on = read({ DATABASE_URL: 'postgres://db/asyncpay', SANDBOX: 'yes', ALLOW_PRIVATE_WEBHOOKS: ' ON ' })
    assert.deepEqual([on.sandbox, on.allowPrivateWebhooks], [true, true])
  })

  test('a sandbox that others reach is refused without SANDBOX_TOKEN', () => {
    for (const more of [{ BASE_URL: 'https://pay.example' }, { HOST: '0.0.0.0' }, { HOST: '::' }]) {
      for (const where of [{}, { DATABASE_URL: 'postgres://db/asyncpay', SANDBOX: '1' }]) {
        const env = { ...more, ...where }
        assert.throws(() => read(env), /SANDBOX is on, and others .*: set SANDBOX_TOKEN.*, or SANDBOX=0/)
        assert.equal(read({ ...env, SANDBOX: '0' }).sandbox, false)
        assert.equal(read({ ...env, SANDBOX_TOKEN: 'sixteen-letters-or-more' }).sandboxToken, 'sixteen-letters-or-more')
      }
    }
    for (const own of [{}, { HOST: '127.0.0.1' }, { HOST: '::1' }, { BASE_URL: 'http://127.0.0.1:8080' }]) {
      assert.deepEqual([read(own).sandbox, read(own).sandboxToken], [true, null])
    }
  })

  test('blank counts as absent; addresses lose their trailing slash; channels are reached where told', () => {
    const config = read({
      PORT: ' ',
      DATABASE_URL: '',
      SANDBOX: '0',
      BASE_URL: 'https://pay.example/asyncpay//',
      PAYSTACK_API_URL: 'http://127.0.0.1:9090/paystack/',
      STRIPE_API_URL: 'http://127.0.0.1:9090/stripe',
    })
    assert.deepEqual([config.port, config.databaseUrl], [8080, null])
    assert.equal(config.baseUrl, 'https://pay.example/asyncpay')
    assert.deepEqual(config.channelUrls, {
      paystack: 'http://127.0.0.1:9090/paystack',
      stripe: 'http://127.0.0.1:9090/stripe',
    })
  })

  test('mails: a server with its password, and an address that is made of the public one', () => {
    const bare = read({ BASE_URL: 'https://pay.example/asyncpay', SANDBOX: '0' })
    assert.deepEqual([bare.smtpUrl, bare.mailFrom], [null, 'no-reply@pay.example'])
    const smtpUrl = 'smtps://ada%40shop.example:p%2Fw@smtp.example:465'
    const set = read({ SMTP_URL: smtpUrl, MAIL_FROM: 'Shop <mail@shop.example>' })
    assert.deepEqual([set.smtpUrl, set.mailFrom], [smtpUrl, 'mail@shop.example'])
    assert.equal(read({ MAIL_FROM: 'mail@shop.example' }).mailFrom, 'mail@shop.example')
    for (const url of ['http://127.0.0.1:8080', 'http://[::1]:8080', 'http://localhost']) {
      assert.equal(read({ BASE_URL: url, SANDBOX: '0' }).mailFrom, 'no-reply@localhost')
    }
  })

  const wrong: [string, string[]][] = [
    ['PORT', ['eighty', '-1', '65536', '80.5', '0x50', '1e3', '8080 8081']],
    ['POOL_SIZE', ['0', '501', 'many', '-4']],
    ['RATE_LIMIT', ['0', 'none', '10000001']],
    ['LIMIT_RETURNS', ['0', 'none']],
    ['LIMIT_RELAYS', ['0', 'none']],
    ['LIMIT_WRONG_HOOKS', ['0', 'none']],
    ['LIMIT_WRONG_KEYS', ['0', 'none']],
    ['LIMIT_CUSTOMER_ATTEMPTS', ['0', 'none']],
    ['LIMIT_CUSTOMER_DECLINES', ['0', 'none']],
    ['LIMIT_ADDRESS_ATTEMPTS', ['0', 'none']],
    ['LIMIT_ADDRESS_DECLINES', ['0', 'none']],
    ['LIMIT_LINK_STREAMS', ['0', 'none']],
    ['LIMIT_ADDRESS_STREAMS', ['0', 'none']],
    ['SANDBOX', ['2', 'maybe', 'null']],
    ['SANDBOX_TOKEN', ['short', 'sixteen letters with a space']],
    ['ALLOW_PRIVATE_WEBHOOKS', ['-', 'allow']],
    ['LOG_LEVEL', ['loud', 'INFO', 'warning']],
    ['DATABASE_URL', ['mysql://db/x', 'localhost:5432', '/var/run/postgres', 'Postgres']],
    ['BASE_URL', ['localhost:8080', 'ftp://x', 'pay.example', 'http://', 'http://x/?a=1', 'http://x/#top']],
    ['BASE_URL', ['https://ada:canary@pay.example', 'https://:canary@pay.example', 'https://canary@', 'http://@x']],
    // Read leniently, these have another meaning than they look, or make links that nobody can open.
    ['BASE_URL', ['https:pay.example', 'https:/pay.example', 'https:\\\\pay.example', 'http://x?', 'http://x#']],
    ['BASE_URL', ['https://pay.example/a b', 'https://pay.example,https://b.example', 'http://x:99999', 'http://[::1']],
    ['HOST', ['http://0.0.0.0', '0.0.0.0:8080', '127.0.0.1/8', '[::1]', 'a b']],
    ['DATABASE_POOLER', ['pgbouncer', 'session', 'TRANSACTION']],
    ['DATABASE_URL', ['postgres://u:canary@h/x?statement_timeout=5s', 'postgres://u:canary@h/x?sslmode=maybe']],
    ['PAYSTACK_API_URL', ['api.paystack.co', 'https://canary@api.paystack.co']],
    ['FLUTTERWAVE_API_URL', ['x']],
    ['STRIPE_API_URL', ['unix:/x']],
    ['EXCHANGE_RATES_URL', ['file:///rates.json', 'https://x/rates?app_id=canary']],
    ['SMTP_URL', ['smtp.example:587', 'http://smtp.example', 'smtp://', 'smtp://ada:canary@smtp.example/box']],
    ['SMTP_URL', ['smtp://a:canary@x?', 'smtp://a:canary@x:0', 'smtp:ada:canary@x', 'smtp://a:canary@x y']],
    ['SMTP_URL', ['smtp://ada:canary@', 'smtp://:canary@x', 'smtps://a:canary@x?tls=1', 'smtp://a:canary%zz@x']],
    ['MAIL_FROM', ['shop', 'a@b, c@d', 'Shop <a@b> x', 'Shop a@b', 'Shop <>', 'a@b\nBcc: c@d', '"<a@b>" <c@d']],
    ['ASYNCPAY_MASTER_KEY', ['short', 'canary', '11'.repeat(31), '11'.repeat(33), 'z'.repeat(64)]],
  ]
  test('every wrong value stops with one line that names its variable, and shows no password', () => {
    for (const [name, values] of wrong) {
      for (const value of values) {
        assert.throws(
          () => read({ [name]: value }),
          (error) => {
            assert.ok(error instanceof ConfigError, `${name}=${value}: ${error}`)
            assert.match(error.message, new RegExp(`^${name} must `))
            assert.ok(!error.message.includes('\n') && !error.message.includes('canary'), error.message)
            return true
          },
          `${name}=${value}`,
        )
      }
    }
  })

  test('the master key is hex or base64; without one the embedded default makes its own once, for its owner alone', () => {
    assert.deepEqual(read({}).masterKey, Buffer.from(key, 'hex'))
    assert.deepEqual(
      read({ ASYNCPAY_MASTER_KEY: Buffer.from(key, 'hex').toString('base64') }).masterKey,
      read({}).masterKey,
    )
    const dataDir = join(folder, 'new', 'data')
    const first = readConfig({ DATA_DIR: dataDir }).masterKey
    assert.equal(first.length, 32)
    assert.deepEqual(readConfig({ DATA_DIR: dataDir }).masterKey, first)
    assert.equal(statSync(join(dataDir, 'master.key')).mode & 0o777, 0o600)
    assert.equal(statSync(dataDir).mode & 0o777, 0o700)
    assert.notDeepEqual(readConfig({ DATA_DIR: join(folder, 'other') }).masterKey, first)
    writeFileSync(join(dataDir, 'master.key'), 'cut')
    assert.throws(() => readConfig({ DATA_DIR: dataDir }), /master\.key must be 32 bytes/)
    assert.equal(readFileSync(join(dataDir, 'master.key'), 'utf8'), 'cut', 'a spoilt key is never replaced')
  })

  test('whatever existed before, the data folder and what lies in it are its owner’s alone', () => {
    const dataDir = join(folder, 'opened')
    mkdirSync(join(dataDir, 'database'), { recursive: true, mode: 0o755 })
    writeFileSync(join(dataDir, 'master.key'), `${key}\n`)
    for (const name of ['sandbox.jsonl', 'export.csv']) writeFileSync(join(dataDir, name), '')
    chmodSync(dataDir, 0o777)
    chmodSync(join(dataDir, 'master.key'), 0o644)
    readConfig({ DATA_DIR: dataDir })
    const modeOf = (name: string) => (statSync(join(dataDir, name)).mode & 0o777).toString(8)
    assert.deepEqual(['.', 'database', 'master.key', 'sandbox.jsonl', 'export.csv'].map(modeOf), [
      '700',
      '700',
      '600',
      '600',
      '600',
    ])
    const shared = join(folder, 'shared')
    mkdirSync(shared)
    chmodSync(shared, 0o1777)
    assert.throws(() => readConfig({ DATA_DIR: shared }), /^ConfigError: DATA_DIR cannot be used: .* shared/)
    assert.equal(statSync(shared).mode & 0o7777, 0o1777)
  })

  test('DATABASE_URL needs a master key, and a folder that cannot be used is named', () => {
    assert.throws(
      () => readConfig({ DATABASE_URL: 'postgres://db/x', DATA_DIR: folder }),
      /^ConfigError: ASYNCPAY_MASTER_KEY is required with DATABASE_URL/,
    )
    const file = join(folder, 'file')
    writeFileSync(file, '')
    const folders = [file, join(file, 'data'), '/dev/null/data']
    // Here Node's own way to make a path never ends.
    if (existsSync('/proc/self')) folders.push('/proc/asyncpay', '/proc/asyncpay/data')
    for (const dataDir of folders) {
      for (const env of [{}, { ASYNCPAY_MASTER_KEY: key }]) {
        assert.throws(() => readConfig({ DATA_DIR: dataDir, ...env }), /^ConfigError: DATA_DIR cannot be used: .+$/)
      }
    }
  })
})

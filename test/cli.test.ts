import assert from 'node:assert/strict'
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import pg from 'pg'
import { createDatabase, freePort, stopOwnPostgres } from './support/postgres.ts'
import { type Body, call, testMasterKey } from './support/server.ts'
import { until } from './support/wait.ts'

/** The command line as a person uses it: processes of their own, their output and their exit code. */

const root = join(import.meta.dirname, '..')
const main = join(root, 'src/cli/main.ts')
/** A generous bound for a machine that does much else; the bar itself is 2 s and is printed. */
const restartMaxMs = 120_000
const endMaxMs = 120_000

type Env = Record<string, string>
const running = new Set<ChildProcess>()
// Whatever ends this file ends what it started, also when the runner's time was up.
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})
process.once('SIGTERM', () => process.exit(143))

function start(args: string[], env: Env) {
  const child = spawn(process.execPath, [main, ...args], {
    cwd: root,
    env: { PATH: process.env.PATH ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  running.add(child)
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const ended = new Promise<number | NodeJS.Signals | null>((resolve) =>
    child.once('close', (code, signal) => {
      running.delete(child)
      resolve(code ?? signal)
    }),
  )
  return {
    child,
    stdout: () => stdout,
    stderr: () => stderr,
    ended,
    /** Its end after `signal`, and how long that took. */
    async stop(signal: NodeJS.Signals = 'SIGTERM') {
      const from = performance.now()
      child.kill(signal)
      let late: NodeJS.Timeout | undefined
      const limit = new Promise<never>((_, reject) => {
        late = setTimeout(() => reject(new Error(`still running ${endMaxMs} ms after ${signal}:\n${stdout}`)), endMaxMs)
      })
      try {
        return { code: await Promise.race([ended, limit]), ms: Math.round(performance.now() - from) }
      } finally {
        clearTimeout(late)
      }
    },
  }
}
type Started = ReturnType<typeof start>

/** Ends what still runs; nothing to do for what has ended. */
async function end(...processes: (Started | undefined)[]): Promise<void> {
  for (const one of processes) {
    one?.child.kill('SIGKILL')
    await one?.ended
  }
}

/** A command that never ends is ended here, and said to be so. */
const commandMaxMs = 180_000

async function run(args: string[], env: Env) {
  const one = start(args, env)
  const late = setTimeout(() => one.child.kill('SIGKILL'), commandMaxMs)
  const code = await one.ended
  clearTimeout(late)
  return { code, stdout: one.stdout(), stderr: one.stderr() }
}

/** Ended as asked, with JSON on standard output. */
async function runJson(args: string[], env: Env): Promise<Body> {
  const { code, stdout, stderr } = await run(args, env)
  assert.equal(code, 0, stderr)
  return JSON.parse(stdout)
}

/** Stopped with exit code 1 and one line that says what is wrong. */
async function expectRefusal(args: string[], env: Env, words: RegExp): Promise<void> {
  const { code, stdout, stderr } = await run(args, env)
  const told = `asyncpay ${args.join(' ')} → ${code}\n${stdout}\n${stderr}`
  assert.equal(code, 1, told)
  assert.equal(stdout, '', told)
  assert.match(stderr, /^asyncpay: [^\n]+\n$/, told)
  assert.match(stderr, words, told)
}

async function startServer(env: Env, args: string[] = [], isReady = /Asyncpay is ready at .*\n[\s\S]*"msg":"ready"/) {
  const from = performance.now()
  const server = start(['start', ...args], env)
  try {
    const gone = server.ended.then((code) => Promise.reject(new Error(`it ended with ${code}`)))
    await Promise.race([until('the server to be ready', () => isReady.test(server.stdout()), commandMaxMs), gone])
  } catch (error) {
    await end(server)
    throw new Error(`${error}\n${server.stdout()}\n${server.stderr()}`)
  }
  return { ...server, readyMs: Math.round(performance.now() - from) }
}

async function openFolder() {
  const folder = mkdtempSync(join(tmpdir(), 'asyncpay-cli-'))
  const env: Env = { DATA_DIR: join(folder, 'data'), PORT: String(await freePort()) }
  return {
    folder,
    env,
    dataDir: join(folder, 'data'),
    url: `http://localhost:${env.PORT}`,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}
type Folder = Awaited<ReturnType<typeof openFolder>>

const secretsOf = (keys: Body) => [keys.live.secret_key, keys.live.public_key, keys.live.webhook_secret]

function expectKeys(keys: Body): void {
  assert.deepEqual(Object.keys(keys), ['business_id', 'test', 'live'])
  assert.match(keys.business_id, /^[0-9a-f-]{36}$/)
  for (const [mode, mark] of [
    ['test', 't'],
    ['live', ''],
  ] as const) {
    assert.deepEqual(Object.keys(keys[mode]).slice(0, 2), ['secret_key', 'public_key'])
    assert.match(keys[mode].secret_key, new RegExp(`^async_sk${mark}_[0-9a-f]{60}$`))
    assert.match(keys[mode].public_key, new RegExp(`^async_pk${mark}_[0-9a-f]{60}$`))
    assert.match(keys[mode].webhook_secret, /^whsec_/)
  }
}

after(async () => {
  await stopOwnPostgres()
})

describe('what cannot be done is said in one line', () => {
  let at: Folder
  before(async () => {
    at = await openFolder()
  })
  after(() => at?.remove())

  test('help names every command and ends with 0; an unknown command or flag ends with 1', async () => {
    for (const args of [[], ['help'], ['--help'], ['start', '-h']]) {
      const { code, stdout } = await run(args, {})
      assert.equal(code, 0)
      for (const command of [
        'start',
        'migrate',
        'keys',
        'business',
        'channels',
        'audit',
        'listen',
        'sandbox',
        'doctor',
      ]) {
        assert.match(stdout, new RegExp(`^  asyncpay ${command}`, 'm'))
      }
    }
    const unknown = await run(['fly'], at.env)
    assert.deepEqual([unknown.code, unknown.stderr.split('\n')[0]], [1, 'asyncpay: There is no command "fly".'])
    const flag = await run(['start', '--fast'], at.env)
    assert.equal(flag.code, 1)
    assert.match(flag.stderr, /^asyncpay: Unknown option '--fast'/)
    assert.ok(!/\n {4}at /.test(flag.stderr), 'no stack')
  })

  test('a wrong value in the environment stops the start', async () => {
    const file = join(at.folder, 'a file')
    writeFileSync(file, '')
    const postgres = { DATABASE_URL: 'postgres://127.0.0.1:1/x' }
    const cases: [Env, RegExp][] = [
      [{ PORT: 'eighty' }, /PORT must be a whole number/],
      [{ BASE_URL: 'localhost:8080' }, /BASE_URL must be an http/],
      [{ SANDBOX: 'maybe' }, /SANDBOX must be 1 or 0/],
      [{ LOG_LEVEL: 'loud' }, /LOG_LEVEL must be one of/],
      [{ POOL_SIZE: '0' }, /POOL_SIZE must be a whole number/],
      [{ ASYNCPAY_MASTER_KEY: 'short' }, /ASYNCPAY_MASTER_KEY must be 32 bytes/],
      [{ DATABASE_URL: 'mysql://127.0.0.1/x' }, /DATABASE_URL must begin with postgres:/],
      [postgres, /ASYNCPAY_MASTER_KEY is required with DATABASE_URL/],
      [{ ...postgres, ASYNCPAY_MASTER_KEY: testMasterKey }, /ECONNREFUSED/],
      [
        { DATABASE_URL: 'postgres://u:canary@h/x?statement_timeout=5s' },
        /DATABASE_URL must do without statement_timeout/,
      ],
      [{ DATA_DIR: file }, /DATA_DIR/],
      [{ DATA_DIR: join(at.folder, 'x'.repeat(120)) }, /DATA_DIR is too long/],
    ]
    for (const [env, words] of cases) await expectRefusal(['start'], { ...at.env, ...env }, words)
  })

  /** `start` and `doctor` say the same of it, and end. */
  async function expectBothRefuse(env: Env, words: RegExp): Promise<void> {
    await expectRefusal(['start'], env, words)
    const { code, stdout } = await run(['doctor'], env)
    assert.equal(code, 1, stdout)
    const wrong = stdout.split('\n').filter((line) => line.startsWith('WRONG'))
    assert.equal(wrong.length, 1, stdout)
    assert.match(wrong[0] ?? '', words)
  }

  test('a sandbox that strangers reach ends start, doctor and sandbox with one line, until it has a token', async () => {
    for (const beyond of [{ BASE_URL: 'https://pay.example' }, { HOST: '0.0.0.0' }]) {
      const env = { ...at.env, ...beyond, SANDBOX: '1' }
      await expectBothRefuse(env, /SANDBOX is on, and others than this machine reach it by .*: set SANDBOX_TOKEN/)
      await expectRefusal(['sandbox'], { ...env, SANDBOX: '0' }, /set SANDBOX_TOKEN/)
      const locked = await run(['doctor'], { ...env, SANDBOX_TOKEN: 'sixteen-letters-or-more' })
      assert.match(locked.stdout, /ok +sandbox +on, opened by SANDBOX_TOKEN\n/)
    }
  })

  test('a data folder that cannot be made ends start, doctor and sandbox with one line', async () => {
    // Under /proc Node's own way to make a path never ends; `config.test.ts` has further folders.
    const dataDir = existsSync('/proc/self') ? '/proc/asyncpay/data' : '/dev/null/data'
    const env = { ...at.env, DATA_DIR: dataDir, ASYNCPAY_MASTER_KEY: testMasterKey }
    await expectBothRefuse(env, /DATA_DIR cannot be used: /)
    await expectRefusal(['sandbox', '--port', '0'], env, /DATA_DIR cannot be used: /)
  })

  test('a database that cannot be reached, and one that never answers, end start and doctor with one line', async () => {
    const silent = createServer(() => {})
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    const { port } = silent.address() as AddressInfo
    try {
      const urls: [string, RegExp][] = [
        ['postgres://u:canary@127.0.0.1:1,127.0.0.1:2/x', /cannot be reached: .*ECONNREFUSED/],
        [`postgres://u:canary@127.0.0.1:${port}/x?connect_timeout=1`, /cannot be reached: .*timeout/],
      ]
      for (const [url, words] of urls) {
        const env = { ...at.env, DATABASE_URL: url, ASYNCPAY_MASTER_KEY: testMasterKey }
        await expectBothRefuse(env, words)
      }
    } finally {
      silent.close()
    }
  })

  test('a role without DATABASE_URL, an unknown role, and a port that is taken', async () => {
    await expectRefusal(['start', '--role', 'api'], at.env, /--role api needs DATABASE_URL/)
    await expectRefusal(['start', '--role', 'worker'], at.env, /--role worker needs DATABASE_URL/)
    await expectRefusal(['start', '--role', 'king'], at.env, /--role must be all, api or worker/)
    await expectRefusal(['sandbox', '--port', '99999'], at.env, /--port must be a whole number/)
  })
})

describe('commands open the database themselves where no server runs', () => {
  let at: Folder
  let database: Awaited<ReturnType<typeof createDatabase>>
  /** PostgreSQL opens sooner than the embedded database, which the first test is about. */
  let env: Env
  before(async () => {
    at = await openFolder()
    database = await createDatabase()
    env = { ...at.env, DATABASE_URL: database.url, ASYNCPAY_MASTER_KEY: testMasterKey }
  })
  after(async () => {
    await database?.drop()
    at?.remove()
  })

  test('without a business each says what to do; the data folder and its key are for their owner alone', async () => {
    await expectRefusal(['keys'], at.env, /There is no business yet; make one/)
    assert.deepEqual(await runJson(['business', 'list'], at.env), [])
    assert.equal(statSync(at.dataDir).mode & 0o777, 0o700)
    assert.equal(statSync(join(at.dataDir, 'master.key')).mode & 0o777, 0o600)
    assert.ok(!existsSync(join(at.dataDir, 'lock')), 'the lock is given back')
  })

  test('business create and list, keys, migrate, doctor', async () => {
    const business = await runJson(['business', 'create', 'Ọjà & Sons', '--currency', 'KES'], env)
    assert.equal(business.name, 'Ọjà & Sons')
    const [listed, second] = await runJson(['business', 'list'], env)
    assert.deepEqual([listed.id, listed.name, second], [business.business_id, 'Ọjà & Sons', undefined])
    expectKeys(await runJson(['keys', '--json'], env))
    const shown = await run(['keys'], env)
    assert.match(shown.stdout, /^Business [0-9a-f-]{36}\n\ntest\n {2}secret key {6}async_skt_/)
    const migrated = await run(['migrate'], env)
    assert.deepEqual([migrated.code, migrated.stdout], [0, 'The database is up to date.\n'])
    const doctor = await run(['doctor'], env)
    assert.equal(doctor.code, 0, doctor.stdout)
    assert.match(doctor.stdout, /ok +database +PostgreSQL \d+\n/)
    const embedded = await run(['doctor'], at.env)
    assert.match(embedded.stdout, /ok +database +embedded under .*, no server is running/)
    const ill = await run(['doctor'], { ...env, PORT: 'x' })
    assert.equal(ill.code, 1)
    assert.match(ill.stdout, /WRONG +environment +PORT must be/)
    await expectRefusal(['business', 'create'], env, /asyncpay business create/)
    for (const code of ['naira', 'XXX', 'BGN'])
      await expectRefusal(
        ['business', 'create', 'X', '--currency', code],
        env,
        /--currency must be a currency of ISO 4217/,
      )
    await expectRefusal(['business', 'create', ' \u200b '], env, /characters that can be seen/)
  })

  test('audit: listed and verified; a row that was altered ends verify with 1, rows that wait for long also doctor', async () => {
    const { entries } = await runJson(['audit', 'list', '--json'], env)
    assert.deepEqual(entries.map((one: Body) => [one.action, one.actor_kind, one.address]).at(-1), [
      'business.created',
      'command_line',
      null,
    ])
    const verify = () => run(['audit', 'verify'], env)
    const whole = await verify()
    assert.equal(whole.code, 0, whole.stdout)
    assert.match(whole.stdout, /\d+ wait for their seal since .*\nok +Each row stands as it was written\.\n$/s)
    const client = new pg.Client(database.url)
    await client.connect()
    try {
      await client.query(`update audit_unsealed set written_at = written_at - interval '2 hours'`)
      const late = await verify()
      assert.equal(late.code, 1)
      assert.match(late.stdout, /WRONG +rows wait since \S+ for their seal: is a worker running\?\n$/)
      const doctor = await run(['doctor'], env)
      assert.equal(doctor.code, 1)
      assert.match(doctor.stdout, /WRONG +audit log +\d+ rows wait for their seal since \S+: start a worker\n/)
      await client.query('set session_replication_role = replica; delete from audit_log')
      const gone = await verify()
      assert.equal(gone.code, 1)
      assert.match(gone.stdout, /WRONG +row 1: the row is missing\n/)
      // What the tests after this one find is as if nobody had been here.
      await client.query('delete from audit_unsealed')
    } finally {
      await client.end()
    }
    await expectRefusal(['audit', 'verify', '--expect', '1'], env, /--expect takes a link as verify tells it/)
    await expectRefusal(['audit', 'list', '--limit', '0'], env, /--limit must be a whole number from 1 to 500/)
    await expectRefusal(['audit'], env, /asyncpay audit list/)
  })

  test('channels: connected and listed; a wrong field, key, mode or channel is refused in one line', async () => {
    const test = ['--mode', 'test', '--set']
    const fileOf = (secretKey: string) => {
      const file = join(at.folder, 'provider.json')
      writeFileSync(file, JSON.stringify({ secret_key: secretKey }))
      return file
    }
    const connect = (secretKey: string, mode = 'test') =>
      run(['channels', 'connect', 'paystack', '--mode', mode, '--from-file', fileOf(secretKey), '--default'], env)
    for (const [secretKey, mode, words] of [
      ['nonsense', 'test', /begins with sk_test_ or sk_live_/],
      ['sk_live_0123', 'test', /live credentials; test ones are needed/],
      ['sk_test_0123', 'live', /test credentials; live ones/],
      ['sk_test_0123', 'both', /--mode must be test or live/],
    ] as const) {
      const refused = await connect(secretKey, mode)
      assert.deepEqual([refused.code, refused.stdout], [1, ''])
      assert.match(refused.stderr, words)
    }
    const refusals: [string[], RegExp][] = [
      [['connect', 'paypal', ...test, 'secret_key=x'], /no payment channel "paypal"/],
      [['connect', 'paystack', ...test, 'key=x'], /paystack has no field key; it has: secret_key/],
      [['connect', 'paystack', ...test, 'secret_key'], /--set takes field=value/],
      [['connect', 'paystack', '--mode', 'test'], /secret key is needed/],
      [['disable', 'paystack', '--mode', 'test'], /not connected/],
      [['list', '--mode', 'test', '--business', 'x'], /There is no business x/],
      [
        ['connect', 'paystack', ...test, 'secret_key=sk_test_0123'],
        /secret_key is a secret.*standard input.*--from-file/,
      ],
      [['connect', 'flutterwave', ...test, 'secret_hash=x'], /secret_hash is a secret/],
      [['connect', 'paystack', '--mode', 'test', '--from-file', join(at.folder, 'none')], /--from-file cannot be read/],
      [['sell'], /asyncpay channels list\|connect/],
    ]
    for (const [args, words] of refusals) await expectRefusal(['channels', ...args], env, words)
    assert.deepEqual(await runJson(['channels', 'list', '--mode', 'test'], env), [])
    const secret = 'sk_test_0123456789canary'
    const connected = await connect(secret)
    assert.equal(connected.code, 0, connected.stderr)
    assert.ok(!connected.stdout.includes('canary'))
    assert.match(JSON.parse(connected.stdout).webhook_url, /\/v1\/system\/hooks\/[\w-]{8}\/paystack$/)
    const [listed] = await runJson(['channels', 'list', '--mode', 'test'], env)
    assert.deepEqual([listed.channel, listed.enabled, listed.default, listed.sandbox], ['paystack', true, true, false])
    assert.deepEqual(await runJson(['channels', 'list', '--mode', 'live'], env), [])
    await runJson(['channels', 'disable', 'paystack', '--mode', 'test'], env)
    const [off] = await runJson(['channels', 'list', '--mode', 'test'], env)
    assert.deepEqual([off.enabled, off.default], [false, false])
  })
})

describe('npm start on a fresh clone', () => {
  let at: Folder
  let server: Awaited<ReturnType<typeof startServer>> | undefined
  let keys: Body
  let atReady: { hasSocket: boolean } | undefined
  before(async () => {
    at = await openFolder()
    const socket = join(at.dataDir, 'asyncpay.sock')
    const firstReady = until(
      'the first 200',
      async () => {
        const { ok } = await fetch(`${at.url}/health/ready`)
        return ok && { hasSocket: existsSync(socket) }
      },
      commandMaxMs,
    )
    ;[server, atReady] = await Promise.all([startServer(at.env), firstReady])
    console.log(`first start, database made: ${server.readyMs} ms`)
  })
  after(async () => {
    await end(server)
    at?.remove()
  })
  const welcome = () => server?.stdout() ?? ''

  test('it prints the address, test keys and no live secret; keys --json has the documented shape', async () => {
    keys = await runJson(['keys', '--json'], at.env)
    expectKeys(keys)
    assert.match(welcome(), new RegExp(`Asyncpay is ready at ${at.url}\n`))
    for (const shown of Object.values(keys.test) as string[]) assert.ok(welcome().includes(shown))
    for (const secret of secretsOf(keys)) assert.ok(!(welcome() + server?.stderr()).includes(secret))
    assert.ok(!/async_[sp]k_/.test(welcome()))
    const [demo, second] = await runJson(['business', 'list'], at.env)
    assert.deepEqual([demo.name, second], ['Demo Business', undefined])
    const connected = await runJson(['channels', 'list', '--mode', 'test'], at.env)
    assert.ok(connected.length >= 1)
    for (const one of connected) assert.deepEqual([one.enabled, one.sandbox], [true, true])
    assert.deepEqual(await runJson(['channels', 'list', '--mode', 'live'], at.env), [])
  })

  test('once /health/ready says 200, commands reach it', () => assert.deepEqual(atReady, { hasSocket: true }))

  test('the very curl that it prints takes a first payment', async () => {
    const [command] = /^ {2}curl [\s\S]*?\}'$/m.exec(welcome()) ?? []
    assert.ok(command, welcome())
    const { stdout } = await promisify(execFile)('bash', ['-c', command])
    const answer = JSON.parse(stdout)
    assert.equal(answer.message, 'Payment request initiated successfully')
    const page = await fetch(answer.data.action)
    assert.equal(page.status, 200)
    assert.match(page.headers.get('content-type') ?? '', /text\/html/)
  })

  test('a second start is refused while it runs, and the data is untouched', async () => {
    const owner = readFileSync(join(at.dataDir, 'lock'), 'utf8')
    const env = { ...at.env, PORT: String(await freePort()) }
    await expectRefusal(['start'], env, /is in use by another Asyncpay process. Stop it, or set another DATA_DIR/)
    await expectRefusal(['migrate'], env, /is in use by another Asyncpay process/)
    assert.equal(readFileSync(join(at.dataDir, 'lock'), 'utf8'), owner)
    assert.deepEqual(await runJson(['keys', '--json'], at.env), keys)
    assert.equal((await call(at.url, 'GET', '/health/ready')).status, 200)
  })

  test('commands reach the running server through a socket that only its owner may open', async () => {
    const socket = statSync(join(at.dataDir, 'asyncpay.sock'))
    assert.ok(socket.isSocket())
    assert.equal(socket.mode & 0o777, 0o600)
    const made = await runJson(['business', 'create', 'Second'], at.env)
    await expectRefusal(['keys'], at.env, /There are several businesses; name one with --business/)
    const second = await runJson(['keys', '--json', '--business', made.business_id], at.env)
    assert.equal(second.business_id, made.business_id)
    // At once known to the server that runs.
    const own = await call(at.url, 'GET', '/v1/business', undefined, {
      authentication: `Bearer ${second.test.secret_key}`,
    })
    assert.deepEqual([own.status, own.body.data.name], [200, 'Second'])
    await expectRefusal(
      ['channels', 'connect', 'paystack', '--mode', 'test', '--set', 'secret_key=x', '--business', made.business_id],
      at.env,
      /secret_key is a secret/,
    )
    const set = ['--mode', 'test', '--set', 'secret_key=sk_test_sandbox_0123456789', '--business', made.business_id]
    await runJson(['channels', 'connect', 'paystack', ...set], at.env)
    const paid = await call(
      at.url,
      'POST',
      '/v1/payment-requests',
      { customer_email: 'ada@example.com', amount: 100 },
      { authentication: `Bearer ${second.test.secret_key}` },
    )
    assert.equal(paid.status, 201, paid.text)
    const doctor = await run(['doctor'], at.env)
    assert.match(doctor.stdout, /a server is running/)
  })

  test('listen prints each webhook with whether its signature is right, whatever else comes, and removes itself', async () => {
    const { business_id } = keys
    const authentication = `Bearer ${keys.test.secret_key}`
    const port = await freePort()
    const listening = start(['listen', '--port', String(port), '--business', business_id], at.env)
    try {
      await until('it to listen', () => listening.stdout().includes('Signing secret whsec_'), commandMaxMs)
      const created = await call(
        at.url,
        'POST',
        '/v1/payment-requests',
        { customer_email: 'ada@example.com', amount: 250 },
        { authentication },
      )
      const { ref } = created.body.data.payment_request
      await call(at.url, 'PATCH', `/v1/payment-requests/${ref}/cancel`, undefined, { authentication })
      await until('the webhook', () => listening.stdout().includes('payment.cancelled'))
      assert.match(listening.stdout(), new RegExp(`payment\\.cancelled {2}${ref} NGN 250 {2}\\(signature valid\\)\n`))
      const here = `http://127.0.0.1:${port}`
      const forged = await call(here, 'POST', '/', { event: 'payment.forged', data: { ref: 'AsP-x' } })
      assert.equal(forged.status, 401)
      await until('the forged one', () => /payment\.forged {2}AsP-x.*\(signature WRONG/.test(listening.stdout()))
      for (const garbage of ['not json', '{}', '[]', 'null']) {
        assert.equal((await call(here, 'POST', '/', garbage)).status, 401, garbage)
      }
      const { code } = await listening.stop('SIGINT')
      assert.equal(code, 0, listening.stderr())
      const endpoints = await call(at.url, 'GET', '/v1/webhook-endpoints', undefined, { authentication })
      assert.deepEqual(
        endpoints.body.data.webhook_endpoints.data.map((one: Body) => one.is_default),
        [1],
      )
    } finally {
      await end(listening)
    }
  })

  test('listen removes its endpoint however it ends, also with a business made meanwhile', async () => {
    const folder = await openFolder()
    const shop = await startServer(folder.env)
    let listening: Started | undefined
    try {
      const { test } = await runJson(['keys', '--json'], folder.env)
      const endpoints = async () => {
        const authentication = `Bearer ${test.secret_key}`
        const answer = await call(folder.url, 'GET', '/v1/webhook-endpoints', undefined, { authentication })
        return answer.body.data.webhook_endpoints.data.filter((one: Body) => one.is_default === 0)
      }
      const args = ['listen', '--port', String(await freePort())]
      const listen = async () => {
        const one = start(args, folder.env)
        listening = one
        await until('its endpoint', async () => (await endpoints()).length === 1, commandMaxMs)
        return one
      }
      // At once after the endpoint was made, before it said so: nothing may be left.
      const early = await listen()
      assert.equal((await early.stop('SIGINT')).code, 0, early.stderr())
      assert.deepEqual(await endpoints(), [])
      // The terminal is closed.
      const closed = await listen()
      assert.equal((await closed.stop('SIGHUP')).code, 0, closed.stderr())
      assert.deepEqual(await endpoints(), [])
      // Killed: nobody can tidy up, but the next one at the same address does.
      await (await listen()).stop('SIGKILL')
      assert.equal((await endpoints()).length, 1)
      const next = start(args, folder.env)
      listening = next
      await until('it to listen', () => next.stdout().includes('Signing secret'), commandMaxMs)
      assert.equal((await endpoints()).length, 1)
      // Another business makes "the only one" a question.
      await runJson(['business', 'create', 'Second'], folder.env)
      assert.equal((await next.stop('SIGTERM')).code, 0, next.stderr())
      assert.deepEqual(await endpoints(), [])
    } finally {
      await end(listening, shop)
      folder.remove()
    }
  })

  test('a command, and the end of listen, wait for a server that is just starting again', async () => {
    const folder = await openFolder()
    let shop: Awaited<ReturnType<typeof startServer>> | undefined = await startServer(folder.env)
    let listening: Started | undefined
    try {
      const before = await runJson(['keys', '--json'], folder.env)
      listening = start(['listen', '--port', String(await freePort())], folder.env)
      const said = listening
      await until('it to listen', () => said.stdout().includes('Signing secret'), commandMaxMs)
      assert.equal((await shop.stop('SIGTERM')).code, 0)
      const lock = join(folder.dataDir, 'lock')
      const starting = startServer(folder.env)
      await until('the new one to hold the folder', () => existsSync(lock), commandMaxMs)
      const [ended, after] = await Promise.all([
        listening.stop('SIGINT'),
        runJson(['keys', '--json'], folder.env),
        starting.then((one) => {
          shop = one
        }),
      ])
      assert.equal(ended.code, 0, listening.stderr())
      assert.deepEqual(after, before)
      const authentication = `Bearer ${before.test.secret_key}`
      const { body } = await call(folder.url, 'GET', '/v1/webhook-endpoints', undefined, { authentication })
      assert.deepEqual(
        body.data.webhook_endpoints.data.map((one: Body) => one.is_default),
        [1],
      )
    } finally {
      await end(listening, shop)
      folder.remove()
    }
  })

  test('SIGTERM ends it with 0; the next start finds everything and is ready soon', async () => {
    const stopped = await server!.stop('SIGTERM')
    console.log(`ended ${stopped.ms} ms after SIGTERM`)
    assert.equal(stopped.code, 0, server?.stdout())
    assert.ok(!existsSync(join(at.dataDir, 'lock')))
    assert.ok(!existsSync(join(at.dataDir, 'asyncpay.sock')))
    const other = createServer(() => {})
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    const taken = { ...at.env, LOG_LEVEL: 'silent', PORT: String((other.address() as AddressInfo).port) }
    await expectRefusal(['start'], taken, /EADDRINUSE/)
    other.close()
    for (const left of ['lock', 'asyncpay.sock']) assert.ok(!existsSync(join(at.dataDir, left)), `${left} is left`)
    server = await startServer(at.env)
    console.log(`start with existing data: ready in ${server.readyMs} ms (bar: 2000 ms)`)
    assert.ok(server.readyMs < restartMaxMs)
    assert.deepEqual(await runJson(['keys', '--json', '--business', keys.business_id], at.env), keys)
    assert.equal((await runJson(['business', 'list'], at.env)).length, 2, 'no second demo')
  })

  test('kill -9 leaves a lock and a socket behind; the next start takes them over', async () => {
    assert.equal((await server!.stop('SIGKILL')).code, 'SIGKILL')
    assert.ok(existsSync(join(at.dataDir, 'lock')) && existsSync(join(at.dataDir, 'asyncpay.sock')))
    // A command finds the database itself past the dead socket.
    assert.deepEqual(await runJson(['keys', '--json', '--business', keys.business_id], at.env), keys)
    assert.ok(!existsSync(join(at.dataDir, 'lock')))
    // A lock of a pid that lives on as another process, as after a reboot.
    writeFileSync(join(at.dataDir, 'lock'), `${process.pid} 1`)
    server = await startServer(at.env)
    console.log(`start after kill -9: ready in ${server.readyMs} ms`)
    assert.deepEqual(await runJson(['keys', '--json', '--business', keys.business_id], at.env), keys)
  })

  test('a database that was made with another master key is refused in one line that says so', async () => {
    const stopped = await server!.stop()
    assert.equal(stopped.code, 0)
    const env = { ...at.env, ASYNCPAY_MASTER_KEY: testMasterKey }
    const { code, stderr } = await run(['keys', '--business', keys.business_id], env)
    assert.equal(code, 1)
    assert.match(stderr, /asyncpay: sealed with another master key: is ASYNCPAY_MASTER_KEY the one/)
    for (const secret of secretsOf(keys)) assert.ok(!stderr.includes(secret))
  })
})

describe('several processes over one PostgreSQL', () => {
  test('an api and a worker share the work and end with 0 when asked', async () => {
    const at = await openFolder()
    const database = await createDatabase()
    const env = {
      ...at.env,
      DATABASE_URL: database.url,
      ASYNCPAY_MASTER_KEY: testMasterKey,
      SANDBOX: '1',
      ALLOW_PRIVATE_WEBHOOKS: '1',
    }
    let [api, worker]: (Started | undefined)[] = []
    try {
      api = await startServer(env, ['--role', 'api'])
      worker = await startServer(env, ['--role', 'worker'], /"msg":"ready"/)
      assert.ok(!existsSync(join(at.dataDir, 'lock')) && !existsSync(join(at.dataDir, 'asyncpay.sock')))
      const keys = await runJson(['keys', '--json'], env)
      const port = await freePort()
      const listening = start(['listen', '--port', String(port)], env)
      try {
        await until('it to listen', () => listening.stdout().includes('Signing secret'))
        const authentication = `Bearer ${keys.test.secret_key}`
        const body = { customer_email: 'ada@example.com', amount: 100 }
        const created = await call(at.url, 'POST', '/v1/payment-requests', body, { authentication })
        assert.equal(created.status, 201, created.text)
        const { ref } = created.body.data.payment_request
        await call(at.url, 'PATCH', `/v1/payment-requests/${ref}/cancel`, undefined, { authentication })
        await until("the worker's webhook", () => /payment\.cancelled.*signature valid/.test(listening.stdout()))
        assert.equal((await listening.stop('SIGINT')).code, 0)
      } finally {
        await end(listening)
      }
      assert.equal((await worker.stop()).code, 0)
      assert.equal((await api.stop()).code, 0)
    } finally {
      await end(api, worker)
      await database.drop()
      at.remove()
    }
  })
})

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { addProvider } from '../sandbox/providers.ts'
import { addChannel } from '../src/channels/index.ts'
import { introduceAccounts } from '../src/cli/demo.ts'
import { readFields } from '../src/cli/fields.ts'
import { readConfig } from '../src/config.ts'
import { commandLine } from '../src/domain/businesses/service.ts'
import { connect, findMaybeAccount } from '../src/domain/payment-channels/service.ts'
import type { Context } from '../src/platform/context.ts'
import {
  attemptRef,
  type Body,
  connectSandbox,
  payAtSandbox,
  requestRef,
  startTestServer,
  type TestBusiness,
  type TestServer,
} from './support/server.ts'
import { toyEmulator } from './support/toy-channel/emulator.ts'
import { toy } from './support/toy-channel/index.ts'
import { until } from './support/wait.ts'

/** Adding a channel is a folder and a line here, a folder and a line in the sandbox: all else is made from those. */
describe('a channel that was just added', () => {
  const emulator = toyEmulator()
  let server: TestServer
  let business: TestBusiness
  before(async () => {
    addChannel(toy)
    addProvider(emulator.entry)
    server = await startTestServer()
    business = await server.business()
    await connectSandbox(server.ctx, business.id, 'toy', true)
    await introduceAccounts(server.ctx, server.server.sandbox!)
  })
  after(() => server.close())

  async function open() {
    const body = { customer_email: 'ada@example.com', amount: '100.50', currency: 'NGN' }
    const created = await business.api('POST', '/v1/payment-requests', body)
    assert.equal(created.status, 201, created.text)
    return created
  }

  const successful = (ref: string) =>
    until('the payment', async () => {
      const { body } = await business.api('GET', `/v1/payment-requests/retrieve-by-ref/${ref}`)
      const now = body.data.payment_request
      return now.status === 'successful' && now
    })

  test('201 a payment is opened there, paid, told by its signed webhook, asked about, and successful: one login', async () => {
    const created = await open()
    assert.equal(created.body.data.action, `${server.url}/sandbox/toy/page/${attemptRef(created)}`)
    assert.equal((await payAtSandbox(server.url, attemptRef(created), 'success', 'toy')).status, 200)
    const paid = await successful(requestRef(created))
    assert.equal(paid.payment_method, 'Toy Wallet')
    assert.deepEqual(
      paid.timeline_records.map((line: { summary: string }) => line.summary),
      ['Payment initiated', 'Asyncpay relayed payment to Toy-Pay 2', 'Toy-Pay 2 confirmed the payment'],
    )
    const ledger: Body[] = (await server.call('GET', '/sandbox/control/ledger')).body
    assert.deepEqual(
      ledger.map(({ channel, amount_minor, status }) => [channel, amount_minor, status]),
      [['toy', 10_050, 'success']],
    )
    assert.equal(emulator.logins(), 1)
  })

  test('a token that the provider revoked costs one more login, and no payment', async () => {
    emulator.revoke()
    const created = await open()
    emulator.revoke()
    await payAtSandbox(server.url, attemptRef(created), 'success', 'toy')
    await successful(requestRef(created))
    assert.equal(emulator.logins(), 3)
  })

  test('it is listed with its colour, its limits and what it can do, and has its marks', async () => {
    const { body } = await business.api('GET', '/v1/payment-channels')
    const shown = body.data.payment_channels.data.find((one: Body) => one.slug === 'toy')
    assert.equal(shown.theme_color, toy.themeColor)
    assert.deepEqual([shown.is_default, shown.can_refund, shown.can_save, shown.can_void], [1, 0, 0, 0])
    assert.deepEqual(
      shown.currencies.map((one: Body) => one.currency),
      ['NGN', 'XOF'],
    )
    for (const address of [shown.logo, shown.logo_full]) {
      const mark = await server.call('GET', address.replace(server.url, ''))
      assert.equal(mark.status, 200, address)
      assert.match(mark.text, /^<svg .*#7FD1AE/)
    }
  })

  test('the sandbox shows it in its colour, and its pages let in no style but their own', async () => {
    const page = await server.call('GET', '/sandbox/')
    assert.match(page.text, /<style>[^<]*\.toy\{--theme:#7FD1AE\}/)
    const styles = [...page.text.matchAll(/<style>([^<]*)<\/style>/g)].map(([, style]) => String(style))
    const hashes = styles.map((style) => `'sha256-${createHash('sha256').update(style).digest('base64')}'`)
    assert.equal(styles.length, 2)
    assert.match(page.headers.get('content-security-policy') ?? '', /^default-src 'none'; style-src 'sha256-/)
    assert.ok(page.headers.get('content-security-policy')?.includes(`style-src ${hashes.join(' ')};`))
  })

  test('the command line knows its fields and which of them is a secret, the environment its address', async () => {
    const set = ['api_key=toy_live_1', 'api_secret=canary']
    const reading = readFields('toy', { set, fromStdin: false, fromFile: undefined })
    await assert.rejects(reading, /^UsageError: api_secret is a secret/)
    const { channelUrls } = readConfig({ DATA_DIR: server.config.dataDir, TOY_API_URL: 'http://127.0.0.1:9/toy' })
    assert.deepEqual(channelUrls, { toy: 'http://127.0.0.1:9/toy' })
  })

  test('a provider with a test world elsewhere is reached there in test mode, and where the environment says in both', async () => {
    const reached = async (ctx: Context, envMode: 'test' | 'live') => {
      const fields = { api_key: `toy_${envMode}_1`, api_secret: 'canary-of-the-toy' }
      const owner = { businessId: business.id, envMode }
      await connect(ctx, { ...owner, slug: 'toy', fields, makeDefault: false, actor: commandLine })
      return (await findMaybeAccount(ctx, owner, 'toy'))?.transport.baseUrl
    }
    assert.equal(await reached(server.ctx, 'live'), toy.liveUrl)
    assert.equal(await reached(server.ctx, 'test'), toy.testUrl)
    const configured = { ...server.ctx, channelUrl: () => 'http://127.0.0.1:9/toy' }
    for (const mode of ['live', 'test'] as const) {
      assert.equal(await reached(configured, mode), 'http://127.0.0.1:9/toy')
    }
  })

  test('a second channel or provider of the same name, and a name that cannot stand in an address, do not start', () => {
    assert.throws(() => addChannel(toy), /two channels are called toy/)
    assert.throws(() => addProvider(emulator.entry), /two providers are called toy/)
    assert.throws(() => addChannel({ ...toy, slug: 'Toy/Pay' }), /is no slug/)
  })
})

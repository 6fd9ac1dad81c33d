import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it, type TestContext } from 'node:test'
import { startSandbox } from '../../../sandbox/server.ts'
import { merchantFor, type Received, until } from '../../../sandbox/testing.ts'
import { ChannelError, type ChannelTransport, type OpenCheckout, WebhookSignatureError } from '../channel.ts'
import { flutterwave } from './index.ts'

/** The real adapter against the emulated Flutterwave, over HTTP. */

const fields = { secret_key: 'FLWSECK_TEST-adapter0123456789-X', secret_hash: 'hash-of-the-merchant' }
const credentials = flutterwave.parseCredentials(fields)
let running: Awaited<ReturnType<typeof startSandbox>>
let transport: ChannelTransport
before(async () => {
  running = await startSandbox({ port: 0 })
  transport = { baseUrl: `${running.url}/flutterwave`, fetch }
})
after(() => running.close())
// Each test begins without faults; references keep the tests apart.
beforeEach(() => control('DELETE', ''))

let count = 0
const newReference = () => `AsT-68a1b2c3d${String(++count).padStart(4, '0')}`

async function control(method: string, path: string, body?: object): Promise<{ status: number; body: string }> {
  const json = body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
  const response = await fetch(`${running.url}/control${path}`, { method, ...json })
  return { status: response.status, body: await response.text() }
}

const pay = (reference: string, more: object = {}) =>
  control('POST', '/pay', { channel: 'flutterwave', reference, outcome: 'success', ...more })
const fault = (operation: string, kind: string, more: object = {}) =>
  control('POST', '/faults', { channel: 'flutterwave', operation, kind, times: 1, ...more })

interface LedgerRow {
  kind: string
  reference: string
  amount_minor: number
  currency: string
  status: string
}
const ledgerOf = async (reference: string): Promise<LedgerRow[]> =>
  JSON.parse((await control('GET', '/ledger')).body).filter((row: LedgerRow) => row.reference === reference)

const requestFor = (reference: string, more: Partial<OpenCheckout> = {}): OpenCheckout => ({
  ...{ reference, amountMinor: 1500_00n, currency: 'NGN', description: 'Order 7', saveMethod: false },
  payer: { email: 'ada@example.com', firstName: 'Ada', lastName: 'Obi', fullName: null, phone: '+2348012345678' },
  returnUrl: 'https://shop.example/return?order=7',
  cancelUrl: 'https://shop.example/cancel',
  expiresAt: new Date('2026-11-21T10:00:00Z'),
  ...more,
})
const open = async (more: Partial<OpenCheckout> = {}) => {
  const reference = newReference()
  const opened = await flutterwave.openCheckout(requestFor(reference, more), credentials, transport)
  return { reference, ...opened }
}
const ask = (lookup: { reference: string; channelReference: string | null }) =>
  flutterwave.fetchPayment(lookup, credentials, transport)
const voiding = (opened: { reference: string; channelReference: string | null; url: string }) =>
  flutterwave.voidCheckout!(opened, credentials, transport)
const fails = (outcome: ChannelError['outcome'], reason: ChannelError['reason']) => (error: unknown) =>
  error instanceof ChannelError && error.outcome === outcome && error.reason === reason

describe('the Flutterwave adapter at the sandbox', () => {
  it('untouched is pending, a refused attempt failed, a later success successful', async () => {
    const opened = await open()
    assert.equal((await fetch(opened.url)).status, 200)
    assert.deepEqual([(await ask(opened)).status, (await ask(opened)).channelStatus], ['pending', 'not_found'])
    await pay(opened.reference, { card: '5258585922666506' })
    const refused = await ask(opened)
    assert.deepEqual([refused.status, refused.reason], ['failed', 'Insufficient Funds'])
    assert.equal(refused.savedMethod, null)
    await pay(opened.reference)
    const paid = await ask(opened)
    assert.deepEqual([paid.status, paid.amountMinor, paid.currency], ['successful', 1500_00n, 'NGN'])
    assert.deepEqual([paid.reference, paid.paymentMethod, paid.reason], [opened.reference, 'Card', null])
    assert.ok(paid.paidAt instanceof Date)
    assert.notEqual(paid.channelTransactionId, refused.channelTransactionId)
  })

  it('a success stays one when a second link of the same reference is refused', async () => {
    const opened = await open()
    await flutterwave.openCheckout(requestFor(opened.reference), credentials, transport)
    await pay(opened.reference)
    await pay(opened.reference, { outcome: 'failed' })
    assert.equal((await ask(opened)).status, 'successful')
  })

  it('every currency that it takes goes there and back exactly', async () => {
    for (const [currency, { payMinor, tokenizeMinor }] of Object.entries(flutterwave.limits.currencies)) {
      for (const amountMinor of [payMinor, 29n, 1_234_567n, tokenizeMinor]) {
        const opened = await open({ currency, amountMinor })
        await pay(opened.reference)
        const paid = await ask(opened)
        assert.deepEqual([paid.status, paid.amountMinor, paid.currency], ['successful', amountMinor, currency])
        const [row] = await ledgerOf(opened.reference)
        assert.deepEqual([row?.amount_minor, row?.currency], [Number(amountMinor), currency])
      }
    }
  })

  it('less, more, another currency and another reference are reported as they are', async () => {
    const seen: unknown[] = []
    for (const amountMinor of [1599_01n, 1599_02n, 1599_03n, 1599_04n]) {
      const opened = await open({ amountMinor })
      await pay(opened.reference)
      const paid = await ask(opened)
      seen.push([paid.status, paid.amountMinor, paid.currency, paid.reference === opened.reference])
    }
    assert.deepEqual(seen, [
      ['successful', 1598_01n, 'NGN', true],
      ['successful', 1600_02n, 'NGN', true],
      ['successful', 1599_03n, 'USD', true],
      ['successful', 1599_04n, 'NGN', false],
    ])
  })

  it('a saved card has its token, e-mail and expiry; the same card has the same signature', async () => {
    const cards = []
    for (const card of ['5531886652142950', '5531886652142950', '4187427415564246']) {
      const opened = await open({ saveMethod: true })
      await pay(opened.reference, { card })
      cards.push((await ask(opened)).savedMethod)
    }
    const [first, again, other] = cards
    assert.match(first?.token ?? '', /^flw-t1nf-/)
    assert.deepEqual(
      [first?.email, first?.last4, first?.brand, first?.expMonth, first?.expYear, first?.reusable],
      ['ada@example.com', '2950', 'mastercard', 9, 2032, true],
    )
    assert.equal(again?.signature, first?.signature)
    assert.notEqual(other?.signature, first?.signature)
  })

  it('a voided page takes no money; voiding again, and after paying, is fine', async () => {
    const opened = await open()
    await voiding(opened)
    assert.equal((await pay(opened.reference)).status, 409)
    assert.match(await (await fetch(opened.url)).text(), /inactive/)
    await voiding(opened)
    assert.equal((await ask(opened)).status, 'pending')
    const paid = await open()
    await pay(paid.reference)
    await voiding(paid)
    assert.equal((await ask(paid)).status, 'successful', 'money that was faster is seen by asking')
  })

  it('voiding without an answer is an error, and another try settles it', async () => {
    for (const kind of ['drop_before', 'drop_after', 'status']) {
      const opened = await open()
      await fault('void', kind)
      await assert.rejects(voiding(opened), fails('rejected', 'unavailable'))
      await voiding(opened)
      assert.equal((await pay(opened.reference)).status, 409)
    }
  })

  it('opening without an answer moved no money; the page that nobody saw is found untouched', async () => {
    for (const kind of ['drop_before', 'drop_after']) {
      const reference = newReference()
      await fault('open', kind)
      const lost = flutterwave.openCheckout(requestFor(reference), credentials, transport)
      await assert.rejects(lost, fails('rejected', 'unavailable'))
      assert.equal((await ask({ reference, channelReference: null })).status, 'pending')
      assert.deepEqual(await ledgerOf(reference), [])
    }
  })

  it('a verify that breaks is an error, never a verdict', async () => {
    const opened = await open()
    await pay(opened.reference)
    for (const [kind, reason] of [
      ['drop_before', 'unavailable'],
      ['drop_after', 'unavailable'],
      ['status', 'unavailable'],
    ] as const) {
      await fault('verify', kind)
      await assert.rejects(ask(opened), fails('rejected', reason))
    }
    await fault('verify', 'status', { status: 429 })
    await assert.rejects(ask(opened), fails('rejected', 'rate_limited'))
    assert.equal((await ask(opened)).status, 'successful')
  })

  it('another key is refused, and sees nothing of this one', async () => {
    const opened = await open()
    await pay(opened.reference)
    const wrong = { ...credentials, secret_key: 'FLWSECK-live0123456789-X' }
    await assert.rejects(flutterwave.fetchPayment(opened, wrong, transport), fails('rejected', 'unauthorised'))
    const other = { ...credentials, secret_key: 'FLWSECK_TEST-somebodyelse-X' }
    assert.equal((await flutterwave.fetchPayment(opened, other, transport)).status, 'pending')
  })

  it('a wrong amount of a refund is refused, the right one is done when it is paid out', async () => {
    const { payment, order } = await refundable()
    await assert.rejects(refunding({ ...order, amountMinor: 1500_01n }), fails('rejected', 'refused'))
    const made = await refunding({ ...order, amountMinor: 500_29n })
    assert.deepEqual([made.status, made.channelStatus], ['pending', 'completed'])
    assert.deepEqual([made.amountMinor, made.currency], [500_29n, 'NGN'])
    const lookup = { ...order, channelReference: made.channelReference }
    const done = await until('the pay-out', async () => {
      const found = await flutterwave.fetchRefund!(lookup, credentials, transport)
      return found.status === 'successful' ? found : null
    })
    assert.deepEqual([done.channelStatus, done.amountMinor], ['completed-mpgs', 500_29n])
    const rows = await ledgerOf(payment.reference)
    assert.deepEqual(
      rows.map(({ kind, amount_minor }) => [kind, amount_minor]),
      [
        ['charge', 1500_00],
        ['refund', 500_29],
      ],
    )
  })

  it('a refund whose answer was lost is unknown, moved once, and found by our ref; one not sent is not found', async () => {
    const { payment, order } = await refundable()
    await fault('refund', 'drop_after')
    await assert.rejects(refunding(order), fails('unknown', 'unavailable'))
    const lost = { ...order, channelReference: null, channelTransactionId: null }
    const found = await flutterwave.fetchRefund!(lost, credentials, transport)
    assert.deepEqual([found.amountMinor, found.currency], [order.amountMinor, 'NGN'])
    assert.ok(found.channelReference)
    assert.equal((await ledgerOf(payment.reference)).filter(({ kind }) => kind === 'refund').length, 1)
    for (const kind of ['drop_before', 'status']) {
      const { order: next } = await refundable()
      await fault('refund', kind)
      await assert.rejects(refunding(next), fails('unknown', 'unavailable'))
      const unsent = { ...next, channelReference: null }
      const none = await flutterwave.fetchRefund!(unsent, credentials, transport)
      assert.deepEqual([none.status, none.channelStatus], ['pending', 'not_found'])
    }
  })

  it('a refund in a currency without cents is exact', async () => {
    const { order } = await refundable({ currency: 'XOF', amountMinor: 1501n })
    const made = await refunding({ ...order, currency: 'XOF', amountMinor: 751n })
    const lookup = { ...order, channelReference: made.channelReference }
    const found = await flutterwave.fetchRefund!(lookup, credentials, transport)
    assert.deepEqual([found.amountMinor, found.currency], [751n, 'XOF'])
  })

  for (const signsBody of [false, true]) {
    const proof = signsBody ? 'flutterwave-signature' : 'verif-hash'
    it(`webhooks with ${proof} are believed and ask about the payment; forged ones are not`, async (t) => {
      const received = await webhooksOf(t, { signsBody })
      const opened = await open()
      await pay(opened.reference, { outcome: 'failed' })
      await pay(opened.reference)
      await until('both webhooks', () => received.length === 2)
      const events = received.map((one) => readBack(one))
      assert.equal(new Set(events.map(({ eventId }) => eventId)).size, 2)
      const { reference } = opened
      for (const { subject } of events) {
        const id = subject?.kind === 'payment' ? subject.channelTransactionId : null
        assert.match(String(id), /^\d+$/)
        const named = { kind: 'payment', reference, channelReference: reference, channelTransactionId: id }
        assert.deepEqual(subject, named)
      }
      await fault('charge', 'webhook_forged')
      const other = await open()
      await pay(other.reference)
      await until('the forgery and the webhook', () => received.length >= 4)
      const verdicts = received.slice(2).map((one) => {
        try {
          return readBack(one).type
        } catch (error) {
          assert.ok(error instanceof WebhookSignatureError)
          return 'refused'
        }
      })
      assert.ok(verdicts.includes('refused') && verdicts.includes('charge.completed'))
    })
  }
})

async function refundable(more: Partial<OpenCheckout> = {}) {
  const payment = await open(more)
  await pay(payment.reference)
  const { channelTransactionId } = await ask(payment)
  const order = { reference: `AsR-${payment.reference}`, payment, channelTransactionId, amountMinor: 1000_00n }
  return { payment, order: { ...order, currency: 'NGN', reason: 'Sent back' } }
}

const refunding = (order: Awaited<ReturnType<typeof refundable>>['order']) =>
  flutterwave.refund!(order, credentials, transport)

const readBack = ({ headers, raw }: Received) =>
  flutterwave.readWebhook(
    { headers: headers as Record<string, string>, body: Buffer.from(raw), receivedAt: new Date() },
    credentials,
  )

async function webhooksOf(t: TestContext, more: { signsBody: boolean }): Promise<Received[]> {
  const merchant = await merchantFor(t)
  const account = { channel: 'flutterwave', secretKey: fields.secret_key, webhookSecret: fields.secret_hash }
  running.sandbox.setAccount({ ...account, webhookUrl: merchant.url, ...more })
  t.after(() => running.sandbox.setAccount({ ...account, webhookUrl: null }))
  return merchant.received
}

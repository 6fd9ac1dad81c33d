import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { call, KEY, merchantFor, type Received, sandboxFor, until } from '../../../sandbox/testing.ts'
import { ChannelError, type ChannelTransport, type OpenCheckout, WebhookSignatureError } from '../channel.ts'
import { stripe } from './index.ts'

/** The adapter against the emulated Stripe, over HTTP: opening to refund, and what goes wrong between. */

const secret = 'whsec_test_0123456789abcdef'
const credentials = stripe.parseCredentials({ secret_key: KEY, webhook_secret: secret })

interface Bench {
  url: string
  transport: ChannelTransport
  setWebhook(webhookUrl: string): void
}

async function benchFor(t: TestContext): Promise<Bench> {
  const { url, sandbox } = await sandboxFor(t)
  const send: typeof fetch = (input, init) => {
    const headers = new Headers(init?.headers)
    headers.set('connection', 'close')
    return fetch(input, { ...init, headers, signal: AbortSignal.timeout(5000) })
  }
  return {
    url,
    transport: { baseUrl: `${url}/stripe`, fetch: send },
    setWebhook: (webhookUrl) =>
      sandbox.setAccount({ channel: 'stripe', secretKey: KEY, webhookUrl, webhookSecret: secret }),
  }
}

const checkout = (reference: string, changes: Partial<OpenCheckout> = {}): OpenCheckout => ({
  reference,
  amountMinor: 50_00n,
  currency: 'USD',
  description: 'Order 7',
  payer: { email: 'ada@example.com', firstName: 'Ada', lastName: 'Obi', fullName: 'Ada Obi', phone: null },
  returnUrl: 'https://shop.example/return?order=7',
  cancelUrl: 'https://shop.example/cancel',
  saveMethod: false,
  expiresAt: new Date(Date.now() + 60 * 60_000),
  ...changes,
})

async function open({ transport }: Bench, reference: string, changes: Partial<OpenCheckout> = {}) {
  const { url, channelReference } = await stripe.openCheckout(checkout(reference, changes), credentials, transport)
  return { reference, url, channelReference }
}

const ask = ({ transport }: Bench, lookup: { reference: string; channelReference: string | null }) =>
  stripe.fetchPayment(lookup, credentials, transport)

const pay = ({ url }: Bench, reference: string, more: object = {}) =>
  call('POST', `${url}/control/pay`, { channel: 'stripe', reference, outcome: 'success', ...more }, null)

const fault = ({ url }: Bench, body: object) =>
  call('POST', `${url}/control/faults`, { channel: 'stripe', times: 1, ...body }, null)

const ledger = async ({ url }: Bench) => (await call('GET', `${url}/control/ledger`, undefined, null)).body

const fails = (fields: Partial<ChannelError>) => (error: unknown) => {
  assert.ok(error instanceof ChannelError, String(error))
  for (const [name, value] of Object.entries(fields)) assert.deepEqual(error[name as keyof ChannelError], value, name)
  return true
}

test('untouched is pending; paid is successful, with the money, the reference and the time', async (t) => {
  const bench = await benchFor(t)
  const lookup = await open(bench, 'AsT-1')
  const untouched = await ask(bench, lookup)
  assert.deepEqual([untouched.status, untouched.channelStatus], ['pending', 'open'])
  const paid = await pay(bench, 'AsT-1')
  assert.equal(paid.body.redirect_url, `https://shop.example/return?order=7&session_id=${lookup.channelReference}`)
  const payment = await ask(bench, lookup)
  assert.deepEqual(
    [payment.status, payment.amountMinor, payment.currency, payment.reference, payment.paymentMethod],
    ['successful', 50_00n, 'USD', 'AsT-1', 'Card'],
  )
  assert.match(payment.channelTransactionId ?? '', /^pi_/)
  assert.ok(Math.abs((payment.paidAt?.getTime() ?? 0) - Date.now()) < 10_000)
  assert.equal(payment.savedMethod, null, 'the payer did not let us keep the card')
})

test('a declined attempt is failed, and the same page still turns successful', async (t) => {
  const bench = await benchFor(t)
  const lookup = await open(bench, 'AsT-1')
  await pay(bench, 'AsT-1', { card: '4000000000009995' })
  const declined = await ask(bench, lookup)
  assert.deepEqual([declined.status, declined.reason], ['failed', 'Your card has insufficient funds.'])
  await pay(bench, 'AsT-1')
  assert.equal((await ask(bench, lookup)).status, 'successful')
})

test('a saved card comes with its customer; the same card has the same signature', async (t) => {
  const bench = await benchFor(t)
  const saved = []
  for (const reference of ['AsT-1', 'AsT-2']) {
    const lookup = await open(bench, reference, { saveMethod: true })
    await pay(bench, reference)
    saved.push((await ask(bench, lookup)).savedMethod)
  }
  const [first, second] = saved
  assert.match(first?.token ?? '', /^pm_/)
  assert.match(first?.tokenOwner ?? '', /^cus_/)
  assert.deepEqual(
    [first?.email, first?.brand, first?.last4, first?.expMonth, first?.expYear, first?.reusable],
    ['ada@example.com', 'visa', '4242', 12, 2034, true],
  )
  assert.equal(first?.signature, second?.signature)
  assert.notEqual(first?.token, second?.token)
})

test('a payment that a bank still works on is pending, then successful', async (t) => {
  const bench = await benchFor(t)
  const lookup = await open(bench, 'AsT-1', { amountMinor: 140_08n })
  await pay(bench, 'AsT-1')
  assert.deepEqual(((p) => [p.status, p.channelStatus])(await ask(bench, lookup)), ['processing', 'processing'])
  await assert.rejects(stripe.voidCheckout!(lookup, credentials, bench.transport), fails({ reason: 'refused' }))
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 4000 })
  assert.equal((await ask(bench, lookup)).status, 'successful')
})

test('a voided page is closed and takes nothing, twice voided is voided, a paid one is not', async (t) => {
  const bench = await benchFor(t)
  const lookup = await open(bench, 'AsT-1')
  await stripe.voidCheckout!(lookup, credentials, bench.transport)
  assert.deepEqual(((p) => [p.status, p.channelStatus])(await ask(bench, lookup)), ['closed', 'expired'])
  assert.equal((await pay(bench, 'AsT-1')).status, 404)
  await stripe.voidCheckout!({ ...lookup, reference: 'AsT-1-again' }, credentials, bench.transport)
  const paid = await open(bench, 'AsT-2')
  await pay(bench, 'AsT-2')
  await assert.rejects(
    stripe.voidCheckout!(paid, credentials, bench.transport),
    fails({ reason: 'refused', outcome: 'rejected', status: 400 }),
  )
  assert.equal((await ask(bench, paid)).status, 'successful')
})

test('refunds in parts, by session alone, and found again by our ref', async (t) => {
  const bench = await benchFor(t)
  const payment = await open(bench, 'AsT-1')
  const request = (reference: string, amountMinor: bigint) => ({
    ...{ reference, payment, channelTransactionId: null, amountMinor, currency: 'USD', reason: 'Sent back' },
  })
  await assert.rejects(
    stripe.refund!(request('AsR-0', 100n), credentials, bench.transport),
    fails({ outcome: 'rejected', reason: 'refused' }),
  )
  await pay(bench, 'AsT-1')
  const made = await stripe.refund!(request('AsR-1', 20_00n), credentials, bench.transport)
  assert.deepEqual([made.status, made.amountMinor, made.currency], ['successful', 20_00n, 'USD'])
  assert.equal((await ask(bench, payment)).status, 'successful')
  const again = await stripe.refund!(request('AsR-1', 20_00n), credentials, bench.transport)
  assert.deepEqual(again, made, 'the same ref gives nothing back twice')
  await assert.rejects(
    stripe.refund!(request('AsR-1', 30_00n), credentials, bench.transport),
    fails({ outcome: 'unknown', reason: 'refused' }),
  )
  await assert.rejects(
    stripe.refund!(request('AsR-2', 30_01n), credentials, bench.transport),
    fails({ outcome: 'rejected', reason: 'refused' }),
  )
  const rest = await stripe.refund!(request('AsR-3', 30_00n), credentials, bench.transport)
  const found = await stripe.fetchRefund!(
    { ...request('AsR-3', 0n), channelReference: null },
    credentials,
    bench.transport,
  )
  assert.deepEqual(found, rest)
  assert.deepEqual(
    await stripe.fetchRefund!(
      { ...request('AsR-1', 0n), channelReference: made.channelReference },
      credentials,
      bench.transport,
    ),
    made,
  )
  const never = await stripe.fetchRefund!(
    { ...request('AsR-9', 0n), channelReference: null },
    credentials,
    bench.transport,
  )
  assert.equal(never.channelStatus, 'not_found')
  assert.deepEqual(((p) => [p.status, p.channelStatus])(await ask(bench, payment)), ['closed', 'refunded'])
})

test('a refund that waits, and one that fails after it was done', async (t) => {
  const bench = await benchFor(t)
  const made = []
  for (const [reference, card] of [
    ['AsT-1', '4000000000007726'],
    ['AsT-2', '4000000000005126'],
  ] as const) {
    const payment = await open(bench, reference)
    await pay(bench, reference, { card })
    const request = { reference: `AsR-${reference}`, payment, channelTransactionId: null, reason: null }
    const money = { amountMinor: 50_00n, currency: 'USD' }
    const refund = await stripe.refund!({ ...request, ...money }, credentials, bench.transport)
    made.push({ ...request, refund })
  }
  assert.deepEqual(
    made.map(({ refund }) => refund.status),
    ['pending', 'successful'],
  )
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 2000 })
  const later = made.map(({ refund, ...lookup }) =>
    stripe.fetchRefund!({ ...lookup, channelReference: refund.channelReference }, credentials, bench.transport),
  )
  assert.deepEqual(
    (await Promise.all(later)).map(({ status, reason }) => [status, reason]),
    [
      ['successful', null],
      ['failed', 'expired_or_canceled_card'],
    ],
  )
})

test('every currency is moved exactly, as the ledger counts it', async (t) => {
  const bench = await benchFor(t)
  const table: [currency: string, amountMinor: bigint][] = [
    ['USD', 12_345n],
    ['JPY', 12_345n],
    ['KWD', 12_340n],
    ['NGN', 150_055n],
    ['XOF', 12_345n],
    ['UGX', 12_345n],
    ['ISK', 12_345n],
    ['MGA', 1_234_500n],
  ]
  for (const [currency, amountMinor] of table) {
    const lookup = await open(bench, `AsT-${currency}`, { currency, amountMinor })
    await pay(bench, lookup.reference)
    const payment = await ask(bench, lookup)
    assert.deepEqual([payment.status, payment.amountMinor, payment.currency], ['successful', amountMinor, currency])
    const request = { reference: `AsR-${currency}`, payment: lookup, channelTransactionId: null, reason: null }
    const refund = await stripe.refund!({ ...request, amountMinor, currency }, credentials, bench.transport)
    assert.deepEqual([refund.amountMinor, refund.currency], [amountMinor, currency])
  }
  const rows = (await ledger(bench)) as { kind: string; currency: string; amount_minor: number }[]
  for (const kind of ['charge', 'refund']) {
    const moved = rows.filter((row) => row.kind === kind).map((row) => [row.currency, BigInt(row.amount_minor)])
    assert.deepEqual(moved, table)
  }
})

test('an answer that is not what we asked for is reported as it is', async (t) => {
  const bench = await benchFor(t)
  const table: [amountMinor: bigint, told: unknown[]][] = [
    [199_01n, [198_01n, 'USD', 'AsT-19901']],
    [199_02n, [200_02n, 'USD', 'AsT-19902']],
    [199_03n, [199_03n, 'EUR', 'AsT-19903']],
    [199_04n, [199_04n, 'USD', 'AsT-19904-other']],
  ]
  for (const [amountMinor, told] of table) {
    const lookup = await open(bench, `AsT-${amountMinor}`, { amountMinor })
    await pay(bench, lookup.reference)
    const { status, amountMinor: amount, currency, reference } = await ask(bench, lookup)
    assert.deepEqual([status, amount, currency, reference], ['successful', ...told])
  }
})

test('webhooks: verified, about us, one id per event; the forged one is refused', async (t) => {
  const bench = await benchFor(t)
  const merchant = await merchantFor(t)
  bench.setWebhook(merchant.url)
  const read = ({ raw, headers }: Received) =>
    stripe.readWebhook(
      {
        headers: { 'stripe-signature': String(headers['stripe-signature']) },
        body: Buffer.from(raw),
        receivedAt: new Date(),
      },
      credentials,
    )
  const lookup = await open(bench, 'AsT-1')
  await pay(bench, 'AsT-1', { outcome: 'failed' })
  await pay(bench, 'AsT-1')
  const request = { reference: 'AsR-1', payment: lookup, channelTransactionId: null, reason: null }
  await stripe.refund!({ ...request, amountMinor: 50_00n, currency: 'USD' }, credentials, bench.transport)
  await until('every event', () => merchant.received.length === 8)
  const events = merchant.received.map(read)
  assert.equal(new Set(events.map(({ eventId }) => eventId)).size, 8)
  const byType = Object.fromEntries(events.map(({ type, subject }) => [type, subject]))
  // A failed and a paid try on one page are one intent.
  const { channelTransactionId } = byType['payment_intent.succeeded'] as { channelTransactionId: string }
  assert.match(channelTransactionId, /^pi_/)
  const payment = { kind: 'payment', reference: 'AsT-1', channelReference: null, channelTransactionId }
  assert.deepEqual(byType, {
    'payment_intent.created': payment,
    'charge.failed': payment,
    'payment_intent.payment_failed': payment,
    'charge.succeeded': payment,
    'payment_intent.succeeded': payment,
    'checkout.session.completed': { ...payment, channelReference: lookup.channelReference },
    'refund.created': {
      ...{ kind: 'refund', reference: 'AsR-1', paymentReference: 'AsT-1' },
      channelReference: (byType['refund.created'] as { channelReference: string }).channelReference,
    },
    'charge.refunded': { kind: 'refund', reference: null, channelReference: null, paymentReference: 'AsT-1' },
  })
  const before = merchant.received.length
  await fault(bench, { kind: 'webhook_forged' })
  await open(bench, 'AsT-2')
  await pay(bench, 'AsT-2')
  await until('the forged one as well', () => merchant.received.length === before + 5)
  const refused = merchant.received.slice(before).filter((one) => {
    try {
      read(one)
    } catch (error) {
      return error instanceof WebhookSignatureError
    }
    return false
  })
  assert.equal(refused.length, 1)
})

test('opening: cut off before or after, nothing moved; asked again it is the same page', async (t) => {
  const bench = await benchFor(t)
  const expiresAt = new Date(Date.now() + 60 * 60_000)
  for (const kind of ['drop_before', 'drop_after']) {
    await fault(bench, { kind, operation: 'open' })
    await assert.rejects(
      open(bench, `AsT-${kind}`, { expiresAt }),
      fails({ outcome: 'rejected', reason: 'unavailable' }),
    )
    const first = await open(bench, `AsT-${kind}`, { expiresAt })
    assert.deepEqual(await open(bench, `AsT-${kind}`, { expiresAt }), first)
  }
  const { body } = await call('GET', `${bench.url}/control/checkouts`, undefined, null)
  assert.deepEqual(
    body.map(({ reference }: { reference: string }) => reference),
    ['AsT-drop_before', 'AsT-drop_after'],
  )
})

test('a refund that was cut off is unknown; asked again by the same ref it is made once', async (t) => {
  const bench = await benchFor(t)
  const payment = await open(bench, 'AsT-1')
  await pay(bench, 'AsT-1')
  const { channelTransactionId } = await ask(bench, payment)
  const lost = { payment, channelTransactionId, amountMinor: 10_00n, currency: 'USD', reason: null }
  for (const [kind, status] of [
    ['drop_before', 'not_found'],
    ['drop_after', 'succeeded'],
  ] as const) {
    const request = { ...lost, reference: `AsR-${kind}` }
    await fault(bench, { kind, operation: 'refund' })
    await assert.rejects(
      stripe.refund!(request, credentials, bench.transport),
      fails({ outcome: 'unknown', reason: 'unavailable' }),
    )
    const found = await stripe.fetchRefund!({ ...request, channelReference: null }, credentials, bench.transport)
    assert.equal(found.channelStatus, status)
    assert.equal((await stripe.refund!(request, credentials, bench.transport)).status, 'successful')
  }
  const rows = (await ledger(bench)) as { kind: string }[]
  assert.equal(rows.filter(({ kind }) => kind === 'refund').length, 2)
})

test('5xx, 429 and a wrong key say what they are', async (t) => {
  const bench = await benchFor(t)
  const payment = await open(bench, 'AsT-1')
  await fault(bench, { kind: 'status', status: 503, operation: 'verify' })
  await assert.rejects(ask(bench, payment), fails({ outcome: 'rejected', reason: 'unavailable', status: 503 }))
  await fault(bench, { kind: 'status', status: 429, operation: 'verify' })
  await assert.rejects(ask(bench, payment), fails({ outcome: 'rejected', reason: 'rate_limited', status: 429 }))
  const live = stripe.parseCredentials({ secret_key: 'sk_live_0123456789', webhook_secret: secret })
  await assert.rejects(
    stripe.fetchPayment(payment, live, bench.transport),
    fails({ outcome: 'rejected', reason: 'unauthorised', status: 401 }),
  )
})

test('what Stripe refuses to open is refused, so that another channel may take it', async (t) => {
  const bench = await benchFor(t)
  for (const change of [
    { amountMinor: 49n },
    { currency: 'KWD', amountMinor: 5_124n },
    { payer: { email: 'nobody', firstName: null, lastName: null, fullName: null, phone: null } },
  ]) {
    await assert.rejects(open(bench, 'AsT-1', change), fails({ outcome: 'rejected', reason: 'refused' }))
  }
})

test('the least and the greatest amounts of every currency are taken, and nothing above', async (t) => {
  const bench = await benchFor(t)
  for (const [currency, { payMinor, payMaxMinor, stepMinor = 1n }] of Object.entries(stripe.limits.currencies)) {
    await open(bench, `AsT-${currency}-least`, { currency, amountMinor: payMinor })
    await open(bench, `AsT-${currency}-most`, { currency, amountMinor: payMaxMinor! })
    const above = open(bench, `AsT-${currency}-above`, { currency, amountMinor: payMaxMinor! + stepMinor })
    await assert.rejects(above, fails({ outcome: 'rejected', reason: 'refused' }), currency)
  }
})

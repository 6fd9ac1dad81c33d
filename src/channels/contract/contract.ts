import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { exponentOf } from '../../platform/money.ts'
import { type ChannelPayment, CredentialsError, type RawWebhook, WebhookSignatureError } from '../channel.ts'
import { samplesOf } from '../kit/credentials.ts'
import { FakeProvider } from './fake-provider.ts'
import { describeFaults, describeSecrets } from './faults.ts'
import type { Bench, ChannelHarness, PaymentFacts } from './harness.ts'
import { amountsOf, at, checkoutOf, firstAmount, leaks, reference, refundOf } from './samples.ts'
import { describeSaved } from './saved.ts'

/**
 * The suite that every channel passes. An adapter brings a harness: its provider's answers, written by hand from the
 * documentation and converted independently of the adapter, so that one misreading cannot agree with itself.
 */

export type { ProviderAnswer, ProviderRequest, Script } from './fake-provider.ts'
export type { ChannelHarness, ChargeFacts, PaymentFacts, RefundFacts } from './harness.ts'

/** Registers the suite with node:test. `name` is the channel's, for the report. */
export function channelContract<Credentials>(name: string, harness: ChannelHarness<Credentials>): void {
  describe(`${name} keeps the channel contract`, () => {
    const provider = new FakeProvider((request) => harness.login?.(request) ?? null)
    const bench: Bench = { provider, transport: () => provider.transport() }
    before(() => provider.start())
    after(() => provider.stop())
    describeShape(harness)
    describeCheckout(harness, bench)
    describePayment(harness, bench)
    if (harness.channel.refund) describeRefund(harness, bench)
    if (harness.channel.chargeSaved) describeSaved(harness, bench)
    describeFaults(harness, bench)
    describeSecrets(harness, bench)
    describeWebhooks(harness)
  })
}

function describeShape<Credentials>({ channel, fields, secrets }: ChannelHarness<Credentials>): void {
  it('limits are positive, in known currencies, with a dated source', () => {
    assert.ok(Object.keys(channel.limits.currencies).length > 0)
    for (const [currency, limit] of Object.entries(channel.limits.currencies)) {
      assert.notEqual(exponentOf(currency), null, currency)
      assert.ok(limit.payMinor > 0n, currency)
      assert.ok(limit.tokenizeMinor >= limit.payMinor, `${currency}: what makes a token is a payment too`)
      assert.ok(limit.payMaxMinor === null || limit.payMaxMinor > limit.tokenizeMinor, currency)
    }
    assert.match(channel.limits.source, /\d{4}-\d{2}-\d{2}/)
  })

  it('credentials: every required field is asked for, and what is parsed parses again', () => {
    const required = channel.credentialFields.filter((field) => field.required).map((field) => field.name)
    for (const input of [undefined, null, 'text', [], {}]) {
      assert.throws(
        () => channel.parseCredentials(input),
        (error) => error instanceof CredentialsError && required.every((field) => error.fields[field]),
      )
    }
    const parsed = channel.parseCredentials(fields)
    assert.deepEqual(channel.parseCredentials(JSON.parse(JSON.stringify(parsed))), parsed)
  })

  it('credentials: each field says where it is found; the sandbox is given samples that parse, for test mode', () => {
    const { credentialFields } = channel
    for (const { where, formWords, form, secret } of credentialFields) {
      assert.ok(where && formWords)
      assert.equal(form.test(`${secrets[0]}\r\nx-evil: 1`), false, 'a form leaves no line break')
      assert.ok(secret || !secrets.some((one) => form.test(one)), 'what is no secret has not the form of one')
    }
    assert.equal(credentialFields.filter(({ use }) => use === 'account').length, 1)
    const samples = samplesOf(credentialFields, () => '0123456789abcdef')
    assert.equal(channel.modeOf(channel.parseCredentials(samples)) ?? 'test', 'test')
    // This word is what keeps them from ever being sent to the provider.
    assert.match(samples[credentialFields.find(({ use }) => use === 'account')!.name] ?? '', /[_-]sandbox[_-]/)
  })

  it('credentials: no error repeats what was entered', () => {
    const wrong = Object.fromEntries(channel.credentialFields.map((field) => [field.name, `no key\n${secrets[0]}`]))
    assert.throws(
      () => channel.parseCredentials(wrong),
      (error) => error instanceof CredentialsError && !leaks(error, secrets),
    )
  })
}

function describeCheckout<Credentials>(harness: ChannelHarness<Credentials>, { provider, transport }: Bench): void {
  const { channel } = harness
  const credentials = channel.parseCredentials(harness.fields)

  it('every currency goes to the provider exactly, at every size', async () => {
    for (const [currency, amountMinor] of amountsOf(channel)) {
      const request = checkoutOf({ currency, amountMinor })
      provider.play(harness.opened(request))
      const opened = await channel.openCheckout(request, credentials, transport())
      assert.match(opened.url, /^https?:\/\//)
      assert.notEqual(opened.channelReference, '')
      assert.deepEqual(harness.asked(provider.requests), { reference, amountMinor, currency })
    }
  })

  it('a payer without a name and a payment that saves the method open as well', async () => {
    const payer = { email: 'ada@example.com', firstName: null, lastName: null, fullName: null, phone: null }
    const request = { ...checkoutOf(firstAmount(channel)), payer, saveMethod: true }
    provider.play(harness.opened(request))
    assert.match((await channel.openCheckout(request, credentials, transport())).url, /^https?:\/\//)
  })
}

function describePayment<Credentials>(harness: ChannelHarness<Credentials>, { provider, transport }: Bench): void {
  const { channel } = harness
  const credentials = channel.parseCredentials(harness.fields)
  const base = { reference, ...firstAmount(channel) }
  const told = async (facts: PaymentFacts, asked = reference): Promise<ChannelPayment> => {
    provider.play(harness.payment(facts))
    const channelReference = await channelReferenceOf(harness, { provider, transport }, asked)
    provider.play(harness.payment(facts))
    return channel.fetchPayment({ reference: asked, channelReference }, credentials, transport())
  }

  it('pending while nobody has tried, with or without what opening answered', async () => {
    const payment = await told({ ...base, state: 'untouched' })
    assert.equal(payment.status, 'pending')
    assert.equal(payment.paymentMethod, 'Unknown')
    assert.equal(payment.savedMethod, null)
    const lookup = { reference, channelReference: null }
    assert.equal((await channel.fetchPayment(lookup, credentials, transport())).status, 'pending')
  })

  it('successful with the exact amount, in every currency and size', async () => {
    for (const [currency, amountMinor] of amountsOf(channel)) {
      const payment = await told({ state: 'successful', reference, amountMinor, currency })
      assert.equal(payment.status, 'successful')
      assert.deepEqual([payment.reference, payment.amountMinor, payment.currency], [reference, amountMinor, currency])
      assert.ok(payment.channelTransactionId)
      assert.notEqual(payment.paymentMethod, 'Unknown')
      assert.equal(payment.reason, null)
    }
  })

  it('a decline is a value with its reason, not an error', async () => {
    const payment = await told({ ...base, state: 'declined' })
    assert.equal(payment.status, 'failed')
    assert.ok(payment.reason)
    assert.equal(payment.savedMethod, null)
  })

  it('a status that we do not know is pending', async () => {
    const payment = await told({ ...base, state: 'strange' })
    assert.equal(payment.status, 'pending')
    assert.ok(payment.channelStatus)
  })

  it('another amount, currency or reference is reported as it is', async () => {
    const state = 'successful'
    const more = base.amountMinor + 1n
    assert.equal((await told({ ...base, state, amountMinor: more })).amountMinor, more)
    const other = Object.keys(channel.limits.currencies).find((currency) => currency !== base.currency)
    if (other) assert.equal((await told({ ...base, state, currency: other })).currency, other)
    assert.equal((await told({ ...base, state, reference: 'AsT-someoneelses' })).reference, 'AsT-someoneelses')
  })
}

function describeRefund<Credentials>(harness: ChannelHarness<Credentials>, { provider, transport }: Bench): void {
  const { channel } = harness
  const credentials = channel.parseCredentials(harness.fields)
  const { refunded } = harness
  assert.ok(refunded, 'a channel that refunds needs `refunded` in its harness')

  it('a refund is what the provider says: exact, and done only when it is done', async () => {
    for (const [state, status] of [
      ['pending', 'pending'],
      ['successful', 'successful'],
      ['failed', 'failed'],
      ['strange', 'pending'],
    ] as const) {
      const request = refundOf(firstAmount(channel))
      provider.play(refunded.call(harness, { state, request, channelReference: '9007199254740993' }))
      const made = await channel.refund!(request, credentials, transport())
      assert.deepEqual([made.status, made.amountMinor, made.currency], [status, request.amountMinor, request.currency])
      assert.equal(made.channelReference, '9007199254740993')
      const found = await channel.fetchRefund!(
        { ...request, channelReference: made.channelReference },
        credentials,
        transport(),
      )
      assert.deepEqual(found, made)
    }
  })

  it('a refund whose answer was lost is found by our ref alone', async () => {
    const request = refundOf(firstAmount(channel))
    provider.play(refunded.call(harness, { state: 'successful', request, channelReference: '77' }))
    const found = await channel.fetchRefund!({ ...request, channelReference: null }, credentials, transport())
    assert.deepEqual([found.status, found.channelReference], ['successful', '77'])
    const other = await channel.fetchRefund!(
      { ...request, reference: 'AsR-neversent', channelReference: null },
      credentials,
      transport(),
    )
    assert.deepEqual([other.status, other.channelStatus, other.channelReference], ['pending', 'not_found', null])
  })
}

function describeWebhooks<Credentials>(harness: ChannelHarness<Credentials>): void {
  const { channel } = harness
  const credentials = channel.parseCredentials(harness.fields)
  const body = Buffer.from(harness.event(reference))
  const webhook = (headers: Record<string, string>, bytes = body): RawWebhook => ({
    headers,
    body: bytes,
    receivedAt: at,
  })
  const signed = harness.sign(body, at)
  const read = (raw: RawWebhook) => channel.readWebhook(raw, credentials)

  it('a good webhook says what to ask about, and the same event has the same id', () => {
    const event = read(webhook(signed))
    assert.equal(event.subject?.kind, 'payment')
    assert.ok([event.subject.reference, event.subject.channelReference].some(Boolean))
    assert.ok(event.type)
    assert.ok(event.eventId)
    assert.equal(read(webhook(signed)).eventId, event.eventId)
    const other = Buffer.from(harness.event('AsT-another000000'))
    assert.notEqual(read(webhook(harness.sign(other, at), other)).eventId, event.eventId)
  })

  it('a missing, empty, shortened, lengthened or forged signature is refused', () => {
    const forgeries = [
      {},
      mapValues(signed, () => ''),
      mapValues(signed, (value) => value.slice(0, -1)),
      mapValues(signed, (value) => `${value}0`),
      mapValues(signed, (value) => value.slice(0, -4) + (value.endsWith('0000') ? '1111' : '0000')),
      mapValues(signed, (value) => 'é'.repeat(value.length)),
    ]
    for (const headers of forgeries) assert.throws(() => read(webhook(headers)), WebhookSignatureError)
  })

  it('an altered body is refused', { skip: !harness.signsBody && 'the proof is a bare secret' }, () => {
    const altered = Buffer.from(body)
    altered[altered.length - 2]! ^= 1
    assert.throws(() => read(webhook(signed, altered)), WebhookSignatureError)
    assert.throws(() => read(webhook(signed, Buffer.concat([body, Buffer.from(' ')]))), WebhookSignatureError)
  })

  it('a signed body of no form that we know is an event without a subject, with an id of its own', () => {
    const ids = ['', 'event=charge', '{', 'null', '[]', '{}', '"text"', '{"event":1,"data":2}'].map((text) => {
      const bytes = Buffer.from(text)
      const event = read(webhook(harness.sign(bytes, at), bytes))
      assert.deepEqual([event.subject, Boolean(event.type)], [null, true], text)
      return event.eventId
    })
    assert.equal(new Set(ids).size, ids.length)
  })

  it('a reference of ours is found in a form that we do not know, and makes us ask', () => {
    const ours = 'AsT-0123456789abc'
    for (const text of [
      JSON.stringify({ kind: 'brand.new', deep: [{ er: { name: ours } }] }),
      JSON.stringify([{ some: ours }]),
      JSON.stringify(JSON.stringify({ some: ours })),
      `\ufeff${JSON.stringify({ event: 'brand.new', data: { some: ours } })}`,
      String(new URLSearchParams({ payload: JSON.stringify({ event: 'brand.new', data: { some: ours } }) })),
      String(new URLSearchParams({ event: 'brand.new', some: ours })),
    ]) {
      const bytes = Buffer.from(text)
      const { subject } = read(webhook(harness.sign(bytes, at), bytes))
      assert.deepEqual([subject?.kind, subject?.reference], ['payment', ours], text)
    }
  })
}

/** What opening would have answered: some channels look a payment up by it. */
async function channelReferenceOf<Credentials>(
  harness: ChannelHarness<Credentials>,
  { provider, transport }: Bench,
  asked: string,
): Promise<string> {
  const request = { ...checkoutOf(firstAmount(harness.channel)), reference: asked }
  provider.play(harness.opened(request))
  const credentials = harness.channel.parseCredentials(harness.fields)
  return (await harness.channel.openCheckout(request, credentials, transport())).channelReference
}

function mapValues(record: Record<string, string>, map: (value: string) => string): Record<string, string> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]))
}

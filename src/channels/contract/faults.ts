import assert from 'node:assert/strict'
import { it } from 'node:test'
import { inspect } from 'node:util'
import { ChannelError, type ChannelTransport } from '../channel.ts'
import type { ProviderAnswer, ProviderRequest, Script } from './fake-provider.ts'
import type { Bench, ChannelHarness } from './harness.ts'
import { chargeOf, checkoutOf, firstAmount, leaks, reference, refundFactsOf, refundOf } from './samples.ts'

/** The part of the contract suite where the provider fails: outcomes, reasons, no repetition, no secret in an error. */

/** `moved`: what it means for a call that moves money; for the others nothing moved, whatever came back. */
interface Fault {
  readonly name: string
  readonly answer: ProviderAnswer
  readonly reasons: readonly ChannelError['reason'][]
  readonly moved: ChannelError['outcome']
  readonly retryAfterMs?: number
}

const html = '<!doctype html><title>502</title><h1>Bad gateway</h1>'

function faultsOf(harness: Pick<ChannelHarness<unknown>, 'wrongKey' | 'refusal'>): readonly Fault[] {
  const unavailable = { reasons: ['unavailable'], moved: 'unknown' } as const
  const garbage = { reasons: ['garbage', 'unavailable'], moved: 'unknown' } as const
  const limited = { reasons: ['rate_limited'], moved: 'rejected' } as const
  const busy = { status: 429, headers: { 'retry-after': '7' }, body: '{"status":false,"message":"Too many requests"}' }
  return [
    { name: 'no answer in time', answer: 'hang', ...unavailable },
    { name: 'the connection is cut after the request', answer: 'drop', ...unavailable },
    { name: 'the connection is cut within the answer', answer: 'cut', ...unavailable },
    { name: '500', answer: { status: 500, body: '{"status":false,"message":"Server error"}' }, ...unavailable },
    { name: '502 with a page of HTML', answer: { status: 502, body: html }, ...unavailable },
    {
      name: '503 with Retry-After',
      answer: { status: 503, headers: { 'retry-after': '2' }, body: '' },
      ...unavailable,
      retryAfterMs: 2000,
    },
    { name: '429 with Retry-After', answer: busy, ...limited, retryAfterMs: 7000 },
    { name: '200 with a page of HTML', answer: { status: 200, body: html }, ...garbage },
    { name: '200 with nothing', answer: { status: 200, body: '' }, ...garbage },
    { name: '200 with {}', answer: { status: 200, body: '{}' }, ...garbage },
    { name: '200 with null', answer: { status: 200, body: 'null' }, ...garbage },
    { name: '200 with broken JSON', answer: { status: 200, body: '{"status": true, "data": {' }, ...garbage },
    { name: 'a redirect', answer: { status: 302, headers: { location: '/elsewhere' }, body: '' }, ...garbage },
    { name: 'a wrong key', answer: harness.wrongKey, reasons: ['unauthorised'], moved: 'rejected' },
    { name: 'a refusal', answer: harness.refusal, reasons: ['refused'], moved: 'rejected' },
  ]
}

/** Registers what must happen when the provider does not answer as it should. */
export function describeFaults<Credentials>(
  harness: ChannelHarness<Credentials>,
  { provider, transport }: Bench,
): void {
  const calls = callsOf(harness, transport)

  for (const fault of faultsOf(harness)) {
    it(`${fault.name}: nothing moved when opening or asking, ${fault.moved} when refunding or charging`, async () => {
      for (const call of calls) {
        // Looking something up before moving money may work; the fault hits the move itself.
        const { lookups } = call
        provider.play((request) => (request.method === 'GET' && lookups ? lookups(request) : fault.answer))
        const error = await errorOf(call.run)
        assert.ok(error instanceof ChannelError, `${call.name}: ${inspect(error)}`)
        assert.equal(error.outcome, call.moves ? fault.moved : 'rejected', call.name)
        assert.ok(fault.reasons.includes(error.reason), `${call.name}: ${error.reason}`)
        assert.equal(error.retryAfterMs, fault.retryAfterMs ?? null, call.name)
        assert.equal(error.status, typeof fault.answer === 'string' ? null : fault.answer.status, call.name)
        // A token that was refused did nothing, and the call is sent again with a new one.
        assertSent(harness.login && fault.answer === harness.wrongKey ? 2 : 1, provider.requests, call.name)
      }
    })
  }
}

/** An adapter never repeats a call; a client that cannot be kept from it must send the same idempotency key. */
function assertSent(times: number, requests: readonly ProviderRequest[], call: string): void {
  const posts = requests.filter((request) => request.method === 'POST')
  const keys = new Set(posts.map((request) => request.headers['idempotency-key']))
  assert.ok(
    posts.length <= times || (keys.size === 1 && !keys.has(undefined)),
    `${call} was sent ${posts.length} times`,
  )
}

/** Registers that no error carries a secret. */
export function describeSecrets<Credentials>(
  harness: ChannelHarness<Credentials>,
  { provider, transport }: Bench,
): void {
  const leaky = harness.secrets.join(' ')
  const refusal = typeof harness.refusal === 'string' ? '' : harness.refusal.body
  const answers: Record<string, ProviderAnswer> = {
    'a refusal': harness.refusal,
    'a wrong key': { status: 401, body: refusal },
    'an outage': { status: 500, body: refusal },
    'a page of HTML': { status: 200, body: `<p>${leaky}</p>` },
    'another shape': { status: 200, body: JSON.stringify({ what: leaky, list: [{ deep: leaky }] }) },
  }
  for (const [name, answer] of Object.entries(answers)) {
    it(`no secret leaves in the error of ${name}`, async () => {
      provider.play(() => answer)
      for (const call of callsOf(harness, transport)) {
        const error = await errorOf(call.run)
        assert.ok(error instanceof ChannelError, call.name)
        assert.equal(leaks(error, harness.secrets), false, call.name)
      }
    })
  }
}

interface Call {
  readonly name: string
  readonly moves: boolean
  /** What looking something up, before or after moving money, is answered. */
  readonly lookups?: Script
  run(): Promise<unknown>
}

/** Every operation of the channel that talks to the provider, with ordinary arguments. */
function callsOf<Credentials>(harness: ChannelHarness<Credentials>, transport: () => ChannelTransport): Call[] {
  const { channel, saved } = harness
  const credentials = channel.parseCredentials(harness.fields)
  const checkout = checkoutOf(firstAmount(channel))
  const refund = refundOf(firstAmount(channel))
  const lookup = { reference, channelReference: reference }
  const calls: Call[] = [
    { name: 'openCheckout', moves: false, run: () => channel.openCheckout(checkout, credentials, transport()) },
    { name: 'fetchPayment', moves: false, run: () => channel.fetchPayment(lookup, credentials, transport()) },
  ]
  if (channel.refund) {
    const lookups = harness.refunded?.(refundFactsOf(channel))
    const run = () => channel.refund!(refund, credentials, transport())
    calls.push({ name: 'refund', moves: true, run, ...(lookups && { lookups }) })
  }
  if (channel.fetchRefund) {
    const known = { ...refund, channelReference: '77' }
    calls.push({ name: 'fetchRefund', moves: false, run: () => channel.fetchRefund!(known, credentials, transport()) })
  }
  if (channel.chargeSaved && saved) {
    const charge = chargeOf(firstAmount(channel), saved.method)
    const lookups = harness.payment({ ...charge, state: 'untouched' })
    const run = () => channel.chargeSaved!(charge, credentials, transport())
    calls.push({ name: 'chargeSaved', moves: true, lookups, run })
  }
  if (channel.forgetSaved && saved) {
    const run = () => channel.forgetSaved!(saved.method, credentials, transport())
    calls.push({ name: 'forgetSaved', moves: false, run })
  }
  return calls
}

async function errorOf(run: () => Promise<unknown>): Promise<unknown> {
  try {
    await run()
  } catch (error) {
    return error
  }
  return assert.fail('the call should have failed')
}

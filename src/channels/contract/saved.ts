import assert from 'node:assert/strict'
import { it } from 'node:test'
import { inspect } from 'node:util'
import type { Bench, ChannelHarness, ChargeFacts } from './harness.ts'
import { amountsOf, chargeOf, firstAmount, leaks, reference } from './samples.ts'

/** The part of the contract suite about saved methods: what a charge moved, what it did not, and forgetting. */
export function describeSaved<Credentials>(harness: ChannelHarness<Credentials>, { provider, transport }: Bench): void {
  const { channel, saved } = harness
  assert.ok(saved, 'a channel that charges saved methods needs `saved` in its harness')
  const credentials = channel.parseCredentials(harness.fields)
  const base = { reference, ...firstAmount(channel) }
  const charge = (facts: ChargeFacts, asked = firstAmount(channel)) => {
    provider.play(saved.charged(facts))
    return channel.chargeSaved!(chargeOf(asked, saved.method), credentials, transport())
  }

  it('a saved method is charged exactly, in every currency and size', async () => {
    assert.ok(harness.secrets.includes(saved.method.token), 'the token is one of the secrets')
    for (const [currency, amountMinor] of amountsOf(channel)) {
      const asked = { currency, amountMinor }
      const { payment, ...more } = await charge({ state: 'successful', reference, ...asked }, asked)
      assert.deepEqual(saved.asked(provider.requests), { reference, ...asked })
      assert.equal(provider.requests.length, 1)
      assert.equal(payment.status, 'successful')
      assert.deepEqual([payment.reference, payment.amountMinor, payment.currency], [reference, amountMinor, currency])
      assert.ok(payment.channelTransactionId && more.channelReference)
      assert.deepEqual([more.payerNeeded, more.actionUrl, more.isHardDecline], [false, null, false])
    }
  })

  it('a declined charge is a value, and says whether a later try can help', async () => {
    for (const [state, isHard] of [
      ['declined', false],
      ['closed', true],
    ] as const) {
      const { payment, channelReference, payerNeeded, isHardDecline } = await charge({ ...base, state })
      assert.deepEqual([payment.status, payerNeeded, isHardDecline], ['failed', false, isHard])
      assert.ok(payment.reason && channelReference)
      assert.equal(payment.paidAt, null)
    }
  })

  it('a payer who is wanted back has moved nothing', async () => {
    const { payment, payerNeeded, actionUrl, isHardDecline } = await charge({ ...base, state: 'payer' })
    assert.deepEqual([payerNeeded, isHardDecline], [true, false])
    assert.equal(payment.status, saved.hasPage ? 'pending' : 'failed')
    assert.equal(payment.reference, reference)
    if (saved.hasPage) assert.match(actionUrl ?? '', /^https:/)
    else assert.equal(actionUrl, null)
  })

  it('a charge whose status we do not know is pending', async () => {
    const { payment, payerNeeded, isHardDecline } = await charge({ ...base, state: 'strange' })
    assert.deepEqual([payment.status, payerNeeded, isHardDecline], ['pending', false, false])
  })

  it('another amount, currency or reference is reported as it is', async () => {
    const more = base.amountMinor + 1n
    assert.equal((await charge({ ...base, state: 'successful', amountMinor: more })).payment.amountMinor, more)
    const other = Object.keys(channel.limits.currencies).find((currency) => currency !== base.currency)
    if (other) assert.equal((await charge({ ...base, state: 'successful', currency: other })).payment.currency, other)
    const foreign = await charge({ ...base, state: 'successful', reference: 'AsT-someoneelses' })
    assert.equal(foreign.payment.reference, 'AsT-someoneelses')
  })

  describeGone(harness, { provider, transport })
}

function describeGone<Credentials>({ channel, saved, ...harness }: ChannelHarness<Credentials>, bench: Bench): void {
  const { provider, transport } = bench
  assert.ok(saved)
  const credentials = channel.parseCredentials(harness.fields)

  it('a token that the provider takes no more is a hard decline, and its reason does not tell it', async () => {
    provider.play(() => saved.gone)
    const gone = await channel.chargeSaved!(chargeOf(firstAmount(channel), saved.method), credentials, transport())
    assert.deepEqual([gone.payment.status, gone.payerNeeded, gone.isHardDecline], ['failed', false, true])
    assert.ok(gone.payment.reason && gone.channelReference)
    assert.equal(leaks(inspect(gone), harness.secrets), false)
  })

  it('a token leaves in no error, whatever its form', async () => {
    const method = { ...saved.method, token: 'canary-of-tomorrow-0a1b2c3d' }
    const shown = { what: method.token, list: [{ deep: `the ${method.token}` }], [method.token]: 1 }
    for (const status of [200, 401, 500]) {
      for (const body of [JSON.stringify(shown), `<p>${method.token}</p>`]) {
        provider.play(() => ({ status, body }))
        const charging = channel.chargeSaved!(chargeOf(firstAmount(channel), method), credentials, transport())
        await assert.rejects(charging, (error) => !leaks(error, [method.token]))
        if (!channel.forgetSaved) continue
        const forgetting = channel.forgetSaved(method, credentials, transport())
        await assert.rejects(forgetting, (error) => !leaks(error, [method.token]))
      }
    }
  })

  if (!channel.forgetSaved) return

  it('forgetting is done when the method is gone, now or before', async () => {
    assert.ok(saved.forgotten && saved.forgotten.length > 1)
    for (const answer of saved.forgotten) {
      provider.play(() => answer)
      await channel.forgetSaved!(saved.method, credentials, transport())
      assert.equal(provider.requests.length, 1)
    }
  })
}

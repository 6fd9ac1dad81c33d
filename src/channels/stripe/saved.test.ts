import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { ChannelError } from '../channel.ts'
import { FakeProvider, type Script } from '../contract/fake-provider.ts'
import type { Json } from '../kit/exchange.ts'
import { fixture, part } from './fixtures.ts'
import { stripe } from './index.ts'
import { toCharged, toIntentParams, toIntentPayment } from './saved.ts'

const reference = 'AsT-68a1b2c3d4e5f'
const charge = {
  reference,
  ...{ amountMinor: 50_01n, currency: 'USD', description: 'Renewal', returnUrl: 'https://shop.example/return' },
  payer: { email: 'new@example.com', firstName: 'Ada', lastName: null, fullName: null, phone: null },
  method: { token: 'pm_1', tokenOwner: 'cus_1', email: 'ada@example.com' },
}
const credentials = stripe.parseCredentials({ secret_key: 'sk_test_1', webhook_secret: 'whsec_1' })
const provider = new FakeProvider()
before(() => provider.start())
after(() => provider.stop())

const paid = (changes: Json = {}): Json => ({ ...part(fixture('session-paid'), 'payment_intent'), ...changes })
const refused = (changes: Json = {}): Json => {
  const intent = part(fixture('session-declined'), 'payment_intent')
  Object.assign(part(intent, 'last_payment_error'), changes)
  return intent
}
const declined = (changes: Json = {}): Json => {
  const payment_intent = refused(changes)
  return { error: { ...part(payment_intent, 'last_payment_error'), payment_intent } }
}

describe('charging a saved card', () => {
  it('asks for the customer, without the payer, and carries our reference', () => {
    assert.deepEqual(toIntentParams(charge), {
      ...{ amount: 5001, currency: 'usd', customer: 'cus_1', payment_method: 'pm_1', off_session: true, confirm: true },
      ...{ description: 'Renewal', metadata: { asyncpay_reference: reference }, expand: ['latest_charge'] },
      return_url: 'https://shop.example/return',
    })
  })

  it('is sent with a key made from our reference, so that twice is once', async () => {
    provider.play(() => ({ status: 200, body: JSON.stringify(paid()) }))
    await stripe.chargeSaved!(charge, credentials, provider.transport())
    assert.equal(provider.requests[0]?.headers['idempotency-key'], `charge-${reference}`)
  })

  it('without a customer, or in steps that Stripe does not have, nothing is sent', async () => {
    for (const wrong of [
      { ...charge, method: { ...charge.method, tokenOwner: null } },
      { ...charge, currency: 'KWD', amountMinor: 5_124n },
    ]) {
      provider.play(() => ({ status: 200, body: JSON.stringify(paid()) }))
      await assert.rejects(
        stripe.chargeSaved!(wrong, credentials, provider.transport()),
        (error) => error instanceof ChannelError && error.outcome === 'rejected' && error.reason === 'refused',
      )
      assert.equal(provider.requests.length, 0)
    }
  })

  it('its codes: hard where no later try can help, soft for all others', () => {
    const table: [Json, boolean][] = [
      [{ decline_code: 'insufficient_funds' }, false],
      [{ decline_code: 'generic_decline' }, false],
      [{ decline_code: 'do_not_honor' }, false],
      [{ decline_code: 'a_word_of_tomorrow' }, false],
      [{ code: 'processing_error', decline_code: null }, false],
      [{ decline_code: 'stolen_card' }, true],
      [{ decline_code: 'lost_card' }, true],
      [{ decline_code: 'pickup_card' }, true],
      [{ decline_code: 'invalid_account' }, true],
      [{ decline_code: 'revocation_of_authorization' }, true],
      [{ code: 'expired_card', decline_code: null }, true],
      [{ decline_code: 'do_not_honor', advice_code: 'do_not_try_again' }, true],
    ]
    for (const [changes, isHard] of table) {
      const charged = toCharged(declined(changes))
      assert.deepEqual([charged?.payment.status, charged?.isHardDecline], ['failed', isHard], JSON.stringify(changes))
    }
  })

  it('authentication_required is the payer wanted back, without a page', () => {
    for (const changes of [{ code: 'authentication_required' }, { decline_code: 'authentication_required' }]) {
      const charged = toCharged(declined(changes))
      assert.deepEqual([charged?.payerNeeded, charged?.actionUrl, charged?.isHardDecline], [true, null, false])
      assert.equal(charged?.payment.status, 'failed')
    }
    const next_action = { type: 'redirect_to_url', redirect_to_url: { url: 'https://hooks.stripe.com/3ds' } }
    const asked = toCharged(paid({ status: 'requires_action', next_action }))
    assert.deepEqual([asked?.payerNeeded, asked?.payment.status], [true, 'pending'])
    assert.equal(asked?.actionUrl, 'https://hooks.stripe.com/3ds')
  })

  it('a refusal without an intent, or of another shape, is no answer', () => {
    for (const wrong of [{}, { error: {} }, { error: { payment_intent: 'pi_1' } }, { object: 'charge', id: 'ch_1' }]) {
      assert.equal(toCharged(wrong), null)
    }
    const paidAfterAll = toCharged({ error: { code: 'card_declined', payment_intent: paid() } })
    assert.deepEqual([paidAfterAll?.payment.status, paidAfterAll?.isHardDecline], ['successful', false])
  })

  it('a method or customer that is missing is a hard decline; another missing thing is not', async () => {
    const missing = (param: string, status: number): Script => {
      const error = { type: 'invalid_request_error', code: 'resource_missing', param, message: `No such ${param}` }
      return () => ({ status, body: JSON.stringify({ error }) })
    }
    for (const param of ['payment_method', 'customer']) {
      for (const status of [400, 404]) {
        provider.play(missing(param, status))
        const gone = await stripe.chargeSaved!(charge, credentials, provider.transport())
        assert.deepEqual([gone.payment.status, gone.isHardDecline], ['failed', true])
      }
    }
    provider.play(missing('on_behalf_of', 400))
    await assert.rejects(stripe.chargeSaved!(charge, credentials, provider.transport()), ChannelError)
  })
})

describe('a payment intent without a page', () => {
  it('its statuses', () => {
    const table: [Json, string, string][] = [
      [paid(), 'successful', 'succeeded'],
      [paid({ latest_charge: { refunded: true } }), 'closed', 'refunded'],
      [paid({ status: 'canceled' }), 'closed', 'canceled'],
      [refused(), 'failed', 'requires_payment_method'],
      [paid({ status: 'requires_payment_method' }), 'pending', 'requires_payment_method'],
      [paid({ status: 'processing' }), 'pending', 'processing'],
      [paid({ status: 'requires_action' }), 'pending', 'requires_action'],
      [paid({ status: 'constructor' }), 'pending', 'constructor'],
    ]
    for (const [intent, status, word] of table) {
      const payment = toIntentPayment(intent)
      assert.deepEqual([payment?.status, payment?.channelStatus], [status, word])
      assert.equal(payment?.paidAt !== null, status === 'successful')
    }
  })

  it('what was received counts, and the reference is that of its metadata', () => {
    const payment = toIntentPayment(paid({ amount_received: 4900, currency: 'eur', metadata: {} }))
    assert.deepEqual([payment?.amountMinor, payment?.currency, payment?.reference], [49_00n, 'EUR', null])
  })
})

describe('a charge whose answer was lost', () => {
  const lookup = { reference, channelReference: null, charged: { tokenOwner: 'cus_1' } }
  it('is ended when it waits; one that is decided is refused, one that was ended is ended', async () => {
    const voiding = (status: string) => {
      const error = { type: 'invalid_request_error', code: 'payment_intent_unexpected_state', message: 'No' }
      provider.play(({ method }) =>
        method === 'POST' && status !== 'requires_action'
          ? { status: 400, body: JSON.stringify({ error }) }
          : { status: 200, body: JSON.stringify(paid({ status: method === 'POST' ? 'canceled' : status })) },
      )
      const byId = { reference, channelReference: 'pi_1', url: null }
      return stripe.voidCheckout!(byId, credentials, provider.transport())
    }
    await voiding('requires_action')
    assert.equal(provider.requests[0]?.path, '/v1/payment_intents/pi_1/cancel')
    await voiding('canceled')
    await assert.rejects(voiding('succeeded'), ChannelError)
  })

  /** Pages of the customer's intents, `pages` of them, ours as the last row of the page numbered `at`. */
  const listing = (pages: number, at: number | null): Script => {
    let page = 0
    return ({ path }) => {
      if (!path.startsWith('/v1/payment_intents?')) return { status: 200, body: JSON.stringify(paid()) }
      page++
      const row = (id: string, asyncpay_reference: string) => ({ id, metadata: { asyncpay_reference } })
      const data = [row(`pi_${page}a`, 'AsT-other'), row(`pi_${page}b`, page === at ? reference : 'AsT-another')]
      return { status: 200, body: JSON.stringify({ object: 'list', data, has_more: page < pages }) }
    }
  }
  const ask = (script: Script) => {
    provider.play(script)
    return stripe.fetchPayment(lookup, credentials, provider.transport())
  }

  it('is found on a later page of the customer, and then asked for by its id', async () => {
    assert.equal((await ask(listing(4, 3))).status, 'successful')
    const paths = provider.requests.map(({ path }) => path)
    assert.match(paths[0] ?? '', /customer=cus_1/)
    assert.match(paths[2] ?? '', /starting_after=pi_2b/)
    assert.match(paths[3] ?? '', /^\/v1\/payment_intents\/pi_3b\?/)
  })

  it('is not_found only when all was seen, and asking ends', async () => {
    assert.equal((await ask(listing(2, null))).channelStatus, 'not_found')
    const endless = await ask(listing(1000, null))
    assert.deepEqual([endless.status, endless.channelStatus], ['pending', 'not_listed'])
    assert.equal(provider.requests.length, 5)
    await assert.rejects(
      ask(() => ({ status: 503, body: '' })),
      ChannelError,
    )
  })

  it('of a customer that Stripe does not have is not_found, as is an intent that it does not have', async () => {
    const error = { type: 'invalid_request_error', code: 'resource_missing', param: 'customer', message: 'No such' }
    const missing: Script = () => ({ status: 404, body: JSON.stringify({ error }) })
    assert.equal((await ask(missing)).channelStatus, 'not_found')
    provider.play(missing)
    const byId = { ...lookup, channelReference: 'pi_1' }
    assert.equal((await stripe.fetchPayment(byId, credentials, provider.transport())).channelStatus, 'not_found')
  })
})

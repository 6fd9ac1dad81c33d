import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { ChannelError, CredentialsError } from '../channel.ts'
import { FakeProvider, type ProviderAnswer } from '../contract/fake-provider.ts'
import { findChannel, findChannelMaybe } from '../index.ts'
import { fixture, fixtureText } from './fixtures.ts'
import { paystack } from './index.ts'

const credentials = paystack.parseCredentials({ secret_key: 'sk_test_1' })
const lookup = { reference: 'AsT-68a1b2c3d4e5f', channelReference: null }
const refund = { ...lookup, reference: 'AsR-68a1b2c3d4e5f', payment: lookup, channelTransactionId: null }
const provider = new FakeProvider()
before(() => provider.start())
after(() => provider.stop())

const answering = (...answers: ProviderAnswer[]) => {
  provider.play(() => answers.shift() ?? { status: 500, body: 'asked too often' })
  return provider.transport()
}
const json = (status: number, body: unknown): ProviderAnswer => ({ status, body: JSON.stringify(body) })
const fails = (fields: Partial<ChannelError>) => (error: unknown) => {
  assert.ok(error instanceof ChannelError)
  for (const [name, value] of Object.entries(fields)) assert.deepEqual(error[name as keyof ChannelError], value, name)
  return true
}

describe('Paystack', () => {
  it('is found by its slug, and nothing else is', () => {
    assert.equal(findChannel('paystack'), paystack)
    assert.equal(findChannelMaybe('constructor'), null)
    assert.throws(() => findChannel('paypal'))
  })

  it('a key tells its mode; a key of another kind, or a pair of two modes, is refused beside its field', () => {
    assert.equal(paystack.modeOf?.(credentials), 'test')
    assert.equal(paystack.modeOf?.(paystack.parseCredentials({ secret_key: ' sk_live_x ' })), 'live')
    const refused: [object, string][] = [
      [{ secret_key: 'pk_test_1' }, 'secret_key'],
      [{ secret_key: 'sk_test_' }, 'secret_key'],
      [{ secret_key: 'sk_prod_1' }, 'secret_key'],
      [{ secret_key: 'sk_test_1\r\nx-evil: 1' }, 'secret_key'],
      [{ secret_key: 'sk_test_1', public_key: 'sk_test_1' }, 'public_key'],
      [{ secret_key: 'sk_test_1', public_key: 'pk_live_1' }, 'public_key'],
    ]
    for (const [input, field] of refused) {
      assert.throws(
        () => paystack.parseCredentials(input),
        (error) => error instanceof CredentialsError && Object.keys(error.fields).join() === field,
      )
    }
  })

  it('a reference that Paystack does not know is pending, with 400 and with 404', async () => {
    for (const status of [400, 404]) {
      for (const body of [
        fixture('verify-unknown'),
        { status: false, message: 'Transaction reference not found' },
        { status: false, message: 'Gone', code: 'transaction_not_found' },
      ]) {
        const payment = await paystack.fetchPayment(lookup, credentials, answering(json(status, body)))
        assert.deepEqual([payment.status, payment.channelStatus], ['pending', 'not_found'])
      }
    }
  })

  it('any other refusal to verify is an error, not a pending payment', async () => {
    for (const [status, message] of [
      [404, 'Route not found'],
      [400, 'Transaction ID should be numeric.'],
    ] as const) {
      await assert.rejects(
        paystack.fetchPayment(lookup, credentials, answering(json(status, { status: false, message }))),
        fails({ reason: 'refused', status, outcome: 'rejected' }),
      )
    }
  })

  it('the bytes of a verify answer keep the 64-bit id', async () => {
    const answer = { status: 200, body: fixtureText('verify-success') }
    const payment = await paystack.fetchPayment(lookup, credentials, answering(answer))
    assert.equal(payment.channelTransactionId, '18446744073709551615')
    assert.equal(provider.requests[0]?.path, '/transaction/verify/AsT-68a1b2c3d4e5f')
    assert.equal(provider.requests[0]?.headers.authorization, 'Bearer sk_test_1')
  })

  it('a reference used before is refused, and its code is kept', async () => {
    await assert.rejects(
      paystack.openCheckout(checkout, credentials, answering(json(400, fixture('duplicate-reference')))),
      (error) => {
        assert.ok(error instanceof ChannelError)
        assert.equal((error.answer as { code: string }).code, 'duplicate_reference')
        return fails({
          reason: 'refused',
          outcome: 'rejected',
          message: 'Paystack refused: Duplicate Transaction Reference',
        })(error)
      },
    )
  })

  it('a page for another reference is garbage', async () => {
    const other = { ...fixture('initialize'), data: { ...fixture('initialize').data, reference: 'AsT-0' } }
    await assert.rejects(
      paystack.openCheckout(checkout, credentials, answering(json(200, other))),
      fails({ reason: 'garbage', outcome: 'rejected' }),
    )
  })

  it('"Invalid key" with 400 is a wrong key', async () => {
    await assert.rejects(
      paystack.fetchPayment(lookup, credentials, answering(json(400, { status: false, message: 'Invalid key' }))),
      fails({ reason: 'unauthorised', outcome: 'rejected' }),
    )
  })

  it('status false in a 200 is no proof that a refund did not move', async () => {
    const request = { ...refund, amountMinor: 5001n, currency: 'NGN', reason: null }
    const no = json(200, { status: false, message: 'Refund failed to queue' })
    await assert.rejects(
      paystack.refund!(request, credentials, answering(no)),
      fails({ reason: 'refused', outcome: 'unknown' }),
    )
  })

  it('a lost refund is looked for under the transaction id that Paystack gives the payment', async () => {
    const row = { ...fixture('refund-created').data, status: 'processed' }
    const lost = { ...refund, channelReference: null }
    const transport = answering(
      { status: 200, body: fixtureText('verify-success') },
      json(200, { status: true, message: 'Refunds retrieved', data: [{ id: 1, merchant_note: 'by hand' }, row] }),
    )
    const found = await paystack.fetchRefund!(lost, credentials, transport)
    assert.deepEqual([found.status, found.channelReference], ['successful', '3018284'])
    assert.equal(provider.requests[1]?.path, '/refund?transaction=18446744073709551615&perPage=100')
  })

  it('no refund of a payment that Paystack does not know', async () => {
    const lost = { ...refund, channelReference: null }
    const found = await paystack.fetchRefund!(lost, credentials, answering(json(404, fixture('verify-unknown'))))
    assert.deepEqual([found.status, found.channelStatus, found.channelReference], ['pending', 'not_found', null])
  })
})

const checkout = {
  reference: 'AsT-68a1b2c3d4e5f',
  amountMinor: 5001n,
  currency: 'NGN',
  description: 'Order 7',
  payer: { email: 'ada@example.com', firstName: null, lastName: null, fullName: null, phone: null },
  returnUrl: 'https://shop.example/return',
  cancelUrl: 'https://shop.example/cancel',
  saveMethod: false,
  expiresAt: new Date('2026-11-21T10:00:00Z'),
}

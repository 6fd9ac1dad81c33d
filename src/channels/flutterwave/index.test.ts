import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { ChannelError, CredentialsError } from '../channel.ts'
import { FakeProvider, type ProviderAnswer } from '../contract/fake-provider.ts'
import { findChannel } from '../index.ts'
import { fixture, fixtureText } from './fixtures.ts'
import { flutterwave } from './index.ts'

const fields = { secret_key: 'FLWSECK_TEST-1-X', secret_hash: 'hash' }
const credentials = flutterwave.parseCredentials(fields)
const lookup = { reference: 'AsT-68a1b2c3d4e5f', channelReference: null }
const refund = { ...lookup, reference: 'AsR-68a1b2c3d4e5f', payment: lookup, channelTransactionId: null }
const order = { ...refund, amountMinor: 5001n, currency: 'NGN', reason: null }
const url = 'https://checkout.flutterwave.com/v3/hosted/pay/flwlnk-1'
const provider = new FakeProvider()
before(() => provider.start())
after(() => provider.stop())

const answering = (...answers: ProviderAnswer[]) => {
  provider.play(() => answers.shift() ?? { status: 500, body: 'asked too often' })
  return provider.transport()
}
const json = (status: number, body: unknown): ProviderAnswer => ({ status, body: JSON.stringify(body) })
const verified = (changes: object) => {
  const answer = fixture('verify-success')
  Object.assign(answer.data, changes)
  return json(200, answer)
}
const none = json(400, fixture('verify-none'))
const asked = () => provider.requests.map(({ method, path }) => `${method} ${path}`)
const fails = (expected: Partial<ChannelError>) => (error: unknown) => {
  assert.ok(error instanceof ChannelError)
  for (const [name, value] of Object.entries(expected)) assert.deepEqual(error[name as keyof ChannelError], value, name)
  return true
}

describe('Flutterwave', () => {
  it('is found by its slug', () => {
    assert.equal(findChannel('flutterwave'), flutterwave)
  })

  it('a key tells its mode', () => {
    const modeOf = (secret_key: string) => flutterwave.modeOf?.(flutterwave.parseCredentials({ ...fields, secret_key }))
    assert.equal(modeOf('FLWSECK_TEST-0a1b-X'), 'test')
    assert.equal(modeOf('FLWSECK_TEST-sandbox-0a1b-X'), 'test')
    assert.equal(modeOf(' FLWSECK-0a1b-18c-X '), 'live')
  })

  it('a key of another kind, a pair of two modes, or no hash is refused beside its field', () => {
    const refused: [object, string][] = [
      [{ secret_key: 'FLWPUBK_TEST-1-X' }, 'secret_key'],
      [{ secret_key: 'FLWSECK_TEST-1' }, 'secret_key'],
      [{ secret_key: 'FLWSECK_PROD-1-X' }, 'secret_key'],
      [{ secret_key: 'sk_test_1' }, 'secret_key'],
      [{ secret_key: 'FLWSECK_TEST-1\r\nx-evil: 1-X' }, 'secret_key'],
      [{ secret_hash: undefined }, 'secret_hash'],
      [{ secret_hash: '  ' }, 'secret_hash'],
      [{ secret_hash: 'häsh' }, 'secret_hash'],
      [{ secret_hash: 'a\nb' }, 'secret_hash'],
      [{ public_key: 'FLWSECK_TEST-1-X' }, 'public_key'],
      [{ public_key: 'FLWPUBK-1-X' }, 'public_key'],
    ]
    for (const [changes, field] of refused) {
      assert.throws(
        () => flutterwave.parseCredentials({ ...fields, ...changes }),
        (error) => error instanceof CredentialsError && Object.keys(error.fields).join() === field,
        JSON.stringify(changes),
      )
    }
  })

  it('no transaction yet is pending, with 400 and with 404', async () => {
    for (const status of [400, 404]) {
      const payment = await flutterwave.fetchPayment(
        lookup,
        credentials,
        answering(json(status, fixture('verify-none'))),
      )
      assert.deepEqual([payment.status, payment.channelStatus], ['pending', 'not_found'])
    }
  })

  it('any other refusal to verify is an error, not a pending payment', async () => {
    for (const [status, message] of [
      [404, 'Route not found'],
      [400, 'tx_ref is required'],
    ] as const) {
      await assert.rejects(
        flutterwave.fetchPayment(lookup, credentials, answering(json(status, { status: 'error', message }))),
        fails({ reason: 'refused', status, outcome: 'rejected' }),
      )
    }
  })

  it('the bytes of a verify answer keep the 64-bit id', async () => {
    const answer = { status: 200, body: fixtureText('verify-success') }
    const payment = await flutterwave.fetchPayment(lookup, credentials, answering(answer, none))
    assert.equal(payment.channelTransactionId, '18446744073709551615')
    assert.deepEqual(asked(), [
      'GET /v3/transactions/verify_by_reference?tx_ref=AsT-68a1b2c3d4e5f',
      'GET /v3/transactions?tx_ref=AsT-68a1b2c3d4e5f&status=successful',
    ])
    assert.equal(provider.requests[0]?.headers.authorization, 'Bearer FLWSECK_TEST-1-X')
  })

  it('a refused attempt that is shown does not hide a later success', async () => {
    const failed = verified({ status: 'failed', id: 7 })
    const list = { status: 200, body: fixtureText('transactions') }
    const success = { status: 200, body: fixtureText('verify-success') }
    const payment = await flutterwave.fetchPayment(lookup, credentials, answering(failed, list, success))
    assert.deepEqual([payment.status, payment.amountMinor], ['successful', 5001n])
    assert.ok(payment.savedMethod)
    assert.deepEqual(asked().slice(1), [
      'GET /v3/transactions?tx_ref=AsT-68a1b2c3d4e5f&status=successful',
      'GET /v3/transactions/18446744073709551615/verify',
    ])
  })

  it('a list of other payments, or an empty one, leaves the refusal standing', async () => {
    const failed = verified({ status: 'failed', processor_response: 'Declined' })
    const others = json(200, { ...fixture('transactions'), data: [{ id: 1, tx_ref: 'AsT-0', status: 'successful' }] })
    for (const list of [others, json(200, { ...fixture('transactions'), data: [] }), none]) {
      const payment = await flutterwave.fetchPayment(lookup, credentials, answering(failed, list, list))
      assert.deepEqual([payment.status, payment.reason], ['failed', 'Declined'])
    }
  })

  it('a refusal is not believed when the list cannot be had', async () => {
    for (const list of [json(503, {}), json(200, { ...fixture('transactions'), data: {} })]) {
      await assert.rejects(
        flutterwave.fetchPayment(lookup, credentials, answering(verified({ status: 'failed' }), list)),
        fails({ outcome: 'rejected' }),
      )
    }
  })

  it('"Authorization required" is a wrong key, whatever the status', async () => {
    for (const message of ['Authorization required', 'merchant secret key required']) {
      await assert.rejects(
        flutterwave.fetchPayment(lookup, credentials, answering(json(400, { status: 'error', message }))),
        fails({ reason: 'unauthorised', outcome: 'rejected' }),
      )
    }
  })

  it('a page without a web address is garbage', async () => {
    await assert.rejects(
      flutterwave.openCheckout(checkout, credentials, answering(json(200, { ...fixture('payments'), data: {} }))),
      fails({ reason: 'garbage', outcome: 'rejected' }),
    )
  })

  it('voiding disables the link', async () => {
    const done = json(200, { status: 'success', message: 'LINK DISABLED', data: true })
    await flutterwave.voidCheckout!({ ...lookup, url }, credentials, answering(done))
    assert.deepEqual(asked(), ['POST /v3/payments/link/disable'])
    assert.deepEqual(JSON.parse(provider.requests[0]!.body), { link: url })
  })

  it('a link that is inactive already is voided', async () => {
    await flutterwave.voidCheckout!({ ...lookup, url }, credentials, answering(json(400, fixture('link-inactive'))))
  })

  it('a page that nobody has seen needs no voiding, and no call', async () => {
    await flutterwave.voidCheckout!({ ...lookup, url: null }, credentials, answering())
    assert.deepEqual(asked(), [])
  })

  it('any other answer to voiding is an error: the page may still be paid', async () => {
    for (const answer of [json(400, { status: 'error', message: 'Invalid link' }), json(503, {}), 'drop'] as const) {
      await assert.rejects(
        flutterwave.voidCheckout!({ ...lookup, url }, credentials, answering(answer)),
        fails({ outcome: 'rejected' }),
      )
    }
  })

  it('a refund without a transaction id asks the payment for it first', async () => {
    const answers = [{ status: 200, body: fixtureText('verify-success') }, none, json(200, fixture('refund-created'))]
    const made = await flutterwave.refund!(order, credentials, answering(...answers))
    assert.deepEqual([made.status, made.channelReference, made.amountMinor], ['pending', '3018284', 5001n])
    assert.equal(asked()[2], 'POST /v3/transactions/18446744073709551615/refund')
    assert.deepEqual(JSON.parse(provider.requests[2]!.body), { amount: '50.01', comments: 'AsR-68a1b2c3d4e5f' })
  })

  it('a payment that nobody has tried cannot be refunded, and nothing is sent', async () => {
    await assert.rejects(
      flutterwave.refund!(order, credentials, answering(none)),
      fails({ reason: 'refused', outcome: 'rejected' }),
    )
    assert.equal(provider.requests.length, 1)
  })

  it('503 to a refund may still be processing: unknown', async () => {
    const known = { ...order, channelTransactionId: '12' }
    await assert.rejects(
      flutterwave.refund!(known, credentials, answering(json(503, { status: 'error', message: 'Timed out' }))),
      fails({ reason: 'unavailable', outcome: 'unknown' }),
    )
  })

  it('status error in a 200 is no proof that a refund did not move', async () => {
    const known = { ...order, channelTransactionId: '12' }
    await assert.rejects(
      flutterwave.refund!(known, credentials, answering(json(200, { status: 'error', message: 'Not queued' }))),
      fails({ reason: 'refused', outcome: 'unknown' }),
    )
  })

  it('a lost refund is looked for under the transaction id that Flutterwave gives the payment', async () => {
    const row = fixture('refund-fetched').data
    const transport = answering(
      { status: 200, body: fixtureText('verify-success') },
      none,
      json(200, { status: 'success', message: 'Refunds fetched', data: [{ id: 1, comment: 'by hand' }, row] }),
      { status: 200, body: fixtureText('verify-success') },
    )
    const found = await flutterwave.fetchRefund!({ ...refund, channelReference: null }, credentials, transport)
    assert.deepEqual([found.status, found.channelReference, found.currency], ['successful', '3018284', 'NGN'])
    assert.deepEqual(asked().slice(2), [
      'GET /v3/refunds?id=18446744073709551615',
      'GET /v3/transactions/4099260516/verify',
    ])
  })

  it('no refund of a payment that Flutterwave does not know', async () => {
    const found = await flutterwave.fetchRefund!({ ...refund, channelReference: null }, credentials, answering(none))
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

import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { ChannelError } from '../channel.ts'
import { FakeProvider } from '../contract/fake-provider.ts'
import { fixture } from './fixtures.ts'
import { paystack } from './index.ts'
import { toChargeBody, toCharged } from './saved.ts'

const reference = 'AsT-68a1b2c3d4e5f'
const charge = {
  reference,
  ...{ amountMinor: 50_01n, currency: 'NGN', description: 'Renewal', returnUrl: 'https://shop.example/return' },
  payer: { email: 'new@example.com', firstName: 'Ada', lastName: null, fullName: null, phone: null },
  method: { token: 'AUTH_1a2b', tokenOwner: null, email: 'ada@example.com' },
}
const credentials = paystack.parseCredentials({ secret_key: 'sk_test_1' })
const provider = new FakeProvider()
before(() => provider.start())
after(() => provider.stop())

/** The charge against a refusal of Paystack's. */
const refusedWith = (status: number, body: object) => {
  provider.play(() => ({ status, body: JSON.stringify({ status: false, ...body }) }))
  return paystack.chargeSaved!(charge, credentials, provider.transport())
}

describe('charging an authorization', () => {
  it('names the e-mail that the card was saved with, whatever the payer has now', () => {
    assert.deepEqual(toChargeBody(charge), {
      email: 'ada@example.com',
      amount: 5001,
      currency: 'NGN',
      authorization_code: 'AUTH_1a2b',
      reference,
    })
    assert.equal(toChargeBody({ ...charge, amountMinor: 5n, currency: 'XOF' }).amount, 500)
  })

  it('paused is the payer wanted back, with our reference and a web address only', () => {
    const { data } = fixture('charge-paused')
    const paused = toCharged(data, reference)
    assert.deepEqual([paused?.payerNeeded, paused?.actionUrl], [true, data.authorization_url])
    assert.deepEqual([paused?.payment.status, paused?.payment.channelStatus], ['pending', 'paused'])
    assert.equal(toCharged(data, 'AsT-another'), null)
    for (const authorization_url of [null, '', 'javascript:alert(1)', '/resume', 7]) {
      assert.equal(toCharged({ ...data, authorization_url }, reference), null)
    }
    assert.equal(toCharged({ ...data, paused: false }, reference), null, 'neither a status nor a pause')
  })

  it('a refusal in words is soft or hard by them', () => {
    const { data } = fixture('verify-success')
    const isHard = (words: string) => toCharged({ ...data, status: 'failed', gateway_response: words }, reference)
    assert.equal(isHard('Insufficient Funds')?.isHardDecline, false)
    assert.equal(isHard('Expired card')?.isHardDecline, true)
    const paid = toCharged({ ...data, gateway_response: 'Expired card' }, reference)
    assert.equal(paid?.isHardDecline, false, 'money that came is no decline')
  })

  it('a token that is gone is a hard decline; a used reference is unknown; other refusals are rejected', async () => {
    for (const message of [
      'Authorization code does not exist or has been deactivated',
      'This authorization is not reusable',
    ]) {
      const gone = await refusedWith(400, { message, type: 'validation_error' })
      assert.deepEqual([gone.payment.status, gone.isHardDecline, gone.payment.reason], ['failed', true, message])
    }
    for (const body of [
      { message: 'Duplicate Transaction Reference' },
      { message: 'Used', code: 'duplicate_reference' },
    ]) {
      await assert.rejects(
        refusedWith(400, body),
        (error) => error instanceof ChannelError && error.outcome === 'unknown',
      )
    }
    await assert.rejects(
      refusedWith(400, { message: 'Invalid Amount Sent' }),
      (error) => error instanceof ChannelError && error.outcome === 'rejected' && error.reason === 'refused',
    )
  })

  it('words of a dead token in a 2xx prove nothing', async () => {
    await assert.rejects(
      refusedWith(200, { message: 'This authorization is not reusable' }),
      (error) => error instanceof ChannelError && error.outcome === 'unknown',
    )
  })
})

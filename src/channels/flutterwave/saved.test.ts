import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { ChannelError } from '../channel.ts'
import { FakeProvider, type ProviderAnswer } from '../contract/fake-provider.ts'
import { fromMajor } from '../kit/money.ts'
import { fixture, fixtureText } from './fixtures.ts'
import { flutterwave } from './index.ts'
import { toChargeBody, toCharged } from './saved.ts'

const reference = 'AsT-68a1b2c3d4e5f'
const charge = {
  reference,
  ...{ amountMinor: 50_01n, currency: 'NGN', description: 'Renewal', returnUrl: 'https://shop.example/return' },
  payer: { email: 'new@example.com', firstName: 'Ada', lastName: null, fullName: null, phone: null },
  method: { token: 'flw-t1nf-1a2b-m03k', tokenOwner: null, email: 'ada@example.com' },
}
const credentials = flutterwave.parseCredentials({ secret_key: 'FLWSECK_TEST-1-X', secret_hash: 'hash' })
const provider = new FakeProvider()
before(() => provider.start())
after(() => provider.stop())

const none: ProviderAnswer = { status: 400, body: fixtureText('verify-none') }
const found = (changes: object): ProviderAnswer => {
  const answer = fixture('verify-success')
  Object.assign(answer.data, changes)
  return { status: 200, body: JSON.stringify(answer) }
}

/** The charge refused with 400 and these words, and what asking by our reference shows then. */
const refusedWith = (message: string, asked: ProviderAnswer) => {
  const refusal = { status: 400, body: JSON.stringify({ status: 'error', message, data: null }) }
  provider.play(({ method, path }) => {
    if (method === 'POST') return refusal
    return path.includes('status=successful') ? { status: 200, body: '{"status":"success","data":[]}' } : asked
  })
  return flutterwave.chargeSaved!(charge, credentials, provider.transport())
}
const fails = (outcome: ChannelError['outcome']) => (error: unknown) =>
  error instanceof ChannelError && error.outcome === outcome && error.reason === 'refused' && error.status === 400

describe('charging a token', () => {
  it('names the e-mail that the token is bound to, and the amount as a number', () => {
    assert.deepEqual(toChargeBody(charge), {
      ...{ token: 'flw-t1nf-1a2b-m03k', email: 'ada@example.com', currency: 'NGN', amount: 50.01, tx_ref: reference },
      ...{ narration: 'Renewal', redirect_url: 'https://shop.example/return', first_name: 'Ada' },
    })
  })

  it('no digit of an amount is lost on the way, and one that would be is not sent', () => {
    fc.assert(
      fc.property(fc.bigInt(1n, 10n ** 14n), fc.constantFrom('NGN', 'XOF', 'KWD'), (amountMinor, currency) => {
        const sent = JSON.stringify(toChargeBody({ ...charge, amountMinor, currency }).amount)
        assert.equal(fromMajor(sent, currency), amountMinor)
      }),
    )
    assert.throws(() => toChargeBody({ ...charge, amountMinor: 10n ** 18n + 1n }), /does not fit/)
  })

  it('pending with a redirect is the payer wanted back, with a web address only', () => {
    const { data } = fixture('verify-success')
    const pending = (redirect: unknown, status = 'pending') =>
      toCharged({ ...data, status, meta: { authorization: { mode: 'redirect', redirect } } }, reference)
    const url = 'https://checkout.flutterwave.com/v3/hosted/pay/flwlnk-1'
    assert.deepEqual([pending(url)?.payerNeeded, pending(url)?.actionUrl], [true, url])
    for (const redirect of [null, '', 'javascript:alert(1)', 7]) {
      assert.deepEqual([pending(redirect)?.payerNeeded, pending(redirect)?.payment.status], [false, 'pending'])
    }
    assert.equal(pending(url, 'successful')?.payerNeeded, false, 'money that came needs nobody')
    assert.equal(toCharged({ ...data, meta: null }, reference)?.payerNeeded, false)
    assert.equal(toCharged({ id: 1 }, reference), null)
  })

  it('400 is a decline where the transaction is there, and rejected where none is', async () => {
    const declined = await refusedWith('Declined by the issuer', found({ status: 'failed', processor_response: 'No' }))
    assert.deepEqual(
      [declined.payment.status, declined.isHardDecline, declined.payment.reason],
      ['failed', false, 'No'],
    )
    const expired = await refusedWith('Expired Card', found({ status: 'failed', processor_response: 'Declined' }))
    assert.equal(expired.isHardDecline, true, 'the words of the refusal count too')
    await assert.rejects(refusedWith('amount is required', none), fails('rejected'))
  })

  it('a token that is gone is a hard decline without asking', async () => {
    for (const words of ['Wrong token or email passed', 'Token has expired', 'Invalid token']) {
      const gone = await refusedWith(words, 'drop')
      assert.deepEqual([gone.payment.status, gone.isHardDecline, gone.payment.reason], ['failed', true, words])
      assert.equal(provider.requests.length, 1)
    }
  })

  it('a used reference is what its transaction says, and unknown where asking fails; no charge is refused by it', async () => {
    const words = 'Transaction reference already exists'
    assert.equal((await refusedWith(words, found({}))).payment.status, 'successful')
    await assert.rejects(refusedWith(words, { status: 503, body: '' }), fails('unknown'))
    await assert.rejects(refusedWith('Declined', { status: 503, body: '' }), fails('rejected'))
  })
})

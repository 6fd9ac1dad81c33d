import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { describe, it } from 'node:test'
import { WebhookSignatureError } from '../channel.ts'
import { fixtureText } from './fixtures.ts'
import { readPaystackWebhook } from './webhook.ts'

const credentials = { secret_key: 'sk_test_1', public_key: null }
const signatureOf = (body: Buffer | string) => createHmac('sha512', credentials.secret_key).update(body).digest('hex')

const read = (text: string, signature = signatureOf(text)) =>
  readPaystackWebhook(
    { headers: { 'x-paystack-signature': signature }, body: Buffer.from(text), receivedAt: new Date(0) },
    credentials,
  )
const event = (type: string, data: object) => read(JSON.stringify({ event: type, data }))

describe('a Paystack webhook', () => {
  it('charge.success: ask about the payment; the 64-bit id is whole in the event id', () => {
    assert.deepEqual(read(fixtureText('charge-success.webhook')), {
      eventId: 'charge.success:18446744073709551615',
      type: 'charge.success',
      claims: 'success',
      subject: {
        ...{ kind: 'payment', reference: 'AsT-68a1b2c3d4e5f', channelReference: 'AsT-68a1b2c3d4e5f' },
        channelTransactionId: '18446744073709551615',
      },
    })
  })

  it('what it claims became of a payment: the events that tell of an end alone', () => {
    const claims = ['charge.success', 'charge.failed', 'charge.dispute.create', 'transfer.success', 'constructor'].map(
      (type) => event(type, { reference: 'AsT-1', id: 1 }).claims,
    )
    assert.deepEqual(claims, ['success', 'failure', undefined, undefined, undefined])
  })

  it('refund.processed names the payment only, and two refunds of one payment are two events', () => {
    const first = read(fixtureText('refund-processed.webhook'))
    assert.deepEqual(first.subject, {
      kind: 'refund',
      reference: null,
      channelReference: null,
      paymentReference: 'AsT-68a1b2c3d4e5f',
    })
    const second = read(fixtureText('refund-processed.webhook').replace('5001', '4001'))
    assert.match(first.eventId, /^refund\.processed:AsT-68a1b2c3d4e5f:[0-9a-f]{32}$/)
    assert.notEqual(first.eventId, second.eventId)
    assert.equal(read(fixtureText('refund-processed.webhook')).eventId, first.eventId)
  })

  it('refund.needs-attention has the id of the refund', () => {
    const { eventId, subject } = event('refund.needs-attention', { id: '77', transaction_reference: 'AsT-1' })
    assert.equal(eventId, 'refund.needs-attention:77')
    assert.deepEqual(subject, { kind: 'refund', reference: null, channelReference: '77', paymentReference: 'AsT-1' })
  })

  it('a dispute asks about the disputed payment, a transfer about the payout', () => {
    const dispute = event('charge.dispute.create', { id: 9, transaction: { id: 1, reference: 'AsT-1' } })
    assert.deepEqual(dispute.subject, {
      ...{ kind: 'payment', reference: 'AsT-1', channelReference: 'AsT-1', channelTransactionId: '1' },
    })
    const transfer = event('transfer.success', { id: 9, reference: 'asp-1', transfer_code: 'TRF_1' })
    assert.deepEqual(transfer.subject, { kind: 'payout', reference: 'asp-1', channelReference: 'TRF_1' })
  })

  it('any other event, and one without a reference, concerns nobody', () => {
    for (const type of [
      'invoice.create',
      'subscription.disable',
      'bank.transfer.rejected',
      'brand.new',
      'charge.success',
    ]) {
      assert.equal(event(type, { id: 1 }).subject, null, type)
    }
    assert.equal(event('refund.failed', { status: 'failed' }).subject, null)
    assert.equal(event('transfer.failed', { status: 'failed' }).subject, null)
  })

  it('every other event that names a payment of ours makes us ask: whatever it is called, wherever it names it', () => {
    const ours = 'AsT-0123456789abc'
    for (const text of [
      JSON.stringify({ event: 'dedicatedaccount.assign.success', data: { customer: {}, metadata: { ref: ours } } }),
      JSON.stringify({ event: 'paymentrequest.success', data: { transaction: { reference: ours } } }),
      JSON.stringify({ event: 'bank.transfer.rejected', data: { reference: ours } }),
      JSON.stringify({ event: 'charge.success', data: [{ reference: ours, id: 7 }] }),
      JSON.stringify({ event: 'charge.success', data: JSON.stringify({ reference: ours }) }),
      JSON.stringify({ event: 'charge.success', data: null, transaction: { reference: ours } }),
    ]) {
      const { subject } = read(text)
      assert.deepEqual([subject?.kind, subject?.reference], ['payment', ours], text)
    }
  })

  it('a header that came twice is proof where one of them is', () => {
    const text = fixtureText('charge-success.webhook')
    assert.equal(read(text, `${signatureOf(text)}, ${signatureOf(text)}`).type, 'charge.success')
    assert.throws(() => read(text, `${signatureOf('x')}, ${signatureOf('y')}`), WebhookSignatureError)
  })

  it('the signature is over the bytes, not over their meaning', () => {
    const text = fixtureText('charge-success.webhook')
    const signature = signatureOf(JSON.stringify(JSON.parse(text)))
    assert.throws(() => read(text, signature), WebhookSignatureError)
  })

  it('upper-case hex, another key and another algorithm are refused', () => {
    const text = fixtureText('charge-success.webhook')
    const sha256 = createHmac('sha256', credentials.secret_key).update(text).digest('hex')
    const stranger = createHmac('sha512', 'sk_test_2').update(text).digest('hex')
    for (const signature of [signatureOf(text).toUpperCase(), sha256, stranger, ` ${signatureOf(text)}`]) {
      assert.throws(() => read(text, signature), WebhookSignatureError)
    }
  })
})

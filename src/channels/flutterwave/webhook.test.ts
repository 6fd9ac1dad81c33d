import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { describe, it } from 'node:test'
import { WebhookSignatureError } from '../channel.ts'
import { fixtureText } from './fixtures.ts'
import { readFlutterwaveWebhook } from './webhook.ts'

const hash = 'a-hash-of-the-merchant'
const credentials = { secret_key: 'FLWSECK_TEST-1-X', secret_hash: hash, public_key: null }
const signatureOf = (body: string, secret = hash) => createHmac('sha256', secret).update(body).digest('base64')

const read = (text: string, headers: Record<string, string> = { 'verif-hash': hash }) =>
  readFlutterwaveWebhook({ headers, body: Buffer.from(text), receivedAt: new Date(0) }, credentials)
const event = (type: string, data: object) => read(JSON.stringify({ event: type, data }))

describe('a Flutterwave webhook', () => {
  it('charge.completed: ask about the payment; the 64-bit id is whole in the event id', () => {
    assert.deepEqual(read(fixtureText('charge-completed.webhook')), {
      eventId: 'charge.completed:18446744073709551615:successful',
      type: 'charge.completed',
      claims: 'success',
      subject: {
        ...{ kind: 'payment', reference: 'AsT-68a1b2c3d4e5f', channelReference: 'AsT-68a1b2c3d4e5f' },
        channelTransactionId: '18446744073709551615',
      },
    })
  })

  it('what it claims became of a payment is its status, in whatever letters; a pending one and a transfer claim nothing', () => {
    const claimOf = (status: unknown) => event('charge.completed', { tx_ref: 'AsT-1', id: 1, status }).claims
    const words = ['successful', 'SUCCESSFUL', 'failed', 'pending', null, 'constructor']
    assert.deepEqual(words.map(claimOf), ['success', 'success', 'failure', undefined, undefined, undefined])
    assert.equal(event('transfer.completed', { reference: 'AsP-1', id: 1, status: 'SUCCESSFUL' }).claims, undefined)
  })

  it('two attempts on one link, and two ends of one attempt, are different events', () => {
    const ids = [
      { id: 1, status: 'failed' },
      { id: 2, status: 'failed' },
      { id: 1, status: 'successful' },
    ].map((data) => event('charge.completed', { ...data, tx_ref: 'AsT-1' }).eventId)
    assert.equal(new Set(ids).size, 3)
  })

  it('without an id the bytes decide', () => {
    const first = event('charge.completed', { tx_ref: 'AsT-1', status: 'failed' })
    assert.match(first.eventId, /^charge\.completed:AsT-1:[0-9a-f]{32}$/)
    assert.equal(event('charge.completed', { tx_ref: 'AsT-1', status: 'failed' }).eventId, first.eventId)
    assert.notEqual(event('charge.completed', { tx_ref: 'AsT-1', status: 'successful' }).eventId, first.eventId)
  })

  it('a transfer asks about the payout, a refund about the refund', () => {
    assert.deepEqual(read(fixtureText('transfer-completed.webhook')).subject, {
      kind: 'payout',
      reference: 'AsO-68a1b2c3d4e5f',
      channelReference: '550066',
    })
    assert.deepEqual(event('refund.completed', { id: 77, TransactionId: 9, status: 'completed-mpgs' }).subject, {
      kind: 'refund',
      reference: null,
      channelReference: '77',
      paymentReference: null,
    })
  })

  it('any other event, and one that names nothing, concerns nobody', () => {
    for (const type of ['subscription.cancelled', 'singlebillpayment.status', 'brand.new']) {
      assert.equal(event(type, { id: 1, tx_ref: 'AsT-1' }).subject, null, type)
    }
    for (const type of ['charge.completed', 'transfer.completed', 'refund.completed']) {
      assert.equal(event(type, { status: 'failed' }).subject, null, type)
    }
  })

  it('a body of the older, flat kind, of v4, and with other spellings asks about the same payment', () => {
    const subject = { kind: 'payment', reference: 'AsT-1', channelReference: 'AsT-1' } as const
    const numbered = { ...subject, channelTransactionId: '1' }
    const rows: [body: object, type: string, wanted: object][] = [
      [{ id: 1, txRef: 'AsT-1', status: 'successful', 'event.type': 'CARD_TRANSACTION' }, 'CARD_TRANSACTION', numbered],
      [{ txRef: 'AsT-1', 'event.type': 'BANK_TRANSFER_TRANSACTION' }, 'BANK_TRANSFER_TRANSACTION', subject],
      [{ 'event.type': 'CARD_TRANSACTION', data: { id: 1, tx_ref: 'AsT-1' } }, 'CARD_TRANSACTION', numbered],
      [{ event: 'charge.completed', data: { id: 1, txRef: 'AsT-1' } }, 'charge.completed', numbered],
      [
        { id: 'wbk_1', type: 'charge.completed', data: { id: 'chg_1', reference: 'AsT-1' } },
        'charge.completed',
        subject,
      ],
      [{ event: 'charge.completed', data: [{ id: 1, tx_ref: 'AsT-1' }] }, 'charge.completed', numbered],
      [{ event: 'charge.completed', data: '{"id":1,"tx_ref":"AsT-1"}' }, 'charge.completed', numbered],
    ]
    for (const [body, type, wanted] of rows) {
      const found = read(JSON.stringify(body))
      assert.deepEqual([found.type, found.subject], [type, wanted], JSON.stringify(body))
    }
    const transfer = { 'event.type': 'Transfer', transfer: { id: 5, reference: 'AsO-1', status: 'SUCCESSFUL' } }
    const payout = { kind: 'payout', reference: 'AsO-1', channelReference: '5' }
    assert.deepEqual(read(JSON.stringify(transfer)).subject, payout)
    const twice = [{ txRef: 'AsT-1' }, { txRef: 'AsT-2' }].map((one) => read(JSON.stringify(one)).eventId)
    assert.equal(new Set(twice).size, 2, 'without an id and a type the bytes decide')
    const ours = 'AsT-0123456789abc'
    const untyped = read(JSON.stringify({ txRef: ours, status: 'successful' }))
    assert.deepEqual([untyped.type, untyped.subject?.reference], ['unknown', ours])
  })

  it('a header that came twice is proof where one of them is; a hash may hold a comma itself', () => {
    const text = fixtureText('charge-completed.webhook')
    assert.equal(read(text, { 'verif-hash': `${hash}, ${hash}` }).type, 'charge.completed')
    assert.throws(() => read(text, { 'verif-hash': 'x, y' }), WebhookSignatureError)
    const odd = { ...credentials, secret_hash: 'a, b' }
    const webhook = { headers: { 'verif-hash': 'a, b' }, body: Buffer.from(text), receivedAt: new Date(0) }
    assert.equal(readFlutterwaveWebhook(webhook, odd).type, 'charge.completed')
  })

  it('verif-hash is the whole secret hash and nothing else', () => {
    const text = fixtureText('charge-completed.webhook')
    for (const wrong of ['', 'a', hash.toUpperCase(), ` ${hash}`, `${hash}${hash}`, signatureOf(text)]) {
      assert.throws(() => read(text, { 'verif-hash': wrong }), WebhookSignatureError)
    }
    assert.throws(() => read(text, {}), WebhookSignatureError)
  })

  it('flutterwave-signature is over the bytes, not over their meaning', () => {
    const text = fixtureText('charge-completed.webhook')
    assert.equal(read(text, { 'flutterwave-signature': signatureOf(text) }).type, 'charge.completed')
    const meaning = signatureOf(JSON.stringify(JSON.parse(text)))
    assert.throws(() => read(text, { 'flutterwave-signature': meaning }), WebhookSignatureError)
  })

  it('a wrong flutterwave-signature is not made good by a right verif-hash', () => {
    const text = fixtureText('charge-completed.webhook')
    const hex = createHmac('sha256', hash).update(text).digest('hex')
    for (const wrong of ['', hash, hex, signatureOf(text, 'another'), signatureOf(`${text} `)]) {
      const headers = { 'flutterwave-signature': wrong, 'verif-hash': hash }
      assert.throws(() => read(text, headers), WebhookSignatureError)
    }
  })
})

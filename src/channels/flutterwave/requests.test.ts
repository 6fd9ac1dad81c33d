import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import type { ValidateFunction } from 'ajv'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { flutterwave } from './index.ts'

/**
 * What we send, against the OpenAPI 3.1 subset of Flutterwave v3 (contracts/README.md beside the repository tells what it
 * was written from: Flutterwave publishes a document of its own, which could not be had).
 */

const contract = new URL('../../../../shared/contracts/flutterwave-v3.openapi.json', import.meta.url)
const missing = !existsSync(contract)
if (missing && process.env.CI)
  throw new Error('CI needs ../shared/contracts/flutterwave-v3.openapi.json beside the repository')
const skip = missing && 'the contract ../shared/contracts/flutterwave-v3.openapi.json is not beside the repository'

interface Sent {
  readonly method: string
  readonly path: string
  readonly body: unknown
}

/** Runs a call against a transport that answers nothing useful, and gives what was sent. */
async function sentBy(call: (transport: { baseUrl: string; fetch: typeof fetch }) => Promise<unknown>): Promise<Sent> {
  let sent: Sent | null = null
  const send: typeof fetch = async (input, init) => {
    const body = typeof init?.body === 'string' ? JSON.parse(init.body) : null
    const url = new URL(String(input))
    sent ??= { method: init?.method ?? 'GET', path: url.pathname + url.search, body }
    return new Response('')
  }
  await assert.rejects(call({ baseUrl: flutterwave.liveUrl, fetch: send }))
  assert.ok(sent)
  return sent
}

/** The validator of one operation's JSON body. */
function validatorOf(path: string): ValidateFunction {
  const ajv = new Ajv2020({ strict: false, validateFormats: false })
  ajv.addSchema(JSON.parse(readFileSync(contract, 'utf8')), 'flutterwave')
  const pointer = encodeURIComponent(path.replaceAll('~', '~0').replaceAll('/', '~1'))
  return ajv.compile({ $ref: `flutterwave#/paths/${pointer}/post/requestBody/content/application~1json/schema` })
}

const currencies = Object.entries(flutterwave.limits.currencies)
const credentials = flutterwave.parseCredentials({ secret_key: 'FLWSECK_TEST-1-X', secret_hash: 'hash' })
const payment = { reference: 'AsT-68a1b2c3d4e5f', channelReference: 'AsT-68a1b2c3d4e5f' }

describe('requests fit the OpenAPI document of Flutterwave', { skip }, () => {
  it('POST /payments', async () => {
    const validate = validatorOf('/payments')
    for (const [currency, limit] of currencies) {
      for (const saveMethod of [true, false]) {
        const request = {
          reference: payment.reference,
          amountMinor: limit.payMinor,
          currency,
          description: 'Order 7',
          payer: {
            email: 'ada@example.com',
            firstName: 'Ada',
            lastName: null,
            fullName: null,
            phone: '+2348012345678',
          },
          returnUrl: 'https://shop.example/return',
          cancelUrl: 'https://shop.example/cancel',
          saveMethod,
          expiresAt: new Date('2026-11-21T10:00:00Z'),
        }
        const sent = await sentBy((transport) => flutterwave.openCheckout(request, credentials, transport))
        assert.deepEqual([sent.method, sent.path], ['POST', '/v3/payments'])
        assert.ok(validate(sent.body), JSON.stringify(validate.errors))
      }
    }
    assert.equal(validate({ tx_ref: 'AsT-1', amount: '50' }), false, 'the guard itself must fire')
  })

  it('POST /payments/link/disable', async () => {
    const validate = validatorOf('/payments/link/disable')
    const url = 'https://checkout.flutterwave.com/v3/hosted/pay/flwlnk-1'
    const sent = await sentBy((transport) => flutterwave.voidCheckout!({ ...payment, url }, credentials, transport))
    assert.deepEqual([sent.method, sent.path], ['POST', '/v3/payments/link/disable'])
    assert.ok(validate(sent.body), JSON.stringify(validate.errors))
    assert.equal(validate({}), false, 'the guard itself must fire')
  })

  it('POST /tokenized-charges', async () => {
    const validate = validatorOf('/tokenized-charges')
    const { paths } = JSON.parse(readFileSync(contract, 'utf8'))
    const body = paths['/tokenized-charges'].post.requestBody.content['application/json'].schema
    for (const [currency, limit] of currencies) {
      const charge = {
        ...{ reference: payment.reference, amountMinor: limit.payMinor, currency, description: 'Renewal' },
        payer: { email: 'ada@example.com', firstName: 'Ada', lastName: null, fullName: null, phone: null },
        method: { token: 'flw-t1nf-1-m03k', tokenOwner: null, email: 'ada@example.com' },
        returnUrl: 'https://shop.example/return',
      }
      const sent = await sentBy((transport) => flutterwave.chargeSaved!(charge, credentials, transport))
      assert.deepEqual([sent.method, sent.path], ['POST', '/v3/tokenized-charges'])
      assert.ok(validate(sent.body), JSON.stringify(validate.errors))
      assert.deepEqual(
        Object.keys(sent.body as object).filter((key) => !(key in body.properties)),
        [],
      )
    }
    assert.equal(validate({ token: 'flw-t1nf-1-m03k', amount: '50' }), false, 'the guard itself must fire')
  })

  it('POST /transactions/{id}/refund', async () => {
    const validate = validatorOf('/transactions/{id}/refund')
    for (const [currency, limit] of currencies) {
      for (const reason of ['Sent back', null]) {
        const amountMinor = limit.payMinor
        const request = { reference: 'AsR-1', payment, channelTransactionId: '12', amountMinor, currency, reason }
        const sent = await sentBy((transport) => flutterwave.refund!(request, credentials, transport))
        assert.deepEqual([sent.method, sent.path], ['POST', '/v3/transactions/12/refund'])
        assert.ok(validate(sent.body), JSON.stringify(validate.errors))
      }
    }
    assert.equal(validate({ amount: true }), false, 'the guard itself must fire')
  })

  it('everything asked with GET is a path that exists, with parameters that exist', async () => {
    const { paths } = JSON.parse(readFileSync(contract, 'utf8')) as {
      paths: Record<string, { get?: { parameters: { name: string }[] } }>
    }
    const known = (path: string, parameter: string) =>
      paths[path]?.get?.parameters.some(({ name }) => name === parameter) === true
    assert.ok(known('/transactions/verify_by_reference', 'tx_ref'))
    assert.ok(known('/transactions', 'tx_ref') && known('/transactions', 'status'))
    assert.ok(known('/transactions/{id}/verify', 'id') && known('/refunds/{id}', 'id') && known('/refunds', 'id'))
    const lookup = { reference: 'AsR-1', payment, channelReference: '77', channelTransactionId: '12' }
    const verify = await sentBy((transport) => flutterwave.fetchPayment(payment, credentials, transport))
    const fetched = await sentBy((transport) => flutterwave.fetchRefund!(lookup, credentials, transport))
    const listed = await sentBy((transport) =>
      flutterwave.fetchRefund!({ ...lookup, channelReference: null }, credentials, transport),
    )
    assert.deepEqual(
      [verify, fetched, listed].map((sent) => `${sent.method} ${sent.path}`),
      [
        'GET /v3/transactions/verify_by_reference?tx_ref=AsT-68a1b2c3d4e5f',
        'GET /v3/refunds/77',
        'GET /v3/refunds?id=12',
      ],
    )
  })
})

import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { Ajv, type ValidateFunction } from 'ajv'
import { paystack } from './index.ts'

/**
 * What we send, against Paystack's own OpenAPI document (contracts/README.md beside the repository tells its commit).
 * Left out: XOF, which that document of 2025-10-24 does not know yet and Paystack's documentation does.
 */

const contract = new URL('../../../../shared/contracts/paystack.openapi.json', import.meta.url)
const missing = !existsSync(contract)
if (missing && process.env.CI)
  throw new Error('CI needs ../shared/contracts/paystack.openapi.json beside the repository')
const skip = missing && 'the contract ../shared/contracts/paystack.openapi.json is not beside the repository'

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
    sent ??= { method: init?.method ?? 'GET', path: new URL(String(input)).pathname, body }
    return new Response('')
  }
  await assert.rejects(call({ baseUrl: 'https://api.paystack.co', fetch: send }))
  assert.ok(sent)
  return sent
}

/** The validator of one operation's JSON body. OpenAPI 3.0's `nullable` becomes JSON Schema's null. */
function validatorOf(path: string): ValidateFunction {
  const document = JSON.parse(readFileSync(contract, 'utf8'), (_key, value) =>
    value?.nullable === true ? { anyOf: [{ ...value, nullable: undefined }, { type: 'null' }] } : value,
  )
  const ajv = new Ajv({ strict: false, validateFormats: false })
  ajv.addSchema(document, 'paystack')
  const pointer = path.replaceAll('~', '~0').replaceAll('/', '~1')
  return ajv.compile({ $ref: `paystack#/paths/${pointer}/post/requestBody/content/application~1json/schema` })
}

/** The fields of one of its schemas. */
const schemaOf = (name: string): object =>
  JSON.parse(readFileSync(contract, 'utf8')).components.schemas[name].properties

const currencies = Object.entries(paystack.limits.currencies).filter(([currency]) => currency !== 'XOF')
const credentials = paystack.parseCredentials({ secret_key: 'sk_test_1' })
const payment = { reference: 'AsT-68a1b2c3d4e5f', channelReference: 'AsT-68a1b2c3d4e5f' }

describe('requests fit the OpenAPI document of Paystack', { skip }, () => {
  it('POST /transaction/initialize', async () => {
    const validate = validatorOf('/transaction/initialize')
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
        const sent = await sentBy((transport) => paystack.openCheckout(request, credentials, transport))
        assert.deepEqual([sent.method, sent.path], ['POST', '/transaction/initialize'])
        assert.ok(validate(sent.body), JSON.stringify(validate.errors))
      }
    }
    assert.equal(validate({ email: 'ada@example.com', amount: 50.5 }), false, 'the guard itself must fire')
  })

  it('POST /transaction/charge_authorization', async () => {
    const validate = validatorOf('/transaction/charge_authorization')
    for (const [currency, limit] of currencies) {
      const charge = {
        ...{ reference: payment.reference, amountMinor: limit.payMinor, currency, description: 'Renewal' },
        payer: { email: 'ada@example.com', firstName: null, lastName: null, fullName: null, phone: null },
        method: { token: 'AUTH_1', tokenOwner: null, email: 'ada@example.com' },
        returnUrl: 'https://shop.example/return',
      }
      const sent = await sentBy((transport) => paystack.chargeSaved!(charge, credentials, transport))
      assert.deepEqual([sent.method, sent.path], ['POST', '/transaction/charge_authorization'])
      assert.ok(validate(sent.body), JSON.stringify(validate.errors))
      const known = Object.keys(schemaOf('TransactionChargeAuthorization'))
      assert.deepEqual(
        Object.keys(sent.body as object).filter((key) => !known.includes(key)),
        [],
      )
    }
    assert.equal(validate({ email: 'ada@example.com', amount: 5000 }), false, 'the guard itself must fire')
  })

  it('POST /customer/authorization/deactivate', async () => {
    const validate = validatorOf('/customer/authorization/deactivate')
    const method = { token: 'AUTH_1', tokenOwner: null, email: 'ada@example.com' }
    const sent = await sentBy((transport) => paystack.forgetSaved!(method, credentials, transport))
    assert.deepEqual([sent.method, sent.path], ['POST', '/customer/authorization/deactivate'])
    assert.ok(validate(sent.body), JSON.stringify(validate.errors))
    assert.equal(validate({}), false, 'the guard itself must fire')
  })

  it('POST /refund', async () => {
    const validate = validatorOf('/refund')
    for (const [currency, limit] of currencies) {
      for (const reason of ['Sent back', null]) {
        const amountMinor = limit.payMinor
        const request = { reference: 'AsR-1', payment, channelTransactionId: null, amountMinor, currency, reason }
        const sent = await sentBy((transport) => paystack.refund!(request, credentials, transport))
        assert.deepEqual([sent.method, sent.path], ['POST', '/refund'])
        assert.ok(validate(sent.body), JSON.stringify(validate.errors))
      }
    }
    assert.equal(validate({ amount: 5000 }), false, 'the guard itself must fire')
  })

  it('GET /transaction/verify/{reference}, /refund/{id} and /refund are paths that exist', async () => {
    const { paths } = JSON.parse(readFileSync(contract, 'utf8')) as { paths: Record<string, { get?: object }> }
    for (const path of ['/transaction/verify/{reference}', '/refund/{id}', '/refund']) assert.ok(paths[path]?.get, path)
    const lookup = { reference: 'AsR-1', payment, channelReference: '77', channelTransactionId: '12' }
    const verify = await sentBy((transport) => paystack.fetchPayment(payment, credentials, transport))
    const fetched = await sentBy((transport) => paystack.fetchRefund!(lookup, credentials, transport))
    const listed = await sentBy((transport) =>
      paystack.fetchRefund!({ ...lookup, channelReference: null }, credentials, transport),
    )
    assert.deepEqual(
      [verify, fetched, listed].map((sent) => `${sent.method} ${sent.path}`),
      ['GET /transaction/verify/AsT-68a1b2c3d4e5f', 'GET /refund/77', 'GET /refund'],
    )
  })
})

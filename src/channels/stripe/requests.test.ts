import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { Ajv2020 } from 'ajv/dist/2020.js'
import type { ChannelTransport } from '../channel.ts'
import { stripe } from './index.ts'

/**
 * What we send, against the types of the package (JSON Schema, API version 2026-10-28.endive) and against the paths of
 * Stripe's own OpenAPI document (contracts/README.md beside the repository tells their commits). The schemas say what a
 * request may hold and hardly what it must: a key that they do not know is a failure here.
 */

const folder = new URL('../../../../shared/contracts/', import.meta.url)
const files = ['stripe.schemas.json', 'stripe.openapi.json'].map((name) => new URL(name, folder))
const missing = files.some((file) => !existsSync(file))
if (missing && process.env.CI) throw new Error('CI needs ../shared/contracts/stripe.*.json beside the repository')
const skip = missing && 'the contracts ../shared/contracts/stripe.*.json are not beside the repository'

interface Sent {
  readonly method: string
  readonly path: string
  readonly body: unknown
}

/** Runs a call against a transport that answers nothing useful, and gives what was sent. */
async function sentBy(call: (transport: ChannelTransport) => Promise<unknown>): Promise<Sent> {
  let sent: Sent | null = null
  const send: typeof fetch = async (input, init) => {
    const body = typeof init?.body === 'string' ? decoded(init.body) : {}
    sent ??= { method: init?.method ?? 'GET', path: new URL(String(input)).pathname, body }
    return new Response('')
  }
  await assert.rejects(call({ baseUrl: 'https://api.stripe.com', fetch: send }))
  assert.ok(sent)
  return sent
}

interface Tree {
  [key: string]: Tree | unknown
}

/** A form with bracketed keys, as the JSON that the schemas describe. */
function decoded(form: string): unknown {
  const root: Tree = {}
  for (const [name, value] of new URLSearchParams(form)) {
    const keys = name.split(/[[\]]+/).filter(Boolean)
    const last = keys.pop()!
    const at = keys.reduce<Tree>((tree, key) => {
      tree[key] ??= {}
      return tree[key] as Tree
    }, root)
    at[last] = /^\d+$/.test(value) ? Number(value) : ({ true: true, false: false }[value] ?? value)
  }
  return listed(root)
}

/** `{0: …, 1: …}` is a list. */
function listed(node: unknown): unknown {
  if (typeof node !== 'object' || node === null) return node
  const entries = Object.entries(node).map(([key, value]) => [key, listed(value)] as const)
  const isList = entries.length > 0 && entries.every(([key], index) => key === String(index))
  return isList ? entries.map(([, value]) => value) : Object.fromEntries(entries)
}

/** Every object says which keys it knows, unless it is a map (metadata). */
function strict(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(strict)
  if (typeof node !== 'object' || node === null) return node
  const schema = Object.fromEntries(Object.entries(node).map(([key, value]) => [key, strict(value)]))
  const closed = schema.type === 'object' && schema.properties && schema.additionalProperties === undefined
  return closed ? { ...schema, additionalProperties: false } : schema
}

function validatorOf(name: string) {
  const document = JSON.parse(readFileSync(files[0]!, 'utf8')) as { $defs: object }
  const ajv = new Ajv2020({ strict: false, validateFormats: false })
  ajv.addSchema({ $id: 'stripe', $defs: strict(document.$defs) })
  const pointer = name.replaceAll('~', '~0').replaceAll('/', '~1')
  return ajv.compile({ $ref: `stripe#/$defs/${encodeURIComponent(pointer)}` })
}

const currencies = Object.entries(stripe.limits.currencies)
const credentials = stripe.parseCredentials({ secret_key: 'sk_test_1', webhook_secret: 'whsec_1' })
const method = { token: 'pm_1', tokenOwner: 'cus_1', email: 'ada@example.com' }
const payment = { reference: 'AsT-68a1b2c3d4e5f', channelReference: 'cs_test_1' }

/** A path as the document has it. */
const named = (path: string): string =>
  path
    .replace('cs_test_1', '{session}')
    .replace('re_1', '{refund}')
    .replace('pi_1', '{intent}')
    .replace('pm_1', '{payment_method}')

describe('requests fit the types and the OpenAPI document of Stripe', { skip }, () => {
  it('POST /v1/checkout/sessions', async () => {
    const validate = validatorOf('params:checkout.session.create')
    for (const [currency, limit] of currencies) {
      for (const saveMethod of [true, false]) {
        const request = {
          reference: payment.reference,
          amountMinor: limit.payMinor,
          currency,
          description: 'Order 7',
          payer: { email: 'ada@example.com', firstName: 'Ada', lastName: null, fullName: null, phone: null },
          returnUrl: 'https://shop.example/return',
          cancelUrl: 'https://shop.example/cancel',
          saveMethod,
          expiresAt: new Date(saveMethod ? 0 : '2126-11-21T10:00:00Z'),
        }
        const sent = await sentBy((transport) => stripe.openCheckout(request, credentials, transport))
        assert.deepEqual([sent.method, sent.path], ['POST', '/v1/checkout/sessions'])
        assert.ok(validate(sent.body), JSON.stringify(validate.errors))
      }
    }
    for (const wrong of [{ payment_method_types: ['card'] }, { expires_at: 'tomorrow' }, { metadata: { a: {} } }]) {
      assert.equal(validate(wrong), false, 'the guard itself must fire')
    }
  })

  it('POST /v1/payment_intents', async () => {
    const validate = validatorOf('params:payment_intent.create')
    for (const [currency, limit] of currencies) {
      const charge = {
        ...{ reference: payment.reference, amountMinor: limit.payMinor, currency, description: 'Renewal', method },
        payer: { email: 'ada@example.com', firstName: 'Ada', lastName: null, fullName: null, phone: null },
        returnUrl: 'https://shop.example/return',
      }
      const sent = await sentBy((transport) => stripe.chargeSaved!(charge, credentials, transport))
      assert.deepEqual([sent.method, sent.path], ['POST', '/v1/payment_intents'])
      assert.ok(validate(sent.body), JSON.stringify(validate.errors))
    }
    assert.equal(validate({ payment_method_types: ['card'] }), false, 'the guard itself must fire')
  })

  it('POST /v1/refunds', async () => {
    const validate = validatorOf('params:refund.create')
    for (const [currency, limit] of currencies) {
      for (const reason of ['Sent back', null]) {
        const amountMinor = limit.payMinor
        const request = { reference: 'AsR-1', payment, channelTransactionId: 'pi_1', amountMinor, currency, reason }
        const sent = await sentBy((transport) => stripe.refund!(request, credentials, transport))
        assert.deepEqual([sent.method, sent.path], ['POST', '/v1/refunds'])
        assert.ok(validate(sent.body), JSON.stringify(validate.errors))
      }
    }
    assert.equal(validate({ payment: 'pi_1' }), false, 'the guard itself must fire')
  })

  it('everything else goes to paths that exist', async () => {
    const { paths } = JSON.parse(readFileSync(files[1]!, 'utf8')) as { paths: Record<string, Record<string, object>> }
    const known = { reference: 'AsR-1', payment, channelReference: 're_1', channelTransactionId: 'pi_1' }
    const charged = { reference: 'AsT-1', channelReference: null, charged: { tokenOwner: 'cus_1' } }
    const sent = [
      await sentBy((transport) => stripe.fetchPayment(payment, credentials, transport)),
      await sentBy((transport) =>
        stripe.fetchPayment({ ...charged, channelReference: 'pi_1' }, credentials, transport),
      ),
      await sentBy((transport) => stripe.fetchPayment(charged, credentials, transport)),
      await sentBy((transport) => stripe.forgetSaved!(method, credentials, transport)),
      await sentBy((transport) => stripe.voidCheckout!({ ...payment, url: null }, credentials, transport)),
      await sentBy((transport) => stripe.fetchRefund!(known, credentials, transport)),
      await sentBy((transport) => stripe.fetchRefund!({ ...known, channelReference: null }, credentials, transport)),
    ].map(({ method, path }) => `${method} ${named(path)}`)
    assert.deepEqual(sent, [
      'GET /v1/checkout/sessions/{session}',
      'GET /v1/payment_intents/{intent}',
      'GET /v1/payment_intents',
      'POST /v1/payment_methods/{payment_method}/detach',
      'POST /v1/checkout/sessions/{session}/expire',
      'GET /v1/refunds/{refund}',
      'GET /v1/refunds',
    ])
    for (const [method, path] of sent.map((line) => line.split(' ') as [string, string])) {
      assert.ok(paths[path]?.[method.toLowerCase()], path)
    }
  })
})

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { errorRows } from '../scripts/errors.ts'
import { eventTypes } from '../src/events/catalogue.ts'
import type { Body } from './support/server.ts'

/** What makes the published document one that clients can be generated from; `test/clients` generates them. */

const document: Body = JSON.parse(readFileSync(join(import.meta.dirname, '../docs/openapi.json'), 'utf8'))
const operations: { name: string; path: string; method: string; said: Body }[] = Object.entries<Body>(
  document.paths,
).flatMap(([path, methods]) =>
  Object.entries<Body>(methods).map(([method, said]) => ({ name: `${method} ${path}`, path, method, said })),
)
const schemas: Body = document.components.schemas
/** A part of the document, or the one that it refers to. */
const resolve = (part: Body): Body =>
  part.$ref === undefined
    ? part
    : resolve(
        String(part.$ref)
          .slice(2)
          .split('/')
          .reduce((at, key) => at[key], document),
      )
const shapeOf = (content: Body): Body => resolve(content.content['application/json'].schema)
const names = (wrong: { name: string }[]) => wrong.map(({ name }) => name)

describe('the published document', () => {
  test('every operation has a name of its own, words, and a tag that has words', () => {
    const ids = operations.map(({ said }) => said.operationId)
    assert.equal(new Set(ids).size, ids.length)
    const known = new Set(document.tags.filter((tag: Body) => tag.description).map((tag: Body) => tag.name))
    const wrong = operations.filter(
      ({ said }) => !/^[a-z][A-Za-z]+$/.test(said.operationId) || !said.summary || !known.has(said.tags[0]),
    )
    assert.deepEqual(names(wrong), [])
  })

  test('every failure of an operation is described in the envelope, and every error row is some operation’s', async () => {
    const described = new Set<string>()
    for (const { name, said } of operations) {
      const failures = Object.entries<Body>(said.responses).filter(([status]) => Number(status) >= 400)
      assert.ok(failures.length >= 3, `${name} says hardly any failure`)
      for (const [status, response] of failures) {
        const shape = shapeOf(resolve(response))
        for (const one of shape.anyOf ?? [shape]) {
          const { properties, required } = resolve(one)
          assert.deepEqual(required, ['status', 'message', 'error', 'error_code', 'error_description', 'error_data'])
          described.add(`${status} ${properties.error.const} ${properties.error_code.const}`)
        }
        const hasWait = 'Retry-After' in resolve(response).headers
        assert.equal(hasWait, status === '429' || status === '503', `${name} ${status}`)
      }
    }
    const rows = (await errorRows())
      // Of an address alone: no operation that is described has a wrong method.
      .filter((row) => row.name !== 'METHOD_NOT_ALLOWED')
      .map((row) => `${row.status} ${row.name} ${row.code}`)
    assert.deepEqual([...described].sort(), rows.sort())
  })

  test('a payer who must confirm is 402 with the page in action', () => {
    const { properties } = schemas.PayerActionRequiredError
    assert.equal(properties.error_data.properties.action.format, 'uri')
    assert.ok(properties.error_data.required.includes('action'))
  })

  test('secret keys, public keys, and no key at all where a provider calls', () => {
    const schemeOf = ({ said }: { said: Body }) => said.security.flatMap(Object.keys).join(' ')
    const expected = ({ path }: { path: string }) => {
      if (path.startsWith('/v1/system/')) return ''
      const kind = path.startsWith('/v1/sdk/') ? 'publicKey' : 'secretKey'
      return `${kind} ${kind}AsBearer`
    }
    assert.deepEqual(names(operations.filter((one) => schemeOf(one) !== expected(one))), [])
  })

  test('every POST but a provider’s takes Idempotency-Key, and every answer has Request-Id', () => {
    for (const { name, method, path, said } of operations) {
      const parameters = (said.parameters ?? []).map((one: Body) => resolve(one).name)
      const isKeyed = method === 'post' && !path.startsWith('/v1/system/')
      assert.equal(parameters.includes('Idempotency-Key'), isKeyed, name)
      for (const response of Object.values<Body>(said.responses)) {
        assert.ok('Request-Id' in resolve(response).headers, name)
      }
    }
  })

  test('pages are numbers', () => {
    for (const { name, said } of operations) {
      for (const one of said.parameters ?? []) {
        const { name: field, schema } = resolve(one)
        if (field === 'page' || field === 'per_page') assert.equal(schema.type, 'integer', name)
      }
    }
  })

  test('null is taken in every optional field of a request', () => {
    const takesNull = (one: Body): boolean =>
      one.type === 'null' || [one.type].flat().includes('null') || Boolean(one.anyOf?.some(takesNull))
    const bodies = Object.entries<Body>(schemas).filter(([name]) => name.endsWith('Body'))
    assert.ok(bodies.length > 15)
    const wrong = bodies.flatMap(([name, { properties, required = [] }]) =>
      Object.entries(properties)
        .filter(([field, one]) => !required.includes(field) && !takesNull(one))
        .map(([field]) => `${name}.${field}`),
    )
    assert.deepEqual(wrong, [])
  })

  test('what one field asks of another is said: who pays, and an amount unless a plan', () => {
    const needs = schemas.InitiatePaymentRequestBody.allOf.map((need: Body) =>
      need.anyOf.flatMap((one: Body) => one.required),
    )
    assert.deepEqual(needs, [
      ['customer_uuid', 'customer_email', 'customer'],
      ['amount', 'subscription_plan_uuid'],
    ])
  })

  test('what is shown in many answers is one named schema', () => {
    for (const name of ['Customer', 'Business', 'PaymentRequest', 'PaymentMethod', 'Subscription', 'Transaction']) {
      assert.equal(schemas[name]?.type, 'object', name)
    }
    const text = JSON.stringify(document, (key, value) => (key === 'example' ? undefined : value))
    assert.equal(text.match(/"external_customer_ids":/g)?.length, 2, 'Customer and SentCustomer alone')
  })

  test('every body has an example, and every example fits what it is an example of', () => {
    const ajv = new Ajv2020({ strict: false, validateFormats: false })
    ajv.addSchema(document, 'document')
    const check = (example: unknown, pointer: string) => {
      const path = pointer.split('/').map((part) => encodeURIComponent(part.replaceAll('/', '~1')))
      const validate = ajv.getSchema(`document#/${path.join('/')}`)
      assert.ok(validate?.(example), `${pointer}: ${JSON.stringify(validate?.errors)}`)
    }
    let answers = 0
    for (const { name, path, method, said } of operations) {
      const at = `paths/${path.replaceAll('/', '~1')}/${method}`
      const body = said.requestBody?.content['application/json']
      if (body && !path.startsWith('/v1/system/')) {
        assert.ok(body.example, `${name} has no example`)
        check(body.example, `${at}/requestBody/content/application~1json/schema`)
      }
      for (const [status, response] of Object.entries<Body>(said.responses)) {
        const example = response.content?.['application/json'].example
        if (!example) continue
        answers += 1
        check(example, `${at}/responses/${status}/content/application~1json/schema`)
      }
    }
    assert.ok(answers >= 8)
  })

  test('webhooks are the events that there are, with their data', () => {
    assert.deepEqual(Object.keys(document.webhooks), Object.keys(eventTypes))
    for (const [type, { post }] of Object.entries<Body>(document.webhooks)) {
      const { properties } = post.requestBody.content['application/json'].schema
      assert.deepEqual(properties.event.enum, [type])
      assert.ok(properties.data.$ref || properties.data.allOf)
    }
  })
})

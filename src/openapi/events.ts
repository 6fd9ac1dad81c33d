import { type EventType, eventTypes } from '../events/catalogue.ts'
import { isJson, type Json, mapValues } from './shape.ts'

/** What the business's own server is sent: one entry of `webhooks` for each event. */

/** The shape of `data`, by the first word of the event; every one has `reference` at its top. */
const objectOf: Readonly<Record<string, string>> = {
  payment: 'PaymentRequest',
  payment_method: 'PaymentMethod',
  subscription: 'Subscription',
  refund: 'Refund',
}

const nameOf = (type: EventType) => objectOf[type.split('.')[0] ?? '']

const header = (description: string): Json => ({ required: true, description, schema: { type: 'string' } })
const headers: Record<string, Json> = {
  'webhook-id': header('The same in every try of one event: what your server remembers to act once.'),
  'webhook-timestamp': header('Seconds since 1970, of this try.'),
  'webhook-signature': header(
    'Standard Webhooks: `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`, with the secret of the endpoint; several, with a blank between, while a secret is being rolled.',
  ),
  'AsyncPay-Secret': header("The endpoint's `compat_secret`: steady, and signs nothing."),
}

/** `components`: the named shapes, of which each event's data is one with `reference` beside it. */
export function webhooksOf(components: Record<string, Json>): Json {
  return Object.fromEntries(
    Object.entries(eventTypes).map(([type, words]) => {
      const name = nameOf(type as EventType)
      if (name === undefined || !components[name]) throw new Error(`nobody says what the data of ${type} is`)
      const schema = {
        type: 'object',
        properties: { event: { type: 'string', enum: [type] }, data: dataOf(components[name], name) },
        required: ['event', 'data'],
      }
      return [
        type,
        {
          post: {
            operationId: `on${idOf(type)}`,
            summary: type,
            description: words,
            tags: ['Events'],
            security: [],
            parameters: Object.entries(headers).map(([name, rest]) => ({ name, in: 'header', ...rest })),
            requestBody: { required: true, content: { 'application/json': { schema } } },
            responses: { '2XX': { description: 'Acknowledged' } },
          },
        },
      ]
    }),
  )
}

const idOf = (type: string) => type.replace(/(?:^|[._])(.)/g, (_, letter: string) => letter.toUpperCase())

/** A payment request has its `reference` already. */
function dataOf(shape: Json, name: string): Json {
  const ref = { $ref: `#/components/schemas/${name}` }
  if (isJson(shape.properties) && 'reference' in mapValues(shape.properties, (one) => one)) return ref
  const reference = { type: ['string', 'null'], description: "The merchant's own, of the payment that it came from" }
  return { allOf: [ref, { type: 'object', properties: { reference }, required: ['reference'] }] }
}

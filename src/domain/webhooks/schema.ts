import { type Static, Type } from 'typebox'
import { eventTypes, isEventType } from '../../events/catalogue.ts'
import { wireTime } from '../../platform/clock.ts'
import type { FieldErrors } from '../../platform/errors.ts'
import { isUuid } from '../../platform/ids.ts'
import { parseExactly } from '../../platform/json.ts'
import { paginatorSchema } from '../../platform/pagination.ts'
import { withCheck } from '../../platform/validation.ts'
import { flag, flagInput, nullable, optionalText, text, time } from '../../platform/wire.ts'
import { type EnvMode, envMode } from '../businesses/schema.ts'

export const endpointSchema = Type.Object({
  uuid: text,
  env_mode: envMode,
  url: optionalText,
  events: nullable(Type.Array(text)),
  is_enabled: flag,
  /** 1 for the business's own `webhook_url`. */
  is_default: flag,
  created_at: time,
  updated_at: time,
  deleted_at: nullable(time),
  secret: Type.Optional(Type.String({ description: 'Shown once: when made and when rolled' })),
  compat_secret: Type.Optional(
    Type.String({
      description: 'What the header AsyncPay-Secret holds: steady, and signs nothing. Shown with the secret',
    }),
  ),
  previous_secret_expires_at: Type.Optional(time),
})
export const endpointListSchema = Type.Object({ webhook_endpoints: paginatorSchema(endpointSchema) })

const url = Type.String({ format: 'http-url', maxLength: 2048 })
const events = Type.Array(Type.String(), {
  minItems: 1,
  maxItems: 100,
  description: `Of: ${Object.keys(eventTypes).join(', ')}`,
})

const checkEvents = (body: Record<string, unknown>): FieldErrors => {
  const texts = Array.isArray(body.events) ? body.events.filter((one) => typeof one === 'string') : []
  const unknown = texts.filter((one) => !isEventType(one))
  if (unknown.length === 0) return {}
  return {
    events: [`The events field holds what is no event: ${unknown.map((one) => one.slice(0, 50)).join(', ')}.`],
  }
}

export const createEndpointSchema = withCheck(Type.Object({ url, events: Type.Optional(events) }), checkEvents)
export type CreateEndpoint = Static<typeof createEndpointSchema>

export const updateEndpointSchema = withCheck(
  Type.Object({ url: Type.Optional(url), events: Type.Optional(events), is_enabled: Type.Optional(flagInput) }),
  checkEvents,
)
export type UpdateEndpoint = Static<typeof updateEndpointSchema>

const dateTime = Type.String({ format: 'date-time' })
export const replaySchema = withCheck(
  Type.Object({
    event_uuid: Type.Optional(text),
    from: Type.Optional(dateTime),
    to: Type.Optional(dateTime),
    failed: Type.Optional(Type.Boolean()),
  }),
  (body) => {
    const asked = [
      body.event_uuid !== undefined,
      body.from !== undefined || body.to !== undefined,
      body.failed === true,
    ]
    if (asked.filter(Boolean).length !== 1)
      return { event_uuid: ['Send one of: event_uuid; from and to; failed: true.'] }
    if (typeof body.event_uuid === 'string' && !isUuid(body.event_uuid))
      return { event_uuid: ['The event_uuid field must be a UUID.'] }
    const range = asked[1]
    if (range && body.from === undefined) return { from: ['The from field is required with to.'] }
    if (range && body.to === undefined) return { to: ['The to field is required with from.'] }
    return {}
  },
)
export type Replay = Static<typeof replaySchema>

export const deliverySchema = Type.Object({
  uuid: text,
  event_uuid: text,
  event: text,
  status: text,
  attempts: Type.Integer(),
  next_attempt_at: nullable(time),
  delivered_at: nullable(time),
  tries: Type.Array(
    Type.Object({
      attempted_at: time,
      duration_ms: Type.Integer(),
      response_status: nullable(Type.Integer()),
      response_excerpt: optionalText,
      error: optionalText,
    }),
  ),
  created_at: time,
  updated_at: time,
  deleted_at: Type.Null(),
})
export const deliveryListSchema = Type.Object({ deliveries: paginatorSchema(deliverySchema) })

export const eventSchema = Type.Object({
  uuid: text,
  env_mode: envMode,
  event: text,
  data: Type.Unsafe<Record<string, unknown>>({ type: 'object', additionalProperties: true }),
  created_at: time,
  updated_at: time,
  deleted_at: Type.Null(),
})
export const eventListSchema = Type.Object({ events: paginatorSchema(eventSchema) })

export interface Endpoint {
  id: string
  businessId: string
  envMode: EnvMode
  kind: 'business' | 'endpoint'
  /** Null: the business has set no address. */
  url: string | null
  events: string[] | null
  /** False also while the business's own switch is off. */
  isEnabled: boolean
  secretSealed: Buffer
  /** False for one from before, until its secret is rolled: `AsyncPay-Secret` then holds the signing secret. */
  hasCompatSecret: boolean
  previousSecretSealed: Buffer | null
  previousSecretExpiresAt: Date | null
  createdAt: Date
  updatedAt: Date
  deletedAt: Date | null
}

export const presentEndpoint = (endpoint: Endpoint): Static<typeof endpointSchema> => ({
  uuid: endpoint.id,
  env_mode: endpoint.envMode,
  url: endpoint.url,
  events: endpoint.events,
  is_enabled: endpoint.isEnabled ? 1 : 0,
  is_default: endpoint.kind === 'business' ? 1 : 0,
  created_at: wireTime(endpoint.createdAt),
  updated_at: wireTime(endpoint.updatedAt),
  deleted_at: endpoint.deletedAt && wireTime(endpoint.deletedAt),
})

export interface EventRow {
  id: string
  env_mode: EnvMode
  type: string
  body: string
  created_at: Date
}

export const presentEvent = (row: EventRow): Static<typeof eventSchema> => ({
  uuid: row.id,
  env_mode: row.env_mode,
  event: row.type,
  data: (parseExactly(row.body) as { data: Record<string, unknown> }).data,
  created_at: wireTime(row.created_at),
  updated_at: wireTime(row.created_at),
  deleted_at: null,
})

export interface AttemptRow {
  webhook_delivery_id: string
  attempted_at: Date
  duration_ms: number
  response_status: number | null
  response_excerpt: string | null
  error: string | null
}

export interface DeliveryRow {
  id: string
  event_id: string
  event_type: string
  status: 'pending' | 'delivered' | 'exhausted'
  attempts: number
  next_attempt_at: Date | null
  delivered_at: Date | null
  created_at: Date
  updated_at: Date
}

export const presentDelivery = (row: DeliveryRow, tries: AttemptRow[]): Static<typeof deliverySchema> => ({
  uuid: row.id,
  event_uuid: row.event_id,
  event: row.event_type,
  status: row.status,
  attempts: row.attempts,
  next_attempt_at: row.next_attempt_at && wireTime(row.next_attempt_at),
  delivered_at: row.delivered_at && wireTime(row.delivered_at),
  tries: tries
    .filter((one) => one.webhook_delivery_id === row.id)
    .map((one) => ({
      attempted_at: wireTime(one.attempted_at),
      duration_ms: one.duration_ms,
      response_status: one.response_status,
      response_excerpt: one.response_excerpt,
      error: one.error,
    })),
  created_at: wireTime(row.created_at),
  updated_at: wireTime(row.updated_at),
  deleted_at: null,
})

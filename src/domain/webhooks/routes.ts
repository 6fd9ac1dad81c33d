import { Type } from 'typebox'
import { wireTime } from '../../platform/clock.ts'
import type { Context } from '../../platform/context.ts'
import { type Http, success, successSchema } from '../../platform/http.ts'
import { pageQuery, paginate, readPage } from '../../platform/pagination.ts'
import { readTime } from '../../platform/validation.ts'
import * as schema from './schema.ts'
import * as webhooks from './service.ts'

const tags = ['Webhooks']
const params = Type.Object({ uuid: Type.String() })
const one = successSchema(schema.endpointSchema)

export function webhookRoutes(app: Http, ctx: Context): void {
  app.post(
    '/webhook-endpoints',
    {
      config: { scope: 'payments' },
      schema: { tags, summary: 'Add a webhook endpoint', body: schema.createEndpointSchema, response: { 201: one } },
    },
    async (request, reply) => {
      const made = await webhooks.create(ctx, request.caller, request.body, request.idempotency)
      const { endpoint, secret, compatSecret: compat_secret } = made
      return reply.code(201).send(
        success('Webhook endpoint created successfully', {
          ...schema.presentEndpoint(endpoint),
          secret,
          compat_secret,
        }),
      )
    },
  )

  app.get(
    '/webhook-endpoints',
    {
      config: { scope: 'read' },
      schema: {
        tags,
        summary: 'List webhook endpoints',
        querystring: Type.Object(pageQuery),
        response: { 200: successSchema(schema.endpointListSchema) },
      },
    },
    async (request) => {
      const page = readPage(request.query)
      const { rows, ...place } = await webhooks.list(ctx, request.caller, page)
      const path = `${ctx.baseUrl}/v1/webhook-endpoints`
      const items = rows.map(schema.presentEndpoint)
      return success('Webhook endpoints retrieved successfully', {
        webhook_endpoints: paginate(items, place, page, path, request.query),
      })
    },
  )
  oneEndpointRoutes(app, ctx)
  deliveryRoutes(app, ctx)
  eventRoutes(app, ctx)
}

function oneEndpointRoutes(app: Http, ctx: Context): void {
  app.get(
    '/webhook-endpoints/:uuid',
    {
      config: { scope: 'read' },
      schema: { tags, summary: 'Retrieve a webhook endpoint', params, response: { 200: one } },
    },
    async (request) => {
      const endpoint = await webhooks.find(ctx, request.caller, request.params.uuid)
      return success('Webhook endpoint retrieved successfully', schema.presentEndpoint(endpoint))
    },
  )

  app.put(
    '/webhook-endpoints/:uuid',
    {
      config: { scope: 'payments' },
      schema: {
        tags,
        summary: 'Change a webhook endpoint',
        params,
        body: schema.updateEndpointSchema,
        response: { 200: one },
      },
    },
    async (request) => {
      const endpoint = await webhooks.update(ctx, request.caller, request.params.uuid, request.body)
      return success('Webhook endpoint updated successfully', schema.presentEndpoint(endpoint))
    },
  )

  app.delete(
    '/webhook-endpoints/:uuid',
    {
      config: { scope: 'payments' },
      schema: { tags, summary: 'Remove a webhook endpoint', params, response: { 200: one } },
    },
    async (request) => {
      const endpoint = await webhooks.remove(ctx, request.caller, request.params.uuid)
      return success('Webhook endpoint deleted successfully', schema.presentEndpoint(endpoint))
    },
  )

  app.patch(
    '/webhook-endpoints/:uuid/roll-secret',
    {
      config: { scope: 'payments' },
      schema: { tags, summary: 'Make a new secret; the old one stays valid for a day', params, response: { 200: one } },
    },
    async (request) => {
      const { endpoint, secret, compatSecret, previousExpiresAt } = await webhooks.rollSecret(
        ctx,
        request.caller,
        request.params.uuid,
      )
      const extra = { secret, compat_secret: compatSecret, previous_secret_expires_at: wireTime(previousExpiresAt) }
      return success('Webhook secret rolled successfully', { ...schema.presentEndpoint(endpoint), ...extra })
    },
  )
}

function deliveryRoutes(app: Http, ctx: Context): void {
  app.post(
    '/webhook-endpoints/:uuid/replay',
    {
      config: { scope: 'payments' },
      schema: {
        tags,
        summary: 'Send again: one event, a range, or all that failed',
        params,
        body: schema.replaySchema,
        response: { 201: successSchema(Type.Object({ replayed: Type.Integer() })) },
      },
    },
    async (request, reply) => {
      const replayed = await webhooks.replay(ctx, request.caller, request.params.uuid, request.body)
      return reply.code(201).send(success('Webhook replay scheduled successfully', { replayed }))
    },
  )

  app.get(
    '/webhook-endpoints/:uuid/deliveries',
    {
      config: { scope: 'read' },
      schema: {
        tags,
        summary: 'List deliveries with every try',
        params,
        querystring: Type.Object({
          ...pageQuery,
          status: Type.Optional(Type.String({ enum: ['pending', 'delivered', 'exhausted'] })),
        }),
        response: { 200: successSchema(schema.deliveryListSchema) },
      },
    },
    async (request) => {
      const page = readPage(request.query)
      const { uuid } = request.params
      const { rows, tries, ...place } = await webhooks.listDeliveries(
        ctx,
        request.caller,
        uuid,
        request.query.status,
        page,
      )
      const path = `${ctx.baseUrl}/v1/webhook-endpoints/${uuid}/deliveries`
      const items = rows.map((row) => schema.presentDelivery(row, tries))
      return success('Webhook deliveries retrieved successfully', {
        deliveries: paginate(items, place, page, path, request.query),
      })
    },
  )
}

function eventRoutes(app: Http, ctx: Context): void {
  app.get(
    '/events',
    {
      config: { scope: 'read' },
      schema: {
        tags,
        summary: 'List events, newest first, for catching up',
        querystring: Type.Object({
          ...pageQuery,
          event: Type.Optional(Type.String({ maxLength: 100 })),
          from: Type.Optional(Type.String({ format: 'date-time' })),
          to: Type.Optional(Type.String({ format: 'date-time' })),
        }),
        response: { 200: successSchema(schema.eventListSchema) },
      },
    },
    async (request) => {
      const page = readPage(request.query)
      const { event, from, to } = request.query
      const filter = {
        ...(event && { type: event }),
        ...(from && { from: readTime(from, 'from') }),
        ...(to && { to: readTime(to, 'to') }),
      }
      const { rows, ...place } = await webhooks.listEvents(ctx, request.caller, filter, page)
      const path = `${ctx.baseUrl}/v1/events`
      return success('Events retrieved successfully', {
        events: paginate(rows.map(schema.presentEvent), place, page, path, request.query),
      })
    },
  )
}

import { Type } from 'typebox'
import type { Context } from '../../platform/context.ts'
import { invalid } from '../../platform/errors.ts'
import { type Http, success, successSchema } from '../../platform/http.ts'
import { parseAmount } from '../../platform/money.ts'
import { pageQuery, paginate, readPage } from '../../platform/pagination.ts'
import { readTime, withCheck } from '../../platform/validation.ts'
import { flag, text } from '../../platform/wire.ts'
import { checkCurrency, type RouteBy } from '../businesses/schema.ts'
import { update as updateBusiness } from '../businesses/service.ts'
import { oneRequestSchema, openedRequestSchema, requestListSchema } from '../payment-requests/schema.ts'
import type { RequestFilter } from '../payment-requests/service.ts'
import * as paymentRequests from '../payment-requests/service.ts'
import { requestMachine } from '../payment-requests/states.ts'
import { initiateSchema, relaySchema, subscribeToPlanSchema } from './schema.ts'
import { chargeMethodSchema, saveMethodSchema } from './schema-saved.ts'
import * as payments from './service.ts'

const tags = ['Payment requests']

const params = Type.Object({ ref: Type.String({ description: "The request's uuid, its ref, or your own reference" }) })

/** The relations that each answer documents. */
const relations = {
  initiated: ['customer'],
  relayed: ['timeline_records', 'customer'],
  subscribed: ['customer', 'business', 'subscription_plan'],
  saving: ['customer', 'business'],
  charged: ['timeline_records', 'customer'],
  one: ['timeline_records', 'customer', 'business'],
  listed: ['timeline_records', 'customer'],
} as const

const filterText = Type.Optional(Type.String({ maxLength: 200 }))

const listQuery = Type.Object({
  ...pageQuery,
  status: Type.Optional(Type.String({ enum: Object.keys(requestMachine.moves) })),
  customer_uuid: Type.Optional(Type.String({ format: 'uuid' })),
  payment_channel: filterText,
  intent: filterText,
  from: Type.Optional(Type.String({ format: 'date-time', description: 'ISO 8601, inclusive' })),
  to: Type.Optional(Type.String({ format: 'date-time', description: 'ISO 8601, inclusive' })),
  search: Type.Optional(Type.String({ maxLength: 200, description: 'Found in ref, reference and e-mail' })),
})

const routeQuery = withCheck(
  Type.Object({ amount: Type.String({ description: 'Major units' }), currency: Type.Optional(Type.String()) }),
  (query) => checkCurrency(query, 'currency'),
)

export function paymentRequestRoutes(app: Http, ctx: Context): void {
  app.post(
    '/payment-requests',
    {
      config: { claimsItself: true, scope: 'payments' },
      schema: {
        tags,
        summary: 'Initiate a payment request',
        body: initiateSchema,
        response: { 201: successSchema(openedRequestSchema(relations.initiated)) },
      },
    },
    async (request, reply) => {
      const { full, action } = await payments.initiate(ctx, request.caller, request.body, request.idempotency)
      const payment_request = await paymentRequests.present(ctx, request.caller, full, relations.initiated)
      return reply.code(201).send(success('Payment request initiated successfully', { payment_request, action }))
    },
  )

  app.post(
    '/payment-requests/relay',
    {
      config: { scope: 'payments' },
      schema: {
        tags,
        summary: 'Move a payment request to another channel',
        body: relaySchema,
        response: { 201: successSchema(openedRequestSchema(relations.relayed)) },
      },
    },
    async (request, reply) => {
      const { full, action } = await payments.relay(ctx, request.caller, request.body)
      const payment_request = await paymentRequests.present(ctx, request.caller, full, relations.relayed)
      return reply.code(201).send(success('Payment request relayed successfully', { payment_request, action }))
    },
  )
  subscribeRoute(app, ctx)
  savedMethodRoutes(app, ctx)
  readRoutes(app, ctx)
  changeRoutes(app, ctx)
}

function subscribeRoute(app: Http, ctx: Context): void {
  app.post(
    '/payment-requests/subscribe-to-plan',
    {
      config: { claimsItself: true, scope: 'payments' },
      schema: {
        tags,
        summary: 'Subscribe a customer to a plan by a payment',
        description: `The plan says amount and currency. The channel is asked to keep the method, and the subscription begins
when the payment is successful. A customer has one subscription to a plan: a second one is refused, unless
\`extend_subscription_by\` says that this payment moves its end on.`,
        body: subscribeToPlanSchema,
        response: { 201: successSchema(openedRequestSchema(relations.subscribed)) },
      },
    },
    async (request, reply) => {
      const { full, action } = await payments.initiate(ctx, request.caller, request.body, request.idempotency)
      const payment_request = await paymentRequests.present(ctx, request.caller, full, relations.subscribed)
      return reply.code(201).send(success('Payment request initiated successfully', { payment_request, action }))
    },
  )
}

function savedMethodRoutes(app: Http, ctx: Context): void {
  app.post(
    '/payment-requests/save-payment-method',
    {
      config: { claimsItself: true, scope: 'payments' },
      schema: {
        tags,
        summary: 'Have a customer save a payment method',
        description:
          'Charges the least sum that the channel needs for it. It is refunded by itself where the channel can, unless refund_save_charges of the business is 0.',
        body: saveMethodSchema,
        response: { 201: successSchema(openedRequestSchema(relations.saving)) },
      },
    },
    async (request, reply) => {
      const { full, action } = await payments.saveMethod(ctx, request.caller, request.body, request.idempotency)
      const payment_request = await paymentRequests.present(ctx, request.caller, full, relations.saving)
      return reply.code(201).send(success('Payment request initiated successfully', { payment_request, action }))
    },
  )

  const charged = successSchema(oneRequestSchema(relations.charged))
  app.post(
    '/payment-requests/charge-payment-method',
    {
      config: { scope: 'payments' },
      schema: {
        tags,
        summary: 'Charge a saved payment method at once',
        description:
          'A decline is 402 PAYMENT_DECLINED; a customer who must confirm is 402 PAYER_ACTION_REQUIRED with the page in error_data.action. 202: the channel has not answered; the request is open until it does, and an event tells.',
        body: chargeMethodSchema,
        response: { 201: charged, 202: charged },
      },
    },
    async (request, reply) => {
      const { full, isConfirmed } = await payments.chargeMethod(ctx, request.caller, request.body, request.idempotency)
      const payment_request = await paymentRequests.present(ctx, request.caller, full, relations.charged)
      return isConfirmed
        ? reply.code(201).send(success('Payment method charged successfully', { payment_request }))
        : reply.code(202).send(success('Payment is being confirmed', { payment_request }))
    },
  )
}

function readRoutes(app: Http, ctx: Context): void {
  app.get(
    '/payment-requests/retrieve-by-ref/:ref',
    {
      config: { scope: 'read' },
      schema: {
        tags,
        summary: 'Retrieve a payment request',
        params,
        response: { 200: successSchema(oneRequestSchema(relations.one)) },
      },
    },
    async (request) => {
      const full = await paymentRequests.find(ctx, request.caller, request.params.ref)
      const payment_request = await paymentRequests.present(ctx, request.caller, full, relations.one)
      return success('Payment request retrieved successfully', { payment_request })
    },
  )

  app.get(
    '/payment-requests',
    {
      config: { scope: 'read' },
      schema: {
        tags,
        summary: 'List payment requests, newest first',
        querystring: listQuery,
        response: { 200: successSchema(requestListSchema(relations.listed)) },
      },
    },
    async (request) => {
      const page = readPage(request.query, paymentRequests.keyOf)
      const { rows, ...place } = await paymentRequests.list(ctx, request.caller, readFilter(request.query), page)
      const items = await Promise.all(
        rows.map((full) => paymentRequests.present(ctx, request.caller, full, relations.listed)),
      )
      const path = `${ctx.baseUrl}/v1/payment-requests`
      return success('Payment request retrieved successfully', {
        payment_requests: paginate(items, place, page, path, request.query),
      })
    },
  )
}

function changeRoutes(app: Http, ctx: Context): void {
  const changes = [
    {
      verb: 'cancel',
      summary: 'Cancel a payment request',
      message: 'Payment request cancelled successfully',
      run: payments.cancel,
    },
    {
      verb: 'verify',
      summary: 'Ask the channel now',
      message: 'Payment request verified successfully',
      run: payments.verify,
    },
  ]
  for (const { verb, summary, message, run } of changes) {
    app.patch(
      `/payment-requests/:ref/${verb}`,
      {
        config: { scope: 'payments' },
        schema: { tags, summary, params, response: { 200: successSchema(oneRequestSchema(relations.one)) } },
      },
      async (request) => {
        const full = await run(ctx, request.caller, request.params.ref)
        return success(message, {
          payment_request: await paymentRequests.present(ctx, request.caller, full, relations.one),
        })
      },
    )
  }
}

interface ListQuery {
  status?: string
  customer_uuid?: string
  payment_channel?: string
  intent?: string
  from?: string
  to?: string
  search?: string
}

function readFilter(query: ListQuery): RequestFilter {
  return {
    ...(query.status && { status: query.status }),
    ...(query.customer_uuid && { customerId: query.customer_uuid }),
    ...(query.payment_channel && { paymentChannel: query.payment_channel }),
    ...(query.intent && { intent: query.intent }),
    ...(query.from && { from: readTime(query.from, 'from') }),
    ...(query.to && { to: readTime(query.to, 'to') }),
    ...(query.search && { search: query.search }),
  }
}

const routeBy = Type.Unsafe<RouteBy>({ type: 'string', enum: ['default_first', 'success_rate'] })

const routeAnswer = successSchema(
  Type.Object({
    route_by: routeBy,
    channels: Type.Array(Type.Object({ payment_channel: text, usable: flag, reason: text })),
  }),
)

/** How a payment that names no channel would be routed, and by what. */
export function routeRoutes(app: Http, ctx: Context): void {
  const about = { tags: ['Payment channels'] }
  app.get(
    '/payment-channels/route',
    {
      config: { scope: 'read' },
      schema: {
        ...about,
        summary: 'Explain which channel would take a payment',
        querystring: routeQuery,
        response: { 200: routeAnswer },
      },
    },
    async (request) => {
      const { business } = request.caller
      const currency = request.query.currency ?? business.baseCurrency
      const parsed = parseAmount(request.query.amount, currency)
      if (!parsed.ok) throw invalid({ amount: [parsed.reason] })
      const wish = { currency, amountMinor: parsed.amountMinor, named: null, tokenize: false }
      const weighed = await payments.explain(ctx, request.caller, wish)
      const listed = weighed.map(({ account, refusal, reason }) => ({
        payment_channel: account.slug,
        usable: refusal ? (0 as const) : (1 as const),
        reason,
      }))
      return success('Route explained successfully', { route_by: business.routeBy, channels: listed })
    },
  )

  const changed = successSchema(Type.Object({ route_by: routeBy }))
  app.put(
    '/payment-channels/route',
    {
      config: { scope: 'payments' },
      schema: {
        ...about,
        summary: 'Order channels by the default, or by their success rate of the last day',
        body: Type.Object({ route_by: routeBy }),
        response: { 200: changed },
      },
    },
    async (request) => {
      const business = await updateBusiness(ctx, request.caller, { route_by: request.body.route_by })
      return success('Route updated successfully', { route_by: business.routeBy })
    },
  )
}

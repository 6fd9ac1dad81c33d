import { Type } from 'typebox'
import type { Context } from '../../platform/context.ts'
import { ApiError, httpErrors } from '../../platform/errors.ts'
import { type Http, success, successSchema } from '../../platform/http.ts'
import { pageQuery, paginate, readPage } from '../../platform/pagination.ts'
import { oneRequestSchema } from '../payment-requests/schema.ts'
import * as paymentRequests from '../payment-requests/service.ts'
import {
  createSubscriptionSchema,
  statuses,
  subscriptionListSchema,
  subscriptionSchema,
  updateSubscriptionSchema,
} from './schema.ts'
import * as subscriptions from './service.ts'

const tags = ['Subscriptions']
const params = Type.Object({ uuid: Type.String() })
const path = '/subscriptions/:uuid'
/** `/subscriptions/generate-url` fits the pattern and takes nothing but a POST. */
const onRequest = async ({ params }: { params: unknown }) => {
  const isOther = (params as { uuid?: string }).uuid === 'generate-url'
  if (isOther) throw new ApiError(httpErrors.methodNotAllowed, { headers: { allow: 'POST' } })
}
const one = successSchema(subscriptionSchema)
const listQuery = Type.Object({
  ...pageQuery,
  status: Type.Optional(Type.String({ enum: statuses })),
  customer_uuid: Type.Optional(Type.String({ format: 'uuid' })),
  subscription_plan_uuid: Type.Optional(Type.String({ format: 'uuid' })),
})

export function subscriptionRoutes(app: Http, ctx: Context): void {
  app.post(
    '/subscriptions',
    {
      config: { scope: 'payments' },
      schema: {
        tags,
        summary: 'Subscribe a customer to a plan by a saved method',
        description: `Charges the method now and answers with the subscription. A decline is 402 PAYMENT_DECLINED, a customer who
must confirm 402 PAYER_ACTION_REQUIRED with the page in error_data.action. 202: the channel has not answered; the
subscription begins when it says that the payment succeeded. With is_trial nothing is charged until the trial ends.`,
        body: createSubscriptionSchema,
        response: { 201: one, 202: successSchema(oneRequestSchema(['customer'])) },
      },
    },
    async (request, reply) => {
      const made = await subscriptions.create(ctx, request.caller, request.body, request.idempotency)
      if ('full' in made) {
        const body = subscriptions.present(ctx, request.caller, made.full)
        return reply.code(201).send(success('Subscription created successfully', body))
      }
      const payment_request = await paymentRequests.present(ctx, request.caller, made.confirming, ['customer'])
      return reply.code(202).send(success('Payment is being confirmed', { payment_request }))
    },
  )
  readRoutes(app, ctx)
  changeRoutes(app, ctx)
}

function readRoutes(app: Http, ctx: Context): void {
  app.get(
    '/subscriptions',
    {
      config: { scope: 'read' },
      schema: {
        tags,
        summary: 'List subscriptions, newest first',
        querystring: listQuery,
        response: { 200: successSchema(subscriptionListSchema) },
      },
    },
    async (request) => {
      const page = readPage(request.query)
      const { status, customer_uuid, subscription_plan_uuid } = request.query
      const filter = {
        ...(status && { status }),
        ...(customer_uuid && { customerId: customer_uuid }),
        ...(subscription_plan_uuid && { planId: subscription_plan_uuid }),
      }
      const { rows, ...place } = await subscriptions.list(ctx, request.caller, filter, page)
      const items = rows.map((full) => subscriptions.present(ctx, request.caller, full))
      const paginator = paginate(items, place, page, `${ctx.baseUrl}/v1/subscriptions`, request.query)
      return success('Subscriptions retrieved successfully', { subscriptions: paginator })
    },
  )

  app.get(
    path,
    {
      config: { scope: 'read' },
      onRequest,
      schema: { tags, summary: 'Retrieve a subscription', params, response: { 200: one } },
    },
    async (request) => {
      const full = await subscriptions.find(ctx, request.caller, request.params.uuid)
      return success('Subscription retrieved successfully', subscriptions.present(ctx, request.caller, full))
    },
  )
}

function changeRoutes(app: Http, ctx: Context): void {
  app.put(
    path,
    {
      config: { scope: 'payments' },
      onRequest,
      schema: {
        tags,
        summary: 'Change plan or method',
        description: `Another plan counts from the next period on, nothing is charged or given back for the rest of this one.
Another method counts from the next charge on; a period that is past due is charged to it at once.`,
        params,
        body: updateSubscriptionSchema,
        response: { 200: one },
      },
    },
    async (request) => {
      const full = await subscriptions.update(ctx, request.caller, request.params.uuid, request.body)
      return success('Subscription updated successfully', subscriptions.present(ctx, request.caller, full))
    },
  )

  app.patch(
    `${path}/cancel`,
    {
      config: { scope: 'payments' },
      schema: {
        tags,
        summary: 'Cancel at the end of what is paid for',
        description: `It stays active, with cancels_at, until then. \`?immediately=1\` ends it now; so does cancelling one that is
paused or past due, for which nothing is paid.`,
        params,
        querystring: Type.Object({ immediately: Type.Optional(Type.String({ enum: ['0', '1', 'true', 'false'] })) }),
        response: { 200: one },
      },
    },
    async (request) => {
      const immediately = ['1', 'true'].includes(request.query.immediately ?? '')
      const full = await subscriptions.cancel(ctx, request.caller, request.params.uuid, immediately)
      return success('Subscription cancelled successfully', subscriptions.present(ctx, request.caller, full))
    },
  )

  for (const [verb, work, done] of [
    ['pause', subscriptions.pause, 'paused'],
    ['resume', subscriptions.resume, 'resumed'],
  ] as const) {
    const summary =
      verb === 'pause' ? 'Charge nothing until it is resumed' : 'Go on; a period that was missed is billed at once'
    app.patch(
      `${path}/${verb}`,
      { config: { scope: 'payments' }, schema: { tags, summary, params, response: { 200: one } } },
      async (request) => {
        const full = await work(ctx, request.caller, request.params.uuid)
        return success(`Subscription ${done} successfully`, subscriptions.present(ctx, request.caller, full))
      },
    )
  }
}

import { Type } from 'typebox'
import type { Context } from '../../platform/context.ts'
import { type Http, success, successSchema } from '../../platform/http.ts'
import { pageQuery, paginate, readPage } from '../../platform/pagination.ts'
import { withCheck } from '../../platform/validation.ts'
import { checkCurrency } from '../businesses/schema.ts'
import {
  createPlanSchema,
  generatedUrlSchema,
  generateUrlSchema,
  ownPlanSchema,
  type PlanStatus,
  planListSchema,
  updatePlanSchema,
} from './schema.ts'
import * as plans from './service.ts'

const tags = ['Subscription plans']
const params = Type.Object({ uuid: Type.String({ description: "The plan's uuid or its link_id" }) })
const one = successSchema(ownPlanSchema)
const listQuery = withCheck(
  Type.Object({
    ...pageQuery,
    status: Type.Optional(Type.Unsafe<PlanStatus>({ type: 'string', enum: ['active', 'inactive'] })),
    currency: Type.Optional(Type.String({ description: 'ISO 4217' })),
    search: Type.Optional(Type.String({ maxLength: 200, description: 'Found in the name' })),
  }),
  (query) => checkCurrency(query, 'currency'),
)

export function subscriptionPlanRoutes(app: Http, ctx: Context): void {
  app.post(
    '/subscription-plans',
    {
      config: { scope: 'payments' },
      schema: {
        tags,
        summary: 'Create a subscription plan',
        description: 'It is active, and so may be subscribed to at once, unless `status` says `inactive`.',
        body: createPlanSchema,
        response: { 201: one },
      },
    },
    async (request, reply) => {
      const plan = await plans.create(ctx, request.caller, request.body, request.idempotency)
      return reply.code(201).send(success('Subscription plan created successfully', await plans.presentOwn(ctx, plan)))
    },
  )

  app.get(
    '/subscription-plans',
    {
      config: { scope: 'read' },
      schema: {
        tags,
        summary: 'List subscription plans, newest first',
        querystring: listQuery,
        response: { 200: successSchema(planListSchema) },
      },
    },
    async (request) => {
      const page = readPage(request.query)
      const { rows, ...place } = await plans.list(ctx, request.caller, request.query, page)
      const path = `${ctx.baseUrl}/v1/subscription-plans`
      return success('Subscription plans retrieved successfully', {
        subscription_plans: paginate(await plans.presentAll(ctx, rows), place, page, path, request.query),
      })
    },
  )
  onePlanRoutes(app, ctx)
  statusRoutes(app, ctx)
}

/** The link that one customer subscribes by; `app` is behind a secret key, or behind a public one for the SDKs. */
export function subscriptionLinkRoute(
  app: Http,
  ctx: Context,
  path: string,
  security?: Record<string, string[]>[],
): void {
  app.post(
    path,
    {
      config: { scope: 'payments' },
      schema: {
        tags: security ? ['SDK'] : tags,
        summary: 'Make the link by which a customer subscribes to a plan',
        description:
          'A page that shows the plan and goes on to the checkout. The link is for this customer and plan alone.',
        ...(security && { security }),
        body: generateUrlSchema,
        response: { 201: successSchema(generatedUrlSchema) },
      },
    },
    async (request, reply) => {
      const link = await plans.linkFor(ctx, request.caller, request.body)
      return reply.code(201).send(success('Subscription URL generated successfully', { link }))
    },
  )
}

function onePlanRoutes(app: Http, ctx: Context): void {
  app.get(
    '/subscription-plans/:uuid',
    {
      config: { scope: 'read' },
      schema: { tags, summary: 'Retrieve a subscription plan', params, response: { 200: one } },
    },
    async (request) => {
      const plan = await plans.find(ctx, request.caller, request.params.uuid)
      return success('Subscription plan retrieved successfully', await plans.presentOwn(ctx, plan))
    },
  )

  app.put(
    '/subscription-plans/:uuid',
    {
      config: { scope: 'payments' },
      schema: {
        tags,
        summary: 'Update a subscription plan',
        description: `Fields that are not sent stay as they are. While customers are subscribed, currency, interval, interval_count,
billing_calendar and time_zone cannot change (make another plan), and a new \`amount\` needs
\`update_existing_subscriptions: 1\`: every subscriber then pays it from the next period on, also at the end of a trial.
What is paid or being paid for stays. \`initial_amount\` and \`trial_period\` concern new subscribers alone.`,
        params,
        body: updatePlanSchema,
        response: { 200: one },
      },
    },
    async (request) => {
      const plan = await plans.update(ctx, request.caller, request.params.uuid, request.body)
      return success('Subscription plan updated successfully', await plans.presentOwn(ctx, plan))
    },
  )

  app.delete(
    '/subscription-plans/:uuid',
    {
      config: { scope: 'payments' },
      schema: {
        tags,
        summary: 'Delete a subscription plan',
        description: 'Nobody can subscribe any more. Whoever is subscribed stays so, and goes on paying.',
        params,
        response: { 200: one },
      },
    },
    async (request) => {
      const plan = await plans.remove(ctx, request.caller, request.params.uuid)
      return success('Subscription plan deleted successfully', await plans.presentOwn(ctx, plan))
    },
  )
}

function statusRoutes(app: Http, ctx: Context): void {
  const changes = [
    {
      verb: 'activate',
      status: 'active',
      summary: 'Let customers subscribe to a plan',
      message: 'Subscription plan activated successfully',
    },
    {
      verb: 'deactivate',
      status: 'inactive',
      summary: 'Take no new subscribers; whoever is subscribed stays so',
      message: 'Subscription plan deactivated successfully',
    },
  ] as const
  for (const { verb, status, summary, message } of changes) {
    app.patch(
      `/subscription-plans/:uuid/${verb}`,
      { config: { scope: 'payments' }, schema: { tags, summary, params, response: { 200: one } } },
      async (request) => {
        const plan = await plans.setStatus(ctx, request.caller, request.params.uuid, status)
        return success(message, await plans.presentOwn(ctx, plan))
      },
    )
  }
}

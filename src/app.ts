import cors from '@fastify/cors'
import formBody from '@fastify/formbody'
import rateLimit from '@fastify/rate-limit'
import swagger from '@fastify/swagger'
import type { FastifyRequest } from 'fastify'
import { requireKey } from './domain/businesses/access.ts'
import { presentedKey } from './domain/businesses/keys.ts'
import { businessRoutes, testClockRoutes } from './domain/businesses/routes.ts'
import { checkoutPages } from './domain/checkout/pages.ts'
import { checkoutRoutes, sdkRoutes } from './domain/checkout/routes.ts'
import { subscribePages } from './domain/checkout/subscribe.ts'
import { customerRoutes } from './domain/customers/routes.ts'
import { erasureRoutes } from './domain/erasures/routes.ts'
import { hookRoutes } from './domain/hooks/routes.ts'
import { channelLogoRoutes, paymentChannelRoutes } from './domain/payment-channels/routes.ts'
import { paymentMethodRoutes } from './domain/payment-methods/routes.ts'
import { returnRoutes } from './domain/payments/return.ts'
import { paymentRequestRoutes, routeRoutes } from './domain/payments/routes.ts'
import { portalPages } from './domain/portal/pages.ts'
import { portalLinkRoutes } from './domain/portal/routes.ts'
import { subscriptionLinkRoute, subscriptionPlanRoutes } from './domain/subscription-plans/routes.ts'
import { subscriptionRoutes } from './domain/subscriptions/routes.ts'
import { webhookRoutes } from './domain/webhooks/routes.ts'
import { createSweeps } from './jobs.ts'
import { publish } from './openapi/document.ts'
import { otherNames } from './other-names.ts'
import { addressGroup } from './platform/addresses.ts'
import type { Context } from './platform/context.ts'
import { healthRoutes } from './platform/health.ts'
import { createHttp, type Http, type HttpOptions } from './platform/http.ts'
import { digestOf, tooMany } from './platform/limits.ts'
import { referenceRoute } from './reference.ts'
import { version } from './version.ts'

export interface AppOptions {
  /** Requests a minute of one API key. */
  rateLimit: number
  readonly http: HttpOptions
  /** Mounted beside the API, e.g. the sandbox. */
  mount?: { prefix: string; register: (app: never) => Promise<void> }
}

/** Every route there is, in the order in which it is offered. */
export async function createApp(ctx: Context, options: AppOptions): Promise<Http> {
  const app = createHttp(ctx, options.http, otherNames)
  await allowBrowsers(app)
  await documentApi(app, ctx)
  healthRoutes(app, ctx)
  channelLogoRoutes(app)
  await app.register(async (scope) => hookRoutes(scope as Http, ctx))
  await app.register(async (scope) => publicRoutes(scope as Http, ctx))
  await app.register(async (scope) => publicKeyRoutes(scope as Http, ctx, options), { prefix: '/v1/sdk' })
  await app.register(async (scope) => secretKeyRoutes(scope as Http, ctx, options), { prefix: '/v1' })
  if (options.mount) await app.register(options.mount.register as never, { prefix: options.mount.prefix })
  await app.ready()
  return app
}

/** `/v1/sdk` is called from every merchant's pages; a wrong key or a wrong address is told to them too. */
async function allowBrowsers(app: Http): Promise<void> {
  const toEveryone = {
    origin: '*',
    methods: ['GET', 'POST'],
    allowedHeaders: ['authentication', 'authorization', 'content-type', 'idempotency-key'],
    exposedHeaders: ['request-id', 'retry-after', 'asyncpay-unknown-fields'],
    maxAge: 86_400,
  }
  await app.register(cors, {
    delegator: (request, done) => done(null, request.url?.startsWith('/v1/sdk/') ? toEveryone : { origin: false }),
  })
}

/** `keyOf`: whose share a request uses up. */
async function limitRate(app: Http, max: number, keyOf: (request: FastifyRequest) => string): Promise<void> {
  await app.register(rateLimit, {
    max,
    timeWindow: '1 minute',
    keyGenerator: (request) => digestOf(keyOf(request)),
    // The error names the time itself: whichever page or form it ends in has it.
    errorResponseBuilder: (_request, { ttl }) => tooMany(ttl),
  })
}

/** Pages for buyers: a minute of an honest one needs far less. */
const pagesAMinute = 600

/** What needs no key: a token in the address opens one payment request, or one customer's page. */
async function publicRoutes(app: Http, ctx: Context): Promise<void> {
  await limitRate(app, pagesAMinute, (request) => addressGroup(request.ip))
  await app.register(formBody)
  checkoutPages(app, ctx)
  checkoutRoutes(app, ctx)
  subscribePages(app, ctx)
  portalPages(app, ctx)
  returnRoutes(app, ctx)
}

/** What a public key opens. */
async function publicKeyRoutes(app: Http, ctx: Context, options: AppOptions): Promise<void> {
  // All buyers of a business have the same key: one of them cannot use up the others' share.
  await limitRate(app, options.rateLimit, (request) => `${presentedKey(request.headers)} ${addressGroup(request.ip)}`)
  requireKey(app, ctx, 'public')
  sdkRoutes(app, ctx)
  subscriptionLinkRoute(app, ctx, '/generate-subscription-url', [{ publicKey: [] }])
}

/** What a secret key opens. */
async function secretKeyRoutes(app: Http, ctx: Context, options: AppOptions): Promise<void> {
  // By key, so that one business cannot use up another's share; without a key by address.
  await limitRate(app, options.rateLimit, (request) => presentedKey(request.headers) ?? addressGroup(request.ip))
  requireKey(app, ctx, 'secret')
  paymentRequestRoutes(app, ctx)
  paymentChannelRoutes(app, ctx)
  routeRoutes(app, ctx)
  customerRoutes(app, ctx)
  erasureRoutes(app, ctx)
  paymentMethodRoutes(app, ctx)
  portalLinkRoutes(app, ctx)
  subscriptionPlanRoutes(app, ctx)
  subscriptionLinkRoute(app, ctx, '/subscriptions/generate-url')
  subscriptionRoutes(app, ctx)
  webhookRoutes(app, ctx)
  businessRoutes(app, ctx)
  testClockRoutes(app, ctx, createSweeps({ ...ctx, db: ctx.database.clocks }))
}

const description = `One API for payments over many channels. Authenticate with \`Authentication: Bearer <secret key>\`.
Amounts are sent in major units and answered as text in major units; times are UTC. Every POST takes an \`Idempotency-Key\`.`

async function documentApi(app: Http, ctx: Context): Promise<void> {
  await app.register(swagger, {
    // What a secret key must be allowed stands beside each operation.
    transform: ({ schema, url, route }) => {
      const scope = route.config?.scope
      return { url, schema: scope && !url.startsWith('/v1/sdk/') ? { ...schema, 'x-scope': scope } : schema }
    },
    transformObject: (document) => ('openapiObject' in document ? publish(document.openapiObject) : {}),
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Asyncpay', version, description, license: { name: 'MIT', identifier: 'MIT' } },
      servers: [{ url: '/' }],
      components: {
        securitySchemes: {
          secretKey: { type: 'apiKey', in: 'header', name: 'Authentication', description: 'Bearer <secret key>' },
          secretKeyAsBearer: { type: 'http', scheme: 'bearer', description: 'A secret key, in Authorization' },
          publicKey: { type: 'apiKey', in: 'header', name: 'Authentication', description: 'Bearer <public key>' },
          publicKeyAsBearer: { type: 'http', scheme: 'bearer', description: 'A public key, in Authorization' },
        },
      },
      security: [{ secretKey: [] }],
    },
  })
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger())
  referenceRoute(app, ctx.baseUrl)
}

import { createApp } from '../src/app.ts'
import { readConfig } from '../src/config.ts'
import { requireKey } from '../src/domain/businesses/access.ts'
import { initiateSchema, oneRequestSchema } from '../src/domain/payment-requests/schema.ts'
import * as paymentRequests from '../src/domain/payment-requests/service.ts'
import type { Context } from '../src/platform/context.ts'
import { type Http, success, successSchema } from '../src/platform/http.ts'
import { openRuntime } from '../src/runtime.ts'

/**
 * The API process, with one route more: a create that calls no channel (authentication, validation, idempotency,
 * intent, answer), made of the same pieces as the others. It is what the bar for creates is about; the public endpoint
 * that works so is not there yet.
 */
const config = readConfig()
const runtime = await openRuntime(config)
const app = await createApp(runtime.ctx, {
  rateLimit: config.rateLimit,
  mount: { prefix: '/bench', register: createRoute(runtime.ctx) as never },
})
await app.listen({ port: config.port, host: config.host })
process.once('SIGTERM', async () => {
  await app.close()
  await runtime.close()
  process.exit(0)
})

function createRoute(ctx: Context) {
  return async (scope: Http) => {
    requireKey(scope, ctx, 'secret')
    scope.post(
      '/create',
      {
        config: { claimsItself: true },
        schema: { hide: true, body: initiateSchema, response: { 201: successSchema(oneRequestSchema) } },
      },
      async (request, reply) => {
        const full = await paymentRequests.create(ctx, request.caller, request.body, request.idempotency)
        const payment_request = await paymentRequests.present(ctx, request.caller, full, ['customer', 'business'])
        return reply.code(201).send(success('Payment request initiated successfully', { payment_request }))
      },
    )
  }
}

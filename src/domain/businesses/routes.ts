import { wireTime } from '../../platform/clock.ts'
import type { Context } from '../../platform/context.ts'
import { type Http, success, successSchema } from '../../platform/http.ts'
import type { Sweep } from '../../platform/queue.ts'
import { advance, readClock, type TestClock } from './clock.ts'
import {
  advanceClockSchema,
  ownBusinessSchema,
  presentOwnBusiness,
  testClockSchema,
  updateBusinessSchema,
} from './schema.ts'
import * as businesses from './service.ts'

export function businessRoutes(app: Http, ctx: Context): void {
  const tags = ['Business']
  app.get(
    '/business',
    {
      config: { scope: 'read' },
      schema: { tags, summary: "The key's own business", response: { 200: successSchema(ownBusinessSchema) } },
    },
    async (request) => {
      const business = await businesses.find(ctx, request.caller.businessId, request.caller.envMode)
      return success('Business retrieved successfully', presentOwnBusiness(business))
    },
  )

  app.put(
    '/business',
    {
      config: { scope: 'payments' },
      schema: {
        tags,
        summary: 'Change settings of the business in this mode',
        body: updateBusinessSchema,
        response: { 200: successSchema(ownBusinessSchema) },
      },
    },
    async (request) => {
      const business = await businesses.update(ctx, request.caller, request.body)
      return success('Business updated successfully', presentOwnBusiness(business))
    },
  )
}

/** `sweeps`: all work that falls due later, which a move of the clock works off. */
export function testClockRoutes(app: Http, ctx: Context, sweeps: readonly Sweep[]): void {
  const tags = ['Business']
  const present = ({ now, offsetSeconds }: TestClock) => ({ now: wireTime(now), offset_seconds: offsetSeconds })
  app.get(
    '/test-clock',
    {
      config: { scope: 'read' },
      schema: { tags, summary: 'What time it is in this mode', response: { 200: successSchema(testClockSchema) } },
    },
    async (request) => success('Test clock retrieved successfully', present(await readClock(ctx, request.caller))),
  )

  app.post(
    '/test-clock/advance',
    {
      config: { scope: 'payments' },
      schema: {
        tags,
        summary: 'Move the clock of test mode forward',
        description: `Test keys only. Answers once everything that fell due on the way has happened, in order, as it would
have in real time: renewals, retries, reminders, expiries. Providers and webhook deliveries keep to real time.`,
        body: advanceClockSchema,
        response: { 201: successSchema(testClockSchema) },
      },
    },
    async (request, reply) => {
      const clock = await advance(ctx, request.caller, request.body, sweeps)
      return reply.code(201).send(success('Test clock advanced successfully', present(clock)))
    },
  )
}

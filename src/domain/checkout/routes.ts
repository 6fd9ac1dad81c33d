import type { FastifyReply } from 'fastify'
import { Type } from 'typebox'
import { addressGroup } from '../../platform/addresses.ts'
import { secondMs } from '../../platform/clock.ts'
import type { Context } from '../../platform/context.ts'
import { ApiError, httpErrors } from '../../platform/errors.ts'
import { type Http, success, successSchema } from '../../platform/http.ts'
import type { Caller } from '../businesses/service.ts'
import { presentSent } from '../customers/schema.ts'
import { presentConnected } from '../payment-channels/schema.ts'
import type { FullRequest } from '../payment-requests/schema.ts'
import * as paymentRequests from '../payment-requests/service.ts'
import * as payments from '../payments/service.ts'
import { tellSubscriber } from '../portal/service.ts'
import {
  checkoutRelaySchema,
  checkoutStateSchema,
  readSdkBody,
  type SdkInitiate,
  sdkInitiateSchema,
  sdkOpenedSchema,
} from './schema.ts'
import * as checkout from './service.ts'
import { createPlaces, createWatch } from './stream.ts'

/** What a public key opens: what the published SDKs call from a buyer's browser. */
export function sdkRoutes(app: Http, ctx: Context): void {
  app.post(
    '/initialize-payment-request',
    {
      config: { claimsItself: true },
      preValidation: async (request) => {
        request.body = readSdkBody(request.body) as SdkInitiate
      },
      schema: {
        tags: ['SDK'],
        summary: 'Initiate a payment request from a browser; without payment_channel the buyer picks one',
        security: [{ publicKey: [] }],
        body: sdkInitiateSchema,
        response: { 201: successSchema(sdkOpenedSchema) },
      },
    },
    async (request, reply) => {
      const { caller, body, idempotency } = request
      const named = body.payment_channel !== undefined
      const opened = named
        ? await payments.initiate(ctx, caller, body, idempotency)
        : { full: await payments.create(ctx, caller, body, idempotency), action: null }
      tellSubscriber(ctx, caller, opened.full)
      const payment_request = await presentForSdk(ctx, caller, opened.full)
      const action = opened.action ?? payment_request.checkout_url
      const data = { payment_request, should_redirect: named, action }
      return reply.code(201).send(success('Payment request initiated successfully', data))
    },
  )
}

/** A public key is in every buyer's browser: where the business gets its webhooks is not for them. */
async function presentForSdk(ctx: Context, caller: Caller, full: FullRequest) {
  const body = await paymentRequests.present(ctx, caller, full, ['customer', 'business'])
  const { uuid, ref, business, last_transaction: last, created_by, reference, ...others } = body
  if (!business) throw new Error('the business was asked for')
  const { currency, amount_minor: amountMinor, save_payment_method: tokenize } = full.request
  const weighed = await payments.explain(ctx, caller, { currency, amountMinor, named: null, tokenize })
  const active = weighed.filter((one) => one.refusal === null)
  return {
    uuid,
    ref,
    checkout_url: paymentRequests.checkoutUrl(ctx, full.request.id),
    ...others,
    customer: presentSent(full.request.sent_customer),
    last_transaction: last && { ...last, business_payment_channel: null },
    business: {
      ...business,
      webhook_url: null,
      active_payment_channels: active.map(({ account }) => ({
        ...presentConnected(account, account.channel, caller.business, ctx.baseUrl),
        webhook_url: null,
        business: { ...business, webhook_url: null },
      })),
    },
    created_by,
    reference,
  }
}

const params = Type.Object({ token: Type.String() })
const hidden = { hide: true, params }

/** What the page asks for by itself. The token is the only key; it opens one request. */
export function checkoutRoutes(app: Http, ctx: Context): void {
  const state = async (token: string) => await checkout.stateOf(ctx, await checkout.open(ctx, token))
  const answer = checkoutStateSchema

  app.get('/checkout/:token/state', { schema: { ...hidden, response: { 200: answer } } }, async (request, reply) => {
    reply.header('cache-control', 'no-store')
    return await state(request.params.token)
  })

  app.post('/checkout/:token/check', { schema: { ...hidden, response: { 201: answer } } }, async (request, reply) => {
    await checkout.check(ctx, await checkout.open(ctx, request.params.token))
    return reply.code(201).send(await state(request.params.token))
  })

  app.post('/checkout/:token/cancel', { schema: { ...hidden, response: { 201: answer } } }, async (request, reply) => {
    await checkout.cancel(ctx, await checkout.open(ctx, request.params.token, request.ip))
    return reply.code(201).send(await state(request.params.token))
  })

  app.post(
    '/checkout/:token/relay',
    {
      // Without a script there is nobody to read JSON: back to the page, which says how it stands.
      errorHandler: (error, request, reply) => {
        if (!isForm(request.headers['content-type'])) throw error
        return reply.redirect(`/checkout/${request.params.token}`, 303)
      },
      schema: {
        ...hidden,
        body: checkoutRelaySchema,
        response: { 201: Type.Object({ action: Type.String() }) },
      },
    },
    async (request, reply) => {
      const session = await checkout.open(ctx, request.params.token, request.ip)
      const { payment_channel, via = 'page' } = request.body
      const action = await checkout.relay(ctx, session, payment_channel, via)
      // A form, where the page's script did not run: the browser goes on by itself.
      if (isForm(request.headers['content-type'])) return reply.redirect(action, 303)
      return reply.code(201).send({ action })
    },
  )
  streamRoute(app, ctx)
}

const isForm = (contentType: string | undefined) =>
  contentType?.startsWith('application/x-www-form-urlencoded') ?? false

/** Proxies drop connections on which nothing moves. */
const keepAliveEveryMs = 15 * secondMs
/** The browser opens it again by itself; so no connection outlives its page for long. */
const streamMaxMs = 600 * secondMs

function streamRoute(app: Http, ctx: Context): void {
  const watch = createWatch(ctx)
  const takePlace = createPlaces()
  const { linkStreamsMax, addressStreamsMax } = ctx.limits
  const open = new Set<() => void>()
  app.addHook('preClose', async () => {
    watch.stop()
    for (const end of open) end()
  })
  app.get('/checkout/:token/events', { schema: hidden }, async (request, reply) => {
    const { token } = request.params
    const { full } = await checkout.open(ctx, token)
    const freePlace = takePlace([
      [full.request.id, linkStreamsMax],
      [addressGroup(request.ip), addressStreamsMax],
    ])
    const push = async () => {
      const state = await checkout.stateOf(ctx, await checkout.open(ctx, token))
      // The page may have gone while we asked: a write to it would be an error that nobody hears.
      if (reply.raw.writable) reply.raw.write(`data: ${JSON.stringify(state)}\n\n`)
    }
    const leave = watch.add(full.request.id, () => {
      push().catch((error: unknown) => {
        request.log.warn({ error: String(error) }, 'a waiting checkout could not be told')
        end()
      })
    })
    if (!leave) {
      freePlace()
      throw new ApiError(httpErrors.unavailable)
    }
    const end = () => {
      leave()
      freePlace()
      open.delete(end)
      clearInterval(alive)
      clearTimeout(limit)
      reply.raw.end()
    }
    const alive = setInterval(() => reply.raw.write(': still here\n\n'), keepAliveEveryMs)
    const limit = setTimeout(end, streamMaxMs)
    open.add(end)
    startStream(reply)
    request.raw.once('close', end)
    reply.raw.on('error', end)
    // It went while we opened: nobody says so again.
    if (request.raw.destroyed || reply.raw.destroyed) end()
  })
}

function startStream(reply: FastifyReply): void {
  reply.hijack()
  reply.raw.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    // nginx would otherwise keep the events until its buffer is full.
    'x-accel-buffering': 'no',
    'request-id': reply.request.id,
  })
  reply.raw.write('retry: 2000\n\n')
}

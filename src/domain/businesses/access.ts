import type { FastifyReply, FastifyRequest, preHandlerAsyncHookHandler } from 'fastify'
import type { Context } from '../../platform/context.ts'
import type { Http } from '../../platform/http.ts'
import { finishClaim, readClaim, takeClaim } from '../../platform/idempotency.ts'
import { authenticate, type Caller, presentedKey } from './service.ts'
import type { KeyKind } from './store.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Set on every route behind a key. */
    caller: Caller
  }
}

/** Puts every route of `app` behind a key of `kind`, with `Idempotency-Key` on each POST. */
export function requireKey(app: Http, ctx: Context, kind: KeyKind): void {
  app.addHook('onRequest', async (request) => {
    request.caller = await authenticate(ctx, kind, presentedKey(request.headers))
  })
  app.addHook('preHandler', claimKey(ctx))
  app.addHook('onSend', async (request: FastifyRequest, reply: FastifyReply, payload: unknown) => {
    if (request.idempotency) await finishClaim(ctx.db, request.idempotency, reply, String(payload))
    return payload
  })
}

const claimKey =
  (ctx: Context): preHandlerAsyncHookHandler =>
  async (request) => {
    const { businessId, envMode } = request.caller
    request.idempotency = readClaim(request, { businessId, envMode }, ctx)
    if (request.idempotency && !request.routeOptions.config.claimsItself) await takeClaim(ctx.db, request.idempotency)
  }

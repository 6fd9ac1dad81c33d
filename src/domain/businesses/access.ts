import type { FastifyReply, FastifyRequest, preHandlerAsyncHookHandler } from 'fastify'
import type { Context } from '../../platform/context.ts'
import type { Http } from '../../platform/http.ts'
import { finishClaim, readClaim, takeClaim } from '../../platform/idempotency.ts'
import { headerOfUnknown } from '../../platform/unknown-fields.ts'
import { authenticate, type Caller, presentedKey } from './keys.ts'
import type { KeyKind, Scope } from './schema.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Set on every route behind a key. */
    caller: Caller
  }
  interface FastifyContextConfig {
    /** What a secret key must be allowed for this route. Every route behind one says it. */
    scope?: Scope
  }
}

/**
 * Puts every route of `app` behind a key of `kind`, with `Idempotency-Key` on each POST. A route behind a secret key that
 * names no scope does not start: which keys open it would be anybody's guess.
 */
export function requireKey(app: Http, ctx: Context, kind: KeyKind): void {
  app.addHook('onRoute', (route) => {
    if (kind === 'secret' && !route.config?.scope) throw new Error(`${route.method} ${route.url} names no scope`)
  })
  app.addHook('onRequest', async (request) => {
    const scope = request.routeOptions.config.scope ?? null
    const caller = await authenticate(ctx, kind, presentedKey(request.headers), scope, request.ip)
    request.caller = { ...caller, actor: { ...caller.actor, address: request.ip } }
  })
  app.addHook('preHandler', tellUnknown)
  app.addHook('preHandler', claimKey(ctx))
  app.addHook('onSend', async (request: FastifyRequest, reply: FastifyReply, payload: unknown) => {
    if (request.idempotency) await finishClaim(ctx.db, request.idempotency, reply, String(payload))
    return payload
  })
}

/** Whoever tries an API out learns which of their fields nobody reads; in live mode answers stay as lean as they are. */
const tellUnknown: preHandlerAsyncHookHandler = async ({ caller, unknownFields }, reply) => {
  if (caller.envMode !== 'test' || !unknownFields?.length) return
  reply.header('asyncpay-unknown-fields', headerOfUnknown(unknownFields))
}

const claimKey =
  (ctx: Context): preHandlerAsyncHookHandler =>
  async (request) => {
    const { businessId, envMode, actor } = request.caller
    const namespace = actor.kind === 'public' ? actor.kind : null
    request.idempotency = readClaim(request, { businessId, envMode }, ctx, namespace)
    if (request.idempotency && !request.routeOptions.config.claimsItself) await takeClaim(ctx.db, request.idempotency)
  }

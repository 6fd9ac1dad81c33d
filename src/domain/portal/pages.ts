import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Static, Type } from 'typebox'
import { type Language, languageOf } from '../../../web/checkout/language.ts'
import { contentSecurityPolicy } from '../../../web/checkout/policy.ts'
import { cancelPage, chooseCardPage, removeCardPage } from '../../../web/portal/ask.ts'
import { portalMessagePage } from '../../../web/portal/message.ts'
import { portalPage } from '../../../web/portal/page.ts'
import type { PortalMessageKind, VisitView } from '../../../web/portal/view.ts'
import type { Context } from '../../platform/context.ts'
import { ApiError } from '../../platform/errors.ts'
import type { Http } from '../../platform/http.ts'
import { newNonce, sendPage } from '../../platform/page.ts'
import type { Business } from '../businesses/schema.ts'
import * as paymentMethods from '../payment-methods/service.ts'
import * as portal from './service.ts'
import * as show from './show.ts'

/**
 * The customer's pages. They need no script and no cookie: a link leads to a page, a form is posted and answered with a
 * 303 back to a page, so that reloading repeats nothing. Whatever an address or a form names is looked for among what
 * the token's customer has; what is somebody else's is not there.
 */

/** One request for a page: in which language, by whom. */
interface Visit {
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  readonly language: Language
  readonly nonce: string
  readonly session: portal.Session
}

const tokenParams = Type.Object({ token: Type.String() })
const objectParams = Type.Object({ token: Type.String(), uuid: Type.String() })
const askedQuery = Type.Object({
  page: Type.Optional(Type.String()),
  done: Type.Optional(Type.String()),
  of: Type.Optional(Type.String()),
})
const cardForm = Type.Object({ payment_method_uuid: Type.Optional(Type.String()) })

export function portalPages(app: Http, ctx: Context): void {
  const options = { schema: { hide: true, params: tokenParams, querystring: askedQuery }, errorHandler: showError }
  app.get('/portal/:token', options, (request, reply) =>
    enter(ctx, request, reply, async (visit) => {
      const view = await show.portalOf(ctx, visit.session, viewOf(visit), request.query)
      return await send(visit, 200, portalPage(view))
    }),
  )
  subscriptionPages(app, ctx)
  payingPages(app, ctx)
  cardPages(app, ctx)
}

function subscriptionPages(app: Http, ctx: Context): void {
  const options = { schema: { hide: true, params: objectParams }, errorHandler: showError }

  app.get('/portal/:token/subscriptions/:uuid/cancel', options, (request, reply) =>
    enter(ctx, request, reply, async (visit) => {
      const { subscription, endsAt } = await show.findOne(ctx, visit.session, request.params.uuid)
      // Cancelled meanwhile, or ended: there is nothing to ask.
      if (!subscription.canCancel) return reply.redirect(visit.session.base, 303)
      return await send(visit, 200, cancelPage({ ...viewOf(visit), subscription, endsAt }))
    }),
  )

  app.post('/portal/:token/subscriptions/:uuid/cancel', options, (request, reply) =>
    enter(ctx, request, reply, async (visit) => {
      const { uuid } = request.params
      return await change(visit, 'cancelled', uuid, () => portal.cancelSubscription(ctx, visit.session, uuid))
    }),
  )

  app.post('/portal/:token/subscriptions/:uuid/keep', options, (request, reply) =>
    enter(ctx, request, reply, async (visit) => {
      const { uuid } = request.params
      return await change(visit, 'kept', uuid, () => portal.keepSubscription(ctx, visit.session, uuid))
    }),
  )
}

/** Which card pays for a subscription. */
function payingPages(app: Http, ctx: Context): void {
  const path = '/portal/:token/subscriptions/:uuid/card'
  const options = { schema: { hide: true, params: objectParams }, errorHandler: showError }

  app.get(path, options, (request, reply) =>
    enter(ctx, request, reply, async (visit) => {
      const { subscription, cards } = await show.findOne(ctx, visit.session, request.params.uuid)
      if (!subscription.canChangeCard) return reply.redirect(visit.session.base, 303)
      return await send(visit, 200, chooseCardPage({ ...viewOf(visit), subscription, cards }))
    }),
  )

  app.post(path, { ...options, schema: { ...options.schema, body: cardForm } }, (request, reply) =>
    enter(ctx, request, reply, async (visit) => {
      const { uuid } = request.params
      const { payment_method_uuid: card } = request.body
      // A form without a choice, which only a script sends: asked again.
      if (card === undefined) return reply.redirect(`${visit.session.base}/subscriptions/${uuid}/card`, 303)
      return await change(visit, 'paid_with', uuid, () => portal.changeCard(ctx, visit.session, uuid, card))
    }),
  )

  app.post(`${path}/new`, options, (request, reply) =>
    enter(ctx, request, reply, async ({ session }) => {
      const { uuid } = request.params
      const back = `${session.base}/subscriptions/${uuid}/card`
      return reply.redirect(await portal.addCard(ctx, session, back, uuid), 303)
    }),
  )
}

function cardPages(app: Http, ctx: Context): void {
  const options = { schema: { hide: true, params: tokenParams }, errorHandler: showError }
  const ofOne = { schema: { hide: true, params: objectParams }, errorHandler: showError }

  app.post('/portal/:token/cards', options, (request, reply) =>
    enter(ctx, request, reply, async ({ session }) =>
      reply.redirect(await portal.addCard(ctx, session, session.base, null), 303),
    ),
  )

  app.post('/portal/:token/cards/:uuid/default', ofOne, (request, reply) =>
    enter(ctx, request, reply, async (visit) => {
      const { caller, customer } = visit.session
      const { uuid } = request.params
      return await change(visit, 'default', uuid, () => paymentMethods.makeDefault(ctx, caller, customer.id, uuid))
    }),
  )

  app.get('/portal/:token/cards/:uuid/remove', ofOne, (request, reply) =>
    enter(ctx, request, reply, async (visit) => {
      const card = await show.findCard(ctx, visit.session, request.params.uuid)
      const paysFor = await show.plansPaidBy(ctx, visit.session, card)
      return await send(visit, 200, removeCardPage({ ...viewOf(visit), card, paysFor }))
    }),
  )

  app.post('/portal/:token/cards/:uuid/remove', ofOne, (request, reply) =>
    enter(ctx, request, reply, async (visit) => {
      const { uuid } = request.params
      return await change(visit, 'removed', uuid, () => portal.removeCard(ctx, visit.session, uuid))
    }),
  )
}

/** Does it, and goes back to the page, which tells what is so now; also where the page was out of date. */
async function change(
  { reply, session }: Visit,
  done: string,
  uuid: string,
  work: () => Promise<unknown>,
): Promise<FastifyReply> {
  const said = await work().then(
    () => done,
    (error: unknown) => {
      if (!isOutdated(error)) throw error
      return 'not_possible'
    },
  )
  const query = new URLSearchParams({ done: said, of: uuid })
  return reply.redirect(`${session.base}?${query}`, 303)
}

/** The state is another than the page showed when its button was pressed. */
const isOutdated = (error: unknown): boolean =>
  error instanceof ApiError && error.row.status < 500 && error.row.status !== 404

/** Runs `work` for the holder of an open link; anybody else, and whoever asks for what is not theirs, gets a message. */
async function enter(
  ctx: Context,
  request: FastifyRequest,
  reply: FastifyReply,
  work: (visit: Visit) => Promise<FastifyReply>,
): Promise<FastifyReply> {
  const { token } = request.params as Static<typeof tokenParams>
  const opened = await portal.open(ctx, token, request.ip)
  const stranger = strangerOf(request, reply)
  if (opened.kind === 'unknown') return await sendMessage(stranger, 404, 'unknown', null)
  if (opened.kind === 'expired') return await sendMessage(stranger, 410, 'expired', opened.business)
  try {
    return await work({ ...stranger, session: opened.session })
  } catch (error) {
    if (!(error instanceof ApiError) || error.row.status >= 500) throw error
    const { base, caller } = opened.session
    const kind = error.row.status === 404 ? 'missing' : 'no_channel'
    return await sendMessage(stranger, error.row.status, kind, caller.business, base)
  }
}

const strangerOf = (request: FastifyRequest, reply: FastifyReply) => ({
  request,
  reply,
  language: languageOf(request.headers['accept-language']),
  nonce: newNonce(),
})

function viewOf({ language, nonce, session }: Visit): VisitView {
  const { business } = session.caller
  return { language, nonce, base: session.base, ...sellerOf(business) }
}

const sellerOf = ({ name, logo, envMode }: Business) => ({ envMode, business: { name, logo } })

/** What happened before a link was read: too many requests, an address that is none, a fault of ours. */
async function showError(error: Error, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const status = error instanceof ApiError ? error.row.status : 500
  if (status >= 500) request.log.error({ error: error.stack }, 'a page failed')
  if (error instanceof ApiError) reply.headers(error.headers)
  const kind = status === 429 ? 'too_many' : status >= 500 ? 'broken' : 'unknown'
  return await sendMessage(strangerOf(request, reply), status, kind, null)
}

async function sendMessage(
  stranger: ReturnType<typeof strangerOf>,
  status: number,
  kind: PortalMessageKind,
  business: Business | null,
  base: string | null = null,
): Promise<FastifyReply> {
  const { language, nonce } = stranger
  const visit = business && { ...sellerOf(business), base }
  return await sendWith(stranger, business, status, portalMessagePage({ language, nonce, kind, visit }))
}

const send = (visit: Visit, status: number, html: string): Promise<FastifyReply> =>
  sendWith(visit, visit.session.caller.business, status, html)

/** Nobody frames it, nobody keeps it, and no site that it leads to is told its address. */
async function sendWith(
  { request, reply, language, nonce }: ReturnType<typeof strangerOf>,
  business: Business | null,
  status: number,
  html: string,
): Promise<FastifyReply> {
  const policy = {
    nonce,
    envMode: business?.envMode ?? 'live',
    business: business && sellerOf(business).business,
    frameAncestors: "'none'",
    isPlain: true,
  }
  return await sendPage(request, reply, {
    status,
    html,
    language,
    contentSecurityPolicy: contentSecurityPolicy(policy),
    referrerPolicy: 'no-referrer',
  })
}

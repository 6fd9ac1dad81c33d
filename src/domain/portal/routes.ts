import { Type } from 'typebox'
import { wireTime } from '../../platform/clock.ts'
import type { Context } from '../../platform/context.ts'
import { type Http, success, successSchema } from '../../platform/http.ts'
import { createPortalLinkSchema, portalLinkSchema } from './schema.ts'
import * as portal from './service.ts'

export function portalLinkRoutes(app: Http, ctx: Context): void {
  app.post(
    '/customers/:uuid/portal-link',
    {
      config: { scope: 'payments' },
      schema: {
        tags: ['Customers'],
        summary: "Make a link to the customer's own page",
        description: `There they see their subscriptions, change the card, pay what is overdue, and cancel. The link works for an hour and
opens the page of this one customer: hand it to nobody else. \`send\` mails it to them.`,
        params: Type.Object({ uuid: Type.String() }),
        body: createPortalLinkSchema,
        response: { 201: successSchema(portalLinkSchema) },
      },
    },
    async (request, reply) => {
      const { caller, params, body, idempotency } = request
      const { link, expiresAt } = await portal.createLink(ctx, caller, params.uuid, body, idempotency)
      return reply
        .code(201)
        .send(success('Portal link created successfully', { link, expires_at: wireTime(expiresAt) }))
    },
  )
}

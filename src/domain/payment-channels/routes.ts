import { Type } from 'typebox'
import { listChannels } from '../../channels/index.ts'
import type { Context } from '../../platform/context.ts'
import { notFound } from '../../platform/errors.ts'
import { type Http, success, successSchema } from '../../platform/http.ts'
import { pageOf, pageQuery, paginate, readPage } from '../../platform/pagination.ts'
import { capabilitiesListSchema, presentCapabilities } from './schema.ts'
import { listAccounts } from './service.ts'

/** Every supported channel, what it can do, and how this business has it connected. */
export function paymentChannelRoutes(app: Http, ctx: Context): void {
  app.get(
    '/payment-channels',
    {
      config: { scope: 'read' },
      schema: {
        tags: ['Payment channels'],
        summary: 'List payment channels with what each can do',
        querystring: Type.Object(pageQuery),
        response: { 200: successSchema(capabilitiesListSchema) },
      },
    },
    async (request) => {
      const page = readPage(request.query, (text) => text)
      const accounts = await listAccounts(ctx, request.caller)
      const { rows, ...place } = pageOf(listChannels(), page, (channel) => channel.slug)
      const shown = rows.map((channel) => {
        const connected = accounts.find((account) => account.slug === channel.slug)
        return presentCapabilities(channel, connected, request.caller.business, ctx.baseUrl)
      })
      const path = `${ctx.baseUrl}/v1/payment-channels`
      return success('Payment channels retrieved successfully', {
        payment_channels: paginate(shown, place, page, path, request.query),
      })
    },
  )
}

/** The channels' word marks, drawn by us: `/payment_channels/Paystack.svg` and `-Full.svg`. Open to everyone. */
export function channelLogoRoutes(app: Http): void {
  const schema = { hide: true, params: Type.Object({ file: Type.String() }) }
  app.get('/payment_channels/:file', { schema }, async (request, reply) => {
    const { file } = request.params
    const drawn = listChannels().flatMap(({ displayName, themeColor }) => {
      if (file === `${displayName}.svg`) return initial(displayName, themeColor)
      return file === `${displayName}-Full.svg` ? wordMark(displayName, themeColor) : []
    })
    const svg = drawn[0]
    if (svg === undefined) throw notFound('logo')
    return reply.type('image/svg+xml').header('cache-control', 'public, max-age=86400').send(svg)
  })
}

const font = 'font-family="system-ui,sans-serif" font-weight="700"'

const initial = (name: string, color: string) =>
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 48 48" role="img" aria-label="${name}"><rect width="48" height="48" rx="12" fill="${color}"/><text x="24" y="33" ${font} font-size="26" text-anchor="middle" fill="#0b1b2b">${name[0]}</text></svg>`

const wordMark = (name: string, color: string) =>
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${name.length * 14 + 44} 48" role="img" aria-label="${name}"><rect x="4" y="12" width="24" height="24" rx="7" fill="${color}"/><text x="36" y="32" ${font} font-size="24" fill="#0b1b2b">${name}</text></svg>`

import { Type } from 'typebox'
import { channels } from '../../channels/index.ts'
import { notFound } from '../../platform/errors.ts'
import type { Http } from '../../platform/http.ts'

/** The channels' word marks, drawn by us: `/payment_channels/Paystack.svg` and `-Full.svg`. Open to everyone. */
export function channelLogoRoutes(app: Http): void {
  const schema = { hide: true, params: Type.Object({ file: Type.String() }) }
  app.get('/payment_channels/:file', { schema }, async (request, reply) => {
    const [, name, full] = /^([A-Za-z]+?)(-Full)?\.svg$/.exec(request.params.file) ?? []
    const channel = channels.find((one) => one.displayName === name)
    if (!channel) throw notFound('logo')
    const svg = full
      ? wordMark(channel.displayName, channel.themeColor)
      : initial(channel.displayName, channel.themeColor)
    return reply.type('image/svg+xml').header('cache-control', 'public, max-age=86400').send(svg)
  })
}

const font = 'font-family="system-ui,sans-serif" font-weight="700"'

const initial = (name: string, color: string) =>
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 48 48" role="img" aria-label="${name}"><rect width="48" height="48" rx="12" fill="${color}"/><text x="24" y="33" ${font} font-size="26" text-anchor="middle" fill="#0b1b2b">${name[0]}</text></svg>`

const wordMark = (name: string, color: string) =>
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${name.length * 14 + 44} 48" role="img" aria-label="${name}"><rect x="4" y="12" width="24" height="24" rx="7" fill="${color}"/><text x="36" y="32" ${font} font-size="24" fill="#0b1b2b">${name}</text></svg>`

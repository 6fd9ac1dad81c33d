import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { documentOf, sendPage, type Themes } from './document.ts'

/**
 * Where strangers reach the sandbox, its token opens it: as `Authorization: Bearer …`, or in a browser once as `?token=…`,
 * which leaves a cookie. A provider's API asks for that provider's own test keys instead, as always.
 */

const COOKIE = 'sandbox_token'

/** On routes of a provider's page: whoever has the link may pay, once the sandbox is open to them. */
export const isPage = { config: { isPage: true } }

interface Marks {
  /** A provider's own authentication stands before it. */
  isApi?: boolean
}

export function lock(scope: FastifyInstance, token: string, themes: Themes, publicUrl: () => string): void {
  const keyed = digestOf(token)
  const opens = (given: string | undefined) => given !== undefined && timingSafeEqual(digestOf(given), keyed)
  const cookie = keyed.toString('hex')
  const hasCookie = (request: FastifyRequest) => {
    const found = new RegExp(`(?:^|; )${COOKIE}=([0-9a-f]{64})(?:;|$)`).exec(request.headers.cookie ?? '')
    return found !== null && timingSafeEqual(Buffer.from(String(found[1]), 'hex'), keyed)
  }
  scope.addHook('onRequest', async (request, reply) => {
    if ((request.routeOptions.config as Marks).isApi) return
    if (hasCookie(request) || opens(/^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1])) return
    const home = new URL(`${publicUrl()}/`)
    const { token: given } = request.query as { token?: string }
    if (request.method !== 'GET' || typeof given !== 'string') return refuse(request, reply, home, themes)
    if (!opens(given)) return refuse(request, reply, home, themes)
    const secure = home.protocol === 'https:' ? '; Secure' : ''
    const path = home.pathname.replace(/\/$/, '')
    reply.header('set-cookie', `${COOKIE}=${cookie}; HttpOnly; SameSite=Lax; Path=${path}${secure}`)
    return reply.redirect(withoutToken(request.url), 303)
  })
}

const digestOf = (text: string): Buffer => createHash('sha256').update(`sandbox ${text}`).digest()

/** The address stands in no history and no referrer with the token in it. */
function withoutToken(url: string): string {
  const [path = '', query = ''] = url.split('?')
  const left = query.split('&').filter((pair) => pair !== '' && !pair.startsWith('token='))
  return left.length > 0 ? `${path}?${left.join('&')}` : path
}

function refuse(request: FastifyRequest, reply: FastifyReply, home: URL, themes: Themes): FastifyReply {
  reply.code(401).header('www-authenticate', 'Bearer realm="sandbox"')
  if (!request.headers.accept?.includes('text/html')) {
    return reply.send({ error: 'send the header "Authorization: Bearer <SANDBOX_TOKEN>"', field: null })
  }
  const main = `<main class="inner">
<h1>This sandbox is locked</h1>
<p class="soft">Its server set SANDBOX_TOKEN. Enter it once; this browser then remembers it.</p>
<form method="get"><label>Token <input name="token" type="password" autocomplete="off" required></label>
<button class="primary">Open</button></form>
</main>`
  const shell = {
    title: 'Asyncpay sandbox',
    ...{ provider: null, themes },
    isWide: false,
    homePath: home.pathname,
    footer: 'Test keys only. No money moves.',
  }
  return sendPage(reply, documentOf({ ...shell, main }))
}

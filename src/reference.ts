import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { brotliCompress, gzip } from 'node:zlib'
import type { ApiDocument } from '../web/reference/document.ts'
import { referencePage } from '../web/reference/page.ts'
import type { Http } from './platform/http.ts'

const [brotli, zip] = [promisify(brotliCompress), promisify(gzip)]

/** The page as it is kept in memory: a few dozen kilobytes each way, and the plain text only for who takes no other. */
interface Made {
  readonly etag: string
  readonly plain: Buffer
  readonly br: Buffer
  readonly gzip: Buffer
}

async function make(document: ApiDocument, baseUrl: string): Promise<Made> {
  const plain = Buffer.from(referencePage(document, baseUrl))
  const etag = `"${createHash('sha256').update(plain).digest('base64url').slice(0, 22)}"`
  return { etag, plain, br: await brotli(plain), gzip: await zip(plain) }
}

/** Long enough for a morning's reading; the next version has another `etag`. */
const cacheControl = 'public, max-age=3600'
/** No script, nothing of another host; nobody may put it into a frame. */
const contentSecurityPolicy =
  "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/** The API reference at `/docs`: drawn once from the document, when somebody first looks. */
export function referenceRoute(app: Http, baseUrl: string): void {
  let made: Promise<Made> | undefined
  app.get('/docs', { schema: { hide: true } }, async (request, reply) => {
    made ??= make(app.swagger() as unknown as ApiDocument, baseUrl)
    const { etag, plain, br, gzip } = await made
    reply.headers({
      etag,
      'cache-control': cacheControl,
      'content-security-policy': contentSecurityPolicy,
      'content-type': 'text/html; charset=utf-8',
      'x-content-type-options': 'nosniff',
      vary: 'accept-encoding',
    })
    if (request.headers['if-none-match'] === etag) return reply.code(304).send()
    const accepted = String(request.headers['accept-encoding'] ?? '')
    if (/\bbr\b/.test(accepted)) return reply.header('content-encoding', 'br').send(br)
    if (/\bgzip\b/.test(accepted)) return reply.header('content-encoding', 'gzip').send(gzip)
    return reply.send(plain)
  })
}

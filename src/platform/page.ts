import { randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'
import type { FastifyReply, FastifyRequest } from 'fastify'

/** A page of HTML, made for one visit. */
export interface PageToSend {
  readonly status: number
  readonly html: string
  /** Tag of the language that it is written in, chosen by `Accept-Language`. */
  readonly language: string
  readonly contentSecurityPolicy: string
  /** `no-referrer` where the address itself must not be told to anybody. */
  readonly referrerPolicy: 'strict-origin-when-cross-origin' | 'no-referrer'
}

/** For the one style and the one script of a page; another for every answer. */
export const newNonce = (): string => randomBytes(16).toString('base64')

/** Compressed as the browser likes it, kept by nobody, found by no search engine. */
export async function sendPage(request: FastifyRequest, reply: FastifyReply, page: PageToSend): Promise<FastifyReply> {
  const { encoding, body } = await compress(page.html, String(request.headers['accept-encoding'] ?? ''))
  return reply
    .code(page.status)
    .headers({
      'content-type': 'text/html; charset=utf-8',
      'content-language': page.language,
      'content-security-policy': page.contentSecurityPolicy,
      'referrer-policy': page.referrerPolicy,
      'x-content-type-options': 'nosniff',
      'x-robots-tag': 'noindex',
      'cache-control': 'no-store',
      vary: 'accept-encoding, accept-language',
      ...(encoding && { 'content-encoding': encoding }),
    })
    .send(body)
}

const [brotli, zip] = [promisify(brotliCompress), promisify(gzip)]
/** Quick rather than small: the page is made for each visit. */
const brotliOptions = { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } }

async function compress(html: string, accepted: string): Promise<{ encoding: string | null; body: Buffer }> {
  if (/\bbr\b/.test(accepted)) return { encoding: 'br', body: await brotli(html, brotliOptions) }
  if (/\bgzip\b/.test(accepted)) return { encoding: 'gzip', body: await zip(html) }
  return { encoding: null, body: Buffer.from(html) }
}

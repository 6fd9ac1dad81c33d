import { randomBytes } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { ChannelError } from '../../channels/channel.ts'
import { secondMs } from '../../platform/clock.ts'
import type { Context } from '../../platform/context.ts'
import { ApiError } from '../../platform/errors.ts'
import type { Http } from '../../platform/http.ts'
import { isUuid } from '../../platform/ids.ts'
import { formatFullAmount } from '../../platform/money.ts'
import { createPace } from '../../platform/pace.ts'
import { appendQuery } from '../../platform/query.ts'
import { findMaybeTransactionById, refreshAttempt } from '../attempts/service.ts'
import { find as findBusiness } from '../businesses/service.ts'
import type { RequestRow, TransactionRow } from '../payment-requests/schema.ts'
import { checkoutUrl, load } from '../payment-requests/service.ts'
import { isSettled } from '../payment-requests/states.ts'

/**
 * Where the provider sends the browser. The browser's word proves nothing: the channel is asked, and the payer goes on
 * to the merchant's success or failure address, else sees what is known.
 *
 * | known after asking | goes to |
 * | --- | --- |
 * | paid | success_redirect_url, else default_redirect_url, else a receipt |
 * | given up or declined | failure_redirect_url, else default_redirect_url, else a page with a way back |
 * | the money is on its way | a page that says so, and leads back to the shop |
 * | not decided | a page that looks again by itself, a bounded number of times |
 * | opened from the hosted checkout | back to it: it shows what the server knows, and what to do next |
 */

/** Looks at 2 s each before the page leaves it to the payer. */
const looksMax = 30

/** What of our address counts. Providers add what they like: a name twice, or a `?` where an `&` belongs. */
function readQuery(query: unknown) {
  const firstOf = (name: string): string | undefined => {
    const [value] = [(query as Record<string, unknown>)[name]].flat()
    return typeof value === 'string' ? value.split('?')[0] : undefined
  }
  const look = firstOf('look') ?? ''
  return {
    via: firstOf('via'),
    cancelled: firstOf('cancelled') !== undefined,
    looks: /^\d{1,3}$/.test(look) ? Number(look) : 0,
  }
}

export function returnRoutes(app: Http, ctx: Context): void {
  const schema = { hide: true, params: Type.Object({ id: Type.String() }) }
  app.get('/return/:id', { schema, errorHandler: showError }, async (request, reply) => {
    // Before any statement.
    ctx.limits.returns.take(request.params.id.toLowerCase())
    const found = isUuid(request.params.id) ? await findMaybeTransactionById(ctx.db, request.params.id) : undefined
    if (!found) return sendPage(reply, 404, { title: 'Nothing here', words: 'This payment link is not known.' })
    if (!isSettled(found.status)) await ask(ctx, found)
    const { via, cancelled, looks } = readQuery(request.query)
    if (via === 'page' || via === 'window') {
      const address = checkoutUrl(ctx, found.payment_request_id)
      return reply.redirect(via === 'window' ? `${address}/returned` : address, 303)
    }
    const { request: payment } = await load(ctx, found.payment_request_id)
    const attempt = (await findMaybeTransactionById(ctx.db, found.id)) ?? found
    const target = await targetOf(ctx, payment, attempt, cancelled)
    if (target) return reply.redirect(target, 303)
    const shop = attempt.status === 'processing' ? await shopOf(ctx, payment, attempt) : null
    return sendPage(reply, 200, pageOf(payment, attempt, looks, cancelled, shop))
  })
}

/** Browsers are shown words; a program that asks here gets the form of every error. */
function showError(error: Error, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const isTooMany = error instanceof ApiError && error.row.status === 429
  if (!isTooMany || !/\btext\/html\b/.test(request.headers.accept ?? '')) throw error
  reply.headers(error.headers)
  const words =
    'You have come back here very often. Wait a minute, then look again: nothing is lost, the shop will be told.'
  const link = { href: request.url, text: 'Look again' }
  return sendPage(reply, 429, { tone: 'wait', title: 'Please wait a little', words, link })
}

/** A browser that comes back more often than this sees what is known. */
const asks = createPace(3 * secondMs)

async function ask(ctx: Context, attempt: TransactionRow): Promise<void> {
  if (!asks.isDue(attempt.id, ctx.clock.now())) return
  try {
    await refreshAttempt(ctx, attempt)
  } catch (error) {
    // Nobody knows yet; the page looks again and the janitor asks on.
    if (!(error instanceof ChannelError)) throw error
  }
}

const isOver = (payment: RequestRow, attempt: TransactionRow, cancelled: boolean) =>
  (cancelled && attempt.status !== 'processing') ||
  ['failed', 'excess'].includes(attempt.status) ||
  ['failed', 'expired', 'cancelled'].includes(payment.status)

async function targetOf(
  ctx: Context,
  payment: RequestRow,
  attempt: TransactionRow,
  cancelled: boolean,
): Promise<string | null> {
  const paid = payment.status === 'successful'
  if (!paid && !isOver(payment, attempt, cancelled)) return null
  return await shopOf(ctx, payment, attempt)
}

/** The shop's address, which is told how it stands. Null: it gave none. */
async function shopOf(ctx: Context, payment: RequestRow, attempt: TransactionRow): Promise<string | null> {
  const isGood = payment.status === 'successful' || attempt.status === 'processing'
  const own = isGood ? payment.success_redirect_url : payment.failure_redirect_url
  const address = own ?? (await findBusiness(ctx, payment.business_id, payment.env_mode)).defaultRedirectUrl
  if (!address) return null
  const reference = attempt.channel_reference ?? attempt.ref
  const added = { reference, trxref: reference, payment_request_ref: payment.ref, status: payment.status }
  return appendQuery(address, added)
}

interface Page {
  title: string
  words: string
  tone?: 'good' | 'bad' | 'wait'
  link?: { href: string; text: string }
  refreshTo?: string
}

function pageOf(
  payment: RequestRow,
  attempt: TransactionRow,
  looks: number,
  cancelled: boolean,
  shop: string | null,
): Page {
  const sum = `${payment.currency} ${formatFullAmount(payment.amount_minor, payment.currency)}`
  if (payment.status === 'successful') {
    return {
      tone: 'good',
      title: 'Payment received',
      words: `${sum} was paid. Reference ${payment.ref}. You may close this page.`,
    }
  }
  if (isOver(payment, attempt, cancelled)) {
    const back = payment.status === 'open' && attempt.checkout_url
    return {
      tone: 'bad',
      title: 'Payment not completed',
      words: `${sum} was not paid. No money was counted for ${payment.ref}.`,
      ...(back ? { link: { href: back, text: 'Try again' } } : {}),
    }
  }
  const again = `/return/${attempt.id}?look=${looks + 1}`
  if (attempt.status === 'processing') {
    return {
      tone: 'wait',
      title: 'Your payment is on its way',
      words: `${sum} is being processed, which can take a while. You need not wait, the shop will be told; please do not pay again. Reference ${payment.ref}.`,
      ...(looks < looksMax ? { refreshTo: again } : {}),
      ...(shop ? { link: { href: shop, text: 'Back to the shop' } } : {}),
    }
  }
  return {
    tone: 'wait',
    title: 'Confirming your payment',
    words: `We are asking the payment provider about ${sum}. This can take a moment; you may also close this page, the shop will be told.`,
    ...(looks < looksMax ? { refreshTo: again } : { link: { href: again, text: 'Look again' } }),
  }
}

const escapeHtml = (text: string) => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)

const style = `:root{color-scheme:light dark;--bg:#f5f6f8;--card:#fff;--ink:#14181f;--soft:#5a6472;--good:#0a7a3d;--bad:#b3261e;--wait:#3554d1}
@media (prefers-color-scheme:dark){:root{--bg:#0f1216;--card:#191d24;--ink:#f1f3f6;--soft:#a5afbd;--good:#5fd394;--bad:#ff8a80;--wait:#9db2ff}}
*{box-sizing:border-box}body{margin:0;min-height:100vh;display:grid;place-items:center;padding:1rem;background:var(--bg);color:var(--ink);font:1rem/1.55 system-ui,sans-serif}
main{width:100%;max-width:26rem;background:var(--card);border-radius:1rem;padding:2rem 1.5rem;box-shadow:0 1px 3px #0002,0 8px 24px #0001;text-align:center}
h1{margin:0 0 .5rem;font-size:1.35rem}p{margin:0;color:var(--soft);overflow-wrap:anywhere}
.dot{width:3rem;height:3rem;margin:0 auto 1rem;border-radius:50%;background:var(--soft);color:var(--card);display:grid;place-items:center;font:700 1.5rem/1 system-ui,sans-serif}.good::after{content:'\\2713'}.bad::after{content:'\\00d7'}.wait::after{content:'\\2026'}.good{background:var(--good)}.bad{background:var(--bad)}.wait{background:var(--wait)}
a{display:inline-block;margin-top:1.25rem;padding:.7rem 1.4rem;border-radius:.6rem;background:var(--ink);color:var(--card);text-decoration:none;font-weight:600}a:focus-visible{outline:3px solid var(--wait);outline-offset:2px}`

function sendPage(reply: FastifyReply, status: number, page: Page) {
  const nonce = randomBytes(16).toString('base64')
  const refresh = page.refreshTo ? `<meta http-equiv="refresh" content="2;url=${escapeHtml(page.refreshTo)}">` : ''
  const link = page.link ? `<a href="${escapeHtml(page.link.href)}">${escapeHtml(page.link.text)}</a>` : ''
  reply.code(status)
  reply.headers({
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': `default-src 'none'; style-src 'nonce-${nonce}'; frame-ancestors 'none'; base-uri 'none'`,
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
  })
  return reply.send(`<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>${escapeHtml(page.title)}</title>${refresh}<style nonce="${nonce}">${style}</style></head>
<body><main><div class="dot ${page.tone ?? ''}" aria-hidden="true"></div><h1>${escapeHtml(page.title)}</h1><p>${escapeHtml(page.words)}</p>${link}</main></body></html>`)
}

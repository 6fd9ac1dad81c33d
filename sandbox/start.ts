import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { documentOf, escapeHtml, PAGE_HEADERS, sendPage, type Themes } from './document.ts'
import { exponentOf, type Ledger, type LedgerRow } from './ledger.ts'
import { formatAmount } from './page.ts'
import type { OpenCheckout, Provider } from './provider.ts'

/** As many rows as somebody looks at; all of them are behind `/control`. */
const ROWS_MAX = 20

interface Start {
  readonly ledger: Ledger
  readonly providers: readonly Provider[]
  readonly themes: Themes
  /** `http://localhost:8080/sandbox` */
  readonly publicUrl: () => string
}

/** The first page for somebody who wonders what this is, and the words that it leads to. */
export function startRoutes(app: FastifyInstance, start: Start): void {
  app.get('/', (_request, reply) => sendPage(reply, startPage(start)))
  app.get('/readme', (_request, reply) =>
    reply
      .headers({ ...PAGE_HEADERS, 'content-type': 'text/plain; charset=utf-8' })
      .send(readFileSync(join(import.meta.dirname, 'README.md'), 'utf8')),
  )
}

function startPage({ ledger, providers, themes, publicUrl }: Start): string {
  const homePath = `${new URL(publicUrl()).pathname}/`
  const checkouts = providers.flatMap((provider) => provider.openCheckouts())
  const rows = ledger.rows()
  return documentOf({
    title: 'Asyncpay sandbox',
    ...{ provider: null, homePath, themes, isWide: true },
    main: `<main class="inner">
<h1>Payment providers to practise with</h1>
<p class="soft">The sandbox stands in for ${providers.map(({ slug }) => nameOf(slug)).join(', ')}: their API, their pages, their webhooks. Test keys only. No money moves.</p>
${links(homePath)}
<h2 id="open">Open checkouts${count(checkouts.length)}</h2>
${list('open', checkouts.slice(-ROWS_MAX).reverse().map(checkoutRow), 'No checkout is open. Create a payment request, and its page appears here.')}
<h2 id="ledger">Ledger${count(rows.length)}</h2>
${list('ledger', rows.slice(-ROWS_MAX).reverse().map(ledgerRow), 'Nothing has been charged, refunded or sent yet.')}
<h2>Make things go wrong</h2>
<p class="soft">Slow answers, cut lines, lost or forged webhooks. For instance, the next provider call is done and its answer is lost:</p>
<p><code>curl ${escapeHtml(publicUrl())}/control/faults -H 'content-type: application/json' -d '{"kind":"drop_after","times":1}'</code></p>
</main>`,
    footer: 'Everything here may be forgotten at any time.',
  })
}

function links(homePath: string): string {
  const link = (path: string, name: string, words: string) =>
    `<li><a href="${escapeHtml(homePath + path)}"><b>${name}</b><span>${words}</span></a></li>`
  return `<ul class="links">
${link('mailbox', 'Mailbox', 'Mails that would have been sent')}
${link('readme', 'Manual', 'Test cards, magic amounts, faults')}
${link('control/ledger', 'Ledger as JSON', 'Every charge, refund and transfer')}
</ul>`
}

const count = (all: number) => (all > ROWS_MAX ? ` <small class="soft">latest ${ROWS_MAX} of ${all}</small>` : '')

/** `role`: Safari takes a list without bullets for no list. */
function list(headingId: string, rows: string[], empty: string): string {
  if (rows.length === 0) return `<p class="empty soft">${empty}</p>`
  return `<ul class="rows" role="list" aria-labelledby="${headingId}">${rows.join('')}</ul>`
}

function checkoutRow({ channel, reference, amount_minor, currency, url }: OpenCheckout): string {
  return `<li><p>${amountOf(amount_minor, currency)} ${chip(channel)}</p><p class="soft">${escapeHtml(reference)}</p>
<p class="end"><a class="button" href="${escapeHtml(url)}" aria-label="Open the page of ${escapeHtml(reference)}">Open</a></p></li>`
}

const tones: Readonly<Record<LedgerRow['status'], string>> = {
  success: 'good',
  failed: 'bad',
  pending: 'wait',
  reversed: 'wait',
}

function ledgerRow({ channel, kind, reference, amount_minor, currency, status, at }: LedgerRow): string {
  return `<li><p>${amountOf(amount_minor, currency)} ${chip(channel)}</p>
<p class="soft">${kind} · ${escapeHtml(reference)} · <time datetime="${at}">${at.slice(0, 16).replace('T', ' ')} UTC</time></p>
<p class="end"><span class="tag ${tones[status]}">${status}</span></p></li>`
}

const amountOf = (minor: number, currency: string) => escapeHtml(formatAmount(minor, exponentOf(currency), currency))
const nameOf = (slug: string) => slug.replace(/^./, (first) => first.toUpperCase())
const chip = (slug: string) => `<span class="chip ${slug}">${nameOf(slug)}</span>`

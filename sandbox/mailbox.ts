import { createHash } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { document, escapeHtml, PAGE_HEADERS } from './page.ts'
import type { Collection, Store } from './store.ts'

/** A mail as it arrived. */
export interface Mail {
  id: string
  message_id: string
  from: string
  to: string
  subject: string
  html: string
  text: string
  /** How often it came: a sender that repeats a mail keeps its Message-ID. */
  times_received: number
  received_at: string
}

/** Older mails make room for newer ones. */
export const MAILS_MAX = 500
export const MAILS_LISTED = 100

/** Where mails of the test mode arrive when there is no SMTP server: nothing leaves the machine. */
export class Mailbox {
  readonly #store: Store
  readonly #mails: Collection<Mail>

  constructor(store: Store) {
    this.#store = store
    this.#mails = store.collection<Mail>('mails')
  }

  receive(mail: Omit<Mail, 'id' | 'times_received' | 'received_at'>): Mail {
    return this.#store.write(() => {
      const id = createHash('sha256').update(mail.message_id).digest('hex').slice(0, 16)
      const known = this.#mails.get(id)
      if (known) return this.#mails.put(id, { ...known, times_received: known.times_received + 1 })
      const kept = this.#mails.put(id, { id, ...mail, times_received: 1, received_at: new Date().toISOString() })
      const [oldest] = this.#mails.all()
      if (oldest && this.#mails.all().length > MAILS_MAX) this.#mails.remove(oldest.id)
      return kept
    })
  }

  /** Newest first; `to` is compared without regard to case. */
  list(to: string | null, limit: number): Mail[] {
    const wanted = to?.toLowerCase()
    const mails = this.#mails.all().filter((mail) => wanted === undefined || mail.to.toLowerCase() === wanted)
    return mails.reverse().slice(0, limit)
  }

  find(id: string): Mail | undefined {
    return this.#mails.get(id)
  }

  clear(): void {
    this.#mails.clear()
  }
}

/** The pages of the mailbox. `publicUrl` is asked for whenever a link is made. */
export function mailboxRoutes(app: FastifyInstance, mailbox: Mailbox, publicUrl: () => string): void {
  app.get('/', (_request, reply) => {
    const mails = mailbox.list(null, MAILS_LISTED)
    return reply.headers(PAGE_HEADERS).send(listPage(mails, `${publicUrl()}/mailbox`))
  })
  app.get<{ Params: { id: string } }>('/:id', (request, reply) => {
    const mail = mailbox.find(request.params.id)
    if (mail) return reply.headers(MAIL_HEADERS).send(mailPage(mail, `${publicUrl()}/mailbox`))
    const words = page(
      'No such mail',
      '<h1>No such mail</h1><p class="merchant">It may have made room for newer ones.</p>',
    )
    return reply.code(404).headers(PAGE_HEADERS).send(words)
  })
}

/** A mail's frame takes over the page's policy: pictures are let in, scripts never are. */
const MAIL_HEADERS = {
  ...PAGE_HEADERS,
  'content-security-policy': `${PAGE_HEADERS['content-security-policy']}; img-src http: https: data:`,
}

const STYLE = `
body{place-items:start center}
main{max-width:720px}
main h1{font-size:24px}
.mails{list-style:none;margin:0;padding:0}
.mails a{display:block;padding:14px 0;border-top:1px solid var(--line);color:var(--ink);text-decoration:none}
.mails a:hover strong{text-decoration:underline}
.mails strong{display:block;overflow-wrap:anywhere}
.mails span{color:var(--soft);font-size:14px;overflow-wrap:anywhere}
iframe{display:block;width:100%;height:720px;border:1px solid var(--line);border-radius:12px;background:#fff}
pre{margin:0;padding:16px;border:1px solid var(--line);border-radius:12px;font-size:14px;white-space:pre-wrap;overflow-wrap:anywhere}
h2{margin:24px 0 10px;font-size:16px}
.back{color:var(--ink)}
`

const page = (title: string, inner: string): string =>
  document(
    title,
    `<p class="test" role="note">TEST MODE · sandbox mailbox · nothing was sent</p>
<div class="inner">${inner}</div>`,
    STYLE,
  )

function listPage(mails: readonly Mail[], base: string): string {
  const rows = mails.map(
    (mail) => `<li><a href="${escapeHtml(`${base}/${mail.id}`)}"><strong>${escapeHtml(mail.subject)}</strong>
<span>${escapeHtml(mail.to)} · ${timeOf(mail)}</span></a></li>`,
  )
  const list =
    rows.length > 0
      ? `<ul class="mails">${rows.join('\n')}</ul>`
      : '<p class="merchant">No mails yet. Mails of the test mode arrive here when no SMTP server is set.</p>'
  return page('Mailbox', `<h1>Mailbox</h1>${list}`)
}

function mailPage(mail: Mail, base: string): string {
  return page(
    mail.subject,
    `<p class="merchant"><a class="back" href="${escapeHtml(base)}">All mails</a></p>
<h1>${escapeHtml(mail.subject)}</h1>
<dl><dt>From</dt><dd>${escapeHtml(mail.from)}</dd><dt>To</dt><dd>${escapeHtml(mail.to)}</dd>
<dt>Received</dt><dd>${timeOf(mail)}</dd></dl>
<iframe title="The mail as HTML" sandbox="allow-popups allow-popups-to-escape-sandbox" srcdoc="${escapeHtml(mail.html)}"></iframe>
<h2>As plain text</h2>
<pre>${escapeHtml(mail.text)}</pre>`,
  )
}

const timeOf = (mail: Mail): string => `${mail.received_at.slice(0, 16).replace('T', ' ')} UTC`

import { createHash } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { documentOf, escapeHtml, PAGE_HEADERS, type Page, sendPage, type Themes } from './document.ts'
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
export function mailboxRoutes(app: FastifyInstance, mailbox: Mailbox, themes: Themes, publicUrl: () => string): void {
  const shell = () => ({ homePath: new URL(`${publicUrl()}/`).pathname, themes })
  app.get('/', (_request, reply) => {
    return sendPage(reply, listPage(mailbox.list(null, MAILS_LISTED), shell()))
  })
  app.get<{ Params: { id: string } }>('/:id', (request, reply) => {
    const mail = mailbox.find(request.params.id)
    if (mail) return reply.headers(MAIL_HEADERS).send(mailPage(mail, shell()))
    const main = `<h1>No such mail</h1><p class="soft">It may have made room for newer ones.</p>`
    return sendPage(reply.code(404), page('No such mail', shell(), main))
  })
}

/** A mail's frame takes over the page's policy: its own styles and pictures are let in, scripts never are. */
const MAIL_HEADERS = {
  ...PAGE_HEADERS,
  'content-security-policy':
    "default-src 'none'; style-src 'unsafe-inline'; img-src http: https: data:; base-uri 'none'; frame-ancestors 'none'",
}

type Shell = Pick<Page, 'homePath' | 'themes'>

const page = (title: string, shell: Shell, inner: string): string =>
  documentOf({
    title,
    provider: null,
    ...shell,
    isWide: true,
    main: `<main class="inner">${inner}</main>`,
    footer: 'Mails of the test mode arrive here when no SMTP server is set. Nothing was sent.',
  })

function listPage(mails: readonly Mail[], shell: Shell): string {
  const rows = mails.map(
    (mail) => `<li><p>${escapeHtml(mail.subject)}</p><p class="soft">${escapeHtml(mail.to)} · ${timeOf(mail)}</p>
<p class="end"><a class="button" href="${escapeHtml(`${shell.homePath}mailbox/${mail.id}`)}">Read</a></p></li>`,
  )
  const list = rows.length > 0 ? `<ul class="rows">${rows.join('\n')}</ul>` : '<p class="empty">No mails yet.</p>'
  return page('Mailbox', shell, `<h1>Mailbox</h1>${list}`)
}

const BOX = 'box-sizing:border-box;width:100%;border:1px solid #7b8799;border-radius:12px'

function mailPage(mail: Mail, shell: Shell): string {
  return page(
    mail.subject,
    shell,
    `<p class="soft"><a href="${escapeHtml(`${shell.homePath}mailbox`)}">All mails</a></p>
<h1>${escapeHtml(mail.subject)}</h1>
<dl><dt>From</dt><dd>${escapeHtml(mail.from)}</dd><dt>To</dt><dd>${escapeHtml(mail.to)}</dd>
<dt>Received</dt><dd>${timeOf(mail)}</dd></dl>
<iframe title="The mail as HTML" style="display:block;margin:24px 0;height:720px;${BOX}"
sandbox="allow-popups allow-popups-to-escape-sandbox" srcdoc="${escapeHtml(mail.html)}"></iframe>
<h2>As plain text</h2>
<pre style="margin:0;padding:16px;white-space:pre-wrap;overflow-wrap:anywhere;${BOX}">${escapeHtml(mail.text)}</pre>`,
  )
}

const timeOf = (mail: Mail): string => `${mail.received_at.slice(0, 16).replace('T', ' ')} UTC`

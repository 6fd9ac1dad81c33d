import { documentOf, logo, ribbon } from '../checkout/frame.ts'
import { type Html, html } from '../checkout/html.ts'
import type { Language } from '../checkout/language.ts'
import { words } from '../checkout/words.ts'
import { style } from './style.ts'
import type { VisitView } from './view.ts'

/** What the customer's pages have in common. */

type Visitor = Pick<VisitView, 'language' | 'nonce' | 'envMode' | 'business'>

/** `who`: whose page it is, under the business's name. */
export function portalDocument(view: Visitor, page: { title: string; who?: string | null; body: Html }): string {
  const { language, nonce, envMode, business } = view
  return documentOf({
    language,
    nonce,
    title: `${page.title} · ${business.name}`,
    body: html`<main class="card portal"><div class="sum">${ribbon(envMode, words[language])}<div class="who">${logo(business)}<div><p><strong>${business.name}</strong></p>${page.who ? html`<p class="ref">${page.who}</p>` : null}</div></div></div>
${page.body}</main>`,
    moreStyle: style,
  })
}

/** A day, as it is in `timeZone`. */
export function day(at: Date, timeZone: string, language: Language): Html {
  const format = new Intl.DateTimeFormat(language, { dateStyle: 'long', timeZone })
  return html`<time datetime="${at.toISOString()}">${format.format(at)}</time>`
}

export const clockTime = (at: Date, language: Language): string =>
  new Intl.DateTimeFormat(language, { hour: '2-digit', minute: '2-digit', hour12: false, timeZone: 'UTC' }).format(at)

/** As `fill`, for sentences that hold pieces of markup: every other part is escaped. */
export function fillHtml(text: string, values: Readonly<Record<string, Html | string>>): Html {
  const parts = text.split(/\{(\w+)\}/)
  // The odd ones are the names.
  return html`${parts.map((part, index) => {
    const value = index % 2 === 1 ? values[part] : part
    return typeof value === 'object' ? value : html`${value ?? `{${part}}`}`
  })}`
}

/** A form of one button. Its address says everything; no field of it is trusted. */
export const formButton = (action: string, kind: string, text: string, about: string): Html =>
  html`<form method="post" action="${action}"><button class="${kind}" aria-label="${`${text}: ${about}`}">${text}</button></form>`

export const linkButton = (href: string, kind: string, text: string, about: string): Html =>
  html`<a class="${kind}" href="${href}" aria-label="${`${text}: ${about}`}">${text}</a>`

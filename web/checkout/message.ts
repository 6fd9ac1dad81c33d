import { documentOf, logo, money, ribbon } from './frame.ts'
import { type Html, html } from './html.ts'
import { fill } from './look.ts'
import { formatMoney } from './money.ts'
import { scriptOf } from './script.ts'
import type { MessageKind, MessageView } from './view.ts'
import { type Words, words } from './words.ts'

const kinds: Readonly<Record<MessageKind, { tone: string; title: keyof Words; text: keyof Words }>> = {
  unknown: { tone: 'bad', title: 'unknownTitle', text: 'unknownLink' },
  expired: { tone: 'bad', title: 'linkExpiredTitle', text: 'askAgain' },
  cancelled: { tone: 'bad', title: 'cancelledTitle', text: 'askAgain' },
  failed: { tone: 'bad', title: 'failedTitle', text: 'askAgain' },
  paid: { tone: 'good', title: 'paidTitle', text: 'paidText' },
  not_done: { tone: 'bad', title: 'notDoneTitle', text: 'notDoneText' },
  processing: { tone: 'wait', title: 'processingTitle', text: 'processingText' },
  confirming: { tone: 'wait', title: 'confirmingTitle', text: 'confirmingText' },
  too_many: { tone: 'bad', title: 'tooManyTitle', text: 'wait' },
  broken: { tone: 'bad', title: 'brokenTitle', text: 'brokenText' },
}

const links = { checkout: 'backToCheckout', provider: 'tryAgain', seller: 'backTo', look_again: 'lookAgain' } as const

/** One plain sentence on a page of its own: what happened, and what the buyer can do. */
export function messagePage(view: MessageView): string {
  const text = words[view.language]
  const { payment, link, kind } = view
  const { tone, title } = kinds[kind]
  const refresh = view.refreshTo && html`<meta http-equiv="refresh" content="2;url=${view.refreshTo}">`
  const names = { business: payment?.business.name ?? '' }
  const head = payment
    ? html`<div class="sum">${ribbon(payment.envMode, text)}<div class="who">${logo(payment.business)}<p><strong>${payment.business.name}</strong></p></div>${money({ ...payment, language: view.language })}<p class="ref">${text.reference} ${payment.reference}</p></div>`
    : null
  return documentOf({
    language: view.language,
    nonce: view.nonce,
    title: text[title],
    ...(refresh ? { head: refresh } : {}),
    body: html`<main class="card">${head}<div class="act"><div class="status ${tone}"><span class="dot" aria-hidden="true"></span><div><h1>${text[title]}</h1>${sentence(view, text)}${view.isWindow && html`<p>${text.closeWindow}</p>`}</div></div>
${link && html`<div class="buttons"><a class="main" href="${link.href}">${fill(text[links[link.to]], names)}</a></div>`}</div></main>`,
    ...(view.isWindow && !view.refreshTo ? { script: closeScript } : {}),
  })
}

/** Of a payment that nothing is known of, only the title is true. */
function sentence({ kind, payment, language }: MessageView, text: Words): Html | null {
  if (kind === 'paid' && !payment) return null
  const amount = payment ? formatMoney(payment.amount, payment.currency, language) : ''
  return html`<p>${fill(text[kinds[kind].text], { business: payment?.business.name ?? '', amount })}</p>`
}

const closeScript = await scriptOf(['client-close'], 'closeSoon')

import { documentOf } from '../checkout/frame.ts'
import { type Html, html } from '../checkout/html.ts'
import { fill } from '../checkout/look.ts'
import { words } from '../checkout/words.ts'
import { portalDocument } from './frame.ts'
import type { PortalMessageKind, PortalMessageView } from './view.ts'
import { portalWords } from './words.ts'

/** One plain sentence on a page of its own: why there is nothing to see, and what the customer can do. */
export function portalMessagePage(view: PortalMessageView): string {
  const { language, nonce, kind, visit } = view
  const { title, sentence } = textsOf(view)
  const back = visit?.base && kind !== 'unknown' && kind !== 'expired' ? visit.base : null
  const body: Html = html`<div class="act"><div class="status bad"><span class="dot" aria-hidden="true"></span><div><h1>${title}</h1><p>${sentence}</p></div></div>${back && html`<div class="buttons"><a class="main" href="${back}">${portalWords[language].back}</a></div>`}</div>`
  if (visit) return portalDocument({ language, nonce, ...visit }, { title, body })
  return documentOf({ language, nonce, title, body: html`<main class="card">${body}</main>` })
}

function textsOf({ language, kind, visit }: PortalMessageView): { title: string; sentence: string } {
  const own = portalWords[language]
  const shared = words[language]
  const texts: Readonly<Record<PortalMessageKind, readonly [string, string]>> = {
    unknown: [own.unknownTitle, shared.unknownLink],
    expired: [own.expiredTitle, own.expiredText],
    missing: [own.missingTitle, own.missingText],
    no_channel: [own.noChannelTitle, own.noChannelText],
    too_many: [shared.tooManyTitle, shared.wait],
    broken: [shared.brokenTitle, shared.brokenText],
  }
  const [title, sentence] = texts[kind]
  return { title, sentence: fill(sentence, { business: visit?.business.name ?? '' }) }
}

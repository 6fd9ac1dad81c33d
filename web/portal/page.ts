import { type Html, html, webAddress } from '../checkout/html.ts'
import { fill } from '../checkout/look.ts'
import { words } from '../checkout/words.ts'
import { cardList, cardName } from './cards.ts'
import { clockTime, portalDocument } from './frame.ts'
import { isOver, subscriptionItem } from './subscription.ts'
import type { Notice, PortalView } from './view.ts'
import { type PortalWords, portalWords } from './words.ts'

/** `/portal/:token`: the customer's subscriptions and cards. Links and plain forms alone; there is no script. */
export function portalPage(view: PortalView): string {
  const text = portalWords[view.language]
  const back = webAddress(view.returnUrl)
  const until = fill(text.private, { time: clockTime(view.expiresAt, view.language) })
  return portalDocument(view, {
    title: text.title,
    who: view.customer,
    body: html`<div class="rooms"><div class="room">${view.notice && notice(view.notice, text)}<h1>${text.title}</h1>${subscriptions(view, text)}</div>
<div class="room">${cardList(view)}${back && html`<div class="buttons"><a class="main" href="${back}">${fill(words[view.language].backTo, { business: view.business.name })}</a></div>`}<p class="hint">${until}</p></div></div>`,
  })
}

function subscriptions(view: PortalView, text: PortalWords): Html {
  const going = view.subscriptions.filter((one) => !isOver(one))
  const over = view.subscriptions.filter(isOver)
  const items = (list: typeof going) => html`<ul class="items">${list.map((one) => subscriptionItem(view, one))}</ul>`
  const none = html`<p class="soft">${fill(text.none, { business: view.business.name })}</p>`
  const pages = html`<nav class="acts">${view.newer && html`<a class="link" rel="prev" href="${view.newer}">${text.newer}</a>`}${view.older && html`<a class="link" rel="next" href="${view.older}">${text.older}</a>`}</nav>`
  return html`${view.subscriptions.length === 0 && none}${going.length > 0 && items(going)}${over.length > 0 && html`<h2>${text.ended}</h2>${items(over)}`}${(view.newer || view.older) && pages}`
}

function notice(one: Notice, text: PortalWords): Html {
  const tone = one.kind === 'not_possible' ? 'bad' : 'good'
  return html`<div class="${`status ${tone}`}" role="status"><span class="dot" aria-hidden="true"></span><p class="done">${noticeText(one, text)}</p></div>`
}

function noticeText(one: Notice, text: PortalWords): string {
  switch (one.kind) {
    case 'cancelled':
      return fill(text.doneCancelled, { plan: one.subscription.planName })
    case 'kept':
      return fill(text.doneKept, { plan: one.subscription.planName })
    case 'paid_with': {
      const { card, planName: plan } = one.subscription
      return fill(text.donePaidWith, { plan, card: card ? cardName(card, text) : text.card })
    }
    case 'default':
      return fill(text.doneDefault, { card: cardName(one.card, text) })
    case 'removed':
      return text.doneRemoved
    case 'not_possible':
      return text.notPossible
  }
}

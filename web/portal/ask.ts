import { type Html, html } from '../checkout/html.ts'
import { fill } from '../checkout/look.ts'
import { addCard, cardFacts, cardName } from './cards.ts'
import { day, fillHtml, portalDocument } from './frame.ts'
import { priceOf } from './subscription.ts'
import type { CancelView, ChooseCardView, RemoveCardView, VisitView } from './view.ts'
import { portalWords } from './words.ts'

/** The steps between: nothing ends, and nothing is removed, at the first press. */

/** `/portal/:token/subscriptions/:uuid/cancel` */
export function cancelPage(view: CancelView): string {
  const text = portalWords[view.language]
  const { subscription: one, endsAt } = view
  const until = endsAt
    ? fillHtml(text.cancelUntil, { date: day(endsAt, one.timeZone, view.language) })
    : html`${text.cancelNow}`
  return question(view, {
    title: fill(text.cancelAsk, { plan: one.planName }),
    body: html`<p class="price">${priceOf(one, view.language)}</p><p>${until}</p>`,
    action: `${view.base}/subscriptions/${one.uuid}/cancel`,
    yes: text.cancelYes,
    no: text.cancelNo,
  })
}

/** `/portal/:token/cards/:uuid/remove` */
export function removeCardPage(view: RemoveCardView): string {
  const text = portalWords[view.language]
  const plans = new Intl.ListFormat(view.language).format(view.paysFor)
  return question(view, {
    title: fill(text.removeAsk, { card: cardName(view.card, text) }),
    body: html`<p>${text.removeText}</p>${view.paysFor.length > 0 && html`<p>${fill(text.removeUsed, { plans })}</p>`}`,
    action: `${view.base}/cards/${view.card.uuid}/remove`,
    yes: text.removeYes,
    no: text.removeNo,
  })
}

interface Question {
  readonly title: string
  readonly body: Html
  readonly action: string
  readonly yes: string
  readonly no: string
}

function question(view: VisitView, { title, body, action, yes, no }: Question): string {
  return portalDocument(view, {
    title,
    body: html`<div class="act"><h1>${title}</h1>${body}
<form method="post" action="${action}" class="buttons"><button class="main">${yes}</button><a class="plain" href="${view.base}">${no}</a></form></div>`,
  })
}

/** `/portal/:token/subscriptions/:uuid/card` */
export function chooseCardPage(view: ChooseCardView): string {
  const text = portalWords[view.language]
  const { subscription: one, cards } = view
  const title = fill(text.chooseCard, { plan: one.planName })
  const isAble = cards.some((card) => card.status === 'active')
  const ways = cards.map((card) => {
    const checked = card.uuid === one.card?.uuid && card.status === 'active'
    return html`<li><label class="pick"><input type="radio" name="payment_method_uuid" value="${card.uuid}" required${flag('checked', checked)}${flag('disabled', card.status !== 'active')}>${cardFacts(card, text, view.language)}</label></li>`
  })
  const form = html`<form method="post" action="${`${view.base}/subscriptions/${one.uuid}/card`}"><fieldset aria-labelledby="choose"><ul class="ways">${ways}</ul></fieldset>${isAble && html`<div class="buttons"><button class="main">${text.useCard}</button></div>`}</form>`
  return portalDocument(view, {
    title,
    body: html`<div class="act"><h1 id="choose">${title}</h1><p class="price">${priceOf(one, view.language)}</p>${cards.length > 0 ? form : html`<p class="soft">${text.noCards}</p>`}${addCard(view.base, text, one.uuid)}
<p><a class="link" href="${view.base}">${text.back}</a></p></div>`,
  })
}

/** An attribute without a value, or none. */
const flag = (name: 'checked' | 'disabled', isOn: boolean): Html => (isOn ? html` ${name}` : html``)

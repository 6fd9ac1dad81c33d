import { type Html, html } from '../checkout/html.ts'
import type { Language } from '../checkout/language.ts'
import { fill } from '../checkout/look.ts'
import { formButton, linkButton } from './frame.ts'
import type { CardView, VisitView } from './view.ts'
import { type PortalWords, portalWords } from './words.ts'

/** `Visa ending in 4081`; as much of it as the channel told. */
export function cardName(card: CardView, text: PortalWords): string {
  const brand = card.brand ? capital(card.brand) : text.card
  return card.last4 ? fill(text.cardEnding, { brand, last4: card.last4 }) : brand
}

/** Channels write a brand as they like: `visa` and `VISA` are Visa; JCB stays. */
function capital(brand: string): string {
  const name = brand.trim()
  const isShouted = name.length > 3 && name === name.toUpperCase()
  const [first = '', ...rest] = isShouted ? name.toLowerCase() : name
  return first.toUpperCase() + rest.join('')
}

/** Why it is not charged, or until when it can be. */
export function cardState(card: CardView, text: PortalWords, language: Language): string {
  if (card.status !== 'active') return card.status === 'expired' ? text.cardExpired : text.cardUnusable
  const { expMonth: month, expYear: year } = card
  if (month === null || year === null) return card.channelName
  const format = new Intl.DateTimeFormat(language, { month: '2-digit', year: 'numeric', timeZone: 'UTC' })
  return `${fill(text.validUntil, { month: format.format(new Date(Date.UTC(year, month - 1))) })} · ${card.channelName}`
}

export function cardFacts(card: CardView, text: PortalWords, language: Language): Html {
  const tone = card.status === 'active' ? '' : ' bad'
  return html`<span class="face" aria-hidden="true"></span><span class="name">${cardName(card, text)}${card.isDefault && html` <span class="chip">${text.default}</span>`}<small class="${`state${tone}`}">${cardState(card, text, language)}</small></span>`
}

/** The customer's cards, and the way to another one. */
export function cardList(view: VisitView & { readonly cards: readonly CardView[] }): Html {
  const text = portalWords[view.language]
  const items = view.cards.map((card) => {
    const at = `${view.base}/cards/${card.uuid}`
    const name = cardName(card, text)
    const canBeDefault = !card.isDefault && card.status === 'active'
    return html`<li><p class="line">${cardFacts(card, text, view.language)}</p><div class="acts">${canBeDefault && formButton(`${at}/default`, 'link', text.makeDefault, name)}${linkButton(`${at}/remove`, 'link', text.remove, name)}</div></li>`
  })
  const list = items.length > 0 ? html`<ul class="items">${items}</ul>` : html`<p class="soft">${text.noCards}</p>`
  return html`<section aria-labelledby="cards"><h2 id="cards">${text.cards}</h2>${list}${addCard(view.base, text)}</section>`
}

/** `back`: the subscription for which a card is added; its page of cards is where the customer comes back to. */
export const addCard = (base: string, text: PortalWords, subscription: string | null = null): Html =>
  html`<form method="post" action="${subscription ? `${base}/subscriptions/${subscription}/card/new` : `${base}/cards`}"><button class="plain">${text.addCard}</button><p class="hint">${text.addCardHint}</p></form>`

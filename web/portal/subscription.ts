import { every } from '../checkout/frame.ts'
import { type Html, html, webAddress } from '../checkout/html.ts'
import type { Language } from '../checkout/language.ts'
import { fill } from '../checkout/look.ts'
import { formatMoney } from '../checkout/money.ts'
import { words } from '../checkout/words.ts'
import { cardName } from './cards.ts'
import { day, fillHtml, formButton, linkButton } from './frame.ts'
import type { SubscriptionView, VisitView } from './view.ts'
import { type PortalWords, portalWords } from './words.ts'

/** One subscription: what it costs, how it stands, what happens next, and what the customer can do about it. */
export function subscriptionItem(view: VisitView, one: SubscriptionView): Html {
  const text = portalWords[view.language]
  const { label, tone } = statusOf(one, text)
  const name = html`${one.planName} <span class="${`chip ${tone}`}">${label}</span>`
  // Those that have ended stand under a heading of their own.
  const heading = isOver(one) ? html`<h3 class="plan-name">${name}</h3>` : html`<h2 class="plan-name">${name}</h2>`
  return html`<li id="${`s-${one.uuid}`}">${heading}
<p class="price">${priceOf(one, view.language)}</p>${sentences(view, one, text)}${cardLine(one, text)}${actions(view, one, text)}</li>`
}

export const isOver = ({ status }: SubscriptionView): boolean => status === 'cancelled' || status === 'expired'

function statusOf(one: SubscriptionView, text: PortalWords): { label: string; tone: string } {
  if (one.status === 'past_due') return { label: text.pastDue, tone: 'bad' }
  if (one.status === 'paused') return { label: text.paused, tone: '' }
  if (isOver(one)) return { label: one.status === 'cancelled' ? text.cancelled : text.over, tone: '' }
  if (one.cancelsAt) return { label: text.ending, tone: 'warn' }
  return { label: one.status === 'trialing' ? text.trialing : text.active, tone: 'good' }
}

export const priceOf = (one: SubscriptionView, language: Language): string =>
  `${formatMoney(one.amount, one.currency, language)}, ${every(one, words[language])}`

/** What happens next, and when. */
function sentences(view: VisitView, one: SubscriptionView, text: PortalWords): Html {
  const { language, business } = view
  const date = (at: Date) => day(at, one.timeZone, language)
  const amount = formatMoney(one.amount, one.currency, language)
  if (isOver(one))
    return html`<p class="soft">${fillHtml(text.endedOn, { date: date(one.endedAt ?? one.periodEndsAt) })}</p>`
  if (one.overdue) {
    const { retryAt, endsAt } = one.overdue
    const owed = formatMoney(one.overdue.amount, one.overdue.currency, language)
    return html`<div class="owed"><p><strong>${fill(text.notPaid, { amount: owed })}</strong></p>${retryAt && html`<p>${fillHtml(text.retriedOn, { date: date(retryAt) })}</p>`}<p>${fillHtml(text.endsUnlessPaid, { date: date(endsAt) })}</p></div>`
  }
  if (one.status === 'paused') return html`<p>${fill(text.pausedText, { business: business.name })}</p>`
  if (one.cancelsAt) return html`<p>${fillHtml(text.endsOn, { date: date(one.cancelsAt) })}</p>`
  const sentence = one.status === 'trialing' ? text.freeUntil : text.renewsOn
  return html`<p>${fillHtml(sentence, { date: date(one.periodEndsAt), amount })}</p>`
}

/** Only where a renewal is to come. */
function cardLine(one: SubscriptionView, text: PortalWords): Html | null {
  if (isOver(one) || one.cancelsAt) return null
  const paid = one.card ? fill(text.paidWith, { card: cardName(one.card, text) }) : text.noCard
  return html`<p class="soft">${paid}</p>`
}

function actions(view: VisitView, one: SubscriptionView, text: PortalWords): Html | null {
  const at = `${view.base}/subscriptions/${one.uuid}`
  const pay = webAddress(one.overdue?.payUrl ?? null)
  const list = [
    pay && linkButton(pay, 'main', words[view.language].payNow, one.planName),
    one.canKeep && formButton(`${at}/keep`, 'plain', text.keep, one.planName),
    one.canChangeCard && linkButton(`${at}/card`, 'plain', text.changeCard, one.planName),
    one.canCancel && linkButton(`${at}/cancel`, 'link', text.cancel, one.planName),
  ].filter((action) => action !== null && action !== false && action !== '')
  return list.length > 0 ? html`<div class="acts">${list}</div>` : null
}

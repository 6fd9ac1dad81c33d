import { type Html, html, trusted, webAddress } from './html.ts'
import { fill } from './look.ts'
import { codeBeside, formatMoney } from './money.ts'
import { style } from './style.ts'
import type { EnvMode, PaymentView, PlanView, Seller } from './view.ts'
import { type Words, words } from './words.ts'

/** What all pages have in common. */

export interface Document {
  readonly language: PaymentView['language']
  readonly nonce: string
  readonly title: string
  readonly body: Html
  readonly head?: Html
  /** Rules and code that are this page's alone. */
  readonly moreStyle?: string
  readonly script?: string
}

export function documentOf(page: Document): string {
  const { language, nonce } = page
  const script = page.script ? html`<script nonce="${nonce}">${trusted(page.script)}</script>` : null
  return html`<!doctype html>
<html lang="${language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><meta name="robots" content="noindex"><title>${page.title}</title>${page.head ?? null}<link rel="icon" href="data:,"><style nonce="${nonce}">${trusted(style + (page.moreStyle ?? ''))}</style></head>
<body>${page.body}<footer>${words[language].secured}</footer>${script}</body></html>`.markup
}

/** A logo is shown from an http(s) or image data address; else the name's first letter. */
export function logoOf({ logo }: Seller): string | null {
  return logo !== null && /^data:image\/[a-z+.-]+[;,]/i.test(logo) ? logo : webAddress(logo)
}

export function logo(seller: Seller): Html {
  const source = logoOf(seller)
  if (source) return html`<img class="logo" src="${source}" alt="" width="44" height="44" referrerpolicy="no-referrer">`
  return html`<span class="logo" aria-hidden="true">${[...seller.name.trim()][0]?.toUpperCase() ?? '•'}</span>`
}

export const ribbon = (mode: EnvMode, text: Words): Html | null =>
  mode === 'test' ? html`<p class="ribbon"><strong>${text.testMode}</strong> · ${text.testModeMore}</p>` : null

/** Beyond this many characters the amount is set smaller, so that it stays on one line at 360 px. */
const longAmount = 14

export function money(view: Pick<PaymentView, 'amount' | 'currency' | 'language'>): Html {
  const shown = formatMoney(view.amount, view.currency, view.language)
  const code = codeBeside(shown, view.currency)
  const kind = shown.length > longAmount ? 'amount long' : 'amount'
  return html`<p class="${kind}">${shown}${code && html` <small>${code}</small>`}</p>`
}

/** Who is paid, how much, for what. `close` is the cross, where a page has one. */
export function summary(view: PaymentView, title: string, close: Html | null = null): Html {
  const text = words[view.language]
  return html`<div class="sum">${ribbon(view.envMode, text)}<div class="who">${logo(view.business)}<h1>${title}</h1></div>${close}
${money(view)}${view.description && html`<p class="what">${view.description}</p>`}${view.plan && planFacts(view, view.plan)}
<p class="ref">${text.reference} ${view.reference}</p></div>`
}

export function planFacts(view: Pick<PaymentView, 'language' | 'currency'>, plan: PlanView): Html {
  const text = words[view.language]
  const show = (amount: string) => formatMoney(amount, view.currency, view.language)
  const trial = plan.trialDays === 1 ? text.trialDay : text.trialDays
  const facts = [
    html`<li><strong>${plan.name}</strong></li>`,
    html`<li>${show(plan.amount)}, ${every(plan, text)}</li>`,
    ...(plan.trialDays ? [html`<li>${fill(trial, { count: String(plan.trialDays) })}</li>`] : []),
    ...(plan.initialAmount ? [html`<li>${fill(text.firstPayment, { amount: show(plan.initialAmount) })}</li>`] : []),
  ]
  return html`<ul class="plan">${facts}</ul>`
}

/** A quarter is three months to a buyer, half a year six. */
const units = {
  daily: { one: 'everyDay', many: 'everyDays', size: 1 },
  weekly: { one: 'everyWeek', many: 'everyWeeks', size: 1 },
  monthly: { one: 'everyMonth', many: 'everyMonths', size: 1 },
  quarterly: { one: 'everyMonth', many: 'everyMonths', size: 3 },
  biannually: { one: 'everyMonth', many: 'everyMonths', size: 6 },
  annually: { one: 'everyYear', many: 'everyYears', size: 1 },
} as const

/** A plan that counts in days says so: thirty days are no month, and twelve of them no year. */
export function every(plan: Pick<PlanView, 'interval' | 'intervalCount' | 'periodDays'>, text: Words): string {
  const { one, many, size } = units[plan.periodDays === null ? plan.interval : 'daily']
  const count = plan.periodDays ?? plan.intervalCount * size
  return count === 1 ? text[one] : fill(text[many], { count: String(count) })
}

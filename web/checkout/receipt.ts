import { documentOf, logo, money, ribbon } from './frame.ts'
import { html, webAddress } from './html.ts'
import { fill } from './look.ts'
import { formatMoney } from './money.ts'
import { scriptOf } from './script.ts'
import type { ReceiptView } from './view.ts'
import { words } from './words.ts'

/** `/checkout/:token/success`: what was paid, to keep or to print. */
export function receiptPage(view: ReceiptView): string {
  const text = words[view.language]
  const amount = formatMoney(view.amount, view.currency, view.language)
  const names = { business: view.business.name, amount }
  const paidOn = new Intl.DateTimeFormat(view.language, { dateStyle: 'long', timeStyle: 'short', timeZone: 'UTC' })
  const facts = [
    html`<div><dt>${text.paidOn}</dt><dd><time datetime="${view.paidAt.toISOString()}">${paidOn.format(view.paidAt)} UTC</time></dd></div>`,
    ...(view.channelName ? [html`<div><dt>${text.paidWith}</dt><dd>${view.channelName}</dd></div>`] : []),
    html`<div><dt>${text.reference}</dt><dd>${view.reference}</dd></div>`,
  ]
  const back = webAddress(view.returnUrl)
  return documentOf({
    language: view.language,
    nonce: view.nonce,
    title: `${text.receiptTitle} · ${view.business.name}`,
    body: html`<main class="card"><div class="sum">${ribbon(view.envMode, text)}<div class="who">${logo(view.business)}<p><strong>${view.business.name}</strong></p></div>${money(view)}${view.description && html`<p class="what">${view.description}</p>`}</div>
<div class="act"><div class="status good"><span class="dot" aria-hidden="true"></span><div><h1>${text.paidTitle}</h1><p>${fill(text.paidText, names)}</p></div></div>
<dl class="facts">${facts}</dl>
<div class="buttons">${back && html`<a class="main" href="${back}" target="_top">${fill(text.backTo, names)}</a>`}<button type="button" class="plain" id="print" hidden>${text.print}</button></div>
<p class="hint center">${text.closePage}</p></div></main>`,
    script: printScript,
  })
}

const printScript = await scriptOf(['client-print'], 'offerPrint')

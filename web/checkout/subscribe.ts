import { documentOf, logo, money, planFacts, ribbon } from './frame.ts'
import { html } from './html.ts'
import { fill } from './look.ts'
import type { SubscribeView } from './view.ts'
import { words } from './words.ts'

const style =
  'label{display:block;font-size:.9375rem;color:var(--soft)}input{display:block;width:100%;margin:.25rem 0 .875rem;padding:.75rem;font:inherit;color:inherit;background:transparent;border:1px solid var(--soft);border-radius:.625rem}button.main{width:100%;border:0}'

/** `/subscribe/:link_id`: what the plan is, and who subscribes. A plain form: it needs no script. */
export function subscribePage(view: SubscribeView): string {
  const text = words[view.language]
  const { plan, notice } = view
  const title = fill(text.subscribeTo, { plan: plan.name })
  const told =
    notice &&
    html`<div class="status bad" role="alert"><span class="dot" aria-hidden="true"></span><p>${text[notice]}</p></div>`
  const hidden = Object.entries(view.carried).map(
    ([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`,
  )
  const who = view.asksWho
    ? html`<label>${text.yourEmail}<input type="email" name="email" autocomplete="email" required maxlength="254" value="${view.email}"></label>
<label>${text.yourName}<input type="text" name="name" autocomplete="name" maxlength="200" value="${view.name}"></label>`
    : null
  const form = html`<form method="post" action="${view.action}">${hidden}${who}<button class="main">${text.subscribe}</button></form>`
  return documentOf({
    language: view.language,
    nonce: view.nonce,
    title: `${title} · ${view.business.name}`,
    moreStyle: style,
    body: html`<main class="card"><div class="sum">${ribbon(view.envMode, text)}<div class="who">${logo(view.business)}<h1>${title}</h1></div>
${money({ ...view, amount: plan.amount })}${planFacts(view, plan)}</div><div class="act">${told}${view.isOpen && form}</div></main>`,
  })
}

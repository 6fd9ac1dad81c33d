import { documentOf, summary } from './frame.ts'
import { html, trusted } from './html.ts'
import { fill } from './look.ts'
import { scriptOf } from './script.ts'
import type { ShareView } from './view.ts'
import { words } from './words.ts'

/** `/pay/:ref`: a link to send, a code to hold a phone at. */
export function sharePage(view: ShareView): string {
  const text = words[view.language]
  const title = fill(text.payTo, { business: view.business.name })
  return documentOf({
    language: view.language,
    nonce: view.nonce,
    title: `${text.shareTitle} · ${view.business.name}`,
    body: html`<main class="card wide">${summary(view, title)}
<div class="act"><div class="buttons"><a class="main" href="${view.checkoutUrl}">${text.payNow}</a></div>
<div class="qr" role="img" aria-label="${text.qrCode}">${trusted(view.qrSvg)}</div><p class="hint center">${text.scan}</p>
<p class="url" id="url">${view.shareUrl}</p>
<div class="buttons"><button type="button" class="plain" id="copy" data-done="${text.copied}" hidden>${text.copy}</button><p class="hint center" id="copied" role="status"></p></div></div></main>`,
    script: copyScript,
  })
}

const copyScript = await scriptOf(['client-copy'], 'offerCopy')

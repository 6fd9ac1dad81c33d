import { documentOf, summary } from './frame.ts'
import { type Html, html, jsonText, trusted, webAddress } from './html.ts'
import { fill, type Look, lookOf } from './look.ts'
import { formatMoney } from './money.ts'
import { scriptOf } from './script.ts'
import { type ScriptData, scriptWords } from './script-data.ts'
import type { ChannelView, CheckoutView } from './view.ts'
import { type Words, words } from './words.ts'

/**
 * `/checkout/:token`. The page is whole without its script: the channels are buttons of a form, the state is drawn, and
 * the provider's page is a link.
 */
export function checkoutPage(view: CheckoutView): string {
  const text = words[view.language]
  const amount = formatMoney(view.amount, view.currency, view.language)
  const names = { business: view.business.name, amount }
  const look = lookOf(view.state, text, names, false)
  const title = fill(text.payTo, names)
  const close = html`<button type="button" class="x" id="close" aria-label="${text.close}" hidden><span aria-hidden="true">×</span></button>`
  const data = html`<script type="application/json" id="data" nonce="${view.nonce}">${jsonText(dataOf(view, names))}</script>`
  return documentOf({
    language: view.language,
    nonce: view.nonce,
    title: `${title} · ${amount}`,
    body: html`<main class="card wide closes">${summary(view, title, close)}
<div class="act">${status(look)}${actions(view, look, text)}${problem(text)}${channels(view, look, text)}${leave(look, text)}</div></main>${data}`,
    moreStyle: view.channels.map(markStyle).join(''),
    script: checkoutScript,
  })
}

const checkoutScript = await scriptOf(['look', 'client', 'client-app', 'client-draw', 'client-watch'], 'start')

const status = (look: Look): Html =>
  html`<div id="status" class="status ${look.tone}" role="status" aria-live="polite"><span class="dot" id="dot" aria-hidden="true"${trusted(look.title ? '' : ' hidden')}></span><div><h2 id="title" tabindex="-1"${hide(look.title)}>${look.title}</h2><p id="text"${hide(look.text)}>${look.text}</p><p id="reason"${hide(look.reason)}>${look.reason}</p></div></div>`

const hide = (shown: unknown): Html => trusted(shown ? '' : ' hidden')

function actions(view: CheckoutView, look: Look, text: Words): Html {
  const { status, attempt } = view.state
  const target = status === 'successful' ? (webAddress(view.successUrl) ?? `/checkout/${view.token}/success`) : null
  const back = look.isOver && !target ? webAddress(view.failureUrl) : null
  const resumeText = fill(text.openAgain, { channel: attempt?.channelName ?? '' })
  return html`<div class="buttons" id="actions"${hide(look.resume || look.canCheck || look.isOver)}>
<a class="main" id="resume" href="${look.resume ?? '#'}"${hide(look.resume)}>${resumeText}</a>
<button type="button" class="plain" id="check" hidden>${text.checkNow}</button>
<a class="main" id="on" href="${target ?? back ?? '#'}"${hide(target ?? back)}>${text.goOn}</a></div>`
}

function channels(view: CheckoutView, look: Look, text: Words): Html {
  const ways = view.channels.map(
    (channel, index) =>
      html`<li><button class="way" name="payment_channel" value="${channel.slug}"><span class="mark m${index}" aria-hidden="true">${[...channel.name][0] ?? ''}</span><span class="name">${channel.name}${!channel.isHealthy && html`<small>${text.slow}</small>`}</span><span class="go" aria-hidden="true"></span></button></li>`,
  )
  const list =
    ways.length > 0
      ? html`<ul class="ways">${ways}</ul><p class="hint">${text.providerPage}</p>`
      : html`<p>${text.noChannels}</p>`
  return html`<form id="channels" method="post" action="/checkout/${view.token}/relay" target="_top"${hide(look.canChoose)}><h2 id="choose">${look.tone === 'wait' ? text.chooseOther : text.choose}</h2>${list}</form>`
}

const problem = (text: Words): Html =>
  html`<div id="problem" class="error" role="alert" hidden><p id="problem-text"></p><button type="button" class="plain" id="again">${text.tryAgain}</button></div>`

/** Needs the script: giving up is asked back first, and the merchant's page is told. */
const leave = (look: Look, text: Words): Html =>
  html`<div id="leave" class="leave" hidden><button type="button" class="quiet" id="cancel"${hide(look.canCancel)}>${text.cancel}</button><div id="sure" role="group" aria-labelledby="sure-text" hidden><p id="sure-text" class="what">${text.cancelAsk}</p><div class="pair"><button type="button" class="plain" id="no">${text.cancelNo}</button><button type="button" class="main" id="yes">${text.cancelYes}</button></div></div></div>`

const markStyle = (channel: ChannelView, index: number): string =>
  /^#[0-9a-f]{6}$/i.test(channel.themeColor) ? `.m${index}{background:${channel.themeColor}}` : ''

function dataOf(view: CheckoutView, names: ScriptData['names']): ScriptData {
  const text = words[view.language]
  return {
    token: view.token,
    names,
    words: Object.fromEntries(scriptWords.map((key) => [key, text[key]])) as ScriptData['words'],
    state: view.state,
    successUrl: webAddress(view.successUrl),
    failureUrl: webAddress(view.failureUrl),
  }
}

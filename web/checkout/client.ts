import { type App, ask, tell } from './client-app.ts'
import { draw, setText, show } from './client-draw.ts'
import { applyState, askAgain, finish, isPaidOrOver, refresh, watch } from './client-watch.ts'
import { fill } from './look.ts'
import type { ScriptData } from './script-data.ts'
import type { CheckoutState } from './view.ts'

/**
 * The checkout in the browser. What it believes is what the server said; a click only asks. How these functions become
 * the page's script: script.ts.
 */

export function start(): void {
  const data = JSON.parse(document.getElementById('data')!.textContent!) as ScriptData
  const app: App = {
    data,
    isFramed: window.parent !== window,
    isWebView: 'ReactNativeWebView' in window,
    state: data.state,
    isBusy: false,
    provider: null,
    stream: null,
    timer: 0,
    polls: 0,
    isFinished: false,
    again: () => {},
  }
  document.documentElement.classList.toggle('framed', app.isFramed)
  const logo = document.querySelector<HTMLImageElement>('img.logo')
  if (logo) watchLogo(logo, data.names.business)
  listen(app)
  draw(app)
  if (app.state.status === 'successful') finish(app, 0)
  // Nobody may have told the server of it; a page that nothing was tried on has nothing to ask.
  if (app.state.attempt) void askAgain(app)
  watch(app)
}

/** A logo that does not load gives way to the first letter of the name. */
export function watchLogo(logo: HTMLImageElement, name: string): void {
  const letter = document.createElement('span')
  letter.className = 'logo'
  letter.ariaHidden = 'true'
  letter.textContent = ([...name.trim()][0] ?? '').toUpperCase()
  if (logo.complete && logo.naturalWidth === 0) logo.replaceWith(letter)
  else logo.addEventListener('error', () => logo.replaceWith(letter))
}

export function listen(app: App): void {
  const on = (id: string, act: () => void) => document.getElementById(id)!.addEventListener('click', act)
  document.getElementById('channels')!.addEventListener('submit', (event) => {
    event.preventDefault()
    const button = event.submitter ?? document.querySelector('.way')
    if (button instanceof HTMLButtonElement) void pick(app, button)
  })
  on('check', () => void check(app))
  on('again', () => {
    problem('')
    app.again()
  })
  on('close', () => leave(app, 'close'))
  on('cancel', () => askToCancel(true))
  on('no', () => askToCancel(false))
  on('yes', () => void cancel(app))
  document.getElementById('resume')!.addEventListener('click', (event) => {
    // In a frame most providers refuse to be shown: theirs is a window of its own.
    if (!app.isFramed) return
    event.preventDefault()
    reopen(app)
  })
  const awake = () => {
    if (document.visibilityState === 'hidden') return
    app.polls = 0
    void askAgain(app)
    watch(app)
  }
  document.addEventListener('visibilitychange', awake)
  window.addEventListener('online', () => {
    problem('')
    awake()
  })
  window.addEventListener('offline', () => problem(app.data.words.offline))
  window.addEventListener('pageshow', (event) => {
    // Back from the provider's page: the browser may have kept this one as it was left.
    if (!event.persisted) return
    busy(app, null)
    awake()
  })
}

/** The buyer chose: the window first, because only a click may open one; then the provider's page in it. */
export async function pick(app: App, button: HTMLButtonElement): Promise<void> {
  if (app.isBusy) return
  const channel = button.querySelector('.name')!.firstChild!.textContent ?? ''
  const { words } = app.data
  const own = app.isFramed ? openWindow(fill(words.connecting, { channel })) : null
  busy(app, button)
  setText('title', fill(words.connecting, { channel }))
  problem('')
  app.again = () => void pick(app, button)
  try {
    const body = { payment_channel: button.value, via: own ? 'window' : 'page' }
    const { action } = (await ask(app, 'relay', body)) as { action: string }
    go(app, action, own)
  } catch (error) {
    own?.close()
    failed(app, error, channel)
  }
}

/** On to the provider's page: in its window, else in this tab; in a frame the merchant's page has to go there. */
export function go(app: App, action: string, own: Window | null): void {
  if (own) {
    app.provider?.close()
    app.provider = own
    own.location.replace(action)
    busy(app, null)
    void refresh(app)
    return
  }
  // Still here by then: the buyer stopped it, or the merchant's page did not follow.
  setTimeout(() => busy(app, null), 15_000)
  if (!app.isFramed) {
    location.assign(action)
    return
  }
  tell(app, { eventType: 'showLoader' })
  tell(app, { eventType: 'redirect', url: action })
}

export function openWindow(text: string): Window | null {
  const own = window.open('', '_blank', 'popup,width=480,height=760')
  if (!own) return null
  // The provider's page gets no hold of this one; we keep ours, to close it.
  own.opener = null
  own.document.title = text
  own.document.body.textContent = text
  return own
}

export function reopen(app: App): void {
  const action = app.state.attempt?.action
  if (!action) return
  if (app.provider && !app.provider.closed) app.provider.focus()
  else go(app, action, openWindow(action))
}

export async function check(app: App): Promise<void> {
  if (app.isBusy) return
  const { words } = app.data
  const channel = app.state.attempt?.channelName ?? ''
  busy(app, document.getElementById('check'))
  problem('')
  setText('text', fill(words.checking, { channel }))
  app.again = () => void check(app)
  try {
    applyState(app, (await ask(app, 'check', null)) as CheckoutState)
    busy(app, null)
    const isUndecided = ['pending', 'processing', 'unknown'].includes(app.state.attempt?.status ?? '')
    if (isUndecided && !isPaidOrOver(app)) setText('text', words.notYet)
  } catch (error) {
    failed(app, error, null)
  }
}

export function askToCancel(isAsked: boolean): void {
  show('cancel', !isAsked)
  show('sure', isAsked)
  document.getElementById(isAsked ? 'no' : 'cancel')!.focus()
}

export async function cancel(app: App): Promise<void> {
  if (app.isBusy) return
  busy(app, document.getElementById('yes'))
  problem('')
  app.again = () => void cancel(app)
  try {
    applyState(app, (await ask(app, 'cancel', null)) as CheckoutState)
    app.provider?.close()
    busy(app, null)
    if (app.state.status === 'cancelled') leave(app, 'cancel')
  } catch (error) {
    failed(app, error, null)
    askToCancel(false)
  }
}

/** `#close` is what a native app around its web view waits for. */
export function leave(app: App, intent: 'close' | 'cancel'): void {
  if (app.isFramed) {
    tell(app, { eventType: 'closeIframe', intent })
    return
  }
  location.hash = '#close'
  if (app.isWebView) return
  if (app.data.failureUrl) {
    location.assign(app.data.failureUrl)
    return
  }
  // Only a window that a script opened can be closed by one; else the buyer is told.
  window.close()
  show('status', true)
  setText('reason', app.data.words.closePage)
}

export function failed(app: App, error: unknown, channel: string | null): void {
  busy(app, null)
  const { words } = app.data
  const kind = error instanceof Error ? error.message : ''
  const refused = channel === null ? words.noAnswer : fill(words.refused, { channel })
  const texts: Record<string, string> = { wait: words.wait, offline: words.offline, refused }
  problem(texts[kind] ?? words.noAnswer)
  // It may have been refused because another tab has paid or cancelled meanwhile.
  void refresh(app)
}

export function problem(text: string): void {
  setText('problem-text', text)
  show('problem', text !== '')
  if (text) document.getElementById('problem')!.scrollIntoView({ block: 'nearest' })
}

/** `element` turns, everything else waits; null: nothing is under way. */
export function busy(app: App, element: Element | null): void {
  app.isBusy = element !== null
  for (const one of document.querySelectorAll('.act button')) {
    one.setAttribute('aria-disabled', String(app.isBusy))
    one.setAttribute('aria-busy', String(one === element))
  }
  if (!app.isBusy && !isPaidOrOver(app)) draw(app)
}

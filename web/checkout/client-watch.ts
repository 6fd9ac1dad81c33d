import { type App, ask, tell } from './client-app.ts'
import { draw, setText } from './client-draw.ts'
import type { CheckoutState } from './view.ts'

/**
 * How the page learns of changes: the server pushes them; while the stream is down the page asks, less and less often.
 * Returning to the page asks at once.
 */

export function isPaidOrOver(app: App): boolean {
  return app.state.status !== 'new' && app.state.status !== 'open'
}

export function watch(app: App): void {
  if (isPaidOrOver(app)) return
  if (!('EventSource' in window)) {
    poll(app)
    return
  }
  if (app.stream && app.stream.readyState !== EventSource.CLOSED) return
  const stream = new EventSource(`/checkout/${app.data.token}/events`)
  app.stream = stream
  stream.onopen = () => {
    app.polls = 0
  }
  stream.onmessage = (event) => applyState(app, JSON.parse(event.data) as CheckoutState)
  // The browser opens it again by itself, unless the server refused; meanwhile we ask.
  stream.onerror = () => poll(app)
}

/** 2 s, then half as long again each time, at most 15 s; an hour in all. */
export function poll(app: App): void {
  const pollsMax = 240
  if (app.timer || app.polls >= pollsMax || isPaidOrOver(app)) return
  const waitMs = Math.min(2000 * 1.5 ** app.polls, 15_000)
  app.polls += 1
  app.timer = window.setTimeout(async () => {
    app.timer = 0
    // Nobody looks: becoming visible asks at once.
    if (document.visibilityState === 'hidden') return
    if (app.stream?.readyState === 1) return
    await refresh(app)
    poll(app)
  }, waitMs)
}

/** The buyer looks at an attempt that is not decided: the channel is asked, as often as the server lets us. */
export async function askAgain(app: App): Promise<void> {
  const isWaiting = ['pending', 'processing', 'unknown'].includes(app.state.attempt?.status ?? '')
  if (isPaidOrOver(app) || !isWaiting) return refresh(app)
  try {
    applyState(app, (await ask(app, 'check', null)) as CheckoutState)
  } catch {
    // As with a refresh: the next look finds it.
  }
}

export async function refresh(app: App): Promise<void> {
  if (isPaidOrOver(app)) return
  try {
    applyState(app, (await ask(app, 'state', undefined)) as CheckoutState)
  } catch {
    // The next push, poll or look finds it; what the buyer started himself says its own error.
  }
}

/** News of an ended payment are final: an older answer that comes late changes nothing. */
export function applyState(app: App, state: CheckoutState): void {
  if (isPaidOrOver(app) || JSON.stringify(state) === JSON.stringify(app.state)) return
  app.state = state
  if (app.isBusy && !isPaidOrOver(app)) return
  draw(app)
  if (!isPaidOrOver(app)) return
  app.stream?.close()
  clearTimeout(app.timer)
  if (state.status === 'successful') finish(app, 1000)
}

/** Once: the merchant's page is told, or the buyer goes on. The server has verified the payment before. */
export function finish(app: App, afterMs: number): void {
  if (app.isFinished) return
  app.isFinished = true
  app.provider?.close()
  if (app.isFramed) {
    tell(app, { eventType: 'paymentSuccessful', paymentRequest: app.state.paymentRequest })
    tell(app, { eventType: 'closeIframe', intent: 'close' })
    return
  }
  const receipt = `/checkout/${app.data.token}/success`
  const target = app.isWebView ? receipt : (app.data.successUrl ?? receipt)
  setText('reason', app.data.words.goingBack)
  setTimeout(() => location.replace(target), afterMs)
}

import type { ScriptData } from './script-data.ts'
import type { CheckoutState } from './view.ts'

/** The page as its script knows it, and whom it speaks to: the server, and the page around it. */

export interface App {
  readonly data: ScriptData
  readonly isFramed: boolean
  readonly isWebView: boolean
  state: CheckoutState
  /** One thing at a time: a second click finds it set. */
  isBusy: boolean
  /** The window that this page opened for the provider. */
  provider: Window | null
  stream: EventSource | null
  /** The next poll, while there is no stream. */
  timer: number
  polls: number
  isFinished: boolean
  /** What "try again" does. */
  again: () => void
}

/** `body`: null posts none, undefined only looks. Throws `offline`, `noAnswer`, `wait` or `refused`. Every call has an end: the provider behind it gets 20 s. */
export async function ask(app: App, verb: string, body: Record<string, string> | null | undefined): Promise<unknown> {
  const stop = new AbortController()
  const limit = setTimeout(() => stop.abort(), verb === 'state' ? 10_000 : 30_000)
  try {
    const response = await fetch(`/checkout/${app.data.token}/${verb}`, {
      method: body === undefined ? 'GET' : 'POST',
      ...(body ? { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) } : {}),
      cache: 'no-store',
      signal: stop.signal,
    })
    if (response.ok) return await response.json()
    throw new Error(response.status === 429 ? 'wait' : 'refused')
  } catch (error) {
    const known = error instanceof Error && ['wait', 'refused'].includes(error.message)
    throw known ? error : new Error(navigator.onLine ? 'noAnswer' : 'offline')
  } finally {
    clearTimeout(limit)
  }
}

/** To the page around this one, and to no other origin where the browser names it. */
export function tell(app: App, message: Record<string, unknown>): void {
  if (!app.isFramed) return
  let origin = location.ancestorOrigins?.[0] ?? (document.referrer ? new URL(document.referrer).origin : '*')
  // A parent without an origin, such as a local file, cannot be named.
  if (origin === 'null') origin = '*'
  window.parent.postMessage(JSON.stringify(message), origin)
}

import type { App } from './client-app.ts'
import { fill, lookOf } from './look.ts'

/** Puts a state onto the page that the server drew. */
export function draw(app: App): void {
  const { words, names, successUrl, failureUrl, token } = app.data
  const look = lookOf(app.state, words, names, app.provider !== null)
  const { attempt } = app.state
  document.getElementById('status')!.className = `status ${look.tone}`
  show('dot', look.tone !== 'none')
  setText('title', look.title)
  setText('text', look.text)
  setText('reason', look.reason)
  show('actions', look.resume !== null || look.canCheck || look.isOver)
  link('resume', look.resume)
  setText('resume', look.resume ? fill(words.openAgain, { channel: attempt?.channelName ?? '' }) : '')
  show('check', look.canCheck)
  const isPaid = app.state.status === 'successful'
  link('on', isPaid ? (successUrl ?? `/checkout/${token}/success`) : look.isOver ? failureUrl : null)
  if (app.isFramed) show('on', false)
  show('channels', look.canChoose)
  setText('choose', look.tone === 'wait' ? words.chooseOther : words.choose)
  show('close', !isPaid)
  show('leave', look.canCancel)
}

/** An empty text takes its element away; the same text is not said twice to who listens. */
export function setText(id: string, text: string): void {
  const element = document.getElementById(id)!
  if (element.textContent !== text) element.textContent = text
  show(id, text !== '')
}

/** Who hides what has the focus moves it to the state's title, not to the top of the page. */
export function show(id: string, isShown: boolean): void {
  const element = document.getElementById(id)!
  const hadFocus = !isShown && element.contains(document.activeElement)
  element.hidden = !isShown
  if (hadFocus) document.getElementById('title')!.focus()
}

export function link(id: string, address: string | null): void {
  const element = document.getElementById(id) as HTMLAnchorElement
  if (address) element.href = address
  show(id, address !== null)
}

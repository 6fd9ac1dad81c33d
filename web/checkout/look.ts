import type { CheckoutState } from './view.ts'
import type { Words } from './words.ts'

/**
 * What the page shows in each state. Pure, and used twice: the server draws the page by it, and the same text runs in
 * the browser when the state changes. So every function here is exported and needs nothing but the others.
 */

export interface Look {
  readonly tone: 'none' | 'wait' | 'bad' | 'good'
  readonly title: string
  readonly text: string
  /** The provider's own words. */
  readonly reason: string
  /** The provider's page, to go on there. */
  readonly resume: string | null
  readonly canCheck: boolean
  readonly canChoose: boolean
  readonly canCancel: boolean
  readonly isOver: boolean
}

export type LookWords = Pick<
  Words,
  | 'waitingTitle'
  | 'waitingText'
  | 'waitingWindow'
  | 'unknownText'
  | 'processingTitle'
  | 'processingText'
  | 'notPaidTitle'
  | 'declinedText'
  | 'expiredText'
  | 'voidedText'
  | 'excessText'
  | 'partText'
  | 'paidTitle'
  | 'paidText'
  | 'failedTitle'
  | 'linkExpiredTitle'
  | 'cancelledTitle'
  | 'askAgain'
>

/** `{name}` becomes the value of that name. */
export function fill(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(
    /\{(\w+)\}/g,
    (whole, wanted: string) => Object.entries(values).find(([name]) => name === wanted)?.[1] ?? whole,
  )
}

/** `names` has `business`, `amount` as shown, and gets the channel's name. */
export function lookOf(
  state: CheckoutState,
  words: LookWords,
  names: Readonly<Record<string, string>>,
  isWindow: boolean,
): Look {
  const over = overLook(state, words, names)
  if (over) return over
  const attempt = state.attempt
  const look = {
    tone: 'none',
    title: '',
    text: '',
    reason: '',
    resume: null,
    canCheck: false,
    canChoose: true,
    canCancel: true,
    isOver: false,
  } as const
  if (!attempt) return look
  const named = { ...names, channel: attempt.channelName }
  const underWay = underWayLook(attempt.status, words, named)
  if (underWay) return { ...look, ...underWay, tone: 'wait', canCheck: true, canChoose: false, canCancel: false }
  const resume = attempt.action && /^https?:/i.test(attempt.action) ? attempt.action : null
  if (attempt.status === 'pending') {
    const text = fill(isWindow ? words.waitingWindow : words.waitingText, named)
    return { ...look, tone: 'wait', title: words.waitingTitle, text, resume, canCheck: true }
  }
  if (attempt.status === 'part') return { ...look, tone: 'wait', title: words.waitingTitle, text: words.partText }
  const texts = { failed: words.declinedText, expired: words.expiredText, voided: words.voidedText }
  const text = attempt.status in texts ? texts[attempt.status as keyof typeof texts] : words.excessText
  return { ...look, tone: 'bad', title: words.notPaidTitle, text: fill(text, named), reason: attempt.reason ?? '' }
}

/** Money is on its way, or may be: nothing else can be begun. Null: it is not. */
export function underWayLook(
  status: string,
  words: LookWords,
  names: Readonly<Record<string, string>>,
): { readonly title: string; readonly text: string } | null {
  if (status === 'unknown') return { title: words.waitingTitle, text: fill(words.unknownText, names) }
  if (status === 'processing') return { title: words.processingTitle, text: words.processingText }
  return null
}

/** Null while the request can still be paid. */
export function overLook(state: CheckoutState, words: LookWords, names: Readonly<Record<string, string>>): Look | null {
  const titles = {
    successful: words.paidTitle,
    failed: words.failedTitle,
    expired: words.linkExpiredTitle,
    cancelled: words.cancelledTitle,
  }
  if (!(state.status in titles)) return null
  const isPaid = state.status === 'successful'
  return {
    tone: isPaid ? 'good' : 'bad',
    title: titles[state.status as keyof typeof titles],
    text: isPaid ? fill(words.paidText, names) : words.askAgain,
    reason: '',
    resume: null,
    canCheck: false,
    canChoose: false,
    canCancel: false,
    isOver: true,
  }
}

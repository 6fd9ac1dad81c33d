import type { CheckoutState } from './view.ts'
import type { Words } from './words.ts'

/** The texts that the script needs; the others are in the page already. */
export const scriptWords = [
  'connecting',
  'waitingTitle',
  'waitingText',
  'waitingWindow',
  'openAgain',
  'checking',
  'notYet',
  'unknownText',
  'processingTitle',
  'processingText',
  'notPaidTitle',
  'declinedText',
  'expiredText',
  'voidedText',
  'excessText',
  'partText',
  'paidTitle',
  'paidText',
  'goingBack',
  'failedTitle',
  'linkExpiredTitle',
  'cancelledTitle',
  'askAgain',
  'closePage',
  'choose',
  'chooseOther',
  'offline',
  'noAnswer',
  'refused',
  'wait',
] as const satisfies readonly (keyof Words)[]

/** What the page hands to its script. */
export interface ScriptData {
  readonly token: string
  readonly names: { readonly business: string; readonly amount: string }
  readonly words: Pick<Words, (typeof scriptWords)[number]>
  readonly state: CheckoutState
  readonly successUrl: string | null
  readonly failureUrl: string | null
}

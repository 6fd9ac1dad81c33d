import { createHash } from 'node:crypto'
import type { CardGroup } from '../page.ts'

/** Why a bank refuses, in Stripe's words. */
export interface Refusal {
  code: string
  declineCode: string
  message: string
}

/** What a test card does. */
export interface Card {
  number: string
  title: string
  brand: 'visa' | 'mastercard'
  /** Null: it pays. */
  refusal: Refusal | null
  /**
   * Charging it without the payer. `set_up`: only once the payer has shown themselves while it was saved;
   * `challenge`: always wants the payer back; `expires`: is refused for good.
   */
  saved: 'pays' | 'declines' | 'expires' | 'set_up' | 'challenge'
  refund: 'succeeds' | 'waits' | 'fails'
}

const declined = (declineCode: string, message = 'Your card was declined.'): Refusal => ({
  code: 'card_declined',
  declineCode,
  message,
})

export const REFUSALS = {
  generic: declined('generic_decline'),
  funds: declined('insufficient_funds', 'Your card has insufficient funds.'),
  expired: { code: 'expired_card', declineCode: 'expired_card', message: 'Your card has expired.' },
  cvc: { code: 'incorrect_cvc', declineCode: 'incorrect_cvc', message: "Your card's security code is incorrect." },
  processing: {
    code: 'processing_error',
    declineCode: 'processing_error',
    message: 'An error occurred while processing your card. Try again in a little bit.',
  },
  /** A debit that came back. */
  bank: {
    code: 'payment_intent_payment_attempt_failed',
    declineCode: 'insufficient_funds',
    message: 'The payment attempt failed: the account has insufficient funds.',
  },
  authentication: {
    code: 'authentication_required',
    declineCode: 'authentication_required',
    message: 'Your card was declined. This transaction requires authentication.',
  },
} as const satisfies Record<string, Refusal>

const PAYS = { brand: 'visa', refusal: null, saved: 'pays', refund: 'succeeds' } as const

/** Stripe's published test cards ("Testing", read 2026-11-20); the last one is ours, for what none does. */
export const CARDS: readonly Card[] = [
  { ...PAYS, number: '4242424242424242', title: 'Pays, can be saved' },
  { ...PAYS, number: '5555555555554444', title: 'Pays, Mastercard', brand: 'mastercard' },
  { ...PAYS, number: '4000000000000002', title: 'Declined', refusal: REFUSALS.generic },
  { ...PAYS, number: '4000000000009995', title: 'Insufficient funds', refusal: REFUSALS.funds },
  { ...PAYS, number: '4000000000000069', title: 'Expired card', refusal: REFUSALS.expired },
  { ...PAYS, number: '4000000000000127', title: 'Wrong security code', refusal: REFUSALS.cvc },
  { ...PAYS, number: '4000000000000119', title: 'Processing error', refusal: REFUSALS.processing },
  { ...PAYS, number: '4000002500003155', title: 'Pays; 3D Secure once, when saved', saved: 'set_up' },
  { ...PAYS, number: '4000002760003184', title: 'Pays, later charges want you back', saved: 'challenge' },
  { ...PAYS, number: '4000000000000341', title: 'Pays, later charges are declined', saved: 'declines' },
  { ...PAYS, number: '4000000000007726', title: 'Pays, its refund waits', refund: 'waits' },
  { ...PAYS, number: '4000000000005126', title: 'Pays, its refund fails', refund: 'fails' },
  { ...PAYS, number: '4000000000000549', title: 'Pays, later charges find it expired', saved: 'expires' },
]

export const GOOD_CARD = CARDS[0]!

/** As the page offers them. */
export const CARD_CHOICE = CARDS.map((card) => ({ number: card.number, title: card.title, group: groupOf(card) }))

function groupOf({ refusal, saved, refund }: Card): CardGroup {
  if (refusal !== null) return 'declined'
  return saved === 'pays' && refund === 'succeeds' ? 'pays' : 'special'
}

/** An unpublished number is refused: test mode takes no real cards. */
export function findCard(number: string): Card {
  const words = 'Your card was declined. Your request was in test mode, but used a non test card.'
  const refusal = declined('test_mode_live_card', words)
  return CARDS.find((one) => one.number === number) ?? { ...PAYS, number, title: 'Unknown card', refusal }
}

/** Stripe's ready-made payment methods; using one makes a new `pm_…` of that card. */
const ALIASES: Readonly<Record<string, string>> = {
  pm_card_visa: '4242424242424242',
  pm_card_mastercard: '5555555555554444',
  pm_card_chargeDeclined: '4000000000000002',
  pm_card_visa_chargeDeclined: '4000000000000002',
  pm_card_chargeDeclinedInsufficientFunds: '4000000000009995',
  pm_card_visa_chargeDeclinedInsufficientFunds: '4000000000009995',
  pm_card_chargeDeclinedExpiredCard: '4000000000000069',
  pm_card_chargeDeclinedIncorrectCvc: '4000000000000127',
  pm_card_chargeDeclinedProcessingError: '4000000000000119',
  pm_card_authenticationRequiredOnSetup: '4000002500003155',
  pm_card_authenticationRequired: '4000002760003184',
  pm_card_chargeCustomerFail: '4000000000000341',
  pm_card_pendingRefund: '4000000000007726',
  pm_card_refundFail: '4000000000005126',
}

export function aliasOf(id: string): string | null {
  return Object.hasOwn(ALIASES, id) ? ALIASES[id]! : null
}

/** The same for the same card at every payment of an account: what tells duplicates. */
export function fingerprintOf(secretKey: string, number: string): string {
  const hash = createHash('sha256').update(`${secretKey} ${number}`).digest('base64url')
  return hash.replaceAll(/[-_]/g, '').slice(0, 16)
}

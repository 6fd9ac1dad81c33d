import type { CardGroup } from '../page.ts'

/** What a test card does, and what Flutterwave says of it. */
export interface Card {
  number: string
  title: string
  type: 'MASTERCARD' | 'VISA' | 'VERVE'
  expiry: string
  authModel: string
  /** Null: it pays. */
  refusal: string | null
  refundEnding: 'completed-mpgs' | 'failed'
  /** What charging it again without the payer does. */
  savedCharge: 'success' | 'declined' | 'expired' | 'challenge'
}

const PAYS = { refusal: null, refundEnding: 'completed-mpgs', savedCharge: 'success' } as const
const MASTERCARD = { type: 'MASTERCARD', authModel: 'PIN', expiry: '09/31', ...PAYS } as const
const VISA = { type: 'VISA', authModel: 'VBVSECURECODE', expiry: '09/32', ...PAYS } as const

/** A published card that is refused, with its words. */
const refusing = (number: string, refusal: string, title = refusal): Card => ({ ...MASTERCARD, number, title, refusal })

/** Flutterwave's published test cards (FW-DOC "Testing", read 2026-11-20); the last four are ours, for what none does. */
export const CARDS: readonly Card[] = [
  { ...MASTERCARD, number: '5531886652142950', title: 'Pays with PIN and OTP', expiry: '09/32' },
  { ...MASTERCARD, number: '5438898014560229', title: 'Pays with 3-D Secure', expiry: '10/31', authModel: '3DS' },
  { ...VISA, number: '4187427415564246', title: 'Pays with 3-D Secure' },
  { ...MASTERCARD, number: '5061460410120223210', title: 'Pays with PIN', type: 'VERVE', expiry: '10/31' },
  { ...MASTERCARD, number: '5061460166976054667', title: 'Pays at once', expiry: '10/29', authModel: 'noauth' },
  { ...VISA, number: '4556052704172643', title: 'Pays with address check', authModel: 'AVS_VBVSECURECODE' },
  { ...MASTERCARD, number: '5377283645077450', title: 'Pays, pre-authorised', authModel: 'noauth' },
  refusing('5143010522339965', 'Do Not Honour', 'Declined: address check, do not honour'),
  refusing('5590131743294314', 'Transaction has been flagged as fraudulent', 'Declined: fraud'),
  refusing('5258585922666506', 'Insufficient Funds'),
  refusing('5551651630381384', 'Restricted Card'),
  refusing('5551658157653822', 'Invalid Transaction'),
  refusing('5258582054729020', 'Transaction not Permitted to Cardholder', 'Not permitted'),
  refusing('5258588264565682', 'Transaction not Permitted to Cardholder', 'Not permitted'),
  refusing('5258589130149016', 'Transaction Error'),
  refusing('5399834697894723', 'Incorrect PIN', 'Declined: wrong PIN'),
  { ...MASTERCARD, number: '5531886652140341', title: 'Pays, later charges are declined', savedCharge: 'declined' },
  { ...MASTERCARD, number: '5531886652143184', title: 'Pays, later charges want you back', savedCharge: 'challenge' },
  { ...MASTERCARD, number: '5531886652140549', title: 'Pays, later charges find it expired', savedCharge: 'expired' },
  { ...MASTERCARD, number: '5531886652141803', title: 'Pays, its refund fails', refundEnding: 'failed' },
]

/** What the bank says to charging a token without the payer; null: it pays. */
export function savedRefusalOf({ savedCharge }: Card): string | null {
  if (savedCharge === 'expired') return 'Expired Card'
  return savedCharge === 'declined' ? 'Declined by the issuer' : null
}

export const GOOD_CARD = CARDS[0]!

/** As the page offers them. */
export const CARD_CHOICE = CARDS.map((card) => ({ number: card.number, title: card.title, group: groupOf(card) }))

function groupOf({ refusal, refundEnding, savedCharge }: Card): CardGroup {
  if (refusal !== null) return 'declined'
  return refundEnding === 'completed-mpgs' && savedCharge === 'success' ? 'pays' : 'special'
}

/** An unpublished number is refused. */
export function findCard(number: string): Card {
  return CARDS.find((one) => one.number === number) ?? refusing(number, 'Invalid card number', 'Unknown card')
}

/** The card of the page's form, or the one that always pays. */
export function cardOf(number: string | null): Card {
  return number === null ? GOOD_CARD : findCard(number)
}

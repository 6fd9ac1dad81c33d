import { createHash } from 'node:crypto'
import type { CardGroup } from '../page.ts'

/** What a test card does, and what Paystack says of it. */
export interface Card {
  number: string
  title: string
  brand: 'visa' | 'mastercard' | 'verve'
  bank: string
  /** Null: it pays. */
  refusal: string | null
  reusable: boolean
  refundEnding: 'processed' | 'failed' | 'needs-attention'
  /** What charging it again without the payer does. */
  savedCharge: 'success' | 'declined' | 'expired' | 'challenge'
}

const PAYS = { refusal: null, reusable: false, refundEnding: 'processed', savedCharge: 'success' } as const
const VISA = { brand: 'visa', bank: 'TEST BANK', ...PAYS } as const
const VERVE = { brand: 'verve', bank: 'TEST BANK', ...PAYS } as const

/** Paystack's published test cards (PS-DOC 06, read 2026-11-20); the last three are ours, for what no published card does. */
export const CARDS: readonly Card[] = [
  { ...VISA, number: '4084084084084081', title: 'Pays, can be saved', reusable: true },
  { ...VERVE, number: '507850785078507812', title: 'Pays with PIN, cannot be saved' },
  { ...VERVE, number: '5060666666666666666', title: 'Pays with PIN and OTP, cannot be saved' },
  { ...VERVE, number: '507850785078507804', title: 'Pays with PIN, phone and OTP, cannot be saved' },
  {
    ...VISA,
    brand: 'mastercard',
    number: '5192602720584796',
    title: 'Pays with bank login, can be saved',
    reusable: true,
  },
  { ...VISA, number: '4084080000005408', title: 'Declined', refusal: 'Declined' },
  { ...VERVE, number: '507850785078507853', title: 'Pays, token not generated' },
  { ...VISA, number: '4084080000670037', title: 'Insufficient funds', refusal: 'Insufficient Funds' },
  { ...VISA, number: '4084080000671803', title: 'Pays, its refund fails', reusable: true, refundEnding: 'failed' },
  {
    ...VISA,
    number: '4084080000671902',
    title: 'Pays, its refund needs attention',
    reusable: true,
    refundEnding: 'needs-attention',
  },
  {
    ...VISA,
    number: '4084080000000341',
    title: 'Pays, later charges are declined',
    reusable: true,
    savedCharge: 'declined',
  },
  {
    ...VISA,
    number: '4084080000003184',
    title: 'Pays, later charges want you back',
    reusable: true,
    savedCharge: 'challenge',
  },
  {
    ...VISA,
    number: '4084080000000549',
    title: 'Pays, later charges find it expired',
    reusable: true,
    savedCharge: 'expired',
  },
]

/** What the bank says to charging a saved card without the payer; null: it pays. */
export function savedRefusalOf({ savedCharge }: Card): string | null {
  if (savedCharge === 'expired') return 'Expired Card'
  return savedCharge === 'declined' ? 'Declined' : null
}

export const GOOD_CARD = CARDS[0]!

/** As the page offers them. */
export const CARD_CHOICE = CARDS.map((card) => ({ number: card.number, title: card.title, group: groupOf(card) }))

function groupOf({ refusal, refundEnding, savedCharge }: Card): CardGroup {
  if (refusal !== null) return 'declined'
  return refundEnding === 'processed' && savedCharge === 'success' ? 'pays' : 'special'
}

/** An unpublished number is refused, as in Paystack's test mode. */
export function findCard(number: string): Card {
  const card = CARDS.find((one) => one.number === number)
  return card ?? { ...VISA, number, title: 'Unknown card', refusal: 'Unsupported test card' }
}

/** The same for the same card at every payment and every merchant: what tells duplicates. */
export function signatureOf(number: string): string {
  return `SIG_${createHash('sha256').update(`card ${number}`).digest('base64url').replaceAll(/[-_]/g, '').slice(0, 20)}`
}

/**
 * Amounts that decide the outcome, at every provider: the last four digits of the wire's minor amount. They are ours;
 * the providers publish only cards. In a currency whose wire amount always ends in 00 they cannot be reached.
 */
export type Magic =
  | 'declined'
  | 'challenge'
  | 'ongoing'
  | 'reversed'
  | 'less'
  | 'more'
  | 'other_currency'
  | 'other_reference'

const MAGIC_AMOUNTS: Readonly<Record<string, Magic>> = {
  '4002': 'declined', // "Insufficient Funds", whatever the card; a transfer fails
  '4003': 'challenge', // charging a saved method wants the payer back; on a page it simply pays
  '4008': 'ongoing', // undecided for ONGOING_MS after paying, then success; a transfer is pending as long
  '4009': 'reversed', // a transfer succeeds and is reversed ONGOING_MS later; a payment simply pays
  '9901': 'less', // one major unit less than asked moved, and is reported
  '9902': 'more', // one major unit more
  '9903': 'other_currency', // the amount asked, in another currency
  '9904': 'other_reference', // the report carries another payment's reference
}

/** How long an undecided payment stays so. */
export const ONGOING_MS = 3000

export function magicOf(wireMinor: number): Magic | null {
  return MAGIC_AMOUNTS[String(wireMinor).slice(-4)] ?? null
}

/** Declines of saved methods that no later try can turn. What is not known to be hard is soft: asked again later. */

/**
 * What issuers say for good, in the words that processors pass on (Paystack's `gateway_response`, Flutterwave's
 * `processor_response`): ISO 8583 response codes 04, 07, 14, 15, 41, 43, 46, 54, 62, 78 and Visa's R0, R1, R3, the ones
 * after which the schemes forbid another try or none can help (Visa's decline category 1; moyasar.com's and Mastercard
 * gateway's lists of the words; read 2026-11-25). "Do not honour", "insufficient funds" and the like are soft.
 */
const hardWords: readonly RegExp[] = [
  /\bexpired card\b|\bcard (?:has |is )?expired\b/,
  /\b(?:lost|stolen) card\b|\bcard (?:was |is |has been )?(?:reported )?(?:lost|stolen)\b/,
  /\bpick ?-?up card\b|\bcapture card\b/,
  /\bhot ?card\b/,
  /\brestricted card\b/,
  /\binvalid card(?: number)?\b/,
  /\bno such (?:issuer|account|card)\b|\binvalid (?:issuer|account)\b/,
  /\b(?:closed account|account (?:has been |is )?closed)\b/,
  /\bstop(?: recurring)? payment order\b|\brevocation of\b/,
]

/** Whether an issuer's words say that charging this card again is pointless. */
export function isHardRefusal(words: string | null): boolean {
  const text = words?.toLowerCase().replaceAll(/[_\s]+/g, ' ') ?? ''
  return hardWords.some((pattern) => pattern.test(text))
}

/**
 * Takes the secrets out of what a provider answered, so that it may stand in an error, a log or an answer of ours.
 * Two nets, because a provider may echo anything anywhere: keys that carry secrets are dropped whole, and what looks
 * like a secret, or is one that the caller names, is replaced inside every text.
 */

/** Keys whose value opens something: a charge, an account, a payer's session. Compared in lower case. */
const secretKeys = new Set([
  'access_code',
  'access_token',
  'accesstoken',
  'account_number',
  'api_key',
  'authorization',
  'authorization_code',
  'authorization_url',
  'card_number',
  'client_secret',
  'cvc',
  'cvv',
  'otp',
  'password',
  'pin',
  'secret',
  'secret_hash',
  'secret_key',
  'signature',
  'token',
])

/** Paystack and Stripe keys, webhook secrets, card tokens of all three, Stripe client secrets, Flutterwave keys, bearer headers. */
const secretTexts =
  /\b(?:sk|rk)_(?:test|live)_[\w-]+|\bwhsec_[\w+/=-]+|\bAUTH_\w+|\bpm_\w+|\b(?:pi|seti|cs)_\w+_secret_\w+|\bFLWSECK[\w-]+|\bflw-t\d[\w-]+|\bBearer\s+[^\s"'<]+/gi

/** An answer is evidence, not an archive: longer texts and lists are cut, deeper objects dropped. */
const textMax = 500
const itemsMax = 50
const depthMax = 6

const removed = '[removed]'

/** `secrets`: values that must not survive; empty ones are ignored. Cut to 500 characters after replacing, never before. */
export function redactText(text: string, secrets: readonly string[]): string {
  let clean = text
  for (const secret of secrets) if (secret !== '') clean = clean.replaceAll(secret, removed)
  clean = clean.replace(secretTexts, removed)
  return clean.length > textMax ? `${clean.slice(0, textMax)}…` : clean
}

/** A copy of parsed JSON without secrets, small enough to store beside an error. */
export function redact(value: unknown, secrets: readonly string[], depth = 0): unknown {
  if (typeof value === 'string') return redactText(value, secrets)
  if (typeof value !== 'object' || value === null) return value
  if (depth >= depthMax) return null
  if (Array.isArray(value)) return value.slice(0, itemsMax).map((item) => redact(item, secrets, depth + 1))
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !secretKeys.has(key.toLowerCase()))
      .slice(0, itemsMax)
      .map(([key, item]) => [redactText(key, secrets), redact(item, secrets, depth + 1)]),
  )
}

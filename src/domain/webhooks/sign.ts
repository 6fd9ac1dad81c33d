import { createHmac, randomBytes } from 'node:crypto'

/** Standard Webhooks: `whsec_` + base64 of 32 bytes. */
export const newSecret = (): string => `whsec_${randomBytes(32).toString('base64')}`

const bytesOf = (secret: string) => Buffer.from(secret.slice('whsec_'.length), 'base64')

/**
 * What `AsyncPay-Secret` holds: steady as long as the signing secret is, and made of it one way, so that whoever reads
 * it in a log can sign nothing.
 */
export const compatSecretOf = (secret: string): string =>
  `compat_${createHmac('sha256', bytesOf(secret)).update('AsyncPay-Secret').digest('base64')}`

/** The secrets that are valid now, the current one first, and what `AsyncPay-Secret` holds. */
export interface Signing {
  readonly secrets: readonly [string, ...string[]]
  readonly compat: string
}

/**
 * Both header forms: `AsyncPay-Secret` (compatible) and Standard Webhooks' three. One `v1,` signature for each secret
 * that is valid now. `atSeconds` is the time of the try, Unix seconds.
 */
export function headersOf(
  { secrets, compat }: Signing,
  id: string,
  atSeconds: number,
  body: string,
): Record<string, string> {
  const signature = (secret: string) =>
    createHmac('sha256', bytesOf(secret)).update(`${id}.${atSeconds}.${body}`).digest('base64')
  return {
    'content-type': 'application/json; charset=utf-8',
    'user-agent': 'Asyncpay-Webhooks/1',
    'asyncpay-secret': compat,
    'webhook-id': id,
    'webhook-timestamp': String(atSeconds),
    'webhook-signature': secrets.map((secret) => `v1,${signature(secret)}`).join(' '),
  }
}

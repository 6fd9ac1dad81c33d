import { createHmac, randomBytes } from 'node:crypto'

/** Standard Webhooks: `whsec_` + base64 of 32 bytes. */
export const newSecret = (): string => `whsec_${randomBytes(32).toString('base64')}`

/**
 * Both header forms: `AsyncPay-Secret` (compatible) and Standard Webhooks' three. One `v1,` signature for each secret
 * that is valid now. `atSeconds` is the time of the try, Unix seconds.
 */
export function headersOf(
  secrets: readonly [string, ...string[]],
  id: string,
  atSeconds: number,
  body: string,
): Record<string, string> {
  const signature = (secret: string) =>
    createHmac('sha256', Buffer.from(secret.slice('whsec_'.length), 'base64'))
      .update(`${id}.${atSeconds}.${body}`)
      .digest('base64')
  return {
    'content-type': 'application/json; charset=utf-8',
    'user-agent': 'Asyncpay-Webhooks/1',
    'asyncpay-secret': secrets[0],
    'webhook-id': id,
    'webhook-timestamp': String(atSeconds),
    'webhook-signature': secrets.map((secret) => `v1,${signature(secret)}`).join(' '),
  }
}

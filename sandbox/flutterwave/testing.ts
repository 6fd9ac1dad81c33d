import { type Answer, call } from '../testing.ts'

/** What the tests of the emulated Flutterwave share. */
export const FLW_KEY = 'FLWSECK_TEST-0123456789abcdef-X'

export const flwCall = (method: string, url: string, body?: unknown, key: string | null = FLW_KEY): Promise<Answer> =>
  call(method, url, body, key)

/** Opens a hosted page for NGN 1,500; more of the body as given. */
export async function openLink(url: string, txRef: string, more: Record<string, unknown> = {}): Promise<Answer> {
  return flwCall('POST', `${url}/flutterwave/v3/payments`, {
    ...{ tx_ref: txRef, amount: '1500', currency: 'NGN', redirect_url: 'https://shop.example/back?cart=9' },
    customer: { email: 'ada@example.com', name: 'Ada Obi' },
    ...more,
  })
}

export async function payLink(url: string, reference: string, more: Record<string, unknown> = {}): Promise<Answer> {
  return call('POST', `${url}/control/pay`, { channel: 'flutterwave', reference, outcome: 'success', ...more }, null)
}

export async function verifyLink(url: string, txRef: string): Promise<Answer> {
  return flwCall('GET', `${url}/flutterwave/v3/transactions/verify_by_reference?tx_ref=${encodeURIComponent(txRef)}`)
}

export async function disableLink(url: string, link: string, key = FLW_KEY): Promise<Answer> {
  return flwCall('POST', `${url}/flutterwave/v3/payments/link/disable`, { link }, key)
}

import createClient from 'openapi-fetch'
import type { components, paths, webhooks } from './asyncpay.gen.ts'

/** A shop's server, written against the generated types alone. `clients.test.ts` runs it and reads what it found. */

type Shown = components['schemas']['PaymentRequestWithCustomer']
type Paid = webhooks['payment.completed.successfully']['post']['requestBody']['content']['application/json']

export interface Found {
  opened: { ref: string; status: Shown['status']; action: string }
  wrongFields: Record<string, string[]>
  declined: string | null
  confirmAt: string
  listed: string[]
  next: string | null
}

export interface Saved {
  customer: string
  method: string
}

export async function shop(baseUrl: string, key: string, declining: Saved, asking: Saved): Promise<Found> {
  const client = createClient<paths>({ baseUrl, headers: { Authentication: `Bearer ${key}` } })
  const open = async (amount: string) =>
    await client.POST('/v1/payment-requests', {
      params: { header: { 'Idempotency-Key': `order-${amount}` } },
      body: {
        customer_email: 'ada@example.com',
        amount,
        currency: 'NGN',
        save_payment_method: true,
        description: null,
      },
    })

  const opened = await open('4500')
  if (!opened.data) throw new Error(`${opened.error.error}: ${opened.error.message}`)
  const { payment_request: made, action } = opened.data.data

  const refused = await open('-1')
  // Typed by its code: nothing but a failed validation names fields.
  if (refused.error?.error !== 'VALIDATION_FAILED') throw new Error('a negative amount was taken')
  const wrongFields: Record<string, string[]> = refused.error.error_data

  const charge = async ({ customer, method }: Saved) => {
    const body = { customer_uuid: customer, payment_method_uuid: method, amount: 100 }
    return (await client.POST('/v1/payment-requests/charge-payment-method', { body })).error
  }
  const declined = await charge(declining)
  if (declined?.error !== 'PAYMENT_DECLINED') throw new Error('a card that declines was charged')
  const asked = await charge(asking)
  if (asked?.error !== 'PAYER_ACTION_REQUIRED') throw new Error('a card that wants its payer was charged')

  const list = await client.GET('/v1/payment-requests', { params: { query: { page: 1, per_page: 2, search: 'ada@' } } })
  if (!list.data) throw new Error(list.error.message)
  const { data: rows, next_cursor: next } = list.data.data.payment_requests
  return {
    opened: { ref: made.ref, status: made.status, action },
    wrongFields,
    declined: declined.error_data.reason,
    confirmAt: asked.error_data.action,
    listed: rows.map(({ ref }) => ref),
    next,
  }
}

/** What the shop does with an event: the compiler knows what it holds. */
export const orderOf = ({ data }: Paid): string => `${data.reference ?? data.ref}: ${data.amount} ${data.currency}`

import assert from 'node:assert/strict'
import { attemptRef, type Body, payAtSandbox, type TestBusiness, type TestServer } from './server.ts'
import { until } from './wait.ts'

/** Cards of the sandbox by what becomes of later charges of them. */
export const cards = {
  paystack: {
    pays: '4084084084084081',
    declines: '4084080000000341',
    wantsPayer: '4084080000003184',
    expires: '4084080000000549',
  },
  flutterwave: {
    pays: '5531886652142950',
    declines: '5531886652140341',
    wantsPayer: '5531886652143184',
    expires: '5531886652140549',
  },
  stripe: {
    pays: '4242424242424242',
    declines: '4000000000000341',
    wantsPayer: '4000002760003184',
    expires: '4000000000000549',
  },
} as const
export type Slug = keyof typeof cards
export const slugs = Object.keys(cards) as Slug[]

export interface SavedCard {
  customer: string
  method: string
  /** The payment that left it. */
  opened: Body
}

let payers = 0

/** A customer who saved a card at a channel; gives the uuids that charging needs. */
export async function saveCard(
  server: TestServer,
  business: TestBusiness,
  channel: Slug,
  card: string = cards[channel].pays,
  customerEmail?: string,
): Promise<SavedCard> {
  payers += 1
  const customer_email = customerEmail ?? `saver-${payers}@example.com`
  const opened = await business.api('POST', '/v1/payment-requests/save-payment-method', {
    customer_email,
    payment_channel: channel,
  })
  assert.equal(opened.status, 201, opened.text)
  assert.equal((await payAtSandbox(server.url, attemptRef(opened), 'success', channel, card)).status, 200)
  const customer = opened.body.data.payment_request.customer.uuid
  const known = new Set((await methodsOf(business, customer)).map((one) => `${one.uuid} ${one.updated_at}`))
  // Asked for: where a test has moved the clock, a webhook with the time of its sending is too old.
  const paid = async () => {
    const path = `/v1/payment-requests/${opened.body.data.payment_request.ref}/verify`
    return (await business.api('PATCH', path)).body.data?.payment_request.status === 'successful'
  }
  await until('the payment', paid)
  const methods = await methodsOf(business, customer)
  const method = methods.find((one) => !known.has(`${one.uuid} ${one.updated_at}`)) ?? methods[0]
  assert.ok(method, 'no method was saved')
  return { customer, method: method.uuid, opened: opened.body.data.payment_request }
}

export async function methodsOf(business: TestBusiness, customer: string): Promise<Body[]> {
  const answer = await business.api('GET', `/v1/customers/${customer}/payment-methods?per_page=100`)
  assert.equal(answer.status, 200, answer.text)
  return answer.body.data.payment_methods.data
}

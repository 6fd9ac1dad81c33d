import assert from 'node:assert/strict'
import { cards, type Slug, saveCard } from './saved.ts'
import type { Body, TestBusiness, TestServer } from './server.ts'

/** What tests of subscriptions do and look at again and again. */

let names = 0

export async function createPlan(business: TestBusiness, fields: Record<string, unknown> = {}): Promise<Body> {
  names += 1
  const plan = await business.api('POST', '/v1/subscription-plans', {
    name: `Plan ${names}`,
    interval: 'monthly',
    amount: 5000,
    ...fields,
  })
  assert.equal(plan.status, 201, plan.text)
  return plan.body.data
}

export interface Subscriber {
  customer: string
  method: string
  subscription: Body
}

/** A customer with a saved card, subscribed by it; the first period (or the trial) has begun. */
export async function subscribe(
  server: TestServer,
  business: TestBusiness,
  plan: Body,
  options: { channel?: Slug; card?: keyof (typeof cards)['paystack']; isTrial?: boolean } = {},
): Promise<Subscriber> {
  const { channel = 'paystack', card = 'pays', isTrial = false } = options
  const { customer, method } = await saveCard(server, business, channel, cards[channel][card])
  const made = await business.api('POST', '/v1/subscriptions', {
    customer_uuid: customer,
    subscription_plan_uuid: plan.uuid,
    payment_method_uuid: method,
    ...(isTrial && { is_trial: 1 }),
  })
  assert.equal(made.status, 201, made.text)
  return { customer, method, subscription: made.body.data }
}

export async function advance(business: TestBusiness, to: { days: number } | { to: string }): Promise<Date> {
  const moved = await business.api('POST', '/v1/test-clock/advance', to)
  assert.equal(moved.status, 201, moved.text)
  return new Date(moved.body.data.now)
}

export async function subscriptionOf(business: TestBusiness, uuid: string): Promise<Body> {
  const found = await business.api('GET', `/v1/subscriptions/${uuid}`)
  assert.equal(found.status, 200, found.text)
  return found.body.data
}

export interface Period {
  number: number
  status: string
  starts_at: Date
  ends_at: Date
  amount_minor: bigint
  refusals: number
  request: string
  request_status: string
}

export async function periodsOf(server: TestServer, subscription: string): Promise<Period[]> {
  const { rows } = await server.ctx.database.pool.query<Period>(
    `select p.number, p.status, p.starts_at, p.ends_at, p.amount_minor, p.refusals, r.ref as request, r.status as request_status
     from subscription_periods p join payment_requests r on r.id = p.payment_request_id
     where p.subscription_id = $1 order by p.number`,
    [subscription],
  )
  return rows
}

/** Events of one subscription in their order, without the first word of each. */
export async function eventsOf(server: TestServer, subscription: string): Promise<string[]> {
  const { rows } = await server.ctx.database.pool.query<{ type: string }>(
    'select type from events where object_id = $1 order by sequence',
    [subscription],
  )
  return rows.map(({ type }) => type.replace('subscription.', ''))
}

/** Mails to one customer in the order of their writing. */
export async function mailsTo(server: TestServer, email: string): Promise<string[]> {
  const { rows } = await server.ctx.database.pool.query<{ template: string }>(
    'select template from mails where recipient = $1 order by id',
    [email],
  )
  return rows.map(({ template }) => template)
}

export interface Charge {
  reference: string
  amount_minor: number
  currency: string
  channel: string
}

/** What the sandbox took for the requests of one subscription's plan, by its own ledger. */
export async function chargesOf(server: TestServer, customer: string): Promise<Charge[]> {
  const { rows } = await server.ctx.database.pool.query<{ ref: string }>(
    `select t.ref from transactions t join payment_requests r on r.id = t.payment_request_id
     where r.customer_id = $1 and r.subscription_plan_id is not null`,
    [customer],
  )
  const refs = new Set(rows.map(({ ref }) => ref))
  const ledger = (await server.call('GET', '/sandbox/control/ledger')).body as (Charge & {
    kind: string
    status: string
  })[]
  return ledger.filter((row) => row.kind === 'charge' && row.status === 'success' && refs.has(row.reference))
}

/** Every period once: numbers without a gap, each beginning where the one before it ended. */
export function assertUnbroken(periods: readonly Period[]): void {
  periods.forEach((period, index) => {
    const told = JSON.stringify(period, (_, value) => (typeof value === 'bigint' ? Number(value) : value))
    assert.equal(period.number, index + 1, told)
    const before = periods[index - 1]
    if (before) assert.equal(period.starts_at.toISOString(), before.ends_at.toISOString(), told)
  })
}

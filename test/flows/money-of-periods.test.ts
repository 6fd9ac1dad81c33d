import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { expire } from '../../src/domain/attempts/end.ts'
import type { RequestRow, TransactionRow } from '../../src/domain/payment-requests/schema.ts'
import { followDue } from '../../src/domain/subscriptions/jobs.ts'
import { dayMs } from '../../src/platform/clock.ts'
import {
  ask,
  askTwice,
  assertKept,
  attemptsOf,
  followAgain,
  ledgerOf,
  paidPeriodsOf,
  renewOne,
  requestsOf,
  settleAll,
  subscriptionsOf,
} from '../support/money-of-periods.ts'
import { stopOwnPostgres } from '../support/postgres.ts'
import { cards, saveCard } from '../support/saved.ts'
import {
  type Body,
  connectSandbox,
  payAtSandbox,
  startTestServer,
  type TestBusiness,
  type TestServer,
  threeChannels,
} from '../support/server.ts'
import { createPlan } from '../support/subscriptions.ts'

/**
 * What a period was paid with is never given back; what came beyond it is (I19). No worker: what happens, happens when
 * the test says so, and the providers' ledger is the oracle.
 */

type Card = 'pays' | 'declines' | 'wantsPayer'

interface Payer {
  customer: string
  method: string
  email: string
}

let server: TestServer
let business: TestBusiness
const payers = new Map<Card, Payer>()

async function payerWith(card: Card): Promise<Payer> {
  const known = payers.get(card)
  if (known) return known
  const { customer, method, opened } = await saveCard(server, business, 'paystack', cards.paystack[card])
  const payer = { customer, method, email: opened.customer.email }
  payers.set(card, payer)
  return payer
}

const fault = async (kind: 'drop_after' | 'status') => {
  const rule = { channel: 'paystack', operation: 'charge', kind, times: 1, ...(kind === 'status' && { status: 429 }) }
  assert.equal((await server.call('POST', '/sandbox/control/faults', rule)).status, 201)
}

/** A renewal that is due: its subscription, its request, and the payer's page elsewhere, where a first try was refused. */
interface Due {
  payer: Payer
  plan: Body
  subscription: string
  request: RequestRow
  page: TransactionRow
}

async function becomeDue(card: Card): Promise<Due> {
  const payer = await payerWith(card)
  const plan = await createPlan(business, { trial_period: 1 })
  const made = await business.api('POST', '/v1/subscriptions', {
    customer_uuid: payer.customer,
    subscription_plan_uuid: plan.uuid,
    payment_method_uuid: payer.method,
    is_trial: 1,
  })
  assert.equal(made.status, 201, made.text)
  server.clock.advance(dayMs)
  // The channel takes no calls at first, so that the request is there before its charge.
  await fault('status')
  await renewOne(server, made.body.data.uuid)
  const request = (await server.ctx.db
    .selectFrom('payment_requests')
    .selectAll()
    .where('subscription_id', '=', made.body.data.uuid)
    .executeTakeFirstOrThrow()) as RequestRow
  const relayed = await business.api('POST', '/v1/payment-requests/relay', {
    payment_request_ref: request.ref,
    payment_channel: 'flutterwave',
  })
  assert.equal(relayed.status, 201, relayed.text)
  const [page] = (await attemptsOf(server, request.id)).slice(-1)
  assert.ok(page)
  await payAtSandbox(server.url, page.ref, 'failed', 'flutterwave')
  await ask(server, page)
  return { payer, plan, subscription: made.body.data.uuid, request, page }
}

/** How the charge of the saved card goes: what it is at first, and what it ends as. */
const charges = {
  'declined at once': { card: 'declines', fault: null },
  'unknown, then declined': { card: 'declines', fault: 'drop_after' },
  'unknown, then charged': { card: 'pays', fault: 'drop_after' },
  'the payer is needed, and comes': { card: 'wantsPayer', fault: null },
} as const
type ChargeKind = keyof typeof charges

async function charge(due: Due, kind: ChargeKind): Promise<TransactionRow> {
  const { fault: kindOfFault } = charges[kind]
  if (kindOfFault) await fault(kindOfFault)
  await renewOne(server, due.subscription)
  const [charged] = (await attemptsOf(server, due.request.id)).slice(-1)
  assert.ok(charged?.mode === 'saved', kind)
  return charged
}

let ends = 0

const steps = {
  'success on the page': async ({ page }: Due) => {
    await payAtSandbox(server.url, page.ref, 'success', 'flutterwave', cards.flutterwave.pays)
    await askTwice(server, page)
  },
  'the charge ends': async (_: Due, charged: TransactionRow) => {
    if (charged.refusal === 'payer') await payAtSandbox(server.url, charged.ref)
    await askTwice(server, charged)
  },
  // By turns, because nothing differs in what follows.
  'expiry, or the request is cancelled': async ({ request }: Due) => {
    ends += 1
    if (ends % 2 === 0) await expire(server.ctx, request)
    else await business.api('PATCH', `/v1/payment-requests/${request.ref}/cancel`)
  },
  'the subscription is cancelled': async ({ subscription }: Due) =>
    void (await business.api('PATCH', `/v1/subscriptions/${subscription}/cancel?immediately=1`)),
  'the plan is changed': async ({ subscription }: Due) => {
    const other = await createPlan(business)
    await business.api('PUT', `/v1/subscriptions/${subscription}`, { subscription_plan_uuid: other.uuid })
  },
  'paid ahead by another request': async ({ payer, plan }: Due) => {
    const opened = await business.api('POST', '/v1/payment-requests', {
      customer_email: payer.email,
      subscription_plan_uuid: plan.uuid,
      extend_subscription_by: 2,
      payment_channel: 'stripe',
    })
    assert.equal(opened.status, 201, opened.text)
    const { ref, last_transaction: attempt } = opened.body.data.payment_request
    await payAtSandbox(server.url, attempt.ref, 'success', 'stripe')
    await business.api('PATCH', `/v1/payment-requests/${ref}/verify`)
  },
}
type Step = keyof typeof steps

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length <= 1) return [[...items]]
  return items.flatMap((item, at) => permutations(items.toSpliced(at, 1)).map((rest) => [item, ...rest]))
}

const asks: readonly Step[] = ['success on the page', 'the charge ends']
const others = (Object.keys(steps) as Step[]).filter((step) => !asks.includes(step))

/** Every order of what the channels say, and of one thing more that somebody does meanwhile. */
function ordersOf(kind: ChargeKind): Step[][] {
  const said = kind === 'declined at once' ? asks.slice(0, 1) : asks
  return [...permutations(said), ...others.flatMap((other) => permutations([...said, other]))]
}

/** Follows at once, or only when everything has happened. */
const follows = async (isAtOnce: boolean) => {
  if (isAtOnce) while ((await followDue(server.ctx)) > 0);
}

async function walk(kind: ChargeKind, order: readonly Step[], followsAtOnce: boolean): Promise<Due> {
  const due = await becomeDue(charges[kind].card)
  const charged = await charge(due, kind)
  for (const step of order) {
    await steps[step](due, charged)
    await follows(followsAtOnce)
  }
  await endOf(due.payer, due.plan, [due.subscription])
  return due
}

/** Nothing is left to happen; what is asked or followed once more changes nothing. */
async function endOf({ customer }: Payer, plan: Body, subscriptions: string[]): Promise<void> {
  await settleAll(server)
  for (const request of await requestsOf(server, customer, plan.uuid)) {
    for (const attempt of await attemptsOf(server, request)) if (attempt.opened_at) await ask(server, attempt)
  }
  for (const uuid of subscriptions) await business.api('PATCH', `/v1/subscriptions/${uuid}/cancel?immediately=1`)
  await settleAll(server)
  await followAgain(server, customer, plan.uuid)
  await settleAll(server)
}

/** A page and a charge of a saved card that are both to begin the same subscription. */
interface First {
  payer: Payer
  plan: Body
  /** The page that counts, and the one that a relay gave up. */
  page: TransactionRow
  voided: TransactionRow
  charged: TransactionRow
}

async function begin(card: Card): Promise<First> {
  const payer = await payerWith(card)
  const plan = await createPlan(business)
  const wish = { customer_email: payer.email, subscription_plan_uuid: plan.uuid, payment_channel: 'stripe' }
  const opened = await business.api('POST', '/v1/payment-requests', wish)
  assert.equal(opened.status, 201, opened.text)
  const { ref, uuid } = opened.body.data.payment_request
  await business.api('POST', '/v1/payment-requests/relay', { payment_request_ref: ref, payment_channel: 'flutterwave' })
  const [voided, page] = await attemptsOf(server, uuid.replace('eric-', ''))
  // Charge after charge gets no answer here; connected anew, the account begins with a closed breaker.
  await connectSandbox(server.ctx, business.id, 'paystack', true)
  await fault('drop_after')
  const charging = await business.api('POST', '/v1/subscriptions', {
    customer_uuid: payer.customer,
    subscription_plan_uuid: plan.uuid,
    payment_method_uuid: payer.method,
  })
  assert.equal(charging.status, 202, charging.text)
  const [, second] = await requestsOf(server, payer.customer, plan.uuid)
  const [charged] = await attemptsOf(server, second ?? '')
  assert.ok(page && voided && charged)
  return { payer, plan, page, voided, charged }
}

const firstSteps = {
  'success on the page': async ({ page }: First) => {
    await payAtSandbox(server.url, page.ref, 'success', 'flutterwave', cards.flutterwave.pays)
    await askTwice(server, page)
  },
  'success on the page that was given up': async ({ voided }: First) => {
    await payAtSandbox(server.url, voided.ref, 'success', 'stripe', cards.stripe.pays)
    await askTwice(server, voided)
  },
  'the charge ends': async ({ charged }: First) => await askTwice(server, charged),
  'the subscription is cancelled': async ({ payer, plan }: First) => {
    for (const uuid of await subscriptionsOf(server, payer.customer, plan.uuid)) {
      await business.api('PATCH', `/v1/subscriptions/${uuid}/cancel?immediately=1`)
    }
  },
}
type FirstStep = keyof typeof firstSteps

function firstOrdersOf(card: Card): FirstStep[][] {
  const all = Object.keys(firstSteps) as FirstStep[]
  return permutations(card === 'pays' ? all : all.filter((step) => step !== 'the subscription is cancelled'))
}

describe('what a period was paid with', () => {
  before(async () => {
    server = await startTestServer({ backend: 'postgres', role: 'api' })
    business = await threeChannels(server)
  })
  after(async () => {
    await server?.close()
    await stopOwnPostgres()
  })

  for (const kind of ['unknown, then declined', 'the payer is needed, and comes'] as const) {
    test(`kept where the payer paid on a page and ${kind}: the small story`, async () => {
      const due = await walk(kind, asks, true)
      const ledger = await ledgerOf(server, due.payer.customer, due.plan.uuid)
      console.log(kind, JSON.stringify(ledger))
      const [period] = await paidPeriodsOf(server, due.payer.customer, due.plan.uuid)
      assert.equal(period?.status, 'paid')
      assert.equal(period.paid_ref, due.page.ref)
      assert.deepEqual(
        ledger.filter((row) => row.reference === due.page.ref),
        [{ kind: 'charge', reference: due.page.ref, amount: 500_000 }],
      )
    })
  }

  for (const [nth, kind] of (Object.keys(charges) as ChargeKind[]).entries()) {
    const orders = ordersOf(kind)
    test(`a renewal, ${kind}: ${orders.length} orders, one payment kept a paid period, none an unpaid one`, async () => {
      for (const [at, order] of orders.entries()) {
        const followsAtOnce = (at + nth) % 2 === 0
        const due = await walk(kind, order, followsAtOnce)
        const story = [kind, ...order, followsAtOnce ? 'followed at once' : 'followed at the end'].join(', ')
        await assertKept(server, due.payer.customer, due.plan.uuid, story)
      }
    })
  }

  for (const card of ['pays', 'declines'] as const) {
    const firstOrders = firstOrdersOf(card)
    test(`a first payment, a card that ${card}: ${firstOrders.length} orders, the same`, async () => {
      for (const [at, order] of firstOrders.entries()) {
        const first = await begin(card)
        for (const step of order) {
          await firstSteps[step](first)
          await follows(at % 2 === 0)
        }
        await settleAll(server)
        const { payer, plan } = first
        await endOf(payer, plan, await subscriptionsOf(server, payer.customer, plan.uuid))
        await assertKept(server, payer.customer, plan.uuid, [card, ...order].join(', '))
      }
    })
  }
})

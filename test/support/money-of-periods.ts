import assert from 'node:assert/strict'
import * as dueRefunds from '../../src/domain/attempts/due-refunds.ts'
import * as attempts from '../../src/domain/attempts/service.ts'
import type { TransactionRow } from '../../src/domain/payment-requests/schema.ts'
import { refundDueExcess } from '../../src/domain/refunds/jobs.ts'
import { followDue } from '../../src/domain/subscriptions/jobs.ts'
import { renew } from '../../src/domain/subscriptions/renew.ts'
import type { SubscriptionRow } from '../../src/domain/subscriptions/schema.ts'
import { sql } from '../../src/platform/db.ts'
import type { Body, TestServer } from './server.ts'

/** What the periods of subscriptions were paid with, by the providers' own ledger. */

export interface Money {
  readonly kind: 'charge' | 'refund'
  readonly reference: string
  readonly amount: number
}

/** Charges and refunds of one customer's payments for one plan, in their order. */
export async function ledgerOf(server: TestServer, customer: string, plan: string): Promise<Money[]> {
  const { rows } = await sql<{ ref: string }>`select t.ref from transactions t
    join payment_requests r on r.id = t.payment_request_id
    where r.customer_id = ${customer} and r.subscription_plan_id = ${plan}`.execute(server.ctx.db)
  const own = new Set(rows.map(({ ref }) => ref))
  const ledger = (await server.call('GET', '/sandbox/control/ledger')).body as Body[]
  return ledger
    .filter((row) => own.has(row.reference))
    .filter((row) => row.kind === 'refund' || ['success', 'reversed'].includes(row.status))
    .map((row) => ({ kind: row.kind, reference: row.reference, amount: row.amount_minor }))
}

const sum = (rows: readonly Money[]): number =>
  rows.reduce((total, { kind, amount }) => total + (kind === 'charge' ? amount : -amount), 0)

export interface PaidPeriod {
  number: number
  status: string
  amount_minor: bigint
  paid_ref: string | null
}

export async function paidPeriodsOf(server: TestServer, customer: string, plan: string): Promise<PaidPeriod[]> {
  const { rows } = await sql<PaidPeriod>`select p.number, p.status, p.amount_minor, t.ref as paid_ref
    from subscription_periods p join subscriptions s on s.id = p.subscription_id
    left join transactions t on t.id = p.paid_transaction_id
    where s.customer_id = ${customer} and p.subscription_plan_id = ${plan} order by p.number`.execute(server.ctx.db)
  return rows
}

/** I19: kept for each period exactly one payment where it is paid, none where it is not; nothing besides. */
export async function assertKept(server: TestServer, customer: string, plan: string, story: string): Promise<void> {
  const ledger = await ledgerOf(server, customer, plan)
  const periods = await paidPeriodsOf(server, customer, plan)
  const told = JSON.stringify({ story, ledger, periods }, (_, value) =>
    typeof value === 'bigint' ? Number(value) : value,
  )
  for (const reference of new Set(ledger.map((row) => row.reference))) {
    const bought = periods.filter((one) => one.paid_ref === reference)
    const price = bought.reduce((total, one) => total + Number(one.amount_minor), 0)
    assert.equal(sum(ledger.filter((row) => row.reference === reference)), price, told)
  }
  for (const period of periods) {
    assert.equal(period.paid_ref !== null, period.status === 'paid', told)
    if (period.paid_ref)
      assert.ok(
        ledger.some((row) => row.reference === period.paid_ref),
        told,
      )
  }
}

/** Everything that follows by itself, until nothing does. */
export async function settleAll(server: TestServer): Promise<void> {
  while ((await followDue(server.ctx)) + (await refundDueExcess(server.ctx)) > 0);
}

export async function subscriptionRow(server: TestServer, id: string): Promise<SubscriptionRow> {
  const rows = server.ctx.db.selectFrom('subscriptions').selectAll().where('id', '=', id)
  return (await rows.executeTakeFirstOrThrow()) as SubscriptionRow
}

/** Bills or charges what is due of one subscription, and nobody else's. */
export const renewOne = async (server: TestServer, id: string): Promise<void> =>
  await renew(server.ctx, await subscriptionRow(server, id))

export async function attemptsOf(server: TestServer, requestId: string): Promise<TransactionRow[]> {
  const rows = server.ctx.db.selectFrom('transactions').selectAll().where('payment_request_id', '=', requestId)
  return (await rows.orderBy('id').execute()) as TransactionRow[]
}

/** Asks the channel about an attempt, as whoever hears of it does. */
export async function ask(server: TestServer, attempt: TransactionRow): Promise<void> {
  await attempts.refreshAttempt(server.ctx, await dueRefunds.findTransaction(server.ctx, attempt.id))
}

/** Somebody else heard of it as well. */
export async function askTwice(server: TestServer, attempt: TransactionRow): Promise<void> {
  await ask(server, attempt)
  await ask(server, attempt)
}

export async function requestsOf(server: TestServer, customer: string, plan: string): Promise<string[]> {
  const rows = server.ctx.db.selectFrom('payment_requests').select('id').where('customer_id', '=', customer)
  return (await rows.where('subscription_plan_id', '=', plan).orderBy('id').execute()).map(({ id }) => id)
}

export async function subscriptionsOf(server: TestServer, customer: string, plan: string): Promise<string[]> {
  const rows = server.ctx.db.selectFrom('subscriptions').select('id').where('customer_id', '=', customer)
  return (await rows.where('subscription_plan_id', '=', plan).orderBy('id').execute()).map(({ id }) => id)
}

/** As if something had happened to payments that are over: whoever follows them again finds them used. */
export async function followAgain(server: TestServer, customer: string, plan: string): Promise<void> {
  await sql`update payment_requests set follow_up_due_at = updated_at where customer_id = ${customer}
    and subscription_plan_id = ${plan} and status = 'successful'
    and exists (select 1 from subscription_periods p join transactions t on t.id = p.paid_transaction_id
      where t.payment_request_id = payment_requests.id)`.execute(server.ctx.db)
}

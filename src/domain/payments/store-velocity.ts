import { type Db, sql } from '../../platform/db.ts'
import { emailKeyOf } from '../../platform/emails.ts'
import type { Owner } from '../payment-requests/service.ts'

/** How a stranger's latest attempts ended. A decline is a page that was opened and refused; an opening that failed is none. */

const isDecline = (since: Date) =>
  sql`t.status = 'failed' and t.mode = 'redirect' and t.opened_at is not null and t.updated_at > ${since}`

/** Newest first, of the customer's 200 newest requests: nobody makes more in an hour. */
export async function listDeclinesOf(
  db: Db,
  { businessId, envMode }: Owner,
  customer: { readonly email: string } | { readonly id: string },
  since: Date,
  limit: number,
): Promise<Date[]> {
  const isWanted = 'email' in customer ? sql`email_key = ${emailKeyOf(customer.email)}` : sql`id = ${customer.id}`
  const { rows } = await sql<{ at: Date }>`select t.updated_at as at from transactions t
    where t.payment_request_id in (select id from payment_requests where customer_id = (
          select id from customers where business_id = ${businessId} and env_mode = ${envMode} and deleted_at is null
            and ${isWanted} limit 1)
        order by id desc limit 200)
      and ${isDecline(since)}
    order by t.updated_at desc limit ${limit}`.execute(db)
  return rows.map(({ at }) => at)
}

/** Of these requests: the declines, newest first, and how many were paid. */
export async function findOutcomes(
  db: Db,
  requestIds: readonly string[],
  since: Date,
  limit: number,
): Promise<{ declines: Date[]; paid: number }> {
  const ids = sql`any(${requestIds}::uuid[])`
  const { rows } = await sql<{ at: Date | null; paid: bigint }>`
    with paid as (
      select count(*) as count from transactions where payment_request_id = ${ids} and status = 'successful'
    ), declines as (
      select t.updated_at as at from transactions t where t.payment_request_id = ${ids} and ${isDecline(since)}
      order by t.updated_at desc limit ${limit}
    )
    select d.at, p.count as paid from paid p left join declines d on true order by d.at desc`.execute(db)
  return { declines: rows.flatMap(({ at }) => at ?? []), paid: Number(rows[0]?.paid ?? 0) }
}

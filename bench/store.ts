import pg from 'pg'

/** Payment requests that are there already, written by SQL: `count` of them over the last 300 days, twenty a customer. */

export interface StoreOptions {
  url: string
  businessId: string
  count: number
  onProgress: (stored: number) => void
}

/** Rows a statement: progress can be shown, and memory stays small. */
const batch = 50_000
const perCustomer = 20

/** Version 7 ids in the order of time, made of the row's number, so that the tables are as they would have grown. */
const idOf = (kind: string) => `(lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || '7' ||
  substr(md5('${kind}' || n), 1, 3) || '8' || substr(md5('${kind}' || n), 4, 15))::uuid`
const customerIdOf = "md5('customer' || (n / $4::bigint))::uuid"
const refOf = (prefix: string, kind: string) => `'${prefix}' || substr(md5('${kind}' || n), 1, 13)`
/** 80 % paid, and of the rest as many open as failed as expired. */
const statusOf = `case when n % 15 < 12 then 'successful' when n % 15 = 12 then 'open' when n % 15 = 13 then 'failed' else 'expired' end`
const rowsOf = `(select n, now() - interval '300 days' * (1 - n / $5::float8) as at
  from generate_series($2::bigint, $3::bigint - 1) n) rows`

const statements = [
  `insert into customers (id, business_id, env_mode, customer_id, email, email_key, first_name, last_name, created_at,
     updated_at)
   select ${customerIdOf}, $1, 'test', 'bench-' || n, email, email, 'Ada', 'Obi', at, at
   from ${rowsOf}, lateral (select 'stored' || n || '@bench.example' as email) mailbox where n % $4::bigint = 0`,
  `insert into payment_requests (id, ref, business_id, env_mode, customer_id, intent, status, currency, amount_minor,
     amount_to_usd, usd_per_unit, description, reference, payment_method, expires_at, created_at, updated_at)
   select ${idOf('request')}, ${refOf('AsP-', 'ref')}, $1, 'test', ${customerIdOf}, 'make_payment', ${statusOf}, 'NGN',
     10050, '0.06', 0.000627, 'Stored by the bench', 'order-' || n, 'Card', at + interval '1 day', at, at from ${rowsOf}
     where $4::bigint > 0`,
  `insert into transactions (id, ref, business_id, env_mode, payment_request_id, payment_channel_slug, mode, status,
     currency, amount_minor, amount_to_usd, usd_per_unit, payment_method, checkout_url, channel_reference, opened_at,
     created_at, updated_at)
   select ${idOf('attempt')}, ${refOf('AsT-', 'attempt')}, $1, 'test', ${idOf('request')}, 'paystack', 'redirect',
     replace(${statusOf}, 'open', 'pending'), 'NGN', 10050, '0.06', 0.000627, 'Card', 'https://checkout.example/' || n,
     ${refOf('AsT-', 'attempt')}, at, at, at from ${rowsOf} where $4::bigint > 0`,
  `insert into timeline_records (id, payment_request_id, summary, created_at, updated_at)
   select ${idOf('line1')}, ${idOf('request')}, 'Payment initiated', at, at from ${rowsOf}
   where $1::uuid is not null and $4::bigint > 0`,
  `insert into timeline_records (id, payment_request_id, transaction_id, summary, created_at, updated_at)
   select ${idOf('line2')}, ${idOf('request')}, ${idOf('attempt')}, 'Asyncpay relayed payment to Paystack', at, at
   from ${rowsOf} where $1::uuid is not null and $4::bigint > 0`,
]

/** Gives ids of some of the customers. */
export async function storeRequests(options: StoreOptions): Promise<string[]> {
  const { url, businessId, count, onProgress } = options
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    // The rows fit each other by construction, and a power cut may take them: neither belongs to the measurement.
    await client.query('set session_replication_role = replica; set synchronous_commit = off; set jit = off')
    for (let from = 0; from < count; from += batch) {
      const to = Math.min(from + batch, count)
      for (const text of statements) await client.query(text, [businessId, from, to, perCustomer, count])
      onProgress(to)
    }
    await client.query('vacuum analyze')
    await client.query('checkpoint')
    const { rows } = await client.query<{ id: string }>(
      "select id from customers where customer_id like 'bench-%' order by id limit 1000",
    )
    return rows.map((row) => row.id)
  } finally {
    await client.end()
  }
}

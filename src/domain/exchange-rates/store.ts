import { type Db, sql } from '../../platform/db.ts'

export interface Rate {
  currency: string
  /** US dollars for one major unit, decimal text. */
  usdPerUnit: string
}

export async function list(db: Db): Promise<Rate[]> {
  const { rows } =
    await sql<Rate>`select currency, usd_per_unit::text as "usdPerUnit" from exchange_rates limit 500`.execute(db)
  return rows
}

/** `keepExisting`: for the bundled rates, which never replace fetched ones. */
export async function save(
  db: Db,
  rates: Rate[],
  asOf: string,
  source: string,
  now: Date,
  keepExisting: boolean,
): Promise<void> {
  const insert = db.insertInto('exchange_rates').values(
    rates.map((rate) => ({
      currency: rate.currency,
      usd_per_unit: rate.usdPerUnit,
      as_of: asOf,
      source,
      updated_at: now,
    })),
  )
  await insert
    .onConflict((conflict) =>
      keepExisting
        ? conflict.column('currency').doNothing()
        : conflict.column('currency').doUpdateSet((set) => ({
            usd_per_unit: set.ref('excluded.usd_per_unit'),
            as_of: set.ref('excluded.as_of'),
            source: set.ref('excluded.source'),
            updated_at: now,
          })),
    )
    .execute()
}

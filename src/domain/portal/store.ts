import { type Db, sql, type Tx } from '../../platform/db.ts'
import type { PortalLink } from './schema.ts'

const columns = ['id', 'business_id', 'env_mode', 'customer_id', 'return_url', 'expires_at'] as const

export async function insert(tx: Tx, link: PortalLink, now: Date): Promise<void> {
  await tx
    .insertInto('portal_links')
    .values({ ...link, created_at: now })
    .execute()
}

export async function findMaybe(db: Db, id: string): Promise<PortalLink | undefined> {
  return (await db.selectFrom('portal_links').select(columns).where('id', '=', id).executeTakeFirst()) as
    | PortalLink
    | undefined
}

/** Drops links that ended before `before`, a bounded piece at a time; gives how many. */
export async function forgetEnded(db: Db, before: Date): Promise<number> {
  const { numAffectedRows } = await sql`delete from portal_links where id in
    (select id from portal_links where expires_at < ${before} order by expires_at limit 5000)`.execute(db)
  return Number(numAffectedRows ?? 0n)
}

import { type Db, sql, type Tx } from '../../platform/db.ts'
import type { Business, EnvMode, KeyKind, Scope } from './schema.ts'
import { columns, joined } from './store.ts'

export interface KeyOwner extends Business {
  keyId: string
  scopes: Scope[]
  expiresAt: Date | null
}

/** `keyHashes`: of the presented key under each master key that is known. */
export async function findMaybeOwner(
  db: Db,
  kind: KeyKind,
  keyHashes: readonly Buffer[],
  now: Date,
): Promise<KeyOwner | undefined> {
  const { rows } =
    await sql<KeyOwner>`/* hot */ select k.id as "keyId", k.scopes, k.expires_at as "expiresAt", ${columns}
    from ${joined} join api_keys k on k.business_id = m.business_id and k.env_mode = m.env_mode
    where k.key_hash = any(${keyHashes}::bytea[]) and k.kind = ${kind} and k.revoked_at is null
      and (k.expires_at is null or k.expires_at > ${now}) and b.deleted_at is null`.execute(db)
  return rows[0]
}

/** Which of these open anything. */
export async function listOpening(
  db: Db,
  kind: KeyKind,
  keyHashes: readonly Buffer[],
  now: Date,
): Promise<readonly Buffer[]> {
  const { rows } = await sql<{ hash: Buffer }>`/* hot */ select key_hash as hash from api_keys
    where key_hash = any(${keyHashes}::bytea[]) and kind = ${kind} and revoked_at is null
      and (expires_at is null or expires_at > ${now}) limit ${keyHashes.length}`.execute(db)
  return rows.map((row) => row.hash)
}

export interface KeyRow {
  id: string
  businessId: string
  envMode: EnvMode
  kind: KeyKind
  label: string
  scopes: Scope[]
  keySealed: Buffer
  createdAt: Date
  lastUsedAt: Date | null
  expiresAt: Date | null
  revokedAt: Date | null
  replacedBy: string | null
}

const keyColumns = sql`id, business_id as "businessId", env_mode as "envMode", kind, label, scopes,
  key_sealed as "keySealed", created_at as "createdAt", last_used_at as "lastUsedAt", expires_at as "expiresAt",
  revoked_at as "revokedAt", replaced_by as "replacedBy"`

/** Those that open come first, then the newest. */
export async function list(db: Db, businessId: string, limit: number): Promise<KeyRow[]> {
  const { rows } = await sql<KeyRow>`select ${keyColumns} from api_keys where business_id = ${businessId}
    order by revoked_at is not null, id desc limit ${limit}`.execute(db)
  return rows
}

/** The keys that a business was made with, or what they were rolled to: oldest first, so that further keys come behind. */
export async function listLasting(db: Db, businessId: string): Promise<KeyRow[]> {
  const { rows } = await sql<KeyRow>`select ${keyColumns} from api_keys where business_id = ${businessId}
      and revoked_at is null and replaced_by is null order by cardinality(scopes) desc, label = env_mode || ' ' || kind desc,
      id limit 200`.execute(db)
  return rows
}

/** By its id, or by the label that names one key that was neither revoked nor rolled. */
export async function lockMaybe(tx: Tx, businessId: string, idOrLabel: string): Promise<KeyRow | undefined> {
  const { rows } = await sql<KeyRow>`select ${keyColumns} from api_keys where business_id = ${businessId}
      and (id::text = ${idOrLabel} or (label = ${idOrLabel} and revoked_at is null and replaced_by is null))
    for no key update`.execute(tx)
  return rows[0]
}

export type NewKey = Pick<KeyRow, 'id' | 'businessId' | 'envMode' | 'kind' | 'label' | 'scopes' | 'keySealed'> & {
  keyHash: Buffer
  now: Date
}

/** False: another key that opens has this label. */
export async function insert(tx: Tx, row: NewKey): Promise<boolean> {
  const inserted = await tx
    .insertInto('api_keys')
    .values({
      id: row.id,
      business_id: row.businessId,
      env_mode: row.envMode,
      kind: row.kind,
      label: row.label,
      scopes: row.scopes,
      key_hash: row.keyHash,
      key_sealed: row.keySealed,
      created_at: row.now,
    })
    .onConflict((conflict) =>
      conflict
        .columns(['business_id', 'label'])
        .where('revoked_at', 'is', null)
        .where('replaced_by', 'is', null)
        .doNothing(),
    )
    .returning('id')
    .executeTakeFirst()
  return inserted !== undefined
}

export async function revoke(tx: Tx, id: string, now: Date): Promise<void> {
  await tx.updateTable('api_keys').set({ revoked_at: now }).where('id', '=', id).execute()
}

/** Its label is free from here on, for the key that comes after it. Null: it opens nothing from now on. */
export async function replace(
  tx: Tx,
  id: string,
  replacedBy: string,
  expiresAt: Date | null,
  now: Date,
): Promise<void> {
  await tx
    .updateTable('api_keys')
    .set({ replaced_by: replacedBy, ...(expiresAt ? { expires_at: expiresAt } : { revoked_at: now }) })
    .where('id', '=', id)
    .execute()
}

/** Not for a row that was noted after `notSince`: other processes note uses too. */
export async function noteUse(db: Db, id: string, now: Date, notSince: Date): Promise<void> {
  await sql`update api_keys set last_used_at = ${now}
    where id = ${id} and (last_used_at is null or last_used_at < ${notSince})`.execute(db)
}

import { createHash } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { createBatcher } from './batch.ts'
import { after, type Clock, hourMs, secondMs } from './clock.ts'
import { type Db, sql, type Tx } from './db.ts'
import { ApiError, httpErrors, invalid } from './errors.ts'
import type { Secrets } from './secrets.ts'

/**
 * `Idempotency-Key`: same key and body → the first answer again, byte for byte; other body → 422; twin in flight → 409.
 * A claim is one arbitrated insert. Its holder may note what it made; when it crashes, a twin that comes after the
 * lease takes over and goes on from there.
 */

/** Longer than the slowest honest request: three channels that each use up their 20 s. */
const leaseMs = 90 * secondMs
export const keptMs = 72 * hourMs

export interface Scope {
  readonly businessId: string
  readonly envMode: string
}

export class IdempotencyClaim {
  readonly scope: Scope
  readonly key: string
  readonly fingerprint: Buffer
  readonly lockedUntil: Date
  readonly createdAt: Date
  readonly secrets: Secrets
  /** True once this request is the one that runs. */
  held = false
  /** Its answer is a refusal that is true of this moment alone. */
  isPassing = false
  /** What a crashed first request had already made. */
  resumes: string | null = null

  constructor(scope: Scope, key: string, fingerprint: Buffer, now: Date, secrets: Secrets) {
    this.scope = scope
    this.key = key
    this.fingerprint = fingerprint
    this.secrets = secrets
    this.createdAt = now
    this.lockedUntil = after(now, leaseMs)
  }
}

/** A finished twin's answer; the error handler sends it as it was. */
export class StoredAnswer extends Error {
  readonly status: number
  readonly body: string
  constructor(status: number, body: string) {
    super('answered before')
    this.status = status
    this.body = body
  }
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Null without the header. */
    idempotency: IdempotencyClaim | null
    /** The body's text as it came. */
    bodyText: string
  }
  interface FastifyContextConfig {
    /** The handler puts the claim into its own first statement (one round trip less) under `runOrReplay`. */
    claimsItself?: boolean
  }
}

/** Reads the header of a POST. Throws 422 when it is unusable. */
export function readClaim(
  request: FastifyRequest,
  scope: Scope,
  clock: Clock,
  secrets: Secrets,
): IdempotencyClaim | null {
  const key = request.headers['idempotency-key']
  if (request.method !== 'POST' || key === undefined) return null
  if (typeof key !== 'string' || key.length < 1 || key.length > 255) {
    throw invalid({ 'Idempotency-Key': ['The Idempotency-Key header must have 1 to 255 characters.'] })
  }
  const fingerprint = createHash('sha256')
    .update(`${request.method} ${withoutSlash(request.url)}\n${request.bodyText}`)
    .digest()
  return new IdempotencyClaim(scope, key, fingerprint, clock.now(), secrets)
}

/** An address is the same with and without a slash at its end. */
const withoutSlash = (url: string): string => url.replace(/\/+(?=\?|$)/, '')

/** Makes this request the first of its key, or throws what its twin's state calls for. One round trip when it is. */
export async function takeClaim(db: Db, claim: IdempotencyClaim): Promise<void> {
  const { rows } = await sql`/* hot */ insert into idempotency_keys
      (business_id, env_mode, key, fingerprint, locked_until, created_at)
    values (${claim.scope.businessId}, ${claim.scope.envMode}, ${claim.key}, ${claim.fingerprint},
      ${claim.lockedUntil}, ${claim.createdAt})
    on conflict on constraint idempotency_keys_key do nothing returning key`.execute(db)
  if (rows.length === 1) claim.held = true
  else if (!(await settleTwin(db, claim))) throw new ApiError(httpErrors.idempotencyKeyInUse)
}

/**
 * For handlers that put the claim into their own first statement: whatever kept that statement from happening, a twin's
 * answer goes first. `work` runs again when a crashed twin is taken over (`claim.resumes` says what it had made).
 */
export async function runOrReplay<T>(db: Db, claim: IdempotencyClaim | null, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!claim || claim.held) throw error
    if (await settleTwin(db, claim)) return await work()
    // Refused before its own statement ran: that answer belongs to the key all the same.
    if (error instanceof ApiError && error.row.status < 500) await takeClaim(db, claim)
    throw error
  }
}

/**
 * Throws the stored answer, 422 or 409 where the key exists; true: took over what a crashed twin left; false: there is
 * no such key.
 */
async function settleTwin(db: Db, claim: IdempotencyClaim): Promise<boolean> {
  const row = await db
    .selectFrom('idempotency_keys')
    .select(['fingerprint', 'locked_until', 'object_id', 'response_status', 'response_body'])
    .where('business_id', '=', claim.scope.businessId)
    .where('env_mode', '=', claim.scope.envMode)
    .where('key', '=', claim.key)
    .executeTakeFirst()
  if (!row) return false
  if (!row.fingerprint.equals(claim.fingerprint)) throw new ApiError(httpErrors.idempotencyKeyReused)
  if (row.response_status !== null)
    throw new StoredAnswer(row.response_status, openAnswer(claim, row.response_body ?? Buffer.alloc(0)))
  if (row.locked_until <= claim.createdAt) {
    const taken = await matching(db, claim)
      .set({ locked_until: claim.lockedUntil })
      .where('locked_until', '=', row.locked_until)
      .where('response_status', 'is', null)
      .executeTakeFirst()
    if (taken.numUpdatedRows === 1n) {
      claim.held = true
      claim.resumes = row.object_id
      return true
    }
  }
  throw new ApiError(httpErrors.idempotencyKeyInUse, { headers: { 'retry-after': '1' } })
}

/** Inside the effect's own transaction: a twin that takes over finds what was made instead of making it again. */
export async function noteMade(tx: Tx, claim: IdempotencyClaim | null, objectId: string): Promise<void> {
  if (claim?.held) await matching(tx, claim).set({ object_id: objectId }).execute()
}

/**
 * Keeps the answer before it is sent. A 5xx is not kept, nor a refusal that is true of this moment alone: the same request
 * may be sent again and goes on.
 */
export async function finishClaim(db: Db, claim: IdempotencyClaim, reply: FastifyReply, body: string): Promise<void> {
  claim.held = false
  if (reply.statusCode >= 500 || claim.isPassing)
    await matching(db, claim).set({ locked_until: claim.createdAt }).execute()
  else await keepAnswer(db, { claim, status: reply.statusCode, sealed: sealAnswer(claim, body) })
}

interface Answer {
  claim: IdempotencyClaim
  status: number
  sealed: Buffer
}

const batchers = new WeakMap<Db, (answer: Answer) => Promise<void>>()

/** Resolves when the answer is committed; under load one statement keeps many. */
function keepAnswer(db: Db, answer: Answer): Promise<void> {
  let keep = batchers.get(db)
  if (!keep) {
    const run = async (answers: readonly Answer[]) => {
      await updateAnswers(db, answers)
      return answers.map(() => undefined)
    }
    keep = createBatcher<Answer, void>(run, { itemsMax: 64, runsMax: 1 })
    batchers.set(db, keep)
  }
  return keep(answer)
}

async function updateAnswers(db: Db, answers: readonly Answer[]): Promise<void> {
  const column = <T>(read: (answer: Answer) => T) => answers.map(read)
  await sql`/* hot */ update idempotency_keys k set response_status = a.status, response_body = a.sealed
    from unnest(${column(({ claim }) => claim.scope.businessId)}::uuid[], ${column(({ claim }) => claim.scope.envMode)}::text[],
      ${column(({ claim }) => claim.key)}::text[], ${column(({ status }) => status)}::int[],
      ${column(({ sealed }) => sealed)}::bytea[]) as a (business_id, env_mode, key, status, sealed)
    where k.business_id = a.business_id and k.env_mode = a.env_mode and k.key = a.key`.execute(db)
}

/** For the embedded database, which one process has alone: whoever held a claim before this start is dead. */
export async function releaseClaims(db: Db, now: Date): Promise<void> {
  await db.updateTable('idempotency_keys').set({ locked_until: now }).where('response_status', 'is', null).execute()
}

/** Drops keys past their 72 hours, a bounded piece at a time. */
export async function forgetOldClaims(db: Db, now: Date): Promise<number> {
  const { numAffectedRows } = await sql`delete from idempotency_keys where ctid in
    (select ctid from idempotency_keys where created_at < ${after(now, -keptMs)} limit 5000)`.execute(db)
  return Number(numAffectedRows ?? 0n)
}

/** An answer may hold what is shown once (a webhook's secret), so it is kept sealed (I11). */
const sealAnswer = (claim: IdempotencyClaim, body: string) => claim.secrets.seal(body, rowOf(claim))
const openAnswer = (claim: IdempotencyClaim, sealed: Buffer) => claim.secrets.open(sealed, rowOf(claim))
const rowOf = ({ scope, key }: IdempotencyClaim) => `idempotency_keys/${scope.businessId}/${scope.envMode}/${key}`

const matching = (db: Db | Tx, claim: IdempotencyClaim) =>
  db
    .updateTable('idempotency_keys')
    .where('business_id', '=', claim.scope.businessId)
    .where('env_mode', '=', claim.scope.envMode)
    .where('key', '=', claim.key)

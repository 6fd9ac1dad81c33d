import { createHash } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { createBatcher } from './batch.ts'
import { after, type Clock, hourMs, secondMs } from './clock.ts'
import { type Db, sql, type Tx } from './db.ts'
import { ApiError, httpErrors, invalid } from './errors.ts'
import { faultOf } from './faults.ts'
import type { Holder } from './holder.ts'
import { newId } from './ids.ts'
import type { Secrets } from './secrets.ts'

/**
 * `Idempotency-Key`: same key and body → the first answer again, byte for byte; other body → 422; twin in flight → 409.
 * A claim is one arbitrated insert. Its holder may note what it made; when it fails or its process dies, a twin takes
 * over at once and goes on from there. As long as it is at work nobody does.
 */

/** For versions that know no holder: longer than the slowest honest request, three channels that each use up their 20 s. */
const leaseMs = 90 * secondMs
export const keptMs = 72 * hourMs

export interface Scope {
  readonly businessId: string
  readonly envMode: string
}

/** What a claim needs of the world. */
interface World {
  readonly clock: Clock
  readonly secrets: Secrets
  readonly holder: Holder
}

export class IdempotencyClaim {
  readonly scope: Scope
  readonly key: string
  readonly fingerprint: Buffer
  readonly lockedUntil: Date
  readonly createdAt: Date
  readonly secrets: Secrets
  readonly holder: Holder
  /** Names this taking of the key. */
  readonly token = newId()
  /** False: the database has never heard of it. */
  begun = false
  /** True once this request is the one that runs. */
  held = false
  /** Its answer is a refusal that is true of this moment alone. */
  isPassing = false
  /** What a crashed first request had already made. */
  resumes: string | null = null

  constructor(scope: Scope, key: string, fingerprint: Buffer, world: World) {
    this.scope = scope
    this.key = key
    this.fingerprint = fingerprint
    this.secrets = world.secrets
    this.holder = world.holder
    this.createdAt = world.clock.now()
    this.lockedUntil = after(this.createdAt, leaseMs)
  }

  /** Before the statement that takes it: its answer may get lost, and then it is held all the same. */
  begin(): void {
    this.begun = true
    this.holder.begin(this.token)
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

/**
 * Reads the header of a POST. `namespace`: of callers whose keys meet nobody else's; null: the business's own. Throws 422
 * when it is unusable.
 */
export function readClaim(
  request: FastifyRequest,
  scope: Scope,
  world: World,
  namespace: string | null,
): IdempotencyClaim | null {
  const key = request.headers['idempotency-key']
  if (request.method !== 'POST' || key === undefined) return null
  if (typeof key !== 'string' || key.length < 1 || key.length > 255) {
    throw invalid({ 'Idempotency-Key': ['The Idempotency-Key header must have 1 to 255 characters.'] })
  }
  const fingerprint = createHash('sha256')
    .update(`${request.method} ${withoutSlash(request.url)}\n${request.bodyText}`)
    .digest()
  const kept = namespace === null ? key : `${namespace}/${createHash('sha256').update(key).digest('hex')}`
  return new IdempotencyClaim(scope, kept, fingerprint, world)
}

/** An address is the same with and without a slash at its end. */
const withoutSlash = (url: string): string => url.replace(/\/+(?=\?|$)/, '')

/** Makes this request the first of its key, or throws what its twin's state calls for. One round trip when it is. */
export async function takeClaim(db: Db, claim: IdempotencyClaim): Promise<void> {
  claim.begin()
  const { rows } = await sql`/* hot */ insert into idempotency_keys
      (business_id, env_mode, key, fingerprint, locked_until, created_at, process_id, token)
    values (${claim.scope.businessId}, ${claim.scope.envMode}, ${claim.key}, ${claim.fingerprint},
      ${claim.lockedUntil}, ${claim.createdAt}, ${claim.holder.id}, ${claim.token})
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
 * Throws the stored answer, 422 or 409 where the key exists; true: it is this request's, taken over from a holder that is
 * gone; false: there is no such key.
 */
async function settleTwin(db: Db, claim: IdempotencyClaim): Promise<boolean> {
  const row = await findTwin(db, claim)
  if (!row) return false
  if (!row.fingerprint.equals(claim.fingerprint)) throw new ApiError(httpErrors.idempotencyKeyReused)
  if (row.response_status !== null)
    throw new StoredAnswer(row.response_status, openAnswer(claim, row.response_body ?? Buffer.alloc(0)))
  // Its own: the statement that took it was done, only its answer was lost.
  const isOwn = row.token === claim.token
  if (!isOwn && !(isFree(claim, row) && (await takeOver(db, claim, row)))) {
    throw inUse()
  }
  claim.held = true
  claim.resumes = row.object_id
  return true
}

interface Twin {
  fingerprint: Buffer
  locked_until: Date
  object_id: string | null
  response_status: number | null
  response_body: Buffer | null
  process_id: string | null
  token: string | null
  /** Since its process gave a sign of life, by the database's clock; null: that is forgotten. */
  silent_ms: number | null
}

async function findTwin(db: Db, { scope, key }: IdempotencyClaim): Promise<Twin | undefined> {
  const { rows } = await sql<Twin>`/* hot */ select k.fingerprint, k.locked_until, k.object_id, k.response_status,
      k.response_body, k.process_id, k.token,
      (extract(epoch from clock_timestamp() - p.beat_at) * 1000)::float8 as silent_ms
    from idempotency_keys k left join processes p on p.id = k.process_id
    where k.business_id = ${scope.businessId} and k.env_mode = ${scope.envMode} and k.key = ${key}`.execute(db)
  return rows[0]
}

const isFree = (claim: IdempotencyClaim, { process_id, token, silent_ms, locked_until }: Twin): boolean =>
  process_id === null ? locked_until <= claim.createdAt : claim.holder.isGone(process_id, token, silent_ms)

/** Of several twins one. */
async function takeOver(db: Db, claim: IdempotencyClaim, row: Twin): Promise<boolean> {
  claim.begin()
  const taken = await matching(db, claim)
    .set({ locked_until: claim.lockedUntil, process_id: claim.holder.id, token: claim.token })
    .where('locked_until', '=', row.locked_until)
    .where(sql<boolean>`token is not distinct from ${row.token}`)
    .where('response_status', 'is', null)
    .executeTakeFirst()
  return taken.numUpdatedRows === 1n
}

/**
 * Inside the effect's own transaction: a twin that takes over finds what was made instead of making it again. Whoever
 * was taken over meanwhile makes nothing: throws `IDEMPOTENCY_KEY_IN_USE`, and the transaction with it.
 */
export async function noteMade(tx: Tx, claim: IdempotencyClaim | null, objectId: string): Promise<void> {
  if (!claim?.held) return
  const noted = await matching(tx, claim)
    .set({ object_id: objectId })
    .where('token', '=', claim.token)
    .executeTakeFirst()
  if (noted.numUpdatedRows !== 1n) throw inUse()
}

/**
 * Keeps the answer before it is sent. A 5xx is not kept, nor a refusal that is true of this moment alone: the same request
 * may be sent again and goes on. While the database is away the caller hears so; answer or release is brought to it as soon as it is back.
 */
export async function finishClaim(db: Db, claim: IdempotencyClaim, reply: FastifyReply, body: string): Promise<void> {
  if (!claim.begun) return
  claim.begun = false
  const { holder } = claim
  const end = () => holder.end(claim.token)
  if (reply.statusCode >= 500 || (claim.isPassing && claim.held)) {
    return await holder.untilDone('release of an idempotency key', (brought) => releaseClaim(brought, claim), end)
  }
  if (!claim.held) return end()
  const answer = { claim, status: reply.statusCode, body }
  try {
    if (!(await keepAnswer(db, answer))) throw await answerOfTaker(db, claim)
    end()
  } catch (error) {
    // Meanwhile nobody takes the key over: what was answered here is what it will answer.
    if (faultOf(error) === null) end()
    else void holder.untilDone('answer of an idempotency key', (brought) => updateAnswers(brought, [answer]), end)
    throw error
  }
}

/** Where somebody took the key over meanwhile, only his answer is one. */
async function answerOfTaker(db: Db, claim: IdempotencyClaim): Promise<StoredAnswer | ApiError> {
  const row = await findTwin(db, claim)
  if (!row || row.response_status === null) return inUse()
  return new StoredAnswer(row.response_status, openAnswer(claim, row.response_body ?? Buffer.alloc(0)))
}

const inUse = () => new ApiError(httpErrors.idempotencyKeyInUse, { headers: { 'retry-after': '1' } })

/** Whoever comes next goes on with what was made. */
async function releaseClaim(db: Db, claim: IdempotencyClaim): Promise<void> {
  await matching(db, claim)
    .set({ process_id: null, token: null, locked_until: new Date(0) })
    .where('token', '=', claim.token)
    .where('response_status', 'is', null)
    .execute()
}

interface Answer {
  claim: IdempotencyClaim
  status: number
  body: string
}

const batchers = new WeakMap<Db, (answer: Answer) => Promise<boolean>>()

/**
 * Resolves when the answer is committed; under load one statement keeps many. False: somebody took the key over
 * meanwhile, and his answer counts.
 */
function keepAnswer(db: Db, answer: Answer): Promise<boolean> {
  let keep = batchers.get(db)
  if (!keep) {
    keep = createBatcher<Answer, boolean>((answers) => updateAnswers(db, answers), { itemsMax: 64, runsMax: 1 })
    batchers.set(db, keep)
  }
  return keep(answer)
}

async function updateAnswers(db: Db, answers: readonly Answer[]): Promise<boolean[]> {
  const column = <T>(read: (answer: Answer) => T) => answers.map(read)
  const { rows } = await sql<{ token: string }>`/* hot */ update idempotency_keys k
    set response_status = a.status, response_body = a.sealed
    from unnest(${column(({ claim }) => claim.scope.businessId)}::uuid[], ${column(({ claim }) => claim.scope.envMode)}::text[],
      ${column(({ claim }) => claim.key)}::text[], ${column(({ claim }) => claim.token)}::uuid[],
      ${column(({ status }) => status)}::int[], ${column(({ claim, body }) => sealAnswer(claim, body))}::bytea[])
      as a (business_id, env_mode, key, token, status, sealed)
    where k.business_id = a.business_id and k.env_mode = a.env_mode and k.key = a.key and k.token = a.token
    returning k.token`.execute(db)
  const kept = new Set(rows.map((row) => row.token))
  return answers.map(({ claim }) => kept.has(claim.token))
}

/** For the embedded database, which one process has alone: whoever held a claim before this start is dead. */
export async function releaseClaims(db: Db, now: Date): Promise<void> {
  await db
    .updateTable('idempotency_keys')
    .set({ locked_until: now, process_id: null, token: null })
    .where('response_status', 'is', null)
    .execute()
}

/** Drops keys past their 72 hours, a bounded piece at a time. */
export async function forgetOldClaims(db: Db, now: Date): Promise<number> {
  const { numAffectedRows } = await sql`delete from idempotency_keys where ctid in
    (select ctid from idempotency_keys where created_at < ${after(now, -keptMs)} limit 5000)`.execute(db)
  return Number(numAffectedRows ?? 0n)
}

/** An answer may hold what is shown once (a webhook's secret), so it is kept sealed (I11 of docs/invariants.md). */
const sealAnswer = (claim: IdempotencyClaim, body: string) => claim.secrets.seal(body, rowOf(claim))
const openAnswer = (claim: IdempotencyClaim, sealed: Buffer) => claim.secrets.open(sealed, rowOf(claim))
const rowOf = ({ scope, key }: IdempotencyClaim) => `idempotency_keys/${scope.businessId}/${scope.envMode}/${key}`

/** Changes what is kept for calls that made one of these objects. */
export async function rewriteAnswers(
  db: Db,
  secrets: Secrets,
  objectIds: readonly string[],
  rewrite: (body: string) => string,
): Promise<void> {
  const rows = await db
    .selectFrom('idempotency_keys')
    .select(['business_id', 'env_mode', 'key', 'response_body'])
    .where('object_id', 'in', [...objectIds])
    .where('response_body', 'is not', null)
    .execute()
  for (const { business_id, env_mode, key, response_body } of rows) {
    if (response_body === null) continue
    const boundTo = `idempotency_keys/${business_id}/${env_mode}/${key}`
    const sealed = secrets.seal(rewrite(secrets.open(response_body, boundTo)), boundTo)
    await db
      .updateTable('idempotency_keys')
      .set({ response_body: sealed })
      .where('business_id', '=', business_id)
      .where('env_mode', '=', env_mode)
      .where('key', '=', key)
      .execute()
  }
}

const matching = (db: Db | Tx, claim: IdempotencyClaim) =>
  db
    .updateTable('idempotency_keys')
    .where('business_id', '=', claim.scope.businessId)
    .where('env_mode', '=', claim.scope.envMode)
    .where('key', '=', claim.key)

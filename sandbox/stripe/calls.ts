import { createHash } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Account } from '../accounts.ts'
import type { Operation } from '../faults.ts'
import { operation } from '../provider.ts'
import { invalid, invalidKey, noSuch, StripeError } from './errors.ts'
import { expanded } from './expand.ts'
import { type Form, formOf, textOf, textsOf, wholeOf } from './forms.ts'
import { newId, nextNumber, SLUG, type Stripe } from './records.ts'
import type { View } from './views.ts'

/** One call of the API, decoded. */
export interface Asked {
  account: Account
  secretKey: string
  /** The body of a POST, the query of the others. */
  form: Form
  /** The object that the path names. */
  id: string
}

export interface Call {
  method: 'GET' | 'POST' | 'DELETE'
  path: string
  /** What faults may call it; null: they cannot. */
  operation: Operation | null
  handle(st: Stripe, asked: Asked): View
}

export function isTestKey(key: string): boolean {
  return /^[sr]k_test_[A-Za-z0-9_-]{1,200}$/.test(key)
}

/** Mounts the endpoints: keys, form bodies, `expand`, request ids, idempotency keys, error envelopes. */
export function mountCalls(app: FastifyInstance, st: Stripe, endpoints: readonly Call[]): void {
  const inFlight = new Set<string>()
  app.addHook('onRequest', async (request, reply) => {
    reply.header('request-id', newId('req', 14))
    const version = request.headers['stripe-version']
    if (version !== undefined) reply.header('stripe-version', version)
    accountOf(st, request)
  })
  // Before the faults, which may take their time: a twin that comes meanwhile must be told.
  app.addHook('preValidation', async (request, reply) => reserve(st, inFlight, request, reply))
  app.setErrorHandler((error: Error & { statusCode?: number }, request, reply) => {
    if ((error.statusCode ?? 500) >= 500) request.log.error(error)
    const status = error.statusCode ?? 500
    const kind = status >= 500 ? 'api_error' : 'invalid_request_error'
    const answer = error instanceof StripeError ? error : new StripeError(status, kind, error.message)
    return reply.code(answer.statusCode).send(answer.body)
  })
  for (const endpoint of endpoints) {
    app.route({
      method: endpoint.method,
      url: endpoint.path,
      ...(endpoint.operation !== null && operation(endpoint.operation)),
      handler: (request, reply) => serve(st, endpoint, request, reply),
    })
  }
}

function serve(st: Stripe, endpoint: Call, request: FastifyRequest, reply: FastifyReply): unknown {
  const account = accountOf(st, request)
  const form = formOf(request.method === 'POST' ? request.body : request.query)
  const id = (request.params as Record<string, string>).id ?? ''
  const paths = textsOf(form, 'expand')
  delete form.expand
  const { secretKey } = account
  const work = () => {
    st.behind = null
    return expanded(st, secretKey, endpoint.handle(st, { account, secretKey, form, id }), paths)
  }
  if (request.method !== 'POST') return work()
  const key = keyOf(request)
  const requestId = String(reply.getHeader('request-id'))
  const run = () => asOrigin(st, { id: requestId, idempotency_key: key }, work)
  if (key === null) return st.core.store.write(run)
  reply.header('idempotency-key', key)
  return once(st, { name: `${secretKey} ${key}`, fingerprint: fingerprintOf(request), requestId }, run, reply)
}

/** A day, as Stripe keeps keys at least (API reference, "Idempotent requests", read 2026-11-20). */
const ANSWER_KEPT_MS = 24 * 60 * 60 * 1000
/** And so many, or a load test would fill the memory. */
const ANSWERS_KEPT_MAX = 10_000

interface Once {
  name: string
  fingerprint: string
  requestId: string
}

/** The first answer to a key is the answer to all of them; a request that was refused before any work leaves none. */
function once(st: Stripe, { name, fingerprint, requestId }: Once, run: () => View, reply: FastifyReply): unknown {
  const known = st.answers.get(name)
  if (known && known.at + ANSWER_KEPT_MS > Date.now()) {
    if (known.fingerprint !== fingerprint) throw keyReused(name)
    reply.header('idempotent-replayed', 'true').header('original-request', known.requestId)
    return reply.code(known.status).send(known.body)
  }
  // One write: after a crash the work is done and its answer kept, or neither.
  const { status, body } = st.core.store.write(() => {
    const answer = answerOf(run)
    st.answers.put(name, { fingerprint, ...answer, requestId, at: Date.now() })
    forgetOldest(st, name)
    return answer
  })
  return reply.code(status).send(body)
}

function answerOf(run: () => View): { status: number; body: unknown } {
  try {
    return { status: 200, body: run() }
  } catch (error) {
    if (error instanceof StripeError && error.executed) return { status: error.statusCode, body: error.body }
    throw error
  }
}

/** Keys in the order of their first use; the one that fell too far behind is free again. */
function forgetOldest(st: Stripe, name: string): void {
  const number = nextNumber(st, 'answer')
  st.answerOrder.put(String(number), name)
  const old = st.answerOrder.get(String(number - ANSWERS_KEPT_MAX))
  if (old === undefined) return
  st.answers.remove(old)
  st.answerOrder.remove(String(number - ANSWERS_KEPT_MAX))
}

function reserve(st: Stripe, inFlight: Set<string>, request: FastifyRequest, reply: FastifyReply): void {
  const key = keyOf(request)
  if (key === null) return
  if (key.length > 255) throw invalid('Idempotency keys can be at most 255 characters long.')
  const name = `${accountOf(st, request).secretKey} ${key}`
  if (inFlight.has(name)) {
    const words = `There is currently another in-progress request using this Idempotent Key: ${key}.`
    throw new StripeError(409, 'idempotency_error', words, { code: 'idempotency_key_in_use' })
  }
  inFlight.add(name)
  // `close` comes also when a fault cuts the socket.
  reply.raw.once('close', () => inFlight.delete(name))
}

function keyReused(name: string): StripeError {
  const words = `Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than '${name.split(' ')[1]}' if you meant to execute a different request.`
  return new StripeError(400, 'idempotency_error', words)
}

function keyOf(request: FastifyRequest): string | null {
  const key = request.headers['idempotency-key']
  return request.method === 'POST' && typeof key === 'string' && key !== '' ? key : null
}

function fingerprintOf(request: FastifyRequest): string {
  const body = JSON.stringify(Object.entries((request.body as object | null) ?? {}).sort())
  return createHash('sha256').update(`${request.url} ${body}`).digest('base64url')
}

/** Synchronous, so no other call can come between. */
function asOrigin<T>(st: Stripe, origin: Stripe['origin'], work: () => T): T {
  st.origin = origin
  try {
    return work()
  } finally {
    st.origin = null
  }
}

/** The account of the call; a live key is as wrong here as no key. */
function accountOf(st: Stripe, request: FastifyRequest): Account {
  const authorization = request.headers.authorization ?? ''
  const basic = /^Basic (.+)$/i.exec(authorization)?.[1]
  const bearer = /^Bearer (.+)$/i.exec(authorization)?.[1]?.trim()
  const key = bearer ?? (basic === undefined ? null : Buffer.from(basic, 'base64').toString().replace(/:$/, ''))
  if (key === null || !isTestKey(key)) throw invalidKey(key)
  return st.core.accounts.find(SLUG, key)
}

/** The record of this account by its id; another's is as unknown as none. */
export function ownOf<T extends { secretKey: string }>(
  records: { get(id: string): T | undefined },
  { secretKey }: Pick<Asked, 'secretKey'>,
  id: string,
  kind: string,
  param: string,
): T {
  const found = records.get(id)
  if (!found || found.secretKey !== secretKey) throw noSuch(kind, id, param)
  return found
}

const LIMIT_DEFAULT = 10
const LIMIT_MAX = 100

/** A page of a list, newest first, as Stripe lists. */
export function listView<T extends { id: string }>(
  form: Form,
  url: string,
  oldestFirst: readonly T[],
  show: (one: T) => View,
): View {
  const limit = wholeOf(form, 'limit') ?? LIMIT_DEFAULT
  if (limit < 1 || limit > LIMIT_MAX) throw invalid('Limit must be between 1 and 100.', 'limit')
  const all = oldestFirst.toReversed()
  const after = textOf(form, 'starting_after')
  const from = after === null ? 0 : all.findIndex(({ id }) => id === after) + 1
  if (after !== null && from === 0) throw noSuch('object', after, 'starting_after')
  const page = all.slice(from, from + limit)
  return { object: 'list', data: page.map(show), has_more: all.length > from + limit, url }
}

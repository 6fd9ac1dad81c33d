import {
  BrokenCircuitError,
  type CircuitBreakerPolicy,
  CircuitState,
  ConsecutiveBreaker,
  circuitBreaker,
  handleWhen,
} from 'cockatiel'
import { type Channel, ChannelError, type ChannelTransport } from '../../channels/channel.ts'
import { findChannelMaybe } from '../../channels/index.ts'
import { secondMs } from '../../platform/clock.ts'
import type { Context } from '../../platform/context.ts'
import { type Database, inTransaction } from '../../platform/db.ts'
import { ApiError } from '../../platform/errors.ts'
import { newId } from '../../platform/ids.ts'
import { type Actor, audit, changesOf } from '../businesses/service.ts'
import { channelErrors } from './errors.ts'
import type { ConnectedChannel } from './schema.ts'
import type { Owner } from './store.ts'
import * as store from './store.ts'

/** A connected channel, ready to be called: credentials opened, transport chosen. Never logged, never serialised. */
export interface ChannelAccount extends ConnectedChannel {
  readonly channel: Channel
  readonly credentials: unknown
  readonly transport: ChannelTransport
}

/** How long another process's connecting or disabling may stay unseen here. */
const accountsCacheMs = 1_000
const accountsCacheMax = 10_000
const accountsCaches = new WeakMap<Database, Map<string, { accounts: ChannelAccount[]; until: number }>>()

/** Every account of the mode, enabled or not, in the order of connecting. */
export async function listAccounts(ctx: Context, owner: Owner): Promise<ChannelAccount[]> {
  let cache = accountsCaches.get(ctx.database)
  if (!cache || cache.size > accountsCacheMax) {
    cache = new Map()
    accountsCaches.set(ctx.database, cache)
  }
  const key = `${owner.businessId}/${owner.envMode}`
  const cached = cache.get(key)
  if (cached && cached.until > Date.now()) return cached.accounts
  const accounts = (await store.list(ctx.db, owner)).flatMap((row) => openAccount(ctx, row) ?? [])
  cache.set(key, { accounts, until: Date.now() + accountsCacheMs })
  return accounts
}

export async function findMaybeAccount(ctx: Context, owner: Owner, slug: string): Promise<ChannelAccount | undefined> {
  return (await listAccounts(ctx, owner)).find((account) => account.slug === slug)
}

function openAccount(ctx: Context, row: store.AccountRow): ChannelAccount | undefined {
  const channel = findChannelMaybe(row.slug)
  if (!channel) return undefined
  const { credentialsSealed, ...connected } = row
  const credentials = channel.parseCredentials(JSON.parse(ctx.secrets.open(credentialsSealed, boundTo(row, row.slug))))
  return { ...connected, channel, credentials, transport: transportOf(ctx, row, channel) }
}

const boundTo = (owner: Owner, slug: string) => `business_payment_channels/${owner.businessId}/${owner.envMode}/${slug}`

function transportOf(ctx: Context, row: ConnectedChannel, channel: Channel): ChannelTransport {
  const baseUrl = row.isSandbox ? `${ctx.baseUrl}/sandbox/${channel.slug}` : ctx.channelUrl(channel.slug)
  const own = row.envMode === 'test' ? (channel.testUrl ?? channel.liveUrl) : channel.liveUrl
  return { baseUrl: baseUrl ?? own, fetch: ctx.providerFetch(channel.slug) }
}

/** Calls in a row without an answer before the breaker opens, and how long it stays so. */
const breakAfterFailures = 5
const breakForMs = 10 * secondMs
interface Breaker {
  readonly policy: CircuitBreakerPolicy
  /** When it opened last, real time. */
  openedAt: number
}
const breakers = new Map<string, Breaker>()
const breakersMax = 50_000

/** What a call is for. Each has a breaker of its own: look-ups of refunds that fail keep nobody from paying. */
export type Operation = 'open' | 'verify' | 'void' | 'charge' | 'refund' | 'fetch_refund' | 'forget'

/** Nobody answered. What is refused, asked to slow down or cannot be read is an answer, and no outage. */
const isOutage = (error: unknown) => error instanceof ChannelError && error.reason === 'unavailable'

function breakerOf(account: Pick<ChannelAccount, 'id' | 'updatedAt'>, operation: Operation): Breaker {
  const key = `${account.id}/${account.updatedAt.getTime()}/${operation}`
  let breaker = breakers.get(key)
  if (!breaker) {
    if (breakers.size >= breakersMax) breakers.clear()
    const policy = circuitBreaker(handleWhen(isOutage), {
      halfOpenAfter: breakForMs,
      breaker: new ConsecutiveBreaker(breakAfterFailures),
    })
    const made: Breaker = { policy, openedAt: 0 }
    policy.onBreak(() => {
      made.openedAt = Date.now()
    })
    breaker = made
    breakers.set(key, made)
  }
  return breaker
}

/** What a payment needs of a channel: its page opens, and what became of it can be asked. */
const neededToPay: readonly Operation[] = ['open', 'verify']

/**
 * False while the channel has not answered lately to what a payment needs; routing tries it last then. The breaker itself
 * stays open until somebody calls: so when its time is over the channel has its place again, and the first payment there
 * decides. While that one waits, the others go elsewhere.
 */
export const isHealthy = (account: Pick<ChannelAccount, 'id' | 'updatedAt'>): boolean =>
  neededToPay.every((operation) => {
    const { policy, openedAt } = breakerOf(account, operation)
    if (policy.state === CircuitState.Open) return Date.now() - openedAt >= breakForMs
    return policy.state === CircuitState.Closed
  })

/**
 * One call to a channel, behind the circuit breaker of its account and operation, measured. Throws `ChannelError`;
 * anything else is a mistake of ours and passes through as it is.
 */
export async function call<T>(
  ctx: Pick<Context, 'metrics' | 'log'>,
  account: ChannelAccount,
  operation: Operation,
  work: (channel: Channel, credentials: unknown, transport: ChannelTransport) => Promise<T>,
): Promise<T> {
  const done = ctx.metrics.channelSeconds.startTimer({ channel: account.slug, operation })
  try {
    const result = await breakerOf(account, operation)
      .policy.execute(() => answered(() => work(account.channel, account.credentials, account.transport)))
      .then((answer) => answer())
    done({ outcome: 'answered', cause: 'none' })
    return result
  } catch (error) {
    const failure = error instanceof BrokenCircuitError ? circuitOpen(account) : error
    if (failure instanceof ChannelError) {
      const { outcome, reason, failure: cause, code, status } = failure
      done({ outcome: reason, cause })
      ctx.log.warn({ channel: account.slug, operation, outcome, reason, cause, code, status }, 'channel call failed')
    } else done({ outcome: 'mistake', cause: 'other' })
    throw failure
  }
}

/**
 * A refusal is an answer: for the breaker it ends a row of silences as a success does, and is thrown behind it. What
 * cannot be read is neither, and neither is a mistake of ours.
 */
async function answered<T>(work: () => Promise<T>): Promise<() => T> {
  try {
    const result = await work()
    return () => result
  } catch (error) {
    if (!(error instanceof ChannelError) || error.reason === 'unavailable' || error.reason === 'garbage') throw error
    return () => {
      throw error
    }
  }
}

/** Nothing was sent, so nothing moved. */
function circuitOpen(account: ChannelAccount): ChannelError {
  const message = `${account.channel.displayName} has not answered lately`
  return new ChannelError(message, {
    outcome: 'rejected',
    reason: 'unavailable',
    failure: 'not_sent',
    retryAfterMs: breakForMs,
  })
}

/** What a caller of ours is told of a channel's failure; `data` is added to the provider's own answer. */
export function publicError(
  account: ChannelAccount,
  error: ChannelError,
  data: Record<string, unknown> = {},
): ApiError {
  const refused = error.reason === 'refused' || error.reason === 'unauthorised'
  const answer = typeof error.answer === 'object' && error.answer !== null ? error.answer : {}
  const name = account.channel.displayName
  const retryAfter = Math.ceil((error.retryAfterMs ?? breakForMs) / 1000)
  return new ApiError(refused ? channelErrors.refused : channelErrors.unavailable, {
    message: refused ? `${name} refused the request: ${error.message}` : `${name} does not answer`,
    data: { ...answer, payment_channel: account.slug, cause: error.failure, ...data },
    ...(refused ? {} : { headers: { 'retry-after': String(retryAfter) } }),
  })
}

export interface Connect extends Owner {
  slug: string
  /** As the provider's dashboard shows them, e.g. `{secret_key: "sk_test_…"}`. */
  fields: Record<string, string>
  makeDefault: boolean
  actor: Actor
}

/** Connects a channel, or replaces its credentials. Throws `CredentialsError` with words for each wrong field. */
export async function connect(ctx: Context, wanted: Connect): Promise<ConnectedChannel> {
  const channel = findChannelMaybe(wanted.slug)
  if (!channel)
    throw new ApiError(channelErrors.notConnected, { message: `There is no payment channel "${wanted.slug}"` })
  const credentials = channel.parseCredentials(wanted.fields)
  const mode = channel.modeOf(credentials) ?? wanted.envMode
  if (mode !== wanted.envMode) {
    throw new ApiError(channelErrors.notConnected, {
      message: `These are ${mode} credentials; ${wanted.envMode} ones are needed here`,
    })
  }
  const now = ctx.clock.now()
  await inTransaction(ctx.db, async (tx) => {
    const sealed = ctx.secrets.seal(JSON.stringify(wanted.fields), boundTo(wanted, wanted.slug))
    const isSandbox = Object.values(wanted.fields).some(isSandboxCredential)
    const before = (await store.list(tx, wanted)).find(({ slug }) => slug === wanted.slug)
    await store.upsert(tx, wanted, { id: newId(), slug: wanted.slug, credentialsSealed: sealed, isSandbox, now })
    if (wanted.makeDefault) await store.setDefault(tx, wanted, wanted.slug, now)
    const after = {
      ...{ is_sandbox: isSandbox, is_enabled: true, is_default: wanted.makeDefault || Boolean(before?.isDefault) },
      // Which secrets were given, never what they are.
      fields: Object.keys(wanted.fields),
    }
    const detail = { slug: wanted.slug, is_new: !before, ...changesOf(stateOf(before), after) }
    await audit(tx, { ...wanted, action: 'payment_channel.connected', detail, now })
  })
  accountsCaches.delete(ctx.database)
  const account = await findMaybeAccount(ctx, wanted, wanted.slug)
  if (!account) throw new ApiError(channelErrors.notConnected)
  return account
}

/** Test credentials that we hand out carry the word; they always go to the sandbox and are never sent to a provider. */
export const isSandboxCredential = (value: string) => /[_-]sandbox[_-]/i.test(value)

const stateOf = (account: ConnectedChannel | undefined) =>
  account ? { is_sandbox: account.isSandbox, is_enabled: account.isEnabled, is_default: account.isDefault } : {}

export async function setEnabled(
  ctx: Context,
  owner: Owner & { actor: Actor },
  slug: string,
  isEnabled: boolean,
): Promise<void> {
  const now = ctx.clock.now()
  const found = await inTransaction(ctx.db, async (tx) => {
    const before = (await store.list(tx, owner)).find((one) => one.slug === slug)
    const isFound = await store.setEnabled(tx, owner, slug, isEnabled, now)
    const after = { is_enabled: isEnabled, ...(!isEnabled && { is_default: false }) }
    const detail = { slug, ...changesOf(stateOf(before), after) }
    if (isFound) await audit(tx, { ...owner, action: 'payment_channel.switched', detail, now })
    return isFound
  })
  accountsCaches.delete(ctx.database)
  if (!found) throw new ApiError(channelErrors.notConnected)
}

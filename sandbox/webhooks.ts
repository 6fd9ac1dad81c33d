import { randomUUID } from 'node:crypto'
import { createWebhookSender, type WebhookSender } from '../src/platform/outgoing.ts'
import type { Account, Accounts } from './accounts.ts'
import { type Fault, type Faults, type Operation, WEBHOOK_FAULTS } from './faults.ts'
import type { Provider } from './provider.ts'
import type { Collection, Store } from './store.ts'
import { Timers } from './timers.ts'

/** A webhook that is still to be acknowledged. */
interface Delivery {
  id: string
  channel: string
  secretKey: string
  /** The exact bytes: they are signed, so they never change between tries. */
  body: string
  /** Tries so far. */
  attempts: number
  dueAt: number
  /** An attacker's copy: wrongly signed, sent once. */
  forged: boolean
}

/** More at once would only starve the receiver, which usually is on the same machine. */
const IN_FLIGHT_MAX = 64
/** A held batch this large is sent without waiting for its time. */
const SHUFFLE_BATCH_MAX = 100
/** Beyond the patience of any provider here; each has its own. */
const SENDING_MAX_MS = 60_000
const LATE_DEFAULT_MS = 5000
const SHUFFLE_DEFAULT_MS = 500

export interface WebhooksOptions {
  store: Store
  accounts: Accounts
  faults: Faults
  retryDelaysMs: readonly number[]
  /** Whether an address that a tester gave may lead into a private network. */
  allowPrivate: boolean
  /** Of the server that it is mounted in, which may always be told. */
  ownOrigin: () => string
}

/** Sends webhooks in the background. What is not acknowledged yet is in the journal and survives a restart. */
export class Webhooks {
  readonly #deliveries: Collection<Delivery>
  readonly #accounts: Accounts
  readonly #faults: Faults
  readonly #retryDelaysMs: readonly number[]
  readonly #ownOrigin: () => string
  readonly #toOwn: WebhookSender
  readonly #toOthers: WebhookSender
  readonly #providers = new Map<string, Provider>()
  readonly #timers = new Timers()
  readonly #closing = new AbortController()
  readonly #running = new Set<Promise<void>>()
  #waiting: string[] = []
  #held: string[] = []

  constructor({ store, accounts, faults, retryDelaysMs, allowPrivate, ownOrigin }: WebhooksOptions) {
    this.#deliveries = store.collection<Delivery>('deliveries')
    this.#accounts = accounts
    this.#faults = faults
    this.#retryDelaysMs = retryDelaysMs
    this.#ownOrigin = ownOrigin
    this.#toOwn = createWebhookSender({ allowPrivate: true, timeoutMs: SENDING_MAX_MS })
    this.#toOthers = createWebhookSender({ allowPrivate, timeoutMs: SENDING_MAX_MS })
  }

  /** Starts what an earlier process left unsent. */
  start(providers: readonly Provider[]): void {
    for (const provider of providers) this.#providers.set(provider.slug, provider)
    for (const delivery of this.#deliveries.all()) this.#schedule(delivery)
  }

  queue(account: Account, operation: Operation, payload: unknown): void {
    if (account.webhookUrl === null) return
    const faults = this.#faults.take(WEBHOOK_FAULTS, account.channel, operation)
    const fault = (kind: Fault['kind']) => faults.find((one) => one.kind === kind)
    const body = JSON.stringify(payload)
    if (fault('webhook_forged')) this.#schedule(this.#keep(account, this.#forge(account.channel, body), 0, true))
    if (fault('webhook_lost')) return
    const late = fault('webhook_late')
    const shuffled = fault('webhook_shuffled')
    const delayMs = late ? (late.ms ?? LATE_DEFAULT_MS) : 0
    for (let copy = fault('webhook_twice') ? 2 : 1; copy > 0; copy -= 1) {
      const holdMs = shuffled?.ms ?? SHUFFLE_DEFAULT_MS
      const delivery = this.#keep(account, body, shuffled ? holdMs : delayMs, false)
      if (shuffled) this.#hold(delivery.id, holdMs)
      else this.#schedule(delivery)
    }
  }

  /** Forgets everything unsent. */
  clear(): void {
    this.#deliveries.clear()
    this.#held = []
    this.#waiting = []
  }

  async close(): Promise<void> {
    this.#timers.close()
    this.#waiting = []
    this.#closing.abort()
    await Promise.allSettled(this.#running)
    await Promise.all([this.#toOwn.close(), this.#toOthers.close()])
  }

  #forge(channel: string, body: string): string {
    return this.#providers.get(channel)!.forge(body)
  }

  #keep(account: Account, body: string, delayMs: number, forged: boolean): Delivery {
    const { channel, secretKey } = account
    const delivery = { id: randomUUID(), channel, secretKey, body, attempts: 0, dueAt: Date.now() + delayMs, forged }
    return this.#deliveries.put(delivery.id, delivery)
  }

  #schedule(delivery: Delivery): void {
    // A timer even when it is due: sending begins only after the write that queued it is in the journal.
    this.#timers.at(delivery.dueAt, () => this.#send(delivery.id))
  }

  #hold(id: string, holdMs: number): void {
    this.#held.push(id)
    if (this.#held.length === 1) this.#timers.at(Date.now() + holdMs, () => this.#release())
    else if (this.#held.length === SHUFFLE_BATCH_MAX) this.#timers.at(Date.now(), () => this.#release())
  }

  #release(): void {
    const held = this.#held.map((id) => ({ id, order: Math.random() })).sort((a, b) => a.order - b.order)
    this.#held = []
    // One after the other, or the network would choose the order.
    this.#track(held.reduce((before, { id }) => before.then(() => this.#attempt(id)), Promise.resolve()))
  }

  #send(id: string): void {
    if (this.#running.size >= IN_FLIGHT_MAX) this.#waiting.push(id)
    else this.#track(this.#attempt(id))
  }

  #track(work: Promise<void>): void {
    const tracked = work.finally(() => {
      this.#running.delete(tracked)
      const next = this.#waiting.shift()
      if (next !== undefined) this.#send(next)
    })
    this.#running.add(tracked)
  }

  async #attempt(id: string): Promise<void> {
    const delivery = this.#deliveries.get(id)
    const provider = delivery && this.#providers.get(delivery.channel)
    if (!delivery || !provider || this.#closing.signal.aborted) return
    const account = this.#accounts.find(delivery.channel, delivery.secretKey)
    const acknowledged =
      account.webhookUrl === null || (await this.#post(account.webhookUrl, delivery, provider, account))
    // Closed while waiting: it stays in the journal and the next process sends it. Cleared meanwhile: nothing to do.
    if (this.#closing.signal.aborted || !this.#deliveries.get(id)) return
    const delayMs = this.#retryDelaysMs[delivery.attempts]
    if (acknowledged || delivery.forged || delayMs === undefined) {
      this.#deliveries.remove(id)
      return
    }
    const again = { ...delivery, attempts: delivery.attempts + 1, dueAt: Date.now() + delayMs }
    this.#schedule(this.#deliveries.put(id, again))
  }

  async #post(url: string, delivery: Delivery, provider: Provider, account: Account): Promise<boolean> {
    const isOwn = URL.parse(url)?.origin === this.#ownOrigin()
    const headers = {
      'content-type': 'application/json',
      ...provider.signWebhook(delivery.body, account, delivery.forged),
    }
    const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(provider.webhookTimeoutMs)])
    // No answer is no acknowledgement; the retry says the rest.
    const answer = await (isOwn ? this.#toOwn : this.#toOthers).post(url, headers, delivery.body, signal)
    return answer.kind === 'answered' && provider.acknowledges(answer.status)
  }
}

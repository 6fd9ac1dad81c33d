import { setTimeout as sleep } from 'node:timers/promises'
import formbody from '@fastify/formbody'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Accounts } from './accounts.ts'
import { controlRoutes, type SetAccount, setAccount } from './control.ts'
import type { Themes } from './document.ts'
import { CALL_FAULTS, Faults, type Operation } from './faults.ts'
import { Ledger } from './ledger.ts'
import { lock } from './lock.ts'
import { Mailbox, mailboxRoutes } from './mailbox.ts'
import type { Core, Provider } from './provider.ts'
import { listProviders } from './providers.ts'
import { startRoutes } from './start.ts'
import { Store } from './store.ts'
import { Timers } from './timers.ts'
import { Webhooks } from './webhooks.ts'

export interface SandboxOptions {
  /** Where it is reachable, e.g. `http://localhost:8080/sandbox`; no trailing slash. Read whenever a link is made. */
  publicUrl: string
  /** Journal of everything it knows; absent: memory only. */
  dataFile?: string
  /** Waits between tries of a webhook that is not acknowledged. Default 1 s, 5 s, 30 s, 3 min. */
  webhookRetryDelaysMs?: number[]
  /** Every provider call takes at least this long; a function is asked for each call. Default none. */
  defaultLatencyMs?: number | (() => number)
  /** Wanted of every control call and page; absent: open to whoever reaches it. */
  token?: string
  /** Whether webhooks may go to private addresses other than the server that it is mounted in. Default true. */
  allowPrivateWebhooks?: boolean
  /** The colours of providers' pages, by slug. Default: all are grey. */
  themes?: Themes
  /** From a refund's acceptance to its end. Default 1 s. */
  refundDelayMs?: number
}

export interface Sandbox {
  /** A Fastify plugin: `/<provider>/…`, `/control/…` and `/mailbox`, relative to the prefix it is registered under. */
  register(app: FastifyInstance): Promise<void>
  /** Where an account's webhooks go. Throws for a provider that is not emulated and for a live key. */
  setAccount(account: SetAccount): void
  close(): Promise<void>
}

/** Paystack's own waits are minutes and hours; nobody waits that long for a test. */
const RETRY_DELAYS_MS = [1000, 5000, 30_000, 180_000]
const REFUND_DELAY_MS = 1000
const LATENCY_DEFAULT_MS = 1000

export function createSandbox(options: SandboxOptions): Sandbox {
  const store = new Store(options.dataFile)
  const accounts = new Accounts(store)
  const ledger = new Ledger(store)
  const mailbox = new Mailbox(store)
  const faults = new Faults()
  const timers = new Timers()
  const webhooks = new Webhooks({
    ...{ store, accounts, faults },
    retryDelaysMs: options.webhookRetryDelaysMs ?? RETRY_DELAYS_MS,
    allowPrivate: options.allowPrivateWebhooks ?? true,
    ownOrigin: () => new URL(options.publicUrl).origin,
  })
  const refundDelayMs = options.refundDelayMs ?? REFUND_DELAY_MS
  const { themes = {} } = options
  const providers = listProviders().map(({ slug, create }) => {
    const core: Core = {
      get baseUrl() {
        return `${options.publicUrl}/${slug}`
      },
      themeColor: themes[slug] ?? null,
      ...{ store, accounts, ledger, timers, refundDelayMs },
      isBehind: (succeededAt) => faults.isBehind(slug, succeededAt),
      notify: (account, operation, payload) => webhooks.queue(account, operation, payload),
    }
    return create(core)
  })
  webhooks.start(providers)
  for (const provider of providers) provider.resume()
  const control = { store, accounts, ledger, mailbox, faults, webhooks, providers }

  return {
    async register(app) {
      // Its own scope even when called on the root: parsers, hooks and error handlers stay in here.
      await app.register(async (scope) => {
        lenientParsers(scope)
        scope.addHook('onRoute', (route) => {
          // Not part of the API documentation of the app that it is mounted in.
          route.schema = { ...route.schema, hide: true } as NonNullable<typeof route.schema>
        })
        if (options.token !== undefined) lock(scope, options.token, themes, () => options.publicUrl)
        startRoutes(scope, { ledger, providers, themes, publicUrl: () => options.publicUrl })
        await scope.register(async (child) => controlRoutes(child, control), { prefix: '/control' })
        await scope.register(async (child) => mailboxRoutes(child, mailbox, themes, () => options.publicUrl), {
          prefix: '/mailbox',
        })
        for (const provider of providers) {
          await scope.register(async (child) => mount(child, provider, faults, options), {
            prefix: `/${provider.slug}`,
          })
        }
      })
    },
    setAccount: (account) => setAccount(control, account),
    async close() {
      timers.close()
      await webhooks.close()
      store.close()
    },
  }
}

/** Forms, and JSON whatever the content type says; an empty body is an empty object. */
function lenientParsers(scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers()
  scope.register(formbody)
  const parse = (
    _request: FastifyRequest,
    body: string | Buffer,
    done: (error: Error | null, body?: unknown) => void,
  ) => {
    if (body.length === 0) return done(null, {})
    try {
      done(null, JSON.parse(String(body)))
    } catch {
      done(Object.assign(new Error('Invalid JSON in the request body'), { statusCode: 400 }))
    }
  }
  scope.addContentTypeParser('application/json', { parseAs: 'string' }, parse)
  scope.addContentTypeParser('*', { parseAs: 'string' }, parse)
}

function mount(scope: FastifyInstance, provider: Provider, faults: Faults, options: SandboxOptions): void {
  const cut = new WeakSet<FastifyRequest>()
  // After authentication, which is an onRequest hook: a call with a bad key does no work that could fail.
  scope.addHook('preHandler', async (request, reply) => {
    const operation = (request.routeOptions.config as { operation?: Operation }).operation
    if (operation === undefined) return
    const { defaultLatencyMs: latency = 0 } = options
    const latencyMs = typeof latency === 'function' ? latency() : latency
    if (latencyMs > 0) await sleep(latencyMs)
    for (const fault of faults.take(CALL_FAULTS, provider.slug, operation)) {
      if (fault.kind === 'latency') await sleep(fault.ms ?? LATENCY_DEFAULT_MS)
      if (fault.kind === 'drop_after') cut.add(request)
      if (fault.kind === 'drop_before') return drop(request, reply)
      if (fault.kind === 'status') {
        const status = fault.status ?? 503
        return reply.code(status).send(provider.errorBody(status, 'Service unavailable (sandbox fault)'))
      }
    }
  })
  // The answer is ready, so the work is done and in the journal: now the line breaks.
  scope.addHook('onSend', async (request, reply, payload) => {
    if (cut.has(request)) drop(request, reply)
    return payload
  })
  scope.setErrorHandler((error: Error & { statusCode?: number }, request, reply) => {
    const status = error.statusCode ?? 500
    if (status >= 500) request.log.error(error)
    return reply.code(status).send(provider.errorBody(status, error.message))
  })
  scope.setNotFoundHandler((_request, reply) => reply.code(404).send(provider.errorBody(404, 'Route not found')))
  scope.addHook('onRoute', (route) => {
    const config = (route.config ?? {}) as { isPage?: boolean }
    route.config = { ...config, isApi: !config.isPage } as NonNullable<typeof route.config>
  })
  provider.routes(scope)
}

function drop(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  reply.hijack()
  request.raw.socket.destroy()
  return reply
}

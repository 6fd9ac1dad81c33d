import { createHmac, randomUUID } from 'node:crypto'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { exponentOf } from '../../../sandbox/ledger.ts'
import { isPage } from '../../../sandbox/lock.ts'
import { type Core, operation, type Provider, type ProviderEntry } from '../../../sandbox/provider.ts'
import type { Collection } from '../../../sandbox/store.ts'

/** Toy Pay as a provider of the sandbox: a login, a payment, a webhook. */

interface Payment {
  id: number
  key: string
  reference: string
  amount: string
  currency: string
  status: 'WAITING' | 'PAID' | 'REFUSED'
  return_url: string
  paid_at: string | null
}

export interface ToyEmulator {
  readonly entry: ProviderEntry
  /** How often somebody has logged in. */
  readonly logins: () => number
  /** No token that was given out is good any more. */
  revoke(): void
}

export function toyEmulator(): ToyEmulator {
  const tokens = new Map<string, string>()
  let logins = 0
  const logIn = (key: string) => {
    logins += 1
    const token = randomUUID()
    tokens.set(token, key)
    return token
  }
  return {
    entry: { slug: 'toy', create: (core) => createToy(core, logIn, (token) => tokens.get(token)) },
    logins: () => logins,
    revoke: () => tokens.clear(),
  }
}

const isTestKey = (key: string) => /^toy_test_\w+$/.test(key)
const refusal = (statusCode: number, message: string) => Object.assign(new Error(message), { statusCode })

type KeyOf = (token: string) => string | undefined

function createToy(core: Core, logIn: (key: string) => string, keyOf: KeyOf): Provider {
  const payments = core.store.collection<Payment>('toy_payments')
  const isOpen = ({ status }: Payment) => status !== 'PAID'
  return {
    slug: 'toy',
    webhookTimeoutMs: 10_000,
    acknowledges: (status) => status === 200,
    signWebhook: (body, account, forged) => {
      const secret = forged ? 'of-somebody-else' : (account.webhookSecret ?? '')
      return { 'x-toy-signature': createHmac('sha256', secret).update(body).digest('hex') }
    },
    forge: (body) => body,
    isTestKey,
    errorBody: (_status, message) => ({ ok: false, message }),
    routes: (app) => routes(app, { core, payments, logIn, keyOf }),
    ways: { methods: ['wallet'], slow: [], takesFees: false, paysAgain: false, cancels: false },
    pay({ reference, outcome }) {
      const payment = payments.get(reference)
      if (!payment) return null
      if (!isOpen(payment)) return 'paid'
      const status = outcome === 'success' ? 'PAID' : outcome === 'failed' ? 'REFUSED' : payment.status
      const paid = payments.put(reference, { ...payment, status, paid_at: new Date().toISOString() })
      const { id, key, currency } = paid
      core.ledger.record(String(id), {
        ...{ channel: 'toy', kind: 'charge', reference, currency, amount_minor: minorOf(paid) },
        status: status === 'PAID' ? 'success' : 'failed',
      })
      core.notify(core.accounts.find('toy', key), 'charge', { event: 'payment', payment: { id, reference, status } })
      return { status, redirectUrl: payment.return_url }
    },
    openCheckouts: () =>
      payments
        .all()
        .filter(isOpen)
        .map((payment) => ({
          ...{ channel: 'toy', reference: payment.reference, currency: payment.currency },
          ...{ amount_minor: minorOf(payment), url: pageOf(core, payment.reference) },
        })),
    forgetOpenCheckouts() {
      for (const payment of payments.all().filter(isOpen)) payments.remove(payment.reference)
    },
    resume: () => undefined,
  }
}

const pageOf = (core: Core, reference: string) => `${core.baseUrl}/page/${reference}`
const minorOf = ({ amount, currency }: Payment) => Math.round(Number(amount) * 10 ** exponentOf(currency))

interface Toy {
  core: Core
  payments: Collection<Payment>
  logIn(key: string): string
  keyOf: KeyOf
}

function routes(app: FastifyInstance, { core, payments, logIn, keyOf }: Toy): void {
  const keyOfCall = ({ headers }: FastifyRequest): string => {
    const key = keyOf(headers.authorization?.replace(/^Bearer /, '') ?? '')
    if (key === undefined) throw refusal(401, 'Unknown token')
    return key
  }
  app.post('/login', async ({ headers }) => {
    const given = Buffer.from(headers.authorization?.replace(/^Basic /, '') ?? '', 'base64').toString()
    const key = given.split(':')[0] ?? ''
    if (!isTestKey(key)) throw refusal(401, 'Unknown key')
    return { ok: true, result: { token: logIn(key), expires_in: 3600 } }
  })
  app.post('/payments', operation('open'), async (request) => {
    const key = keyOfCall(request)
    const { reference, amount, currency, return_url } = request.body as Payment
    if (payments.get(reference)) throw refusal(400, 'This reference was used before')
    const id = payments.all().length + 1
    payments.put(reference, { id, key, reference, amount, currency, return_url, status: 'WAITING', paid_at: null })
    return { ok: true, result: { page: pageOf(core, reference) } }
  })
  app.get('/payments/:reference', operation('verify'), async (request) => {
    const key = keyOfCall(request)
    const payment = payments.get((request.params as { reference: string }).reference)
    if (payment?.key !== key) throw refusal(404, 'No such payment')
    return { ok: true, result: payment }
  })
  app.get('/page/:reference', isPage, async () => 'Pay this one by POST /control/pay.')
}

import type { FastifyInstance } from 'fastify'
import type { Accounts } from './accounts.ts'
import {
  ANSWER_FAULTS,
  CALL_FAULTS,
  type Fault,
  type FaultKind,
  type Faults,
  OPERATIONS,
  type Operation,
  WEBHOOK_FAULTS,
} from './faults.ts'
import type { Ledger } from './ledger.ts'
import { MAILS_LISTED, MAILS_MAX, type Mailbox } from './mailbox.ts'
import type { NotPaid, PayOutcome, PayRequest, Provider } from './provider.ts'
import type { Store } from './store.ts'
import type { Webhooks } from './webhooks.ts'

export interface Control {
  readonly store: Store
  readonly accounts: Accounts
  readonly ledger: Ledger
  readonly mailbox: Mailbox
  readonly faults: Faults
  readonly webhooks: Webhooks
  readonly providers: readonly Provider[]
}

export interface SetAccount {
  channel: string
  secretKey: string
  webhookUrl: string | null
  webhookSecret?: string | null
  signsBody?: boolean
}

/** Words for the caller; the status is the answer's. */
class Refusal extends Error {
  readonly statusCode: number
  readonly field: string | null
  constructor(statusCode: number, message: string, field: string | null = null) {
    super(message)
    this.statusCode = statusCode
    this.field = field
  }
}

type Body = Record<string, unknown>

const KINDS: readonly string[] = [...CALL_FAULTS, ...WEBHOOK_FAULTS, ...ANSWER_FAULTS]
/** Longer than any client waits: more would only leave sockets hanging. */
const FAULT_MS_MAX = 600_000

/** The tester's side of the sandbox. Open on one's own machine; beyond it the sandbox's token stands before it. */
export function controlRoutes(app: FastifyInstance, control: Control): void {
  const { ledger, faults, mailbox, providers, store, webhooks } = control
  app.setErrorHandler((error: Error & { statusCode?: number; field?: string | null }, _request, reply) =>
    reply.code(error.statusCode ?? 500).send({ error: error.message, field: error.field ?? null }),
  )
  app.setNotFoundHandler((_request, reply) => reply.code(404).send({ error: 'no such control path', field: null }))

  app.get('/ledger', () => ledger.rows())
  app.get('/checkouts', () => providers.flatMap((provider) => provider.openCheckouts()))
  app.get('/faults', () => faults.list())
  app.post('/faults', (request, reply) => reply.code(201).send(faults.add(readFault(control, bodyOf(request.body)))))
  app.post('/pay', (request) => pay(control, bodyOf(request.body)))
  app.post('/accounts', (request) => {
    const body = bodyOf(request.body)
    const account = {
      channel: text(body, 'channel'),
      secretKey: text(body, 'secret_key'),
      webhookUrl: body.webhook_url == null ? null : text(body, 'webhook_url'),
      webhookSecret: body.webhook_secret == null ? null : text(body, 'webhook_secret'),
      signsBody: body.signs_body === true,
    }
    setAccount(control, account)
    return { channel: account.channel, webhook_url: account.webhookUrl }
  })
  mailRoutes(app, mailbox)
  app.delete('/faults', (_request, reply) => {
    faults.clear()
    return reply.code(204).send()
  })
  app.delete('/', (_request, reply) => {
    faults.clear()
    store.write(() => {
      webhooks.clear()
      ledger.clear()
      mailbox.clear()
      for (const provider of providers) provider.forgetOpenCheckouts()
    })
    return reply.code(204).send()
  })
}

function mailRoutes(app: FastifyInstance, mailbox: Mailbox): void {
  app.post('/mails', (request, reply) => {
    const body = bodyOf(request.body)
    const mail = mailbox.receive({
      message_id: text(body, 'message_id'),
      from: text(body, 'from'),
      to: text(body, 'to'),
      subject: text(body, 'subject'),
      html: text(body, 'html'),
      text: text(body, 'text'),
    })
    return reply.code(201).send({ id: mail.id })
  })
  app.get('/mails', (request) => {
    const query = request.query as { to?: string; limit?: string }
    const limit = Number(query.limit ?? MAILS_LISTED)
    if (!Number.isInteger(limit) || limit < 1 || limit > MAILS_MAX) {
      throw new Refusal(422, `limit must be a whole number from 1 to ${MAILS_MAX}`, 'limit')
    }
    return mailbox.list(query.to || null, limit)
  })
}

export function setAccount(control: Control, account: SetAccount): void {
  const provider = providerOf(control, account.channel)
  if (!provider.isTestKey(account.secretKey)) {
    throw new Refusal(422, `secret_key is not a test key of ${provider.slug}`, 'secret_key')
  }
  if (account.webhookUrl !== null && !/^https?:$/.test(URL.parse(account.webhookUrl)?.protocol ?? '')) {
    throw new Refusal(422, 'webhook_url must be an http or https URL', 'webhook_url')
  }
  const { webhookSecret = null, signsBody = false } = account
  control.accounts.set({ ...account, webhookSecret, signsBody })
}

function pay(control: Control, body: Body): unknown {
  const provider = providerOf(control, text(body, 'channel'))
  const request = readPay(provider, body)
  const { reference } = request
  const result = control.store.write(() => provider.pay(request))
  if (result === null)
    throw new Refusal(404, `no checkout with reference ${reference} at ${provider.slug}`, 'reference')
  if (typeof result === 'string') throw new Refusal(409, `checkout ${reference} ${notPaid[result]}`, 'reference')
  return { channel: provider.slug, reference, status: result.status, redirect_url: result.redirectUrl }
}

const notPaid: Readonly<Record<NotPaid, string>> = {
  paid: 'is paid already',
  processing: 'is under way: only success, failed or canceled ends that',
  closed: 'is disabled or expired',
}

const OUTCOMES: readonly PayOutcome[] = ['success', 'failed', 'abandon', 'processing', 'canceled']

/** What the provider cannot do is refused here, in words, and never half done there. */
function readPay({ slug, ways }: Provider, body: Body): PayRequest {
  const outcome = oneOf<PayOutcome>(body, 'outcome', OUTCOMES)
  const reference = text(body, 'reference')
  if (outcome === 'canceled' && !ways.cancels) throw new Refusal(422, `${slug} cancels no money under way`, 'outcome')
  const known = outcome === 'processing' ? ways.slow : ways.methods
  const method = body.method == null ? known[0]! : oneOf<string>(body, 'method', known)
  const card = body.card == null ? null : text(body, 'card').replaceAll(/[\s-]/g, '')
  if (card !== null && method !== ways.methods[0]) throw new Refusal(422, `${method} is paid without a card`, 'card')
  const amount = (field: string) => (body[field] == null ? null : whole(body, field, 1, Number.MAX_SAFE_INTEGER))
  const [amountMinor, feeMinor] = [amount('amount_minor'), amount('fee_minor')]
  if (feeMinor !== null && !ways.takesFees) throw new Refusal(422, `${slug} puts no fee on top`, 'fee_minor')
  const again = body.again === true
  if (again && !ways.paysAgain) throw new Refusal(409, `${slug} takes one payment per reference`, 'again')
  return { reference, outcome, card, method, amountMinor, feeMinor, again }
}

function readFault(control: Control, body: Body): Omit<Fault, 'id'> {
  const fault: Omit<Fault, 'id'> = { kind: oneOf<FaultKind>(body, 'kind', KINDS), rate: 1, times: null }
  if (body.channel != null) fault.channel = providerOf(control, text(body, 'channel')).slug
  if (body.operation != null) fault.operation = oneOf<Operation>(body, 'operation', OPERATIONS)
  if (body.ms != null) fault.ms = number(body, 'ms', 0, FAULT_MS_MAX)
  if (body.status != null) fault.status = whole(body, 'status', 400, 599)
  if (body.rate != null) fault.rate = number(body, 'rate', 0, 1)
  if (body.times != null) fault.times = whole(body, 'times', 1, Number.MAX_SAFE_INTEGER)
  return fault
}

function providerOf(control: Control, channel: string): Provider {
  const provider = control.providers.find(({ slug }) => slug === channel)
  if (provider) return provider
  const known = control.providers.map(({ slug }) => slug).join(', ')
  throw new Refusal(422, `channel must be one of: ${known}`, 'channel')
}

function bodyOf(body: unknown): Body {
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body as Body
  throw new Refusal(422, 'the body must be a JSON object')
}

function text(body: Body, field: string): string {
  const value = body[field]
  if (typeof value === 'string' && value !== '') return value
  throw new Refusal(422, `${field} must be a text`, field)
}

function oneOf<T extends string>(body: Body, field: string, allowed: readonly string[]): T {
  const value = body[field]
  if (typeof value === 'string' && allowed.includes(value)) return value as T
  throw new Refusal(422, `${field} must be one of: ${allowed.join(', ')}`, field)
}

function number(body: Body, field: string, min: number, max: number): number {
  const value = body[field]
  if (typeof value === 'number' && value >= min && value <= max) return value
  throw new Refusal(422, `${field} must be a number from ${min} to ${max}`, field)
}

function whole(body: Body, field: string, min: number, max: number): number {
  const value = number(body, field, min, max)
  if (Number.isInteger(value)) return value
  throw new Refusal(422, `${field} must be a whole number`, field)
}

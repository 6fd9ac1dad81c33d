import { createHmac } from 'node:crypto'
import type { Core, Provider, ProviderEntry } from '../provider.ts'
import { checkoutRoutes, openCheckouts, payByControl, WAYS } from './checkout.ts'
import { invalidKey, PaystackError } from './errors.ts'
import { openRecords, SLUG } from './records.ts'
import { resumeRefunds } from './refunds.ts'
import { isTestKey } from './requests.ts'
import { apiRoutes } from './routes.ts'
import { isOpen, keyOf, settleLater } from './transactions.ts'
import { resumeTransfers } from './transfers.ts'

export const paystack: ProviderEntry = { slug: SLUG, create: createPaystack }

function createPaystack(core: Core): Provider {
  const ps = openRecords(core)
  return {
    slug: SLUG,
    webhookTimeoutMs: 30_000,
    acknowledges: (status) => status === 200,
    signWebhook: (body, account, forged) => {
      const secret = forged ? `${account.secretKey}-of-somebody-else` : account.secretKey
      return { 'x-paystack-signature': createHmac('sha512', secret).update(body).digest('hex') }
    },
    forge,
    isTestKey,
    errorBody: (status, message) => (status === 401 ? invalidKey().body : new PaystackError(status, message).body),
    routes(app) {
      app.register(async (api) => apiRoutes(api, ps))
      app.register(async (pages) => checkoutRoutes(pages, ps))
    },
    ways: WAYS,
    pay: (request) => payByControl(ps, request),
    openCheckouts: () => openCheckouts(ps),
    forgetOpenCheckouts() {
      for (const transaction of ps.transactions.all()) {
        if (isOpen(transaction)) ps.transactions.remove(keyOf(transaction))
      }
    },
    resume() {
      for (const transaction of ps.transactions.all()) {
        if (transaction.status === 'ongoing') settleLater(ps, transaction)
      }
      resumeRefunds(ps)
      resumeTransfers(ps)
    },
  }
}

/** Ten times the amount, and a success whatever it was. */
function forge(body: string): string {
  const event = JSON.parse(body) as { event: string; data: Record<string, unknown> }
  const { data } = event
  return JSON.stringify({ ...event, data: { ...data, status: 'success', amount: Number(data.amount) * 10 } })
}

import Stripe from 'stripe'
import type { Core, Provider, ProviderEntry } from '../provider.ts'
import { settleLater as settleIntentLater } from './attempts.ts'
import { isTestKey, mountCalls } from './calls.ts'
import { checkoutRoutes, openCheckouts, payByControl, WAYS } from './checkout.ts'
import { DEFAULT_SECRET } from './endpoints.ts'
import { invalidKey, StripeError } from './errors.ts'
import { settleLater as settlePayoutLater } from './payouts.ts'
import { openRecords, SLUG } from './records.ts'
import { settleLater as settleRefundLater } from './refunds.ts'
import { endpoints } from './routes.ts'
import { expireLater } from './sessions.ts'

export const stripe: ProviderEntry = { slug: SLUG, create: createStripe }

function createStripe(core: Core): Provider {
  const st = openRecords(core)
  return {
    slug: SLUG,
    webhookTimeoutMs: 20_000,
    acknowledges: (status) => status >= 200 && status < 300,
    signWebhook: (payload, account, forged) => {
      const secret = account.webhookSecret ?? DEFAULT_SECRET
      const signature = Stripe.webhooks.generateTestHeaderString({ payload, secret: forged ? `${secret}x` : secret })
      return { 'stripe-signature': signature, 'user-agent': 'Stripe/1.0 (+https://stripe.com/docs/webhooks)' }
    },
    forge,
    isTestKey,
    errorBody: (status, message) => errorOf(status, message).body,
    routes(app) {
      app.register(async (api) => mountCalls(api, st, endpoints))
      app.register(async (pages) => checkoutRoutes(pages, st))
    },
    ways: WAYS,
    pay: (request) => payByControl(st, request),
    openCheckouts: () => openCheckouts(st),
    forgetOpenCheckouts() {
      for (const { id, status } of st.sessions.all()) if (status === 'open') st.sessions.remove(id)
    },
    resume() {
      for (const session of st.sessions.all()) if (session.status === 'open') expireLater(st, session)
      for (const intent of st.intents.all()) if (intent.settlesAt !== null) settleIntentLater(st, intent)
      for (const refund of st.refunds.all()) if (refund.settlesAt !== null) settleRefundLater(st, refund)
      for (const payout of st.payouts.all()) settlePayoutLater(st, payout)
    },
  }
}

function errorOf(status: number, message: string): StripeError {
  if (status === 401) return invalidKey(null)
  if (status === 429) return new StripeError(429, 'invalid_request_error', message, { code: 'rate_limit' })
  return new StripeError(status, status >= 500 ? 'api_error' : 'invalid_request_error', message)
}

/** Ten times the amount, and paid whatever it was. */
function forge(body: string): string {
  const event = JSON.parse(body) as { data: { object: Record<string, unknown> } }
  const { object } = event.data
  const paid = 'payment_status' in object ? { status: 'complete', payment_status: 'paid' } : { status: 'succeeded' }
  const money = Object.fromEntries(
    ['amount', 'amount_total', 'amount_received']
      .filter((key) => key in object)
      .map((key) => [key, Number(object[key]) * 10]),
  )
  return JSON.stringify({ ...event, data: { object: { ...object, ...paid, ...money } } })
}

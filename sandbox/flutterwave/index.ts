import { createHmac } from 'node:crypto'
import type { Account } from '../accounts.ts'
import type { Core, Provider, ProviderEntry } from '../provider.ts'
import { checkoutRoutes, forgetOpenCheckouts, openCheckouts, payByControl, WAYS } from './checkout.ts'
import { FlutterwaveError, wrongKey } from './errors.ts'
import { openRecords, SLUG } from './records.ts'
import { resumeRefunds } from './refunds.ts'
import { isTestKey } from './requests.ts'
import { apiRoutes } from './routes.ts'
import { settleLater } from './transactions.ts'
import { resumeTransfers } from './transfers.ts'

export const flutterwave: ProviderEntry = { slug: SLUG, create: createFlutterwave }

/** The secret hash of an account that has set none. Flutterwave then sends no `verif-hash`; a sandbox is no use so. */
export const HASH_DEFAULT = 'flutterwave-sandbox-hash'

function createFlutterwave(core: Core): Provider {
  const flw = openRecords(core)
  return {
    slug: SLUG,
    webhookTimeoutMs: 60_000,
    acknowledges: (status) => status === 200,
    signWebhook,
    forge,
    isTestKey,
    errorBody: (status, message) => (status === 401 ? wrongKey() : new FlutterwaveError(status, message)).body,
    routes(app) {
      app.register(async (api) => apiRoutes(api, flw))
      app.register(async (pages) => checkoutRoutes(pages, flw))
    },
    ways: WAYS,
    pay: (request) => payByControl(flw, request),
    openCheckouts: () => openCheckouts(flw),
    forgetOpenCheckouts: () => forgetOpenCheckouts(flw),
    resume() {
      for (const transaction of flw.transactions.all()) {
        if (transaction.settlesAt !== null) settleLater(flw, transaction)
      }
      resumeRefunds(flw)
      resumeTransfers(flw)
    },
  }
}

/** The hash as it is, which proves nothing about the body; the signature besides, where the account wants it. */
function signWebhook(body: string, account: Account, forged: boolean): Record<string, string> {
  const hash = account.webhookSecret ?? HASH_DEFAULT
  const secret = forged ? `${hash}-of-somebody-else` : hash
  const signature = createHmac('sha256', secret).update(body).digest('base64')
  return { 'verif-hash': secret, ...(account.signsBody && { 'flutterwave-signature': signature }) }
}

/** Ten times the amount, and a success whatever it was. */
function forge(body: string): string {
  const event = JSON.parse(body) as { event: string; data: Record<string, unknown> }
  const { data } = event
  const status = event.event === 'transfer.completed' ? 'SUCCESSFUL' : 'successful'
  const amounts = { amount: Number(data.amount) * 10, charged_amount: Number(data.amount) * 10 }
  return JSON.stringify({ ...event, data: { ...data, ...amounts, status } })
}

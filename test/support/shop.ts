import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import type { Browser, Page } from 'playwright-core'
import { openBrowser } from './browser.ts'
import { type Body, call, startTestServer, type TestBusiness, type TestServer, threeChannels } from './server.ts'

/** A merchant's site on an origin of its own, the server that it uses, and a buyer's browser. */

/** The published package, byte for byte. */
const sdk = readFileSync(createRequire(import.meta.url).resolve('@asyncpay/checkout'))

/**
 * A page that runs the SDK as a merchant would, with the options in its address. The package is CommonJS: it finds an
 * `exports` to hang itself on. `calls` is what the SDK called back, in order.
 */
const merchantPage = `<!doctype html><html lang="en"><title>A shop</title><h1>A shop</h1><button id="pay">Pay</button>
<script>var exports = {}</script><script src="/sdk.js"></script>
<script>
const options = JSON.parse(new URLSearchParams(location.search).get('options'))
const calls = window.calls = []
const told = (name) => (given) => { calls.push({ name, given }) }
document.getElementById('pay').addEventListener('click', () => {
  exports.AsyncpayCheckout({ ...options, onSuccess: told('success'), onCancel: told('cancel'), onClose: told('close') })
    .catch((error) => told('error')(error.message))
})
</script></html>`

const thanksPage = '<!doctype html><html lang="en"><title>Thanks</title><h1>Thanks</h1></html>'

async function startMerchant(): Promise<{ origin: string; close(): Promise<void> }> {
  const server: Server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://merchant').pathname
    const [type, body] = path === '/sdk.js' ? ['text/javascript', sdk] : ['text/html', pageAt(path)]
    response.writeHead(200, { 'content-type': `${type}; charset=utf-8` }).end(body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

const pageAt = (path: string) => (path === '/shop' ? merchantPage : thanksPage)

/** Whether this process may listen on the port that `environment: "local"` of the SDK means. */
async function mayListenOn(port: number): Promise<boolean> {
  const probe = createServer()
  const listening = await new Promise<boolean>((resolve) => {
    probe.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true))
  })
  if (listening) await new Promise((resolve) => probe.close(resolve))
  return listening
}

export interface SdkOptions {
  publicKey?: string
  customerEmail?: string
  amount?: number
  reference?: string
  description?: string
  paymentChannel?: string
  successURL?: string
  cancelURL?: string
  logo?: string
}

export interface ShopOptions {
  /** The server on port 80, where the SDK looks for it; where that may not be, the browser takes it to the real port. */
  onPort80?: boolean
  env?: Record<string, string>
}

export interface Moved {
  channel: string
  status: string
  amount_minor: number
}

export interface Shop {
  readonly server: TestServer
  readonly business: TestBusiness
  readonly merchant: string
  readonly browser: Browser
  /** A new request of the business, through the SDK's endpoint; gives it with its `checkout_url`. */
  initialize(body?: object): Promise<Body>
  retrieve(ref: string): Promise<Body>
  /** What moved, or was refused, at the sandbox for this request: one line a charge. */
  charges(ref: string): Promise<Moved[]>
  /** What the sandbox gave back of them. */
  refunds(ref: string): Promise<Moved[]>
  /** The merchant's page, where the SDK has been started. */
  openSdk(page: Page, options?: SdkOptions): Promise<void>
  close(): Promise<void>
}

export async function openShop({ onPort80 = false, env = {} }: ShopOptions = {}): Promise<Shop> {
  const isThere = onPort80 && (await mayListenOn(80))
  const on80 = isThere ? { PORT: '80', BASE_URL: 'http://localhost' } : {}
  const server = await startTestServer({ backend: 'postgres', env: { ...on80, ...env } })
  const business = await threeChannels(server, 'Kente & Co')
  const merchant = await startMerchant()
  const { port } = new URL(server.url)
  const browser = await openBrowser(
    onPort80 && !isThere ? [`--host-resolver-rules=MAP localhost:80 localhost:${port}`] : [],
  )
  const publicKey = business.keys.test.public_key
  const initialize = async (body: object = {}): Promise<Body> => {
    const answer = await call(
      server.url,
      'POST',
      '/v1/sdk/initialize-payment-request',
      { customer_email: 'ada@example.com', amount: 4500, currency: 'NGN', description: 'Two bolts of cloth', ...body },
      { authentication: `Bearer ${publicKey}` },
    )
    if (answer.status !== 201) throw new Error(`initialize: ${answer.status} ${answer.text}`)
    return answer.body.data.payment_request
  }
  return {
    ...{ server, business, browser, initialize },
    merchant: merchant.origin,
    retrieve: async (ref) =>
      (await business.api('GET', `/v1/payment-requests/retrieve-by-ref/${ref}`)).body.data.payment_request,
    charges: (ref) => moved(server, ref, 'charge'),
    refunds: (ref) => moved(server, ref, 'refund'),
    async openSdk(page, options = {}) {
      const given = { publicKey, customerEmail: 'ada@example.com', amount: 4500, environment: 'local', ...options }
      await page.goto(`${merchant.origin}/shop?options=${encodeURIComponent(JSON.stringify(given))}`)
      await page.getByRole('button', { name: 'Pay' }).click()
    },
    async close() {
      await browser.close()
      await merchant.close()
      await server.close()
    },
  }
}

async function moved(server: TestServer, ref: string, kind: 'charge' | 'refund'): Promise<Moved[]> {
  const attempts = await server.ctx.db
    .selectFrom('transactions')
    .innerJoin('payment_requests', 'payment_requests.id', 'transactions.payment_request_id')
    .where('payment_requests.ref', '=', ref)
    .select('transactions.ref')
    .execute()
  const known = new Set(attempts.map((one) => one.ref))
  const rows = (await call(server.url, 'GET', '/sandbox/control/ledger')).body as Body[]
  return rows
    .filter((row) => row.kind === kind && known.has(row.reference))
    .map(({ channel, status, amount_minor }) => ({ channel, status, amount_minor }))
}

/** What the SDK called back until now. */
export const callsOf = (page: Page) => page.evaluate('calls') as Promise<{ name: string; given?: Body }[]>

import { createHmac, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Listening {
  /** Named when it ends: by then there may be another business. */
  business_id: string
  uuid: string
  secret: string
}

export interface ListenOptions {
  port: number
  /** Also sent on to this address, headers and body as they came. */
  forwardTo: string | null
  add: (url: string) => Promise<Listening>
  remove: (listening: Listening) => Promise<void>
}

const bodyMaxBytes = 1024 * 1024
const forwardTimeoutMs = 15_000

/** Receives the test mode's webhooks on this machine, checks each signature, prints one line each, until Ctrl-C. */
export async function listen(options: ListenOptions): Promise<void> {
  // From now on: whoever ends it while the endpoint is being made leaves none behind.
  const asked = askedToEnd()
  let listening: Listening | null = null
  const server = createServer(async (incoming, outgoing) => {
    const body = await readBody(incoming)
    if (body === null) return void incoming.destroy()
    const headers = incoming.headers as Record<string, string>
    const valid = listening !== null && isSignedBy(listening.secret, headers, body)
    const status = await forward(options.forwardTo, headers, body)
    console.log(describe(body, valid, options.forwardTo && status))
    outgoing.writeHead(valid ? status : 401).end()
  })
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(options.port, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  listening = await options.add(url)
  console.log(
    `Listening for webhooks of the test mode at ${url}\nSigning secret ${listening.secret}\nCtrl-C ends it.\n`,
  )
  await asked
  server.close()
  server.closeIdleConnections()
  await options.remove(listening)
}

/** Ctrl-C, a supervisor, a terminal that is closed, a reader of the output that is gone. A second signal ends it at once. */
function askedToEnd(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolve())
    process.stdout.on('error', () => resolve())
  })
}

/** Null: too long, or broken off by the sender. */
async function readBody(incoming: IncomingMessage): Promise<string | null> {
  let body = ''
  try {
    for await (const chunk of incoming) {
      body += chunk
      if (body.length > bodyMaxBytes) return null
    }
    return body
  } catch {
    return null
  }
}

async function forward(to: string | null, headers: Record<string, string>, body: string): Promise<number> {
  if (to === null) return 200
  const { host: _host, 'content-length': _length, connection: _connection, ...rest } = headers
  try {
    const answer = await fetch(to, {
      method: 'POST',
      headers: rest,
      body,
      signal: AbortSignal.timeout(forwardTimeoutMs),
    })
    return answer.status
  } catch (error) {
    console.error(`  could not forward: ${error instanceof Error ? error.message : error}`)
    return 502
  }
}

function isSignedBy(secret: string, headers: Record<string, string>, body: string): boolean {
  const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`
  const expected = createHmac('sha256', Buffer.from(secret.slice('whsec_'.length), 'base64'))
    .update(signed)
    .digest()
  return (headers['webhook-signature'] ?? '').split(' ').some((one) => {
    const given = Buffer.from(one.replace(/^v1,/, ''), 'base64')
    return given.length === expected.length && timingSafeEqual(given, expected)
  })
}

/** Strangers may send anything: what is no event is named so. */
function readEvent(body: string): { event: string; data: Record<string, unknown> } {
  try {
    const { event, data } = JSON.parse(body)
    return { event: String(event), data: Object(data) }
  } catch {
    return { event: 'no event', data: {} }
  }
}

function describe(body: string, valid: boolean, forwarded: number | null | ''): string {
  const { event, data } = readEvent(body)
  const money = data.amount === undefined ? '' : ` ${data.currency} ${data.amount}`
  const end = forwarded ? `, forwarded: ${forwarded}` : ''
  return `${new Date().toISOString()}  ${event}  ${data.ref ?? data.uuid}${money}  (signature ${valid ? 'valid' : 'WRONG'}${end})`
}

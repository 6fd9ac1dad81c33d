import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ChannelTransport } from '../channel.ts'

/**
 * A provider for the contract suite: a real HTTP server on 127.0.0.1 that answers by script and remembers what it was
 * asked. The faults are real ones, on the socket, because an adapter must survive those and not our idea of them.
 */

export interface ProviderRequest {
  readonly method: string
  /** With its query. */
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

export type ProviderAnswer =
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body: string }
  /** Reads the request and never answers. */
  | 'hang'
  /** Reads the request whole, as if it did the work, then cuts the socket. */
  | 'drop'
  /** Begins to answer 200 and cuts the socket within the body. */
  | 'cut'

/** What the provider answers to each request of one test. */
export type Script = (request: ProviderRequest) => ProviderAnswer

/** How long the suite's transport waits for a whole answer; the real one waits 20 s. A busy machine has been seen to need 250 ms. */
const answerLimitMs = 1000

export class FakeProvider {
  /** Everything asked since the last `play`, in order; logins are not among it. */
  requests: ProviderRequest[] = []
  readonly #login: (request: ProviderRequest) => ProviderAnswer | null
  #script: Script = () => ({ status: 500, body: 'no script' })
  readonly #server = createServer((request, response) => void this.#serve(request, response))

  /** `login`: answers the logins of a provider that wants them, whatever the script; null for all other requests. */
  constructor(login: (request: ProviderRequest) => ProviderAnswer | null = () => null) {
    this.#login = login
  }

  async start(): Promise<void> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
  }

  stop(): void {
    this.#server.close()
    this.#server.closeAllConnections()
  }

  play(script: Script): void {
    this.#script = script
    this.requests = []
  }

  transport(): ChannelTransport {
    const { port } = this.#server.address() as AddressInfo
    return {
      baseUrl: `http://127.0.0.1:${port}`,
      fetch: (input, init) => {
        const limit = AbortSignal.timeout(answerLimitMs)
        return fetch(input, { ...init, signal: init?.signal ? AbortSignal.any([init.signal, limit]) : limit })
      },
    }
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const asked: ProviderRequest = {
      method: request.method ?? '',
      path: request.url ?? '',
      headers: request.headers,
      body: Buffer.concat(chunks).toString('utf8'),
    }
    const login = this.#login(asked)
    if (login === null) this.requests.push(asked)
    const answer = login ?? this.#script(asked)
    if (answer === 'hang') return
    if (answer === 'drop') {
      request.socket.destroy()
    } else if (answer === 'cut') {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' })
      response.write('{"status": true, "data": {', () => request.socket.destroy())
    } else {
      response.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers }).end(answer.body)
    }
  }
}

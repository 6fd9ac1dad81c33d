import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Received {
  headers: Record<string, string>
  /** The exact text. */
  text: string
  // biome-ignore lint/suspicious/noExplicitAny: what a stranger's server would see
  body: any
  at: number
}

/** A merchant's server on loopback: keeps what comes, answers with `status` (or what `answer` says). */
export async function startReceiver(
  answer: (received: Received, index: number) => number | Promise<number> = () => 200,
) {
  const received: Received[] = []
  const server = createServer(async (request, response) => {
    let text = ''
    for await (const chunk of request) text += chunk
    const one = { headers: request.headers as Record<string, string>, text, body: JSON.parse(text), at: Date.now() }
    received.push(one)
    response.writeHead(await answer(one, received.length - 1)).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    received,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
export type Receiver = Awaited<ReturnType<typeof startReceiver>>

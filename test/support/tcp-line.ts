import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { connect, createServer, type Socket } from 'node:net'

/** The line to a database, which a test can cut, mend, and let fall silent. */
export interface TcpLine {
  /** The same address as given, by way of the line. */
  readonly url: string
  /** Every connection breaks, and none is taken until `mend`. */
  cut(): void
  /** Nothing moves any more, and nobody is told; new connections are taken and get no answer. */
  silence(): void
  mend(): void
  /** From now on to another server, as an address that moves with the primary; what is open stays where it is. */
  lead(url: string): void
  close(): Promise<void>
}

export async function openTcpLine(url: string): Promise<TcpLine> {
  let target = new URL(url)
  const pairs = new Set<[Socket, Socket]>()
  let state: 'open' | 'cut' | 'silent' = 'open'
  const server = createServer((near) => {
    if (state === 'cut') return void near.destroy()
    const far = connect(Number(target.port), target.hostname)
    const pair: [Socket, Socket] = [near, far]
    pairs.add(pair)
    for (const [from, to] of [pair, [far, near]] as const) {
      from.on('data', (chunk) => to.write(chunk))
      from.on('error', () => {})
      from.on('close', () => {
        pairs.delete(pair)
        to.destroy()
      })
    }
    if (state === 'silent') hush(pair)
  })
  const hush = (pair: readonly Socket[]) => {
    for (const one of pair) one.pause()
  }
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const near = new URL(url)
  near.host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const drop = () => {
    for (const [one, other] of pairs) for (const socket of [one, other]) socket.destroy()
  }
  return {
    url: near.href,
    cut() {
      state = 'cut'
      drop()
    },
    silence() {
      state = 'silent'
      for (const pair of pairs) hush(pair)
    },
    mend() {
      state = 'open'
      for (const pair of pairs) for (const one of pair) one.resume()
    },
    lead(to) {
      target = new URL(to)
    },
    async close() {
      drop()
      server.close()
      await once(server, 'close')
    },
  }
}

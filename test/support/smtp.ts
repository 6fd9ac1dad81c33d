import type { AddressInfo } from 'node:net'
import { createServer, type Socket } from 'node:net'

export interface ReceivedMail {
  from: string
  to: string[]
  /** Lower-case names, decoded and unfolded. */
  headers: Record<string, string>
  html: string
  text: string
  raw: string
}

/** `last`: said, and then the line is cut. */
type Answer = string | 'cut' | { last: string } | null

export interface SmtpOptions {
  /** Says what is answered to `MAIL`, `RCPT` or the end of `DATA`; null: the usual. `cut` breaks the line after taking the mail. */
  answer?: (command: 'MAIL' | 'RCPT' | 'DATA', nth: number) => Answer | Promise<Answer>
  /** Offers PIPELINING (RFC 2920): the sender then says sender, recipients and DATA in one breath. */
  pipelining?: boolean
  /** Where 0, any free one. */
  port?: number
}

/** A mail server on loopback that speaks as much SMTP (RFC 5321) as a sender needs, and keeps what it takes. */
export async function startSmtp(options: SmtpOptions = {}) {
  const received: ReceivedMail[] = []
  const seen = { MAIL: 0, RCPT: 0, DATA: 0 }
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {}).on('close', () => sockets.delete(socket))
    converse(socket, options.pipelining ?? false, async (command, mail) => {
      seen[command] += 1
      const answer = (await options.answer?.(command, seen[command])) ?? null
      if (mail && (answer === null || answer === 'cut')) received.push(mail)
      return answer
    })
  })
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    port,
    url: `smtp://127.0.0.1:${port}`,
    received,
    seen,
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
export type Smtp = Awaited<ReturnType<typeof startSmtp>>

type Take = (command: 'MAIL' | 'RCPT' | 'DATA', mail?: ReceivedMail) => Promise<Answer>

function converse(socket: Socket, pipelining: boolean, take: Take): void {
  let pending = ''
  let inData = false
  let from = ''
  let to: string[] = []
  const say = (line: string): void => void socket.write(`${line}\r\n`)
  // What was said in one breath is answered one after the other.
  let turn = Promise.resolve()
  const inTurn = (work: () => void | Promise<void>) => {
    turn = turn.then(work)
  }
  const answer = (ask: () => Promise<Answer>, accepted = () => {}) =>
    inTurn(async () => {
      const given = await ask()
      if (given === null) accepted()
      if (given === 'cut') socket.destroy()
      else if (typeof given === 'object' && given !== null) socket.end(`${given.last}\r\n`)
      else say(given ?? '250 2.0.0 Ok')
    })
  const command = (line: string) => {
    const address = /<([^>]*)>/.exec(line)?.[1] ?? ''
    switch (line.slice(0, 4).toUpperCase()) {
      case 'EHLO':
        return inTurn(() => say(pipelining ? '250-test.example\r\n250 PIPELINING' : '250 test.example'))
      case 'HELO':
      case 'RSET':
        return inTurn(() => say('250 test.example'))
      case 'MAIL':
        from = address
        to = []
        return answer(() => take('MAIL'))
      case 'RCPT':
        return answer(
          () => take('RCPT'),
          () => void to.push(address),
        )
      case 'DATA':
        return inTurn(() => {
          inData = to.length > 0
          say(inData ? '354 Go on' : '554 5.5.1 No valid recipients')
        })
      case 'QUIT':
        return inTurn(() => {
          say('221 2.0.0 Bye')
          socket.end()
        })
      default:
        return inTurn(() => say('502 5.5.1 Not here'))
    }
  }
  say('220 test.example ESMTP')
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    pending += chunk
    for (;;) {
      const end = pending.indexOf(inData ? '\r\n.\r\n' : '\r\n')
      if (end < 0) return
      const part = pending.slice(0, end)
      pending = pending.slice(end + (inData ? 5 : 2))
      if (!inData) {
        command(part)
        continue
      }
      inData = false
      answer(() => take('DATA', { from, to, ...parse(part.replaceAll('\r\n..', '\r\n.')) }))
    }
  })
}

function parse(raw: string): Pick<ReceivedMail, 'headers' | 'html' | 'text' | 'raw'> {
  const { headers, body } = split(raw)
  const boundary = /boundary="([^"]+)"/.exec(headers['content-type'] ?? '')?.[1]
  const parts = body
    .split(`--${boundary}`)
    .slice(1, -1)
    .map((part) => split(part.replace(/^\r\n/, '').replace(/\r\n$/, '')))
  const partOf = (type: string) => {
    const part = parts.find((one) => one.headers['content-type']?.startsWith(type))
    return part ? decode(part.body, part.headers['content-transfer-encoding'] ?? '') : ''
  }
  return { headers, html: partOf('text/html'), text: partOf('text/plain'), raw }
}

function split(text: string): { headers: Record<string, string>; body: string } {
  const end = text.indexOf('\r\n\r\n')
  const lines = text
    .slice(0, end)
    .replaceAll(/\r\n[ \t]+/g, ' ')
    .split('\r\n')
  const headers = lines.map((line) => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon).toLowerCase(), words(line.slice(colon + 1).trim())]
  })
  return { headers: Object.fromEntries(headers), body: text.slice(end + 4) }
}

/** Encoded words of a header (RFC 2047). */
const words = (text: string): string =>
  text
    .replaceAll(/\?= =\?/g, '?==?')
    .replaceAll(/=\?utf-8\?([BQ])\?([^?]*)\?=/gi, (_, kind: string, inside: string) =>
      kind.toUpperCase() === 'B'
        ? Buffer.from(inside, 'base64').toString()
        : decode(inside.replaceAll('_', ' '), 'quoted-printable'),
    )

function decode(body: string, encoding: string): string {
  if (encoding === 'base64') return Buffer.from(body, 'base64').toString().replaceAll('\r\n', '\n')
  const plain =
    encoding === 'quoted-printable'
      ? body
          .replaceAll('=\r\n', '')
          .replaceAll(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)))
      : body
  return Buffer.from(plain, 'latin1').toString().replaceAll('\r\n', '\n')
}

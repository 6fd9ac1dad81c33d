import { createTransport } from 'nodemailer'
import { assertNoTransaction } from './db.ts'
import { toAsciiEmail } from './emails.ts'

export interface OutgoingMail {
  /** Without angle brackets; the same at every try, so that a receiver knows a repetition. */
  readonly messageId: string
  /** The name beside our address. */
  readonly fromName: string
  readonly to: string
  readonly subject: string
  readonly html: string
  readonly text: string
  /** Mails of the test mode may go to the sandbox's mailbox; others never do, because it needs no key to be read. */
  readonly isTest: boolean
}

/**
 * `refused`: the receiving server will never take it. `failed`: another try may help; it may also have been taken, when
 * the line broke at the end. `no_way`: nothing is set up that could send it. Reasons hold no link and no password.
 */
export type MailOutcome =
  | { readonly kind: 'sent' }
  | { readonly kind: 'refused' | 'failed' | 'no_way'; readonly reason: string }

export interface Mailer {
  /** The part of Message-IDs after the @. */
  readonly domain: string
  /** Throws nothing that a server says. Asserts that no transaction is open. */
  send(mail: OutgoingMail): Promise<MailOutcome>
}

export interface MailerOptions {
  /** `smtp://` or `smtps://`; null: none. */
  readonly smtpUrl: string | null
  /** The sender's bare address. */
  readonly from: string
  /** Where the sandbox takes mails, for those of the test mode when there is no SMTP server; null: there is none. */
  readonly mailbox: Mailbox | null
}

export interface Mailbox {
  readonly url: string
  /** What opens the sandbox; null: it is open. */
  readonly token: string | null
}

/** For each step of the conversation: connecting, greeting, silence in between. */
const stepTimeoutMs = 15_000
/** For the whole of it, so that a server which trickles does not hold a worker. */
export const sendMaxMs = 45_000
const reasonMaxLength = 300

export function createMailer({ smtpUrl, from, mailbox }: MailerOptions): Mailer {
  const sender = toAsciiEmail(from)
  return {
    domain: sender.slice(sender.lastIndexOf('@') + 1),
    async send(given) {
      assertNoTransaction()
      const mail = { ...given, to: toAsciiEmail(given.to) }
      if (smtpUrl !== null) return await bySmtp(smtpUrl, sender, mail)
      if (mailbox && mail.isTest) return await byMailbox(mailbox, sender, mail)
      return { kind: 'no_way', reason: 'SMTP_URL is not set' }
    },
  }
}

/** `SMTP_URL`, as `readConfig` has checked it, in nodemailer's words. */
export function transportOptions(smtpUrl: string) {
  const url = new URL(smtpUrl)
  const secure = url.protocol === 'smtps:'
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const isLocal = /^(localhost|127\.\d+\.\d+\.\d+|::1)$/.test(host)
  return {
    host,
    port: Number(url.port) || (secure ? 465 : 587),
    secure,
    // A password is never sent in the clear over a network.
    requireTLS: !secure && !isLocal && url.username !== '',
    ...(url.username && { auth: { user: decodeURIComponent(url.username), pass: decodeURIComponent(url.password) } }),
    connectionTimeout: stepTimeoutMs,
    greetingTimeout: stepTimeoutMs,
    socketTimeout: stepTimeoutMs,
    dnsTimeout: stepTimeoutMs,
    // What a mail shows comes from strangers: it must not be able to name a file or an address to be read here.
    disableFileAccess: true,
    disableUrlAccess: true,
  }
}

async function bySmtp(smtpUrl: string, from: string, mail: OutgoingMail): Promise<MailOutcome> {
  const heard = createHearing()
  // One connection a mail: what is heard on it is said of this mail.
  const transport = createTransport({ ...transportOptions(smtpUrl), transactionLog: true, logger: heard.logger })
  const limit = Promise.withResolvers<never>()
  const timer = setTimeout(() => limit.reject(new Error('no end in time')), sendMaxMs)
  try {
    const sending = transport.sendMail({
      messageId: `<${mail.messageId}>`,
      from: { name: oneLine(mail.fromName), address: from },
      // As an object: a text would be read as a list of addresses.
      to: { name: '', address: mail.to },
      subject: oneLine(mail.subject),
      html: mail.html,
      text: mail.text,
      headers: { 'Auto-Submitted': 'auto-generated' },
    })
    await Promise.race([sending, limit.promise])
    return { kind: 'sent' }
  } catch (error) {
    const refusal = heard.findMaybeRefusal()
    if (!hasCode(error) && refusal !== null) return { kind: 'refused', reason: reasonOf(refusal) }
    return { kind: isRefusal(error) ? 'refused' : 'failed', reason: reasonOf(error) }
  } finally {
    clearTimeout(timer)
  }
}

/** A 5xx to the recipient or to the mail itself is for good (RFC 5321, 4.2.1); one to our login or sender is ours to mend. */
function isRefusal(error: unknown): boolean {
  const { responseCode, command } = Object(error) as { responseCode?: number; command?: string }
  return (responseCode ?? 0) >= 500 && (command === 'RCPT TO' || command === 'DATA')
}

const hasCode = (error: unknown): boolean => Number((Object(error) as { responseCode?: number }).responseCode) > 0

/**
 * The server's words, each beside the command that it answers. Where a server offers PIPELINING, the library says sender,
 * recipient and DATA in one breath and decides when the last is answered: a server that refuses the recipient and hangs up
 * is then a broken line to it, and the refusal is lost.
 */
function createHearing() {
  // The first thing that a server says answers no command.
  const asked = ['GREETING']
  let firstFault: { command: string; words: string } | null = null
  const listen = (entry: { tnx?: string }, words: unknown) => {
    if (entry.tnx === 'client') asked.push(String(words).slice(0, 4).toUpperCase())
    if (entry.tnx !== 'server') return
    const command = asked.shift() ?? ''
    if (/^[45]\d\d/.test(String(words)) && /^(MAIL|RCPT|DATA)$/.test(command))
      firstFault ??= { command, words: String(words) }
  }
  const nothing = () => {}
  return {
    logger: { trace: nothing, debug: listen, info: nothing, warn: nothing, error: nothing, fatal: nothing },
    /** What the server said for good of the recipient or the mail; what follows on an earlier fault only repeats it. */
    findMaybeRefusal(): string | null {
      const { command, words } = firstFault ?? { command: '', words: '' }
      return command !== 'MAIL' && words.startsWith('5') ? words : null
    },
  }
}

async function byMailbox({ url, token }: Mailbox, from: string, mail: OutgoingMail): Promise<MailOutcome> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(token !== null && { authorization: `Bearer ${token}` }) },
      body: JSON.stringify({
        message_id: mail.messageId,
        from: `${oneLine(mail.fromName)} <${from}>`,
        to: mail.to,
        subject: oneLine(mail.subject),
        html: mail.html,
        text: mail.text,
      }),
      signal: AbortSignal.timeout(stepTimeoutMs),
    })
    await response.arrayBuffer()
    if (response.ok) return { kind: 'sent' }
    return { kind: 'failed', reason: `the sandbox's mailbox answered ${response.status}` }
  } catch (error) {
    return { kind: 'failed', reason: `the sandbox's mailbox: ${reasonOf(error)}` }
  }
}

/** Servers repeat what they refuse: links, which may open something, are cut out. */
function reasonOf(error: unknown): string {
  const words = error instanceof Error ? error.message : String(error)
  return oneLine(words.replaceAll(/[a-z]+:\/\/\S+/gi, '[link]')).slice(0, reasonMaxLength)
}

const oneLine = (text: string): string => text.replaceAll(/\p{Cc}+/gu, ' ').trim()

import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import type { CredentialField } from '../channels/channel.ts'
import { findChannelMaybe } from '../channels/index.ts'
import { isSandboxCredential } from '../domain/payment-channels/service.ts'
import { UsageError } from './usage.ts'

/**
 * The fields of a channel's credentials. A secret never stands among the arguments, where every user of the machine and
 * the shell's history see it: it is read as JSON from standard input or a file, or asked for without an echo.
 */
export interface FieldSources {
  readonly set: readonly string[]
  /** `-` behind the slug. */
  readonly fromStdin: boolean
  readonly fromFile: string | undefined
}

interface Terminal {
  readonly input: NodeJS.ReadableStream & { isTTY?: boolean }
  readonly output: NodeJS.WritableStream
}

export async function readFields(
  slug: string,
  { set, fromStdin, fromFile }: FieldSources,
  terminal: Terminal = { input: process.stdin, output: process.stderr },
): Promise<Record<string, string>> {
  const known = findChannelMaybe(slug)?.credentialFields ?? []
  const given = pairsOf(set)
  refuseSecrets(given, known)
  if (fromStdin && fromFile !== undefined) throw new UsageError('Either - or --from-file, not both')
  if (fromFile !== undefined) return { ...given, ...parseFields(readFile(fromFile), `the file ${fromFile}`) }
  if (fromStdin) return { ...given, ...parseFields(await readAll(terminal.input), 'standard input') }
  const missing = known.filter(({ name, secret, required }) => secret && required && given[name] === undefined)
  if (missing.length === 0 || !terminal.input.isTTY) return given
  return { ...given, ...(await ask(missing, terminal)) }
}

function pairsOf(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=')
      // Without the text: it may be a secret with its name forgotten.
      if (at < 1) throw new UsageError('--set takes field=value')
      return [pair.slice(0, at), pair.slice(at + 1)]
    }),
  )
}

function refuseSecrets(given: Readonly<Record<string, string>>, known: readonly CredentialField[]): void {
  // Of a sandbox account everything is a sample: its other secrets may stand beside the key that says so.
  if (known.some(({ name, use }) => use === 'account' && isSandboxCredential(given[name] ?? ''))) return
  const field = known.find(({ name, secret }) => secret && given[name] !== undefined)
  if (!field) return
  throw new UsageError(
    `${field.name} is a secret, and arguments are seen by others and kept in the shell's history. Give it as JSON, {"${field.name}": "…"}, on standard input (put - behind the channel's name) or with --from-file <file>, or leave it out and be asked for it. Take a new one at the provider if this one was real`,
  )
}

function readFile(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new UsageError(`--from-file cannot be read: ${(error as Error).message}`)
  }
}

const inputMaxBytes = 64 * 1024

async function readAll(input: NodeJS.ReadableStream): Promise<string> {
  let text = ''
  for await (const chunk of input.setEncoding('utf8')) {
    text += chunk
    if (text.length > inputMaxBytes) throw new UsageError('Standard input is too long')
  }
  return text
}

/** Its errors show nothing of the text. */
function parseFields(text: string, where: string): Record<string, string> {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    parsed = null
  }
  const isObject = typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)
  if (isObject && Object.values(parsed as object).every((value) => typeof value === 'string')) {
    return parsed as Record<string, string>
  }
  throw new UsageError(`${where} must hold one JSON object of texts, such as {"secret_key": "sk_…"}`)
}

/** On a terminal, in raw mode without an echo. */
async function ask(fields: readonly CredentialField[], { input, output }: Terminal): Promise<Record<string, string>> {
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  const terminal = createInterface({ input, output: silent, terminal: true })
  // Ctrl-C is a character while the terminal is read raw.
  terminal.once('SIGINT', () => process.exit(130))
  // Lines that were pasted together wait for their question.
  const lines = terminal[Symbol.asyncIterator]()
  const answers: Record<string, string> = {}
  try {
    for (const { label, where } of fields) output.write(`${label}: ${where}\n`)
    for (const { name, label } of fields) {
      output.write(`${label} (${name}, not shown): `)
      const { value } = await lines.next()
      answers[name] = String(value ?? '').trim()
      output.write('\n')
    }
  } finally {
    terminal.close()
  }
  return answers
}

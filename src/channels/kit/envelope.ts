import { ChannelError, type ChannelTransport } from '../channel.ts'
import { type Exchange, exchange, garbage, type Json, objectOf } from './exchange.ts'
import { redact, redactText } from './redact.ts'

/**
 * Providers that put every answer into an envelope: a verdict on the call (never on the payment), words, and the data.
 * One place decides what a verdict means beside an HTTP status, so that no adapter takes a refusal for an answer.
 */
export interface Envelope {
  /** What the envelope says of the call; null: nothing that is documented. */
  verdict(body: Json): 'done' | 'refused' | null
  wordsOf(body: Json): unknown
  dataOf(body: Json): unknown
  /** Words of a refusal that mean a wrong key, for providers that do not say so by 401 alone. */
  readonly wrongKey: RegExp
}

/** The data of an answer, to be translated. */
export interface Opened<Data = unknown> {
  readonly data: Data
  /** What the translation makes of the data; throws `garbage` where that is null. */
  read<T>(translate: (data: Data) => T | null): T
  /** The error for an answer that is not what this call needs. */
  garbage(): ChannelError
}

export const opened = <Data>(data: Data, garbage: () => ChannelError): Opened<Data> => ({
  data,
  garbage,
  read(translate) {
    const read = translate(data)
    if (read === null) throw garbage()
    return read
  },
})

/**
 * One call of a provider with an envelope. Throws `ChannelError` as `exchange` does, and further:
 *
 * | envelope | HTTP | reason | outcome if the call moves money |
 * | --- | --- | --- | --- |
 * | refused | 4xx | refused, or unauthorised by its words | rejected |
 * | refused | 2xx | the same | unknown: no proof that nothing moved |
 * | done | 4xx | garbage | unknown |
 * | none | any | garbage | unknown |
 */
export async function callEnvelope(
  transport: ChannelTransport,
  call: Exchange,
  { verdict, wordsOf, dataOf, wrongKey }: Envelope,
): Promise<Opened> {
  const { status, body } = await exchange(transport, call)
  const unreadable = () => garbage(call, status, redact(body, call.secrets))
  const said = verdict(body)
  if (said === null || (said === 'done' && status >= 400)) throw unreadable()
  if (said === 'done') return opened(dataOf(body), unreadable)
  const words = wordsOf(body)
  const message = typeof words === 'string' ? words.trim() : ''
  throw new ChannelError(`${call.provider} refused: ${redactText(message, call.secrets) || 'no reason given'}`, {
    outcome: call.moves && status < 400 ? 'unknown' : 'rejected',
    reason: wrongKey.test(message) ? 'unauthorised' : 'refused',
    status,
    answer: redact(body, call.secrets),
  })
}

/** The provider turned the call away before doing anything; its answer. Null for every other failure. */
export function refusalOf(error: unknown): { error: ChannelError; answer: Json } | null {
  if (!(error instanceof ChannelError) || error.reason !== 'refused' || error.outcome !== 'rejected') return null
  return { error, answer: objectOf(error.answer) ?? {} }
}

/** The same refusal where money may have moved all the same: the reference was used before. */
export function asUnknown({ message, reason, status, answer }: ChannelError): ChannelError {
  return new ChannelError(message, { outcome: 'unknown', reason, status, answer })
}

/** `read`, where not finding is an answer too. */
export async function orUnknown<T>(read: Promise<T>, isUnknown: (error: unknown) => boolean, unknown: T): Promise<T> {
  try {
    return await read
  } catch (error) {
    if (isUnknown(error)) return unknown
    throw error
  }
}
